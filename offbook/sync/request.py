"""What goes out: pending lines of the log as the changes of a request, by HTTP or over the live channel.

Each line is checked as the server would check it, and what can't be sent is parked here and now. A line that was made
ready once is sent like that every time. Nothing here knows how it is sent, or whether it arrives.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from offbook.core.merge.rebase import batches, with_bases
from offbook.core.model import Change, Operation, Rejection
from offbook.core.protocol.requests import CHANGES_MAX
from offbook.core.protocol.rows import iso_millis
from offbook.database import change_log
from offbook.database.change_log import LogLine
from offbook.database.connection import bindable
from offbook.database.parked import merge_into_parked_insert, park, write_bases
from offbook.database.server_rows import rebuild_row, server_row, validated_change
from offbook.database.sync_state import SyncState
from offbook.sync import restore_recovery

if TYPE_CHECKING:
    import sqlite3

BATCH_BYTES_MAX = 4 * 1024 * 1024
"""A quarter of what a server takes: a request must also get through whatever stands before it."""

SIZE_OF_REST = 400
"""Bytes of a change beside its data: names, ids, a few bases."""

PENDING = "INDEXED BY change_log_pending WHERE synced = 0"


class RequestBatch(NamedTuple):
    """Lines to be sent together; and how many were parked instead."""

    lines: list[LogLine]
    parked: int


def has_pending(connection: sqlite3.Connection) -> bool:
    (found,) = connection.execute(f"SELECT EXISTS (SELECT 1 FROM change_log {PENDING})").fetchone()
    return bool(found)


def count_pending(connection: sqlite3.Connection, last: int) -> int:
    """How many lines are to be sent, of those up to the id ``last``."""
    (count,) = connection.execute(f"SELECT count(*) FROM change_log {PENDING} AND id <= ?", (last,)).fetchone()
    return int(count)


def next_batch(connection: sqlite3.Connection, changes_max: int, last: int | None = None) -> RequestBatch:
    """The next lines to be sent, of those up to the id ``last``. What can't be sent is parked."""
    parked = 0
    while True:
        _merge_into_parked(connection)
        lines = [line for line in change_log.pending_lines(connection, changes_max) if last is None or line.id <= last]
        pairs = [(line, check(connection, line)) for line in lines]
        bad = [(line, found) for line, found in pairs if isinstance(found, Rejection)]
        if not bad:
            return RequestBatch(_in_one_request(known_bases(pairs)), parked)
        inserts = [(line, why) for line, why in bad if line.operation == Operation.INSERT]
        for line, why in inserts or bad:  # what stands behind a parked INSERT joins it, and is not parked by itself
            parked += park_unsent(connection, line, why)


def _merge_into_parked(connection: sqlite3.Connection) -> None:
    """Edits of a record whose INSERT is parked wait with it."""
    sql = (
        "SELECT DISTINCT parked.table_name, parked.record_id FROM change_log AS parked"
        " INDEXED BY change_log_unsettled JOIN change_log AS later ON later.table_name = parked.table_name"
        " AND later.record_id = parked.record_id AND later.synced = 0 AND later.synced <> 1"
        " AND later.id > parked.id"
        " WHERE parked.synced = 2 AND parked.synced <> 1 AND parked.operation = 'INSERT'"
    )
    for key in connection.execute(sql).fetchall():
        if _is_key(key):
            with change_log.without_logging(connection):
                merge_into_parked_insert(connection, key)
                rebuild_row(connection, key)


def park_unsent(connection: sqlite3.Connection, line: LogLine, why: Rejection) -> bool:
    """Park a line that no server will take; False where it is not pending any more."""
    key = (line.table, line.record_id)
    with change_log.without_logging(connection):
        if _is_key(key):
            write_bases(connection, key)
        parked = park(connection, line, why.code, why.detail)
        if _is_key(key):
            rebuild_row(connection, key)
    return parked


def _is_key(key: tuple[str, str]) -> bool:
    """Whether text from the log can be looked for at all: what is not UTF-8 can't."""
    return all(part.isascii() for part in key)


def check(connection: sqlite3.Connection, line: LogLine) -> Change | Rejection:
    """The checks that the server will make, and one of our own: it would answer under another id."""
    found = validated_change(
        line, line.change_id, lambda: server_row(connection, (line.table, bindable(line.record_id)))
    )
    if isinstance(found, Change) and (found.record_id, found.id) != (line.record_id, line.change_id):
        return Rejection(line.change_id, "bad_id", "An id must be a UUID in small letters: add it again under one.")
    return found


def _in_one_request(lines: list[LogLine]) -> list[LogLine]:
    """As many lines as one request takes."""
    return lines[requests_of(lines)[0]] if lines else []


def requests_of(lines: list[LogLine]) -> list[slice]:
    sizes = [len(json.dumps(line.data)) + SIZE_OF_REST for line in lines]
    return batches(sizes, CHANGES_MAX, BATCH_BYTES_MAX)


def known_bases(checked: list[tuple[LogLine, Any]]) -> list[LogLine]:
    """The lines, each with what its writer had really seen (offbook.database.parked.write_bases)."""
    by_record: dict[tuple[str, str], list[Change]] = {}
    for line, change in checked:
        if line.seq is not None:
            continue
        by_record.setdefault((line.table, line.record_id), []).append(change)
    several = [changes for changes in by_record.values() if len(changes) > 1]
    bases = {change.id: change.bases for changes in several for change in with_bases(changes)}
    return [replace(line, bases=bases.get(line.change_id, change.bases)) for line, change in checked]


# --- the request ---------------------------------------------------------------------------------------------------


def request_of(connection: sqlite3.Connection, here: SyncState, lines: list[LogLine], now_ms: int) -> dict[str, Any]:
    """What a device says to its server: these changes, where it is, its time, and what it could not send.

    ``seen`` tells a server whose file was put back that it lost something: a cursor from before may still be one of its
    own, and be older than what it took from this device.
    """
    request = {
        "changes": [line.as_json(here.replica) for line in lines],
        "since": here.cursor,
        "seen": change_log.last_acknowledged_seq(connection),
        "sent_at": iso_millis(now_ms),
        "parked": _parked_codes(connection),
    }
    kept = restore_recovery.trusted_up_to(connection) if here.snapshot else None
    return request if kept is None else {**request, "kept": kept}


def _parked_codes(connection: sqlite3.Connection) -> dict[str, int]:
    sql = (
        "SELECT code, count(*) FROM change_log INDEXED BY change_log_unsettled"
        " WHERE synced <> 1 AND synced = 2 GROUP BY code ORDER BY 2 DESC LIMIT 50"
    )
    return {str(code)[:40]: count for code, count in connection.execute(sql) if str(code).isascii()}
