"""How a connection ends: with the answers that were asked for, told to a client that can still read, and in time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
import uvicorn

from config import Config
from tests.support.live_server import connect, read_all, running, serving
from tests.support.polling import wait_until
from tests.web.server.raw_client import QUICK, answers, request, showing_app, talk

CHUNKED = request("POST", "/2", Transfer_Encoding="chunked")


class Held:
    """An app that answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.set()
        assert self.go_on.wait(20)
        return showing_app(environ, start_response)


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (request(path="/1"), ["/1"]),
        (request("POST", "/1", b"abc", Content_Length="3"), ["/1"]),
        (request(path="/1") + request(path="/2") + request(path="/3"), ["/1", "/2", "/3"]),
        (request(path="/1") + b"GET /2 HT", ["/1"]),
        (request(path="/1") + request("POST", "/2", b"a", Content_Length="3"), ["/1", 400]),
        (request(path="/1") + CHUNKED + b"2\r\n{}\r\n0\r\nA: b", ["/1", 400]),
        (request(path="/1") + b"GET /2 HTTP/2.0\r\n\r\n", ["/1", 505]),
    ],
    ids=["get", "post", "three", "and half a head", "and half a body", "and half a trailer", "and what is no request"],
)
def test_a_client_that_says_no_more_is_still_answered(sent: bytes, wanted: list[str | int]) -> None:
    app = Held()
    with serving(app) as url, connect(url) as made:
        made.sendall(sent)
        assert app.asked.wait(10)
        made.shutdown(socket.SHUT_WR)
        app.go_on.set()
        answered = list(answers(read_all(made)))
    assert [answer.seen["path"] if answer.status == 200 else answer.status for answer in answered] == wanted


@pytest.mark.parametrize("sent", [b"", b"GET / HT", request() + b"GET / HT"], ids=["nothing", "half", "one and a half"])
def test_a_client_that_left_nothing_to_answer_is_let_go(sent: bytes) -> None:
    with running(showing_app) as (url, server):
        talk(url, sent, half_close=True)
        wait_until(lambda: not server.server_state.connections)


def test_a_client_that_is_still_sending_can_read_why_it_should_not() -> None:
    """A socket that is closed while bytes come in is reset, and the answer with it (RFC 9112, 9.6)."""
    large = Config(body_bytes_max=1000)
    with serving(showing_app, large) as url:
        for _ in range(20):
            with connect(url) as made:
                made.sendall(request("POST", Content_Length="5000000", Connection="close") + b"x" * 2_000_000)
                (answer,) = answers(read_all(made))
            assert answer.status == 413


def test_a_client_that_never_ends_is_not_waited_for() -> None:
    with running(showing_app, Config(body_bytes_max=1000)) as (url, server), connect(url) as made:
        made.sendall(request("POST", Content_Length="5000000", Connection="close"))
        assert made.recv(65536).startswith(b"HTTP/1.1 413 ")
        wait_until(lambda: not server.server_state.connections)


def test_a_client_that_leaves_the_rest_of_its_answers_is_not_waited_for() -> None:
    """So little is left that nothing was paused for it."""

    def large(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"x" * 10_000]

    config = replace(QUICK, keep_alive_seconds=1)
    with running(large, config) as (url, server), connect(url, receives_bytes=4096) as lazy:
        assert ask_until_unsent(lazy, server) < 60_000
        wait_until(lambda: not server.server_state.connections)


def ask_until_unsent(lazy: socket.socket, server: uvicorn.Server) -> int:
    """One request after the other, until the system takes no more of the answers; how much of them is left."""
    for number in count(1):
        lazy.sendall(request())
        wait_until(partial(was_answered, server, number))
        (connection,) = server.server_state.connections
        unsent: int = connection.transport.get_write_buffer_size()
        if unsent:
            break
    return unsent


def was_answered(server: uvicorn.Server, number: int) -> bool:
    return server.server_state.total_requests >= number
