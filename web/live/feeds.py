"""Feeds: what the listeners of a book share. Each page is made once, for all that wait at the same cursor.

A commit of this process comes at once, from the thread that made it; one of another process by
web.live.peer_notifications. Either only says that there is something new: what it is, each listener reads from its own
cursor, so that nothing can be missed, and one that was slow gets fewer and larger pages.

All of it lives on the event loop. Stores are read in threads, a few at a time, or HTTP would wait behind listeners.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

import orjson

from offbook.core.model import Cursor
from offbook.core.protocol.view import View
from offbook.core.schema import Schema
from services.sync.pull import pull
from services.sync.responses import page_json
from storage.base import CommitNotifications, LiveStore, Store
from web.live.peer_notifications import PeerNotifier
from web.server.thread_pool import ThreadPool

PAGES_AT_ONCE = 2
WAKE_AT_ONCE = 32
"""So many listeners are served before the loop looks at anything else, such as a request."""

NO_BOOK = ("", 0)
"""The epoch and seq of a book that a restored database does not have."""

log = logging.getLogger("offbook.live")


@dataclass(frozen=True, slots=True)
class SentPage:
    """A page as it goes over a socket, and where it leaves the listener; ``schema`` is what the server had by then."""

    text: str
    cursor: Cursor
    schema: Schema


class FeedPosition(NamedTuple):
    """Where a listener is: the cursor of the last page that it was sent, and what it is shown of a book."""

    cursor: Cursor | None
    view: View


class Listener(Protocol):
    """``place`` is where it is by the pages that it was sent."""

    place: FeedPosition

    def wake(self) -> None:
        """There may be a new page."""
        ...

    def disconnect(self) -> None:
        """Its cursor can't be served any more."""
        ...


@dataclass(slots=True, eq=False)
class Feed:
    """One book. ``pages`` are those after each place that some listener is at, as they are now."""

    book_id: int
    epoch: str
    head: int
    listeners: set[Listener] = field(default_factory=set)
    pages: dict[FeedPosition, asyncio.Task[SentPage]] = field(default_factory=dict)
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    fan_out_task: asyncio.Task[None] | None = None


class Feeds:
    """Every book that anyone listens to."""

    def __init__(
        self, store: LiveStore, open_notifications: Callable[[], CommitNotifications], threads: ThreadPool[Any]
    ) -> None:
        self._store = store
        self._threads = threads
        self._peers = PeerNotifier(open_notifications, threads, self._check)
        self._feeds: dict[int, Feed] = {}
        self._room = asyncio.Semaphore(PAGES_AT_ONCE)
        self._loop = asyncio.get_running_loop()

    # --- listeners ---

    async def join(self, book_id: int, listener: Listener) -> Feed:
        """Listen from now on: what is there already, and what comes."""
        if book_id not in self._feeds:
            latest_seqs = await self._threads.run(partial(self._store.latest_seqs, [book_id]))
            epoch, head = latest_seqs[book_id]
            feed = self._feeds.setdefault(book_id, Feed(book_id, epoch, head))
            feed.fan_out_task = feed.fan_out_task or self._loop.create_task(self._fan_out(feed))
        feed = self._feeds[book_id]
        feed.listeners.add(listener)
        listener.wake()
        if listener.place.cursor is not None and listener.place.cursor.epoch != feed.epoch:
            listener.disconnect()  # the database was put back since the handshake
        return feed

    def leave(self, feed: Feed, listener: Listener) -> None:
        """Listen no more. The last who leaves ends the feed."""
        feed.listeners.discard(listener)
        if not feed.listeners and self._feeds.pop(feed.book_id, None) is feed and feed.fan_out_task is not None:
            feed.fan_out_task.cancel()

    async def page(self, feed: Feed, place: FeedPosition) -> SentPage:
        """The page after this place, made for all who ask for it. Raises CursorGone."""
        task = feed.pages.get(place)
        if task is None:
            task = feed.pages[place] = self._loop.create_task(self._make(feed, place))
        return await asyncio.shield(task)

    async def _make(self, feed: Feed, place: FeedPosition) -> SentPage:
        try:
            async with self._room:
                page: SentPage = await self._threads.run(partial(make_page, self._store, feed.book_id, place))
                return page
        except BaseException:
            feed.pages.pop(place, None)
            raise

    # --- commits ---

    async def run(self) -> None:
        """Follow the commits of every process, until cancelled."""
        self._store.on_commit = self._on_commit_in_thread
        try:
            await self._peers.run()
        finally:
            self._store.on_commit = None

    def _on_commit_in_thread(self, book_id: int, seq: int) -> None:
        """The loop is not woken for nothing: whoever joins a moment later reads what is there then."""
        if self._peers.needs_publish or book_id in self._feeds:
            self._loop.call_soon_threadsafe(self._on_commit, book_id, seq)

    def _on_commit(self, book_id: int, seq: int) -> None:
        self._peers.committed(book_id)
        self._advance(book_id, seq)

    def _advance(self, book_id: int, seq: int) -> None:
        feed = self._feeds.get(book_id)
        if feed is not None and seq > feed.head:
            feed.head = seq
            feed.pages = {}
            feed.wakeup.set()

    async def _check(self, books: Collection[int] | None) -> None:
        """Look at those of these books, or of all, that anyone listens to."""
        book_ids = [book_id for book_id in self._feeds if books is None or book_id in books]
        if not book_ids:
            return
        try:
            latest_seqs = await self._threads.run(partial(self._store.latest_seqs, book_ids))
        except Exception:
            log.exception("The database can't be read for the live channel; it is tried again")
            return
        for book_id in book_ids:
            feed = self._feeds.get(book_id)
            epoch, seq = latest_seqs.get(book_id, NO_BOOK)
            if feed is not None and epoch != feed.epoch:
                self._replace(feed, epoch, seq)
            self._advance(book_id, seq)

    def _replace(self, feed: Feed, epoch: str, seq: int) -> None:
        """Another database is in this one's place: no cursor of any listener means anything to it."""
        feed.epoch, feed.head, feed.pages = epoch, seq, {}
        for listener in feed.listeners:
            listener.disconnect()

    async def _fan_out(self, feed: Feed) -> None:
        """Wake the listeners: those at one place together, when their page is there, and a few at a time."""
        while True:
            await feed.wakeup.wait()
            feed.wakeup.clear()
            for place, group in group_by_place(feed.listeners).items():
                if len(group) > 1:
                    await asyncio.gather(self.page(feed, place), return_exceptions=True)
                for start in range(0, len(group), WAKE_AT_ONCE):
                    for listener in group[start : start + WAKE_AT_ONCE]:
                        listener.wake()
                    await asyncio.sleep(0)


def group_by_place(listeners: Iterable[Listener]) -> dict[FeedPosition, list[Listener]]:
    """The listeners by the place that they are at."""
    groups: dict[FeedPosition, list[Listener]] = defaultdict(list)
    for listener in listeners:
        groups[listener.place].append(listener)
    return groups


def make_page(store: Store, book_id: int, place: FeedPosition) -> SentPage:
    """Read a page. In a thread."""
    page = pull(store, book_id, place.cursor, view=place.view)
    return SentPage(orjson.dumps(page_json(page, place.cursor)).decode(), page.cursor, store.schema)
