"""Records of any table as plain REST clients read and write them: each write is a change of a device, like any other.

What a client sends is read by the table as it is declared in the transaction that stores it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import Json, parse_cells
from offbook.core.errors import Conflicting, NotFound, OffbookError
from offbook.core.merge.composite import completed_data
from offbook.core.merge.naming import begun_id, check_name
from offbook.core.model import Cells, Change, Operation, Record, Value
from offbook.core.protocol.record_lists import table_named
from offbook.core.schema import Map, Table, record_id_of_key
from services import messages
from services.naming.renaming import delete_named, find_named, naming_map_of, update_named
from services.references import apply_change_and_clear, decide_and_clear_ahead
from services.restore import Actor
from services.sync.push import Turns
from storage.base import ReadTransaction, Store, WriteTransaction

IsExpected = Callable[[int], bool]
"""Whether a client means the record as it is at this seq."""


class RecordChanged(OffbookError):
    """The record is not the one that the client means: somebody changed it since. Nothing was done."""

    code = "precondition_failed"

    def __init__(self, table: Table) -> None:
        super().__init__(messages.RECORD_CHANGED.fault(noun=table.singular))


class RecordExists(Conflicting):
    """A new record can't have this id: another one has it, or had it. Nothing was done."""

    def __init__(self, record: Record) -> None:
        table = record.table
        instead = f"choose another {table.key}" if table.key else "leave the id out"
        super().__init__(messages.RECORD_EXISTS.fault(noun=table.singular, instead=instead))
        self.record_id = record.id


class KeyTaken(Conflicting):
    """Another record has this key already. Nothing was done."""

    def __init__(self, record: Record) -> None:
        table = record.table
        super().__init__(messages.KEY_TAKEN.fault(noun=table.singular, key=str(table.key)))


def find_table(store: Store, book_id: int, name: str) -> Table:
    """The table of this name: also one that another process has added just now. Raises NotFound."""
    if name in store.schema:
        return store.schema[name]
    with store.reading(book_id) as book:
        return table_named(book.schema, name)


def fetch_record(book: ReadTransaction, table: Table, record_id: str) -> Record:
    """A record that is not deleted, in a transaction. Raises NotFound."""
    return _expected(book, table, record_id, lambda seq: True)


def get_record(store: Store, book_id: int, table: Table, record_id: str, is_expected: IsExpected) -> Record:
    """A record that is not deleted. Raises NotFound, and RecordChanged."""
    with store.reading(book_id) as book:
        return _expected(book, table, record_id, is_expected)


def create_record(
    store: Store,
    book_id: int,
    actor: Actor,
    table: Table,
    record_id: str | None,
    data: dict[str, Json],
    new_id: str,
    now_us: int,
) -> tuple[Record, bool]:
    """The record with these fields, and whether it is new: the same request again makes no second one.

    Its id is ``record_id``; without one it follows from the table's key, or is ``new_id``. Raises RecordExists where
    it is another record's, Invalid where the fields can't be.
    """
    with store.writing(book_id) as book:
        table = book.schema[table.name]
        cells = parse_cells(table, completed_data(table, data, {}), Operation.INSERT)
        if (place := naming_map_of(book.schema, table)) is not None:
            check_name(place, str(cells[table.key]))
            if record_id is None:
                return _create_named(book, actor, table, cells, new_id, now_us)
        record_id = record_id or _id_of_key(table, cells) or new_id
        record = book.records(table.name, [record_id]).get((table.name, record_id))
        if record is None:
            return _write(book, actor, table, record_id, Operation.INSERT, 0, cells, now_us), True
    if record.deleted or record.cells != {cell: value for cell, value in cells.items() if value is not None}:
        raise RecordExists(record)
    return record, False


def _create_named(
    book: WriteTransaction, actor: Actor, table: Table, cells: dict[str, Value], new_id: str, now_us: int
) -> tuple[Record, bool]:
    """The record of this key, which others name by it: the one that has it now, one that was deleted, or a new one."""
    if (named := find_named(book, table, str(cells[table.key]))) is not None:
        return named, False
    record_id = _id_of_key(table, cells)
    record = book.records(table.name, [record_id]).get((table.name, record_id))
    if record is not None and not record.deleted:  # it was renamed since
        record_id, record = new_id, None
    base = 0 if record is None else record.seq
    return _write(book, actor, table, record_id, Operation.INSERT, base, cells, now_us), True


def _id_of_key(table: Table, cells: dict[str, Value]) -> str:
    """The id that a new record of a table with a key has; empty where the table has none."""
    key = cells[table.key] if table.key else None
    return record_id_of_key(table, key) if isinstance(key, str | int) else ""


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
    if (place := naming_map_of(store.schema, table)) is not None:
        cells = parse_cells(table, data, Operation.UPDATE)
        if (text := cells.get(table.key)) is not None:
            check_name(place, str(text))
        with store.reading(book_id) as book:
            _check_key(book, _expected(book, table, record_id, is_expected), cells)
        fetch = partial(_expected, table=table, record_id=record_id, is_expected=is_expected)
        return update_named(store, book_id, actor, place, fetch, cells, now_us)
    with store.writing(book_id) as book:
        record = _expected(book, table, record_id, is_expected)
        whole = completed_data(record.table, _with_whole_values(record, data), record.cells)
        cells = parse_cells(record.table, whole, Operation.UPDATE)
        return _write(book, actor, record.table, record.id, Operation.UPDATE, record.seq, cells, now_us)


def delete_record(
    store: Store, book_id: int, actor: Actor, table: Table, record_id: str, is_expected: IsExpected, now_us: int
) -> None:
    """Move a record to the trash. Raises NotFound, and RecordChanged."""
    if (place := naming_map_of(store.schema, table)) is not None:
        fetch = partial(_expected, table=table, record_id=record_id, is_expected=is_expected)
        delete_named(store, book_id, actor, place, fetch, now_us)
        return

    def decide(book: ReadTransaction) -> Change:
        record = _expected(book, table, record_id, is_expected)
        return _change(actor, record.table, record.id, Operation.DELETE, record.seq, {}, now_us)

    with Turns(store, book_id) as turns:
        deletion = decide_and_clear_ahead(turns, actor.origin, decide, now_us)
        apply_change_and_clear(turns.book, actor.origin, deletion, now_us)


def _check_key(book: ReadTransaction, record: Record, cells: Cells) -> None:
    """Raises KeyTaken where another record has the key that this one is to have.

    One that has it by the same rename, which was cut off, does not count: this one takes its place.
    """
    if not (key := cells.get(record.table.key)):
        return
    other = find_named(book, record.table, str(key))
    if other is not None and other.id not in (record.id, begun_id(record.id, str(key))):
        raise KeyTaken(other)


def _expected(book: ReadTransaction, table: Table, record_id: str, is_expected: IsExpected) -> Record:
    record = book.records(table.name, [record_id]).get((table.name, record_id))
    if record is None or record.deleted:
        raise NotFound.of(messages.NO_RECORD_IN_TABLE, noun=table.singular)
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
    change = _change(actor, table, record_id, operation, base, cells, now_us)
    return apply_change_and_clear(book, actor.origin, change, now_us)[1]


def _change(
    actor: Actor,
    table: Table,
    record_id: str,
    operation: Operation,
    base: int,
    cells: dict[str, Value],
    now_us: int,
) -> Change:
    return Change(
        id=actor.id,
        table=table,
        record_id=record_id,
        operation=operation,
        replica=actor.replica,
        timestamp=now_us // 1000,
        base=base,
        cells=cells,
    )


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
