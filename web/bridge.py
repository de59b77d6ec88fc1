"""From ASGI to WSGI: a request is read whole on the event loop, answered in a thread, and sent from the loop again.

A WebSocket's handshake is such a request too; what goes over it then is not this module's.

A request reaches a thread when its body is here, and the thread is free before the first byte of the answer leaves. So
however slow or many the clients are, threads only ever work. Nothing here knows contacts, or parses a body.
"""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from config import Config
from web.errors import problem_json
from web.threads import Threads
from web.watch import NOTE, Answered, Note, Watch

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Message], Any]
Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

DOOR = "offbook.door"
"""Where the WSGI environ of a handshake has its Door."""

REFUSED = "offbook.refused"
"""Where the scope of a request that can't be read as HTTP has its Refusal: it is answered in its turn, as any is."""

SWITCHING = 101
"""What a handshake ends with when the guest is let in."""

SLICE_BYTES = 256 * 1024
"""How much of an answer is handed to the socket at once: what a slow client must take in ``send_seconds``."""

log = logging.getLogger("offbook.bridge")


@dataclass(slots=True)
class Door:
    """Where the WSGI app leaves the guest of a WebSocket that it lets in: an answer can't hold an object."""

    guest: Any = None


class Live(Protocol):
    """What serves a socket once its handshake is done."""

    def has_room_for(self, guest: Any) -> bool: ...

    async def serve(self, guest: Any, receive: Receive, send: Send) -> None: ...

    async def close(self) -> None: ...


OpenLive = Callable[[Threads[Any]], Live]
"""Called when the loop runs, with the threads that are there for requests."""


