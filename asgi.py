"""One port for everything: an event loop in front, the Flask app in a few threads behind it.

Slow clients are the loop's business and never a thread's. A request reaches a thread when its whole body is here, and
the thread is free again before the first byte of the answer leaves. Each wait for a client has an end: half-sent
headers, a body that drips, an answer that nobody takes.

This module knows nothing of contacts and never parses a body. WebSockets are turned away politely.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import resource
import socket
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import uvicorn
from flask import Flask
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app import create_app
from config import Config
from web.errors import problem_json

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Message], Any]
Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

SLICE_BYTES = 256 * 1024
"""How much of an answer is handed to the socket at once: what a slow client must take in ``send_seconds``."""

log = logging.getLogger("offbook.asgi")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may ask for, and how long the server waits for it. Config says why."""

    threads: int = 8
    waiting: int = 512
    body_bytes: int = 16 * 1024 * 1024
    bodies_bytes: int = 128 * 1024 * 1024
    head_bytes: int = 64 * 1024
    head_seconds: float = 10
    body_seconds: float = 30
    send_seconds: float = 30
    keep_alive_seconds: int = 30
    socket_bytes: int = 16 * 1024 * 1024


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

    def __init__(self, app: WsgiApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="offbook")
        self.waiting = 0
        self.buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await refuse_socket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.live(receive, send)

    async def live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.pool.shutdown(wait=True, cancel_futures=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytearray()
        try:
            await self.read(scope, receive, body)
            answer = await self.run(scope, body)
        except Refusal as refusal:
            answer = refused(refusal)
        except ClientLeft:
            return
        finally:
            self.buffered -= len(body)
        await deliver(answer, send)

    async def read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """The whole body, into ``body``; raises Refusal when it is too long, too slow, or too much with all others."""
        if announced(scope) > self.limits.body_bytes:
            raise self.too_long()
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while await self.read_more(receive, body):
                    pass
        except TimeoutError:
            raise Refusal(
                408,
                "request_timeout",
                f"The request's body was not here after {self.limits.body_seconds:g} seconds. Send it again.",
                (b"connection", b"close"),
            ) from None

    async def read_more(self, receive: Receive, body: bytearray) -> bool:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk = message.get("body", b"")
        if len(body) + len(chunk) > self.limits.body_bytes:
            raise self.too_long()
        if self.buffered + len(chunk) > self.limits.bodies_bytes:
            raise busy()
        self.buffered += len(chunk)
        body += chunk
        return bool(message.get("more_body", False))

    def too_long(self) -> Refusal:
        return Refusal(
            413, "body_too_large", f"A body may have at most {self.limits.body_bytes:,} bytes. Send less at a time."
        )

    async def run(self, scope: Scope, body: bytearray) -> Answer:
        if self.waiting >= self.limits.waiting:
            raise busy()
        self.waiting += 1
        try:
            environ = environ_of(scope, body)
            return await asyncio.get_running_loop().run_in_executor(self.pool, call, self.app, environ)
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


async def deliver(answer: Answer, send: Send) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    body = answer.body
    for start in range(0, max(len(body), 1), SLICE_BYTES):
        end = start + SLICE_BYTES
        await send({"type": "http.response.body", "body": body[start:end], "more_body": end < len(body)})


async def refuse_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing here speaks WebSocket yet: a plain answer, so that a device goes on polling."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    answer = refused(Refusal(501, "no_live_channel", "This server has no live channel. Use POST /sync."))
    await send({"type": "websocket.http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "websocket.http.response.body", "body": answer.body})


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
        "wsgi.url_scheme": scope.get("scheme", "http"),
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


# The body is whole and its length is ours to say. A Proxy header would become HTTP_PROXY (CVE-2016-5385).
DROPPED = frozenset({b"content-length", b"transfer-encoding", b"proxy"})


def add_header(environ: Environ, name: bytes, value: str) -> None:
    # X_Forwarded_For would become the same variable as X-Forwarded-For, which only a proxy may set.
    if name in DROPPED or b"_" in name:
        return
    key = name.decode("latin-1").upper().replace("-", "_")
    key = key if key == "CONTENT_TYPE" else "HTTP_" + key
    if key in environ:
        value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
    environ[key] = value


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


def protocol_of(limits: Limits) -> type[HttpToolsProtocol]:
    """uvicorn's HTTP protocol with the time limits that it lacks.

    At any moment a connection is answering a request (the Bridge has its own limits), or waits for the head of the next
    one. Waiting ends after ``head_seconds`` however slowly bytes drip in, and a head has at most ``head_bytes``.
    """

    class TimedProtocol(HttpToolsProtocol):
        head_timer: asyncio.TimerHandle | None = None
        send_timer: asyncio.TimerHandle | None = None
        head_bytes = 0
        in_head = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            # Head and body are two writes. asyncio leaves Nagle's delay (40 ms) on where a socket's proto is 0.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.await_head()

        def await_head(self) -> None:
            if self.head_timer is None:
                self.head_timer = self.loop.call_later(limits.head_seconds, self.give_up)

        def give_up(self) -> None:
            # close() would wait for ever for a client that takes nothing; abort() could cut an answer off.
            if self.transport.get_write_buffer_size():
                self.transport.abort()
            else:
                self.transport.close()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            self.head_bytes = self.head_bytes + len(data) if self.in_head else 0
            if self.head_bytes > limits.head_bytes:
                self.transport.abort()
            elif self.cycle is None or self.cycle.response_complete:
                self.await_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.in_head = True

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self.in_head = False
            self.head_timer = cancelled(self.head_timer)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            # Half of the next head is here, or the rest of a body whose request was answered early is still to come.
            if self.cycle.response_complete and (self.in_head or self.cycle.more_body):
                self.await_head()

        def pause_writing(self) -> None:
            super().pause_writing()
            if self.send_timer is None:
                self.send_timer = self.loop.call_later(limits.send_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self.send_timer = cancelled(self.send_timer)
            super().resume_writing()

        def connection_lost(self, exc: Exception | None) -> None:
            self.head_timer = cancelled(self.head_timer)
            self.send_timer = cancelled(self.send_timer)
            super().connection_lost(exc)

    return TimedProtocol


def cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def server_of(app: WsgiApp, limits: Limits) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            Bridge(app, limits),
            loop="asyncio",
            http=protocol_of(limits),
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=limits.socket_bytes,
            lifespan="on",
            timeout_keep_alive=limits.keep_alive_seconds,
            timeout_graceful_shutdown=10,
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_level="warning",
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket: from here on clients wait instead of being refused. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def address_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def raise_file_limit() -> None:
    """Sockets are files. The soft limit (often 1,024) is what lets half-open sockets lock everyone out."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
