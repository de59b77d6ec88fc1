"""What goes out: pending lines of the log as the changes of a request, by HTTP or over the live channel.

Each line is checked as the server would check it, and what can't be sent is parked here and now. A line that was made
ready once is sent like that every time. Nothing here knows how it is sent, or whether it arrives.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from offbook.core.cells.lenient_validation import known_part
from offbook.core.merge.rebase import split_into_batches, with_bases
from offbook.core.messages import BEHIND_PARKED, CAPITAL_ID
from offbook.core.model import Change, Key, Operation, Rejection
from offbook.core.protocol.requests import CHANGES_MAX, PROTOCOL, SCHEMA_HEADER
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import Schema
from offbook.database.connection import Connection, atomic, bindable
from offbook.database.known_cells import is_of_newer_version
from offbook.database.local_changes import change_log, held
from offbook.database.local_changes.change_log import LogLine
from offbook.database.local_changes.parked import merge_into_parked_insert, park, write_bases
from offbook.database.server_rows import NO_SERVER_ROW, server_row, validated_change
from offbook.database.sync_state import SyncState, server_takes_batches
from offbook.database.visible_rows import lines_over_insert, rebuild_row
from offbook.sync import restore_recovery

BATCH_BYTES_MAX = 4 * 1024 * 1024
"""A quarter of what a server takes: a request must also get through whatever stands before it."""

SIZE_OF_REST = 400
"""Bytes of a change beside its data: names, ids, a few bases."""

JSON_HEADERS = {"Content-Type": "application/json", "Offbook-Protocol": PROTOCOL}


def headers_of(connection: Connection) -> dict[str, str]:
    """What stands before a request of this device: what it speaks, and the shape of the tables that it knows."""
    return {**JSON_HEADERS, SCHEMA_HEADER: connection.schema.shape}


class RequestBatch(NamedTuple):
    """Lines to be sent together; and how many were parked instead."""

    lines: list[LogLine]
    parked: int


def has_pending(connection: Connection) -> bool:
    """Whether a line of the log is still to be sent."""
    (exists,) = connection.execute(f"SELECT EXISTS (SELECT 1 FROM change_log {change_log.SENDABLE})").fetchone()
    return bool(exists)


def count_pending(connection: Connection, last: int) -> int:
    """How many lines are to be sent, of those up to the id ``last``."""
    (count,) = connection.execute(
        f"SELECT count(*) FROM change_log {change_log.SENDABLE} AND id <= ?", (last,)
    ).fetchone()
    return int(count)


def next_batch(connection: Connection, changes_max: int, last: int | None = None) -> RequestBatch:
    """The next lines to be sent, of those up to the id ``last``. What can't be sent is parked, or held."""
    parked = 0
    while True:
        _merge_into_parked(connection)
        lines = [line for line in change_log.sendable_lines(connection, changes_max) if last is None or line.id <= last]
        sendable, stuck, waiting = sort_lines(connection, held.holder_of_queue(connection), lines)
        if waiting:
            with atomic(connection):
                held.hold(connection, waiting)
        if not stuck and (sendable or not waiting):
            return RequestBatch(in_one_request(sendable), parked)
        for line, why in stuck:
            if why.fault.message != BEHIND_PARKED:
                parked += park_unsent(connection, line, why)


class SortedLines(NamedTuple):
    """Lines that can be sent, with what their writers had seen; and those that can't, with the reason.

    ``held`` are those that wait for the server to know more, by their ids, with what it does not know.
    """

    sendable: list[LogLine]
    stuck: list[tuple[LogLine, Rejection]]
    held: dict[int, str]


def sort_lines(
    connection: Connection, holder: held.Holder, lines: Iterable[LogLine], parked: Iterable[LogLine] = ()
) -> SortedLines:
    """Check lines, in log order, as the server will. What joins an INSERT that is parked, or is to be, is stuck too."""
    waiting: dict[int, str] = {}
    inserts = {_key_of(line): line for line in parked if _is_joined_later(connection, line)}
    checked: list[tuple[LogLine, Change]] = []
    stuck: list[tuple[LogLine, Rejection]] = []
    for line in lines:
        if holder.is_behind(line) or is_of_newer_version(connection, line.table):
            waiting[line.id] = holder.reason(line) or held.BEHIND
            continue
        change = _check(connection, line)
        if _joins(connection, line, inserts):
            stuck.append((line, Rejection(line.change_id, BEHIND_PARKED.fault())))
        elif isinstance(change, Rejection):
            stuck.append((line, change))
            if _is_joined_later(connection, line):
                inserts[_key_of(line)] = line
        elif (reason := holder.reason(line)) is not None:
            waiting[line.id] = reason
        else:
            checked.append((line, change))
    return SortedLines(_with_known_bases(holder.server, checked), stuck, waiting)


def _is_joined_later(connection: Connection, line: LogLine) -> bool:
    """Whether later changes of the record join this one when it is parked (merge_into_parked_insert)."""
    if line.operation != Operation.INSERT or line.table not in connection.schema or not _is_ascii(_key_of(line)):
        return False
    return (server_row(connection, _key_of(line)) or NO_SERVER_ROW).deleted


