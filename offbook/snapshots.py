"""Taking the whole book anew, because the cursor can't be served any more; and what a restored server has lost.

Every row is stale until it comes again. When the snapshot's pages are all here, what changed since its start still
follows as an ordinary page: only then is what is still stale gone. All of this survives an end of the program at any
point, and a second snapshot in the middle of the first.

What a restored server lost is another matter (offbook.lost).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from offbook import lost, state
from offbook.local import Key, ServerRow, server_row, settle_down, take
from offbook.log import applying
from offbook.state import Snapshot

if TYPE_CHECKING:
    import sqlite3

NOT_ECHOED = """SELECT DISTINCT table_name, record_id FROM change_log WHERE synced = 1 AND seq > coalesce(
  (SELECT seq FROM server_rows AS known WHERE known.table_name = change_log.table_name
   AND known.record_id = change_log.record_id), 0)"""
"""Records of which a change was acknowledged, and the row that contains it has not come."""


def begin(connection: sqlite3.Connection, kept: int | None = None, takes_history: bool = False) -> None:
    """Start over from the next pull. ``kept`` is None where the server lost nothing.

    ``takes_history`` tells whether the server also takes what is only to be in its history.
    """
    with applying(connection):
        if kept is not None:
            lost.go_back(connection, kept, takes_history)
        for key in connection.execute(NOT_ECHOED).fetchall():
            settle_down(connection, key)
        connection.execute("UPDATE server_rows SET stale = 1 WHERE stale = 0")
        connection.execute("DELETE FROM conflicts")  # a snapshot has all that are open
        state.write(connection, cursor=None, snapshot=Snapshot.TAKING, takes_history=int(takes_history))


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
        lost.give_up(connection, key, row)
        take(connection, key, ServerRow(row.seq, True, {}))  # a tombstone: what is older must not show again
    return set(stale)
