"""Records that others name by a text: added, renamed and deleted for all who name them, as one batch.

Whoever renames or deletes one writes to the entries that name it, as ordinary changes: they are in the history, reach
every device, and are undone together. They are made in transactions that leave others their turns. Whoever names it
meanwhile brings it back (services.naming.following): nothing is named that is not there.

A new name is there as a second record until all have it. Its id says which rename began it, so that one that was cut
off is finished by whoever asks for the same again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid5

from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import LENIENT, Json, parse_cells
from offbook.core.errors import Invalid
from offbook.core.merge.naming import (
    NamedText,
    adding_change,
    begun_id,
    key_of,
    name_key,
    names_of,
    renamed_entries,
)
from offbook.core.model import Cells, Change, Key, Operation, Record
from offbook.core.protocol.requests import CHANGES_MAX
from offbook.core.schema import NamingMap, Schema, Table, record_id_of_key
from offbook.core.text import fold_key
from services.naming.following import known_keys
from services.restore import Actor
from services.sync.push import Turns, apply_batch, read_records
from storage.base import ChangeOrigin, ReadTransaction, Store

RECORDS_AT_ONCE = 100
"""So many records are looked at in one transaction: a twentieth of a second, and a third of one on a busy host."""

Fetch = Callable[[ReadTransaction], Record]
"""Reads a record as it is in a transaction, or raises why it can't be written to."""


def naming_map_of(schema: Schema, target: Table) -> NamingMap | None:
    """The map whose entries name records of a table; None where nothing does."""
    return next((place for place in schema.naming_maps if place.target.name == target.name), None)


def find_named(book: ReadTransaction, table: Table, text: str) -> Record | None:
    """The record of a table that has this key; None where there is none."""
    key = fold_key(text)
    ids = [record_id for record_id, name in book.key_texts(table.name).items() if fold_key(name) == key]
    return next(iter(book.records(table.name, ids[:1]).values()), None)


def count_by_record(store: Store, book_id: int, table: Table, rows: Iterable[Mapping[str, Json]]) -> dict[str, int]:
    """How many records name each of these rows of a table, by the rows' ids.

    Whoever names one in two spellings counts twice.
    """
    place = naming_map_of(store.schema, table)
    counts: Counter[str] = Counter()
    if place is not None:
        with store.reading(book_id) as book:
            texts = book.named_texts(place)
        for text, count in texts.items():
            counts[name_key(place.naming, text)] += count
    return {row["id"]: counts[fold_key(row[table.key])] for row in rows}


# --- renaming and deleting -------------------------------------------------------------------------------------------


def update_named(
    store: Store, book_id: int, actor: Actor, place: NamingMap, fetch: Fetch, cells: Cells, now_us: int
) -> Record:
    """Change the record that ``fetch`` reads; where its key is another then, in all who name it. As it is then.

    Raises what ``fetch`` raises, and Invalid where the change of the record is rejected.
    """
    return _carry_out(store, book_id, place, _NamedEdit(actor, place, fetch, Operation.UPDATE, cells, now_us))


def delete_named(store: Store, book_id: int, actor: Actor, place: NamingMap, fetch: Fetch, now_us: int) -> None:
    """Delete the record that ``fetch`` reads, with the entries that name it. Raises as update_named."""
    _carry_out(store, book_id, place, _NamedEdit(actor, place, fetch, Operation.DELETE, {}, now_us))


