"""What the server said of each record (server_rows), and the changes that lines of the log hold beside it.

Whether a row of the server counts, and what is kept of one that went away, is decided here. What shows of a record
because of it is made by offbook.database.visible_rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from offbook.core.cells.lenient_validation import known_part, typed_part
from offbook.core.cells.validation import LENIENT, STRICT
from offbook.core.codes import Scope, names_in
from offbook.core.merge.rebase import LineState, PendingLine, update_first_seen, visible_cells
from offbook.core.model import NO_CLOCK, NOTHING, Change, Key, Operation, Record, Rejection, Value
from offbook.core.protocol.requests import parse_change
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS, Schema, Table, entry_of
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The replica, where a change is made of a line only to look at its cells."""

LIMITS = frozenset(names_in(Scope.TYPED))
"""The codes of refusals that are for what a person types."""

CREATED = "@created"
OF_ROW = "@row"
"""In ``seen``: the row that it is about."""

ROW = "seq, deleted, data, stale, seen"

WAITS = "SELECT 1 FROM conflicts WHERE table_name = ? AND record_id = ?"

PUT = """INSERT INTO server_rows (table_name, record_id, seq, deleted, data, seen, stale)
  VALUES (?, ?, ?, ?, ?, nullif(?, ''), 0)
  ON CONFLICT (table_name, record_id) DO UPDATE
  SET seq = excluded.seq, deleted = excluded.deleted, data = excluded.data, seen = excluded.seen, stale = 0"""


dump = json.JSONEncoder(separators=(",", ":")).encode


class ServerRow(NamedTuple):
    """A record as the server last said it is.

    ``stale`` is 1 until a snapshot brings the row again; or, where the server went back behind it, the seq that it
    had. Whatever comes counts more than a stale row.

    ``cells`` may hold more than its row did: the cells of a deleted record, and of removed entries, for as long as
    an edit of this device that would bring them back is not acknowledged, or a conflict about them waits for a person.

    ``seen`` says by which row each value was first seen (offbook.core.merge.rebase.update_first_seen): empty where it
    was this one.
    """

    seq: int
    deleted: bool
    cells: Mapping[str, Value]
    created_at: str | None = None
    stale: int = 0
    seen: Mapping[str, int] = NOTHING

    @property
    def last_seq(self) -> int:
        """The seq that the row had when it came: a restored server may have lost it since."""
        return max(self.seq, self.stale)

    def after(self, known_row: ServerRow | None) -> ServerRow:
        """This row with what is known of its values from the row before it."""
        if known_row is None or self.deleted:
            return self
        return self._replace(
            seen=update_first_seen(known_row.seen, known_row.cells, known_row.last_seq, self.cells, self.seq)
        )

    def counts_after(self, known_row: ServerRow | None) -> bool:
        """Whether this row says something newer."""
        return known_row is None or known_row.stale > 0 or self.seq > known_row.seq

    def as_record(self, table: Table, record_id: str) -> Record:
        """The record as the server last sent it."""
        return Record(table, record_id, self.seq, self.deleted, self.cells, NO_CLOCK, {})

    def parameters(self, key: Key) -> tuple[str, str, int, int, str | None, str]:
        """What PUT takes. Mostly nothing is said of ``seen``: to bind a None costs Python ten times as much as text."""
        cells = {cell: value for cell, value in self.cells.items() if value is not None}
        if self.created_at:
            cells[CREATED] = self.created_at
        seen = dump({**self.seen, OF_ROW: self.seq}) if self.seen else ""
        return (*key, self.seq, 1 if self.deleted else 0, dump(cells) if cells else None, seen)


NO_SERVER_ROW = ServerRow(0, True, {})


def server_row(connection: Connection, key: Key) -> ServerRow | None:
    """What the server last said of the record; None where it never spoke of it."""
    sql = f"SELECT {ROW} FROM server_rows WHERE table_name = ? AND record_id = ?"
    row = connection.execute(sql, key).fetchone()
    return None if row is None else server_row_of(*row)


def server_row_of(seq: int, deleted: int, data: str | None, stale: int, seen: str | None) -> ServerRow:
    """The columns ``ROW`` as a value."""
    cells: dict[str, Any] = {} if data is None else json.loads(data)
    created_at = cells.pop(CREATED, None)
    cells.update((cell, tuple(value)) for cell, value in cells.items() if isinstance(value, list))
    return ServerRow(seq, bool(deleted), cells, created_at, stale, _seen(seen, max(seq, stale)))


def _seen(text: str | None, seq: int) -> Mapping[str, int]:
    """The column ``seen`` as it counts for the row of this seq: a version that doesn't know it leaves an older
    row's."""
    seen: dict[str, int] = {} if text is None else json.loads(text)
    return seen if seen.pop(OF_ROW, None) == seq else NOTHING


