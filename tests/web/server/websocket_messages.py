"""What clients say over a socket, good and bad, and what it may be answered with.

A message is drawn from a seed. It knows nothing of how it is cut into packets, or of what comes before and after it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from tests.web.server.raw_client import HANDSHAKE, chunked, frame, head

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 256 * 1024

SYNC = json.dumps({"changes": []}).encode()


@dataclass(frozen=True)
class Message:
    """``statuses`` are what it may be answered with; after one that ``is_last`` nothing more is.

    ``endless`` is sent over and over until the answer comes, and ``after`` once when it has come.
    """

    name: str
    sent: bytes
    statuses: frozenset[int]
    is_last: bool = False
    endless: bytes = b""
    after: bytes = b""
    is_answered_with_body: bool = True

    @property
    def head_bytes(self) -> int:
        return self.sent.index(b"\r\n\r\n") + 4


def answered(*statuses: int) -> frozenset[int]:
    return frozenset(statuses)


Draw = Callable[[Random, str], Message]
"""Given a device's token."""


# --- good ones ---


def get(random: Random, token: str) -> Message:
    path, status = random.choice([("/healthz", 200), ("/nowhere", 404), ("/", 302), ("/changes", 401)])
    return Message("get", head("GET", path, noise(random) | {"Host": "localhost"}), answered(status))


def head_only(random: Random, token: str) -> Message:
    return Message("head", head("HEAD", "/healthz", {"Host": "localhost"}), answered(200), is_answered_with_body=False)


def old_get(random: Random, token: str) -> Message:
    headers = random.choice([{}, {"Host": "localhost"}])
    return Message("HTTP/1.0", head("GET", "/healthz", headers, "1.0"), answered(200), is_last=True)


def get_and_close(random: Random, token: str) -> Message:
    headers = {"Host": "localhost", "Connection": "close"}
    return Message("get, close", head("GET", "/healthz", headers), answered(200), is_last=True)


def post(random: Random, token: str) -> Message:
    body, status = random.choice([(SYNC, 200), (b"{", 400), (b"x" * random.randrange(50_000), 400)])
    return posted("post", random, token, status, {"Content-Length": str(len(body))}, body)


def post_chunks(random: Random, token: str) -> Message:
    body = chunked(*cut(random, SYNC), trailers=trailers(random))
    return posted("post, chunks", random, token, 200, {"Transfer-Encoding": "chunked"}, body)


def post_forged(random: Random, token: str) -> Message:
    body = chunked(SYNC, trailers=f"Authorization: Bearer {token}\r\n".encode())
    headers = {"Host": "localhost", "Transfer-Encoding": "chunked"}
    return Message("token in trailer", head("POST", "/sync", headers) + body, answered(401))


def post_expecting(random: Random, token: str) -> Message:
    headers = {"Content-Length": str(len(SYNC)), "Expect": "100-continue"}
    return posted("post, expecting", random, token, 200, headers, SYNC)


def post_wishing(random: Random, token: str) -> Message:
    """The body is a request, too: nobody may take it for one."""
    body = head("GET", "/healthz", {"Host": "localhost"})
    wish = {"Connection": "Upgrade", "Upgrade": random.choice(["h2c", "websocket", "x"])}
    return posted("post, wishing", random, token, 400, wish | {"Content-Length": str(len(body))}, body)


def posted(name: str, random: Random, token: str, status: int, headers: Mapping[str, str], body: bytes) -> Message:
    """With the token or without."""
    said = {"Host": "localhost", **noise(random), **headers}
    if random.random() < 0.3:
        return Message(f"{name}, no token", head("POST", "/sync", said) + body, answered(401))
    return Message(name, head("POST", "/sync", said | {"Authorization": f"Bearer {token}"}) + body, answered(status))


def noise(random: Random) -> dict[str, str]:
    """Headers that mean nothing."""
    return {f"X-{number}": "a" * random.randrange(100) for number in range(random.choice([0, 0, 1, 5, 40]))}


def trailers(random: Random) -> bytes:
    return b"".join(b"A-%d: b\r\n" % number for number in range(random.choice([0, 0, 1, 20])))


