"""Whose request is worked on next: senders take turns, however many requests one of them sends. On the event loop."""

from __future__ import annotations

import asyncio
from collections import deque


class FairQueue:
    """``places``, of which no sender has more than ``each`` at a time.

    Whoever waits is let in sender by sender: one request of each, and then the next of the first again. So a request
    waits for as many others as there are senders, and not for all that one of them asks for (fair queuing: Nagle,
    RFC 970).
    """

    def __init__(self, places: int, each: int) -> None:
        self._free = places
        self._each = each
        self._inside: dict[bytes, int] = {}
        self._waiting: dict[bytes, deque[asyncio.Future[None]]] = {}
        """By sender; the sender whose turn is next comes first."""
        self._size = 0

    def size(self) -> int:
        """How many have a place or wait for one. From any thread."""
        return self._size

    async def enter(self, sender: bytes) -> None:
        """Return when there is a place; whoever was let in leaves."""
        self._size += 1
        if self._free and self._inside.get(sender, 0) < self._each:
            self._let_in(sender)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(sender, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._size -= 1
            else:  # it was let in at the same moment
                self.leave(sender)
            raise

    def leave(self, sender: bytes) -> None:
        """Give the place back, and let in whoever is next."""
        self._size -= 1
        self._free += 1
        inside = self._inside.pop(sender) - 1
        if inside:
            self._inside[sender] = inside
        if self._waiting:
            self._let_next_in()

    def _let_in(self, sender: bytes) -> None:
        self._free -= 1
        self._inside[sender] = self._inside.get(sender, 0) + 1

    def _let_next_in(self) -> None:
        for sender in list(self._waiting):
            if self._inside.get(sender, 0) >= self._each:
                continue
            turn = self._next_of(sender)
            if turn is not None:
                self._let_in(sender)
                turn.set_result(None)
                return

    def _next_of(self, sender: bytes) -> asyncio.Future[None] | None:
        """The sender's next request that still waits; the sender itself goes behind all others."""
        turns = self._waiting.pop(sender)
        while turns:
            turn = turns.popleft()
            if not turn.done():
                if turns:
                    self._waiting[sender] = turns
                return turn
        return None
