"""What a book does with concurrent edits: one function per policy, and nothing else to add.

A policy is called only when something of the record is concurrent with the change. It gets the MergeContext, and says
of each cell that the change would alter whether the write is accepted, discarded, or deferred to a person. What it does
not name is accepted. Whatever is discarded is kept in the history: a policy chooses what shows, never what survives.

Being in POLICIES runs the merge laws on it (tests/laws/test_laws.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from offbook.core.model import Change, Clock, Record, Value
from offbook.core.schema import EXISTS


class Resolution(Enum):
    """What becomes of one write of a change: it takes effect, it loses, or a person decides."""

    ACCEPT = "accept"
    DISCARD = "discard"
    DEFER = "defer"


@dataclass(frozen=True, slots=True)
class MergeContext:
    """A change against a record of which something is concurrent with it.

    ``writes`` are the cells that the change would alter, with their new values. ``competing_cells`` names, for each
    contested write, the concurrent cells against it: the cell itself, or for a removal whatever was written inside.
    ``concurrent`` has every concurrent cell of the record, contested or not, with the latest write that the change's
    writer had not seen.
    """

    record: Record
    change: Change
    writes: Mapping[str, Value]
    competing_cells: Mapping[str, tuple[str, ...]]
    concurrent: Mapping[str, Clock]

    def latest(self, cells: Iterable[str]) -> Clock:
        """The unseen write of these cells that wins by time, then by change id."""
        return max((self.concurrent[cell] for cell in cells), key=lambda clock: (clock.timestamp, clock.change_id))

    def is_later_than(self, cells: Iterable[str]) -> bool:
        """Whether the change's time is later than every one of these cells' (of equal times the larger id)."""
        latest = self.latest(cells)
        return (self.change.timestamp, self.change.id) > (latest.timestamp, latest.change_id)


Policy = Callable[[MergeContext], Mapping[str, Resolution]]


def merge(context: MergeContext) -> Mapping[str, Resolution]:
    """Different cells both survive; the same cell goes to the later time; an edit beats a removal."""
    return {cell: _merged(context, cell, cells) for cell, cells in context.competing_cells.items()}


def _merged(context: MergeContext, cell: str, cells: tuple[str, ...]) -> Resolution:
    if cell.endswith(EXISTS):
        return Resolution.ACCEPT if context.writes[cell] else Resolution.DISCARD
    return Resolution.ACCEPT if context.is_later_than(cells) else Resolution.DISCARD


def last_write_wins(context: MergeContext) -> Mapping[str, Resolution]:
    """The change's time against the latest concurrent cell of the record decides the whole change."""
    if context.is_later_than(context.concurrent):
        return {}
    return dict.fromkeys(context.writes, Resolution.DISCARD)


def ask(context: MergeContext) -> Mapping[str, Resolution]:
    """What is contested stays as it is, and waits for a person with both versions."""
    return dict.fromkeys(context.competing_cells, Resolution.DEFER)


POLICIES: Mapping[str, Policy] = MappingProxyType({"merge": merge, "last-write-wins": last_write_wins, "ask": ask})

DEFAULT_POLICY = "merge"
