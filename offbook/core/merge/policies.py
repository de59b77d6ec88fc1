"""What a book does with concurrent edits: one function per policy, and nothing else to add.

A policy is asked only when something of the record is concurrent with the change. It sees the contest and says of each
cell that the change would alter (a *wish*) whether it is taken, loses, or waits for a person. What it does not name is
taken. Whatever loses is kept in the history: a policy chooses what shows, never what survives.

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
    """What a policy does with a competing cell: it takes effect, it loses, or a person decides."""

    TAKE = "take"
    LOSE = "lose"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class MergeContext:
    """A change against a record of which something is concurrent with it.

    ``wishes`` are the cells that the change would alter, with their new values. ``rivals`` names, for each contested
    wish, the concurrent cells that stand against it: the cell itself, or for a removal whatever was written inside.
    ``concurrent`` has every concurrent cell of the record, contested or not, with the latest write that the change's
    writer had not seen.
    """

    record: Record
    change: Change
    wishes: Mapping[str, Value]
    rivals: Mapping[str, tuple[str, ...]]
    concurrent: Mapping[str, Clock]

    def latest(self, cells: Iterable[str]) -> Clock:
        """The unseen write of these cells that wins by time, then by change id."""
        return max((self.concurrent[cell] for cell in cells), key=lambda clock: (clock.timestamp, clock.change_id))

    def is_later_than(self, cells: Iterable[str]) -> bool:
        """Whether the change's time is later than every one of these cells' (of equal times the larger id)."""
        rival = self.latest(cells)
        return (self.change.timestamp, self.change.id) > (rival.timestamp, rival.change_id)


Policy = Callable[[MergeContext], Mapping[str, Resolution]]


def merge(contest: MergeContext) -> Mapping[str, Resolution]:
    """Different cells both survive; the same cell goes to the later time; an edit beats a removal."""
    return {cell: _merged(contest, cell, rivals) for cell, rivals in contest.rivals.items()}


def _merged(contest: MergeContext, cell: str, rivals: tuple[str, ...]) -> Resolution:
    if cell.endswith(EXISTS):
        return Resolution.TAKE if contest.wishes[cell] else Resolution.LOSE
    return Resolution.TAKE if contest.is_later_than(rivals) else Resolution.LOSE


def last_write_wins(contest: MergeContext) -> Mapping[str, Resolution]:
    """The change's time against the latest concurrent cell of the record decides the whole change."""
    if contest.is_later_than(contest.concurrent):
        return {}
    return dict.fromkeys(contest.wishes, Resolution.LOSE)


def ask(contest: MergeContext) -> Mapping[str, Resolution]:
    """What is contested stays as it is, and waits for a person with both versions."""
    return dict.fromkeys(contest.rivals, Resolution.ASK)


POLICIES: Mapping[str, Policy] = MappingProxyType({"merge": merge, "last-write-wins": last_write_wins, "ask": ask})

DEFAULT_POLICY = "merge"
