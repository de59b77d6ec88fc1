"""The socket of the live channel, for a thread that does one thing after another.

Its event loop runs only while that thread waits: so whatever is done between two waits, with SQLite or in an app's
callback, is done by plain code with no loop around it. What comes is handed over one message at a time, and no more is
read before it was taken. Nothing here knows what the messages say.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    ConnectionClosedOK,
    InvalidMessage,
    InvalidProxy,
    InvalidStatus,
    ProxyError,
    WebSocketException,
)

from offbook import addresses, messages
from offbook.core.connection import Seconds
from offbook.core.errors import CursorGone, NoLive, NotAuthorized, Offline, ServerFault
from offbook.core.protocol.requests import PROTOCOL, SCHEMA_HEADER
from offbook.live.websocket_client import proxy_of, websocket_to
from offbook.sync.http.errors import error_of, retry_after_seconds
from offbook.sync.http.transport import Response, ca_bundle

MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""A page of 1,000 contacts is about one MiB. A larger one than this comes by HTTP, which packs it."""

MESSAGE_SECONDS_MAX = 90.0
"""From the first piece of a message to its last: as long as one answer may take by HTTP."""

PIECES_MAX = 20_000
MESSAGES_MAX = 4
"""So many are read ahead."""

LOOK_SECONDS = 0.005
"""How often the file is looked at for commits of other processes. It takes one to two per cent of a slow core."""

CLOSE_SECONDS_MAX = 0.3
"""For saying goodbye: stop() has two seconds for everything."""


SCHEMA_GROWN = 4409
"""With this code a server closes the sockets of those who know less than it does by now."""

QUIET = logging.getLogger("offbook.websockets")
QUIET.setLevel(logging.INFO)
"""Below that the library logs headers, and a token is one of them."""


class ChannelSignal(Enum):
    """What is no message."""

    WOKEN = "woken"


class Opened(NamedTuple):
    """The socket is open. ``shape`` is that of the server's tables, None where it said nothing of them."""

    shape: str | None


class SchemaGrown(Exception):
    """The server closed the socket since it knows more tables or fields than when that was opened."""


ChannelMessage = ChannelSignal | Opened | str | bytes | Exception
"""What comes of a wait. An exception is the end of the socket."""


