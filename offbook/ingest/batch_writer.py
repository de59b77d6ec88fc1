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
Report = Callable[[Event], None]
Clock = Callable[[], int]
"""Microseconds since 1970."""

TEMPORARY_ERRORS = ("BUSY", "LOCKED", "FULL", "IOERR", "READONLY", "CANTOPEN", "NOMEM")
"""What a disk or another process may stop being the reason for. The rest is the file's own fault, and stays."""


class BatchWriter:
    """Call add() for each message, and commit_all() when ``is_full``.

    ``stored`` counts what is on disk; the last message came at ``last_message_us``, in microseconds since 1970.
    """

    def __init__(self, file: StreamWriter, settings: IngestSettings, clock: Clock, report: Report) -> None:
        self.stored = 0
        self.last_message_us = 0
        self._file = file
        self._settings = settings
        self._clock = clock
        self._report = report
        self._batch = MessageBatch()
        self._write_lock = asyncio.Lock()
        self._has_messages = asyncio.Event()
        self._ending = asyncio.Event()
        self._next_at = 0.0
        self._give_up_at = math.inf

    @property
    def is_full(self) -> bool:
        """Whether no more may be added before commit_all()."""
        return is_full(self._batch, self._settings)

    def add(self, payload: str | bytes) -> None:
        """Take a message in, as of now. It is committed soon."""
        self.last_message_us = self._clock()
        self._batch.add(self.last_message_us, payload)
        if not self._has_messages.is_set():
            self._has_messages.set()

    async def run(self) -> None:
        """Commit at once, but not all the time; let the file know that we live where nothing else does; until end()."""
        while not self._ending.is_set():
            if await _wait_for(self._has_messages, self._settings.beat_seconds):
                await _wait_for(self._ending, self._next_at - asyncio.get_running_loop().time())
                await self.commit_all()
            else:
                await self.write_behind(lambda: self._file.commit(MessageBatch(), self._clock()))

    def end(self) -> None:
        """Wait for nothing more. A commit that fails is tried for a little longer, and not for ever."""
        self._give_up_at = asyncio.get_running_loop().time() + self._settings.end_seconds
        self._ending.set()
        self._has_messages.set()

    async def commit_all(self) -> None:
        """Commit all that was added, however often it must be tried. Raises WriteFailed where it can't be."""
        async with self._write_lock:
            if self._batch:
                await self._retry_until_done(self._commit)

    async def write_behind(self, write: Callable[[], None]) -> None:
        """Something else to be written, behind all that was added before."""
        await self.commit_all()
        async with self._write_lock:
            await self._retry_until_done(write)

    def _commit(self) -> None:
        self._next_at = asyncio.get_running_loop().time() + self._settings.batch_seconds
        self._file.commit(self._batch, self._clock())
        self.stored += len(self._batch)
        self._batch = MessageBatch()
        self._has_messages.clear()

    async def _retry_until_done(self, write: Callable[[], None]) -> None:
        is_reported = False
        while True:
            try:
                write()
                break
            except SqliteError as error:
                if asyncio.get_running_loop().time() >= self._give_up_at or not _is_temporary(error):
                    raise WriteFailed(_failure_text(self._file, error, len(self._batch))) from error
                if not is_reported:
                    self._report({"event": "waiting", "reason": str(error)})
                    is_reported = True
                await asyncio.sleep(self._settings.retry_seconds)
        if is_reported:
            self._report({"event": "writing"})


async def _wait_for(event: asyncio.Event, seconds_max: float) -> bool:
    """Wait for it, but no longer: whether it came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds_max):
            await event.wait()
    return event.is_set()


def _is_temporary(error: SqliteError) -> bool:
    """By the code's name: SQLITE_IOERR_WRITE is an SQLITE_IOERR."""
    name: str = getattr(error, "sqlite_errorname", "")
    return name.removeprefix("SQLITE_").split("_")[0] in TEMPORARY_ERRORS


def _failure_text(file: StreamWriter, error: SqliteError, messages: int) -> str:
    lost = f", and {messages:,} messages that were received could not be stored" if messages else ""
    return f"{file.path} can't be written to ({error}){lost}."
