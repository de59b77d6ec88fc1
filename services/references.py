"""Deleting by the server: references to what is deleted are cleared with it, where they are declared so.

A reference is a cell with an id, and no constraint holds it. Whoever deletes clears those that the book has, in the
same transaction and the same batch, as ordinary changes: they are in the history, reach every device, and are undone
with the deletion. What a device deletes, its own triggers clear; for one that does not know all tables it is done here,
as if by the device. A reference that is made elsewhere meanwhile points to a tombstone.

Where so many records refer to one that they would keep others waiting, they are cleared in several transactions. What a
person or a program deletes is then deleted in the last of them, whether by name, by an undo, a restore or the choice of
a conflict, and what a device pushes in the first: so whoever is cut off goes on by asking the same again.

Going back to a moment clears nothing: what is not there then is what nothing referred to then, or what was deleted
already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from offbook.core.errors import Invalid
from offbook.core.merge.batch import Outcome
from offbook.core.merge.following import following_change
from offbook.core.merge.references import cleared_cells
from offbook.core.model import Change, Key, Operation, Record, Rejection
from offbook.core.protocol.requests import CHANGES_MAX
from services.sync.push import Batch, Turns, apply_batch, plan_changes, read_records
from storage.base import ChangeOrigin, PushedBatch, ReadTransaction, WriteTransaction

RECORDS_AT_ONCE = 200
"""So many records are cleared in one transaction: a tenth of a second, and a quarter of one on a busy host."""


def apply_change_and_clear(
    book: WriteTransaction, origin: ChangeOrigin, change: Change, now_us: int
) -> tuple[Outcome, Record]:
    """Decide one change, carry it out, and clear references to a record that it deletes.

    What came of the change, and its record then. Raises Invalid where it is rejected.
    """
    pushed = apply_and_clear(book, origin, [change], now_us)
    (outcome,) = pushed.outcomes
    if outcome.fault is not None:
        raise Invalid(outcome.fault)
    return outcome, pushed.records[change.key]


def apply_and_clear(
    book: WriteTransaction,
    origin: ChangeOrigin,
    changes: Batch,
    now_us: int,
    touched: Mapping[Key, Record] | None = None,
) -> PushedBatch:
    """Decide these changes, carry them out, and clear references to the records that they delete.

    What came of the changes. ``touched`` are their records, where the caller has read them in this transaction.
    """
    deletions = _deletions(changes)
    referring = _referring(book, deletions)
    if not referring:
        return apply_batch(book, origin, changes, now_us, touched)
    together = [_in_batch(change) for change in changes]
    pushed = apply_batch(book, origin, together, now_us, touched)
    deleted = _by_table(deletion for key, deletion in deletions.items() if _is_deleted(pushed, key))
    clearing = [change for _, record in read_records(book, referring) if (change := _clearing(record, deleted))]
    for start in range(0, len(clearing), CHANGES_MAX):
        apply_batch(book, origin, clearing[start : start + CHANGES_MAX], now_us)
    return pushed


def apply_and_clear_in_turns(turns: Turns, origin: ChangeOrigin, changes: Batch, now_us: int) -> PushedBatch:
    """As apply_and_clear, for a device's push: the changes in this transaction, and of what is cleared as much as fits.

    The rest is cleared in those that follow. A device that was cut off has no answer, and pushes the same again.
    """
    deletions = _deletions(changes)
    referring = _referring(turns.book, deletions)
    if not referring:
        return apply_batch(turns.book, origin, changes, now_us)
    pushed = apply_batch(turns.book, origin, [_in_batch(change) for change in changes], now_us)
    _clear_in_turns(turns, origin, deletions, referring, now_us)
    return pushed


Decided = TypeVar("Decided")
Decide = Callable[[WriteTransaction], Change | Decided]
"""Reads in a transaction and decides: a change, or what there is to say where none is needed."""


def decide_and_clear_ahead(
    turns: Turns, origin: ChangeOrigin, decide: Decide[Decided], now_us: int
) -> Change | Decided:
    """What is decided, with room in the transaction to apply it: it is decided anew where others had their turns."""
    decided = decide(turns.book)
    if isinstance(decided, Change) and clear_ahead(turns, origin, [decided], now_us):
        return decide(turns.book)
    return decided


def clear_ahead(turns: Turns, origin: ChangeOrigin, changes: Batch, now_us: int) -> bool:
    """Clear references to what these changes are to delete, but for as many as their own transaction takes.

    Whether it has done so: then others had their turns meanwhile, and the changes are to be decided anew. Nothing is
    cleared for a deletion that comes to nothing.
    """
    deletions = _deletions(changes)
    if not deletions or len(_referring(turns.book, deletions)) <= RECORDS_AT_ONCE:
        return False
    planned = plan_changes(turns.book, changes, now_us).records
    deletions = {key: change for key, change in deletions.items() if key in planned and planned[key].deleted}
    referring = _referring(turns.book, deletions)[:-RECORDS_AT_ONCE]
    if not referring:
        return False
    _clear_in_turns(turns, origin, deletions, referring, now_us, ahead=True)
    turns.end()
    return True


def _clear_in_turns(
    turns: Turns,
    origin: ChangeOrigin,
    deletions: Mapping[Key, Change],
    referring: Sequence[Key],
    now_us: int,
    *,
    ahead: bool = False,
) -> None:
    """Clear in these records references to what was deleted, or what is to be: ``ahead``."""
    while referring:
        targets = dict(read_records(turns.book, deletions))
        deleted = _by_table(deletions[key] for key, record in targets.items() if ahead or record.deleted)
        records = dict(read_records(turns.book, referring[:RECORDS_AT_ONCE]))
        clearing = [change for record in records.values() if (change := _clearing(record, deleted))]
        portion = turns.portion(clearing)
        apply_batch(turns.book, origin, portion, now_us)
        count = RECORDS_AT_ONCE
        if len(portion) < len(clearing):
            count = referring.index(clearing[len(portion)].key)
        referring = referring[count:]
        if referring:
            turns.end()


def _deletions(changes: Batch) -> dict[Key, Change]:
    all_changes = (change for change in changes if isinstance(change, Change))
    return {change.key: change for change in all_changes if change.operation is Operation.DELETE}


def _by_table(deletions: Iterable[Change]) -> dict[str, dict[str, Change]]:
    """Deletions by table and id."""
    deleted: dict[str, dict[str, Change]] = defaultdict(dict)
    for deletion in deletions:
        deleted[deletion.table.name][deletion.record_id] = deletion
    return deleted


def _in_batch(change: Change | Rejection) -> Change | Rejection:
    """The change as one of a batch: its own, where it has none."""
    return change if isinstance(change, Rejection) else change._replace(batch=change.batch or change.id)


def _is_deleted(pushed: PushedBatch, key: Key) -> bool:
    return key in pushed.records and pushed.records[key].deleted


def _referring(book: ReadTransaction, keys: Mapping[Key, Change]) -> list[Key]:
    """The records that refer to any of these by a reference that is cleared, but for these themselves."""
    ids: dict[str, list[str]] = defaultdict(list)
    for table, record_id in keys:
        ids[table].append(record_id)
    referring = {
        (reference.table.name, record_id)
        for table, wanted in ids.items()
        for reference in book.schema.cleared_with(table)
        for record_id in book.referring(reference, wanted)
    }
    return sorted(referring - keys.keys())


def _clearing(record: Record, deleted: Mapping[str, Mapping[str, Change]]) -> Change | None:
    """What clears the references of a record to what was deleted, as if by who deleted; None where there are none.

    ``deleted`` are the deletions by table and id.
    """
    cells = {} if record.deleted else cleared_cells(record, deleted)
    if not cells:
        return None
    deletion = next(change for deletions in deleted.values() for change in deletions.values())
    cause = deletion._replace(batch=deletion.batch or deletion.id)
    return following_change(cause, record, Operation.UPDATE, cells)
