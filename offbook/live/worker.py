"""The thread of a started replica: it carries out what the table of offbook/core/connection.py says.

One thread does one thing after another: it waits until something happens, looks up what is to be done about it, and
does that. Whatever goes wrong is an event like any other, so that no error ends the thread. What is committed here is
looked for by SQLite's data_version, whichever process commits, and again whenever a state is entered.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from math import inf
from random import Random
from typing import Any, NamedTuple

from offbook import messages
from offbook.core.connection import ON_SOCKET, SECONDS, Action, ConnectionEvent, ConnectionState, LiveConnection, after
from offbook.core.errors import CursorGone, NoLive, NotAuthorized, Offline, OtherBook, Stopped, SyncError
from offbook.core.schema import Schema
from offbook.database import schema, sync_state
from offbook.database.connection import Connection, FileDiskFull, ReadOnlyFile, SqliteError
from offbook.database.lease import hold_lease, holder_name
from offbook.database.status import WorkerStatus
from offbook.live.callbacks import CallbackDispatcher, Callbacks
from offbook.live.session import FallBackToHttp, LiveSession, message_of
from offbook.live.websocket import Channel, ChannelSignal, Opened, SchemaGrown
from offbook.sync.apply import Applied
from offbook.sync.cancellation import CancellableTransport
from offbook.sync.http.transport import Transport
from offbook.sync.request import has_pending
from offbook.sync.response import SyncResponse
from offbook.sync.session import SyncSession, forget_old_lines

logger = logging.getLogger("offbook")

STOP_SECONDS_MAX = 1.0

SENDS = frozenset({ConnectionState.LIVE, ConnectionState.POLLING})
"""Where a commit is to be acted on at once."""


@dataclass(frozen=True, slots=True)
class ReplicaHandle:
    """How the thread gets at its replica: a connection of its own, a way to the server, and what to leave behind.

    ``has_live`` is False where the app brought a transport of its own.
    """

    connect: Callable[[], Connection]
    transport: Callable[[Connection], Transport]
    close_transport: Callable[[], None]
    clock: Callable[[], int]
    rng: Random
    has_live: bool


class Occurrence(NamedTuple):
    """An event, and what it brought: a page, verdicts, a message to be sent, an error."""

    event: ConnectionEvent
    payload: Any = None


class SyncThread:
    """A replica's thread."""

    def __init__(self, handle: ReplicaHandle, callbacks: Callbacks) -> None:
        """Raises what opening the file raises."""
        self.holder = holder_name(str(uuid.uuid4()))
        self._handle = handle
        self._dispatcher = CallbackDispatcher(callbacks)
        self._link = LiveConnection(live_at=0.0 if handle.has_live else inf)
        with ExitStack() as undo:
            self._connection = undo.enter_context(closing(handle.connect()))
            self._channel = Channel(SECONDS)
            undo.pop_all()
        self._version: int | None = None
        self._credentials: tuple[str | None, str | None] = (None, None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offbook", daemon=True)

    # --- for other threads ---

    @property
    def worker_status(self) -> WorkerStatus:
        """What Status has of this thread. May be read from any thread."""
        return self._dispatcher.worker_status

    def start(self) -> None:
        """Raises RuntimeError where the system has no more threads."""
        try:
            self._thread.start()
        except BaseException:
            self._channel.close()
            self._connection.close()
            raise

    def stop(self) -> bool:
        """End the thread; False where that takes longer than a second.

        It then ends by itself, and calls nobody any more.
        """
        self._stop.set()
        self._channel.wake()
        if threading.current_thread() is self._thread:  # a callback: the thread ends when that returns
            return True
        self._thread.join(STOP_SECONDS_MAX)
        if self._thread.is_alive():
            self._dispatcher.silence()
        return not self._thread.is_alive()

    def wake(self) -> None:
        """Something was committed."""
        self._channel.wake()

    # --- one thing after another ---

    def _run(self) -> None:
        try:
            with ExitStack() as stack:
                stack.enter_context(closing(self._channel))
                stack.callback(lambda: self._connection.close())
                occurrence = self._step(Occurrence(ConnectionEvent.START))
                while self._link.state is not ConnectionState.STOPPED:
                    occurrence = self._step(occurrence or self._wait_for_event())
        finally:
            self._handle.close_transport()

    def _step(self, occurrence: Occurrence) -> Occurrence | None:
        """Go to the state that the table has for this event, and do what it says.

        Returns the event that follows, if any.
        """
        error = occurrence.payload if isinstance(occurrence.payload, Exception) else None
        retry_after = error.retry_after_seconds if isinstance(error, SyncError) else None
        before, now_seconds = self._link, time.monotonic()
        self._link, action = after(
            before, occurrence.event, now_seconds, self._handle.rng.random(), SECONDS, retry_after
        )
        if self._link.state is not before.state:
            self._version = None
        self._dispatcher.note_link(self._link, now_seconds, error)
        self._dispatcher.report_link(self._connection)
        result = self._run_guarded(self._carry_out, action, occurrence.payload)
        self._dispatcher.report_status(self._connection)
        return result

    def _run_guarded(self, work: Callable[..., Occurrence | None], *arguments: Any) -> Occurrence | None:
        """Whatever goes wrong, as an event."""
        try:
            return work(*arguments)
        except Stopped:
            return Occurrence(ConnectionEvent.STOP)
        except FallBackToHttp as reason:
            logger.debug("Back to a sync: %s", reason)
            return Occurrence(ConnectionEvent.FALLBACK)
        except (NotAuthorized, OtherBook) as error:
            return Occurrence(ConnectionEvent.REFUSED, error)
        except (SyncError, FileDiskFull, ReadOnlyFile) as error:
            return Occurrence(ConnectionEvent.FAILED, error)
        except Exception as error:  # a locked file, for one: the thread must live to try again
            logger.exception("Something failed in the background, and is tried again")
            return Occurrence(ConnectionEvent.FAILED, error)

    def _carry_out(self, action: Action, payload: Any) -> Occurrence | None:
        if action is not Action.STAY and self._link.state not in ON_SOCKET:
            self._channel.close_socket()
        match action:
            case Action.SYNC:
                return self._sync()
            case Action.CONNECT:
                self._connect()
            case Action.LISTEN:
                self._live.check_server(payload)
            case Action.PUSH:
                return self._push()
            case Action.TAKE:
                self._report_applied(self._live.apply_page(payload))
            case Action.SETTLE if payload is not None:
                self._report_applied(self._live.apply_verdicts(payload))
            case Action.TIDY:
                offset_ms = sync_state.read(self._connection).clock_offset_ms
                forget_old_lines(self._connection, self._handle.clock(), offset_ms)
            case _:
                pass
        return None

    # --- what is done ---

    def _reopen_if_writable(self) -> None:
        """Open the file anew where it was opened to be read only, and may be written to by now."""
        if self._connection.immutable_file is not None and self._connection.immutable_file.has_changed:
            self._connection.close()
            self._connection = self._handle.connect()

    def _sync(self) -> Occurrence:
        self._reopen_if_writable()
        state = sync_state.read(self._connection)
        self._credentials = (state.server, state.token)
        transport = CancellableTransport(self._handle.transport(self._connection), self._stop)
        clock = self._handle.clock
        with hold_lease(self._connection, self.holder, clock, self._stop):
            SyncSession(self._connection, transport, clock, self.holder, on_applied=self._report_applied).run()
        self._dispatcher.clear_error()
        return Occurrence(ConnectionEvent.SYNCED if time.monotonic() >= self._link.live_at else ConnectionEvent.NOT_YET)

    def _connect(self) -> None:
        state = sync_state.read(self._connection)
        if state.server is None or state.token is None or state.cursor is None:
            raise FallBackToHttp("There is nothing to go on from.")
        self._live = LiveSession(self._connection, self._handle.clock)
        self._channel.open(state.server, state.token, state.cursor, self._connection.schema.shape)

    def _push(self) -> Occurrence | None:
        text = self._live.push()
        if text is None:
            return Occurrence(ConnectionEvent.ANSWERED)
        self._channel.send(text)
        return None

    def _report_applied(self, applied: Applied) -> None:
        self._dispatcher.report_changes(applied)
        self._dispatcher.report_status(self._connection)

    # --- what happens ---

    def _wait_for_event(self) -> Occurrence:
        """Wait until something happens."""
        while True:
            if self._stop.is_set():
                return Occurrence(ConnectionEvent.STOP)
            if (event := self._check_file()) is not None:
                return event
            assert self._link.until is not None
            seconds_left = self._link.until - time.monotonic()
            if seconds_left <= 0:
                return Occurrence(ConnectionEvent.TIMER, timeout_error(self._link.state))
            message = self._channel.wait(seconds_left, self._has_new_commit)
            if isinstance(message, ChannelSignal):
                continue
            if (event := self._run_guarded(occurrence_of, self._connection.schema, message)) is not None:
                return event

    def _has_new_commit(self) -> bool:
        """Whether anyone has committed since _look() looked last."""
        try:
            return self._read_version() != self._version
        except SqliteError:
            return False

    def _check_file(self) -> Occurrence | None:
        """The event that a change of the file means, if any."""
        try:
            version = self._read_version()
            if version == self._version:
                return None
            self._version = version
            schema.follow(self._connection)
            state = sync_state.read(self._connection)
            if (state.server, state.token) != self._credentials:
                return Occurrence(ConnectionEvent.CREDENTIALS_CHANGED)
            if self._link.state in SENDS and has_pending(self._connection):
                return Occurrence(ConnectionEvent.COMMITTED)
        except SqliteError:  # who reads or writes the file gets the error
            return None
        self._dispatcher.report_status(self._connection)
        return None

    def _read_version(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)


def timeout_error(state: ConnectionState) -> SyncError | None:
    """What it means that the time of a state is over."""
    match state:
        case ConnectionState.CONNECTING:
            return NoLive.of(messages.HANDSHAKE_NOT_ANSWERED)
        case ConnectionState.SENDING:
            return Offline.of(messages.CHANNEL_SILENT)
        case _:
            return None


def occurrence_of(schema: Schema, message: Opened | str | bytes | Exception) -> Occurrence:
    """What came of the live channel, as an event. Raises what ended it."""
    match message:
        case Opened():
            return Occurrence(ConnectionEvent.OPENED, message.shape)
        case NoLive():
            return Occurrence(ConnectionEvent.NO_LIVE, message)
        case CursorGone() | NotAuthorized() | SchemaGrown():
            return Occurrence(ConnectionEvent.FALLBACK)  # HTTP gets the same answer, and knows what to do
        case Exception():
            raise message
        case str() | bytes():
            parsed = message_of(schema, message)
            return Occurrence(
                ConnectionEvent.PAGE if isinstance(parsed, SyncResponse) else ConnectionEvent.ANSWERED, parsed
            )
