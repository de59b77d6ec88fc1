"""Changes that can't go on: parked with a reason, until they are tried again or dropped.

A parked UPDATE or DELETE no longer shows: its record is as the server has it. The row of a parked INSERT exists only
on this device, so it stays, and what is typed over it later joins the parked line. Before a line leaves the queue,
write_bases() must have noted what those behind it had really seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from offbook import messages
from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import Json, is_empty, parse_cells
from offbook.core.errors import Invalid, NotFound
from offbook.core.merge.composite import completed_data
from offbook.core.merge.rebase import LineState, with_bases
from offbook.core.model import NO_CELLS, Change, Key, Operation, Rejection
from offbook.core.protocol.held import unknown_to
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import Schema, Table
from offbook.database.connection import Connection, bindable
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.records import record_table
from offbook.database.server_rows import NO_SERVER_ROW, NOBODY, dump, server_row, validated_change
from offbook.database.visible_rows import lines_over_insert, rebuild_row

UNKNOWN_RECORD = "unknown_record"
UNKNOWN_TO_SERVER = frozenset({"unknown_cell", "unknown_table"})


@dataclass(frozen=True, slots=True)
class Parked:
    """A change that can't be sent as it is: what it would write, why not, and its record as it shows now."""

    change_id: str
    table: str
    record_id: str
    operation: str
    timestamp: str
    code: str
    detail: str
    data: Mapping[str, Json] | None
    record: Mapping[str, Json] | None


def parked(connection: Connection) -> list[Parked]:
    """Everything that is parked, oldest first."""
    return [
        Parked(
            line.change_id,
            line.table,
            line.record_id,
            line.operation,
            line.timestamp,
            line.code or "",
            line.detail or "",
            line.data,
            _visible_row(connection, line),
        )
        for line in change_log.parked_lines(connection)
    ]


def _visible_row(connection: Connection, line: LogLine) -> Mapping[str, Json] | None:
    """The record that the line is about, as it shows here; None where it does not, or its table is not known."""
    table = connection.schema.get(line.table)
    return None if table is None else record_table(table).get(connection, bindable(line.record_id))


def park(connection: Connection, line: LogLine, code: str, detail: str, verdict: str | None = None) -> bool:
    """Take a pending line out of the queue; False where it is not pending any more."""
    changed = connection.execute(
        "UPDATE change_log SET synced = ?, code = ?, detail = ?, verdict = ? WHERE id = ? AND synced = 0",
        (LineState.PARKED, code, detail, verdict, line.id),
    )
    return changed.rowcount == 1


def write_bases(connection: Connection, key: Key) -> None:
    """Note in each pending line of the record what its writer had seen, while the lines before it are there to show it.

    A line that goes out again after a restore hid nothing: it was acknowledged when those behind it were written.
    """
    lines = [
        line
        for line in change_log.unsettled_lines(connection, *key)
        if line.state is LineState.PENDING and line.seq is None
    ]
    if len(lines) < 2:
        return
    schema = connection.schema
    checked = [(line, validated_change(schema, line, NOBODY, lambda: server_row(connection, key))) for line in lines]
    changes = [(line, change) for line, change in checked if isinstance(change, Change)]
    for (line, _), change in zip(changes, with_bases([change for _, change in changes]), strict=True):
        if change.bases != (line.bases or {}):
            connection.execute("UPDATE change_log SET bases = ? WHERE id = ?", (dump(dict(change.bases)), line.id))


def merge_into_parked_insert(connection: Connection, key: Key) -> bool:
    """Let a parked INSERT take in what was typed over its row later; True where anything was folded.

    Only where the server has no such record: else the later changes can go their own way. A record that was deleted
    again leaves nothing to send, unless that was somebody's choice in a conflict.
    """
    row = server_row(connection, key) or NO_SERVER_ROW
    lines = change_log.unsettled_lines(connection, *key) if row.deleted and key[0] in connection.schema else []
    inserts = [line for line in lines if line.state is LineState.PARKED and line.operation == Operation.INSERT]
    if not inserts:
        return False
    insert = inserts[-1]
    typed = lines_over_insert(insert, lines, row)
    for line in typed:
        insert = _merge_line(connection, insert, line)
    return bool(typed)


def _merge_line(connection: Connection, insert: LogLine, later: LogLine) -> LogLine:
    resolves = tuple(dict.fromkeys((*insert.resolves, *later.resolves)))
    if later.operation == Operation.DELETE:
        _delete(connection, insert)
        if resolves:
            connection.execute("UPDATE change_log SET resolves = ? WHERE id = ?", (dump(resolves), later.id))
        else:
            _delete(connection, later)
        return insert
    _delete(connection, later)
    data = change_log.merge_into_insert(connection.schema.get(insert.table), insert.data or {}, later.data or {})
    connection.execute(
        "UPDATE change_log SET data = ?, resolves = ? WHERE id = ?", (dump(data), _ids(resolves), insert.id)
    )
    return replace(insert, data=data, resolves=resolves)


def _ids(resolves: tuple[str, ...]) -> str | None:
    return dump(resolves) if resolves else None


def drop(connection: Connection, change_id: str) -> None:
    """Give a parked change up: its record shows what the server has. Raises NotFound."""
    with change_log.without_logging(connection):
        line = _find(connection, change_id)
        key = (line.table, bindable(line.record_id))
        merge_into_parked_insert(connection, key)
        _delete(connection, line)
        rebuild_row(connection, key)
        if line.operation == Operation.INSERT and key != (line.table, line.record_id):
            _remove_unbindable(connection, line)


