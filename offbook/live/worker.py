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
from typing import TYPE_CHECKING, Any, NamedTuple

from offbook.core.connection import ON_SOCKET, SECONDS, Action, ConnectionEvent, ConnectionState, LiveConnection, after
from offbook.core.errors import CursorGone, NoLive, NotAuthorized, Offline, OtherBook, SyncError
from offbook.database import sync_state
from offbook.database.connection import Connection, FileDiskFull, ReadOnlyFile, SqliteError
from offbook.database.lease import hold_lease, holder_name
from offbook.database.status import WorkerStatus
from offbook.live.callbacks import CallbackDispatcher, Callbacks
from offbook.live.session import FallBackToHttp, LiveSession, message_of
from offbook.live.websocket import Channel, ChannelMessage, ChannelSignal
from offbook.sync.apply import Applied
from offbook.sync.cancellation import CancellableTransport, Stopped
from offbook.sync.request import has_pending
from offbook.sync.response import SyncResponse
from offbook.sync.session import SyncSession, forget_old_lines
from offbook.sync.transport import Transport

if TYPE_CHECKING:
    import sqlite3

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
    transport: Callable[[sqlite3.Connection], Transport]
    leave: Callable[[], None]
    clock: Callable[[], int]
    rng: Random
    has_live: bool


class Occurrence(NamedTuple):
    """An event, and what it brought: a page, verdicts, a message to be sent, an error."""

    event: ConnectionEvent
    what: Any = None