class Refusal(Exception):
    """A request that ends before it takes a thread."""

    def __init__(self, status: int, code: str, detail: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers


class ClientLeft(Exception):
    """The socket closed before the whole request was here: there is nobody to answer."""


@dataclass(slots=True)
class Answer:
    """A whole answer, ready to be sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Bridge:
    """The ASGI app: reads a request on the loop, lets the WSGI app answer it in a thread, sends the answer."""

    def __init__(self, app: WsgiApp, config: Config, live: OpenLive | None = None, watch: Watch | None = None) -> None:
        self.app = app
        self.watch = watch or Watch()
        self.config = config
        self.threads: Threads[Any] = Threads(config.threads)
        self.waiting = 0
        self.buffered = 0
        self.open_live = live
        self.live: Live | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.shake_hands(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.run_lifespan(receive, send)

    async def run_lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.live = self.open_live(self.threads) if self.open_live else None
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self.live is not None:
            await self.live.close()
        self.threads.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def shake_hands(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket begins as a request, which the WSGI app answers; whom it lets in it leaves at the door."""
        await receive()
        door, note, began = Door(), self.watch.note(), perf_counter()
        try:
            if self.live is None:
                raise Refusal(501, "no_live_channel", "This server has no live channel. Use POST /sync.")
            answer = await self.run({**scope, "method": "GET"}, bytearray(), {DOOR: door, NOTE: note})
            if door.guest is not None and not self.live.has_room_for(door.guest):
                raise Refusal(429, "too_many_sockets", "Too many sockets are open. Close some, or try again later.")
        except Refusal as refusal:
            door.guest, answer = None, refused(refusal)
        if door.guest is not None:
            answer.status = SWITCHING
        self.tell(note, "GET", answer, perf_counter() - began)
        if door.guest is None or self.live is None:
            await refuse(answer, receive, send)
        else:
            await send({"type": "websocket.accept"})
            await self.live.serve(door.guest, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, note, began = bytearray(), self.watch.note(), perf_counter()
        try:
            await self.read(scope, receive, body)
            began = perf_counter()
            answer = await self.run(scope, body, {NOTE: note})
        except Refusal as refusal:
            answer = refused(refusal)
        except ClientLeft:
            return
        finally:
            self.buffered -= len(body)
        seconds = perf_counter() - began
        try:
            await deliver(answer, send, note)
        finally:
            self.tell(note, scope["method"], answer, seconds)

    def tell(self, note: Note | None, method: str, answer: Answer, seconds: float) -> None:
        """That a request is answered, to whoever wants to hear: after the answer, which shall not wait for that."""
        if note is not None:
            self.watch.answered(Answered(note, method, answer.status, seconds, len(answer.body)))

    async def read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """The whole body, into ``body``; raises Refusal when it is too long, too slow, or too much with all others."""
        if announced(scope) > self.config.body_bytes_max:
            raise self.too_long()
        try:
            async with asyncio.timeout(self.config.body_seconds):
                while await self.read_more(receive, body):
                    pass
            if REFUSED in scope:
                raise scope.pop(REFUSED)  # or scope and traceback would have each other
        except TimeoutError:
            raise Refusal(
                408,
                "request_timeout",
                f"The request's body was not here after {self.config.body_seconds:g} seconds. Send it again.",
                (b"connection", b"close"),
            ) from None

    async def read_more(self, receive: Receive, body: bytearray) -> bool:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk = message.get("body", b"")
        if len(body) + len(chunk) > self.config.body_bytes_max:
            raise self.too_long()
        if self.buffered + len(chunk) > self.config.bodies_bytes_max:
            raise busy()
        self.buffered += len(chunk)
        body += chunk
        return bool(message.get("more_body", False))

    def too_long(self) -> Refusal:
        return Refusal(
            413, "body_too_large", f"A body may have at most {self.config.body_bytes_max:,} bytes. Send less at a time."
        )

    async def run(self, scope: Scope, body: bytearray, more: Mapping[str, Any]) -> Answer:
        if self.waiting >= self.config.waiting_max:
            raise busy()
        self.waiting += 1
        try:
            environ = environ_of(scope, body)
            environ.update(more)
            answer: Answer = await self.threads.run(partial(call, self.app, environ))
            return answer
        finally:
            self.waiting -= 1


def busy() -> Refusal:
    return Refusal(503, "busy", "The server is busy. Try again in a moment.", (b"retry-after", b"1"))


def announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def refused(refusal: Refusal) -> Answer:
    body = problem_json(refusal.status, refusal.code, refusal.detail)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", b"%d" % len(body))]
    return Answer(refusal.status, [*headers, *refusal.headers], body)


async def deliver(answer: Answer, send: Send, note: Note | None) -> None:
    if note is not None:
        answer.headers.append((b"x-request-id", note.id.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    body = answer.body
    for start in range(0, max(len(body), 1), SLICE_BYTES):
        end = start + SLICE_BYTES
        await send({"type": "http.response.body", "body": body[start:end], "more_body": end < len(body)})


async def refuse(answer: Answer, receive: Receive, send: Send) -> None:
    """Answer a handshake with no. uvicorn calls it an error to return before the connection is gone."""
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})
    for _ in ("the answer was sent", "the connection was closed"):
        await receive()


def environ_of(scope: Scope, body: bytearray) -> Environ:
    """The WSGI environ of a request (PEP 3333): bytes as latin-1 text, one value per header."""
    client = scope.get("client") or ("", 0)
    server = scope.get("server") or ("localhost", 80)
    environ: Environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": "HTTP/" + scope["http_version"],
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": SCHEMES.get(scope.get("scheme", "http"), "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in scope["headers"]:
        add_header(environ, name, value.decode("latin-1"))
    return environ


SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
"""A handshake is a request, and comes from pages of http."""

# The body is whole and its length is ours to say. A Proxy header would become HTTP_PROXY (CVE-2016-5385).
DROPPED = frozenset({b"content-length", b"transfer-encoding", b"proxy"})


def add_header(environ: Environ, name: bytes, value: str) -> None:
    key = KEYS.get(name) or key_of(name)
    if key is None:
        return
    if key in environ:
        value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
    environ[key] = value


def key_of(name: bytes) -> str | None:
    """Where the WSGI environ has a header of this name; None: nowhere."""
    # X_Forwarded_For would become the same variable as X-Forwarded-For, which only a proxy may set.
    if name in DROPPED or b"_" in name:
        return None
    key = name.decode("latin-1").upper().replace("-", "_")
    return key if key == "CONTENT_TYPE" else "HTTP_" + key


USUAL = (
    b"accept accept-encoding accept-language authorization connection content-type cookie host if-none-match "
    b"offbook-protocol offbook-schema origin referer user-agent x-forwarded-for x-forwarded-host x-forwarded-proto"
).split()
KEYS = {name: key_of(name) for name in USUAL}
"""Of what nearly every request has: finding it takes a third of the time of making it."""


def call(app: WsgiApp, environ: Environ) -> Answer:
    """Run the WSGI app in this thread. What it raises is told without its reason: that goes to the log."""
    answer = Answer(500, [], b"")
    parts: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
        answer.status = int(status[:3])
        answer.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return parts.append

    try:
        result = app(environ, start_response)
        try:
            parts.extend(result)
        finally:
            if hasattr(result, "close"):
                result.close()
    except Exception:
        log.exception("A request failed")
        return refused(Refusal(500, "server_error", "The server failed. What you sent was not stored; try again."))
    answer.body = b"".join(parts)
    if answer.status not in (204, 304) and environ["REQUEST_METHOD"] != "HEAD":
        answer.headers = [header for header in answer.headers if header[0] != b"content-length"]
        answer.headers.append((b"content-length", b"%d" % len(answer.body)))
    return answer
