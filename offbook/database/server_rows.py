"""What the server said (server_rows), and what shows because of it.

A live row is the server's row with the lines of the log on top that it does not contain yet. rebuild_row() makes it so,
and is to be called within change_log.without_logging() for each record of which a line or the server's row has changed.
Whether a row of the server counts, and what is kept of one that went away, is decided here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from offbook.core.cells.json_data import change_data, with_all_fields
from offbook.core.cells.lenient_validation import known_part, typed_part
from offbook.core.cells.validation import LENIENT, STRICT, Json
from offbook.core.codes import Scope, names_in
from offbook.core.merge.rebase import LineState, PendingLine, is_on_top, update_first_seen, visible_cells
from offbook.core.model import NO_CLOCK, NOTHING, Change, Key, Operation, Record, Rejection, Value
from offbook.core.protocol.requests import parse_change
from offbook.core.protocol.rows import iso_micros, iso_millis
from offbook.core.schema import EXISTS, Schema, Table, entry_of
from offbook.database.connection import Connection, bindable
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.records import record_table

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

MAYBE_HIDDEN = f"""SELECT DISTINCT table_name, record_id FROM change_log AS line {change_log.PENDING}
  AND (operation <> 'INSERT' OR EXISTS (SELECT 1 FROM server_rows AS known
    WHERE known.table_name = line.table_name AND known.record_id = line.record_id))"""
"""Records with pending lines, but for those that were only added here: they show as they were typed."""

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
    _store(connection, key, known_row, row)
    return True


def restore_known_row(connection: Connection, key: Key, row: ServerRow) -> None:
    """Take a row that is known already, for what was not known of it, and let it show."""
    _store(connection, key, server_row(connection, key), row)
    rebuild_row(connection, key)


def _store(connection: Connection, key: Key, known_row: ServerRow | None, row: ServerRow) -> None:
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
    applied = _applied_lines(connection.schema, lines_above, known_row)
    lines = [line for line in applied if line.state is LineState.ACKNOWLEDGED]
    cells = visible_cells(known_row.cells, not known_row.deleted, lines, known_row.seq)
    created_at = known_row.created_at or iso_millis(lines[0].change.timestamp)
    seq = max(line.seq or 0 for line in lines)
    row = ServerRow(seq, cells is None, known_row.cells if cells is None else cells, created_at)
    connection.execute(PUT, row.after(known_row if known_row.seq else None).parameters(key))


def _applied_lines(schema: Schema, lines: Iterable[LogLine], row: ServerRow) -> list[PendingLine]:
    """Those lines that hold a change."""
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


def rebuild_row(connection: Connection, key: Key) -> bool:
    """Make the live row what it is to be; False where it is of an INSERT that can't be sent and stays as typed."""
    if key[0] not in connection.schema:
        return True
    row = server_row(connection, key) or NO_SERVER_ROW
    lines = _lines_over(connection, key, row)
    applied, typed = _shown_lines(connection.schema, lines, row)
    if typed:
        return _write_as_typed(connection, key, row, typed)
    cells = visible_cells(row.cells, not row.deleted, applied, row.seq)
    _write_record(connection, key, row, cells, [line.change for line in applied if is_on_top(line, row.seq)])
    if row.deleted and row.cells and not lines and not has_conflict(connection, key):
        connection.execute(PUT, row._replace(cells={}).parameters(key))
    return True


def visible_record(connection: Connection, key: Key) -> Mapping[str, Value] | None:
    """The cells of a record as it shows; None where it does not."""
    row = server_row(connection, key) or NO_SERVER_ROW
    applied = _shown_lines(connection.schema, _lines_over(connection, key, row), row).applied
    return visible_cells(row.cells, not row.deleted, applied, row.seq)


def deleted_cells(connection: Connection, key: Key) -> Mapping[str, Value]:
    """The cells that a record had when it was deleted here, as far as the deletion is not settled: else that is not
    known any more."""
    row = server_row(connection, key) or NO_SERVER_ROW
    lines = [line for line in change_log.unsettled_lines(connection, *key) if line.operation != Operation.DELETE]
    return visible_cells(row.cells, True, _applied_lines(connection.schema, lines, row), row.seq) or {}


class _ShownLines(NamedTuple):
    """The lines that may lie over the server's row; or, where that shows nothing with them, those that make the row of
    an INSERT that can't be sent, which is the first.
    """

    applied: list[PendingLine]
    typed: list[LogLine]


def _shown_lines(schema: Schema, lines: list[LogLine], row: ServerRow) -> _ShownLines:
    applied = _applied_lines(schema, lines, row)
    applied_ids = {line.id for line in applied}
    inserts = [line for line in lines if line.operation == Operation.INSERT and line.id not in applied_ids]
    if not inserts:
        return _ShownLines(applied, [])
    before = [line for line in applied if line.id < inserts[-1].id]
    if visible_cells(row.cells, not row.deleted, before, row.seq) is not None:
        return _ShownLines(applied, [])
    typed = [inserts[-1], *lines_over_insert(inserts[-1], lines, row)]
    typed_ids = {line.id for line in typed}
    rest = [line for line in applied if line.id not in typed_ids]
    is_hidden = visible_cells(row.cells, not row.deleted, rest, row.seq) is not None
    return _ShownLines(rest, [] if is_hidden else typed)


