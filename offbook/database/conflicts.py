"""Conflicts on this device: kept as the server sent them, shown to a person, and resolved by an ordinary change.

A choice is made here and now, with no network: the change that carries it out is logged and shows at once, and names
the conflict in ``resolves``, so that the server closes it for every device. Until then the conflict is hidden here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from offbook import messages
from offbook.core.cells.lenient_validation import is_whole
from offbook.core.cells.validation import Json, value_of
from offbook.core.conflicts.codec import (
    ConflictView,
    ReceivedConflict,
    author_from_json,
    author_to_json,
    conflict_to_json,
)
from offbook.core.conflicts.resolution import Choice, parse_custom_value, patch_of_choice
from offbook.core.errors import Invalid, NotFound
from offbook.core.history.reconstruct import Patch
from offbook.core.listing import name_of
from offbook.core.model import NO_CLOCK, Conflict, Key, Value
from offbook.core.protocol.validators import SEQ_MAX
from offbook.core.schema import Table
from offbook.database.batched_writes import RECORD_SIZE, write_in_batches
from offbook.database.connection import Connection, reading
from offbook.database.local_changes import change_log
from offbook.database.local_changes.edits import append_patch
from offbook.database.server_rows import dump, server_row
from offbook.database.visible_rows import visible_record

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


# --- rows ----------------------------------------------------------------------------------------------------------


def store_conflicts(connection: Connection, conflicts: Iterable[ReceivedConflict]) -> None:
    """Keep the open ones of a page, and forget those that were resolved."""
    for conflict in conflicts:
        if conflict.view is None:
            connection.execute("DELETE FROM conflicts WHERE id = ? AND seq < ?", (conflict.id, conflict.seq))
        else:
            connection.execute(PUT, _row_of(conflict.view))


def _row_of(view: ConflictView) -> tuple[Any, ...]:
    conflict = view.conflict
    ours, theirs = (
        [value, *author_to_json(author).values()]
        for value, author in ((conflict.ours, view.ours_by), (conflict.theirs, view.theirs_by))
    )
    data = dump({"common": conflict.common, "ours": ours, "theirs": theirs})
    return conflict.id, *conflict.key, conflict.cell, conflict.seq, data


def _view_of(connection: Connection, row: tuple[Any, ...]) -> ConflictView:
    id, table, record_id, cell, seq, text = row
    data = json.loads(text)
    (ours, *ours_by), (theirs, *theirs_by) = data["ours"], data["theirs"]
    common, ours, theirs = (tuple(v) if isinstance(v, list) else v for v in (data["common"], ours, theirs))
    declared = connection.schema.get(table) or Table(table, ())
    conflict = Conflict(id, declared, record_id, cell, ours, theirs, 0, NO_CLOCK, "", "", seq, common)
    names = ("user", "device", "at")
    return ConflictView(
        conflict,
        author_from_json(dict(zip(names, ours_by, strict=True))),
        author_from_json(dict(zip(names, theirs_by, strict=True))),
    )


def contested_ids(connection: Connection, table: str, ids: str) -> set[str]:
    """Which of these records have a conflict."""
    sql = "SELECT record_id FROM conflicts WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    return {record_id for (record_id,) in connection.execute(sql, (table, ids))}


# --- what a person sees --------------------------------------------------------------------------------------------


def count(connection: Connection) -> int:
    """How many are open."""
    (rows,) = connection.execute(f"SELECT count(*) FROM ({OPEN})").fetchone()
    return int(rows)


def open_conflicts(connection: Connection) -> list[dict[str, Json]]:
    """The open ones, oldest first, as Replica.conflicts() gives them. A value of several parts is a list."""
    return [_described(connection, _view_of(connection, row)) for row in connection.execute(IN_ORDER).fetchall()]


def _described(connection: Connection, view: ConflictView) -> dict[str, Json]:
    """As JSON, with the name of the record; without choices where this version knows too little to carry one out."""
    conflict, data = view.conflict, conflict_to_json(view)
    name = name_of(conflict.table, _current_cells(connection, conflict.key)) or None
    first = {"id": conflict.id, "table": conflict.table.name, "record_id": conflict.record_id, "name": name}
    del data["base"]
    return {**first, **data, "choices": data["choices"] if _is_known(connection, conflict) else []}


def _current_cells(connection: Connection, key: Key) -> dict[str, Value]:
    """The record's cells as they show here; of a deleted one those that are still known."""
    cells = visible_record(connection, key)
    if cells is None:
        row = server_row(connection, key)
        cells = {} if row is None else row.cells
    return dict(cells)


