"""Giving back what was: some cells of a change, a whole record, or the whole book as it was at a moment.

All of it is ordinary changes with the present seq as their base, made in one transaction: they are in the history
themselves, reach every device, and can be taken back in the same way. What a change says is the core's to decide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID, uuid5

from offbook.core.errors import Invalid, NotFound
from offbook.core.history.entry import HistoryStep, restored_values
from offbook.core.history.reconstruct import Patch, state_at, to_state, to_values
from offbook.core.merge.retention import is_purged
from offbook.core.messages import CANT_BE_APPLIED
from offbook.core.model import Change, Key, Record, Rejection, Value, Verdict
from offbook.core.protocol.requests import CHANGES_MAX, build_change
from offbook.core.schema import EXISTS, TABLES
from offbook.core.validation import change_data
from services.sync.push import apply_batch
from storage.base import ChangeOrigin, ReadTransaction, Store, WriteTransaction


@dataclass(frozen=True, slots=True)
class Actor:
    """Who gives something back: as whom it is logged, as which replica, and the id that its changes come from."""

    origin: ChangeOrigin
    replica: str
    id: str


class RestoreKind(Enum):
    """What taking the book back does to one record."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RecordRestore:
    """One record on its way back: as it is, the cells that it had, and what brings it there."""

    record: Record
    wanted: Mapping[str, Value]
    wish: Patch

    @property
    def kind(self) -> RestoreKind:
        if not self.wanted.get(EXISTS):
            return RestoreKind.DELETED
        return RestoreKind.ADDED if self.record.deleted else RestoreKind.CHANGED


# --- one record ----------------------------------------------------------------------------------------------------


def restore_values(
    store: Store, book_id: int, by: Actor, change_id: str, cells: Iterable[str] | None, to: str, now: int
) -> Record:
    """Give cells the values from ``before`` or ``after`` a change; without ``cells``, all that it named.

    Raises NotFound where there is no such change any more, Invalid where it has no such cell.
    """
    with store.writing(book_id) as book:
        entry = book.history_entry(change_id)
        if entry is None:
            raise NotFound("There is no such change in the history. It may be too old: the history is kept for a time.")
        record = _record(book, entry.key)
        values = restored_values(entry, cells, to)
        known = _known(book, entry.key) | {**entry.data, **values}
        return _append_restores(book, by, record, to_values(record, values, known), now)


def _known(book: ReadTransaction, key: Key) -> dict[str, Value]:
    """The last value that the history has for each cell, in the record or not."""
    kept = (cells for entry in book.history(*key) for cells in (entry.before, entry.data))
    return {cell: value for cells in kept for cell, value in cells.items() if value is not None and value is not False}


def restore_version(store: Store, book_id: int, by: Actor, key: Key, seq: int, now: int) -> Record:
    """Make a record what it was right after ``seq``. Raises NotFound, and Invalid where that is not known any more."""
    with store.writing(book_id) as book:
        check_moment(book, seq)
        record = _record(book, key)
        wanted = state_at(record, book.steps_since(seq, key), seq)
        return _append_restores(book, by, record, to_state(record, wanted), now)


def _record(book: ReadTransaction, key: Key) -> Record:
    record = book.records(key[0], [key[1]]).get(key)
    if record is None or is_purged(record):
        raise NotFound("This record was deleted long ago, and has left the trash: what it held is gone.")
    return record


def _append_restores(book: WriteTransaction, by: Actor, record: Record, wish: Patch | None, now: int) -> Record:
    if wish is None:
        return record
    if book.settled([by.id]):
        raise Invalid("used_id", "This was done already, and more happened since: load the page again and look.")
    pushed = apply_batch(book, by.origin, [change_for(record, wish, by, by.id, now)], now)
    (outcome,) = pushed.outcomes
    if outcome.verdict is Verdict.REJECTED:
        raise Invalid.from_fault(outcome.fault or CANT_BE_APPLIED.fault())
    return pushed.records[record.table, record.id]