def cut(random: Random, data: bytes) -> list[bytes]:
    """The same bytes in pieces."""
    places = sorted(random.sample(range(1, len(data)), random.randrange(min(5, len(data) - 1))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


# --- bad ones, each the last of its connection ---


def bad(name: str, sent: bytes, *statuses: int, endless: bytes = b"") -> Message:
    return Message(name, sent, answered(*statuses), is_last=True, endless=endless)


def bad_head(random: Random, token: str) -> Message:
    return random.choice(
        [
            bad("no host", b"GET /healthz HTTP/1.1\r\n\r\n", 400),
            bad("two hosts", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
            bad("no HTTP", b"\x16\x03\x01\x02\x00 hello\r\n\r\n", 400),
            bad("another HTTP", b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
            bad("connect", b"CONNECT x:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 405),
            bad(
                "two lengths",
                b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                400,
            ),
            bad("no length", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
            bad("nul", b"GET / HTTP/1.1\r\nHost: localhost\r\nA: \x00\r\n\r\n", 400),
        ]
    )


def large_head(random: Random, token: str) -> Message:
    size = HEAD_BYTES_MAX + random.randrange(1, 50_000)
    headers = random.choice(
        [{"X-Large": "a" * size}, {f"X-{number}": "a" * 200 for number in range(size // 200)}, {"Cookie": "a" * size}]
    )
    return bad("large head", head("GET", "/healthz", {"Host": "localhost"} | headers), 431, 400)


def endless_head(random: Random, token: str) -> Message:
    start, endless = random.choice(
        [
            (b"GET /", b"a" * 999),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ", b"a" * 999),
            (b"GET / HTTP/1.1\r\n", b"a:b\r\n" * 99),
        ]
    )
    return bad("endless head", start, 431, 400, 414, endless=endless)


def large_body(random: Random, token: str) -> Message:
    size = BODY_BYTES_MAX + random.randrange(1, 100_000)
    if random.random() < 0.5:
        headers, body = {"Content-Length": str(size)}, b"a" * random.choice([0, 100, size])
    else:
        headers, body = {"Transfer-Encoding": "chunked"}, chunked(b"a" * size)
    said = {"Host": "localhost", "Connection": "close", "Authorization": f"Bearer {token}"}
    return bad("large body", head("POST", "/sync", said | headers) + body, 413)


def bad_chunks(random: Random, token: str) -> Message:
    start = head("POST", "/sync", {"Host": "localhost", "Transfer-Encoding": "chunked"})
    body = random.choice([b"z\r\n", b"2\r\n{}2\r\n", b"-2\r\n{}\r\n", b"2\r\n{}\r\n0\r\n\x00: a\r\n\r\n"])
    return bad("bad chunks", start + body, 400)


def endless_chunks(random: Random, token: str) -> Message:
    start = head("POST", "/sync", {"Host": "localhost", "Transfer-Encoding": "chunked"})
    before, endless, status = random.choice(
        [
            (b"2\r\n{}\r\n0\r\n", b"a:b\r\n" * 200, 431),
            (b"2\r\n{}\r\n0\r\nA: ", b"a" * 1000, 431),
            (b"2;", b"a" * 1000, 431),
            (b"", b"3e8\r\n%b\r\n" % (b"a" * 1000), 413),
        ]
    )
    return bad("endless chunks", start + before, status, 408, endless=endless)


# --- handshakes, each the last that is HTTP ---


def handshake(random: Random, token: str) -> Message:
    """What is said after a good one: nothing, a ping, half a message, or what is no frame."""
    said = HANDSHAKE | noise(random)
    if random.random() < 0.3:
        return bad("handshake, no token", head("GET", "/live", said), 401)
    after = random.choice(
        [b"", frame(b"", 0x89), frame(b"{", 0x01), frame(b"", 0x00) * 50, b"\xff" * 50, frame(b"", 0x88)]
    )
    welcome = bad("handshake", head("GET", "/live", said | {"Authorization": f"Bearer {token}"}), 101)
    return replace(welcome, name=f"handshake, then {after[:4]!r}", after=after)


def bad_handshake(random: Random, token: str) -> Message:
    said = HANDSHAKE | {"Authorization": f"Bearer {token}"}
    broken = random.choice(
        [
            ("GET", said | {"Content-Length": "4"}, b"abcd", 426),
            ("POST", said | {"Content-Length": "4"}, b"abcd", 405),
            ("GET", said | {"Sec-WebSocket-Key": "x"}, b"", 400),
            ("GET", said | {"Sec-WebSocket-Version": "8"}, b"", 400),
            ("GET", said | {"Upgrade": "h2c"}, b"", 426),
        ]
    )
    method, headers, body, status = broken
    return Message("bad handshake", head(method, "/live", headers) + body, answered(status), is_last=status == 400)


GOOD: tuple[Draw, ...] = (get, head_only, post, post_chunks, post_forged, post_expecting, post_wishing)
LAST: tuple[Draw, ...] = (
    *GOOD,
    old_get,
    get_and_close,
    bad_head,
    large_head,
    endless_head,
    large_body,
    bad_chunks,
    endless_chunks,
    handshake,
    handshake,
    bad_handshake,
)