def resend(
    connection: Connection,
    change_id: str,
    corrections: Mapping[str, Json],
    new_id: Callable[[], str],
    now_ms: int,
) -> str:
    """Send a parked change again, as a new change with a new base and time. Returns its id.

    Of what is one value, that which the corrections leave out follows from them, and not from what could not be sent.
    Raises NotFound, or Invalid where it could still not be sent: then it stays parked as it is.
    """
    with change_log.without_logging(connection):
        line = _find(connection, change_id)
        key = (line.table, bindable(line.record_id))
        if merge_into_parked_insert(connection, key):
            line = _find(connection, change_id)
        again = _resent_line(connection, line, corrections, new_id(), now_ms)
        _delete(connection, line)
        append_edit(connection, again)
    return again.change_id


def resend_known(connection: Connection, server: Schema, shape: str, now_ms: int) -> None:
    """Send again what the server rejected since it did not know it, and knows by now. Within without_logging().

    Each goes out before what was written to its record later. An edit of a record that was deleted meanwhile is left
    for a person to decide about.
    """
    unknown = [line for line in change_log.parked_lines(connection) if line.code in UNKNOWN_TO_SERVER]
    for table, record_id, change_id in [(line.table, line.record_id, line.change_id) for line in unknown]:
        key = (table, bindable(record_id))
        merge_into_parked_insert(connection, key)
        with suppress(NotFound, Invalid):
            line = _find(connection, change_id)
            is_gone = line.operation != Operation.INSERT and (server_row(connection, key) or NO_SERVER_ROW).deleted
            if not is_gone and not unknown_to(server, connection.schema, table, line.operation, line.data):
                new_id = str(uuid5(NAMESPACE_OID, f"{bindable(change_id)} {shape}"))
                _send_again(connection, line, _resent_line(connection, line, {}, new_id, now_ms))


def _send_again(connection: Connection, line: LogLine, again: LogLine) -> None:
    """Let a line go out ``again``, with all that is behind it in its record behind it once more."""
    key = (line.table, bindable(line.record_id))
    behind = [other.id for other in change_log.unsettled_lines(connection, *key) if other.id > line.id]
    _delete(connection, line)
    append_line(connection, again)
    change_log.move_to_end(connection, behind)
    rebuild_row(connection, key)


def _resent_line(
    connection: Connection, line: LogLine, corrections: Mapping[str, Json], change_id: str, now_ms: int
) -> LogLine:
    row = server_row(connection, (line.table, bindable(line.record_id))) or NO_SERVER_ROW
    table, operation, data = connection.schema.get(line.table), line.operation, line.data
    if operation == Operation.DELETE and corrections:
        raise Invalid.of(messages.DELETION_HAS_NO_VALUES)
    known = NO_CELLS if operation == Operation.INSERT else row.cells
    if table is not None and corrections:
        corrections = completed_data(table, corrections, {**known, **completed_data(table, data or {}, known)})
    if data is not None:
        copy = {name: dict(value) if isinstance(value, dict) else value for name, value in data.items()}
        data = change_log.merge_data(table, copy, corrections)
    if table is not None and operation == Operation.UPDATE and line.code == UNKNOWN_RECORD and row.deleted:
        operation = Operation.INSERT
        data = change_log.merge_data(table, insert_data(table, known), completed_data(table, data or {}, known))
    retried = LogLine(
        0,
        line.table,
        line.record_id,
        operation,
        iso_millis(now_ms),
        LineState.PENDING,
        change_id,
        row.last_seq,
        None,
        data,
        line.resolves,
        typed=line.typed,
        batch=line.batch,
    )
    if table is not None and corrections:
        parse_cells(table, corrections, Operation.UPDATE)
    change = validated_change(connection.schema, retried, change_id, lambda: row)
    if isinstance(change, Rejection):
        raise Invalid(change.fault)
    return retried


def insert_data(table: Table, cells: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of a record that the server no longer has, as the data of an INSERT that brings it back."""
    data = with_all_fields(table, cells)
    return {
        name: value
        for name, value in data.items()
        if not is_empty(value) or (value is False and name in table.json_names)
    }


def append_edit(connection: Connection, line: LogLine) -> None:
    """Put an edit into the queue that no trigger logged, and let it show: over an INSERT that can't be sent, too."""
    append_line(connection, line)
    if rebuild_row(connection, (line.table, line.record_id)):
        return
    layout = record_table(connection.schema[line.table])
    if line.operation == Operation.DELETE:
        layout.remove(connection, [line.record_id])
    elif layout.get(connection, line.record_id) is not None:
        layout.change(connection, line.record_id, line.data or {})


def append_line(connection: Connection, line: LogLine, id: int | None = None) -> None:
    """Put a change into the queue that no trigger logged: at its end, or under an id of one's own.

    What a person typed of it was checked already; the rest is what a server said.
    """
    data = None if line.data is None else dump(line.data)
    connection.execute(
        "INSERT INTO change_log (id, table_name, record_id, operation, timestamp, change_id, base, data, resolves,"
        " batch, typed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            id,
            line.table,
            line.record_id,
            line.operation,
            line.timestamp,
            line.change_id,
            line.base,
            data,
            _ids(line.resolves),
            line.batch,
        ),
    )


def _remove_unbindable(connection: Connection, line: LogLine) -> None:
    """Remove the row of an id that is no UTF-8, by its bytes: no binding takes it as text."""
    if line.table in connection.schema:
        raw = line.record_id.encode("utf-8", "surrogateescape")
        connection.execute(f'DELETE FROM "{line.table}" WHERE CAST(id AS BLOB) = ?', (raw,))


def _find(connection: Connection, change_id: str) -> LogLine:
    for line in change_log.parked_lines(connection):
        if line.change_id == change_id:
            return line
    raise NotFound.of(messages.NO_PARKED_CHANGE, id=change_id)


def _delete(connection: Connection, line: LogLine) -> None:
    connection.execute("DELETE FROM change_log WHERE id = ?", (line.id,))
