"""Between processes: on the event loop, storage.commit_notifications polled, and this process's commits published.

A poll takes microseconds, so it is made every few milliseconds. Publishing is done in a thread, at most one message at
a time however many commits there are meanwhile. Where nothing can be received any more, books are checked all the same,
and the notifications are opened again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any

from storage.base import CommitNotifications
from web.server.thread_pool import ThreadPool

POLL_SECONDS = 0.01
"""How often other processes' commits are checked_at for."""

AGAIN_SECONDS = 1.0
"""How soon after a failure the notifications are opened again."""

log = logging.getLogger("offbook.live")


class PeerNotifier:
    """``check`` is called with books in which others may have committed, and with None for all."""

    def __init__(
        self,
        open_notifications: Callable[[], CommitNotifications],
        threads: ThreadPool[Any],
        check: Callable[[Collection[int] | None], Awaitable[None]],
    ) -> None:
        self._open_notifications = open_notifications
        self._threads = threads
        self._check = check
        self._notifications: CommitNotifications | None = None
        self._is_closed = False
        self._unpublished: set[int] = set()
        self._has_unpublished = asyncio.Event()

    @property
    def needs_publish(self) -> bool:
        """Whether commits must be published; until that is known, they must."""
        return self._notifications is None or self._notifications.needs_publish

    def committed(self, book_id: int) -> None:
        """This process has committed in the book."""
        if self.needs_publish:
            self._unpublished.add(book_id)
            self._has_unpublished.set()

    async def run(self) -> None:
        """Follow others until cancelled, and never again."""
        try:
            while True:
                await self._listen()
                await asyncio.sleep(AGAIN_SECONDS)
                await self._check(None)
        finally:
            self._is_closed = True
            self._close()

    async def _listen(self) -> None:
        """Follow until nothing can be received any more. What happened before is checked for first."""
        publishing: asyncio.Task[None] | None = None
        try:
            notifications = await self._threads.run(self._open)
            publishing = asyncio.create_task(self._publish(notifications))
            await self._check(None)
            await self._poll(notifications)
        except Exception as error:
            log.warning("Other processes are not heard (%s); it is tried again", type(error).__name__)
        finally:
            if publishing is not None:
                publishing.cancel()
            self._close()

    def _open(self) -> CommitNotifications:
        """In a thread, which may come too late."""
        self._notifications = notifications = self._open_notifications()
        if self._is_closed:
            self._close()
        return notifications

    def _close(self) -> None:
        notifications, self._notifications = self._notifications, None
        if notifications is not None:
            notifications.close()

    async def _poll(self, notifications: CommitNotifications) -> None:
        clock = asyncio.get_running_loop().time
        checked_at = clock()
        while True:
            await asyncio.sleep(POLL_SECONDS)
            books = notifications.poll()
            if clock() - checked_at >= notifications.poll_seconds:
                books = None
            if books is None:
                checked_at = clock()
            if books is None or books:
                await self._check(books)

    async def _publish(self, notifications: CommitNotifications) -> None:
        """What could not be published is seen by the others' own check of all books."""
        while True:
            await self._has_unpublished.wait()
            self._has_unpublished.clear()
            books, self._unpublished = self._unpublished, set()
            try:
                await self._threads.run(partial(notifications.publish, books))
            except Exception as error:
                log.warning("Other processes can't be told of commits (%s)", type(error).__name__)
