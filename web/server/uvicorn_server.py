"""uvicorn in front of an ASGI app, with the limits that it lacks.

Slow clients are the loop's business and never a thread's, and each wait for one has an end: half-sent headers, a body
that drips, an answer that nobody takes, a handshake. All that is used of uvicorn's own classes, of httptools and of
websockets' server is used here, and nowhere else; tests/web/server/test_uvicorn_server.py tells when one of them moves.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import cast

import httptools
import uvicorn
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from config import Config
from web.messages import api as messages
from web.server.limited import Limited, limited, stop
from web.server.refusals import RequestRefused
from web.server.transport import EndingTransport
from web.server.wsgi_bridge import REFUSED, WsgiBridge

CLOSE_SECONDS = 1.0
"""How long a socket that gave no sign of life may still take to hear that it is closed."""

VERSIONS = ("1.1", "1.0")

HEADERS_MAX = 256
"""Each is three objects, which take more memory than its bytes."""

PIPELINED_MAX = 32
"""Requests of one connection that wait for their turn. They came in one read, and each is an object of kilobytes."""

MESSAGES_MAX = 1024
"""Of a socket, that wait until somebody hears them."""

HANDSHAKE = (b"connection", b"upgrade", b"origin", b"sec-websocket-")
"""Names of headers, or how they begin, by which websockets decides about a handshake (RFC 6455, 4.2.1)."""


class Enough(Exception):
    """No more requests are taken from this connection, though nothing is wrong with them."""


class TimedProtocol(Limited, HttpToolsProtocol):
    """uvicorn's HTTP protocol with the limits that it lacks.

    At any moment a connection is answering a request (the WsgiBridge has its own limits), or waits for the head of the
    next one. Waiting ends after ``head_seconds`` however slowly bytes drip in. A head has at most ``head_bytes_max``,
    its trailers included, and however it is cut into reads.

    What can't be read is answered like a request, when all before it is answered, and ends the connection: who sent it
    may mean something else by the bytes that follow.
    """

    head_timer: asyncio.TimerHandle | None = None
    in_head = False
    in_body = False
    is_deaf = False
    is_half_closed = False
    read_bytes = 0
    first_bytes = 0
    """Of the read in which this message began."""
    later_bytes = 0
    """Of those after it, and after the last in which body came: the parser does not tell what it has of a header."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(EndingTransport(transport, self.loop, self.limits.send_seconds))
        # Head and body are two writes. asyncio leaves Nagle's delay (40 ms) on where a socket's proto is 0.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.await_head()

    def is_unread(self) -> bool:
        return (self.in_head or self.in_body or self.is_deaf) and not self.is_half_closed

    def is_answering(self) -> bool:
        """Whether a request of this connection has no whole answer yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def await_head(self) -> None:
        """Let the connection end where no head comes in time."""
        if self.head_timer is None:
            self.head_timer = self.loop.call_later(self.limits.head_seconds, self.transport.close)

    # --- reading ---

    def data_received(self, data: bytes) -> None:
        if self.is_deaf or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        while data and not self.is_deaf:
            data = self.read(data)
        if not self.is_deaf and not self.is_answering():
            self.await_head()

    def read(self, data: bytes) -> bytes:
        """Let the parser read, and return what it is to read next."""
        self.read_bytes = len(data)
        self.later_bytes += self.read_bytes
        try:
            self.parser.feed_data(data)
            if self.later_bytes > self.limits.head_bytes_max or ((self.in_head or self.in_body) and self.is_too_long()):
                raise self.too_long()
        except httptools.HttpParserUpgrade as pause:
            return self.upgrade(data[pause.args[0] :])
        except (httptools.HttpParserError, RequestRefused) as error:
            self.stop_reading(error if isinstance(error, RequestRefused) else error.__context__)
        return b""

    def is_too_long(self) -> bool:
        """Whether the head is too long, as far as it was read, with its trailers."""
        headers = self.headers
        if self.in_body and headers:
            headers = [*self.cycle.scope["headers"], *headers]
        # With each a colon, a space and the end of the line.
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in headers)
        return len(headers) > HEADERS_MAX or size > self.limits.head_bytes_max

    def too_long(self) -> RequestRefused:
        """What a head that is too long is answered."""
        fault = messages.HEAD_TOO_LARGE.fault(count=HEADERS_MAX, most=self.limits.head_bytes_max)
        return RequestRefused(431, fault)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head = True
        self.first_bytes, self.later_bytes = self.read_bytes, 0

    def on_headers_complete(self) -> None:
        """Begin to answer a request, unless it asks for another protocol: the parser stops there.

        Raises RequestRefused, and Enough.
        """
        if self.parser.should_upgrade():
            return
        if len(self.pipeline) >= PIPELINED_MAX:
            raise Enough
        super().on_headers_complete()
        fault = self.fault_of_head(self.scope["http_version"])
        self.in_head, self.in_body = False, True
        self.head_timer = stop(self.head_timer)
        if fault is not None:
            self.scope["headers"] = []
            raise fault
        self.headers = []  # The scope keeps its own; nobody has a use for trailers (RFC 9110, 6.5.1).

    def fault_of_head(self, version: str) -> RequestRefused | None:
        """Sources: RFC 9110, 2.5, and RFC 9112, 3.2."""
        is_large = self.first_bytes + self.later_bytes > self.limits.head_bytes_max or len(self.headers) > HEADERS_MAX
        if is_large and self.is_too_long():
            return self.too_long()
        hosts = [name for name, _ in self.headers].count(b"host")
        if version not in VERSIONS:
            return RequestRefused(505, messages.UNKNOWN_HTTP_VERSION.fault())
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            return RequestRefused(400, messages.BAD_HOST.fault(count=hosts or "none"))
        return None

    def on_body(self, body: bytes) -> None:
        self.later_bytes = 0
        super().on_body(body)

    def on_chunk_header(self) -> None:
        self.later_bytes = 0

    def on_message_complete(self) -> None:
        """The body is whole. Raises RequestRefused where its trailers are too long."""
        if self.in_body:
            if self.headers and self.is_too_long():
                raise self.too_long()
            self.in_body = False
            super().on_message_complete()

    # --- what can't be read, and the end ---

    def stop_reading(self, cause: BaseException | None) -> None:
        """Refuse what can't be read, and take no more of this connection."""
        if isinstance(cause, Enough):
            self.take_no_more()
        elif isinstance(cause, RequestRefused):
            self.refuse(cause)
        else:
            self.refuse(RequestRefused(400, messages.NOT_HTTP.fault()))

    def take_no_more(self) -> None:
        """The connection ends with the answer to the last request that was taken."""
        self.is_deaf = True
        self.cycle.keep_alive = False
        self.head_timer = stop(self.head_timer)

    def refuse(self, refusal: RequestRefused) -> None:
        """Answer so what is being read, and take no more."""
        if not self.in_body:
            self.begin_refused()
        elif self.cycle.response_complete:
            self.transport.close()
        self.take_no_more()
        # Its traceback has this protocol in it, which has the scope: all of them would stay until a collection.
        self.cycle.scope[REFUSED] = refusal.with_traceback(None)  # type: ignore[literal-required]
        self.cycle.more_body = False
        self.cycle.message_event.set()

    def begin_refused(self) -> None:
        """Begin to answer a request of which no more than the first line counts, and that only if it was readable."""
        is_known = self.in_head and self.url != b""
        super().on_message_begin()
        self.url = b"/"
        super().on_headers_complete()
        if not is_known:
            self.cycle.scope["method"] = "GET"

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client has said all. Whole requests are still answered, since it may be waiting for that."""
        self.is_half_closed = True
        if self.transport.is_closing() or not self.is_answering():
            return False
        if self.in_body and not self.is_deaf:
            self.refuse(RequestRefused(400, messages.BODY_CUT_SHORT.fault()))
        self.take_no_more()
        return True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # Half of the next head is here, or the rest of a body whose request was answered early is still to come.
        if self.cycle.response_complete and self.is_unread() and not self.transport.is_closing():
            self.await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self.head_timer = stop(self.head_timer)
        super().connection_lost(exc)

    # --- upgrades ---

    def upgrade(self, rest: bytes) -> bytes:
        """Become a WebSocket, or return the same request without asking for another protocol (RFC 9110, 7.8).

        The parser takes a head with such a wish for all of a request: what is its body would pass for the next one.
        """
        method = self.parser.get_method()
        if method == b"CONNECT":
            self.refuse(RequestRefused(405, messages.NO_CONNECT.fault()))
        elif method == b"GET" and not rest and self.is_handshake():
            self.open_socket()
        else:
            plain = b"".join(self.without_upgrade(method))
            self.parser = httptools.HttpRequestParser(self)  # the old one may have taken this request for the last
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            return plain + rest
        return b""

    def is_handshake(self) -> bool:
        """Of a WebSocket (RFC 6455, 4.1): it has no body, and no request before it waits for an answer."""
        values = dict(self.headers)
        is_bare = values.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in values
        is_whole = self.parser.get_http_version() == "1.1" and self.fault_of_head("1.1") is None
        is_wanted = values.get(b"upgrade", b"").lower() == b"websocket"
        return is_wanted and is_bare and is_whole and not self.is_answering()

    def without_upgrade(self, method: bytes) -> Iterator[bytes]:
        """The head of the request, without what asks for another protocol."""
        yield b"%b %b HTTP/%b\r\n" % (method, self.url, self.parser.get_http_version().encode())
        yield from (b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade")
        yield b"\r\n"

    def open_socket(self) -> None:
        """Hand the connection over. websockets reads the head once more, with limits of its own: only what it needs."""
        self.in_head, self.is_deaf = False, True
        self.head_timer = stop(self.head_timer)
        self.scope["method"] = "GET"
        self.scope["headers"] = [header for header in self.headers if header[0].startswith(HANDSHAKE)]
        self.handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # as uvicorn does at an end: each has the other
        cast(TimedSocket, self.transport.get_protocol()).handle_handshake(self.headers)


class TimedSocket(Limited, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with the limits that it lacks.

    A handshake is answered within ``head_seconds``, and nothing is read until it is. Closing, too, waits only so long
    for a client to take all that was sent.
    """

    handshake_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.handshake_timer = self.loop.call_later(self.limits.head_seconds, self.transport.abort)

    def is_unread(self) -> bool:
        return self.conn.close_rcvd is None

    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():
            super().data_received(data)

    async def send(self, message: ASGISendEvent) -> None:
        """Raises ClientDisconnected, also where the client was closed for what it sent: no app is at fault then."""
        if self.close_sent:
            raise ClientDisconnected
        await super().send(message)

    def handle_handshake(self, headers: list[tuple[bytes, bytes]]) -> None:
        """Go on with a handshake that was read, for a request with these headers."""
        if not self.handshake_initiated:  # websockets can't read it, and has an answer where it is too long
            answer = b"".join(self.conn.data_to_send())
            self.transport.write(answer or self.conn.reject(400, "This is not a WebSocket's handshake.\n").serialize())
            self.transport.close()
        elif not self.handshake_complete:
            self.scope["headers"] = headers
            self.transport.pause_reading()

    def start_keepalive(self) -> None:
        """The handshake is done."""
        self.handshake_timer = stop(self.handshake_timer)
        self.transport.resume_reading()
        super().start_keepalive()

    def connection_lost(self, exc: Exception | None) -> None:
        self.handshake_timer = stop(self.handshake_timer)
        super().connection_lost(exc)

    def handle_ping(self) -> None:
        """A client that takes no pong gets none (RFC 6455, 5.5.3, lets some be left out), or they fill the memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """A piece of a message. Empty ones add nothing to the size that is limited, however many they are."""
        if event.data or event.fin:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """A message is whole. Reading pauses after it, but one read may bring tens of thousands of small ones."""
        if self.queue.qsize() >= MESSAGES_MAX and not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "too many messages at once")
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.send_timer = self.send_timer or self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


def server_for(bridge: WsgiBridge, config: Config) -> uvicorn.Server:
    """uvicorn in front of this app, with these limits."""
    return uvicorn.Server(
        uvicorn.Config(
            bridge,
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
