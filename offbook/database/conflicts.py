"""Conflicts on this device: kept as the server told them, shown to a person, and settled by an ordinary change.

A choice is made here and now, with no network: the change that carries it out is logged and shows at once, and names
the conflict in ``resolves``, so that the server closes it for every device. Until then the conflict is hidden here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from offbook.core.conflicts.resolution import Choice, choices, parse_custom_value, patch_of_choice
from offbook.core.errors import Invalid, NotFound
from offbook.core.history.reconstruct import Patch
from offbook.core.lenient_validation import is_whole
from offbook.core.model import Clock, Conflict, Value
from offbook.core.protocol.validators import SEQ_MAX
from offbook.core.schema import TABLES
from offbook.core.validation import Json, value_of
from offbook.database import change_log
from offbook.database.batched_writes import RECORD_SIZE, write_in_batches
from offbook.database.connection import reading
from offbook.database.edits import append_patch
from offbook.database.server_rows import Key, dump, server_row, visible_record
from offbook.sync.response import ConflictSide, ReceivedConflict

if TYPE_CHECKING:
    import sqlite3

PUT = """INSERT INTO conflicts (id, table_name, record_id, cell, seq, data) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, data = excluded.data WHERE excluded.seq > conflicts.seq"""

OPEN = f"""SELECT conflicts.id, table_name, record_id, cell, conflicts.seq, data FROM conflicts LEFT JOIN (
  SELECT named.value AS id, max(CASE synced WHEN 0 THEN {SEQ_MAX} ELSE seq END) AS seq
  FROM change_log INDEXED BY change_log_resolves, json_each(change_log.resolves) AS named
  WHERE change_log.resolves IS NOT NULL AND synced <> 2 GROUP BY named.value
) AS chosen ON chosen.id = conflicts.id WHERE coalesce(chosen.seq, 0) <= conflicts.seq"""
"""A choice counts while it is on its way. One that is parked does not; nor one that a restored server has lost."""

IN_ORDER = f"SELECT * FROM ({OPEN}) ORDER BY seq, id"
THESE_IN_ORDER = f"SELECT * FROM ({OPEN}) WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq, id"

NOBODY = Clock(0, 0, "", "")


# --- what the server says ------------------------------------------------------------------------------------------


def store_conflicts(connection: sqlite3.Connection, conflicts: Iterable[ReceivedConflict]) -> None:
    """Keep the open ones of a page, and forget those that were settled."""
    for conflict in conflicts:
        if conflict.ours is None or conflict.theirs is None:
            connection.execute("DELETE FROM conflicts WHERE id = ? AND seq < ?", (conflict.id, conflict.seq))
        else:
            data = dump({"common": conflict.common, "ours": conflict.ours, "theirs": conflict.theirs})
            connection.execute(PUT, (conflict.id, *conflict.key, conflict.cell, conflict.seq, data))


def contested(connection: sqlite3.Connection, table: str, ids: str) -> set[str]:
    """Which of these records have a conflict."""
    sql = "SELECT record_id FROM conflicts WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    return {record_id for (record_id,) in connection.execute(sql, (table, ids))}


# --- what a person sees --------------------------------------------------------------------------------------------


def count(connection: sqlite3.Connection) -> int:
    """How many are open."""
    (open_count,) = connection.execute(f"SELECT count(*) FROM ({OPEN})").fetchone()
    return int(open_count)


def open_conflicts(connection: sqlite3.Connection) -> list[dict[str, Json]]:
    """The open ones, oldest first. A value of several parts is a list."""
    return [_as_json(connection, row) for row in connection.execute(IN_ORDER).fetchall()]


def _as_json(connection: sqlite3.Connection, row: tuple[Any, ...]) -> dict[str, Json]:
    conflict, ours, theirs = _conflict_of(row)
    visible = _visible_cells(connection, conflict.key)
    return {
        "id": conflict.id,
        "table": conflict.table,
        "record_id": conflict.record_id,
        "name": visible.get("name"),
        "cell": conflict.cell,
        "common": conflict.common,
        "ours": conflict.ours,
        "theirs": conflict.theirs,
        "ours_by": _author_json(ours),
        "theirs_by": _author_json(theirs),
        "choices": [choice.value for choice in choices(conflict)] if _is_known(conflict) else [],
    }


def _author_json(version: ConflictSide) -> dict[str, Json]:
    return {"user": version.user, "device": version.device, "at": version.at}


def _conflict_of(row: tuple[Any, ...]) -> tuple[Conflict, ConflictSide, ConflictSide]:
    id, table, record_id, cell, seq, text = row
    data = json.loads(text)
    ours, theirs = (ConflictSide(_value(value), *author) for value, *author in (data["ours"], data["theirs"]))
    conflict = Conflict(
        id, table, record_id, cell, ours.value, theirs.value, 0, NOBODY, "", "", seq, _value(data["common"])
    )
    return conflict, ours, theirs


def _value(value: Json) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _visible_cells(connection: sqlite3.Connection, key: Key) -> dict[str, Value]:
    """The record's cells as they show here; of a deleted one those that are still known."""
    cells = visible_record(connection, key)
    if cells is None:
        row = server_row(connection, key)
        cells = {} if row is None else row.cells
    return dict(cells)