class Channel:
    """At most one socket at a time. All but wake() is for the thread that waits."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds
        self._loop = asyncio.new_event_loop()
        self._inbox: asyncio.Queue[ChannelMessage] = asyncio.Queue(1)
        self._look_timer: asyncio.TimerHandle
        self._listen_task: asyncio.Task[None] | None = None
        self._send_task: asyncio.Task[None] | None = None
        self._socket: ClientConnection | None = None

    def open(self, server: str, token: str, cursor: str, shape: str) -> None:
        """Begin to open a socket, for a device with tables of this shape: wait() returns what became of it."""
        assert self._listen_task is None
        headers = {"Authorization": f"Bearer {token}", "Offbook-Protocol": PROTOCOL, SCHEMA_HEADER: shape}
        self._listen_task = self._loop.create_task(self._listen(address_of(server, cursor), headers))

    def wait(self, seconds: float, has_new_commit: Callable[[], bool]) -> ChannelMessage:
        """The next message; WOKEN when the time is up, when wake() was called, or once ``has_new_commit`` is true."""
        return self._loop.run_until_complete(self._receive(seconds, has_new_commit))

    def wake(self) -> None:
        """End a wait, from any thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(self._wake)

    def send(self, text: str) -> None:
        """Begin to send. A server that does not read holds nothing up here: it gives no answer either."""
        assert self._socket is not None
        self._send_task = self._loop.create_task(self._send(self._socket, text))
        self._loop.run_until_complete(asyncio.sleep(0))

    def close_socket(self) -> None:
        """Close the socket, if there is one."""
        if self._listen_task is not None:
            self._loop.run_until_complete(self._close_socket(self._listen_task))

    def close(self) -> None:
        """Close the socket and the loop. The channel can't be used any more."""
        self.close_socket()
        self._loop.close()

    # --- on the loop ---

    async def _receive(self, seconds: float, has_new_commit: Callable[[], bool]) -> ChannelMessage:
        self._schedule_look(has_new_commit)
        try:
            async with asyncio.timeout(seconds):
                return await self._inbox.get()
        except TimeoutError:
            return ChannelSignal.WOKEN
        finally:
            self._look_timer.cancel()

    def _schedule_look(self, has_new_commit: Callable[[], bool]) -> None:
        self._look_timer = self._loop.call_later(LOOK_SECONDS, self._look, has_new_commit)

    def _look(self, has_new_commit: Callable[[], bool]) -> None:
        if has_new_commit():
            self._wake()
        else:
            self._schedule_look(has_new_commit)

    def _wake(self) -> None:
        if self._inbox.empty():
            self._inbox.put_nowait(ChannelSignal.WOKEN)

    async def _listen(self, address: str, headers: Mapping[str, str]) -> None:
        proxy = None
        try:
            proxy = proxy_of(address)
            async with self._connect(address, headers, proxy) as socket:
                self._socket = socket
                await self._inbox.put(Opened(_shape_in(socket)))
                while True:
                    await self._inbox.put(await _receive_message(socket))
        except ConnectionClosedOK:
            await self._inbox.put(Offline.of(messages.CHANNEL_CLOSED))
        except Exception as error:
            opened = self._socket is not None
            await self._inbox.put(translate_error(error, address, None if opened else proxy))

    def _connect(self, address: str, headers: Mapping[str, str], proxy: str | None) -> connect:
        security: dict[str, Any] = {"ssl": ssl_context()} if address.startswith("wss:") else {}
        return websocket_to(
            address,
            headers,
            proxy=proxy,
            ping_seconds=self._seconds.ping,
            logger=QUIET,
            compression=None,
            open_timeout=None,  # the link's table has it
            close_timeout=CLOSE_SECONDS_MAX,
            max_size=MESSAGE_BYTES_MAX,
            max_queue=MESSAGES_MAX,
            **security,
        )

    async def _send(self, socket: ClientConnection, text: str) -> None:
        with suppress(ConnectionClosed):  # whoever listens hears of it
            await socket.send(text)

    async def _close_socket(self, listen_task: asyncio.Task[None]) -> None:
        if self._socket is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(2 * CLOSE_SECONDS_MAX):  # one that reads nothing takes no goodbye
                    await self._socket.close()
            self._socket.transport.abort()
        tasks = [task for task in (listen_task, self._send_task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        self._listen_task = self._send_task = self._socket = None
        self._inbox = asyncio.Queue(1)


def _shape_in(socket: ClientConnection) -> str | None:
    """What the server's answer to the handshake names."""
    return None if socket.response is None else socket.response.headers.get(SCHEMA_HEADER)


async def _receive_message(socket: ClientConnection) -> str | bytes:
    """The next message, however many pieces it comes in. Between them a server may answer pings for ever."""
    pieces = socket.recv_streaming()
    message: list[Any] = [await anext(pieces)]
    try:
        async with asyncio.timeout(MESSAGE_SECONDS_MAX):
            async for piece in pieces:
                message.append(piece)
                if len(message) > PIECES_MAX:
                    raise Offline.of(messages.TOO_MANY_PIECES, limit=PIECES_MAX)
    except TimeoutError:
        raise Offline.of(messages.MESSAGE_TOO_SLOW, seconds=MESSAGE_SECONDS_MAX) from None
    return message[0][:0].join(message)  # type: ignore[no-any-return]


def address_of(server: str, cursor: str) -> str:
    """Where the live channel of this server is. Credentials that stand in its address are not ours to send."""
    scheme, place, path, _, _ = urlsplit(server)
    scheme = {"http": "ws", "https": "wss"}[scheme]
    host = place.rpartition("@")[2]
    return urlunsplit((scheme, host, f"{path.rstrip('/')}/live", f"since={quote(cursor)}", ""))


def ssl_context() -> ssl.SSLContext:
    """Whom HTTP trusts: what works there is to work here."""
    return ssl.create_default_context(cafile=ca_bundle() or DEFAULT_CA_BUNDLE_PATH)


def translate_error(error: Exception, address: str = "", proxy: str | None = None) -> Exception:
    """What the end of a socket, or of the try to open one through this proxy, means to us."""
    place = addresses.display_address(address)
    match error:
        case InvalidStatus():
            return _translate_refusal(error, place, proxy)
        case OSError() | ProxyError() | InvalidProxy() | ImportError() if proxy is not None:
            why = addresses.without_passwords(str(error))
            return NoLive.of(
                messages.BAD_PROXY_FOR_CHANNEL, proxy=addresses.display_address(proxy), place=place, why=why
            )
        case ConnectionClosed() if error.rcvd is not None and error.rcvd.code == SCHEMA_GROWN:
            return SchemaGrown()
        case ConnectionClosed():
            return Offline.of(messages.CHANNEL_BROKE, reason=str(error))
        case OSError() | EOFError() | InvalidMessage():
            return Offline.of(messages.CHANNEL_NOT_OPENED, reason=str(error))
        case WebSocketException() | ImportError():  # a proxy of a kind that we can't use, an address that is none
            return NoLive.of(messages.CHANNEL_REFUSED, reason=str(error))
        case _:
            return error


def _translate_refusal(error: InvalidStatus, place: str, proxy: str | None) -> Exception:
    http_response = error.response
    source = place if proxy is None else f"{place} (through the proxy {addresses.display_address(proxy)})"
    response = Response(
        http_response.status_code, dict(http_response.headers.raw_items()), bytes(http_response.body or b""), source
    )
    try:
        refused: Exception = error_of(response)
    except ServerFault as fault:
        refused = fault
    if isinstance(refused, NotAuthorized | CursorGone):
        return refused
    return NoLive(messages.NO_CHANNEL.fault(status=response.status, reason=str(refused)), retry_after_seconds(response))
