"""What follows from a person's choice, as one ordinary change of this device: logged like an edit, shown at once.

No trigger writes these lines. A choice counts even where its value stands already, and a value that is given back may
belong to a record that no longer shows.
"""

from __future__ import annotations

from offbook.core.cells.json_data import change_data
from offbook.core.cells.validation import LENIENT
from offbook.core.errors import Invalid
from offbook.core.history.reconstruct import Patch
from offbook.core.merge.rebase import LineState
from offbook.core.model import Key, Operation, Rejection
from offbook.core.protocol.requests import build_change
from offbook.core.protocol.rows import iso_millis
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.local_changes.parked import append_edit
from offbook.database.server_rows import NO_SERVER_ROW, server_row


def append_patch(
    connection: Connection, key: Key, patch: Patch, change_id: str, now_ms: int, resolves: tuple[str, ...] = ()
) -> None:
    """Log the patch with the base that a trigger would give, and let it show. Raises Invalid where it can't be sent.

    Its values are those that a server said, or were checked when they were typed: limits don't count here.
    """
    table = connection.schema[key[0]]
    base = (server_row(connection, key) or NO_SERVER_ROW).last_seq
    data = None if patch.operation is Operation.DELETE else change_data(table, patch.cells)
    change = build_change(change_id, table, key[1], patch.operation, change_id, now_ms, base, data, LENIENT)
    if isinstance(change, Rejection):
        raise Invalid(change.fault)
    timestamp, state = iso_millis(now_ms), LineState.PENDING
    line = LogLine(0, *key, patch.operation, timestamp, state, change_id, base, None, data, resolves)
    with change_log.without_logging(connection):
        append_edit(connection, line)
