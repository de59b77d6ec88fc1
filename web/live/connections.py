"""Sockets: what each listener costs the event loop, and nothing else does. No thread, no database, no endless queue.

A socket has two tasks. One receives what the device pushes, and stops while too much of it is unanswered. The other
sends: answers first, then one page after the other from the socket's own position, each when the one before is on
its way. Whoever takes pages slowly is sent fewer and larger ones, and holds nobody back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any

from config import Config
from offbook.core.errors import CursorGone
from offbook.core.model import Cursor
from services.container import Services
from web.live.access_monitor import AccessMonitor
from web.live.feeds import Feed, FeedPosition, Feeds
from web.live.handshake import Subscriber
from web.live.push_batcher import PushBatcher
from web.server.thread_pool import ThreadPool
from web.telemetry.events import Telemetry

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Message], Awaitable[None]]

UNANSWERED_MAX = 64
UNANSWERED_BYTES_MAX = 1024 * 1024
"""Pushes of one socket that are read before the first of them is answered."""

CURSOR_GONE = 4410

SCHEMA_GROWN = 4409
"""The server has more tables or fields than at the handshake: whoever knows schemas asks by HTTP which they are."""

FAILED = 1011

log = logging.getLogger("offbook.live")


class LiveSocket:
    """One open socket: a listener of its book's feed, and a sender of pushes.

    ``sent`` is called with the cursor of each page that went out when the socket had all before it.
    """

    def __init__(self, subscriber: Subscriber, send: Send, sent: Callable[[Cursor], None] | None = None) -> None:
        self.subscriber = subscriber
        self._sent = sent
        self.place = FeedPosition(subscriber.since, subscriber.sender.view)
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._send = send
        self._wakeup = asyncio.Event()
        self._room = asyncio.Event()
        self._answers: deque[str] = deque()
        self._unanswered = 0
        self._unanswered_bytes = 0

    # --- called by others ---

    def wake(self) -> None:
        """There may be a page or an answer to send."""
        self._wakeup.set()

    def disconnect(self) -> None:
        """Its cursor can't be served any more."""
        self.end(CURSOR_GONE)

    def end(self, code: int) -> None:
        """Close it, with this code."""
        if not self.ended.done():
            self.ended.set_result(code)

    def answer(self, text: str, size: int) -> None:
        """Send the answer to a push of ``size`` bytes."""
        self._answers.append(text)
        self._unanswered -= 1
        self._unanswered_bytes -= size
        self._room.set()
        self.wake()

    # --- its two tasks ---

    async def receive_pushes(self, receive: Receive, pushes: PushBatcher) -> None:
        """Take what the device pushes, until it leaves."""
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            body = message["bytes"] if text is None else text.encode()
            self._unanswered += 1
            self._unanswered_bytes += len(body)
            pushes.put(self, body)
            while self._unanswered >= UNANSWERED_MAX or self._unanswered_bytes >= UNANSWERED_BYTES_MAX:
                self._room.clear()
                await self._room.wait()

    async def send_pages(self, feed: Feed, feeds: Feeds) -> None:
        """Send what there is, whenever there is something. Raises CursorGone."""
        sent = None
        while True:
            await self._wakeup.wait()
            self._wakeup.clear()
            while self._answers or self._is_behind(feed):
                if self._answers:
                    await self._send_text(self._answers.popleft())
                else:
                    page = await feeds.page(feed, self.place)
                    await self._send_text(page.text)
                    self.place = self.place._replace(cursor=page.cursor)
                    if sent is not None:
                        sent(page.cursor)
                    if not self.subscriber.sender.knows(page.schema):
                        self.end(SCHEMA_GROWN)
            sent = self._sent

    def _is_behind(self, feed: Feed) -> bool:
        cursor = self.place.cursor
        return cursor is None or cursor.after is not None or cursor.seq < feed.head

    async def _send_text(self, text: str) -> None:
        """Returns when the message is in the socket's buffer, which is when there is room: so at the client's pace."""
        await self._send({"type": "websocket.send", "text": text})


class LiveSockets:
    """All open sockets of this process."""

    def __init__(self, services: Services, telemetry: Telemetry, threads: ThreadPool[Any], config: Config) -> None:
        self._config = config
        self._telemetry = telemetry
        self._clock = services.clock
        self._feeds = Feeds(services.store, services.open_notifications, threads)
        self._pushes = PushBatcher(services, telemetry, threads)
        self._monitor = AccessMonitor(services, threads)
        self._counts: Counter[object] = Counter()
        self._tasks = [asyncio.create_task(self._feeds.run()), asyncio.create_task(self._monitor.run())]

    async def close(self) -> None:
        """End what works for all sockets."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def has_room_for(self, subscriber: Subscriber) -> bool:
        """Whether one more socket of this subscriber may open."""
        return (
            self._counts.total() < self._config.sockets_max
            and self._counts[subscriber.name] < self._config.sockets_per_guest_max
        )

    async def serve(self, subscriber: Subscriber, receive: Receive, send: Send) -> None:
        """An accepted socket, until its end."""
        socket = LiveSocket(subscriber, send, self._note_sent if self._telemetry else None)
        who, began, code = (subscriber.book_id, *subscriber.name), self._clock(), None
        self._telemetry.socket_opened(*who)
        self._counts[subscriber.name] += 1
        self._monitor.add(socket)
        try:
            feed = await self._feeds.join(subscriber.book_id, socket)
            try:
                code = await self._until_its_end(socket, feed, receive)
            finally:
                self._feeds.leave(feed, socket)
        finally:
            self._monitor.remove(socket)
            self._counts[subscriber.name] -= 1
            self._telemetry.socket_closed(*who, code, (self._clock() - began) / 1e6)
        if code is not None:
            await send({"type": "websocket.close", "code": code})

    def _note_sent(self, cursor: Cursor) -> None:
        """A seq is the time of its commit."""
        self._telemetry.page_sent(max(0, self._clock() - cursor.seq) / 1e6)

    async def _until_its_end(self, socket: LiveSocket, feed: Feed, receive: Receive) -> int | None:
        """The code to close it with; None where the client left."""
        receiving = asyncio.create_task(socket.receive_pushes(receive, self._pushes))
        sending = asyncio.create_task(socket.send_pages(feed, self._feeds))
        try:
            ends: set[asyncio.Future[Any]] = {receiving, sending, socket.ended}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()
            sending.cancel()
            received, sent = await asyncio.gather(receiving, sending, return_exceptions=True)
        return socket.ended.result() if socket.ended.done() else code_of(received, sent)


def code_of(received: BaseException | None, sent: BaseException | None) -> int | None:
    """How to end a socket whose tasks ended so: one by itself, the other because it was cancelled then."""
    if received is None or isinstance(sent, OSError):  # the client said goodbye, or is gone
        return None
    if isinstance(sent, CursorGone):
        return CURSOR_GONE
    log.error("A socket failed", exc_info=sent if isinstance(sent, Exception) else received)
    return FAILED
