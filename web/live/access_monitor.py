"""Ends open sockets whose token was revoked or whose session ended, and notes how far each device is.

Both from time to time, for all sockets together and in one commit; and at once where this process ended a session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any, Protocol

from services.container import Services
from web.live.feeds import FeedPosition
from web.live.handshake import Subscriber
from web.server.thread_pool import ThreadPool

CHECK_SECONDS = 0.5
NOTE_EVERY = 10
"""Every so many checks, cursors that moved are noted: every five seconds."""

SEEN_EVERY = 120
"""And those of all open sockets: every minute."""

REVOKED = 4401

log = logging.getLogger("offbook.live")


class MonitoredSocket(Protocol):
    """An open socket, as far as the monitor needs it."""

    subscriber: Subscriber
    place: FeedPosition

    def end(self, code: int) -> None:
        """Close it, with this code."""
        ...


class AccessMonitor:
    """On the event loop; the database is read in threads."""

    def __init__(self, services: Services, threads: ThreadPool[Any]) -> None:
        self._services = services
        self._threads = threads
        self._sockets: set[MonitoredSocket] = set()
        self._cursors: dict[int, int | None] = {}
        self._noted: dict[int, int | None] = {}
        self._ended = asyncio.Event()

    def add(self, socket: MonitoredSocket) -> None:
        """Watch this socket from now on."""
        self._sockets.add(socket)

    def remove(self, socket: MonitoredSocket) -> None:
        """It has ended: only its cursor is still to be noted."""
        self._sockets.discard(socket)
        self._remember_cursor(socket)

    async def run(self) -> None:
        """Check until cancelled; what can't be done now is tried at the next check."""
        loop, accounts = asyncio.get_running_loop(), self._services.accounts
        accounts.on_end = partial(loop.call_soon_threadsafe, self._ended.set)
        checks = 0
        try:
            while True:
                if not await self._is_woken():
                    checks += 1
                await self._check(checks)
        finally:
            accounts.on_end = None

    async def _is_woken(self) -> bool:
        """Whether a session was ended before it was time for the next check."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            return False
        self._ended.clear()
        return True

    async def _check(self, checks: int) -> None:
        try:
            await self._end_revoked()
            if checks % NOTE_EVERY == 0:
                await self._threads.run(self._services.accounts.store_ended)
                await self._note_cursors(is_all=checks % SEEN_EVERY == 0)
        except Exception:
            log.exception("Open sockets can't be looked after; it is tried again")

    async def _end_revoked(self) -> None:
        if not self._sockets:
            return
        subscribers = [socket.subscriber for socket in self._sockets]
        revoked = await self._threads.run(partial(revoked_subscribers, self._services, subscribers))
        for socket in list(self._sockets):
            if socket.subscriber in revoked:
                socket.end(REVOKED)

    def _remember_cursor(self, socket: MonitoredSocket) -> None:
        device = socket.subscriber.origin.device_id
        if device is not None:
            cursor = socket.place.cursor
            self._cursors[device] = None if cursor is None or cursor.after is not None else cursor.seq

    async def _note_cursors(self, is_all: bool) -> None:
        for socket in self._sockets:
            self._remember_cursor(socket)
        cursors, self._cursors = self._cursors, {}
        moved = {device: seq for device, seq in cursors.items() if is_all or self._noted.get(device) != seq}
        note = partial(self._services.accounts.record_cursors, moved, self._services.clock())
        if moved and not await self._threads.run(note):
            self._cursors = cursors | self._cursors
        else:
            self._noted = cursors


def revoked_subscribers(services: Services, subscribers: Iterable[Subscriber]) -> set[Subscriber]:
    """Those whose token was revoked, or whose session is over. In a thread."""
    devices = {subscriber.origin.device_id for subscriber in subscribers if subscriber.origin.device_id is not None}
    sessions = [subscriber.session for subscriber in subscribers if subscriber.session is not None]
    revoked = services.accounts.find_revoked(devices) if devices else ()
    over = services.accounts.find_over(sessions, services.clock()) if sessions else ()
    return {
        subscriber
        for subscriber in subscribers
        if subscriber.origin.device_id in revoked or (subscriber.session is not None and subscriber.session.id in over)
    }
