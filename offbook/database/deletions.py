"""Which records are gone because a batch was undone: by what the server told, and the lines of this device.

The server tells the batch of a deletion with its row. It is noted with the row's seq: a version that does not know the
note leaves it behind, and then it counts no more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from offbook.core.history.undo import ExistenceStep, was_taken_back
from offbook.core.model import NO_CLOCK, Operation, Record, Value
from offbook.core.schema import Table
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.server_rows import change_of_line, dump

IDS_PER_QUERY = 500

NOTE = """UPDATE server_rows SET deletion = seq || ' ' || ?
  WHERE table_name = ? AND record_id = ? AND seq = ? AND deleted = 1"""
NOTED = """SELECT record_id, seq, substr(deletion, 1 + instr(deletion, ' ')) FROM server_rows
  WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?)) AND deleted = 1
  AND deletion LIKE seq || ' %'"""
OF_RECORDS = "table_name = ?1 AND record_id IN (SELECT value FROM json_each(?2))"


def note_batches(connection: Connection, table: str, batches: Iterable[tuple[str, int, str]]) -> None:
    """Note of which batch deletions are, that came with a page: the record's id, its seq, and the batch."""
    connection.executemany(NOTE, [(batch, table, record_id, seq) for record_id, seq, batch in batches])


def taken_back(connection: Connection, table: Table, ids: Sequence[str]) -> dict[str, Record]:
    """Those of some deleted records that the undo of a batch of this device deleted, with what the device had written.

    Nobody else has written to such a record since, or the undo would have let it stand. What other devices imported is
    none of it: what that held is not known here any more.
    """
    records: dict[str, Record] = {}
    for start in range(0, len(ids), IDS_PER_QUERY):
        text = dump(ids[start : start + IDS_PER_QUERY])
        noted = connection.execute(NOTED, (table.name, text)).fetchall()
        lines = _lines_of(connection, table.name, [record_id for record_id, _, _ in noted])
        for record_id, seq, batch in noted:
            steps = [ExistenceStep(line.operation != Operation.DELETE, line.batch) for line in lines[record_id]]
            steps = [step for step in steps if step.batch is not None or not step.exists]
            if was_taken_back([*steps, ExistenceStep(False, batch)]):
                cells = _cells_of(connection, lines[record_id])
                records[record_id] = Record(table, record_id, seq, True, cells, NO_CLOCK, {})
    return records


def _lines_of(connection: Connection, table: str, ids: Sequence[str]) -> dict[str, list[LogLine]]:
    """All lines of these records, in log order."""
    lines: dict[str, list[LogLine]] = defaultdict(list)
    columns = change_log.columns(connection)
    sql = (
        f"SELECT {columns} FROM change_log INDEXED BY change_log_unsettled WHERE synced <> 1 AND {OF_RECORDS} UNION ALL"
        f" SELECT {columns} FROM change_log INDEXED BY change_log_acknowledged WHERE synced = 1 AND {OF_RECORDS}"
        " ORDER BY id"
    )
    for row in connection.execute(sql, (table, dump(ids))) if ids else ():
        line = change_log.line_of(connection.schema, row)
        lines[line.record_id].append(line)
    return lines


def _cells_of(connection: Connection, lines: Iterable[LogLine]) -> dict[str, Value]:
    """All cells that these lines ever wrote, each with its last value."""
    cells: dict[str, Value] = {}
    for line in lines:
        if (change := change_of_line(connection.schema, line)) is not None:
            cells.update(change.cells)
    return cells
