"""The event loop in front: what slow, greedy and broken clients may do to others, which is nothing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_socket

from config import Config
from tests.support.live_server import connect, echo_app, exchange, read_all, running, serving
from web.server.wsgi_call import environ_of

QUICK = Config(head_seconds=0.2, body_seconds=0.2, send_seconds=0.3, body_bytes_max=1000, bodies_bytes_max=1500)
CLOSE = b"Host: x\r\nConnection: close\r\n"


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def problem_of(answer: bytes) -> dict[str, Any]:
    problem: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return problem


def test_a_request_reaches_the_app_and_its_answer_comes_back() -> None:
    with serving(echo_app) as url:
        answer = requests.post(url + "/stra%C3%9Fe?x=1", data=b"12345", timeout=10)
    assert (answer.status_code, answer.text) == (200, "/straße 5")
    assert "Server" not in answer.headers


def test_a_chunked_body_arrives_whole() -> None:
    with serving(echo_app) as url:
        assert requests.post(url + "/", data=iter([b"abc", b"de"]), timeout=10).text == "/ 5"


def test_head_has_the_headers_of_get_and_no_body() -> None:
    with serving(echo_app) as url:
        answer = exchange(url, b"HEAD /x HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert status_of(answer) == 200
    assert answer.endswith(b"\r\n\r\n")


def test_many_requests_on_one_connection_do_not_wait_for_nagle() -> None:
    """With Nagle's algorithm on, each answer waits 40 ms for the client's delayed acknowledgement."""
    with serving(echo_app) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
        started = time.perf_counter()
        for _ in range(50):
            connection.request("GET", "/")
            connection.getresponse().read()
        connection.close()
    assert time.perf_counter() - started < 50 * 0.03


def test_pipelined_requests_are_answered_in_order() -> None:
    with serving(echo_app) as url:
        answer = exchange(url, b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\n" + CLOSE + b"\r\n")
    assert answer.index(b"/1 0") < answer.index(b"/2 0")


def test_half_sent_headers_are_closed_in_time() -> None:
    with serving(echo_app, QUICK) as url, connect(url) as half:
        half.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert read_all(half) == b""


def test_a_connection_that_says_nothing_is_closed_in_time() -> None:
    with serving(echo_app, QUICK) as url, connect(url) as silent:
        assert read_all(silent) == b""


def test_dripping_headers_win_no_time() -> None:
    with serving(echo_app, QUICK) as url, connect(url) as slow:
        slow.settimeout(0.05)
        deadline = time.monotonic() + 5
        ended = False
        while not ended and time.monotonic() < deadline:
            try:
                slow.sendall(b"X-Drip: 1\r\n" if ended else b"G")
                ended = slow.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                ended = True
        assert ended


def test_the_second_request_of_a_connection_has_a_limit_too() -> None:
    with serving(echo_app, QUICK) as url, connect(url) as half:
        half.sendall(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /sec")
        assert read_all(half).endswith(b"/first 0")


def test_half_open_sockets_stop_nobody() -> None:
    config = Config(threads=2, head_seconds=30, body_seconds=30)
    with serving(echo_app, config) as url, ExitStack() as stack:
        for number in range(150):
            half = stack.enter_context(connect(url))
            half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 9\r\n\r\nab" if number % 2 else b""))
        started = time.perf_counter()
        assert requests.get(url + "/alive", timeout=10).text == "/alive 0"
        assert time.perf_counter() - started < 2


def test_a_body_that_never_ends_gets_408_and_no_thread() -> None:
    with serving(echo_app, QUICK) as url:
        answer = exchange(url, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    assert status_of(answer) == 408
    assert problem_of(answer)["code"] == "request_timeout"


def test_an_announced_body_over_the_limit_gets_413_before_it_is_sent() -> None:
    with serving(echo_app, QUICK) as url, connect(url) as greedy:
        greedy.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n")
        answer = read_all(greedy)
    assert status_of(answer) == 413
    assert problem_of(answer)["code"] == "body_too_large"


def test_a_client_that_sends_its_long_body_first_still_sees_the_413() -> None:
    with serving(echo_app, Config(body_bytes_max=1000)) as url:
        answer = requests.post(url + "/", data=b"x" * 2_000_000, timeout=10)
    assert answer.status_code == 413


def test_a_chunked_body_over_the_limit_gets_413() -> None:
    with serving(echo_app, Config(body_bytes_max=1000)) as url:
        answer = requests.post(url + "/", data=iter([b"x" * 700] * 3), timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")


def test_the_connection_goes_on_after_a_413() -> None:
    with serving(echo_app, Config(body_bytes_max=1000)) as url, requests.Session() as session:
        assert session.post(url + "/", data=b"x" * 5000, timeout=10).status_code == 413
        assert session.post(url + "/", data=b"x" * 10, timeout=10).text == "/ 10"


def test_bodies_of_all_clients_together_have_a_limit() -> None:
    config = Config(body_bytes_max=1000, bodies_bytes_max=2000)
    with serving(echo_app, config) as url, connect(url) as first:
        first.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 900)
        answer = poll_until(503, lambda: requests.post(url + "/", data=b"x" * 900, timeout=10))
        assert (answer.json()["code"], answer.headers["Retry-After"]) == ("busy", "1")
        first.sendall(b"x" * 100)
        assert status_of(first.recv(65536)) == 200
        assert requests.post(url + "/", data=b"x" * 900, timeout=10).status_code == 200


def poll_until(status: int, ask: Any) -> requests.Response:
    """The other socket's bytes reach the loop in their own time: ask again until they have."""
    for _ in range(200):
        answer: requests.Response = ask()
        if answer.status_code == status:
            return answer
    raise AssertionError(f"never {status}")


