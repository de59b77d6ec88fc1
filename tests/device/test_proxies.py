"""Proxies that the environment names: never for this machine, and named where they fail, without their password."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from offbook import HTTP, NoLive, NotOffbook, Offline, ProxyFault, Replica
from offbook.core.connection import SECONDS
from offbook.live.websocket import Channel
from tests.device.fake_server import Server
from tests.device.http_server import TOKEN, House, serving
from tests.device.scripted_servers import Visitor, answer, odd_server, says

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "socks_proxy", "ws_proxy", "wss_proxy")


@pytest.fixture
def house(server: Server) -> Iterator[House]:
    with serving(server) as house:
        yield house


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def through(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """The proxy, with a user and a password, in every variable that names one."""
    for name in VARIABLES:
        monkeypatch.setenv(name, proxy.replace("://", "://me:secret@"))


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def send(server: str) -> None:
    with closing(HTTP(server, TOKEN)) as http:
        http.send("POST", "/sync", b"{}", {})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::ffff:127.0.0.1]"])
def test_a_server_on_this_machine_is_reached_without_a_proxy(
    host: str, tmp_path: Path, house: House, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    through(monkeypatch, nowhere)
    with Replica(tmp_path / "a.db", server=house.url.replace("127.0.0.1", host), token=TOKEN) as a:
        a.contacts.add(name="Ada")
        assert a.sync().pushed == 1


def unknown(*args: object, **options: object) -> list[object]:
    raise socket.gaierror(socket.EAI_NONAME, "not known")


def test_a_server_elsewhere_is_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with odd_server(says("200 OK", b"{}")) as (proxy, asked):
        through(monkeypatch, proxy)
        send("http://offbook.test")
        monkeypatch.setenv("no_proxy", "offbook.test")
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        with pytest.raises(Offline, match=r"^http://offbook\.test can't be reached"):
            send("http://offbook.test")
    assert asked == ["POST http://offbook.test/sync HTTP/1.1"]


@pytest.mark.parametrize("server", ["http://offbook.test", "https://offbook.test"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_a_proxy_that_fails_is_named_without_its_password(
    scheme: str, server: str, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = nowhere.replace("http", scheme)
    through(monkeypatch, proxy)
    with pytest.raises(
        ProxyFault, match=f"^The proxy {proxy}, .* names for {server}, can't be used .*no_proxy"
    ) as caught:
        send(server)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["me:secret@127.0.0.1:1", "http://me:se/cret@127.0.0.1:1", "http://me:secret@:1"])
def test_a_proxy_in_an_odd_form_does_not_give_its_password_away(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(Offline) as caught:
        send("http://offbook.test")
    assert "cret" not in str(caught.value)


def test_what_a_proxy_says_itself_is_told_as_the_proxys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with odd_server(says("407 Proxy Authentication Required", b"<html>")) as (proxy, _):
        through(monkeypatch, proxy)
        a = Replica(tmp_path / "a.db", server="http://offbook.test", token=TOKEN)
        with a, pytest.raises(NotOffbook) as caught:
            a.sync()
        with pytest.raises(ProxyFault, match="407"):
            send("https://offbook.test")
    told = str(caught.value)
    assert f"http://offbook.test/sync (through the proxy {proxy}) answered 407" in told
    assert "secret" not in told


def opened(server: str) -> object:
    """What becomes of a live channel to this server."""
    with closing(Channel(SECONDS)) as channel:
        channel.open(server, TOKEN, "e1.5", "0" * 16)
        return channel.wait(10, lambda: False)


def refuses(visitor: Visitor) -> None:
    visitor.request()
    visitor.say(answer("403 Forbidden", b"<html>"))


def test_the_live_channel_of_this_machine_is_opened_without_a_proxy(
    nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    through(monkeypatch, nowhere)
    with odd_server(says("404 Not Found", b"")) as (url, asked):
        said = opened(url)
    assert isinstance(said, NoLive)
    assert f"{url.replace('http', 'ws')}/live answered 404" in str(said)
    assert asked == ["GET /live?since=e1.5 HTTP/1.1"]


def test_the_proxy_of_a_live_channel_is_named_where_it_fails(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    through(monkeypatch, nowhere)
    monkeypatch.delenv("socks_proxy")
    for server in ("http://offbook.test", "https://offbook.test"):
        said = opened(server)
        assert isinstance(said, NoLive)
        assert f"The proxy {nowhere}, " in str(said)
        assert "offbook.test" in str(said)
        assert "secret" not in str(said)
    with odd_server(refuses) as (proxy, asked):
        through(monkeypatch, proxy)
        monkeypatch.delenv("socks_proxy")
        said = opened("http://offbook.test")
    assert isinstance(said, NoLive)
    assert f"The proxy {proxy}, " in str(said)
    assert "403" in str(said)
    assert asked == ["CONNECT offbook.test:80 HTTP/1.1"]


@pytest.mark.parametrize("proxy", ["socks5://me:secret@127.0.0.1:1", "ftp://me:secret@127.0.0.1:1", "http://secret@x"])
def test_a_proxy_that_the_live_channel_can_not_use_is_named(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    said = opened("https://offbook.test")
    assert isinstance(said, NoLive)
    assert "The proxy " in str(said)
    assert "secret" not in str(said)
