"""Taking the whole book anew, because the cursor can't be served any more; and what a restored server has lost.

Every row is stale until it comes again. When the snapshot's pages are all here, what changed since its start still
follows as an ordinary page: only then is what is still stale gone. All of this survives an end of the program at any
point, and a second snapshot in the middle of the first.

A server that was restored is only up to ``kept`` what it was. What this device had sent beyond that is sent again, and
rows beyond it that the server lacks are sent as INSERTs, under ids that every device makes alike. Such a row holds the
changes of this device up to its seq, so those are not sent: they would undo what others wrote over them. Nor are those
sent of which this device knows that somebody deleted later what they wrote: they would bring it back.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from offbook import log, state
from offbook.core.changes import Operation
from offbook.core.rebase import State, after_restore
from offbook.core.tables import EXISTS, entry_of
from offbook.core.wire import iso_millis
from offbook.local import Key, ServerRow, change_in, dump, server_row, settle_down, take
from offbook.log import LogLine, applying
from offbook.parking import append, filled, write_bases
from offbook.state import Snapshot

if TYPE_CHECKING:
    import sqlite3

NOT_ECHOED = """SELECT DISTINCT table_name, record_id FROM change_log WHERE synced = 1 AND seq > coalesce(
  (SELECT seq FROM server_rows AS known WHERE known.table_name = change_log.table_name
   AND known.record_id = change_log.record_id), 0)"""
"""Records of which a change was acknowledged, and the row that contains it has not come."""

MINE = "table_name = ? AND record_id = ?"


def begin(connection: sqlite3.Connection, kept: int | None = None) -> None:
    """Start over from the next pull. ``kept`` is None where the server lost nothing."""
    with applying(connection):
        if kept is not None:
            _go_back(connection, kept)
        for key in connection.execute(NOT_ECHOED).fetchall():
            settle_down(connection, key)
        connection.execute("UPDATE server_rows SET stale = 1 WHERE stale = 0")
        connection.execute("DELETE FROM conflicts")  # a snapshot has all that are open
        state.write(connection, cursor=None, snapshot=Snapshot.TAKING)


def advance(connection: sqlite3.Connection, stage: int) -> set[Key]:
    """The last page there is for now was applied: go on to the next stage. Returns the records to be refreshed."""
    if stage == Snapshot.NONE:
        return set()
    stale = connection.execute("SELECT table_name, record_id FROM server_rows WHERE stale > 0").fetchall()
    if stage == Snapshot.TAKING and stale:
        state.write(connection, snapshot=Snapshot.CATCHING_UP)
        return set()
    state.write(connection, snapshot=Snapshot.NONE)
    for key in stale:
        row = server_row(connection, key)
        assert row is not None
        if row.stale > 1 and not row.deleted:
            _rescue(connection, key, row)
        take(connection, key, ServerRow(row.seq, True, {}))  # a tombstone: what is older must not show again
    return set(stale)


# --- after a restore -----------------------------------------------------------------------------------------------


def _go_back(connection: sqlite3.Connection, kept: int) -> None:
    """Know no more of the server than it knows itself. ``stale`` keeps the seq that a lost row had."""
    queued = connection.execute(
        "SELECT DISTINCT table_name, record_id FROM change_log INDEXED BY change_log_pending WHERE synced = 0"
    ).fetchall()
    for key in queued:
        write_bases(connection, key)
    connection.execute(
        "UPDATE server_rows SET stale = CASE WHEN stale > 1 THEN stale ELSE seq END, seq = ? WHERE seq > ?",
        (kept, kept),
    )
    for line in log.acknowledged_after(connection, kept):
        if _is_undone(line, server_row(connection, (line.table, line.record_id))):
            connection.execute("UPDATE change_log SET seq = NULL WHERE id = ?", (line.id,))
        else:
            connection.execute("UPDATE change_log SET synced = 0, verdict = NULL WHERE id = ?", (line.id,))
    for line in log.pending(connection):
        if (change := change_in(line)) is not None:
            lowered = after_restore(change, kept)
            bases = dump(dict(lowered.bases)) if lowered.bases else None
            connection.execute("UPDATE change_log SET base = ?, bases = ? WHERE id = ?", (lowered.base, bases, line.id))


def _is_undone(line: LogLine, known: ServerRow | None) -> bool:
    """Whether this device knows that somebody deleted later what the line wrote: sent again, it would come back."""
    if known is None or known.stale < (line.seq or 0):
        return False
    if known.deleted:
        return line.operation != Operation.DELETE
    change = change_in(line)
    return bool(change and change.cells) and all(
        entry_of(cell) and value is not False and not known.cells.get(entry_of(cell) + EXISTS)
        for cell, value in (change.cells.items() if change else ())
    )


def _rescue(connection: sqlite3.Connection, key: Key, row: ServerRow) -> None:
    """A record that the restored server never had: sent before all that this device has to say about it."""
    table, record_id = key
    seq = row.stale
    connection.execute(
        f"UPDATE change_log SET synced = ?, seq = NULL WHERE synced = 0 AND {MINE} AND seq <= ?",
        (State.ACKNOWLEDGED, *key, seq),
    )
    line = LogLine(
        0,
        table,
        record_id,
        Operation.INSERT,
        iso_millis(seq // 1000),
        State.PENDING,
        str(uuid.uuid5(uuid.UUID(record_id), str(seq))),
        0,
        None,
        filled(table, row.cells),
    )
    (first,) = connection.execute("SELECT coalesce(min(id), 1) FROM change_log").fetchone()
    append(connection, line, min(first, 1) - 1)
