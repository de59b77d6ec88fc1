"""What acts wrote to a book, and undoing it: a batch is taken back by ordinary changes, which are a batch themselves.

They are made in transactions that leave others their turns. What an undo writes has ids that follow from the batch's,
so that one that was cut off goes on where it was, and one that is asked for twice does nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from offbook.core.errors import NotFound, Pruned
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import Patch
from offbook.core.history.undo import (
    BatchSummary,
    KeptCell,
    RecordUndo,
    UndoReport,
    is_undone_by,
    undo_id,
    undo_record,
    undoing_change_id,
)
from offbook.core.messages import Fault
from offbook.core.model import Change, Key, Record
from services import messages
from services.references import apply_and_clear, clear_ahead
from services.restore import Actor
from services.sync.push import Turns, read_records
from storage.base import ReadTransaction, Store

RECORDS_AT_ONCE = 200
"""So many records are looked at in one transaction: less than a tenth of a second,
and a third of one on a host that is busy."""


class UndonePortion(NamedTuple):
    """What an undo did in one transaction: so many records of all that the batch wrote to are ``done`` with it."""

    done: int
    total: int
    report: UndoReport


def list_batches(store: Store, book_id: int, limit: int, before: int | None) -> list[BatchSummary]:
    """Some batches, the newest first: those whose last seq is below ``before``."""
    with store.reading(book_id) as book:
        return book.batches.page(limit, before)


def read_batch(store: Store, book_id: int, batch: str) -> BatchSummary:
    """One batch. Raises NotFound, and Pruned where the history does not have all of it any more."""
    with store.reading(book_id) as book:
        return _fetch(book, batch)


def undo_batch(store: Store, book_id: int, actor: Actor, batch: str, now_us: int) -> UndoReport:
    """Take back what a batch wrote, where it is still as the batch left it; what stays is named.

    Raises as read_batch.
    """
    report = UndoReport(undo_id(batch))
    for portion in undo_in_portions(store, book_id, actor, batch, now_us):
        report.undone += portion.report.undone
        report.kept += portion.report.kept
    return report


def undo_in_portions(
    store: Store, book_id: int, actor: Actor, batch: str, now_us: int, start: int = 0
) -> Iterator[UndonePortion]:
    """The same, a transaction at a time; none is open in between. The first ``start`` records are passed over.

    Raises as read_batch, before the first.
    """
    with store.reading(book_id) as book:
        summary = _fetch(book, batch)
        keys = book.batches.keys(batch)
    done = start
    while done < len(keys):
        undoing = _Undoing(actor, summary, now_us, UndoReport(undo_id(batch)))
        with Turns(store, book_id) as turns:
            done += undoing.undo_some(turns, keys[done : done + RECORDS_AT_ONCE])
        yield UndonePortion(done, len(keys), undoing.report)


def _fetch(book: ReadTransaction, batch: str) -> BatchSummary:
    summary = book.batches.summary(batch)
    if summary is None:
        raise NotFound.of(messages.NO_BATCH)
    _check_reach(book, summary)
    return summary


def _check_reach(book: ReadTransaction, batch: BatchSummary) -> None:
    if batch.first <= book.book.pruned:
        raise Pruned.of(messages.BATCH_TOO_OLD)


@dataclass(frozen=True, slots=True)
class _Undoing:
    """The undo of a batch that is under way."""

    actor: Actor
    batch: BatchSummary
    now_us: int
    report: UndoReport

    def undo_some(self, turns: Turns, keys: Sequence[Key], clears_ahead: bool = True) -> int:
        """Undo what the batch wrote to the first of these records, as many as fit. Returns how many these are.

        ``clears_ahead``: what many refer to goes after these, and is looked at anew then.
        """
        book = turns.book
        _check_reach(book, self.batch)
        records = dict(read_records(book, keys))
        steps = book.batches.steps(records, self.batch.first - 1)
        undos = {key: self._decide(records[key], steps[key]) for key in keys if key in records}
        changes = [self._change(records[key], undo.patch) for key, undo in undos.items() if undo.patch is not None]
        portion = turns.portion(changes)
        if clears_ahead and clear_ahead(turns, self.actor.origin, portion, self.now_us):
            return self.undo_some(turns, keys, clears_ahead=False)
        count = len(keys) if len(portion) == len(changes) else keys.index(changes[len(portion)].key)
        outcomes = apply_and_clear(book, self.actor.origin, portion, self.now_us, records).outcomes
        faults = {change.key: outcome.fault for change, outcome in zip(portion, outcomes, strict=True)}
        for key in keys[:count]:
            if key in undos:
                self._note(key, undos[key], faults.get(key), steps[key])
        return count

    def _decide(self, record: Record, steps: Iterable[HistoryStep]) -> RecordUndo:
        return undo_record(record, steps, self.batch.id, self.report.batch)

    def _change(self, record: Record, patch: Patch) -> Change:
        """The change that undoes. What it says was checked when it was first said."""
        return Change(
            id=undoing_change_id(self.report.batch, record.key),
            table=record.table,
            record_id=record.id,
            operation=patch.operation,
            replica=self.actor.replica,
            timestamp=self.now_us // 1000,
            base=record.seq,
            cells=patch.cells,
            batch=self.report.batch,
        )

    def _note(self, key: Key, undo: RecordUndo, fault: Fault | None, steps: Iterable[HistoryStep]) -> None:
        """Count a record that went back, now or by an undo of before; name what stays."""
        self.report.kept += undo.kept
        if fault is not None and undo.patch is not None:
            self.report.kept += [KeptCell(key, cell, fault.code) for cell in undo.patch.cells]
        elif undo.patch is not None or any(is_undone_by(step, self.report.batch) for step in steps):
            self.report.undone += 1
