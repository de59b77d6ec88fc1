"""What a record was at a seq, and the patch that takes it back there.

From what a record holds now and the steps since, read backwards, whatever it held can be found. Nothing here undoes
anything: restoring a value is a change like any other, itself in the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from offbook.core.cells.validation import same
from offbook.core.history.entry import HistoryEntry, HistoryStep, written
from offbook.core.model import Cells, Conflict, Operation, Record, Value
from offbook.core.schema import EXISTS, Table, entry_of


class Patch(NamedTuple):
    """An operation with its cells, without identity or time: what a change would write."""

    operation: Operation
    cells: Cells


def state_of(record: Record) -> dict[str, Value]:
    """All cells of a record, its own existence among them."""
    return {**record.cells, EXISTS: not record.deleted}


def state_at(record: Record, steps: Iterable[HistoryStep], seq: int) -> dict[str, Value]:
    """The cells that the record had right after ``seq``: none where it was not made yet.

    ``steps`` are its changes after ``seq``; earlier ones do not matter.
    """
    if record.created.seq > seq:
        return {}
    cells = state_of(record)
    for step in sorted((step for step in steps if step.seq > seq), key=lambda step: -step.seq):
        cells.update(step.before)
    return {cell: value for cell, value in cells.items() if value is not None}


def state_after(sent: Record, history: Sequence[HistoryEntry], seq: int) -> dict[str, Value]:
    """The cells that a record had right after ``seq``. ``sent`` is the record as the server last sent it.

    From its making on where the history has that: of a deleted record little else was sent. Else from what was sent,
    back to where the history begins, and on from there.
    """
    entries = sorted((entry for entry in history if entry.seq is not None), key=lambda entry: entry.seq or 0)
    cells: dict[str, Value] = {}
    if not any(entry.created for entry in entries):
        steps = [HistoryStep(entry.key, entry.seq or 0, entry.before) for entry in entries]
        cells = state_at(sent, [step for step in steps if step.seq <= sent.seq], sent.created.seq)
    for entry in entries:
        if (entry.seq or 0) <= seq:
            cells.update(written(entry))
    return {cell: value for cell, value in cells.items() if value is not None}


def without_removed_entries(cells: Cells) -> dict[str, Value]:
    """The cells without what was in removed entries."""
    return {cell: value for cell, value in cells.items() if not (entry := entry_of(cell)) or cells.get(entry + EXISTS)}


def with_entries(values: Cells, last_cells: Cells) -> dict[str, Value]:
    """The values, and with an entry that comes back by them what was in it last."""
    back = {entry_of(cell) for cell, value in values.items() if cell.endswith(f"/{EXISTS}") and value}
    return {**{cell: value for cell, value in last_cells.items() if entry_of(cell) in back}, **values}


def common_of(conflict: Conflict, record: Record | None, steps: Iterable[HistoryStep]) -> Value:
    """What stood in the conflict's cell when both of its writers began. ``steps`` are the record's since then."""
    return None if record is None else state_at(record, steps, conflict.base).get(conflict.cell)


def to_state(record: Record, wanted: Cells) -> Patch | None:
    """The patch that makes the record be as ``wanted`` says; None where it is so already."""
    if not wanted.get(EXISTS):
        return None if record.deleted else Patch(Operation.DELETE, {})
    cells = {cell: wanted.get(cell) for cell in _cells_to_compare(record.cells, wanted)}
    have = record.cells
    cells = {cell: _patch_value(cell, value) for cell, value in cells.items() if not same(value, have.get(cell))}
    if record.deleted:
        return Patch(Operation.INSERT, {**_needed(record.table, {**have, **wanted}), **cells})
    return Patch(Operation.UPDATE, cells) if cells else None


def to_values(record: Record, values: Cells, last_cells: Callable[[], Cells] = dict) -> Patch | None:
    """The patch that gives these cells these values; None where they have them already.

    An entry that one of them belongs to stands again. Where the record holds nothing of it any more, what
    ``last_cells`` returns of it comes with it: a value alone is no entry. It is called only then, for it may have to
    read a whole history.
    """
    if values.get(EXISTS) is False:
        return None if record.deleted else Patch(Operation.DELETE, {})
    cells = {cell: value for cell, value in values.items() if cell != EXISTS}
    held = {cell: value for cell, value in cells.items() if value is not None and value is not False}
    entries = {entry_of(cell) for cell in held} - {""}
    if forgotten := tuple(entry for entry in entries if record.cells.get(entry + EXISTS) is None):
        cells = {**{cell: value for cell, value in last_cells().items() if cell.startswith(forgotten)}, **cells}
    cells |= {entry + EXISTS: True for entry in entries}
    gone = {entry_of(cell) for cell, value in cells.items() if cell.endswith(f"/{EXISTS}") and not value}
    cells = {cell: value for cell, value in cells.items() if cell.endswith(EXISTS) or entry_of(cell) not in gone}
    cells = {
        cell: _patch_value(cell, value) for cell, value in cells.items() if not same(value, record.cells.get(cell))
    }
    if record.deleted and (values.get(EXISTS) or held):
        return Patch(Operation.INSERT, {**_needed(record.table, record.cells), **cells})
    return Patch(Operation.UPDATE, cells) if cells else None


def _cells_to_compare(have: Cells, wanted: Cells) -> list[str]:
    """Every cell of the record, but of an entry that is not to stand only whether it does."""
    gone = {entry_of(cell) for cell in have if cell.endswith(EXISTS) and not wanted.get(cell)}
    cells = [cell for cell in {**have, **wanted} if cell != EXISTS]
    return [cell for cell in cells if cell.endswith(EXISTS) or entry_of(cell) not in gone] if gone else cells


def _patch_value(cell: str, value: Value) -> Value:
    """An entry that is not to stand is removed; any other cell can be emptied."""
    return bool(value) if cell.endswith(f"/{EXISTS}") else value


def _needed(table: Table, cells: Cells) -> Cells:
    return {name: cells.get(name) for name in table.required}