def lines_over_insert(insert: LogLine, lines: Iterable[LogLine], row: ServerRow | None) -> list[LogLine]:
    """Those pending lines of its record that were typed over the row of an INSERT that can't be sent, up to a deletion.

    What their writer had seen of the record tells: what the INSERT's had, or the deletion that is the server's ``row``.
    An edit of the record that the server had lets that show again, so that what is behind it was typed over it, too.
    """
    row = row or NO_SERVER_ROW
    typed: list[LogLine] = []
    seen_of_insert = {insert.base}
    for line in lines:
        if line.id <= insert.id or line.state is not LineState.PENDING or line.is_derived:
            continue
        seen = (line.bases or {}).get(EXISTS, line.base)
        if line.base != insert.base and seen not in seen_of_insert and not (row.deleted and seen >= row.last_seq):
            break
        typed.append(line)
        seen_of_insert.add(seen)  # less than its base, where a deletion before the INSERT was not answered
        if line.operation == Operation.DELETE:
            break
    return typed


def _write_as_typed(connection: Connection, key: Key, row: ServerRow, typed: list[LogLine]) -> bool:
    """Let the row of an INSERT that can't be sent show; False where nothing of the server's ever stood in its place."""
    if row.last_seq == 0:
        return False
    layout = record_table(connection.schema[key[0]])
    if typed[-1].operation == Operation.DELETE:
        layout.remove(connection, [key[1]])
        return True
    data: dict[str, Any] = {}
    for line in typed:
        data = change_log.merge_into_insert(connection.schema[key[0]], data, line.data or {})
    times = {"created_at": typed[0].timestamp, "updated_at": typed[-1].timestamp}
    layout.put(connection, [(key[1], {**_bindable_data(data), **times})])
    return True


def _bindable_data(data: Mapping[str, Any]) -> dict[str, Any]:
    """Data as a line holds it, so that it can be written: what was not UTF-8 is shown as well as it can be."""
    return {
        name: _bindable_data(value) if isinstance(value, dict) else bindable(value) if isinstance(value, str) else value
        for name, value in data.items()
    }


def show_pending_lines(connection: Connection) -> None:
    """Let all that can be sent show again, where a version that could not send it has hidden it.

    Rows aren't rebuilt for it: they may show cells that such a version has dropped from the server's row.
    """
    keys = connection.execute(MAYBE_HIDDEN).fetchall()
    with change_log.without_logging(connection):
        for table, record_id in keys:
            if table in connection.schema and record_id.isascii():
                _lay_lines_over(connection, (table, record_id))


def _lay_lines_over(connection: Connection, key: Key) -> None:
    table = connection.schema[key[0]]
    layout = record_table(table)
    record = layout.get(connection, key[1])
    if record is None:
        rebuild_row(connection, key)
        return
    row = server_row(connection, key) or NO_SERVER_ROW
    data: dict[str, Any] = {}
    for line in _applied_lines(connection.schema, _lines_over(connection, key, row), row):
        if not is_on_top(line, row.seq):
            continue
        if line.change.operation is Operation.DELETE:
            data = {}
        else:
            change_log.merge_data(table, data, change_data(table, line.change.cells))
    for map_ in table.maps:
        data[map_.name] = {
            entry_key: entry
            for entry_key, entry in data.get(map_.name, {}).items()
            if entry is None
            or entry_key in record[map_.name]
            or all(entry.get(name) is not None for name in map_.required)
        }
    layout.change(connection, key[1], data)


def _lines_over(connection: Connection, key: Key, row: ServerRow) -> list[LogLine]:
    """The record's lines that the row may lack. One that goes out again after a restore is in the row that was lost."""
    lines = change_log.lines_above(connection, *key, row.seq)
    if row.stale < 2:
        return lines
    return [line for line in lines if line.state is not LineState.PENDING or (line.seq or row.stale + 1) > row.stale]


def _write_record(
    connection: Connection,
    key: Key,
    row: ServerRow,
    cells: Mapping[str, Value] | None,
    changes: Sequence[Change],
) -> None:
    table, record_id = connection.schema[key[0]], key[1]
    layout = record_table(table)
    is_whole = not row.deleted or row.cells or any(change.operation is Operation.INSERT for change in changes)
    if cells is None or not (is_whole or _has_all(cells, table.required)):
        layout.remove(connection, [record_id])
        return
    data = _without_torn_entries(table, with_all_fields(table, cells), row)
    times = [iso_millis(change.timestamp) for change in changes] or [iso_micros(row.seq)]
    data |= {"created_at": row.created_at or times[0], "updated_at": times[-1]}
    layout.put(connection, [(record_id, data)])


def _has_all(values: Mapping[str, Json], names: Iterable[str]) -> bool:
    return all(values.get(name) is not None for name in names)


def _without_torn_entries(table: Table, data: dict[str, Json], row: ServerRow) -> dict[str, Json]:
    """An edit may stand over an entry that this device never had whole: it shows when the server has made it whole.

    What the server itself says shows as it is; and what a newer version emptied is for the server to judge.
    """
    for map_ in table.maps:
        data[map_.name] = {
            key: entry
            for key, entry in data[map_.name].items()
            if all(
                entry.get(name) is not None or row.cells.get(f"{map_.name}/{key}/{name}") is not None
                for name in map_.required
            )
            or (not row.deleted and row.cells.get(f"{map_.name}/{key}/{EXISTS}"))
        }
    return data