def change_for(record: Record, wish: Patch, by: Actor, change_id: str, now: int) -> Change | Rejection:
    """The wish as a change by someone who sees the record as it is; checked like any other."""
    key, data = (record.table, record.id), change_data(TABLES[record.table], wish.cells)
    return build_change(change_id, key, wish.operation, by.replica, now // 1000, record.seq, data)


# --- the whole book ------------------------------------------------------------------------------------------------


def check_moment(book: ReadTransaction, seq: int) -> None:
    """Raise Invalid where the history does not reach back so far."""
    if seq < book.book.pruned:
        raise Invalid("too_old", "The history does not reach back so far any more: choose a later moment.")


def record_restores(book: ReadTransaction, seq: int) -> list[RecordRestore]:
    """What takes the book back to where it was right after ``seq``. Raises Invalid.

    A record that has left the trash stays deleted: what it held is gone.
    """
    check_moment(book, seq)
    steps: dict[Key, list[HistoryStep]] = defaultdict(list)
    for done in book.steps_since(seq):
        steps[done.key].append(done)
    found = []
    for record in _records(book, steps):
        if is_purged(record):
            continue
        wanted = state_at(record, steps[record.table, record.id], seq)
        if (wish := to_state(record, wanted)) is not None:
            found.append(RecordRestore(record, wanted, wish))
    return found


def _records(book: ReadTransaction, keys: Iterable[Key]) -> Iterator[Record]:
    by_table: dict[str, list[str]] = defaultdict(list)
    for table, record_id in keys:
        by_table[table].append(record_id)
    for table, ids in by_table.items():
        for start in range(0, len(ids), CHANGES_MAX):
            yield from book.records(table, ids[start : start + CHANGES_MAX]).values()


class BookPreview(NamedTuple):
    """What going back would do to each record, and the book's seq at which that is so."""

    restores: list[RecordRestore]
    head: int


def preview(store: Store, book_id: int, seq: int) -> BookPreview:
    """What restore_book_to would do, and nothing is done. Raises Invalid."""
    with store.reading(book_id) as book:
        return BookPreview(record_restores(book, seq), book.book.seq)


class BookRestore(NamedTuple):
    """How many records going back changed, and the seq that the book had before: going there undoes it."""

    changed: int
    before: int


def restore_book_to(store: Store, book_id: int, by: Actor, seq: int, now: int, seen: int | None = None) -> BookRestore:
    """Take the book back to where it was right after ``seq``: all of it, or nothing.

    ``seen`` is the book's seq that whoever asks has looked at: raises Invalid where more happened since. The same
    request again finds nothing left to do, and is answered alike.
    """
    with store.writing(book_id) as book:
        before = book.book.seq
        found = record_restores(book, seq)
        if not found:
            return BookRestore(0, before if seen is None else seen)
        if seen is not None and seen != before:
            raise Invalid(
                "changed_since", "Something changed in the book meanwhile: look again at what going back does."
            )
        for some in (found[start : start + CHANGES_MAX] for start in range(0, len(found), CHANGES_MAX)):
            made = [_change(one.record, one.wish, by, now) for one in some]
            touched = {(one.record.table, one.record.id): one.record for one in some}
            pushed = apply_batch(book, by.origin, made, now, touched)
            if faults := [outcome.fault for outcome in pushed.outcomes if outcome.fault is not None]:
                raise Invalid(faults[0].code, f"The book can't go back there: {faults[0].detail}")
        return BookRestore(len(found), before)


def _change(record: Record, wish: Patch, by: Actor, now: int) -> Change:
    """One of the changes that take the book back. What it says was checked when it was first said."""
    made = str(uuid5(UUID(by.id), f"{record.table}/{record.id}"))
    return Change(
        id=made,
        table=record.table,
        record_id=record.id,
        operation=wish.operation,
        replica=by.replica,
        timestamp=now // 1000,
        base=record.seq,
        cells=wish.cells,
    )
