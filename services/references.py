"""Deleting by the server: references to what is deleted are cleared with it, where they are declared so.

A reference is a cell with an id, and no constraint holds it. Whoever deletes clears those that the book has, in the
same transaction and the same batch, as ordinary changes: they are in the history, reach every device, and are undone
with the deletion. What a device deletes, its own triggers clear. A reference that is made elsewhere meanwhile points to
a tombstone.

Going back to a moment clears nothing: what is not there then is what nothing referred to then, or what was deleted
already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from offbook.core.errors import Invalid
from offbook.core.merge.batch import Outcome
from offbook.core.merge.following import following_change
from offbook.core.merge.references import cleared_cells
from offbook.core.model import Change, Key, Operation, Record, Rejection
from offbook.core.protocol.requests import CHANGES_MAX
from services.sync.push import Batch, apply_batch, read_records
from storage.base import ChangeOrigin, PushedBatch, WriteTransaction


def apply_change_and_clear(
    book: WriteTransaction, origin: ChangeOrigin, change: Change, now_us: int
) -> tuple[Outcome, Record]:
    """Decide one change, carry it out, and clear references to a record that it deletes.

    What came of the change, and its record then. Raises Invalid where it is rejected.
    """
    pushed = apply_and_clear(book, origin, [change], now_us)
    (outcome,) = pushed.outcomes
    if outcome.fault is not None:
        raise Invalid.from_fault(outcome.fault)
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
    all_changes = [change for change in changes if isinstance(change, Change)]
    deletions = {change.key: change for change in all_changes if change.operation is Operation.DELETE}
    referring = _referring(book, deletions)
    if not referring:
        return apply_batch(book, origin, changes, now_us, touched)
    together = [_in_batch(change) for change in changes]
    pushed = apply_batch(book, origin, together, now_us, touched)
    deleted: dict[str, dict[str, Change]] = defaultdict(dict)
    for (table, record_id), deletion in deletions.items():
        if _is_deleted(pushed, (table, record_id)):
            deleted[table][record_id] = deletion
    clearing = [change for _, record in read_records(book, referring) if (change := _clearing(record, deleted))]
    for start in range(0, len(clearing), CHANGES_MAX):
        apply_batch(book, origin, clearing[start : start + CHANGES_MAX], now_us)
    return pushed


def _in_batch(change: Change | Rejection) -> Change | Rejection:
    """The change as one of a batch: its own, where it has none."""
    return change if isinstance(change, Rejection) else change._replace(batch=change.batch or change.id)


def _is_deleted(pushed: PushedBatch, key: Key) -> bool:
    return key in pushed.records and pushed.records[key].deleted


def _referring(book: WriteTransaction, keys: Mapping[Key, Change]) -> list[Key]:
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
    cells = cleared_cells(record, deleted)
    if not cells:
        return None
    deletion = next(change for deletions in deleted.values() for change in deletions.values())
    cause = deletion._replace(batch=deletion.batch or deletion.id)
    return following_change(cause, record, Operation.UPDATE, cells)