class SyncThread:
    """A replica's thread."""

    def __init__(self, access: ReplicaHandle, callbacks: Callbacks) -> None:
        """Raises what opening the file raises."""
        self.holder = holder_name(str(uuid.uuid4()))
        self._access = access
        self._telling = CallbackDispatcher(callbacks)
        self._link = LiveConnection(live_at=0.0 if access.has_live else inf)
        with ExitStack() as undo:
            self._connection = undo.enter_context(closing(access.connect()))
            self._channel = Channel(SECONDS)
            undo.pop_all()
        self._version: int | None = None
        self._given: tuple[str | None, str | None] = (None, None)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="offbook", daemon=True)

    # --- for other threads ---

    @property
    def seen(self) -> WorkerStatus:
        return self._telling.seen

    def start(self) -> None:
        """Raises RuntimeError where the system has no more threads."""
        try:
            self._thread.start()
        except BaseException:
            self._channel.close()
            self._connection.close()
            raise

    def stop(self) -> bool:
        """End the thread; False where that takes longer than a second. It then ends by itself, and tells no more."""
        self._stop.set()
        self._channel.wake()
        if threading.current_thread() is self._thread:  # a callback: the thread ends when that returns
            return True
        self._thread.join(STOP_SECONDS_MAX)
        if self._thread.is_alive():
            self._telling.hush()
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
                happening = self._take(Occurrence(ConnectionEvent.START))
                while self._link.state is not ConnectionState.STOPPED:
                    happening = self._take(happening or self._await())
        finally:
            self._access.leave()

    def _take(self, happening: Occurrence) -> Occurrence | None:
        """Go where the table says, and do what it says. Returns what came of that, where that is an event itself."""
        error = happening.what if isinstance(happening.what, Exception) else None
        retry_after = error.retry_after_seconds if isinstance(error, SyncError) else None
        before, now = self._link, time.monotonic()
        self._link, move = after(before, happening.event, now, self._access.rng.random(), SECONDS, retry_after)
        if self._link.state is not before.state:
            self._version = None
        self._telling.note(self._link, now, error)
        self._telling.link(self._connection)
        found = self._guarded(self._do, move, happening.what)
        self._telling.status(self._connection)
        return found

    def _guarded(self, work: Callable[..., Occurrence | None], *given: Any) -> Occurrence | None:
        """Whatever goes wrong, as an event."""
        try:
            return work(*given)
        except Stopped:
            return Occurrence(ConnectionEvent.STOP)
        except FallBackToHttp as reason:
            logger.debug("Back to a sync: %s", reason)
            return Occurrence(ConnectionEvent.DETOUR)
        except (NotAuthorized, OtherBook) as error:
            return Occurrence(ConnectionEvent.REFUSED, error)
        except (SyncError, FileDiskFull, ReadOnlyFile) as error:
            return Occurrence(ConnectionEvent.FAILED, error)
        except Exception as error:  # a locked file, for one: the thread must live to try again
            logger.exception("Something failed in the background, and is tried again")
            return Occurrence(ConnectionEvent.FAILED, error)

    def _do(self, move: Action, what: Any) -> Occurrence | None:
        if move is not Action.STAY and self._link.state not in ON_SOCKET:
            self._channel.shut()
        match move:
            case Action.SYNC:
                return self._sync()
            case Action.CONNECT:
                self._connect()
            case Action.PUSH:
                return self._push()
            case Action.TAKE:
                self._heard(self._live.take(what))
            case Action.SETTLE if what is not None:
                self._heard(self._live.settle(what))
            case Action.TIDY:
                forget_old_lines(self._connection, self._access.clock())
            case _:
                pass
        return None

    # --- what is done ---

    def _renew(self) -> None:
        """Open the file anew where it was opened to be read only, and may be written to by now."""
        if self._connection.still is not None and self._connection.still.is_over:
            self._connection.close()
            self._connection = self._access.connect()

    def _sync(self) -> Occurrence:
        self._renew()
        here = sync_state.read(self._connection)
        self._given = (here.server, here.token)
        transport = CancellableTransport(self._access.transport(self._connection), self._stop)
        clock = self._access.clock
        with hold_lease(self._connection, self.holder, clock, self._stop):
            SyncSession(self._connection, transport, clock, self.holder, on_applied=self._heard).run()
        self._telling.works()
        return Occurrence(ConnectionEvent.SYNCED if time.monotonic() >= self._link.live_at else ConnectionEvent.NOT_YET)

    def _connect(self) -> None:
        here = sync_state.read(self._connection)
        if here.server is None or here.token is None or here.cursor is None:
            raise FallBackToHttp("There is nothing to go on from.")
        self._live = LiveSession(self._connection, self._access.clock)
        self._channel.open(here.server, here.token, here.cursor)

    def _push(self) -> Occurrence | None:
        text = self._live.push()
        if text is None:
            return Occurrence(ConnectionEvent.ANSWERED)
        self._channel.send(text)
        return None

    def _heard(self, applied: Applied) -> None:
        self._telling.changes(applied)
        self._telling.status(self._connection)

    # --- what happens ---

    def _await(self) -> Occurrence:
        """Wait until something happens."""
        while True:
            if self._stop.is_set():
                return Occurrence(ConnectionEvent.STOP)
            if (found := self._look()) is not None:
                return found
            assert self._link.until is not None
            left = self._link.until - time.monotonic()
            if left <= 0:
                return Occurrence(ConnectionEvent.TIMER, is_late(self._link.state))
            said = self._channel.wait(left, self._is_new)
            if said is not ChannelSignal.WOKEN and (found := self._guarded(meaning, said)) is not None:
                return found

    def _is_new(self) -> bool:
        """Whether anyone has committed since _look() looked last."""
        try:
            return self._read_version() != self._version
        except SqliteError:
            return False

    def _look(self) -> Occurrence | None:
        """What the file tells, where it is not as it was."""
        try:
            version = self._read_version()
            if version == self._version:
                return None
            self._version = version
            here = sync_state.read(self._connection)
            if (here.server, here.token) != self._given:
                return Occurrence(ConnectionEvent.GIVEN)
            if self._link.state in SENDS and has_pending(self._connection):
                return Occurrence(ConnectionEvent.COMMITTED)
        except SqliteError:  # whoever uses the file in earnest will be told
            return None
        self._telling.status(self._connection)
        return None

    def _read_version(self) -> int:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)


def is_late(state: ConnectionState) -> SyncError | None:
    """What it means that the time of a state is over."""
    match state:
        case ConnectionState.CONNECTING:
            return NoLive("Nobody answers the handshake of the live channel.")
        case ConnectionState.SENDING:
            return Offline("The server does not answer what was sent over the live channel.")
        case _:
            return None


def meaning(said: ChannelMessage) -> Occurrence:
    """What the live channel tells, as an event."""
    match said:
        case ChannelSignal():
            return Occurrence(ConnectionEvent.OPENED)
        case NoLive():
            return Occurrence(ConnectionEvent.NO_LIVE, said)
        case CursorGone() | NotAuthorized():
            return Occurrence(ConnectionEvent.DETOUR)  # HTTP will be told the same, and knows what to do
        case Exception():
            raise said
        case str() | bytes():
            message = message_of(said)
            return Occurrence(
                ConnectionEvent.PAGE if isinstance(message, SyncResponse) else ConnectionEvent.ANSWERED, message
            )
