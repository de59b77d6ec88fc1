"""Taking the whole book anew, because the cursor can't be served any more; and what a restored server has lost.

Every row is stale until it comes again. When the snapshot's pages are all here, what changed since its start still
follows as an ordinary page: only then is what is still stale gone. All of this survives an end of the program at any
point, and a second snapshot in the middle of the first.

What a restored server lost is another matter (offbook.sync.restore_recovery).
"""

from __future__ import annotations

from collections.abc import Iterator

from offbook.core.model import Key
from offbook.database import known_cells, sync_state
from offbook.database.connection import Connection
from offbook.database.local_changes.change_log import without_logging
from offbook.database.server_rows import ServerRow, fold_acknowledged, server_row, store_server_row
from offbook.database.sync_state import Snapshot
from offbook.sync import restore_recovery

NOT_ECHOED = """SELECT DISTINCT table_name, record_id FROM change_log WHERE synced = 1 AND seq > coalesce(
  (SELECT seq FROM server_rows AS known WHERE known.table_name = change_log.table_name
   AND known.record_id = change_log.record_id), 0)"""
"""Records of which a change was acknowledged, and the row that contains it has not come."""


def begin(connection: Connection, trusted: int | None = None, takes_history: bool | None = None) -> None:
    """Start over from the next pull.

    ``trusted`` is the seq up to which a restored server is what it was; None where it lost nothing.

    ``takes_history`` tells whether the server also takes what is only to be in its history. None: what it said last
    counts.
    """
    with without_logging(connection):
        if trusted is not None:
            restore_recovery.rewind_to(connection, trusted, bool(takes_history))
            sync_state.write(connection, answered=0)
        for key in connection.execute(NOT_ECHOED).fetchall():
            fold_acknowledged(connection, key)
        connection.execute("UPDATE server_rows SET stale = 1 WHERE stale = 0")
        connection.execute("DELETE FROM conflicts")  # a snapshot has all that are open
        known_cells.restart_pull(connection)
        sync_state.write(connection, snapshot=Snapshot.TAKING)
        if takes_history is not None:
            sync_state.write(connection, takes_history=int(takes_history))


def advance(connection: Connection, stage: int) -> Iterator[Key]:
    """A snapshot's last page for now was applied: go on to its next stage. Yields each record that is to be refreshed.

    Others may write whenever it yields. Cut off there, it goes on after the next page.
    """
    stale = connection.execute("SELECT table_name, record_id FROM server_rows WHERE stale > 0").fetchall()
    if stage == Snapshot.TAKING and stale:
        sync_state.write(connection, snapshot=Snapshot.CATCHING_UP)
        return
    for key in stale:
        row = server_row(connection, key)
        assert row is not None
        if row.stale:
            restore_recovery.handle_missing_record(connection, key, row)
            # a tombstone: what is older must not show again
            store_server_row(connection, key, row, ServerRow(row.seq, True, {}))
            yield key
            if sync_state.read(connection).snapshot != stage:  # another process has begun anew, or is done
                return
    sync_state.write(connection, snapshot=Snapshot.NONE)