def store_server_row(connection: Connection, key: Key, known_row: ServerRow | None, row: ServerRow) -> bool:
    """Note what the server said of a record with unsettled changes or a conflict; False where newer is known."""
    if not row.counts_after(known_row):
        return False
    write_server_row(connection, key, known_row, row)
    return True


def write_server_row(connection: Connection, key: Key, known_row: ServerRow | None, row: ServerRow) -> None:
    """Write a row of the server, with those cells of the known one that may come back."""
    lines = change_log.lines_above(connection, *key, (known_row or NO_SERVER_ROW).seq)
    is_kept = has_conflict(connection, key) or any(line.state is not LineState.ACKNOWLEDGED for line in lines)
    kept = _cells_that_may_return(connection.schema, known_row or NO_SERVER_ROW, lines, row) if is_kept else {}
    row = row.after(known_row)
    connection.execute(PUT, row._replace(cells={**kept, **row.cells}).parameters(key))


def has_conflict(connection: Connection, key: Key) -> bool:
    """Whether something of the record waits for a person to decide."""
    return connection.execute(WAITS, key).fetchone() is not None


def _cells_that_may_return(
    schema: Schema, known_row: ServerRow, lines: list[LogLine], row: ServerRow
) -> dict[str, Value]:
    """The cells that went away with this row, and that an unsettled edit, or a person, may bring back."""
    cells = dict(known_row.cells)
    for line in lines:
        if line.state is LineState.ACKNOWLEDGED and (change := change_of_line(schema, line)) is not None:
            cells.update(change.cells)
    if row.deleted:
        return cells
    gone = {entry_of(cell) for cell in cells if cell.endswith(f"/{EXISTS}") and not row.cells.get(cell)}
    kept = {cell: value for cell, value in cells.items() if entry_of(cell) in gone}
    return {**kept, **{prefix + EXISTS: False for prefix in gone}}


def fold_acknowledged(connection: Connection, key: Key) -> None:
    """Take what the server acknowledged of a record for its row, as if that had come."""
    known_row = server_row(connection, key) or NO_SERVER_ROW
    lines_above = change_log.lines_above(connection, *key, known_row.seq)
    applied = applied_lines(connection.schema, lines_above, known_row)
    lines = [line for line in applied if line.state is LineState.ACKNOWLEDGED]
    cells = visible_cells(known_row.cells, not known_row.deleted, lines, known_row.seq)
    created_at = known_row.created_at or iso_millis(lines[0].change.timestamp)
    seq = max(line.seq or 0 for line in lines)
    row = ServerRow(seq, cells is None, known_row.cells if cells is None else cells, created_at)
    connection.execute(PUT, row.after(known_row if known_row.seq else None).parameters(key))


def applied_lines(schema: Schema, lines: Iterable[LogLine], row: ServerRow) -> list[PendingLine]:
    """Those of these lines of one record that hold a change, as changes; ``row`` is the server's of it."""
    pairs = [(line, change_of_line(schema, line, row)) for line in lines]
    return [PendingLine(line.id, change, line.state, line.seq) for line, change in pairs if change is not None]


def change_of_line(schema: Schema, line: LogLine, row: ServerRow | None = None) -> Change | None:
    """The change that a line holds; None where it holds what can't be sent. ``row`` is the server's of its record."""
    change = validated_change(schema, line, NOBODY, lambda: row)
    return change if isinstance(change, Change) else None


def validated_change(
    schema: Schema, line: LogLine, replica: str, row: Callable[[], ServerRow | None]
) -> Change | Rejection:
    """The line as a change, checked as the server will: limits are for what a person typed, not for what it said.

    A cell that is not known here was typed with a newer version: whether it can be stored is for the server to say.
    """
    item = line.as_json(replica)
    change = parse_change(schema, item, replica, LENIENT if line.is_from_server else STRICT)
    if isinstance(change, Rejection) and change.fault.code == "unknown_cell":
        item = {**item, **known_part(schema[line.table], item.get("data"), item.get("bases"))}
        change = parse_change(schema, item, replica, LENIENT if line.is_from_server else STRICT)
    if isinstance(change, Change) or line.is_from_server or change.fault.code not in LIMITS:
        return change
    known_row = row()
    if known_row is None or (known_row.deleted and not known_row.cells):
        return change
    typed = typed_part(schema[line.table], item["data"], known_row.cells)
    retyped = parse_change(schema, {**item, "operation": Operation.UPDATE.value, "data": typed}, replica)
    return parse_change(schema, item, replica, LENIENT) if isinstance(retyped, Change) else retyped
