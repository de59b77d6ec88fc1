"""Between processes: on the event loop, what storage.commit_notifications hears, and what it is told.

A look at what was heard takes microseconds, so it is made every few milliseconds. What must be said is said in a
thread, at most one message at a time however many commits there are meanwhile. Where nothing can be heard any more,
books are looked at all the same, and the news is opened again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any

from storage.base import CommitNotifications
from web.server.thread_pool import ThreadPool

LOOK_SECONDS = 0.01
"""How often other processes' commits are looked for."""

AGAIN_SECONDS = 1.0
"""How soon after a failure the news is opened again."""

log = logging.getLogger("offbook.live")


class PeerNotifier:
    """``look`` is called with books in which others may have committed, and with None for all."""

    def __init__(
        self,
        open_notifications: Callable[[], CommitNotifications],
        threads: ThreadPool[Any],
        look: Callable[[Collection[int] | None], Awaitable[None]],
    ) -> None:
        self._open_notifications = open_notifications
        self._threads = threads
        self._look = look
        self._news: CommitNotifications | None = None
        self._over = False
        self._untold: set[int] = set()
        self._to_tell = asyncio.Event()

    @property
    def needs_publish(self) -> bool:
        """Whether others must be told of commits; until that is known, they must."""
        return self._news is None or self._news.needs_publish

    def committed(self, book_id: int) -> None:
        """This process has."""
        if self.needs_publish:
            self._untold.add(book_id)
            self._to_tell.set()

    async def run(self) -> None:
        """Until cancelled, and never again."""
        try:
            while True:
                await self._listen()
                await asyncio.sleep(AGAIN_SECONDS)
                await self._look(None)
        finally:
            self._over = True
            self._close()

    async def _listen(self) -> None:
        """Until nothing can be heard any more. What happened before it could be heard is looked for first."""
        telling: asyncio.Task[None] | None = None
        try:
            news = await self._threads.run(self._opened)
            telling = asyncio.create_task(self._tell(news))
            await self._look(None)
            await self._hear(news)
        except Exception as error:
            log.warning("Other processes are not heard (%s); it is tried again", type(error).__name__)
        finally:
            if telling is not None:
                telling.cancel()
            self._close()

    def _opened(self) -> CommitNotifications:
        """In a thread, which may come too late."""
        self._news = news = self._open_notifications()
        if self._over:
            self._close()
        return news

    def _close(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.close()

    async def _hear(self, news: CommitNotifications) -> None:
        clock = asyncio.get_running_loop().time
        looked = clock()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            books = news.changed_books()
            if clock() - looked >= news.poll_seconds:
                books = None
            if books is None:
                looked = clock()
            if books is None or books:
                await self._look(books)

    async def _tell(self, news: CommitNotifications) -> None:
        """What could not be told is seen by the others' own look at all books."""
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            books, self._untold = self._untold, set()
            try:
                await self._threads.run(partial(news.publish, books))
            except Exception as error:
                log.warning("Other processes can't be told of commits (%s)", type(error).__name__)
