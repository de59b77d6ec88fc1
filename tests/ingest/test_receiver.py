"""An ingest beside a real server: what arrives, what breaks, and what it says of that."""

from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection

from offbook.ingest.errors import StreamRefused, Unauthorized
from offbook.ingest.settings import MIB
from tests.ingest.feed_server import (
    QUICK,
    SECONDS_MAX,
    Ingesting,
    cut,
    feed,
    gaps,
    port_of,
    raw_feed,
    rows,
    saying,
    until_closed,
    until_gone,
    wait_until,
    welcome,
)

SMALL = replace(QUICK, message_bytes_max=1000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stream.db"


# --- what arrives ----------------------------------------------------------------------------------------------------


def test_text_is_stored_as_text_and_what_is_binary_as_a_blob(path: Path) -> None:
    with feed(saying("Grüße\x00!", b"\x00\xff", "", b"")) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        running.stop(having=4)
    assert rows(path) == ["Grüße\x00!", b"\x00\xff", "", b""]
    assert rows(path, "SELECT typeof(payload) FROM stream_data ORDER BY id") == ["text", "blob", "text", "blob"]


def test_a_message_that_comes_alone_is_on_the_disk_at_once(path: Path) -> None:
    """Only what comes soon after it waits for company."""
    go_on, sent = threading.Event(), threading.Event()

    def handler(connection: ServerConnection) -> None:
        connection.send("alone")
        assert go_on.wait(SECONDS_MAX)
        connection.send("soon after")
        sent.set()
        until_closed(connection)

    with feed(handler) as url, Ingesting(url, path, replace(QUICK, batch_seconds=600.0)) as running:
        running.wait_for("connected")
        wait_until(lambda: rows(path) == ["alone"])
        go_on.set()
        assert sent.wait(SECONDS_MAX)
        assert running.stop() == 2


def test_a_message_in_many_fragments_is_one(path: Path) -> None:
    def handler(connection: ServerConnection) -> None:
        connection.send(["a", "b", "c"])
        until_closed(connection)

    with feed(handler) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        running.stop(having=1)
    assert rows(path) == ["abc"]


def test_all_that_was_sent_until_the_goodbye_is_stored_in_its_order(path: Path) -> None:
    """The server goes on sending until it sees that we leave."""
    sent: list[str] = []
    enough = threading.Event()

    def handler(connection: ServerConnection) -> None:
        while True:
            connection.send(str(len(sent)))
            sent.append(str(len(sent)))
            if len(sent) == 3_000:
                enough.set()

    settings = replace(QUICK, batch_messages_max=100, close_seconds=SECONDS_MAX)
    with feed(handler) as url, Ingesting(url, path, settings) as running:
        assert enough.wait(SECONDS_MAX)
        stored = running.stop()
    assert len(sent) == stored >= 3_000
    assert rows(path) == sent


def test_the_file_counts_messages_in_all_and_by_second(path: Path) -> None:
    with feed(saying("a", "b", "c")) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        running.stop(having=3)
    assert rows(path, "SELECT messages FROM stream") == [3]
    assert rows(path, "SELECT sum(messages) FROM stream_rate") == [3]
    by_second = "SELECT count(*) FROM stream_data GROUP BY strftime('%s', timestamp) ORDER BY 1"
    assert rows(path, by_second) == rows(path, "SELECT messages FROM stream_rate ORDER BY 1")


def test_what_is_to_be_said_is_said_after_each_connecting(path: Path) -> None:
    def echo(connection: ServerConnection) -> None:
        connection.send(f"you said {connection.recv(decode=True)} and {connection.recv(decode=True)}")
        cut(connection)

    with feed(echo) as url, Ingesting(url, path, greetings=("subscribe", "all")) as running:
        for _ in range(2):
            running.wait_for("away")
    assert rows(path)[:2] == ["you said subscribe and all"] * 2


# --- away, and back --------------------------------------------------------------------------------------------------


def test_a_server_that_was_killed_and_came_back_leaves_a_gap_with_both_its_ends(path: Path) -> None:
    with ExitStack() as server:
        url = server.enter_context(feed(saying("before", "it")))
        with Ingesting(url, path) as running:
            wait_until(lambda: running.wait_for("status")["messages"] == 2)
            server.close()
            running.wait_for("away")
            with feed(saying("after"), port=port_of(url)):
                running.wait_for("connected")
                running.stop(having=3)
    first, last = gaps(path)
    assert first == ("The connection broke off.", 2, True)
    assert last == ("The ingest was stopped.", 3, False)
    before, began, ended, after = rows(path, BOUNDS)[0]
    assert before <= began < ended <= after


BOUNDS = """SELECT (SELECT timestamp FROM stream_data WHERE id = 2), began_at, ended_at,
  (SELECT timestamp FROM stream_data WHERE id = 3) FROM stream_gaps WHERE id = 1"""


def test_a_server_that_is_not_there_is_tried_until_it_is(path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with Ingesting(f"ws://127.0.0.1:{port}", path) as running:
        for _ in range(3):
            assert running.wait_for("away")["reason"] == "It can't be reached: Connection refused."
        with feed(saying("at last"), port=port):
            running.wait_for("connected")
            running.stop(having=1)
    assert rows(path) == ["at last"]
    assert gaps(path)[0] == ("It can't be reached: Connection refused.", 0, True)


def test_a_goodbye_of_the_server_is_told_with_its_reason(path: Path) -> None:
    def handler(connection: ServerConnection) -> None:
        connection.close(1012, "back in a minute")

    with feed(handler) as url, Ingesting(url, path) as running:
        assert running.wait_for("away")["reason"] == "It closed the connection with 1012: back in a minute."
        running.wait_for("connected")


def test_a_line_that_is_dead_is_noticed_by_its_pings_and_the_gap_begins_where_it_was_surely_alive(path: Path) -> None:
    """A server that accepts, and then neither speaks nor answers."""
    settings = replace(QUICK, ping_seconds=0.1, close_seconds=0.05)

    def deaf(taken: socket.socket) -> None:
        welcome(taken)
        until_gone(taken)

    with raw_feed(deaf) as url, Ingesting(url, path, settings) as running:
        running.wait_for("connected")
        assert running.wait_for("away")["reason"] == "It answered no ping for 0.1 seconds."
        running.wait_for("connected")
    alive = "SELECT (julianday(ended_at) - julianday(began_at)) * 86400 FROM stream_gaps WHERE id = 1"
    assert rows(path, alive)[0] > 0.19


def test_a_server_that_accepts_and_never_answers_is_left_in_time(path: Path) -> None:
    settings = replace(QUICK, open_seconds=0.1)
    with raw_feed(until_gone) as url, Ingesting(url, path, settings) as running:
        assert running.wait_for("away")["reason"] == "No answer within 0.1 seconds."


def test_an_end_is_not_kept_waiting_by_a_server_that_never_answers(path: Path) -> None:
    called = threading.Event()

    def never(taken: socket.socket) -> None:
        called.set()
        until_gone(taken)

    with raw_feed(never) as url, Ingesting(url, path, replace(QUICK, open_seconds=600)) as running:
        assert called.wait(SECONDS_MAX)
        assert running.stop() == 0


# --- what is no message ----------------------------------------------------------------------------------------------


def test_a_message_that_is_too_large_is_refused_and_what_comes_later_is_stored(path: Path) -> None:
    first = iter([True])

    def handler(connection: ServerConnection) -> None:
        connection.send("x" * 1001 if next(first, False) else "small enough")
        until_closed(connection)

    with feed(handler) as url, Ingesting(url, path, replace(SMALL, message_bytes_max=1000)) as running:
        told = running.wait_for("away")["reason"]
        running.wait_for("connected")
        running.stop(having=1)
    assert told == f"It sent a message of more than {1000 / MIB:g} MiB, which was refused."
    assert rows(path) == ["small enough"]


def test_a_message_as_large_as_may_be_is_stored(path: Path) -> None:
    with feed(saying("x" * 1000)) as url, Ingesting(url, path, SMALL) as running:
        running.wait_for("connected")
        running.stop(having=1)
    assert rows(path) == ["x" * 1000]


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    """A kilobyte on the wire, a megabyte in memory."""
    settings = replace(SMALL, unpack=True, message_bytes_max=2_000)
    with feed(saying("x" * MIB), compression="deflate") as url, Ingesting(url, path, settings) as running:
        assert "which was refused" in running.wait_for("away")["reason"]
    assert rows(path) == []


def test_what_is_packed_is_unpacked_where_that_was_allowed(path: Path) -> None:
    settings = replace(SMALL, unpack=True)
    with feed(saying("x" * 900), compression="deflate") as url, Ingesting(url, path, settings) as running:
        running.wait_for("connected")
        running.stop(having=1)
    assert rows(path) == ["x" * 900]


def test_compression_is_not_even_offered_where_it_was_not_allowed(path: Path) -> None:
    asked: list[str | None] = []

    def handler(connection: ServerConnection) -> None:
        asked.append(connection.request.headers.get("Sec-WebSocket-Extensions") if connection.request else "")
        until_closed(connection)

    with feed(handler, compression="deflate") as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        running.stop()
    assert asked == [None]


def packed() -> bytes:
    data = zlib.compress(b"x" * 100, wbits=-15)
    return bytes([0b1100_0001, len(data)]) + data


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (b"\x83\x00", "It broke the rules of WebSocket."),
        (b"\x81\x81\x00\x00\x00\x00x", "It broke the rules of WebSocket."),
        (b"\x80\x01x", "It broke the rules of WebSocket."),
        (packed(), "It broke the rules of WebSocket."),
        (b"\x81\x02\xc3\x28", "It sent a text that is not UTF-8."),
        (b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "which was refused."),
        (b"\x82\x7fgarbages", "which was refused."),
        (b"\x81\x05only", "The connection broke off."),
    ],
    ids=["opcode", "masked", "continuation", "packed", "utf-8", "endless", "garbage", "half"],
)
def test_what_is_no_frame_ends_the_connection_and_not_the_ingest(path: Path, frame: bytes, told: str) -> None:
    first = iter([b"\x81\x05first" + frame])

    def handler(taken: socket.socket) -> None:
        welcome(taken)
        taken.sendall(next(first, b"\x81\x04then"))
        taken.shutdown(socket.SHUT_WR)
        until_gone(taken)

    with raw_feed(handler) as url, Ingesting(url, path, SMALL) as running:
        assert running.wait_for("away")["reason"].endswith(told)
        running.wait_for("away")
        running.stop()
    assert rows(path)[:2] == ["first", "then"]