def _joins(connection: Connection, line: LogLine, inserts: dict[Key, LogLine]) -> bool:
    """Whether the line joins the INSERT of its record. Where none behind it does, the ``inserts`` lose that."""
    insert = inserts.get(_key_of(line))
    if insert is None or line.id < insert.id:
        return False
    joins = bool(lines_over_insert(insert, [line], server_row(connection, _key_of(line))))
    if not joins or line.operation == Operation.DELETE:
        del inserts[_key_of(line)]
    return joins


def _key_of(line: LogLine) -> Key:
    return line.table, line.record_id


def _merge_into_parked(connection: Connection) -> None:
    """Edits of a record whose INSERT is parked wait with it."""
    sql = (
        "SELECT DISTINCT parked.table_name, parked.record_id FROM change_log AS parked"
        " INDEXED BY change_log_unsettled JOIN change_log AS later ON later.table_name = parked.table_name"
        " AND later.record_id = parked.record_id AND later.synced = 0 AND later.synced <> 1"
        " AND later.id > parked.id"
        " WHERE parked.synced = 2 AND parked.synced <> 1 AND parked.operation = 'INSERT'"
    )
    for key in connection.execute(sql).fetchall():
        if _is_ascii(key):
            with change_log.without_logging(connection):
                merge_into_parked_insert(connection, key)
                rebuild_row(connection, key)


def park_unsent(connection: Connection, line: LogLine, why: Rejection) -> bool:
    """Park a line that no server will take; False where it is not pending any more."""
    key = _key_of(line)
    with change_log.without_logging(connection):
        if _is_ascii(key):
            write_bases(connection, key)
        parked = park(connection, line, why.fault.code, why.fault.detail)
        if _is_ascii(key):
            rebuild_row(connection, key)
    return parked


def _is_ascii(key: Key) -> bool:
    """Whether text from the log can be looked for at all: what is not UTF-8 can't."""
    return all(part.isascii() for part in key)


def _check(connection: Connection, line: LogLine) -> Change | Rejection:
    """The checks that the server will make, and one of our own: it would answer under another id."""
    change = validated_change(
        connection.schema, line, line.change_id, lambda: server_row(connection, (line.table, bindable(line.record_id)))
    )
    if isinstance(change, Change) and (change.record_id, change.id) != (line.record_id, line.change_id):
        return Rejection(line.change_id, CAPITAL_ID.fault())
    return change


def in_one_request(lines: list[LogLine]) -> list[LogLine]:
    """The first of the lines, as many as one request takes."""
    sizes = [len(json.dumps(line.data)) + SIZE_OF_REST for line in lines]
    return lines[split_into_batches(sizes, CHANGES_MAX, BATCH_BYTES_MAX)[0]] if lines else []


def _with_known_bases(server: Schema, checked: list[tuple[LogLine, Change]]) -> list[LogLine]:
    """The lines, each with what its writer had really seen, as far as the server knows the cells.

    How that is known: offbook.database.local_changes.parked.write_bases.
    """
    by_record: dict[Key, list[Change]] = {}
    for line, change in checked:
        if line.seq is None:
            by_record.setdefault(_key_of(line), []).append(change)
    several = [changes for changes in by_record.values() if len(changes) > 1]
    bases = {change.id: change.bases for changes in several for change in with_bases(changes)}
    return [
        replace(line, **known_part(server[line.table], line.data, bases.get(line.change_id, change.bases)))
        for line, change in checked
    ]


# --- the request ---------------------------------------------------------------------------------------------------


def request_of(connection: Connection, state: SyncState, lines: list[LogLine], now_ms: int) -> dict[str, Any]:
    """What a device says to its server: these changes, where it is, its time, and what it could not send.

    ``seen`` lets a server whose file was put back notice what it lost: a cursor from before may still be one of its
    own, and be older than what it took from this device.
    """
    with_batch = server_takes_batches(state)
    request: dict[str, Any] = {
        "changes": [line.as_json(state.replica, with_batch) for line in lines],
        **where_from(state),
        "seen": max(change_log.last_acknowledged_seq(connection), state.answered),
        "sent_at": iso_millis(now_ms),
        "parked": _parked_codes(connection),
    }
    trusted = restore_recovery.trusted_up_to(connection) if state.snapshot else None
    return request if trusted is None else {**request, "kept": trusted}


def where_from(state: SyncState) -> dict[str, Any]:
    """From where the next page is to come, and of which tables alone where some are pulled again."""
    repull = state.next_repull
    return {"since": state.cursor} if repull is None else {"since": repull.since, "only": list(repull.tables)}


def _parked_codes(connection: Connection) -> dict[str, int]:
    sql = (
        "SELECT code, count(*) FROM change_log INDEXED BY change_log_unsettled"
        " WHERE synced <> 1 AND synced = 2 GROUP BY code ORDER BY 2 DESC LIMIT 50"
    )
    return {str(code)[:40]: count for code, count in connection.execute(sql) if str(code).isascii()}
