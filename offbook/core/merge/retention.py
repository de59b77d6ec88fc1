"""What is forgotten, and when: two limits, which move on with time.

What was deleted up to the *trash limit* has left the trash: its values are emptied, and a *purged* tombstone stays, so
that the deletion still reaches every device. Up to the *history limit*, the older one, the text of changes, tombstones
and removed entries are forgotten; a device whose cursor lies below it takes a snapshot instead.

Pruning never changes what lives. Nothing here reads a clock: the time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import NamedTuple

from offbook.core.errors import Invalid
from offbook.core.messages import NEGATIVE_DAYS, TRASH_OVER_HISTORY
from offbook.core.model import Record
from offbook.core.schema import EXISTS, entry_of

HISTORY_DAYS = 365
TRASH_DAYS = 30
DAY_US = 86_400 * 1_000_000


class RetentionLimits(NamedTuple):
    """Up to which seq the log, tombstones and removed entries are forgotten; and the values of what was deleted."""

    history: int
    trash: int


def limits_at(now_us: int, history_days: int, trash_days: int) -> RetentionLimits:
    """The limits that lie so many days back. Seq is the time. Raises Invalid for days that make no sense."""
    if history_days < 0 or trash_days < 0:
        raise Invalid.of(NEGATIVE_DAYS)
    if trash_days > history_days:
        raise Invalid.of(TRASH_OVER_HISTORY, trash=trash_days, history=history_days)
    return RetentionLimits(max(now_us - history_days * DAY_US, 0), max(now_us - trash_days * DAY_US, 0))


@dataclass(frozen=True, slots=True)
class PurgedRows:
    """How much was forgotten: tombstones, tombstones' values, removed entries, changes' text, resolved conflicts."""

    tombstones: int = 0
    emptied: int = 0
    entries: int = 0
    changes: int = 0
    conflicts: int = 0


def total(parts: Iterable[PurgedRows]) -> PurgedRows:
    """The sum of these, count by count."""
    return PurgedRows(*map(sum, zip(*map(astuple, [PurgedRows(), *parts]), strict=True)))


def is_purged(record: Record) -> bool:
    """Whether the record is a tombstone without what a record must have: nothing is left to bring back."""
    return record.deleted and any(record.cells.get(name) is None for name in record.table.required)


def prune(record: Record, limits: RetentionLimits) -> Record | None:
    """What is left of ``record``; None where nothing is."""
    if record.deleted and record.seq <= limits.history:
        return None
    if record.deleted and record.seq <= limits.trash:
        return _without_values(record)
    return _without_removed(record, limits.history)


def _without_values(record: Record) -> Record:
    """Its existence keeps its clock: who had not seen the deletion still is concurrent with it."""
    if not record.cells:
        return record
    clocks = {cell: clock for cell, clock in record.clocks.items() if cell == EXISTS}
    others = {cell: clock for cell, clock in record.others.items() if cell == EXISTS}
    return record._replace(cells={}, clocks=clocks, others=others)


def _without_removed(record: Record, limit: int) -> Record:
    gone = tuple(
        entry_of(cell)
        for cell, value in record.cells.items()
        if value is False and cell.endswith(f"/{EXISTS}") and record.clock(cell).seq <= limit
    )
    if not gone:
        return record
    return record._replace(
        cells={cell: value for cell, value in record.cells.items() if not cell.startswith(gone)},
        clocks={cell: clock for cell, clock in record.clocks.items() if not cell.startswith(gone)},
        others={cell: clock for cell, clock in record.others.items() if not cell.startswith(gone)},
    )


def lost_entries(old: Record, new: Record) -> list[str]:
    """The entries, as ``map/key/``, that the record had and has no more."""
    return [entry_of(cell) for cell in old.cells if cell.endswith(f"/{EXISTS}") and cell not in new.cells]


def count_purged(pairs: Iterable[tuple[Record, Record | None]]) -> PurgedRows:
    """How much these records lost, each given as it was and as it is now."""
    return total(_count(old, new) for old, new in pairs)


def _count(old: Record, new: Record | None) -> PurgedRows:
    if new is None:
        return PurgedRows(tombstones=1)
    if old.cells and not new.cells:
        return PurgedRows(emptied=1)
    return PurgedRows(entries=len(lost_entries(old, new)))
