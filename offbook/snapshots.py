"""Taking the whole book anew, because the cursor can't be served any more; and what a restored server has lost.

Every row is stale until it comes again. When the snapshot's pages are all here, what changed since its start still
follows as an ordinary page: only then is what is still stale gone. All of this survives an end of the program at any
point, and a second snapshot in the middle of the first.

A server that was restored is only up to ``kept`` what it was. What this device had sent beyond that is sent again, and
rows beyond it that the server lacks are sent as INSERTs, under ids that every device makes alike. A row already holds
the changes of this device up to its seq, so those stay acknowledged: sent again, they would undo what others wrote
over them, or bring back what others deleted.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from offbook import log, state
from offbook.core.changes import Operation
from offbook.core.rebase import State, after_restore
from offbook.core.wire import iso_millis
from offbook.local import Key, ServerRow, change_in, dump, server_row, take
from offbook.log import LogLine, applying
from offbook.parking import append, filled, write_bases
from offbook.state import Snapshot

if TYPE_CHECKING:
    import sqlite3

MINE = "table_name = ? AND record_id = ?"


def begin(connection: sqlite3.Connection, kept: int | None = None) -> None:
    """Start over from the next pull. ``kept`` is None where the server lost nothing."""
    with applying(connection):
        if kept is not None:
            _go_back(connection, kept)
        connection.execute("UPDATE server_rows SET stale = 1 WHERE stale = 0")
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
        else:
            _let_go(connection, key, row)
    return set(stale)


def _let_go(connection: sqlite3.Connection, key: Key, row: ServerRow) -> None:
    """The server has it no more. Its cells are kept while an edit that may bring it back is not settled."""
    if log.unsettled(connection, *key):
        take(connection, key, ServerRow(row.seq, True, {}))
    else:
        connection.execute(f"DELETE FROM server_rows WHERE {MINE}", key)


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
    connection.execute(
        "UPDATE change_log SET synced = 0, verdict = NULL WHERE synced = 1 AND seq > ?"
        " AND (operation = 'DELETE' OR NOT EXISTS (SELECT 1 FROM server_rows AS known WHERE deleted AND stale > 1"
        " AND known.table_name = change_log.table_name AND known.record_id = change_log.record_id"
        " AND known.stale >= change_log.seq))",
        (kept,),
    )
    for line in log.pending(connection):
        if (change := change_in(line)) is not None:
            lowered = after_restore(change, kept)
            bases = dump(dict(lowered.bases)) if lowered.bases else None
            connection.execute("UPDATE change_log SET base = ?, bases = ? WHERE id = ?", (lowered.base, bases, line.id))


def _rescue(connection: sqlite3.Connection, key: Key, row: ServerRow) -> None:
    """A record that the restored server never had: sent before all that this device has to say about it."""
    table, record_id = key
    seq = row.stale
    connection.execute(
        f"UPDATE change_log SET synced = ? WHERE synced = 0 AND {MINE} AND seq <= ?", (State.ACKNOWLEDGED, *key, seq)
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
    connection.execute(f"DELETE FROM server_rows WHERE {MINE}", key)
