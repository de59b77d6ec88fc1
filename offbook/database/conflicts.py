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
    for one in conflicts:
        if one.ours is None or one.theirs is None:
            connection.execute("DELETE FROM conflicts WHERE id = ? AND seq < ?", (one.id, one.seq))
        else:
            data = dump({"common": one.common, "ours": one.ours, "theirs": one.theirs})
            connection.execute(PUT, (one.id, *one.key, one.cell, one.seq, data))


def contested(connection: sqlite3.Connection, table: str, ids: str) -> set[str]:
    """Which of these records have a conflict."""
    sql = "SELECT record_id FROM conflicts WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    return {record_id for (record_id,) in connection.execute(sql, (table, ids))}


# --- what a person sees --------------------------------------------------------------------------------------------


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute(f"SELECT count(*) FROM ({OPEN})").fetchone()
    return int(found)


def waiting(connection: sqlite3.Connection) -> list[dict[str, Json]]:
    """The open ones, oldest first. A value of several parts is a list."""
    return [_described(connection, row) for row in connection.execute(IN_ORDER).fetchall()]


def _described(connection: sqlite3.Connection, row: tuple[Any, ...]) -> dict[str, Json]:
    one, ours, theirs = _conflict_of(row)
    have = _have(connection, one.key)
    return {
        "id": one.id,
        "table": one.table,
        "record_id": one.record_id,
        "name": have.get("name"),
        "cell": one.cell,
        "common": one.common,
        "ours": one.ours,
        "theirs": one.theirs,
        "ours_by": _by(ours),
        "theirs_by": _by(theirs),
        "choices": [choice.value for choice in choices(one)] if _is_known(one) else [],
    }


def _by(version: ConflictSide) -> dict[str, Json]:
    return {"user": version.user, "device": version.device, "at": version.at}


def _conflict_of(row: tuple[Any, ...]) -> tuple[Conflict, ConflictSide, ConflictSide]:
    id, table, record_id, cell, seq, text = row
    data = json.loads(text)
    ours, theirs = (ConflictSide(_value(value), *by) for value, *by in (data["ours"], data["theirs"]))
    one = Conflict(id, table, record_id, cell, ours.value, theirs.value, 0, NOBODY, "", "", seq, _value(data["common"]))
    return one, ours, theirs


def _value(value: Json) -> Value:
    return tuple(value) if isinstance(value, list) else value


def _have(connection: sqlite3.Connection, key: Key) -> dict[str, Value]:
    """The record's cells as they show here; of a deleted one those that are still known."""
    cells = visible_record(connection, key)
    if cells is None:
        row = server_row(connection, key)
        cells = {} if row is None else row.cells
    return dict(cells)


# --- what a person decides -----------------------------------------------------------------------------------------


def resolve(connection: sqlite3.Connection, conflict_id: str, choice: str, change_id: str, now_ms: int) -> None:
    """Make one version stand, or both. Raises NotFound, and Invalid for what can't be chosen."""
    known = _choice(choice)
    with change_log.without_logging(connection):
        one = _find(connection, conflict_id)
        append_patch(connection, one.key, _chosen(connection, one, known), change_id, now_ms, (one.id,))


def _choice(text: str) -> Choice:
    if text not in list(Choice):
        raise Invalid("bad_choice", f"A choice is one of {', '.join(Choice)}: not {text!a}.")
    return Choice(text)


def _chosen(connection: sqlite3.Connection, one: Conflict, choice: Choice) -> Patch:
    _check_known(one)
    return patch_of_choice(one, _have(connection, one.key), choice)


def resolve_with(connection: sqlite3.Connection, conflict_id: str, value: Json, change_id: str, now_ms: int) -> None:
    """Make a value stand that a person typed. Raises NotFound or Invalid."""
    with change_log.without_logging(connection):
        one = _find(connection, conflict_id)
        _check_known(one)
        wish = parse_custom_value(one, _have(connection, one.key), value_of(TABLES[one.table], one.cell, value))
        append_patch(connection, one.key, wish, change_id, now_ms, (one.id,))


def resolve_all(connection: sqlite3.Connection, choice: str, new_id: Callable[[], str], now_ms: int) -> int:
    """The same choice in each of them, or in none where it can't be made in one. Returns how many were settled.

    What others settle meanwhile stays as they have settled it.
    """
    known = _choice(choice)
    with reading(connection):
        waiting = [_conflict_of(row)[0] for row in connection.execute(IN_ORDER).fetchall()]
        for one in waiting:
            _chosen(connection, one, known)

    def settle(ids: list[str]) -> int:
        still = [_conflict_of(row)[0] for row in connection.execute(THESE_IN_ORDER, (dump(ids),)).fetchall()]
        for one in still:
            append_patch(connection, one.key, _chosen(connection, one, known), new_id(), now_ms, (one.id,))
        return len(still)

    ids = [one.id for one in waiting]
    return sum(
        write_in_batches(connection, ids, settle, block=change_log.without_logging, size_of=lambda _: RECORD_SIZE)
    )


def _find(connection: sqlite3.Connection, conflict_id: str) -> Conflict:
    row = connection.execute(f"SELECT * FROM ({OPEN}) WHERE id = ?", (conflict_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no open conflict with the id {conflict_id!a}: it was settled, or it never was.")
    return _conflict_of(row)[0]


def _check_known(one: Conflict) -> None:
    if not _is_known(one):
        raise Invalid(
            "unknown_cell", f"This version of offbook does not know all of {one.cell}: update it, or decide elsewhere."
        )


def _is_known(conflict: Conflict) -> bool:
    """Whether this version can say what the choice writes: what it does not know, it must not erase."""
    table = TABLES.get(conflict.table)
    return table is not None and all(is_whole(table, conflict.cell, one) for one in (conflict.ours, conflict.theirs))