# --- what a person decides -----------------------------------------------------------------------------------------


def resolve(connection: sqlite3.Connection, conflict_id: str, choice: str, change_id: str, now_ms: int) -> None:
    """Make one version stand, or both. Raises NotFound, and Invalid for what can't be chosen."""
    parsed = _parse_choice(choice)
    with change_log.without_logging(connection):
        conflict = _find(connection, conflict_id)
        append_patch(
            connection, conflict.key, _patch_of(connection, conflict, parsed), change_id, now_ms, (conflict.id,)
        )


def _parse_choice(text: str) -> Choice:
    if text not in list(Choice):
        raise Invalid("bad_choice", f"A choice is one of {', '.join(Choice)}: not {text!a}.")
    return Choice(text)


def _patch_of(connection: sqlite3.Connection, conflict: Conflict, choice: Choice) -> Patch:
    _check_known(conflict)
    return patch_of_choice(conflict, _visible_cells(connection, conflict.key), choice)


def resolve_with(connection: sqlite3.Connection, conflict_id: str, value: Json, change_id: str, now_ms: int) -> None:
    """Make a value stand that a person typed. Raises NotFound or Invalid."""
    with change_log.without_logging(connection):
        conflict = _find(connection, conflict_id)
        _check_known(conflict)
        patch = parse_custom_value(
            conflict, _visible_cells(connection, conflict.key), value_of(TABLES[conflict.table], conflict.cell, value)
        )
        append_patch(connection, conflict.key, patch, change_id, now_ms, (conflict.id,))


def resolve_all(connection: sqlite3.Connection, choice: str, new_id: Callable[[], str], now_ms: int) -> int:
    """The same choice in each of them, or in none where it can't be made in one. Returns how many were settled.

    What others settle meanwhile stays as they have settled it.
    """
    parsed = _parse_choice(choice)
    with reading(connection):
        conflicts = [_conflict_of(row)[0] for row in connection.execute(IN_ORDER).fetchall()]
        for conflict in conflicts:
            _patch_of(connection, conflict, parsed)

    def resolve_some(ids: list[str]) -> int:
        open_conflicts = [_conflict_of(row)[0] for row in connection.execute(THESE_IN_ORDER, (dump(ids),)).fetchall()]
        for conflict in open_conflicts:
            append_patch(
                connection, conflict.key, _patch_of(connection, conflict, parsed), new_id(), now_ms, (conflict.id,)
            )
        return len(open_conflicts)

    ids = [conflict.id for conflict in conflicts]
    return sum(
        write_in_batches(connection, ids, resolve_some, block=change_log.without_logging, size_of=lambda _: RECORD_SIZE)
    )


def _find(connection: sqlite3.Connection, conflict_id: str) -> Conflict:
    row = connection.execute(f"SELECT * FROM ({OPEN}) WHERE id = ?", (conflict_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no open conflict with the id {conflict_id!a}: it was settled, or it never was.")
    return _conflict_of(row)[0]


def _check_known(conflict: Conflict) -> None:
    if not _is_known(conflict):
        raise Invalid(
            "unknown_cell",
            f"This version of offbook does not know all of {conflict.cell}: update it, or decide elsewhere.",
        )


def _is_known(conflict: Conflict) -> bool:
    """Whether this version can say what the choice writes: what it does not know, it must not erase."""
    table = TABLES.get(conflict.table)
    return table is not None and all(
        is_whole(table, conflict.cell, value) for value in (conflict.ours, conflict.theirs)
    )
