"""What the history tells of one change, and what a record was right after it. Pure; the newest change comes first.

A server tells the history as these values to whoever asks; pages and devices read it alike. What pruning thinned is
None or empty, so nothing here takes for granted that a history is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from offbook.core.errors import Invalid
from offbook.core.history.reconstruct import state_at
from offbook.core.messages import NO_VALUE_IN_CHANGE
from offbook.core.model import Operation, Record, Value, Verdict
from offbook.core.schema import EXISTS, entry_of

Cells = Mapping[str, Value]

BEFORE, AFTER = "before", "after"
"""Which values of a change are to be given back: those that it replaced, or its own."""


@dataclass(frozen=True, slots=True)
class WinningChange:
    """The change that a value lost to."""

    change_id: str
    user: str | None
    device: str | None
    at: str | None


@dataclass(frozen=True, slots=True)
class DiscardedValue:
    """A value that did not count, what won over it, and the policy that decided."""

    cell: str
    value: Value
    rule: str
    winner: WinningChange


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of the history. Times are ISO text: ``at`` by the server's clock, ``timestamp`` by the device's."""

    id: str
    seq: int | None
    at: str
    timestamp: str | None
    operation: str | None
    verdict: str
    user: str | None
    device: str | None
    replica: str | None
    base: int | None
    bases: Mapping[str, int]
    data: Cells
    before: Cells
    created: bool
    beaten: tuple[DiscardedValue, ...] = ()

    def base_of(self, cell: str) -> int | None:
        """The newest seq of this cell that the change's writer had seen."""
        return self.bases.get(cell, self.base)


class RestoredValues(Protocol):
    """What is read of a change whose values are given back."""

    @property
    def operation(self) -> str | None: ...

    @property
    def data(self) -> Cells: ...

    @property
    def before(self) -> Cells: ...


def restored_values(change: RestoredValues, created: bool, cells: Iterable[str] | None, to: str) -> Cells:
    """The values from before or after a change: of these cells, or of all that it named. Raises Invalid."""
    values = dict(change.before if to == BEFORE else change.data)
    if change.operation == Operation.DELETE and to == AFTER:
        values[EXISTS] = False
    if to == BEFORE and created:
        values = dict.fromkeys(change.data) if cells is not None else {EXISTS: False}
    if cells is None:
        return values
    wanted = list(cells)
    if missing := [cell for cell in wanted if cell not in values]:
        raise Invalid.of(NO_VALUE_IN_CHANGE, name=missing[0][:80])
    return {cell: values[cell] for cell in wanted}


def written(past: HistoryEntry) -> Cells:
    """The cells that a change gave a new value. What lost, waits, or was there already is not among them."""
    if past.created:
        return {**past.data, EXISTS: True}
    exists = past.operation != Operation.DELETE
    return {cell: exists if cell == EXISTS else past.data.get(cell) for cell in past.before}


def waited(past: HistoryEntry, cell: str) -> bool:
    """Whether the change's value for this cell was left to a person."""
    decided = written(past).keys() | {lost.cell for lost in past.beaten}
    return past.verdict == Verdict.CONFLICT and cell in past.data and cell not in decided


def without_removed_entries(cells: Cells) -> dict[str, Value]:
    """The cells without what was in removed entries."""
    return {cell: value for cell, value in cells.items() if not (entry := entry_of(cell)) or cells.get(entry + EXISTS)}


def with_entries(values: Cells, known: Cells) -> dict[str, Value]:
    """The values, and with an entry that comes back by them what is known to have been in it."""
    back = {entry_of(cell) for cell, value in values.items() if cell.endswith(f"/{EXISTS}") and value}
    return {**{cell: value for cell, value in known.items() if entry_of(cell) in back}, **values}


def state_after(known: Record, history: Sequence[HistoryEntry], seq: int) -> dict[str, Value]:
    """The cells that a record had right after ``seq``. ``known`` is how the server last said that it is.

    From its making on where that is told: a deleted record is known by little else. Else from what is known, back to
    where the history begins, and on from there.
    """
    steps = sorted((one for one in history if one.seq is not None), key=lambda one: one.seq or 0)
    cells: dict[str, Value] = {}
    if not any(one.created for one in steps):
        cells = state_at(known, [one for one in steps if (one.seq or 0) <= known.seq], known.created.seq)
    for one in steps:
        if (one.seq or 0) <= seq:
            cells.update(written(one))
    return {cell: value for cell, value in cells.items() if value is not None}
