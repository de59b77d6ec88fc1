"""What undoing a batch does to one record: the patch that takes back what the batch wrote, and what stays as it is.

Only a cell that is still as the batch left it goes back: whoever wrote it since knew better. What the batch brought
into being (a record, an entry, or one that had been deleted before) goes with all that is in it, or, where anybody
wrote into it since, stays whole. A value goes back only where its entry and its record stand: undoing brings back
nothing that another change removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid5

from offbook.core.cells.validation import same
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import Patch, state_at, state_of, to_values
from offbook.core.merge.retention import is_purged
from offbook.core.model import Author, Cells, Key, Operation, Record, Value
from offbook.core.schema import EXISTS, entry_of


class Reason(StrEnum):
    """Why a cell stays as it is when its batch is undone."""

    CHANGED_SINCE = "changed_since"  # another change wrote it, or into what the batch had added
    DELETED_SINCE = "deleted_since"  # another change deleted its record, or removed its entry
    PURGED = "purged"  # its record has left the trash: what it held is gone


class KeptCell(NamedTuple):
    """A cell that stays as it is, and why: a Reason, or the code of the rejection of the change that undoes."""

    key: Key
    cell: str
    reason: str


class RecordUndo(NamedTuple):
    """What undoing does to one record. ``patch`` is None where nothing of the batch is left to be undone."""

    patch: Patch | None
    kept: tuple[KeptCell, ...]


@dataclass(slots=True)
class UndoReport:
    """What undoing a batch did. ``batch`` is the id of the undo's own, ``undone`` counts the records that went back."""

    batch: str
    undone: int = 0
    kept: list[KeptCell] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """A batch that is in the history: the seqs of its first and its last change, and who made the last.

    ``changes`` counts by table those that took effect. ``undone_by`` is the batch that undid it, None where none did.
    """

    id: str
    first: int
    last: int
    author: Author
    changes: Mapping[str, int]
    undone_by: str | None = None


def undo_id(batch: str) -> str:
    """The id of the batch that undoes this one: always the same, so that nothing is undone twice."""
    return str(uuid5(UUID(batch), "undo"))


def undoing_change_id(undo: str, key: Key) -> str:
    """The id of the change by which the batch ``undo`` undoes what was written to a record."""
    return str(uuid5(UUID(undo), "/".join(key)))


class ExistenceStep(NamedTuple):
    """A change that deleted a record (``exists`` is False), or one of a ``batch`` that wrote to it."""

    exists: bool
    batch: str | None


def was_taken_back(steps: Iterable[ExistenceStep]) -> bool:
    """Whether a record that is deleted was deleted by the undo of what had brought it into being, and by nobody else.

    ``steps`` are in order: every deletion of the record, whether it changed anything or not, and every change of it
    that is of a batch. Where an undo was undone, and that too, the first act decides: what a person deleted, and what
    the undo of an undo has deleted again, was deleted by a person. Where the history does not tell, it counts as that.
    """
    left = list(steps)
    while True:
        deletions, writes = _pop_batches(left, exists=False), _pop_batches(left, exists=True)
        made_by = next((batch for batch in writes if batch is not None and deletions == {undo_id(batch)}), None)
        if made_by is None:
            return False
        if not any(step.batch is not None and undo_id(step.batch) == made_by for step in left):
            return True


def _pop_batches(steps: list[ExistenceStep], exists: bool) -> set[str | None]:
    """Take away the last steps that say this, and return the batches that they are of."""
    batches: set[str | None] = set()
    while steps and steps[-1].exists is exists:
        batches.add(steps.pop().batch)
    return batches


def undo_record(record: Record, steps: Iterable[HistoryStep], batch: str, undo: str) -> RecordUndo:
    """How to undo what ``batch`` wrote to a record. ``undo`` is the batch that does it, or has done it already.

    ``steps`` are the record's changes, from the first of ``batch`` on at least. Where the one that undoes it is among
    them the record was undone: what was kept then is returned, and no patch. What else ``undo`` wrote to it follows
    from what was undone in others, and is nobody's edit.
    """
    ordered = sorted(steps, key=lambda step: step.seq)
    of_others = [step for step in ordered if step.batch != undo]
    done = next((step.seq for step in ordered if is_undone_by(step, undo)), None)
    if done is None:
        return _undo(record, of_others, batch)
    cells = state_at(record, ordered, done - 1)
    before = record._replace(deleted=not cells.pop(EXISTS, False), cells=cells)
    return RecordUndo(None, _undo(before, [step for step in of_others if step.seq < done], batch).kept)


def is_undone_by(step: HistoryStep, undo: str) -> bool:
    """Whether this is the step by which the batch ``undo`` undid what was written to its record."""
    return step.batch == undo and step.change_id == undoing_change_id(undo, step.key)


