"""The connection: made, read from, and made again for ever.

What comes goes to a BatchWriter, and what happens is reported as events: ``connected``, ``away``, ``waiting`` (for the
file), ``writing`` (again) and ``status``.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from offbook.core.backoff import backoff_seconds
from offbook.core.stream_format import SECOND_US
from offbook.ingest.batch_writer import BatchWriter, Clock, Report
from offbook.ingest.disconnects import Disconnect, describe_close, describe_open_failure
from offbook.ingest.settings import IngestSettings, failures_after
from offbook.ingest.stream_file import StreamWriter
from offbook.ingest.url import Address
from offbook.live.websocket_client import proxy_of, websocket_to

T = TypeVar("T")

QUEUE_FRAMES_MAX = 1
"""Nothing more is read while so many wait. A read brings a thousand small messages at once; of large ones, two."""

STATUS_SECONDS = 1.0

WEBSOCKET_LOGGER = logging.getLogger("offbook.ingest.websockets")
"""The library's own log. What matters of it is reported as an event, and its words may hold the URL."""
WEBSOCKET_LOGGER.addHandler(logging.NullHandler())
WEBSOCKET_LOGGER.propagate = False


class EndRequested(Exception):
    """The end was asked for while there was nothing that has to be brought to an end."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What is wanted: from where, in which way, and what is said to the server after each connecting."""

    address: Address
    settings: IngestSettings = IngestSettings()
    greetings: Sequence[str] = ()


async def ingest(
    stream: Stream, file: StreamWriter, clock: Clock, rng: Random, report: Report, end: threading.Event
) -> int:
    """Store what comes until ``end`` is set, and return how many messages that were.

    ``clock`` returns microseconds. Raises StreamRefused where the first connection is refused for good, WriteFailed and
    FileLocked where the file fails.
    """
    writer = BatchWriter(file, stream.settings, clock, report)
    receiver = Receiver(stream, writer, file, clock, rng, report)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_forward_end(end, receiver.ended))
            tasks.create_task(writer.run())
            status_task = tasks.create_task(_report_status(writer, report))
            try:
                await receiver.run()
            finally:
                end.set()
                writer.end()
                status_task.cancel()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    finally:
        await writer.write_behind(lambda: file.stop(clock()))
    return writer.stored


async def _forward_end(end: threading.Event, ended: asyncio.Event) -> None:
    """Signals are for threads; a thread waits for them in any loop, on any system."""
    await asyncio.to_thread(end.wait)
    ended.set()


async def _report_status(writer: BatchWriter, report: Report) -> None:
    before, loop = 0, asyncio.get_running_loop()
    reported_at = loop.time()
    while True:
        await asyncio.sleep(STATUS_SECONDS)
        stored, loop_seconds = writer.stored, loop.time()
        report({"event": "status", "messages": stored, "rate": round((stored - before) / (loop_seconds - reported_at))})
        before, reported_at = stored, loop_seconds


class Receiver:
    """Keeps a connection for as long as it is wanted. Set ``ended`` to have it say goodbye."""

    def __init__(
        self, stream: Stream, writer: BatchWriter, file: StreamWriter, clock: Clock, rng: Random, report: Report
    ) -> None:
        self.ended = asyncio.Event()
        self._stream = stream
        self._writer = writer
        self._file = file
        self._clock = clock
        self._rng = rng
        self._report = report
        self._has_connected = False
        self._proxy: str | None = None

    async def run(self) -> None:
        """Connect for ever, later and later while that fails. Raises StreamRefused where it can't begin."""
        failures, settings = 0, self._stream.settings
        with suppress(EndRequested):
            while True:
                disconnect, held_seconds = await self._connect_once()
                failures = failures_after(failures, held_seconds, settings)
                backoff = backoff_seconds(
                    failures, self._rng.random(), settings.backoff_seconds_min, settings.backoff_seconds_max
                )
                seconds = max(disconnect.wait_seconds, backoff)
                await self._note_gap(disconnect)
                self._report({"event": "away", "reason": disconnect.reason, "retry_seconds": round(seconds, 2)})
                await self._unless_ended(asyncio.sleep(seconds))

    async def _connect_once(self) -> tuple[Disconnect, float]:
        """Keep one connection until it ends. Returns why it did, and how many seconds it held. Raises EndRequested."""
        address, settings = self._stream.address, self._stream.settings
        try:
            connection = await self._unless_ended(self._open())
        except EndRequested:
            raise
        except Exception as error:
            disconnect = describe_open_failure(error, settings, self._proxy)
            if disconnect.final is not None and not self._has_connected:
                raise disconnect.final(f"{address.shown}: {disconnect.reason}") from None
            return disconnect, 0.0
        self._has_connected, since = True, asyncio.get_running_loop().time()
        try:
            async with connection:
                await self._writer.write_behind(lambda: self._file.close_gap(self._clock()))
                self._report({"event": "connected"})
                await self._receive(connection)
        except ConnectionClosed as error:
            if self.ended.is_set():
                raise EndRequested from None
            return describe_close(error, address, settings), asyncio.get_running_loop().time() - since
        raise AssertionError("receiving ends with the connection")

    async def _open(self) -> ClientConnection:
        """Pings notice a line that is dead; a message is measured before it is read, and again while it is unpacked."""
        address, settings = self._stream.address, self._stream.settings
        self._proxy = proxy_of(address.url)
        return await websocket_to(
            address.url,
            address.headers,
            proxy=self._proxy,
            ping_seconds=settings.ping_seconds,
            logger=WEBSOCKET_LOGGER,
            compression="deflate" if settings.unpack else None,
            max_size=settings.message_bytes_max,
            max_queue=QUEUE_FRAMES_MAX,
            open_timeout=settings.open_seconds,
            close_timeout=settings.close_seconds,
        )

    async def _receive(self, connection: ClientConnection) -> None:
        """Until the connection is closed, by whomever: what the server sent before it knew is still taken in."""
        writer = self._writer
        with self._closed_on_end(connection):
            for greeting in self._stream.greetings:
                await connection.send(greeting)
            while True:
                writer.add(await connection.recv())
                if writer.is_full:
                    await writer.commit_all()

    @contextmanager
    def _closed_on_end(self, connection: ClientConnection) -> Iterator[None]:
        """Close the connection when the end is asked for, beside what is being done."""

        async def close() -> None:
            await self.ended.wait()
            await connection.close()

        closing = asyncio.create_task(close())
        try:
            yield
        finally:
            closing.cancel()

    async def _note_gap(self, disconnect: Disconnect) -> None:
        """The gap begins where the stream was surely still there: with the last message, or the last answered ping."""
        now_us = self._clock()
        began_us = min(now_us, max(self._writer.last_message_us, now_us - round(disconnect.deaf_seconds * SECOND_US)))
        await self._writer.write_behind(lambda: self._file.open_gap(began_us, now_us, disconnect.reason))

    async def _unless_ended(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work returns. Raises EndRequested where the end is asked for first, and cancels the work."""
        doing, ending = asyncio.ensure_future(work), asyncio.ensure_future(self.ended.wait())
        try:
            await asyncio.wait((doing, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not doing.done():
                doing.cancel()
        if doing.cancelled() or not doing.done():
            raise EndRequested
        return doing.result()
