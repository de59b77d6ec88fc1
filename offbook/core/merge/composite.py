"""Fields that are one value for merging (schema.Composite): what a change leaves out of them is derived.

So a change writes all of them or none, and of two concurrent changes one has them all. What is derived follows from
what the change's writer knew: what others wrote meanwhile is no part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from offbook.core.cells.validation import Json
from offbook.core.merge.decide import has_unseen_composite
from offbook.core.merge.retention import is_purged
from offbook.core.model import NO_CELLS, Cells, Change, Key, Operation, Record, Value, parts_of_value, value_of_parts
from offbook.core.schema import Composite, Table

CellsAt = Callable[[Key, int], Cells]
"""Returns the cells that a record had right after a seq, as far as that is known any more."""


def nothing_known(key: Key, seq: int) -> Cells:
    """Of a book without a history."""
    return NO_CELLS


def completed_change(change: Change, record: Record | None, cells_at: CellsAt = nothing_known) -> Change:
    """The change with what it leaves out of what is one value; ``record`` is what it is about, None for a new one.

    Parts of an entry's cell that its writer is too old to know stay as they are.

    Where others wrote to it meanwhile, all of it is as the change's writer knew it, or now says. Where it is forgotten
    what that was, the record as it is must do.
    """
    if later := later_parts(change, NO_CELLS if record is None else record.cells):
        change = change._replace(cells={**change.cells, **later})
    composite = change.table.composite
    if composite is None or not _can_be_completed(change, record, composite):
        return change
    if record is None:
        derived = composite.complete(change.cells, NO_CELLS)
        derived = {cell: value for cell, value in derived.items() if value is not None or cell in change.cells}
    elif _meets_unseen_writes(change, record, composite):
        known = cells_at(change.key, change.base_of(composite.whole)) or record.cells
        derived = {**{cell: known.get(cell) for cell in composite.cells}, **composite.complete(change.cells, known)}
    else:
        derived = composite.complete(change.cells, record.cells)
    return change._replace(cells={**change.cells, **derived}) if derived else change


def later_parts(change: Change, known: Cells) -> Cells:
    """The cells of which a change writes the first parts alone, with their later parts as they are known."""
    return {
        cell: value_of_parts((*value, *parts_of_value(known.get(cell), count)[len(value) :]))
        for cell, value in change.cells.items()
        if type(value) is tuple and len(value) < (count := len(change.table.fields_of(cell)))
    }


def _can_be_completed(change: Change, record: Record | None, composite: Composite) -> bool:
    if change.operation is Operation.DELETE or change.history:
        return False
    if record is None or is_purged(record):  # it must say itself what a record must have
        return composite.whole in change.cells and (record is not None or change.operation is Operation.INSERT)
    return not change.cells.keys().isdisjoint((*composite.cells, *composite.stand_ins))


def _meets_unseen_writes(change: Change, record: Record, composite: Composite) -> bool:
    return not change.cells.keys().isdisjoint(composite.cells) and has_unseen_composite(record, change)


def base_of_history(change: Change, record: Record) -> int | None:
    """The seq at which what a record was has to be known to complete a change; None where it is not needed."""
    composite = change.table.composite
    if composite is None or not _can_be_completed(change, record, composite):
        return None
    return change.base_of(composite.whole) if _meets_unseen_writes(change, record, composite) else None


def is_as_sent(sent: Change, completed: Change, record: Record | None) -> bool:
    """Whether a record that the completed change is written to holds nothing but what was sent, and what it held."""
    if completed is sent:
        return True
    said, have = sent.cells, NO_CELLS if record is None else record.cells
    others = [(cell, value) for cell, value in completed.cells.items() if value is not said.get(cell, said)]
    return all(_begins_as(value, said[cell]) if cell in said else value == have.get(cell) for cell, value in others)


def _begins_as(value: Value, sent: Value) -> bool:
    """Whether a value is the one that was sent, but for later parts."""
    return value == sent or (type(sent) is tuple and parts_of_value(value, len(sent))[: len(sent)] == sent)


def completed_data(table: Table, data: Mapping[str, Json], known: Mapping[str, Json]) -> Mapping[str, Json]:
    """A write's data with what it leaves out of what is one value; ``known`` is the record's data before it.

    What can't be stored is left as it is: whoever checks the data refuses it.
    """
    composite = table.composite
    if composite is None:
        return data
    names = (*composite.cells, *composite.stand_ins)
    written = {name: data[name] for name in names if name in data}
    if not all(value is None or isinstance(value, str) for value in written.values()):
        return data
    derived: Mapping[str, Any] = composite.complete(written, {name: known.get(name) for name in names})
    if not known:
        derived = {name: value for name, value in derived.items() if value is not None}
    return {**data, **derived} if derived else data
