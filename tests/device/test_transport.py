"""HTTP: what goes over the wire, and which errors the network's become."""

from __future__ import annotations

import gzip
import os
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from offbook import HTTP, NotAuthorized, Offline, Replica, ServerFault, SyncError
from offbook.sync.http import transport
from tests.device.fake_server import Server
from tests.device.http_server import TOKEN, House, serving
from tests.device.scripted_servers import HEAD, Talk, Visitor, odd_server, says

MIB = 1024 * 1024


@pytest.fixture
def house(server: Server) -> Iterator[House]:
    with serving(server) as house:
        yield house


def replica(path: Path, house: House, token: str = TOKEN) -> Replica:
    return Replica(path, server=house.url + "/", token=token)


def test_a_replica_syncs_over_http_packed_both_ways(tmp_path: Path, house: House, server: Server) -> None:
    with replica(tmp_path / "a.db", house) as a:
        for number in range(20):
            a.contacts.add(name=str(number))
        assert a.sync().pushed == 20
    assert len(server.contacts) == 20
    first, second = house.seen
    assert (first["path"], first["Offbook-Protocol"], first.get("Content-Encoding")) == ("/sync", "1", None)
    assert (second["Content-Encoding"], second["Accept-Encoding"]) == ("gzip", "gzip")
    assert second["Content-Type"] == "application/json"


def test_the_server_and_the_token_are_remembered(tmp_path: Path, house: House) -> None:
    replica(tmp_path / "a.db", house).close()
    with Replica(tmp_path / "a.db") as a:
        a.sync()
        assert a.status().server == house.url + "/"


def test_a_wrong_token_pauses_and_a_new_one_goes_on(tmp_path: Path, house: House, server: Server) -> None:
    with replica(tmp_path / "a.db", house, "ob_wrong") as a:
        a.contacts.add(name="Ada")
        with pytest.raises(NotAuthorized):
            a.sync()
        a.set_server(token=TOKEN)
        assert a.sync().pushed == 1


