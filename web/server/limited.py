"""What any protocol of this server has: the limits, and an end for a client that takes nothing of what it is sent."""

from __future__ import annotations

import asyncio
from typing import ClassVar, TypeVar, cast

from config import Config
from web.server.transport import EndingTransport

Protocol = TypeVar("Protocol", bound="Limited")


class Limited(asyncio.Protocol):
    """Comes before a protocol that pauses while a client takes nothing, and lets it take its time."""

    limits: ClassVar[Config]
    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    send_timer: asyncio.TimerHandle | None = None

    def is_unread(self) -> bool:
        """Whether the client may be in the middle of sending something."""
        return False

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.send_timer is None:
            self.send_timer = self.loop.call_later(self.limits.send_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self.send_timer = stop(self.send_timer)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.send_timer = stop(self.send_timer)
        cast(EndingTransport, self.transport).lost()
        super().connection_lost(exc)


def limited(protocol: type[Protocol], config: Config) -> type[Protocol]:
    """The protocol with the limits of ``config``: uvicorn takes a class and makes the connections itself."""
    return type(protocol.__name__, (protocol,), {"limits": config})


def stop(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """Cancel a timer where there is one. Returns None, to be kept in its place."""
    if timer is not None:
        timer.cancel()
    return None
