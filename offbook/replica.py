"""Replica: a book on this device. Everything that an app calls is here or in ``book.contacts``.

Reads and writes touch this device's file and nothing else; sync(), or the background thread, is what talks to the
server. A Replica may be used from several threads (each gets a connection of its own), and its file from several
processes at once.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING

from offbook import batches, history, messages
from offbook.addresses import check_server
from offbook.blobs import DeviceBlobs
from offbook.book_tables import BookTables
from offbook.contacts.table import BUILT_IN, CONTACTS, FIRST_SCHEMA, LABELS
from offbook.core.cells.validation import Json
from offbook.core.errors import Invalid, NoServer, Stopped
from offbook.core.history.entry import BEFORE, HistoryEntry
from offbook.core.history.undo import BatchSummary, UndoReport
from offbook.core.model import Key
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import Schema, Table
from offbook.database import conflicts, schema, status, sync_state
from offbook.database.connection import (
    Connection,
    SqliteError,
    atomic,
    connect,
    home_of,
    make_repeatable,
    reading,
    without_waiting,
)
from offbook.database.lease import hold_lease, holder_name, release_lease
from offbook.database.local_changes import change_log, parked
from offbook.database.local_changes.parked import Parked
from offbook.database.status import Status, WorkerStatus
from offbook.label_records import LabelRecords
from offbook.records import ContactRecords, same_record
from offbook.settings import DeviceSettings
from offbook.sync import dry_run
from offbook.sync.cancellation import CancellableTransport
from offbook.sync.dry_run import DryRunReport
from offbook.sync.http.transport import HTTP, Transport
from offbook.sync.session import Progress, SyncReport, SyncSession
from offbook.tables import app_tables
from offbook.verify.session import VerifyReport, VerifySession

if TYPE_CHECKING:
    from offbook.live.worker import SyncThread


def now_ms() -> int:
    """The time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def random_id() -> str:
    """A UUID as text."""
    return str(uuid.uuid4())