def test_more_requests_than_the_queue_holds_get_503() -> None:
    entered, leave = threading.Event(), threading.Event()

    def held(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/hold":
            entered.set()
            assert leave.wait(10)
        return echo_app(environ, start_response)

    with serving(held, Config(threads=1, waiting_max=1)) as url, connect(url) as first:
        first.sendall(b"GET /hold HTTP/1.1\r\n" + CLOSE + b"\r\n")
        assert entered.wait(10)
        busy = requests.get(url + "/", timeout=10)
        leave.set()
        assert status_of(read_all(first)) == 200
        assert (busy.status_code, busy.json()["code"]) == (503, "busy")


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    asked = threading.Event()

    def large(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked.set()
        start_response("200 OK", [])
        return [b"x" * 20_000_000]

    with running(large, QUICK) as (url, server), connect(url) as lazy:
        lazy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert asked.wait(10)
        deadline = time.monotonic() + 5
        while server.server_state.connections and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not server.server_state.connections
        assert len(read_all(lazy)) < 20_000_000


def test_answers_that_nobody_takes_do_not_fill_the_memory() -> None:
    """One address has no more of it than is left for others."""

    def large(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b"x" * 10_000_000]

    def ask(address: str) -> socket.socket:
        split = urlsplit(url)
        made = socket.create_connection((split.hostname, split.port), timeout=10, source_address=(address, 0))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return made

    with serving(large, Config(answers_bytes_max=45_000_000)) as url, ExitStack() as stack:
        lazy = [stack.enter_context(ask("127.0.0.2")) for _ in range(5)]
        answers = sorted(status_of(made.recv(1000)) for made in lazy)
        assert answers == [200, 200, 503, 503, 503]
        assert len(requests.get(url, timeout=10).content) == 10_000_000
        refused = stack.enter_context(ask("127.0.0.2"))
        assert problem_of(read_all(refused))["code"] == "busy"


def test_a_large_answer_arrives_whole() -> None:
    def large(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return (b"%07d\n" % number for number in range(200_000))

    with serving(large) as url:
        body = requests.get(url + "/", timeout=10).content
    assert (len(body), body[-8:]) == (1_600_000, b"0199999\n")


def test_a_failure_is_told_without_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise RuntimeError("the reason")

    with serving(broken) as url:
        answer = requests.get(url + "/", timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (500, "server_error")
    assert "the reason" not in answer.text
    assert "the reason" in caplog.text


def test_what_is_not_http_gets_400() -> None:
    with serving(echo_app) as url:
        assert status_of(exchange(url, b"\x16\x03\x01 hello\r\n\r\n")) == 400


def test_a_websocket_is_turned_away_politely() -> None:
    with serving(echo_app) as url, pytest.raises(InvalidStatus) as refused:
        connect_socket(url.replace("http", "ws") + "/live")
    response = refused.value.response
    assert response.status_code == 501
    assert json.loads(response.body or b"")["code"] == "no_live_channel"


def scope(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "method": "GET",
        "path": "/",
        "query_string": b"a=%20",
        "http_version": "1.1",
        "scheme": "http",
        "client": ("10.0.0.9", 1234),
        "server": ("127.0.0.1", 5000),
        "headers": list(headers),
    }


def test_no_header_can_pass_for_another() -> None:
    environ = environ_of(
        scope((b"x_forwarded_for", b"1.2.3.4"), (b"proxy", b"evil"), (b"x-real", b"yes")), bytearray(), {}
    )
    assert (environ["HTTP_X_REAL"], environ["REMOTE_ADDR"]) == ("yes", "10.0.0.9")
    assert not {"HTTP_X_FORWARDED_FOR", "HTTP_PROXY"} & environ.keys()


def test_repeated_headers_are_joined_and_the_length_is_that_of_the_body() -> None:
    headers = [(b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"c=1"), (b"cookie", b"d=2")]
    environ = environ_of(scope(*headers, (b"content-length", b"9")), bytearray(b"abc"), {})
    assert (environ["HTTP_ACCEPT"], environ["HTTP_COOKIE"]) == ("a,b", "c=1; d=2")
    assert (environ["CONTENT_LENGTH"], environ["wsgi.input"].read()) == ("3", b"abc")
    assert "HTTP_CONTENT_LENGTH" not in environ
