"""One sync of a replica: the loop's decisions (offbook.sync.loop), carried out on its file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from offbook.core.cells.validation import Json
from offbook.core.errors import CursorGone
from offbook.core.model import Rejection
from offbook.core.protocol.rows import iso_millis
from offbook.database import known_cells, sync_state
from offbook.database.batched_writes import write_in_batches
from offbook.database.connection import Connection, atomic
from offbook.database.lease import take_lease
from offbook.database.local_changes import held
from offbook.database.local_changes.change_log import LogLine, last_id, without_logging
from offbook.database.sync_state import SyncState
from offbook.sync import server_tables, snapshot
from offbook.sync.apply import Applied, apply
from offbook.sync.blob_uploads import send_waiting
from offbook.sync.http.errors import date_ms
from offbook.sync.http.transport import Response, Transport
from offbook.sync.loop import SyncLoop, trusted_by
from offbook.sync.request import count_pending, next_batch, park_unsent, request_of
from offbook.sync.response import SyncResponse

KEPT_MS = 30 * 24 * 3600 * 1000
"""How long acknowledged lines are kept: a server restored from a backup as old as this can still be brought up."""

OLD = """SELECT id FROM change_log WHERE synced = 1 AND (seq IS NULL AND timestamp < ? OR seq < ? AND seq <=
  (SELECT seq FROM server_rows AS known WHERE known.table_name = change_log.table_name
   AND known.record_id = change_log.record_id))"""
FORGET = "DELETE FROM change_log WHERE id = ? AND synced = 1"

OFFSET_MS_MIN = 2000
"""The server's Date has whole seconds: a smaller difference of the clocks is none."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: changes taken by the server, records that came from it, changes parked, conflicts opened."""

    pushed: int = 0
    pulled: int = 0
    parked: int = 0
    conflicts: int = 0


Progress = Callable[[SyncReport, int], None]
"""Called after each answer with the report so far and how many changes are still to be sent."""


class SyncSession(SyncLoop):
    """One sync of one replica, over one connection, by whoever holds the lease."""

    path = "/sync"

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        clock: Callable[[], int],
        holder: str,
        progress: Progress | None = None,
        on_applied: Callable[[Applied], None] | None = None,
    ) -> None:
        """``clock`` returns milliseconds. ``on_applied`` is called after each answer with what it brought."""
        super().__init__(connection, transport)
        self._clock = clock
        self._holder = holder
        self._progress = progress
        self._on_applied = on_applied
        self._counts: Counter[str] = Counter()

    def run(self) -> SyncReport:
        """Sync until nothing is pending that was when it began, and the server has no more. Raises SyncError."""
        schema = self._connection.schema
        if self._state.knew != known_cells.note_of(schema) and not self._state.is_behind(schema):
            known_cells.note_own_cells(self._connection)
        self.run_loop()
        send_waiting(self._connection, self._transport)
        forget_old_lines(self._connection, self._clock(), self._state.clock_offset_ms)
        return self._report()

    def _report(self) -> SyncReport:
        return SyncReport(**{name: self._counts[name] for name in asdict(SyncReport())})

    def _keep_tables(self, body: Json | None) -> None:
        server_tables.take(self._connection, body, self._clock())
        self._look_again()

    def _learn(self) -> None:
        if self._server is not None:
            with without_logging(self._connection):
                server_tables.learn(self._connection, self._server)
        self._look_again()

    def _look_again(self) -> None:
        """What was held may go out, and what was begun to be pulled may have been begun anew."""
        self._server = held.server_tables(self._connection)
        self._state = sync_state.read(self._connection)
        self._last_line = last_id(self._connection)

    def _begin_snapshot(self) -> None:
        snapshot.begin(self._connection)
        self._state = sync_state.read(self._connection)

    def _restart_snapshot(self, gone: CursorGone) -> None:
        with atomic(self._connection):
            if sync_state.read(self._connection).cursor == self._state.cursor:
                snapshot.begin(self._connection, trusted_by(gone), gone.takes_history)
            self._state = sync_state.read(self._connection)

    def _next_batch(self) -> list[LogLine]:
        lines, parked = next_batch(self._connection, self._batch_max, self._last_line)
        self._counts["parked"] += parked
        return lines

    def _count_pending(self) -> int:
        return count_pending(self._connection, self._last_line)

    def _apply(self, batch: list[LogLine], response: SyncResponse) -> Applied:
        applied = apply(self._connection, batch, response, self._clock())
        for name in ("pushed", "pulled", "parked", "conflicts"):
            self._counts[name] += getattr(applied, name)
        if self._on_applied is not None:
            self._on_applied(applied)
        self._state = sync_state.read(self._connection)
        return applied

    def _park(self, line: LogLine, why: Rejection) -> None:
        self._counts["parked"] += park_unsent(self._connection, line, why)

    def _report_progress(self, pending: int) -> None:
        if self._progress is not None:
            self._progress(self._report(), pending)

    def _renew_lease(self) -> None:
        take_lease(self._connection, self._holder, self._clock())

    # --- the request ---

    def _ask(self, batch: list[LogLine], state: SyncState) -> SyncResponse:
        sent_at_ms = self._clock()
        http_response = self._send(request_of(self._connection, state, batch, sent_at_ms))
        response = self._read(http_response)
        self._note_clock(http_response, sent_at_ms)
        return response

    def _note_clock(self, response: Response, sent_at_ms: int) -> None:
        """Note how far the server's clock is ahead, as exactly as whole seconds and the time of the trip allow.

        Only the server's own counts: by a proxy's, acknowledged lines could be forgotten too early.
        """
        server_ms = date_ms(response.header("Date"))
        if server_ms is None:
            return
        offset_ms = server_ms + 500 - (sent_at_ms + self._clock()) // 2
        offset_ms = 0 if abs(offset_ms) < OFFSET_MS_MIN else offset_ms
        known_ms = self._state.clock_offset_ms
        if known_ms is None or abs(offset_ms - known_ms) >= OFFSET_MS_MIN:
            sync_state.write(self._connection, clock_offset_ms=offset_ms)
            self._state = replace(self._state, clock_offset_ms=offset_ms)


def forget_old_lines(connection: Connection, now_ms: int, clock_offset_ms: int | None) -> None:
    """Delete acknowledged lines that are too old to be sent again, by the server's clock as it was last seen.

    By this device's own clock, where that is wrong, it could be too early.
    """
    if clock_offset_ms is None:
        return
    horizon_ms = now_ms + clock_offset_ms - KEPT_MS
    old = connection.execute(OLD, (iso_millis(max(horizon_ms, 0)), horizon_ms * 1000))
    for _ in write_in_batches(connection, old.fetchall(), lambda ids: connection.executemany(FORGET, ids)):
        pass
