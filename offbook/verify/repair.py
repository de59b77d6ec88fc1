"""Making a record what the server says it is, where the two were found to differ. Pending edits stay laid on top.

What shows here, and no line of the log holds, may be damage or may have been typed by a tool that goes around the
triggers. That can't be known, so it is neither sent nor lost: it is parked, for a person to send or to drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import Json
from offbook.core.merge.rebase import LineState
from offbook.core.model import Operation
from offbook.core.schema import Map, Table
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.records import record_table
from offbook.database.server_rows import NO_SERVER_ROW, ServerRow, dump, server_row, store_server_row
from offbook.database.visible_rows import rebuild_row
from offbook.sync.response import PageRow

UNLOGGED = "unlogged"
WHY = (
    "This was written here without a line of the log, and the server has it otherwise. Retry it to send it, or drop it."
)


@dataclass(frozen=True, slots=True)
class Repair:
    """A record that differed: as it showed and as it shows now, None where it did not show.

    ``parked``: something of what it showed was parked, since no line of the log holds it.
    """

    table: str
    record_id: str
    was: Mapping[str, Json] | None
    now: Mapping[str, Json] | None
    parked: bool


def repair(connection: Connection, row: PageRow) -> Repair:
    """Take the row for what the server has, whatever is known here. Within change_log.without_logging()."""
    table, record_id = connection.schema[row.key[0]], row.key[1]
    was = record_table(table).get(connection, record_id)
    known_row = server_row(connection, row.key)
    unlogged = None
    if was is not None and not change_log.unsettled_lines(connection, *row.key):
        unlogged = _unlogged(table, was, known_row or NO_SERVER_ROW, row.server)
    if unlogged:
        _park(connection, row, known_row or NO_SERVER_ROW, unlogged)
    connection.execute("UPDATE server_rows SET stale = 1 WHERE table_name = ? AND record_id = ?", row.key)
    store_server_row(connection, row.key, server_row(connection, row.key), row.server)
    rebuild_row(connection, row.key)
    return Repair(table.name, record_id, was, record_table(table).get(connection, record_id), bool(unlogged))


def _park(connection: Connection, row: PageRow, known_row: ServerRow, unlogged: Mapping[str, Json]) -> None:
    """An INSERT where nobody else has the record: its row then stays here, as that of any parked INSERT does."""
    operation = Operation.INSERT if known_row.deleted and row.server.deleted else Operation.UPDATE
    connection.execute(
        "INSERT INTO change_log (table_name, record_id, operation, synced, base, data, code, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*row.key, operation.value, LineState.PARKED, known_row.seq, dump(unlogged), UNLOGGED, WHY),
    )


# --- what no line holds --------------------------------------------------------------------------------------------


def _unlogged(table: Table, was: Mapping[str, Json], known_row: ServerRow, new_row: ServerRow) -> dict[str, Json]:
    """The values that came neither with the server's row that is known here nor with the one that comes.

    Only what is there: of what is missing, nothing is lost by showing it again.
    """
    had, has = (with_all_fields(table, {} if row.deleted else row.cells) for row in (known_row, new_row))
    values = {name: was[name] for name in table.by_name if was[name] and was[name] not in (had[name], has[name])}
    for map_ in table.maps:
        if entries := _entries(map_, was[map_.name], had[map_.name], has[map_.name]):
            values[map_.name] = entries
    return values


def _entries(map_: Map, was: Mapping[str, Any], had: Mapping[str, Any], has: Mapping[str, Any]) -> dict[str, Json]:
    entries: dict[str, Json] = {}
    for key, entry in was.items():
        if written := _written(map_, entry, had.get(key), has.get(key)):
            entries[key] = written
    return entries


def _written(map_: Map, entry: Mapping[str, Json], *versions: Mapping[str, Json] | None) -> dict[str, Json]:
    """The cells of an entry that are in none of the others, each with all its parts; of a new entry all there is."""
    if all(version is None for version in versions):
        return dict(entry)
    written: dict[str, Json] = {}
    for fields in map_.cells.values():
        value, *others = (
            {field.name: (version or {}).get(field.name) for field in fields} for version in (entry, *versions)
        )
        if value not in others and any(part is not None for part in value.values()):
            written.update(value)
    return written
