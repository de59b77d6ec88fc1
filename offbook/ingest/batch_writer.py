"""Between the network and the file: gathers messages, and commits them in time.

What the file refuses for now (no room on the disk, another process that writes) is kept and tried again. Meanwhile
nothing is taken in beyond one batch: who brings messages waits.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from offbook.database.connection import SqliteError
from offbook.ingest.batch import MessageBatch
from offbook.ingest.errors import WriteFailed
from offbook.ingest.settings import IngestSettings, is_full
from offbook.ingest.stream_file import StreamWriter

Event = dict[str, Any]
Tell = Callable[[Event], None]
Clock = Callable[[], int]
"""Microseconds since 1970."""

PASSING = ("BUSY", "LOCKED", "FULL", "IOERR", "READONLY", "CANTOPEN", "NOMEM")
"""What a disk or another process may stop being the reason for. The rest is the file's own fault, and stays."""


class BatchWriter:
    """Call add() for each message, and keep() when ``is_full``.

    ``stored`` counts what is on disk; the last message came at ``heard_at``, in microseconds since 1970.
    """

    def __init__(self, file: StreamWriter, settings: IngestSettings, clock: Clock, tell: Tell) -> None:
        self.stored = 0
        self.heard_at = 0
        self._file = file
        self._settings = settings
        self._clock = clock
        self._tell = tell
        self._batch = MessageBatch()
        self._turn = asyncio.Lock()
        self._called = asyncio.Event()
        self._ending = asyncio.Event()
        self._next_at = 0.0
        self._give_up_at = math.inf

    @property
    def is_full(self) -> bool:
        return is_full(self._batch, self._settings)

    def add(self, payload: str | bytes) -> None:
        self.heard_at = self._clock()
        self._batch.add(self.heard_at, payload)
        if not self._called.is_set():
            self._called.set()

    async def run(self) -> None:
        """Commit at once, but not all the time; let the file know that we live where nothing else does; until end()."""
        while not self._ending.is_set():
            if await _comes(self._called, self._settings.beat_seconds):
                await _comes(self._ending, self._next_at - asyncio.get_running_loop().time())
                await self.keep()
            else:
                await self.note(lambda: self._file.commit(MessageBatch(), self._clock()))

    def end(self) -> None:
        """Wait for nothing more. A commit that fails is tried for a little longer, and not for ever."""
        self._give_up_at = asyncio.get_running_loop().time() + self._settings.end_seconds
        self._ending.set()
        self._called.set()

    async def keep(self) -> None:
        """Commit all there is, sooner or later. Raises Unkept when it can't be."""
        async with self._turn:
            if self._batch:
                await self._until_done(self._commit)

    async def note(self, write: Callable[[], None]) -> None:
        """Something else to be written, behind all that was added before."""
        await self.keep()
        async with self._turn:
            await self._until_done(write)

    def _commit(self) -> None:
        self._next_at = asyncio.get_running_loop().time() + self._settings.batch_seconds
        self._file.commit(self._batch, self._clock())
        self.stored += len(self._batch)
        self._batch = MessageBatch()
        self._called.clear()

    async def _until_done(self, write: Callable[[], None]) -> None:
        is_told = False
        while True:
            try:
                write()
                break
            except SqliteError as error:
                if asyncio.get_running_loop().time() >= self._give_up_at or not _may_pass(error):
                    raise WriteFailed(_sentence(self._file, error, len(self._batch))) from error
                if not is_told:
                    self._tell({"event": "waiting", "reason": str(error)})
                    is_told = True
                await asyncio.sleep(self._settings.retry_seconds)
        if is_told:
            self._tell({"event": "writing"})


async def _comes(event: asyncio.Event, seconds_max: float) -> bool:
    """Wait for it, but no longer: whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds_max):
            await event.wait()
    return event.is_set()


def _may_pass(error: SqliteError) -> bool:
    """By the code's name: SQLITE_IOERR_WRITE is an SQLITE_IOERR."""
    name: str = getattr(error, "sqlite_errorname", "")
    return name.removeprefix("SQLITE_").split("_")[0] in PASSING


def _sentence(file: StreamWriter, error: SqliteError, messages: int) -> str:
    lost = f", and {messages:,} messages that were received could not be stored" if messages else ""
    return f"{file.path} can't be written to ({error}){lost}."
