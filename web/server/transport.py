"""A transport whose end is an end: what was sent last can be read, and nobody holds a socket by taking nothing.

asyncio's close() waits without limit for a client that takes nothing of what is still to be sent. And where a client is
still sending, the system answers a closed socket with a reset, which takes the last answer out of the client's hands.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Protocol, cast

LINGER_SECONDS = 1.0
"""How long a client that is told that this is the end may go on sending, for nothing."""


class Reader(Protocol):
    """What a protocol says of its client."""

    def is_unread(self) -> bool:
        """Whether it may be in the middle of sending something."""
        ...


class EndingTransport(asyncio.Transport):
    """Does what ``socket`` does, but ends in time: a client may take ``send_seconds`` for the rest of its answer."""

    def __init__(self, socket: asyncio.Transport, loop: asyncio.AbstractEventLoop, send_seconds: float) -> None:
        super().__init__()
        self.write = socket.write  # type: ignore[method-assign]  # twice a request
        self._socket = socket
        self._loop = loop
        self._send_seconds = send_seconds
        self._is_lingering = False
        self._deadline: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """End when all is sent; in stages (RFC 9112, 9.6) where the client is still sending, so that it can be read."""
        if self.is_closing():
            return
        is_unsent = self._socket.get_write_buffer_size() > 0
        if cast(Reader, self._socket.get_protocol()).is_unread():
            self._is_lingering = True
            self.write = drop  # type: ignore[method-assign]
            with suppress(OSError):  # the client is gone
                self._socket.write_eof()
            self._socket.resume_reading()
            self._end_in(self._send_seconds if is_unsent else LINGER_SECONDS)
        else:
            self._socket.close()
            if is_unsent:
                self._end_in(self._send_seconds)

    def _end_in(self, seconds: float) -> None:
        self._deadline = self._loop.call_later(seconds, self._socket.abort)

    def lost(self) -> None:
        """The connection is."""
        if self._deadline is not None:
            self._deadline.cancel()

    def is_closing(self) -> bool:
        return self._is_lingering or self._socket.is_closing()

    def abort(self) -> None:
        self._socket.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket.get_extra_info(name, default)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._socket.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._socket.set_protocol(protocol)

    def get_write_buffer_size(self) -> int:
        return self._socket.get_write_buffer_size()

    def pause_reading(self) -> None:
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        self._socket.resume_reading()


def drop(data: object) -> None:
    """What is written after the end."""
