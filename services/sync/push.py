"""What a push does to a book: a batch of changes is decided, and carried out, under the book's lock.

What is pushed is one transaction as long as that is short. Where it would keep others waiting, it ends between two
changes, and goes on in the next, before which others get the lock if they wait for it. Each is whole, and the changes
keep their order: it is as if they had been pushed one portion after the other (docs/decisions/0029).

How long it will be is reckoned beforehand, from what is written and from what the records hold already: the same push
is cut alike on every machine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from types import TracebackType

from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import state_at
from offbook.core.merge.batch import Plan, incomplete, plan_batch
from offbook.core.merge.composite import base_of_history
from offbook.core.model import NO_CELLS, Cells, Change, Key, Record, Rejection
from offbook.core.protocol.requests import CHANGES_MAX
from services.naming.following import following_changes
from storage.base import ChangeOrigin, PushedBatch, ReadTransaction, Store, WriteTransaction

WHOLE_SIZE = 50_000
"""What is written in one transaction if that is all: a thousand edits of records with a few entries. A fifth of a
second, where a cell takes the 5 µs that were measured."""

PORTION_SIZE = 20_000
"""What is written in one transaction of several."""

CHANGE_SIZE, RECORD_SIZE, ENTRY_SIZE = 6, 8, 6
"""What a change costs beside its cells; the record that it changes, and each entry of it; in cells."""

SMALL = 16
"""So few changes are never too much, whatever they are about."""

Batch = Sequence[Change | Rejection]

Steps = Mapping[Key, Sequence[HistoryStep]]
NO_STEPS: Sequence[HistoryStep] = ()


def apply_batch(
    book: WriteTransaction,
    origin: ChangeOrigin,
    batch: Batch,
    now_us: int,
    touched: Mapping[Key, Record] | None = None,
) -> PushedBatch:
    """Decide a batch and carry it out, with what follows of it, inside a transaction that the caller has begun.

    ``touched`` are the batch's records, where the caller has read them in this transaction.
    """
    if touched is None:
        touched = _touched(book, batch)
    result = plan_changes(book, batch, now_us, touched)
    if result.history:
        book.apply_plan(result, origin, now_us)
        if following := following_changes(book, touched, result):
            book.apply_plan(plan_changes(book, following, now_us), origin, now_us)
    return PushedBatch(book.book, book.book.seq, result.outcomes, result.records)


def plan_changes(
    book: ReadTransaction,
    batch: Batch,
    now_us: int,
    touched: Mapping[Key, Record] | None = None,
) -> Plan:
    """What a batch would do to the book as it is: the plan, carried out by nobody."""
    verdicts = book.recorded_verdicts([item.id for item in batch if item.id])
    resolved_ids = [conflict_id for item in batch if isinstance(item, Change) for conflict_id in item.resolves]
    if touched is None:
        touched = _touched(book, batch)
    open_conflicts = book.open_conflict_keys(resolved_ids) if resolved_ids else {}
    cells_at = partial(_cells_at, book, touched, _unseen_steps(book, batch, touched))
    result = plan_batch(book.book, touched, verdicts, batch, now_us, open_conflicts, cells_at=cells_at)
    if lacking := incomplete(result):
        discarded = ((key, replica, writes) for key in lacking for replica, writes in book.discarded_writes(key))
        result = plan_batch(book.book, touched, verdicts, batch, now_us, open_conflicts, discarded, cells_at)
    return result


def _unseen_steps(book: ReadTransaction, batch: Batch, records: Mapping[Key, Record]) -> tuple[int, Steps]:
    """What others wrote to records whose composites a change of the batch writes without having seen it, with as few
    statements as one of it would take; and the seq since when it is here."""
    bases: dict[Key, int] = {}
    for item in batch:
        record = records.get(item.key) if isinstance(item, Change) else None
        if isinstance(item, Change) and record and (base := base_of_history(item, record)) is not None:
            bases[item.key] = min(base, bases.get(item.key, base))
    if not bases:
        return 0, {}
    since = min(bases.values())
    return since, dict.fromkeys(bases, NO_STEPS) | book.batches.steps(bases, since)


def _cells_at(
    book: ReadTransaction, records: Mapping[Key, Record], unseen: tuple[int, Steps], key: Key, seq: int
) -> Cells:
    """The cells that one of these records had right after a seq; none where the history does not reach back so far."""
    if key not in records or seq < book.book.pruned:
        return NO_CELLS
    since, steps_by_key = unseen
    steps = steps_by_key[key] if key in steps_by_key and seq >= since else book.steps_since(seq, key)
    return state_at(records[key], [step for step in steps if step.seq > seq], seq)


def _touched(book: ReadTransaction, batch: Batch) -> dict[Key, Record]:
    return dict(read_records(book, {key for item in batch if (key := item.key) is not None}))


def read_records(book: ReadTransaction, keys: Iterable[Key]) -> Iterator[tuple[Key, Record]]:
    """Those of these records that there are, with their keys, read some hundred at a time."""
    by_table: dict[str, list[str]] = {}
    for table, record_id in keys:
        by_table.setdefault(table, []).append(record_id)
    for table, ids in by_table.items():
        for start in range(0, len(ids), CHANGES_MAX):
            yield from book.records(table, ids[start : start + CHANGES_MAX]).items()


# --- in turns --------------------------------------------------------------------------------------------------------


class Turns:
    """Transactions of one book, one after the other. A fault leaves nothing of the last of them behind."""

    book: WriteTransaction

    def __init__(self, store: Store, book_id: int) -> None:
        self._store = store
        self._book_id = book_id
        self._room = WHOLE_SIZE

    def __enter__(self) -> Turns:
        self._transaction = self._store.writing(self._book_id)
        self.book = self._transaction.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transaction.__exit__(kind, error, trace)

    def end(self) -> None:
        """Commit, and begin the next transaction."""
        self.__exit__(None, None, None)
        self._room = PORTION_SIZE
        self.__enter__()

    def end_if_full(self) -> None:
        """Commit and begin anew, where this transaction has no room left."""
        if self._room <= 0:
            self.end()

    def portion(self, changes: Batch) -> Batch:
        """Those of the changes that this transaction has room for: all, or the first, and one at least."""
        sizes = list(accumulate(sizes_of(self.book, changes)))
        count = len(changes)
        if sizes and sizes[-1] > self._room:
            count = max(bisect_right(sizes, min(self._room, PORTION_SIZE)), 1)
        self._room -= sizes[count - 1] if sizes else 0
        return changes[:count]


def sizes_of(book: WriteTransaction, changes: Batch) -> list[int]:
    """What each of these changes costs, in cells."""
    sizes = [CHANGE_SIZE + (len(change.cells) if isinstance(change, Change) else 0) for change in changes]
    if len(changes) <= SMALL:
        return sizes
    counts = book.entry_counts({key for change in changes if (key := change.key) is not None})
    held: dict[Key | None, int] = {key: RECORD_SIZE + ENTRY_SIZE * count for key, count in counts.items()}
    return [size + held.get(change.key, 0) for size, change in zip(sizes, changes, strict=True)]