@dataclass(slots=True)
class _BatchWrites:
    """What a batch wrote to a record. ``earlier``: per cell the value that the batch's last writes to it replaced.

    ``is_last`` says of each cell that was written whether the batch did so last. ``others`` are the cells that another
    change wrote since the batch began, and inside of what the batch added since it did.
    """

    earlier: dict[str, Value] = field(default_factory=dict)
    is_last: dict[str, bool] = field(default_factory=dict)
    others: set[str] = field(default_factory=set)

    def note(self, cell: str, before: Value, of_batch: bool) -> None:
        """Note that a change wrote to a cell."""
        if not of_batch:
            self.others.add(cell)
            if cell.endswith(EXISTS) and not before:  # who brings something back stands by all that is in it
                self.is_last |= {inside: False for inside in self.is_last if inside.startswith(entry_of(cell))}
        elif not self.is_last.get(cell):
            self.earlier[cell] = before
            if cell.endswith(EXISTS) and not before:
                self.others = {other for other in self.others if not other.startswith(entry_of(cell))}
        self.is_last[cell] = of_batch


def _writes_of(record: Record, steps: Iterable[HistoryStep], batch: str) -> _BatchWrites:
    writes = _BatchWrites()
    has_begun = False
    for step in steps:
        of_batch = step.batch == batch
        has_begun = has_begun or of_batch
        if of_batch and step.seq == record.created.seq:
            writes.note(EXISTS, False, of_batch)
        for cell, before in step.before.items() if has_begun else ():
            writes.note(cell, before, of_batch)
    return writes


def _undo(record: Record, steps: Iterable[HistoryStep], batch: str) -> RecordUndo:
    writes = _writes_of(record, steps, batch)
    have = state_of(record)
    absent = tuple(entry_of(cell) for cell, value in writes.earlier.items() if _is_absence(cell, value, have))
    altered = {
        cell: value
        for cell, value in writes.earlier.items()
        if not cell.startswith(absent) and not _holds(have, cell, value)
    }
    if is_purged(record):
        return RecordUndo(None, _kept(record, dict.fromkeys(altered, Reason.PURGED)))
    reasons = {cell: Reason.CHANGED_SINCE for cell in altered if _is_written_since(writes, cell)}
    # What the batch added and others wrote into stays whole, under the name of its existence alone.
    whole = tuple(entry_of(cell) for cell in reasons if cell.endswith(EXISTS) and writes.is_last[cell])
    left = {cell: value for cell, value in altered.items() if cell not in reasons and not cell.startswith(whole)}
    if left.get(EXISTS) is False:
        return RecordUndo(Patch(Operation.DELETE, {}), ())
    going = tuple(entry_of(cell) for cell, value in left.items() if cell.endswith(EXISTS) and not value)
    left = {cell: value for cell, value in left.items() if cell.endswith(EXISTS) or not cell.startswith(going)}
    standing = {**have, **left}
    fallen = {cell for cell in left if not _stands(standing, cell)}
    reasons |= {cell: Reason.DELETED_SINCE for cell in fallen if _has_fallen_since(writes, cell, standing)}
    values = {cell: value for cell, value in left.items() if cell not in fallen}
    named = {cell: reason for cell, reason in reasons.items() if cell.endswith(EXISTS) or not cell.startswith(whole)}
    return RecordUndo(to_values(record, values) if values else None, _kept(record, named))


def _is_written_since(writes: _BatchWrites, cell: str) -> bool:
    """Whether another change wrote the cell, or into what it says to be there, after the batch."""
    if not writes.is_last[cell]:
        return True
    is_added = cell.endswith(EXISTS) and not writes.earlier[cell]
    return is_added and any(other.startswith(entry_of(cell)) for other in writes.others)


def _stands(cells: Cells, cell: str) -> bool:
    """Whether, with these cells, the record is there, and the entry that the cell is in."""
    if cell == EXISTS:
        return True
    entry = entry_of(cell)
    return bool(cells[EXISTS]) and (not entry or cell.endswith(EXISTS) or bool(cells.get(entry + EXISTS)))


def _has_fallen_since(writes: _BatchWrites, cell: str, cells: Cells) -> bool:
    """Whether what the cell is in was there when the batch began: of what was not, the batch changed nothing to see."""
    return (EXISTS if not cells[EXISTS] else entry_of(cell) + EXISTS) in writes.is_last


def _is_absence(cell: str, value: Value, have: Cells) -> bool:
    """Whether the record or entry was not there before, and is not there now: nothing in it has to go back."""
    return cell.endswith(EXISTS) and not value and not have.get(cell)


def _holds(cells: Cells, cell: str, value: Value) -> bool:
    have = cells.get(cell)
    return bool(have) == bool(value) if cell.endswith(EXISTS) else same(have, value)


def _kept(record: Record, reasons: Mapping[str, Reason]) -> tuple[KeptCell, ...]:
    return tuple(KeptCell(record.key, cell, reasons[cell]) for cell in sorted(reasons))
