"""What shows of a record: the server's row, with the lines of the log on top that it does not contain yet.

rebuild_row() makes the live row so, and is to be called within change_log.without_logging() for each record of which a
line or the server's row has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from offbook.core.cells.json_data import change_data, with_all_fields
from offbook.core.cells.validation import Json
from offbook.core.merge.rebase import LineState, PendingLine, is_on_top, visible_cells
from offbook.core.model import Change, Key, Operation, Value
from offbook.core.protocol.rows import iso_micros, iso_millis
from offbook.core.schema import EXISTS, Schema, Table
from offbook.database.connection import Connection, bindable
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.records import record_table
from offbook.database.server_rows import (
    NO_SERVER_ROW,
    PUT,
    ServerRow,
    applied_lines,
    has_conflict,
    server_row,
    write_server_row,
)

MAYBE_HIDDEN = f"""SELECT DISTINCT table_name, record_id FROM change_log AS line {change_log.PENDING}
  AND (operation <> 'INSERT' OR EXISTS (SELECT 1 FROM server_rows AS known
    WHERE known.table_name = line.table_name AND known.record_id = line.record_id))"""
"""Records with pending lines, but for those that were only added here: they show as they were typed."""


def restore_known_row(connection: Connection, key: Key, row: ServerRow) -> None:
    """Take a row that is known already, for what was not known of it, and let it show."""
    write_server_row(connection, key, server_row(connection, key), row)
    rebuild_row(connection, key)


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
    return visible_cells(row.cells, True, applied_lines(connection.schema, lines, row), row.seq) or {}


class _ShownLines(NamedTuple):
    """The lines that may lie over the server's row; or, where that shows nothing with them, those that make the row of
    an INSERT that can't be sent, which is the first.
    """

    applied: list[PendingLine]
    typed: list[LogLine]


def _shown_lines(schema: Schema, lines: list[LogLine], row: ServerRow) -> _ShownLines:
    applied = applied_lines(schema, lines, row)
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
    for line in applied_lines(connection.schema, _lines_over(connection, key, row), row):
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
