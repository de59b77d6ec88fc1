"""Who wants another protocol: a WebSocket's handshake is answered in time, and all else is a request like any other."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.live_server import connect, read_all, serving
from tests.support.polling import wait_until
from tests.web.server.raw_client import (
    PATIENT,
    QUICK,
    chunked,
    frame,
    hall,
    handshake,
    letting_app,
    request,
    showing_app,
    talk,
)

MIB = 1024 * 1024


@pytest.fixture
def url() -> Iterator[str]:
    """A server without a live channel, which says so to each good handshake: 501."""
    with serving(showing_app, PATIENT) as url:
        yield url


HANDSHAKES = {
    "good": (handshake(), 501),
    "in capitals": (handshake(Upgrade="WEBSOCKET"), 501),
    "no body": (handshake(Content_Length="0"), 501),
    "a long header": (handshake(Cookie="a" * 20_000), 501),
    "many headers": (handshake(**{f"X-{number}": "a" for number in range(200)}), 501),
    "no host": (handshake(Host=None), 400),
    "no key": (handshake(Sec_WebSocket_Key=None), 400),
    "a long key": (handshake(Sec_WebSocket_Key="a" * 9000), 431),
    "another version": (handshake(Sec_WebSocket_Version="8"), 400),
    "not a path": (handshake(path="/\xff"), 400),
    "a long address": (handshake(path="/live?" + "a" * 20_000), 414),
    "too many headers": (handshake(Cookie="a" * 70_000), 431),
}


@pytest.mark.parametrize(("sent", "status"), HANDSHAKES.values(), ids=HANDSHAKES)
def test_every_handshake_is_answered_at_once(url: str, sent: bytes, status: int) -> None:
    (answer,) = talk(url, sent)
    assert answer.status == status


NO_HANDSHAKES = {
    "a body by POST": (handshake("POST", Content_Length="4") + b"abcd", "POST /live abcd"),
    "POST": (handshake("POST"), "POST /live "),
    "a body": (handshake(Content_Length="4") + b"abcd", "GET /live abcd"),
    "chunks": (handshake(Transfer_Encoding="chunked") + chunked(b"ab", b"cd"), "GET /live abcd"),
    "HTTP/1.0": (handshake(version="1.0"), "GET /live "),
    "h2c": (handshake("POST", "/sync", Upgrade="h2c", Content_Length="4") + b"abcd", "POST /sync abcd"),
    "no connection": (handshake(Connection="keep-alive"), "GET /live "),
    "a choice": (handshake(Upgrade="websocket, h2c"), "GET /live "),
}


@pytest.mark.parametrize(("sent", "seen"), NO_HANDSHAKES.values(), ids=NO_HANDSHAKES)
def test_what_is_no_handshake_is_a_request_like_any_other(url: str, sent: bytes, seen: str) -> None:
    """A server may ignore a wish for another protocol (RFC 9110, 7.8), and clients such as Java's wish by default."""
    first, *_ = talk(url, sent, request(path="/last", Connection="close"))
    assert "{method} {path} {body}".format(**first.seen) == seen


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
@pytest.mark.parametrize("pieces", ["one piece", "two pieces"])
def test_a_body_never_passes_for_a_request(url: str, upgrade: str, pieces: str) -> None:
    hidden = request(path="/hidden")
    sent = [handshake("POST", "/1", Upgrade=upgrade, Content_Length=str(len(hidden))), hidden]
    sent = [b"".join(sent)] if pieces == "one piece" else sent
    answered = talk(url, *sent, request(path="/2", Connection="close"))
    assert [answer.seen["path"] for answer in answered] == ["/1", "/2"]
    assert answered[0].seen["body"] == hidden.decode()


def test_a_handshake_behind_a_request_waits_for_its_answer(url: str) -> None:
    """Or the answer would be written into the WebSocket."""
    first, second = talk(url, request(path="/1") + handshake() + handshake(Connection="Upgrade, close"))[:2]
    assert (first.seen["path"], second.seen["path"]) == ("/1", "/live")


def test_many_wishes_in_one_piece_end(url: str) -> None:
    answered = talk(url, handshake("POST", Upgrade="h2c") * 1000)
    assert 16 <= len(answered) <= 100


class Slow:
    """An app that lets everybody in, when it is told to. ``asked`` is set when the first has come."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.asked.set()
        assert self.go_on.wait(20)
        return letting_app(environ, start_response)


def test_a_handshake_that_is_not_answered_in_time_is_given_up() -> None:
    app = Slow()
    with hall(app, QUICK) as (url, _), connect(url) as made:
        made.sendall(handshake())
        assert app.asked.wait(10)
        assert made.recv(1) == b""
        app.go_on.set()


def test_nothing_is_read_until_a_handshake_is_answered() -> None:
    app = Slow()
    with hall(app, PATIENT) as (url, _), connect(url) as made:
        made.sendall(handshake())
        assert app.asked.wait(10)
        made.settimeout(0.5)
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                made.sendall(b"x" * 100_000)
        app.go_on.set()


def test_what_is_said_right_after_the_answer_is_heard() -> None:
    with hall(letting_app, PATIENT) as (url, _), connect(url) as made:
        made.sendall(handshake())
        assert made.recv(65536).startswith(b"HTTP/1.1 101 ")
        made.sendall(frame(b"Ada", 0x81))
        assert made.recv(65536) == b"\x81\x03Ada"


def test_a_client_that_half_closes_hears_that_it_is_not_let_in(url: str) -> None:
    (answer,) = talk(url, handshake(), half_close=True)
    assert answer.status == 501


@pytest.fixture
def deaf() -> Iterator[tuple[socket.socket, Any]]:
    """A client with an open WebSocket that reads no more, and the server's end of it."""
    with hall(letting_app, PATIENT) as (url, server), connect(url, receives_bytes=4096) as made:
        made.sendall(handshake())
        assert made.recv(100).startswith(b"HTTP/1.1 101 ")
        (connection,) = server.server_state.connections
        yield made, connection


def test_pings_of_a_client_that_takes_no_pongs_take_no_memory(deaf: tuple[socket.socket, Any]) -> None:
    made, connection = deaf
    for _ in range(200):
        made.sendall(frame(b"x" * 125, 0x89) * 800)
    assert connection.transport.get_write_buffer_size() < MIB


def test_empty_pieces_of_a_message_take_no_memory(deaf: tuple[socket.socket, Any]) -> None:
    made, connection = deaf
    made.sendall(frame(b"A", 0x01))
    made.sendall(frame(b"", 0x00) * 100_000)
    made.sendall(frame(b"da", 0x00))
    wait_until(lambda: b"da" in connection.frames)
    assert connection.frames == [b"A", b"da"]


def test_a_client_that_says_too_much_at_once_is_told_so(deaf: tuple[socket.socket, Any]) -> None:
    """A read of a quarter of a megabyte has tens of thousands of such messages, each an object."""
    made, connection = deaf
    made.sendall(frame(b"", 0x81) * 40_000)
    heard = read_all(made)
    assert b"\x03\xf0too many messages at once" in heard
