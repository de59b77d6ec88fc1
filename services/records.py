"""Records as plain REST clients read and write them: each write is one change of a device, like any other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offbook.core.errors import Conflicting, NotFound, OffbookError
from offbook.core.model import Change, Operation, Record, Value
from offbook.core.schema import Map, Table
from offbook.core.validation import Json, parse_cells, with_all_fields
from services.restore import Actor
from services.sync.push import apply_change
from storage.base import ReadTransaction, Store, WriteTransaction

IsExpected = Callable[[int], bool]
"""Whether a client means the record as it is at this seq."""


class RecordChanged(OffbookError):
    """The record is not the one that the client means: somebody changed it since. Nothing was done."""

    code = "precondition_failed"

    def __init__(self, table: Table) -> None:
        super().__init__(f"The {table.singular} has changed since. Get it again, and repeat the change.")


def get_record(store: Store, book_id: int, table: Table, record_id: str, is_expected: IsExpected) -> Record:
    """A record that is not deleted. Raises NotFound, and RecordChanged."""
    with store.reading(book_id) as book:
        return _expected(book, table, record_id, is_expected)


def create_record(
    store: Store, book_id: int, actor: Actor, table: Table, record_id: str, data: dict[str, Json], now_us: int
) -> tuple[Record, bool]:
    """The record with these fields, and whether it is new: the same request again makes no second one.

    Raises Conflicting where the id is another record's, Invalid where the fields can't be.
    """
    cells = parse_cells(table, data, Operation.INSERT)
    with store.writing(book_id) as book:
        record = book.records(table.name, [record_id]).get((table.name, record_id))
        if record is None:
            return _write(book, actor, table, record_id, Operation.INSERT, 0, cells, now_us), True
    if record.deleted or record.cells != {cell: value for cell, value in cells.items() if value is not None}:
        text = f"There is, or was, another {table.singular} with this id. PATCH it, or leave the id out."
        raise Conflicting("exists", text)
    return record, False


def update_record(
    store: Store,
    book_id: int,
    actor: Actor,
    table: Table,
    record_id: str,
    data: dict[str, Json],
    is_expected: IsExpected,
    now_us: int,
) -> Record:
    """Change the fields that ``data`` names; the record as it is then. Raises NotFound, RecordChanged, Invalid."""
    with store.writing(book_id) as book:
        record = _expected(book, table, record_id, is_expected)
        cells = parse_cells(table, _with_whole_values(record, data), Operation.UPDATE)
        return _write(book, actor, table, record.id, Operation.UPDATE, record.seq, cells, now_us)


def delete_record(
    store: Store, book_id: int, actor: Actor, table: Table, record_id: str, is_expected: IsExpected, now_us: int
) -> None:
    """Move a record to the trash. Raises NotFound, and RecordChanged."""
    with store.writing(book_id) as book:
        record = _expected(book, table, record_id, is_expected)
        _write(book, actor, table, record.id, Operation.DELETE, record.seq, {}, now_us)


def _expected(book: ReadTransaction, table: Table, record_id: str, is_expected: IsExpected) -> Record:
    record = book.records(table.name, [record_id]).get((table.name, record_id))
    if record is None or record.deleted:
        raise NotFound(f"There is no {table.singular} with this id.")
    if not is_expected(record.seq):
        raise RecordChanged(table)
    return record


def _write(
    book: WriteTransaction,
    actor: Actor,
    table: Table,
    record_id: str,
    operation: Operation,
    base: int,
    cells: dict[str, Value],
    now_us: int,
) -> Record:
    change = Change(
        id=actor.id,
        table=table,
        record_id=record_id,
        operation=operation,
        replica=actor.replica,
        timestamp=now_us // 1000,
        base=base,
        cells=cells,
    )
    return apply_change(book, actor.origin, change, now_us)[1]


def _with_whole_values(record: Record, data: dict[str, Json]) -> dict[str, Json]:
    """``data`` with the parts of a value that it leaves out as they are: a patch of the city keeps the street."""
    current = with_all_fields(record.table, record.cells)
    whole = dict(data)
    for map_ in record.table.maps:
        if isinstance(entries := data.get(map_.name), dict):
            whole[map_.name] = {
                key: _whole_entry(map_, current[map_.name].get(key), entry) for key, entry in entries.items()
            }
    return whole


def _whole_entry(map_: Map, current: dict[str, Any] | None, entry: Json) -> Json:
    if current is None or not isinstance(entry, dict):
        return entry
    shared = {part.name for parts in map_.cells.values() if any(part.name in entry for part in parts) for part in parts}
    return {**{name: current.get(name) for name in sorted(shared)}, **entry}
