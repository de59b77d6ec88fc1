"""What a head may be, and that a trailer is none (RFC 9110, 6.5; RFC 9112, 3.2)."""

from __future__ import annotations

from typing import Any

import pytest

from config import Config
from tests.support.live_server import connect, read_all, serving
from tests.web.server.raw_client import answers, chunked, flood, head, request, showing_app, talk

FOUR_KIB = Config(head_bytes_max=4096)
MIB = 1024 * 1024


# --- trailers ---


def test_what_a_trailer_says_is_not_believed() -> None:
    trailers = b"Authorization: Bearer forged\r\nX-Forwarded-For: 10.0.0.1\r\n"
    post = request("POST", Transfer_Encoding="chunked", Connection="close")
    with serving(showing_app) as url:
        (answer,) = talk(url, post, chunked(b"{}", trailers=trailers))
    assert answer.seen == {"method": "POST", "path": "/", "body": "{}"}


def test_a_header_says_what_a_trailer_repeats() -> None:
    post = request("POST", Transfer_Encoding="chunked", Connection="close", X_Tag="head")
    with serving(showing_app) as url:
        (answer,) = talk(url, post, chunked(trailers=b"X-Tag: trailer\r\n"))
    assert answer.seen["HTTP_X_TAG"] == "head"


@pytest.mark.parametrize("endless", [b"a:b\r\n" * 200, b"x" * 1000], ids=["many", "one"])
def test_trailers_without_end_are_cut_off(endless: bytes) -> None:
    post = request("POST", Transfer_Encoding="chunked")
    with serving(showing_app) as url:
        (answer,) = flood(url, post + b"2\r\n{}\r\n0\r\nA: ", endless, 32 * MIB)
    assert (answer.status, answer.code) == (431, "headers_too_large")


def test_head_and_trailers_have_one_limit() -> None:
    post = request("POST", Transfer_Encoding="chunked", Connection="close", X_Tag="a" * 3000)
    with serving(showing_app, FOUR_KIB) as url:
        (small,) = talk(url, post, chunked(b"{}", trailers=b"A: " + b"a" * 500 + b"\r\n"))
        (large,) = talk(url, post, chunked(b"{}", trailers=b"A: " + b"a" * 1500 + b"\r\n"))
    assert (small.status, large.status) == (200, 431)


def test_a_chunk_may_not_have_an_endless_extension() -> None:
    with serving(showing_app) as url:
        (answer,) = flood(url, request("POST", Transfer_Encoding="chunked") + b"2;", b"x" * 1000, 32 * MIB)
    assert answer.status == 431


# --- the limit of a head ---


@pytest.mark.parametrize("piece", [17, 1000, 100_000], ids=lambda piece: f"{piece} bytes at a time")
@pytest.mark.parametrize(("length", "status"), [(3900, 200), (4200, 431), (60_000, 431)])
def test_a_head_has_the_same_limit_however_it_arrives(length: int, status: int, piece: int) -> None:
    get = request(Connection="close", X_Tag="a" * length)
    with serving(showing_app, FOUR_KIB) as url:
        (answer,) = talk(url, *(get[start : start + piece] for start in range(0, len(get), piece)))
    assert answer.status == status