# --- who does not let us in ------------------------------------------------------------------------------------------


def answering(*statuses: int) -> Callable[[ServerConnection, Request], Response | None]:
    """Answers these, one after the other, and then lets everyone in."""
    left = list(statuses)

    def process(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(HTTPStatus(left.pop(0)), "no") if left else None

    return process


@pytest.mark.parametrize(
    ("status", "kind", "told"),
    [
        (404, StreamRefused, "It answered 404 Not Found: check the URL."),
        (400, StreamRefused, "It answered 400 Bad Request: check the URL."),
        (401, Unauthorized, "It answered 401 Unauthorized: it wants a token, or another one. See --header."),
        (403, Unauthorized, "It answered 403 Forbidden: it wants a token, or another one. See --header."),
        (200, StreamRefused, "It answered 200 OK: check the URL."),
    ],
)
def test_an_answer_that_another_try_would_not_change_ends_it_with_a_sentence(
    path: Path, status: int, kind: type[Exception], told: str
) -> None:
    with feed(saying(), process_request=answering(status)) as url, Ingesting(f"{url}/feed?key=secret", path) as running:
        running.stop_by_itself()
    assert type(running.error) is kind
    assert str(running.error) == f"{url}/feed?key=…: {told}"


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_an_answer_that_may_change_is_waited_out(path: Path, status: int) -> None:
    with feed(saying("x"), process_request=answering(status)) as url, Ingesting(url, path) as running:
        assert f"It answered {status}" in running.wait_for("away")["reason"]
        running.wait_for("connected")


def test_once_it_was_let_in_a_refusal_is_waited_out_too(path: Path) -> None:
    """A server that is being replaced answers 404 for a while."""

    def handler(connection: ServerConnection) -> None:
        connection.close()

    def process(connection: ServerConnection, request: Request) -> Response | None:
        seen.append(request)
        return connection.respond(HTTPStatus.NOT_FOUND, "no") if len(seen) == 2 else None

    seen: list[Request] = []
    with feed(handler, process_request=process) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        assert "1000" in running.wait_for("away")["reason"]
        assert "404" in running.wait_for("away")["reason"]
        running.wait_for("connected")


def test_what_speaks_no_websocket_is_told_so(path: Path) -> None:
    def other(taken: socket.socket) -> None:
        taken.recv(65536)
        taken.sendall(b"220 mail.example.org ESMTP\r\n")

    with raw_feed(other) as url, Ingesting(url, path) as running:
        running.stop_by_itself()
    assert str(running.error) == f"{url}: What answers there is no WebSocket."


def test_a_server_without_tls_is_told_so(path: Path) -> None:
    def plain(taken: socket.socket) -> None:
        taken.recv(65536)
        taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_feed(plain) as url, Ingesting(url.replace("ws://", "wss://"), path) as running:
        running.stop_by_itself()
    assert str(running.error).endswith("It does not speak TLS as wss:// needs it.")


def test_no_redirect_takes_a_token_to_another_host(path: Path) -> None:
    visited: list[Request] = []

    def note(connection: ServerConnection, request: Request) -> None:
        visited.append(request)

    def away(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(HTTPStatus.FOUND, "")
        response.headers["Location"] = elsewhere
        return response

    with (
        feed(saying(), process_request=note) as elsewhere,
        feed(saying(), process_request=away) as url,
        Ingesting(url, path, headers=("X-Api-Key: secret-key",)) as running,
    ):
        running.stop_by_itself()
    assert isinstance(running.error, StreamRefused)
    assert "at another address" in str(running.error)
    assert visited == []


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Names a proxy, with a user and a password, as the environment does."""
    for name in ("ws_proxy", "wss_proxy", "https_proxy", "http_proxy", "socks_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return lambda proxy: monkeypatch.setenv("https_proxy", proxy.replace("://", "://me:secret@"))


def test_a_stream_of_this_machine_comes_without_a_proxy(path: Path, proxied: Callable[[str], None]) -> None:
    proxied("http://127.0.0.1:1")
    with feed(saying("x")) as url, Ingesting(url, path) as running:
        running.wait_for("connected")


def test_a_proxy_that_fails_is_named_without_its_password(path: Path, proxied: Callable[[str], None]) -> None:
    def refuse(taken: socket.socket) -> None:
        taken.recv(65536)
        taken.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with raw_feed(refuse) as url:
        for proxy, told in (
            ("http://127.0.0.1:1", "can't be reached."),
            ("ftp://127.0.0.1:1", "can't be used."),
            ("socks5://127.0.0.1:1", "can't be used."),
            (url.replace("ws:", "http:"), "answered 407 Proxy Authentication Required, and lets nothing through."),
        ):
            proxied(proxy)
            with Ingesting("ws://feed.test/x", path) as running:
                reason = running.wait_for("away")["reason"]
            assert reason == f"The proxy {proxy}, which the environment names, {told}"


def test_headers_go_with_every_connection(path: Path) -> None:
    seen: list[str] = []

    def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers["Authorization"])
        connection.close()

    with feed(handler) as url, Ingesting(url, path, headers=("Authorization: Bearer abc",)) as running:
        for _ in range(2):
            running.wait_for("away")
    assert seen[:2] == ["Bearer abc"] * 2


def test_no_secret_gets_into_the_file_or_what_is_told(path: Path) -> None:
    """Not even where the server repeats it."""
    secrets = ("canary-of-url", "canary-of-header", "canary-of-password")

    def handler(connection: ServerConnection) -> None:
        connection.close(1008, " ".join(secrets))

    with feed(handler) as url:
        url = url.replace("ws://", "ws://ada:canary-of-password@") + "/?token=canary-of-url"
        with Ingesting(url, path, headers=("Authorization: Bearer canary-of-header",)) as running:
            told = running.wait_for("away")
    assert told["reason"] == "It closed the connection with 1008: … … …."
    everything = b"".join(file.read_bytes() for file in path.parent.iterdir()) + repr(running.events).encode()
    assert not any(secret.encode() in everything for secret in secrets)
