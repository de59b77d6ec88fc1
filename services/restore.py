"""Restoring what was: some cells of a change, a whole record, or the whole book as it was at a moment.

All of it is ordinary changes with the present seq as their base: they are in the history themselves, reach every
device, and can be undone in the same way. What a change says is the core's to decide. Many records go back in several
short transactions, which whoever is cut off goes on with: a job beside requests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple
from uuid import UUID, uuid5

from offbook.core.cells.json_data import change_data
from offbook.core.errors import Invalid, NotFound
from offbook.core.history.entry import HistoryStep, restored_values
from offbook.core.history.reconstruct import Patch, state_at, to_state, to_values
from offbook.core.merge.batch import Outcome
from offbook.core.merge.retention import is_purged
from offbook.core.model import Change, Key, Record, Rejection, Value
from offbook.core.protocol.requests import CHANGES_MAX, build_change
from offbook.core.schema import EXISTS
from services import messages
from services.references import Decide, apply_change_and_clear, decide_and_clear_ahead
from services.sync.push import Turns, apply_batch, read_records
from storage.base import ChangeOrigin, ReadTransaction, Store, WriteTransaction

RESTORED_AT_ONCE = 300
"""So many records go back in one transaction: a fifth of a second, where each was added since."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change: as whom it is logged, as which replica, and the id that its changes come from."""

    origin: ChangeOrigin
    replica: str
    id: str


class RestoreKind(Enum):
    """What restoring the book does to one record."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RecordRestore:
    """One record of a book that is restored: as it is, the cells that it had, and the patch that brings it there."""

    record: Record
    wanted: Mapping[str, Value]
    patch: Patch

    @property
    def kind(self) -> RestoreKind:
        """Whether the record is added, changed or deleted by it."""
        if not self.wanted.get(EXISTS):
            return RestoreKind.DELETED
        return RestoreKind.ADDED if self.record.deleted else RestoreKind.CHANGED


# --- one record ----------------------------------------------------------------------------------------------------


class RestoredRecord(NamedTuple):
    """A record as it is after a restore; ``is_logged`` says whether there is a change that did it, now or before."""

    record: Record
    is_logged: bool


def restore_values(
    store: Store,
    book_id: int,
    actor: Actor,
    change_id: str,
    cells: Iterable[str] | None,
    to: str,
    now_us: int,
    key: Key | None = None,
) -> RestoredRecord:
    """Give cells the values from ``before`` or ``after`` a change; without ``cells``, all that it named.

    Raises NotFound where there is no such change any more, or none of the record ``key``; Invalid where it has no such
    cell.
    """

    def decide(book: WriteTransaction) -> Change | RestoredRecord:
        entry = book.history_entry(change_id)
        if key is not None and (entry is None or entry.key != key):
            singular = book.schema[key[0]].singular
            raise NotFound.of(messages.NO_CHANGE_IN_RECORD, noun=singular)
        if entry is None:
            raise NotFound.of(messages.NO_CHANGE)
        record = _record(book, entry.key)
        values = restored_values(entry, cells, to, record.table.composite_cells)
        patch = to_values(record, values, lambda: _known_cells(book, entry.key) | {**entry.data, **values})
        return _restoring(book, actor, record, patch, now_us)

    return _restore(store, book_id, actor, decide, now_us)


def restore_version(store: Store, book_id: int, actor: Actor, key: Key, seq: int, now_us: int) -> RestoredRecord:
    """Make a record what it was right after ``seq``. Raises NotFound, and Invalid where that is not known any more."""

    def decide(book: WriteTransaction) -> Change | RestoredRecord:
        check_reach(book, seq)
        record = _record(book, key)
        wanted = state_at(record, book.steps_since(seq, key), seq)
        return _restoring(book, actor, record, to_state(record, wanted), now_us)

    return _restore(store, book_id, actor, decide, now_us)


def _record(book: ReadTransaction, key: Key) -> Record:
    record = book.records(key[0], [key[1]]).get(key)
    if record is None or is_purged(record):
        raise NotFound.of(messages.LONG_DELETED)
    return record


def _known_cells(book: ReadTransaction, key: Key) -> dict[str, Value]:
    """The last value that the history has for each cell, in the record or not."""
    kept = (cells for entry in book.history(*key) for cells in (entry.before, entry.data))
    return {cell: value for cells in kept for cell, value in cells.items() if value is not None and value is not False}


def _restore(store: Store, book_id: int, actor: Actor, decide: Decide[RestoredRecord], now_us: int) -> RestoredRecord:
    with Turns(store, book_id) as turns:
        decided = decide_and_clear_ahead(turns, actor.origin, decide, now_us)
        if isinstance(decided, RestoredRecord):
            return decided
        _, restored = apply_change_and_clear(turns.book, actor.origin, decided, now_us)
        return RestoredRecord(restored, True)


def _restoring(
    book: WriteTransaction, actor: Actor, record: Record, patch: Patch | None, now_us: int
) -> Change | RestoredRecord:
    """The change that restores; the record as it is where nothing is left to be done. Raises Invalid."""
    was_logged = bool(book.recorded_verdicts([actor.id]))
    if patch is None:
        return RestoredRecord(record, was_logged)
    if was_logged:
        raise Invalid.of(messages.DONE_ALREADY)
    return change_for(record, patch, actor, actor.id, now_us)


def change_for(record: Record, patch: Patch, actor: Actor, change_id: str, now_us: int) -> Change:
    """The patch as a change by someone who sees the record as it is; checked like any other. Raises Invalid."""
    data = change_data(record.table, patch.cells)
    now_ms = now_us // 1000
    change = build_change(change_id, record.table, record.id, patch.operation, actor.replica, now_ms, record.seq, data)
    if isinstance(change, Rejection):
        raise Invalid(change.fault)
    return change


# --- the whole book ------------------------------------------------------------------------------------------------


class BookPreview(NamedTuple):
    """What going back would do to each record, and the book's seq at which that is so."""

    restores: list[RecordRestore]
    head: int


