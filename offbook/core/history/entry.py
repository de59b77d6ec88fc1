"""One change of the history as a value: what it said, what it replaced, and which of its values were discarded.

Stores make it, JSON carries it (offbook.core.history.codec), pages and devices read it alike. What pruning thinned is
None or empty, so nothing here takes for granted that a history is whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from offbook.core.cells.validation import same
from offbook.core.errors import Invalid
from offbook.core.messages import NO_VALUE_IN_CHANGE
from offbook.core.model import Author, Cells, DiscardedWrite, Key, Operation, Value, Verdict
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS

BEFORE, AFTER = "before", "after"
"""Which values of a change are to be restored: those that it replaced, or its own."""

NOBODY = Author()


def seq_of_effect(verdict: Verdict, seq: int | None) -> int | None:
    """The seq at which a change did something to its record or its conflicts; None where it did nothing.

    The ``seq`` of one that has lost says only where it stands in the book's log.
    """
    return None if verdict is Verdict.SUPERSEDED else seq


class HistoryStep(NamedTuple):
    """What takes a record one change back: the change's seq, and the values that it replaced, by cell.

    ``batch`` is the change's, ``change_id`` its id.
    """

    key: Key
    seq: int
    before: Cells
    batch: str | None = None
    change_id: str = ""


@dataclass(frozen=True, slots=True)
class WinningChange:
    """The change that a value was discarded for. ``at`` is its device's time as ISO text."""

    change_id: str
    user: str | None
    device: str | None
    at: str | None
    seq: int | None = None


@dataclass(frozen=True, slots=True)
class DiscardedValue:
    """A value that did not count, what won over it, and the policy that decided."""

    cell: str
    value: Value
    rule: str
    winner: WinningChange


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change of the history. Times are ISO text: ``at`` by the server's clock, ``timestamp`` by the device's.

    ``seq`` is None where it changed nothing, ``created`` is True where it made the record. ``batch`` is the id of the
    act that it is a part of.
    """

    key: Key
    id: str
    seq: int | None
    at: str
    timestamp: str | None
    operation: Operation | None
    verdict: Verdict
    user: str | None
    device: str | None
    replica: str | None
    base: int | None
    bases: Mapping[str, int]
    data: Cells
    before: Cells
    created: bool
    beaten: tuple[DiscardedValue, ...] = ()
    batch: str | None = None

    def base_of(self, cell: str) -> int | None:
        """The newest seq of this cell that the change's writer had seen."""
        return self.bases.get(cell, self.base)


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """Some changes of a record, the newest first, with what it takes to say what each of them did.

    ``next`` is where older ones begin, None where there are none. ``state`` are the record's cells right after the
    newest of ``entries``. ``earlier`` are older changes: all that the writers of ``entries`` may not have seen.
    ``deferred`` names the changes that a person has still to decide about.
    """

    entries: list[HistoryEntry]
    next: int | None
    state: Cells
    earlier: list[HistoryEntry]
    deferred: frozenset[str]


def discarded_values(writes: Iterable[DiscardedWrite], authors: Mapping[str, Author]) -> tuple[DiscardedValue, ...]:
    """What a change lost, with the names of whoever won: ``authors`` is by the ids of changes."""
    values = []
    for write in writes:
        author = authors.get(write.winner.change_id, NOBODY)
        at = iso_millis(write.winner.timestamp)
        winner = WinningChange(write.winner.change_id, author.user, author.device, at, write.winner.seq)
        values.append(DiscardedValue(write.cell, write.value, write.rule, winner))
    return tuple(values)


def written(entry: HistoryEntry) -> Cells:
    """The cells that a change gave a new value. What lost, waits, or was there already is not among them."""
    if entry.created:
        return {**entry.data, EXISTS: True}
    exists = entry.operation != Operation.DELETE
    values = {cell: exists if cell == EXISTS else entry.data.get(cell) for cell in entry.before}
    return {cell: value for cell, value in values.items() if not same(value, entry.before[cell])}


def was_deferred(entry: HistoryEntry, cell: str) -> bool:
    """Whether the change's value for this cell was left to a person."""
    taken = entry.data if entry.created else entry.before
    decided = taken.keys() | {discarded.cell for discarded in entry.beaten}
    return entry.verdict == Verdict.CONFLICT and cell in entry.data and cell not in decided


def restored_values(entry: HistoryEntry, cells: Iterable[str] | None, to: str, together: Collection[str] = ()) -> Cells:
    """The values from before or after a change: of these cells, or of all that it named. Raises Invalid.

    What stands ``together`` is one value: whoever names a part of it names all.
    """
    values = dict(entry.before if to == BEFORE else entry.data)
    if entry.operation == Operation.DELETE and to == AFTER:
        values[EXISTS] = False
    if to == BEFORE and entry.created:
        values = dict.fromkeys(entry.data) if cells is not None else {EXISTS: False}
    if cells is None:
        return values
    names = list(cells)
    if missing := [cell for cell in names if cell not in values]:
        raise Invalid.of(NO_VALUE_IN_CHANGE, name=missing[0][:80])
    if not set(together).isdisjoint(names):
        names += [cell for cell in together if cell in values]
    return {cell: values[cell] for cell in names}
