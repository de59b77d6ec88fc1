"""HTTP: what goes over the wire, and which errors the network's become."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from offbook import HTTP, NotAuthorized, Offline, Replica, ServerFault, transport
from tests.replica.http import TOKEN, House, serving
from tests.replica.serving import Server


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


def test_an_answer_that_trickles_is_offline(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_SECONDS_MAX", -1.0)
    with pytest.raises(Offline, match="too long"):
        send(house)


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


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "straße"])
def test_a_token_that_is_none_says_so(token: str) -> None:
    with pytest.raises(NotAuthorized, match="Copy it again"):
        HTTP("http://there", token)


def test_without_a_server_a_sync_says_what_is_missing(tmp_path: Path) -> None:
    with Replica(tmp_path / "a.db") as a:
        with pytest.raises(transport.Offline.__base__, match="no server yet"):
            a.sync()
        a.set_server("http://localhost:5000")
        with pytest.raises(transport.Offline.__base__, match="no token yet"):
            a.sync()