@dataclass(frozen=True, slots=True)
class _NamedEdit:
    """What somebody does to a record that others name."""

    actor: Actor
    place: NamingMap
    fetch: Fetch
    operation: Operation
    cells: Cells
    now_us: int

    def naming_keys(self, book: ReadTransaction, target: Record) -> list[Key]:
        """The records in which something is to change."""
        key_field, key = self.place.target.key, key_of(target)
        if self.operation is Operation.UPDATE and self.cells.get(key_field) in (None, target.cells[key_field]):
            return []
        texts = [text for text in book.named_texts(self.place) if name_key(self.place.naming, text) == key]
        return [(self.place.table.name, record_id) for record_id in book.naming(self.place, texts)]

    def change_of_target(self, target: Record) -> Change:
        """The change of the record itself."""
        return self._change(self.actor.id, target, self.operation, self.cells)

    def change_of_naming(self, record: Record, key: str) -> Change | None:
        """The change of a record that names it; None where it does not any more."""
        map_, text = self.place.map, self.cells.get(self.place.target.key)
        entries = {} if record.deleted else with_all_fields(record.table, record.cells)[map_.name]
        written = renamed_entries(self.place.naming, entries, key, text if isinstance(text, str) else None)
        if not written:
            return None
        cells = parse_cells(record.table, {map_.name: written}, Operation.UPDATE, LENIENT)
        change_id = str(uuid5(UUID(self.actor.id), "/".join(record.key)))
        return self._change(change_id, record, Operation.UPDATE, cells)

    def beginning(self, book: ReadTransaction, target: Record) -> list[Change]:
        """What adds a second record, which has the new name until the target has it; nothing where one has it."""
        table, text = target.table, self.cells.get(target.table.key)
        if not isinstance(text, str) or find_named(book, table, text) is not None:
            return []
        record_id = begun_id(target.id, text)
        record = book.records(table.name, [record_id]).get((table.name, record_id))
        if record is not None and not record.deleted:  # it was renamed since: what is named is added as ever
            return []
        base = 0 if record is None else record.seq
        change_id = str(uuid5(UUID(self.actor.id), f"{table.name}/{record_id}"))
        return [self._change_of(change_id, (table, record_id, base), Operation.INSERT, {table.key: text})]

    def _change(self, change_id: str, record: Record, operation: Operation, cells: Cells) -> Change:
        return self._change_of(change_id, (record.table, record.id, record.seq), operation, cells)

    def _change_of(self, change_id: str, record: tuple[Table, str, int], operation: Operation, cells: Cells) -> Change:
        """A change of a record, which is given by its table, id and seq."""
        table, record_id, seq = record
        return Change(
            id=change_id,
            table=table,
            record_id=record_id,
            operation=operation,
            replica=self.actor.replica,
            timestamp=self.now_us // 1000,
            base=seq,
            cells=cells,
            batch=self.actor.id,
        )


def _carry_out(store: Store, book_id: int, place: NamingMap, act: _NamedEdit) -> Record:
    """Who names the record comes first, and the record itself last."""
    with store.reading(book_id) as book:
        target = act.fetch(book)
        keys = [*act.naming_keys(book, target), target.key]
    with Turns(store, book_id) as turns:
        while True:
            count, after = _change_some(turns, act, target, keys[:RECORDS_AT_ONCE])
            keys = keys[count:]
            if not keys:
                return after[target.key]
            turns.end()


def _change_some(
    turns: Turns, act: _NamedEdit, target: Record, keys: Sequence[Key]
) -> tuple[int, Mapping[Key, Record]]:
    """Change the first of these records, as many as fit: how many these are, and the records as they are then."""
    records = dict(read_records(turns.book, [key for key in keys if key != target.key]))
    key = key_of(target)
    changes = [change for record in records.values() if (change := act.change_of_naming(record, key)) is not None]
    if target.key in keys:
        changes.append(act.change_of_target(act.fetch(turns.book)))
    portion = turns.portion(changes)
    is_last = target.key in keys and len(portion) == len(changes)
    begun = [] if is_last else act.beginning(turns.book, target)
    pushed = apply_batch(turns.book, act.actor.origin, [*begun, *portion], act.now_us)
    for outcome in pushed.outcomes:
        if outcome.fault is not None and outcome.change_id == act.actor.id:
            raise Invalid(outcome.fault)
    count = len(keys) if len(portion) == len(changes) else keys.index(changes[len(portion)].key)
    return count, pushed.records


# --- adding ----------------------------------------------------------------------------------------------------------


def add_all_named(store: Store, book_id: int, new_id: Callable[[], str], now_us: int) -> int:
    """Add all that is named in a book and not there, as in one of before there were such records. Returns how many.

    Where it was cut off, the same again completes it.
    """
    count = 0
    for place in store.schema.naming_maps:
        with store.reading(book_id) as book:
            missing = list(_missing(book, place).values())
        for start in range(0, len(missing), CHANGES_MAX):
            count += _add_some(store, book_id, place, missing[start : start + CHANGES_MAX], new_id(), now_us)
    return count


def _missing(book: ReadTransaction, place: NamingMap) -> dict[str, str]:
    """What is named and not there: texts by their keys."""
    names = names_of(place.naming, sorted(map(str.strip, book.named_texts(place))))
    known = known_keys(book, place.target)
    return {key: text for key, text in sorted(names.items()) if key not in known}


def _add_some(store: Store, book_id: int, place: NamingMap, texts: Sequence[str], replica: str, now_us: int) -> int:
    target = place.target
    cause = Change(replica, target, replica, Operation.INSERT, replica, now_us // 1000, 0, {})
    with store.writing(book_id) as book:
        missing = _missing(book, place)
        named = [text for text in texts if name_key(place.naming, text) in missing]
        records = book.records(target.name, [record_id_of_key(target, text) for text in named])
        changes = [adding_change(target, NamedText(text, cause), records) for text in named]
        apply_batch(book, ChangeOrigin(), changes, now_us)
    return len(named)