@pytest.mark.parametrize("endless", [b"a:b\r\n" * 200, b"x" * 1000], ids=["many", "one"])
def test_headers_without_end_are_cut_off(endless: bytes) -> None:
    with serving(showing_app) as url:
        (answer,) = flood(url, b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ", endless, 32 * MIB)
    assert (answer.status, answer.code) == (431, "headers_too_large")


def test_a_long_address_counts_too() -> None:
    with serving(showing_app, FOUR_KIB) as url:
        (answer,) = talk(url, head("GET", "/" + "a" * 5000, {}, "1.0"))
    assert answer.status == 431


def test_a_body_before_it_is_not_counted_as_head() -> None:
    """One read of the socket has all of both."""
    two = request("POST", "/1", b"a" * 50_000, Content_Length="50000") + request(path="/2", Connection="close")
    with serving(showing_app, FOUR_KIB) as url:
        assert [answer.seen["path"] for answer in talk(url, two)] == ["/1", "/2"]


def test_a_body_that_comes_with_the_end_of_its_head_is_not_counted_as_head() -> None:
    post = request("POST", "/1", b"a" * 50_000, Content_Length="50000", Connection="close")
    with serving(showing_app, FOUR_KIB) as url, connect(url) as made:
        made.sendall(post[:10])
        made.sendall(post[10:])
        (answer,) = answers(read_all(made))
    assert answer.status == 200


@pytest.mark.parametrize(("count", "status"), [(250, 200), (300, 431)])
@pytest.mark.parametrize("place", ["head", "trailers"])
def test_headers_are_counted_too(place: str, count: int, status: int) -> None:
    """Each takes more memory than its bytes."""
    many = {f"A-{number}": "b" for number in range(count)}
    trailers = "".join(f"{name}: {value}\r\n" for name, value in many.items()).encode()
    more: dict[str, Any] = many if place == "head" else {}
    post = request("POST", Transfer_Encoding="chunked", Connection="close", **more)
    with serving(showing_app) as url:
        (answer,) = talk(url, post, chunked(b"{}", trailers=b"" if place == "head" else trailers))
    assert answer.status == status


# --- Host, and versions ---


@pytest.mark.parametrize(
    ("get", "status"),
    [
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 200),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
        (b"GET /\r\n\r\n", 505),
        (b"CONNECT /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    ],
)
def test_what_kind_of_request_is_taken(get: bytes, status: int) -> None:
    with serving(showing_app) as url:
        (answer,) = talk(url, get)
    assert answer.status == status
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "REPORT", "MKCOL", "PUT", "DELETE", "OPTIONS"])
def test_the_methods_of_carddav_pass_with_their_bodies_and_within_the_same_limits(method: str) -> None:
    small = request(method, "/dav/", b"<a/>", Content_Length="4")
    last = request(method, "/dav/", b"<b/>", Content_Length="4", Connection="close")
    large = request(method, "/dav/", X_Tag="a" * 5000)
    with serving(showing_app, FOUR_KIB) as url:
        first, second = talk(url, small + last)
        (refused,) = talk(url, large)
    assert first.seen == {"method": method, "path": "/dav/", "body": "<a/>"}
    assert (second.seen["method"], second.seen["body"]) == (method, "<b/>")
    assert refused.status == 431


def test_a_refusal_is_a_problem_like_any_other() -> None:
    with serving(showing_app) as url:
        (answer,) = talk(url, b"GET / HTTP/1.1\r\n\r\n")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.code == "bad_host"


def test_a_head_that_is_refused_has_no_body_in_its_answer_either() -> None:
    with serving(showing_app) as url, connect(url) as made:
        made.sendall(b"HEAD / HTTP/1.1\r\n\r\n")
        answer = read_all(made)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\n")


# --- answers come in the order of the requests ---


def test_what_can_not_be_read_is_told_after_the_answers_before_it() -> None:
    with serving(showing_app) as url:
        good, bad = talk(url, request(path="/1") + b"GARBAGE\r\n\r\n")
    assert (good.seen["path"], bad.status, bad.code) == ("/1", 400, "bad_request")


def test_a_body_that_can_not_be_read_reaches_no_app() -> None:
    post = request("POST", "/2", Transfer_Encoding="chunked")
    with serving(showing_app) as url:
        good, bad = talk(url, request(path="/1") + post + b"2\r\n{}\r\nzz\r\n")
    assert (good.seen["path"], bad.code) == ("/1", "bad_request")


def test_nothing_is_read_after_what_can_not_be_read() -> None:
    with serving(showing_app) as url:
        (bad,) = talk(url, b"GARBAGE\r\n\r\n" + request(path="/smuggled"))
    assert bad.code == "bad_request"


def test_what_can_not_be_read_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Anybody could fill it."""
    with serving(showing_app) as url:
        talk(url, b"GARBAGE\r\n\r\n")
    assert not caplog.records


def test_only_so_many_requests_wait_for_answers_on_one_connection() -> None:
    """Each is an object of kilobytes, for 27 bytes. A client asks again for what was not answered (RFC 9112, 9.3.2)."""
    with serving(showing_app) as url, connect(url) as made:
        made.sendall(b"GET / HTTP/1.1\r\nHost:x\r\n\r\n" * 5000)
        answer = read_all(made)
    assert 16 <= answer.count(b"HTTP/1.1 200 OK") <= 100
    assert answer.count(b"connection: close") == 1
