"""One port for everything: an event loop in front, the Flask app in a few threads behind it (web.bridge).

Slow clients are the loop's business and never a thread's, and each wait for one has an end: half-sent headers, a body
that drips, an answer that nobody takes. This module binds the port, limits what a connection may do, and greets the
admin. It knows nothing of contacts.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import socket
import sys
from typing import ClassVar, TypeVar

import uvicorn
from flask import Flask
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from app import create_app
from config import Config
from storage.doctor import schema
from storage.moving import why_closed
from storage.unwritable import Unwritable
from web import Parts, logs
from web.bridge import Bridge, OpenLive, WsgiApp
from web.pools import Pools
from web.sockets import Sockets
from web.watch import Watch

CLOSE_SECONDS = 1.0
"""How long a socket that gave no sign of life may still take to hear that it is closed."""

Protocol = TypeVar("Protocol", bound="Limited")


class Limited(asyncio.Protocol):
    """What both of uvicorn's protocols lack: an end for a client that takes nothing of what it is sent."""

    limits: ClassVar[Config]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    send_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.send_timer is None:
            self.send_timer = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self.send_timer = stop(self.send_timer)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.send_timer = stop(self.send_timer)
        super().connection_lost(exc)


class TimedProtocol(Limited, HttpToolsProtocol):
    """uvicorn's HTTP protocol with the time limits that it lacks.

    At any moment a connection is answering a request (the Bridge has its own limits), or waits for the head of the next
    one. Waiting ends after ``head_seconds`` however slowly bytes drip in, and a head has at most ``head_bytes_max``.
    """

    head_timer: asyncio.TimerHandle | None = None
    head_bytes = 0
    in_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Head and body are two writes. asyncio leaves Nagle's delay (40 ms) on where a socket's proto is 0.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.await_head()

    def await_head(self) -> None:
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(self.limits.head_seconds, self.give_up)

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
        if self.head_bytes > self.limits.head_bytes_max:
            self.transport.abort()
        elif self.cycle is None or self.cycle.response_complete:
            self.await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head = True

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.in_head = False
        self.head_timer = stop(self.head_timer)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Half of the next head is here, or the rest of a body whose request was answered early is still to come.
        if self.cycle.response_complete and (self.in_head or self.cycle.more_body):
            self.await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self.head_timer = stop(self.head_timer)
        super().connection_lost(exc)


class TimedSocket(Limited, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, which waits with closing, too, until all that was sent is taken."""

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.send_timer = self.send_timer or self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


def limited(protocol: type[Protocol], config: Config) -> type[Protocol]:
    """The protocol with the limits of ``config``: uvicorn takes a class and makes the connections itself."""
    return type(protocol.__name__, (protocol,), {"limits": config})


def stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None


def server_of(app: WsgiApp, config: Config) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            Bridge(app, config, live_of(app, config), watch_of(app), pools_of(app)),
            loop="asyncio",
            http=limited(TimedProtocol, config),
            ws=limited(TimedSocket, config),
            ws_per_message_deflate=False,
            ws_max_size=config.message_bytes_max,
            ws_ping_interval=config.ping_seconds,
            ws_ping_timeout=config.ping_seconds,
            lifespan="on",
            timeout_keep_alive=config.keep_alive_seconds,
            timeout_graceful_shutdown=10,
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            log_level="warning",
        )
    )


def live_of(app: WsgiApp, config: Config) -> OpenLive | None:
    """The live channel of an offbook app; any other WSGI app has none."""
    if not isinstance(app, Flask):
        return None
    parts: Parts = app.extensions["offbook"]
    return lambda threads: Sockets(parts, threads, config)


def watch_of(app: WsgiApp) -> Watch | None:
    """Who hears what an offbook app does."""
    if not isinstance(app, Flask):
        return None
    parts: Parts = app.extensions["offbook"]
    return parts.watch


def pools_of(app: WsgiApp) -> Pools | None:
    """What an offbook app works on apart from all else."""
    return Pools(app) if isinstance(app, Flask) else None


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


def rest_the_collector() -> None:
    """Let the garbage collector look at what requests leave behind, and rarely: 15 % more pushes in a second.

    All that was made so far stays for good, and a batch of 1,000 changes alone makes a hundred times as many objects as
    the default threshold of 700, none of them in a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def greet(app: Flask, url: str) -> None:
    """What the console shows at the start: where to go, and as long as there is no user how to make the first."""
    token = app.extensions["offbook"].accounts.open_setup()
    if token is not None:
        print(f"Nobody has an account yet. Make the first one here: {url}/setup/{token}")
    print(f"offbook is at {url}", flush=True)


def main() -> None:
    try:
        config = Config.from_environment()
        logs.configure(config.log_format, config.log_level)
        app = create_app(config)
    except ValueError as error:  # a setting that can't be
        sys.exit(str(error))
    for finding in schema(app.extensions["database"]):
        if finding.bad:
            sys.exit(finding.sentence)
    closed = why_closed(app.extensions["database"])
    if closed is not None:
        sys.exit(closed)
    raise_file_limit()
    rest_the_collector()
    bound = listen(config.host, config.port)
    try:
        greet(app, address_of(bound))
    except Unwritable as error:  # nobody has an account, and the link to the first one can't be kept
        sys.exit(error.for_admins)
    with contextlib.suppress(KeyboardInterrupt):
        server_of(app, config).run([bound])


if __name__ == "__main__":
    main()