# --- what a person decides -----------------------------------------------------------------------------------------


def resolve(connection: Connection, conflict_id: str, choice: str, change_id: str, now_ms: int) -> None:
    """Make one version stand, or both. Raises NotFound, and Invalid for what can't be chosen."""
    parsed = _parse_choice(choice)
    with change_log.without_logging(connection):
        conflict = _find(connection, conflict_id)
        patch = _patch_of(connection, conflict, parsed)
        append_patch(connection, conflict.key, patch, change_id, now_ms, (conflict.id,))


def resolve_with(connection: Connection, conflict_id: str, value: Json, change_id: str, now_ms: int) -> None:
    """Make a value stand that a person typed. Raises NotFound or Invalid."""
    with change_log.without_logging(connection):
        conflict = _find(connection, conflict_id)
        _require_known(connection, conflict)
        parsed = value_of(conflict.table, conflict.cell, value)
        patch = parse_custom_value(conflict, _current_cells(connection, conflict.key), parsed)
        append_patch(connection, conflict.key, patch, change_id, now_ms, (conflict.id,))


def resolve_all(connection: Connection, choice: str, new_id: Callable[[], str], now_ms: int) -> int:
    """The same choice in each of them, or in none where it can't be made in one. Returns how many were resolved.

    What others resolve in the meantime stays as they have resolved it. All of it is one batch.
    """
    parsed, batch = _parse_choice(choice), new_id()
    with reading(connection):
        conflicts = [_view_of(connection, row).conflict for row in connection.execute(IN_ORDER).fetchall()]
        for conflict in conflicts:
            _patch_of(connection, conflict, parsed)

    def resolve_some(ids: list[str]) -> int:
        rows = connection.execute(THESE_IN_ORDER, (dump(ids),)).fetchall()
        with change_log.in_batch(connection, batch):
            for conflict in [_view_of(connection, row).conflict for row in rows]:
                patch = _patch_of(connection, conflict, parsed)
                append_patch(connection, conflict.key, patch, new_id(), now_ms, (conflict.id,))
        return len(rows)

    ids = [conflict.id for conflict in conflicts]
    return sum(
        write_in_batches(connection, ids, resolve_some, block=change_log.without_logging, size_of=lambda _: RECORD_SIZE)
    )


def _parse_choice(text: str) -> Choice:
    if text not in list(Choice):
        raise Invalid.of(messages.BAD_CHOICE, choices=", ".join(Choice), text=text)
    return Choice(text)


def _patch_of(connection: Connection, conflict: Conflict, choice: Choice) -> Patch:
    _require_known(connection, conflict)
    return patch_of_choice(conflict, _current_cells(connection, conflict.key), choice)


def _find(connection: Connection, conflict_id: str) -> Conflict:
    row = connection.execute(f"SELECT * FROM ({OPEN}) WHERE id = ?", (conflict_id,)).fetchone()
    if row is None:
        raise NotFound.of(messages.NO_CONFLICT, id=conflict_id)
    return _view_of(connection, row).conflict


def _require_known(connection: Connection, conflict: Conflict) -> None:
    if not _is_known(connection, conflict):
        raise Invalid.of(messages.CELL_NOT_KNOWN, cell=conflict.cell)


def _is_known(connection: Connection, conflict: Conflict) -> bool:
    """Whether this version can say what the choice writes: what it does not know, it must not erase."""
    table, values = conflict.table, (conflict.ours, conflict.theirs)
    return table.name in connection.schema and all(is_whole(table, conflict.cell, value) for value in values)