class Replica(BookTables):
    """A book on this device, kept in one SQLite file, which is made where it is not there yet.

    ``server``, ``token`` and ``tables`` are remembered in the file, so that they have to be given once. ``tables`` are
    those of an app (offbook.tables). Where none are given, the file's count; and where no app has given it any, the
    server's. Raises Invalid for tables that do not fit to those of the file.

    Whoever wants no HTTP passes a ``transport``. A simulator passes ``clock`` (milliseconds since 1970), ``new_id`` and
    ``rng``: then every run is the same.
    """

    def __init__(
        self,
        path: str | Path,
        server: str | None = None,
        token: str | None = None,
        *,
        tables: Iterable[Table] | Schema | None = None,
        transport: Transport | None = None,
        clock: Callable[[], int] | None = None,
        new_id: Callable[[], str] | None = None,
        rng: Random | None = None,
    ) -> None:
        self.path = Path(path)
        self._transport = transport
        self._clock = clock or now_ms
        self._new_id = new_id or random_id
        self._rng = rng or Random()
        self._is_repeatable = clock is not None or rng is not None
        self._has_own_id = False
        self._base_schema = BUILT_IN
        self._local = threading.local()
        self._background: SyncThread | None = None
        connection = self.connection
        try:
            schema.install(connection, app_tables(tables))
            self._base_schema = connection.base_schema
            self.id = sync_state.read(connection).replica
            with suppress(SqliteError), without_waiting(connection):
                self._assign_own_id()
            self.set_server(server, token)
        except BaseException:
            connection.close()
            raise
        self.contacts = ContactRecords(self, CONTACTS.name, self._new_id, same_record)
        self.labels = LabelRecords(self, LABELS.name, self._new_id, same_record)
        self.blobs = DeviceBlobs(lambda: self.connection, self._transport_for)
        self.settings = DeviceSettings(lambda: self.connection)

    # --- opening and closing ---

    def _assign_own_id(self) -> None:
        """Be a replica of one's own. A copy that can't be written to just now may be read before, but not synced."""
        if not self._has_own_id:
            self.id = schema.assign_replica_id(self.connection, home_of(self.path))
            self._has_own_id = True

    @property
    def connection(self) -> Connection:
        """The calling thread's connection, for SQL of one's own: writes are logged and sent like any others.

        It lies among the thread's own variables, and is closed with them. A thread that is not Python's own, like those
        of a QThreadPool, has new ones for each piece of work.
        """
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None and connection.immutable_file is not None and connection.immutable_file.has_changed:
            connection.close()
            connection = None
        if connection is None:
            connection = self._local.connection = self._open()
            connection.on_commit = self._wake_background
        connection.schema = self._schema
        return connection

    def _close_http(self) -> None:
        """Close the calling thread's way to the server, since the thread ends."""
        http: HTTP | None = getattr(self._local, "http", None)
        if http is not None:
            http.close()

    def _open(self) -> Connection:
        connection = connect(self.path, check_same_thread=False)
        connection.base_schema, connection.first_schema = self._base_schema, FIRST_SCHEMA
        connection.schema, connection.on_schema = self._schema, self._take_schema
        if self._is_repeatable:
            make_repeatable(connection, self._rng.randbytes, lambda: iso_millis(self._clock()))
        return connection

    def close(self) -> None:
        """Stop the background thread and close the file. Using the replica again opens it again.

        What other threads are doing with it just now they bring to its end.
        """
        self.stop()
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
        self._local = threading.local()

    def __enter__(self) -> Replica:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def set_server(self, server: str | None = None, token: str | None = None) -> None:
        """Remember where to sync, and the token of this device. What is None stays as it was. Raises Invalid."""
        arguments = {"server": server, "token": token}
        values = {name: value.strip() for name, value in arguments.items() if value is not None}
        state = sync_state.read(self.connection)
        if values.get("server") and values["server"] != state.server:
            check_server(values["server"])
        if any(getattr(state, name) != value for name, value in values.items()):
            with atomic(self.connection):
                sync_state.write(self.connection, **values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes in here or none, with one commit. Whoever else writes to the file waits until its end."""
        with atomic(self.connection):
            yield

    @contextmanager
    def batch(self) -> Iterator[str]:
        """As transaction(), and all changes in here are one batch, which undo() takes back together: gives its id."""
        batch = self._new_id()
        with change_log.in_batch(self.connection, batch):
            yield batch

    # --- syncing ---

    def sync(self, progress: Progress | None = None, stop: threading.Event | None = None) -> SyncReport:
        """Send what is pending and fetch what is new.

        Raises Offline where the server can't be reached, NotAuthorized, OtherBook, ServerFault; and Busy where another
        process or thread has been syncing this replica for ten seconds. All of them are SyncErrors, and nothing is
        lost by any of them. Whoever sets ``stop`` from another thread makes it raise Stopped within a tenth of a
        second, even when the server hangs.
        """
        holder = holder_name(random_id())
        self._assign_own_id()
        connection = self.connection
        transport = self._transport_for(connection)
        if stop is not None:
            transport = CancellableTransport(transport, stop)
        try:
            with hold_lease(connection, holder, self._clock, stop):
                return SyncSession(connection, transport, self._clock, holder, progress).run()
        except Stopped:
            self._local.http = None  # a request may still hang in it
            raise

    def plan(self) -> DryRunReport:
        """What a sync would do now: the server is asked, and nothing changes on either side. Raises SyncError."""
        return dry_run.dry_run(self.connection, self._transport_for(self.connection))

    def verify(self) -> VerifyReport:
        """Sync, then compare all records with the server's by their digests, and mend those that differ.

        Pending edits stay as they are; what no line of the log accounts for is parked. Raises what sync() raises.
        """
        self._assign_own_id()
        connection, holder = self.connection, holder_name(random_id())
        transport = self._transport_for(connection)
        with hold_lease(connection, holder, self._clock):
            return VerifySession(connection, transport, self._clock, holder).run()

    def start(
        self,
        *,
        on_change: Callable[[list[str]], object] | None = None,
        on_rows: Callable[[list[Key]], object] | None = None,
        on_status: Callable[[Status], object] | None = None,
        on_error: Callable[[Exception], object] | None = None,
    ) -> None:
        """Sync in the background from now on, live where the server can. Starting twice is the same as once.

        ``on_rows`` is called with the records that the server changed here, as pairs of a table's name and an id, and
        ``on_change`` with the ids of the contacts among them; ``on_status`` with a Status when its link or a count
        became another, ``on_error`` with whatever failed: mostly a SyncError. They are called one
        at a time from the background thread, in the order in which things happened, and may call stop().
        """
        from offbook.live.callbacks import Callbacks
        from offbook.live.worker import ReplicaHandle, SyncThread  # asyncio takes longer to load than all the rest

        if self._background is None:
            self._assign_own_id()
            has_live = self._transport is None
            access = ReplicaHandle(self._open, self._transport_for, self._close_http, self._clock, self._rng, has_live)
            self._background = SyncThread(access, Callbacks(on_change, on_rows, on_status, on_error))
            try:
                self._background.start()
            except BaseException:
                self._background = None
                raise

    def stop(self) -> None:
        """Stop syncing in the background; within two seconds, even when the server hangs."""
        background, self._background = self._background, None
        if background is not None and not background.stop():
            with suppress(SqliteError):  # or it runs out
                release_lease(self.connection, background.holder)

    def _wake_background(self) -> None:
        if (background := self._background) is not None:
            background.wake()

    def _transport_for(self, connection: Connection) -> Transport:
        """The one that was given, or HTTP as the file says: another process may have set a new token."""
        if self._transport is not None:
            return self._transport
        state = sync_state.read(connection)
        if not state.server or not state.token:
            raise NoServer.of(messages.NO_TOKEN if state.server else messages.NO_SERVER)
        http: HTTP | None = getattr(self._local, "http", None)
        if http is None or (http.server, http.token) != (state.server.rstrip("/"), state.token):
            http = self._local.http = HTTP(state.server, state.token)
        return http

    def status(self) -> Status:
        """Where this device stands: its server, what waits, the last sync, and how the background thread does."""
        background = self._background
        return status.read(self.connection, background.worker_status if background else WorkerStatus())

    # --- what waits for a person ---

    def conflicts(self) -> list[dict[str, Json]]:
        """What waits for a person to decide: both versions of a cell, what they began with, and who wrote them."""
        with reading(self.connection):
            return conflicts.open_conflicts(self.connection)

    def resolve(self, conflict_id: str, choice: str | None = None, **typed: Json) -> None:
        """Settle a conflict, here and with the next sync everywhere: ``choice`` is ours, theirs or both.

        ``resolve(id, value=…)`` makes another value stand. Raises NotFound, or Invalid for what can't be chosen.
        """
        if (choice is None) == (not typed) or typed.keys() - {"value"}:
            raise Invalid.of(messages.CHOICE_OR_VALUE)
        if choice is None:
            conflicts.resolve_with(self.connection, conflict_id, typed["value"], self._new_id(), self._clock())
        else:
            conflicts.resolve(self.connection, conflict_id, choice, self._new_id(), self._clock())

    def resolve_all(self, choice: str) -> int:
        """Settle all conflicts alike, or none where one of them can't be. Returns how many were settled."""
        return conflicts.resolve_all(self.connection, choice, self._new_id, self._clock())

    # --- what was ---

    def history(self, record_id: str, *, table: str = CONTACTS.name) -> list[HistoryEntry]:
        """What happened to a record, the newest change first; the server knows. Raises NotFound, and SyncError."""
        return history.fetch_history(self._transport_for(self.connection), self.table(table).declaration, record_id)

    def restore(
        self,
        change_id: str,
        record_id: str | None = None,
        cells: Iterable[str] | None = None,
        to: str = BEFORE,
        *,
        table: str = CONTACTS.name,
    ) -> str | None:
        """Give back the values from before or after a change: of these cells, or of all that it named.

        It is an edit like any other, sent with the next sync. Returns its id, None where all is so already.
        ``record_id``, and ``table``, are needed for a change that another device made. Raises NotFound, Invalid, and
        SyncError.
        """
        if record_id is None:
            table, record_id = history.record_of(self.connection, change_id)
        entries = self.history(record_id, table=table)
        entry = history.find_entry(entries, change_id)
        return history.restore(self.connection, entries, entry, cells, to, self._new_id, self._clock())

    def restore_version(self, record_id: str, change_id: str, *, table: str = CONTACTS.name) -> str | None:
        """Make a record what it was right after a change. As restore()."""
        entries = self.history(record_id, table=table)
        entry = history.find_entry(entries, change_id)
        return history.restore_version(self.connection, entries, entry, self._new_id, self._clock())

    def batches(self) -> list[BatchSummary]:
        """What imports and other acts wrote together, the newest first; the server knows. Raises SyncError."""
        return batches.fetch_batches(self._transport_for(self.connection))

    def undo(self, batch: str) -> UndoReport:
        """Take back what a batch wrote, where nobody wrote since. The server does it, and a sync brings it here.

        Raises NotFound, Pruned where the server's history does not reach back to it any more, and SyncError. What is
        not sent yet is sent first: nothing is undone that the server does not have.
        """
        transport = self._transport_for(self.connection)
        self.sync()
        report = batches.undo(transport, batch)
        self.sync()
        return report

    # --- what can't be sent ---

    def parked(self) -> list[Parked]:
        """Changes that can't be sent as they are, each with the reason."""
        with reading(self.connection):
            return parked.parked(self.connection)

    def retry(self, change_id: str, /, **corrections: Json) -> str:
        """Send a parked change again, as a new one, with these fields corrected. Returns its id.

        Raises NotFound; or Invalid where it still could not be sent, and then it stays parked.
        """
        return parked.resend(self.connection, change_id, corrections, self._new_id, self._clock())

    def drop(self, change_id: str) -> None:
        """Give a parked change up: its record becomes what the server has. Raises NotFound."""
        parked.drop(self.connection, change_id)
