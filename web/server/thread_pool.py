"""The threads that answer requests, and the way there from the event loop and back.

asyncio's own way through an executor makes two futures with a lock each and chains them, which takes twice as long as
one. Nothing here knows what a request is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Generic, TypeVar

END_SECONDS = 5

Result = TypeVar("Result")
Job = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class ThreadPool(Generic[Result]):
    """So many threads, which start with the first work. Used from one event loop."""

    def __init__(self, count: int, name: str = "offbook") -> None:
        self._count = count
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._threads: list[Thread] = []

    async def run(self, work: Callable[[], Result]) -> Result:
        """What ``work`` returns or raises, in the thread that is free next."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        if not self._threads:
            self._start()
        self._jobs.put((work, done, loop))
        return await done

    def close(self) -> None:
        """Drop what no thread has begun, and wait for the rest, END_SECONDS at the most: what takes longer ends with
        the process, and its transaction leaves nothing behind."""
        with suppress(Empty):
            while (job := self._jobs.get_nowait()) is not None:
                job[1].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        end = monotonic() + END_SECONDS
        for thread in self._threads:
            thread.join(max(end - monotonic(), 0))
        self._threads = []

    def _start(self) -> None:
        self._threads = [Thread(target=self._work, name=f"{self._name}-{n}", daemon=True) for n in range(self._count)]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done, loop = job
            try:
                settle = partial(done.set_result, work())
            except BaseException as error:
                settle = partial(done.set_exception, error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_unless_left, done, settle)
            del job, work, done, settle  # or an idle thread would keep the last request's body


def _unless_left(done: asyncio.Future[Any], settle: Callable[[], None]) -> None:
    if not done.cancelled():
        settle()
