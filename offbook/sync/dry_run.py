"""What a sync would do, told without doing it: not a row, not a line of the log, not the cursor changes.

The server plans with the planner that its sync uses, and nobody carries the plan out; this side makes the checks
of a sync before it sends, and compares the pages with what the server last said. What happens on either side
meanwhile may of course change what a sync then does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from offbook.core.errors import CursorGone, ServerFault
from offbook.core.model import Change, Operation, Rejection, Verdict
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import PROTOCOL
from offbook.core.schema import TABLES
from offbook.core.validation import Json, with_all_fields
from offbook.database import change_log, known_cells, sync_state
from offbook.database.change_log import LogLine
from offbook.database.connection import bindable
from offbook.database.records import RECORD_TABLES
from offbook.database.server_rows import NO_SERVER_ROW, Key, server_row
from offbook.sync.apply import check_book
from offbook.sync.request import check, known_bases, requests_of
from offbook.sync.response import NOT_SENT, ChangeResult, PageRow, SyncResponse, response_of
from offbook.sync.transport import Transport

if TYPE_CHECKING:
    import sqlite3

PATH = "/plan"
PAGES_MAX = 1_000
"""A million records. What is beyond is not counted, and the report says so."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change of this device and what would become of it. ``record``: its record then, where the server tells."""

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

    ``snapshot`` tells that the whole book would be fetched anew, ``is_whole`` that all pages were looked at.
    """

    push: list[PlannedChange] = field(default_factory=list)
    merge: list[PlannedChange] = field(default_factory=list)
    park: list[PlannedChange] = field(default_factory=list)
    added: list[PlannedRow] = field(default_factory=list)
    changed: list[PlannedRow] = field(default_factory=list)
    deleted: list[PlannedRow] = field(default_factory=list)
    snapshot: bool = False
    is_whole: bool = True


def dry_run(connection: sqlite3.Connection, transport: Transport) -> DryRunReport:
    """Raises SyncError, as a sync would."""
    return DryRun(connection, transport).run()


class DryRun:
    """One dry run on its way: what it has pulled, and the report that grows."""

    def __init__(self, connection: sqlite3.Connection, transport: Transport) -> None:
        self._connection = connection
        self._transport = transport
        self._here = sync_state.read(connection)
        self._report = DryRunReport(snapshot=self._here.cursor is None or self._here.snapshot > 0)
        self._seen: set[Key] = set()
        self._kept: int | None = None

    def run(self) -> DryRunReport:
        head = self._pull(self._here.cursor)
        if known_cells.is_behind(self._connection) and not self._report.snapshot:
            self._forget()
            head = self._pull(None)
        for batch in self._batches():
            self._tell(batch, self._ask(batch, head).results)
        return self._report

    # --- up ---

    def _batches(self) -> list[list[LogLine]]:
        """What would go out, the lines of a record side by side: a plan knows nothing of the one before it."""
        by_record: dict[Key, list[LogLine]] = {}
        for line in self._sendable():
            by_record.setdefault((line.table, line.record_id), []).append(line)
        lines = [line for record in by_record.values() for line in record]
        return [lines[cut] for cut in requests_of(lines)]

    def _sendable(self) -> list[LogLine]:
        """The pending lines that stand the checks of a sync; the others are told. What joins a parked INSERT waits."""
        parked = {
            (line.table, line.record_id) for line in change_log.parked_lines(self._connection) if self._takes_in(line)
        }
        sound: list[tuple[LogLine, Change]] = []
        for line in change_log.pending_lines(self._connection):
            key, found = (line.table, line.record_id), check(self._connection, line)
            if key in parked:
                self._park(line, "behind_parked", "It joins the change before it, which can't be sent.")
            elif isinstance(found, Rejection):
                self._park(line, found.code, found.detail)
                if self._takes_in(line):
                    parked.add(key)
            else:
                sound.append((line, found))
        return [self._lowered(line) for line in known_bases(sound)]

    def _takes_in(self, line: LogLine) -> bool:
        """Whether later changes of the record join this one when it is parked."""
        row = server_row(self._connection, (line.table, bindable(line.record_id))) or NO_SERVER_ROW
        return line.operation == Operation.INSERT and row.deleted

    def _lowered(self, line: LogLine) -> LogLine:
        """As a sync would send it to a server that went back behind what the line's writer had seen."""
        if self._kept is None:
            return line
        bases = {cell: min(base, self._kept) for cell, base in (line.bases or {}).items()}
        return replace(line, base=min(line.base, self._kept), bases=bases)

    def _park(self, line: LogLine, code: str, detail: str) -> None:
        self._report.park.append(self._planned(line, "rejected", code, detail))

    def _planned(
        self,
        line: LogLine,
        verdict: str,
        code: str | None = None,
        detail: str | None = None,
        record: Mapping[str, Json] | None = None,
    ) -> PlannedChange:
        key = line.table, bindable(line.record_id)
        name = self._name(*key) or (line.data or {}).get("name") or self._last_name(*key)
        return PlannedChange(
            line.change_id, line.table, line.record_id, name, line.operation, line.data, verdict, code, detail, record
        )

    def _tell(self, batch: Sequence[LogLine], results: Iterable[ChangeResult]) -> None:
        lines = {line.change_id: line for line in batch}
        for result in results:
            if (line := lines.pop(result.change_id, None)) is not None:
                record = None if result.record is NOT_SENT else result.record
                planned = self._planned(line, result.verdict.value, result.code, result.detail, record)
                self._place(result.verdict).append(planned)

    def _place(self, verdict: Verdict) -> list[PlannedChange]:
        match verdict:
            case Verdict.APPLIED:
                return self._report.push
            case Verdict.REJECTED:
                return self._report.park
            case Verdict.MERGED | Verdict.SUPERSEDED | Verdict.CONFLICT:
                return self._report.merge

    # --- down ---

    def _pull(self, cursor: str | None) -> str | None:
        """Look at all pages after this cursor, and return the cursor behind the last."""
        for _ in range(PAGES_MAX):
            try:
                answer = self._ask([], cursor)
            except CursorGone as gone:
                if cursor is None:
                    raise ServerFault("The server does not let this device have a copy of its book.") from None
                self._begin_anew(gone)
                cursor = None
                continue
            for row in answer.rows:
                self._take(row)
            if not answer.more:
                self._end()
                return answer.cursor
            if not answer.size or answer.cursor == cursor:
                raise ServerFault("The server says that it has more, and does not tell it.")
            cursor = answer.cursor
        self._report.is_whole = False
        return cursor

    def _begin_anew(self, gone: CursorGone) -> None:
        check_book(self._connection, gone.book)
        self._kept = None if gone.reason == "pruned" else gone.kept
        self._forget()

    def _forget(self) -> None:
        """A snapshot would be taken: what was seen so far counts for nothing."""
        self._report.snapshot = True
        self._seen.clear()
        for rows in (self._report.added, self._report.changed, self._report.deleted):
            rows.clear()

    def _take(self, row: PageRow) -> None:
        known = server_row(self._connection, row.key)
        self._seen.add(row.key)
        if known is not None and not row.server.counts_after(known):
            return
        if row.data is None:
            self._delete(row.key)
        elif known is None or known.deleted:
            self._report.added.append(PlannedRow(*row.key, row.data.get("name")))
        elif with_all_fields(TABLES[row.key[0]], known.cells) != with_all_fields(TABLES[row.key[0]], row.server.cells):
            self._report.changed.append(PlannedRow(*row.key, row.data.get("name")))

    def _end(self) -> None:
        """After a snapshot, what the server does not have any more is gone."""
        if self._report.snapshot:
            live = "SELECT table_name, record_id FROM server_rows WHERE deleted = 0 ORDER BY 1, 2"
            for table, record_id in self._connection.execute(live).fetchall():
                if (table, record_id) not in self._seen:
                    self._delete((table, record_id))

    def _delete(self, key: Key) -> None:
        if (name := self._name(*key)) is not None:
            self._report.deleted.append(PlannedRow(*key, name))

    def _name(self, table: str, record_id: str) -> str | None:
        """What the record is called here; None where it does not show."""
        record = RECORD_TABLES[table].get(self._connection, record_id) if table in TABLES else None
        return None if record is None else str(record["name"])

    def _last_name(self, table: str, record_id: str) -> str | None:
        """What the server last called it: all that is left of the name where it was deleted here."""
        known = server_row(self._connection, (table, record_id))
        return None if known is None or known.cells.get("name") is None else str(known.cells["name"])

    # --- the request ---

    def _ask(self, batch: Sequence[LogLine], cursor: str | None) -> SyncResponse:
        request = {"changes": [line.as_json(self._here.replica) for line in batch], "since": cursor}
        headers = {"Content-Type": "application/json", "Offbook-Protocol": PROTOCOL}
        body = dumps(request)
        answer = response_of(self._transport.send("POST", PATH, body, headers))
        check_book(self._connection, answer.book)
        return answer
