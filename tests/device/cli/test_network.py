"""The `offbook` command between a device and a server that is not there, is another one, or can be listened in on."""

from __future__ import annotations

from pathlib import Path

import pytest

from offbook import Replica
from tests.device.http_server import NOT_YOU
from tests.device.scripted_servers import odd_server, says
from tests.support.cli_runner import Device

OFFLINE, NOT_AUTHORIZED, FAILED = 3, 4, 1

SIGN_IN = b"<!doctype html><title>Sign in to use this network</title>"


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "book.db")


@pytest.mark.parametrize(
    ("status", "body", "code", "error", "words"),
    [
        ("401 Unauthorized", NOT_YOU, NOT_AUTHORIZED, "not_authorized", "does not know this token"),
        ("401 Unauthorized", b"", FAILED, "not_offbook", "need not be replaced"),
        ("403 Forbidden", SIGN_IN, FAILED, "not_offbook", "need not be replaced"),
        ("200 OK", SIGN_IN, FAILED, "not_offbook", "open a page in a browser"),
        ("302 Found", SIGN_IN, FAILED, "not_offbook", "sends elsewhere to http://login.example/"),
        ("404 Not Found", b"nothing", FAILED, "not_offbook", "no offbook server at this address"),
        ("413 Content Too Large", b"", FAILED, "not_offbook", "its limit should be 16 MiB"),
        ("502 Bad Gateway", SIGN_IN, FAILED, "not_offbook", "does not reach it"),
    ],
)
def test_what_answered_in_the_servers_place_is_told_and_nothing_is_lost(
    status: str, body: bytes, code: int, error: str, words: str, device: Device
) -> None:
    with odd_server(says(status, body, "Location: http://login.example/?token=x")) as (url, _):
        assert device("init", "--server", url, typed="ob_token").code == 0
        device("add", "Ada")
        answer, as_json = device("sync"), device("sync", "--json")
    assert (answer.code, as_json.code, as_json.json["error"]) == (code, code, error)
    said = " ".join((answer.out + answer.err).split())
    assert words in said
    assert error == "not_authorized" or f"{url}/sync answered {status.split()[0]}" in said
    waiting = device("status", "--json").json
    assert (waiting["pending"], waiting["parked"], waiting["server"]) == (1, 0, url)


def test_a_proxy_that_fails_is_told_each_time_and_is_offline(device: Device) -> None:
    device("init", "--server", "http://offbook.test", typed="ob_token")
    device("add", "Ada")
    with Replica(device.file) as book:
        book.connection.execute("UPDATE sync_state SET last_success_ms = 1795000000000")
    answer = device.really("sync", http_proxy="http://me:secret@127.0.0.1:1", no_proxy="")
    assert answer.code == OFFLINE
    first, second = answer.out.splitlines()
    assert first == "Offline: 1 change waits; it goes out with the next sync."
    assert second.startswith("The proxy http://127.0.0.1:1, ")
    assert "secret" not in answer.out + answer.err


@pytest.mark.parametrize("server", ["http://contacts.example", "http://192.168.1.20:5000"])
def test_a_token_that_can_be_read_on_its_way_is_warned_of(server: str, device: Device) -> None:
    for answer in (device("init", "--server", server, typed="ob_token"), device("status")):
        (warning,) = [line for line in answer.out.splitlines() if line.startswith("Warning: ")]
        assert "without encryption" in warning
        assert "https://" in warning
    assert "without encryption" in device("status", "--json").json["warning"]
    with Replica(device.file) as book:
        assert "without encryption" in str(book.status().warning)


@pytest.mark.parametrize("server", ["https://contacts.example", "http://localhost:5000", "http://127.0.0.1:5000", None])
def test_a_token_that_nobody_can_read_on_its_way_is_not(server: str | None, device: Device) -> None:
    words = ("--server", server) if server else ()
    assert "Warning" not in device("init", *words, typed="ob_token").out + device("status").out
    assert device("status", "--json").json["warning"] is None