class BookRestore(NamedTuple):
    """How many records going back changed, and the seq that the book had before: going there undoes it."""

    changed: int
    before: int


def preview(store: Store, book_id: int, seq: int) -> BookPreview:
    """What restore_book_to would do, and nothing is done. Raises Invalid."""
    with store.reading(book_id) as book:
        return BookPreview(_record_restores(book, seq), book.book.seq)


def restore_book_to(
    store: Store, book_id: int, actor: Actor, seq: int, now_us: int, seen: int | None = None
) -> BookRestore:
    """Take the book back to where it was right after ``seq``: all of it in one transaction, or nothing. More records
    than RESTORED_AT_ONCE are for services.time_travel.

    ``seen`` is the book's seq that the user has looked at: raises Invalid where more happened since. The same request
    again finds nothing left to do, and is answered alike.
    """
    with store.writing(book_id) as book:
        before = book.book.seq
        restores = _record_restores(book, seq)
        if not restores:
            return BookRestore(0, before if seen is None else seen)
        if seen is not None and seen != before:
            raise Invalid.of(messages.BOOK_CHANGED)
        for start in range(0, len(restores), CHANGES_MAX):
            batch = restores[start : start + CHANGES_MAX]
            changes = [
                book_change(restore.record, restore.patch, actor, now_us, restore.record.seq) for restore in batch
            ]
            records = {restore.record.key: restore.record for restore in batch}
            pushed = apply_batch(book, actor.origin, changes, now_us, records)
            check_outcomes(pushed.outcomes)
        return BookRestore(len(restores), before)


def check_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Raise Invalid where one of these changes is refused."""
    if faults := [outcome.fault for outcome in outcomes if outcome.fault is not None]:
        message = messages.CANT_GO_BACK._replace(code=faults[0].code)
        raise Invalid.of(message, reason=faults[0].detail)


def _record_restores(book: ReadTransaction, seq: int) -> list[RecordRestore]:
    """What takes the book back to where it was right after ``seq``. Raises Invalid.

    A record that has left the trash stays deleted: what it held is gone.
    """
    check_reach(book, seq)
    steps: dict[Key, list[HistoryStep]] = defaultdict(list)
    for step in book.steps_since(seq):
        steps[step.key].append(step)
    restores = []
    for key, record in read_records(book, steps):
        wanted = state_at(record, steps[key], seq)
        patch = None if is_purged(record) else to_state(record, wanted)
        if patch is not None:
            restores.append(RecordRestore(record, wanted, patch))
    return restores


def check_reach(book: ReadTransaction, seq: int) -> None:
    """Raise Invalid where the history does not reach back so far."""
    if seq < book.book.pruned:
        raise Invalid.of(messages.TOO_OLD)


def book_change(record: Record, patch: Patch, actor: Actor, now_us: int, base: int) -> Change:
    """One of the changes that take the book back. What it says was checked when it was first said."""
    return Change(
        id=str(uuid5(UUID(actor.id), f"{record.table.name}/{record.id}")),
        table=record.table,
        record_id=record.id,
        operation=patch.operation,
        replica=actor.replica,
        timestamp=now_us // 1000,
        base=base,
        cells=patch.cells,
        batch=actor.id,
    )
