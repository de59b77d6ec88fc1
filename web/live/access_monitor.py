"""Care for open sockets: a token that is revoked, or a session that ends, ends what was opened with it.

And how far each device is gets noted, for all in one commit. Both from time to time, for all sockets together; and at
once where this process has ended a session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol

from offbook.core.model import Cursor
from services.container import Services
from web.live.handshake import Subscriber
from web.server.thread_pool import ThreadPool

LOOK_SECONDS = 0.5
NOTE_EVERY = 10
"""Every so many looks, what got on is noted: every five seconds."""

SEEN_EVERY = 120
"""And all that are here: every minute."""

REVOKED = 4401

log = logging.getLogger("offbook.live")


class MonitoredSocket(Protocol):
    """An open socket, as far as the monitor needs it."""

    guest: Subscriber
    position: Cursor | None

    def end(self, code: int) -> None: ...


class AccessMonitor:
    """On the event loop; the database is asked in threads."""

    def __init__(self, parts: Services, threads: ThreadPool[Any]) -> None:
        self._parts = parts
        self._threads = threads
        self._sockets: set[MonitoredSocket] = set()
        self._places: dict[int, int | None] = {}
        self._noted: dict[int, int | None] = {}
        self._ended = asyncio.Event()

    def add(self, socket: MonitoredSocket) -> None:
        self._sockets.add(socket)

    def remove(self, socket: MonitoredSocket) -> None:
        self._sockets.discard(socket)
        self._place(socket)

    async def run(self) -> None:
        """Until cancelled; what can't be done now is tried at the next look."""
        loop, accounts = asyncio.get_running_loop(), self._parts.accounts
        accounts.on_end = partial(loop.call_soon_threadsafe, self._ended.set)
        looks = 0
        try:
            while True:
                if not await self._is_woken():
                    looks += 1
                await self._look(looks)
        finally:
            accounts.on_end = None

    async def _is_woken(self) -> bool:
        """Whether a session was ended before it was time for the next look."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            return False
        self._ended.clear()
        return True

    async def _look(self, looks: int) -> None:
        try:
            await self._end_revoked()
            if looks % NOTE_EVERY == 0:
                await self._threads.run(self._parts.accounts.store_ended)
                await self._note(all_of_them=looks % SEEN_EVERY == 0)
        except Exception:
            log.exception("Open sockets can't be looked after; it is tried again")

    async def _end_revoked(self) -> None:
        if not self._sockets:
            return
        guests = [socket.guest for socket in self._sockets]
        gone = await self._threads.run(partial(revoked_subscribers, self._parts, guests))
        for socket in list(self._sockets):
            if socket.guest in gone:
                socket.end(REVOKED)

    def _place(self, socket: MonitoredSocket) -> None:
        device = socket.guest.origin.device_id
        if device is not None:
            at = socket.position
            self._places[device] = None if at is None or at.after is not None else at.seq

    async def _note(self, all_of_them: bool) -> None:
        for socket in self._sockets:
            self._place(socket)
        places, self._places = self._places, {}
        news = {one: seq for one, seq in places.items() if all_of_them or self._noted.get(one) != seq}
        record = partial(self._parts.accounts.record_cursors, news, self._parts.clock())
        if news and not await self._threads.run(record):
            self._places = places | self._places
        else:
            self._noted = places


def revoked_subscribers(parts: Services, guests: Iterable[Subscriber]) -> set[Subscriber]:
    """Those whose token was revoked, or whose session is over. In a thread."""
    devices = {guest.origin.device_id for guest in guests if guest.origin.device_id is not None}
    sessions = [guest.session for guest in guests if guest.session is not None]
    revoked = parts.accounts.find_revoked(devices) if devices else ()
    over = parts.accounts.find_over(sessions, parts.clock()) if sessions else ()
    return {
        guest
        for guest in guests
        if guest.origin.device_id in revoked or (guest.session is not None and guest.session.id in over)
    }
