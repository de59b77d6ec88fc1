"""What a sync would do, found out without doing it: not a row, not a line of the log, not the cursor changes.

It is the loop of a sync (offbook.sync.loop) that asks ``POST /plan``. The server plans with the planner that its sync
uses, and nobody carries the plan out; this side compares the pages with what the server last said. What happens on
either side meanwhile may of course change what a sync then does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from offbook import messages
from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import Json
from offbook.core.errors import CursorGone, ServerFault
from offbook.core.model import Cells, Key, Rejection, Verdict
from offbook.core.protocol.server_tables import parse_server_tables
from offbook.database import known_cells
from offbook.database.connection import Connection, bindable
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.local_changes.held import Holder
from offbook.database.records import record_table
from offbook.database.server_rows import server_row
from offbook.database.sync_state import Snapshot, SyncState
from offbook.sync import server_tables
from offbook.sync.apply import Applied, is_awaited
from offbook.sync.http.transport import Transport
from offbook.sync.loop import SyncLoop, trusted_by
from offbook.sync.request import in_one_request, sort_lines, where_from
from offbook.sync.response import NOT_SENT, ChangeResult, PageRow, SyncResponse

HELD = "held"
"""In the place of a verdict: the change is not sent."""

PAGES_MAX = 1_000
"""A million records. What is beyond is not counted, and the report says so."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change of this device and what would become of it. ``record``: its record then, where the response has it."""

    change_id: str
    table: str
    record_id: str
    name: str | None
    operation: str
    data: Mapping[str, Json] | None
    verdict: str
    code: str | None = None
    detail: str | None = None
    record: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One record that would come from the server."""

    table: str
    record_id: str
    name: str | None


@dataclass(slots=True)
class DryRunReport:
    """What a sync would do. ``merge`` holds whatever meets an edit that it had not seen: some, or nothing of it counts.

    ``held`` waits for the server to be upgraded.

    ``snapshot``: the whole book would be fetched anew. ``is_whole``: all pages were looked at.
    """

    push: list[PlannedChange] = field(default_factory=list)
    merge: list[PlannedChange] = field(default_factory=list)
    park: list[PlannedChange] = field(default_factory=list)
    added: list[PlannedRow] = field(default_factory=list)
    changed: list[PlannedRow] = field(default_factory=list)
    deleted: list[PlannedRow] = field(default_factory=list)
    snapshot: bool = False
    is_whole: bool = True
    held: list[PlannedChange] = field(default_factory=list)


def dry_run(connection: Connection, transport: Transport) -> DryRunReport:
    """Return what a sync would do now. Raises SyncError, as a sync would."""
    return DryRun(connection, transport).run()


class DryRun(SyncLoop):
    """The loop of a sync over a replica that stays as it is: where it would be is kept here, beside the report."""

    path = "/plan"

    def __init__(self, connection: Connection, transport: Transport) -> None:
        super().__init__(connection, transport)
        self._report = DryRunReport(snapshot=self._state.cursor is None or self._state.snapshot > 0)
        self._queue: list[LogLine] = []
        self._done: set[str] = set()
        self._pages = 0
        self._is_anew = False
        self._seen: set[Key] = set()
        self._trusted: int | None = None

    def run(self) -> DryRunReport:
        """Return what a sync would do now. Raises SyncError."""
        self._fill_queue()
        self.run_loop()
        return self._report

    # --- where the replica would be ---

    def _keep_tables(self, body: Json | None) -> None:
        self._server = None if body is None else parse_server_tables(body)
        self._fill_queue()
        if self._server is not None:
            repulls = known_cells.of_tables(self._state.repulls, self._server.schema)
            self._state = replace(self._state, repulls=repulls)
        self._learn()

    def _learn(self) -> None:
        if self._server is None or not self._is_behind():
            return
        schema = self._connection.schema
        repulls = server_tables.repulls_to_learn(self._state, schema, self._server)
        if self._state.cursor is None:
            self._state = replace(self._state, knew=known_cells.note_of(schema))
        elif self._state.snapshot:
            self._begin_snapshot()
        elif repulls is not None:
            text = known_cells.text_of(repulls)
            self._state = replace(self._state, knew=known_cells.note_of(schema), repulls=text)

    def _restart_snapshot(self, gone: CursorGone) -> None:
        self._trusted = trusted_by(gone)
        self._begin_snapshot()

    def _begin_snapshot(self) -> None:
        """What was seen so far counts for nothing, and all that is here is stale."""
        self._is_anew = True
        self._state = replace(
            self._state,
            cursor=None,
            snapshot=Snapshot.TAKING,
            knew=known_cells.note_of(self._connection.schema),
            repulls=None,
        )
        self._report.snapshot = True
        self._seen.clear()
        for rows in (self._report.added, self._report.changed, self._report.deleted):
            rows.clear()

    def _report_progress(self, pending: int) -> None:
        """A dry run reports when it is done."""

    def _renew_lease(self) -> None:
        """A dry run holds none: it writes nothing."""

    # --- up ---

    def _fill_queue(self) -> None:
        """Find out what would go out, the lines of a record side by side: a plan knows nothing of the one before it."""
        lines = [line for line in change_log.pending_lines(self._connection) if line.change_id not in self._done]
        server = self._connection.first_schema if self._server is None else self._server.schema
        holder = Holder(self._connection, server)
        sendable, stuck, waiting = sort_lines(
            self._connection, holder, lines, change_log.parked_lines(self._connection)
        )
        for line, why in stuck:
            self._park(line, why)
        self._report.held = [
            self._planned_change(line, HELD, None, waiting[line.id] or None) for line in lines if line.id in waiting
        ]
        by_record: dict[Key, list[LogLine]] = {}
        for line in sendable:
            by_record.setdefault((line.table, line.record_id), []).append(line)
        self._queue = [line for lines in by_record.values() for line in lines]

    def _next_batch(self) -> list[LogLine]:
        return in_one_request([self._lower_bases(line) for line in self._queue[: self._batch_max]])

    def _count_pending(self) -> int:
        return len(self._queue)

    def _lower_bases(self, line: LogLine) -> LogLine:
        """As a sync would send it to a server that went back behind what the line's writer had seen."""
        if self._trusted is None:
            return line
        bases = {cell: min(base, self._trusted) for cell, base in (line.bases or {}).items()}
        return replace(line, base=min(line.base, self._trusted), bases=bases)

    def _park(self, line: LogLine, why: Rejection) -> None:
        self._remove_from_queue([line])
        self._report.park.append(self._planned_change(line, Verdict.REJECTED.value, why.fault.code, why.fault.detail))

    def _remove_from_queue(self, batch: Iterable[LogLine]) -> None:
        self._done.update(line.change_id for line in batch)
        self._queue = [line for line in self._queue if line.change_id not in self._done]

    def _planned_change(
        self,
        line: LogLine,
        verdict: str,
        code: str | None,
        detail: str | None,
        record: Mapping[str, Json] | None = None,
    ) -> PlannedChange:
        key = line.table, bindable(line.record_id)
        name = self._visible_name(*key) or self._name_in(line.table, line.data or {}) or self._last_name(*key)
        return PlannedChange(
            line.change_id,
            line.table,
            line.record_id,
            name,
            line.operation,
            line.data,
            verdict,
            code,
            detail,
            record,
        )

    # --- the request and its answer ---

    def _ask(self, batch: list[LogLine], state: SyncState) -> SyncResponse:
        request = {"changes": [line.as_json(state.replica) for line in batch], **where_from(state)}
        response = self._read(self._send(request))
        if response.more and (not response.size or response.cursor == state.place):
            raise ServerFault.of(messages.MORE_IS_NOT_TOLD)
        if response.more and self._pages == PAGES_MAX:
            self._report.is_whole = False
            return replace(response, more=False)
        return response

    def _apply(self, batch: list[LogLine], response: SyncResponse) -> Applied:
        applied = Applied()
        self._take_verdicts(batch, response.results, applied)
        if not self._report.is_whole:  # no page is looked at any more
            self._state = replace(self._state, snapshot=Snapshot.NONE, repulls=None)
        elif is_awaited(response, self._state):
            self._take_page(response, applied)
        return applied

    def _take_verdicts(self, batch: list[LogLine], results: Iterable[ChangeResult], applied: Applied) -> None:
        lines = {line.change_id: line for line in batch}
        for result in results:
            if (line := lines.pop(result.change_id, None)) is not None:
                record = None if result.record is NOT_SENT else result.record
                change = self._planned_change(line, result.verdict.value, result.code, result.detail, record)
                self._list_for(result.verdict).append(change)
                applied.refreshed += 1
        self._remove_from_queue(line for line in batch if line.change_id not in lines)

    def _list_for(self, verdict: Verdict) -> list[PlannedChange]:
        match verdict:
            case Verdict.APPLIED:
                return self._report.push
            case Verdict.REJECTED:
                return self._report.park
            case Verdict.MERGED | Verdict.SUPERSEDED | Verdict.CONFLICT:
                return self._report.merge

    # --- down ---

    def _take_page(self, response: SyncResponse, applied: Applied) -> None:
        for row in response.rows:
            applied.new_rows += self._take_row(row)
        self._pages += 1
        applied.has_taken_page = True
        if response.only is not None:
            repulls = known_cells.moved(self._state.repulls, response.cursor, response.more)
            self._state = replace(self._state, repulls=repulls)
            return
        if self._state.snapshot and not response.more:  # what is still stale is gone
            stale = "SELECT table_name, record_id FROM server_rows WHERE deleted = 0 AND (? OR stale > 0) ORDER BY 1, 2"
            for key in self._connection.execute(stale, (self._is_anew,)).fetchall():
                if key not in self._seen:
                    self._note_deletion(key)
        self._state = replace(
            self._state, cursor=response.cursor, snapshot=self._state.snapshot if response.more else Snapshot.NONE
        )

    def _take_row(self, row: PageRow) -> bool:
        """Note what would become of the record; False where the row is here already, and not stale."""
        known_row = server_row(self._connection, row.key)
        is_new = row.key not in self._seen
        self._seen.add(row.key)
        is_again = self._state.repulls is not None and known_row is not None and known_row.seq == row.server.seq
        if not row.server.counts_after(known_row) and not is_again:
            return is_new and self._is_anew
        if row.data is None:
            self._note_deletion(row.key)
        elif known_row is None or known_row.deleted:
            self._report.added.append(PlannedRow(*row.key, self._name_in(row.key[0], row.data)))
        elif self._differ(row.key[0], known_row.cells, row.server.cells):
            self._report.changed.append(PlannedRow(*row.key, self._name_in(row.key[0], row.data)))
        return is_new

    def _differ(self, table_name: str, known_cells: Cells, cells: Cells) -> bool:
        """Whether a record with these cells would show anything else than it does."""
        table = self._connection.schema[table_name]
        return with_all_fields(table, known_cells) != with_all_fields(table, cells)

    def _note_deletion(self, key: Key) -> None:
        if (name := self._visible_name(*key)) is not None:
            self._report.deleted.append(PlannedRow(*key, name))

    def _visible_name(self, table: str, record_id: str) -> str | None:
        """What the record is called here; None where it does not show."""
        declared = self._connection.schema.get(table)
        record = None if declared is None else record_table(declared).get(self._connection, record_id)
        return None if record is None else str(self._name_in(table, record))

    def _last_name(self, table: str, record_id: str) -> str | None:
        """What the server last called it: all that is left of the name where it was deleted here."""
        known_row = server_row(self._connection, (table, record_id))
        return None if known_row is None else self._name_in(table, known_row.cells)

    def _name_in(self, table: str, values: Mapping[str, Json]) -> str | None:
        """What a record with these values is called: the first of what is shown of it. None where that is empty."""
        declared = self._connection.schema.get(table)
        if declared is None:
            return None
        value = values.get((*declared.shows, *declared.by_name)[0])
        return None if value is None else str(value)