def test_a_netrc_file_does_not_take_the_tokens_place(
    tmp_path: Path, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with replica(tmp_path / "a.db", house) as a:
        a.sync()


def test_a_server_that_is_not_there_is_offline(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Offline, match="can't be reached"):
            HTTP(f"http://127.0.0.1:{taken.getsockname()[1]}", TOKEN).send("POST", "/sync", b"", {})


def test_a_server_that_hangs_is_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS_MAX", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Offline, match="can't be reached"):
        HTTP(f"http://127.0.0.1:{silent.getsockname()[1]}", TOKEN).send("POST", "/sync", b"", {})


def test_an_answer_that_is_cut_short_is_offline(house: House) -> None:
    house.body, house.headers = b"x", {"Connection": "close"}
    with pytest.raises(Offline):
        send(house)


def test_an_answer_that_only_says_it_is_packed_is_a_fault(house: House) -> None:
    house.body = b"x" * 100_000
    with pytest.raises(ServerFault, match="packed"):
        send(house)


def test_an_answer_without_end_is_a_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES_MAX", 10)
    with pytest.raises(ServerFault, match="larger"):
        send(house)


def trickled_head(visitor: Visitor) -> None:
    visitor.request()
    visitor.say(HEAD + b"X-Slow: ")
    visitor.trickle(b"x")


def trickled_heads(visitor: Visitor) -> None:
    visitor.request()
    visitor.trickle(b"HTTP/1.1 100 Continue\r\n\r\n")


def trickled_body(visitor: Visitor) -> None:
    visitor.request()
    visitor.say(HEAD + b"Content-Length: 1000000\r\n\r\n")
    visitor.trickle(b" ")


def trickled_chunks(visitor: Visitor) -> None:
    visitor.request()
    visitor.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    visitor.trickle(b"1\r\n \r\n")


def trickled_trailers(visitor: Visitor) -> None:
    visitor.request()
    visitor.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    visitor.trickle(b"X-Slow: x\r\n")


def trickled_pack(visitor: Visitor) -> None:
    visitor.request()
    visitor.say(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 1000000\r\n\r\n" + gzip.compress(b"")[:10])
    visitor.trickle(b"\0\0\0\xff\xff")


def reads_nothing(visitor: Visitor) -> None:
    visitor.wait()


@pytest.mark.parametrize(
    ("talk", "size"),
    [
        *((trickled_head, 2), (trickled_heads, 2), (trickled_body, 2), (trickled_chunks, 2), (trickled_trailers, 2)),
        *((trickled_pack, 2), (reads_nothing, 8 * MIB)),
    ],
)
def test_a_request_has_an_end_however_its_answer_trickles(
    talk: Talk, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS_MAX", 0.2)
    began = time.monotonic()
    with odd_server(talk) as (url, _), closing(HTTP(url, TOKEN)) as http:
        with pytest.raises(Offline, match=r"127\.0\.0\.1:[0-9]+ takes longer than 0\.2 seconds"):
            http.send("POST", "/sync", os.urandom(size), {})
        assert time.monotonic() - began < 8


def test_the_time_of_a_request_begins_anew_with_each(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS_MAX", 5.0)
    with closing(HTTP(house.url, TOKEN)) as http:
        http.send("POST", "/sync", b"{}", {})
        monkeypatch.setattr(transport, "REQUEST_SECONDS_MAX", -1.0)
        with pytest.raises(Offline, match="takes longer"):
            http.send("POST", "/sync", b"{}", {})
        monkeypatch.setattr(transport, "REQUEST_SECONDS_MAX", 5.0)
        assert http.send("POST", "/sync", b"{}", {}).status == 200


def test_a_name_that_is_looked_up_for_ever_holds_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Event()

    def look_up(*args: object, **options: object) -> list[object]:
        known.wait()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(transport, "REQUEST_SECONDS_MAX", 0.1)
    with closing(HTTP("http://offbook.test", TOKEN)) as http:
        with pytest.raises(Offline, match=r"offbook\.test takes longer"):
            http.send("POST", "/sync", b"", {})
        known.set()


def test_a_bomb_is_unpacked_no_further_than_an_answer_may_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_BYTES_MAX", 4 * MIB)
    bomb = gzip.compress(bytes(64 * MIB))
    with odd_server(says("200 OK", bomb, "Content-Encoding: gzip")) as (url, _), closing(HTTP(url, TOKEN)) as http:
        tracemalloc.start()
        try:
            with pytest.raises(ServerFault, match="larger than 4 MiB"):
                http.send("POST", "/sync", b"{}", {})
            assert tracemalloc.get_traced_memory()[1] < 16 * MIB
        finally:
            tracemalloc.stop()


def test_a_redirect_is_not_followed(house: House) -> None:
    """The token is not to go elsewhere."""
    house.headers = {"Location": "http://127.0.0.1:1/"}
    house.status = 307
    assert send(house).status == 307
    assert len(house.seen) == 1


def send(house: House) -> transport.Response:
    return HTTP(house.url, TOKEN).send("POST", "/sync", b"{}", {})


@pytest.mark.parametrize("server", ["localhost:5000", "ftp://there", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_says_so(server: str) -> None:
    with pytest.raises(Offline, match="not the address of a server"):
        HTTP(server, TOKEN)


@pytest.mark.parametrize(
    "server", ["http://[", "http://:5000", "http://a:b:c", "http://" + "a" * 300, "http://\u2603\u0338"]
)
def test_an_address_that_leads_nowhere_is_offline(server: str) -> None:
    with closing(HTTP(server, TOKEN)) as http, pytest.raises(Offline, match="can't be reached"):
        http.send("POST", "/sync", b"", {})


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "straße"])
def test_a_token_that_is_none_says_so(token: str) -> None:
    with pytest.raises(NotAuthorized, match="Copy it again"):
        HTTP("http://there", token)


def test_without_a_server_a_sync_says_what_is_missing(tmp_path: Path) -> None:
    with Replica(tmp_path / "a.db") as a:
        with pytest.raises(SyncError, match="no server yet"):
            a.sync()
        a.set_server("http://localhost:5000")
        with pytest.raises(SyncError, match="no token yet"):
            a.sync()
