"""The history of a record, read backwards: what it was at a seq, and what takes it back there.

A *step* is an accepted change with what it replaced. Whatever a record held can be found from what it holds now and
the steps since. Nothing here undoes anything: giving a value back is a change like any other, itself in the history.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

from offbook.core.model import Conflict, Operation, Record, Value
from offbook.core.schema import EXISTS, TABLES, entry_of
from offbook.core.validation import same

Cells = Mapping[str, Value]

NOTHING_KNOWN: Cells = MappingProxyType({})


class HistoryStep(Protocol):
    """What is read of a change of the history: ``before`` holds the values that it replaced, by cell."""

    @property
    def seq(self) -> int | None: ...

    @property
    def before(self) -> Cells: ...


class Patch(NamedTuple):
    """What a change is to say to bring something about."""

    operation: Operation
    cells: Cells


def state_of(record: Record) -> dict[str, Value]:
    """All cells of a record, its own existence among them."""
    return {**record.cells, EXISTS: not record.deleted}


def state_at(record: Record, steps: Iterable[HistoryStep], seq: int) -> dict[str, Value]:
    """The cells that the record had right after ``seq``: none where it was not made yet.

    ``steps`` are its changes after ``seq``, in their order; earlier ones do not matter.
    """
    if record.created.seq > seq:
        return {}
    cells = state_of(record)
    for step in sorted((one for one in steps if (one.seq or 0) > seq), key=lambda one: -(one.seq or 0)):
        cells.update(step.before)
    return {cell: value for cell, value in cells.items() if value is not None}


def common_of(conflict: Conflict, record: Record | None, steps: Iterable[HistoryStep]) -> Value:
    """What stood in the conflict's cell when both of its writers began. ``steps`` are the record's since then."""
    return None if record is None else state_at(record, steps, conflict.base).get(conflict.cell)


def to_state(record: Record, wanted: Cells) -> Patch | None:
    """What makes the record be as ``wanted`` says; None where it is so already."""
    if not wanted.get(EXISTS):
        return None if record.deleted else Patch(Operation.DELETE, {})
    cells = {cell: wanted.get(cell) for cell in _cells_to_compare(record.cells, wanted)}
    have = record.cells
    cells = {cell: _patch_value(cell, value) for cell, value in cells.items() if not same(value, have.get(cell))}
    if record.deleted:
        return Patch(Operation.INSERT, {**_needed(record.table, {**have, **wanted}), **cells})
    return Patch(Operation.UPDATE, cells) if cells else None


def to_values(record: Record, values: Cells, known: Cells = NOTHING_KNOWN) -> Patch | None:
    """What gives these cells these values; an entry that one of them belongs to stands again.

    Of an entry that the record holds nothing of any more, what is ``known`` comes with it: a value alone is no entry.
    """
    if values.get(EXISTS) is False:
        return None if record.deleted else Patch(Operation.DELETE, {})
    cells = {cell: value for cell, value in values.items() if cell != EXISTS}
    held = {cell: value for cell, value in cells.items() if value is not None and value is not False}
    for entry in {entry_of(cell) for cell in held} - {""}:
        if record.cells.get(entry + EXISTS) is None:
            cells = {**{cell: value for cell, value in known.items() if cell.startswith(entry)}, **cells}
        cells[entry + EXISTS] = True
    gone = {entry_of(cell) for cell, value in cells.items() if cell.endswith(f"/{EXISTS}") and not value}
    cells = {cell: value for cell, value in cells.items() if cell.endswith(EXISTS) or entry_of(cell) not in gone}
    cells = {
        cell: _patch_value(cell, value) for cell, value in cells.items() if not same(value, record.cells.get(cell))
    }
    if record.deleted and (values.get(EXISTS) or held):
        return Patch(Operation.INSERT, {**_needed(record.table, record.cells), **cells})
    return Patch(Operation.UPDATE, cells) if cells else None


class ChangeMarker(NamedTuple):
    """That a change was made: its seq, its id, and whoever made it."""

    seq: int
    change_id: str
    maker: Hashable


class ChangeBurst(NamedTuple):
    """Changes by one maker in quick succession: the first seq and the last, how many, and the id of one."""

    first: int
    last: int
    size: int
    change_id: str


def bursts(marks: Iterable[ChangeMarker], pause: int, least: int) -> list[ChangeBurst]:
    """The bursts of at least so many changes, the newest first. ``marks`` come newest first.

    Two of a burst are no further apart than ``pause`` (microseconds); what others did meanwhile does not end it.
    """
    found: list[ChangeBurst] = []
    under_way: dict[Hashable, int] = {}
    for seq, change_id, maker in marks:
        place = under_way.get(maker)
        if place is None or found[place].first - seq > pause:
            under_way[maker] = len(found)
            found.append(ChangeBurst(seq, seq, 1, change_id))
        else:
            found[place] = found[place]._replace(first=seq, size=found[place].size + 1)
    return [burst for burst in found if burst.size >= least]


def _cells_to_compare(have: Cells, wanted: Cells) -> list[str]:
    """Every cell of the record, but of an entry that is not to stand only whether it does."""
    gone = {entry_of(cell) for cell in have if cell.endswith(EXISTS) and not wanted.get(cell)}
    cells = [cell for cell in {**have, **wanted} if cell != EXISTS]
    return [cell for cell in cells if cell.endswith(EXISTS) or entry_of(cell) not in gone] if gone else cells


def _patch_value(cell: str, value: Value) -> Value:
    """An entry that is not to stand is removed; any other cell can be emptied."""
    return bool(value) if cell.endswith(f"/{EXISTS}") else value


def _needed(table: str, cells: Cells) -> Cells:
    return {name: cells.get(name) for name in TABLES[table].required}
