"""The replica's half of the rules: the visible cells of a record, and what its changes had seen.

The replica keeps the server's rows (``server_rows``) apart from what was typed here (``change_log``). A record shows as
the server's row with those lines of the log on top that it does not contain yet. Nothing here touches a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from offbook.core.cells.validation import same
from offbook.core.history.reconstruct import Patch, to_state, without_removed_entries
from offbook.core.merge.composite import later_parts
from offbook.core.merge.decide import asserts
from offbook.core.model import NO_CELLS, Cells, Change, Operation, Record, Value
from offbook.core.schema import EXISTS, Table, entry_of


class LineState(IntEnum):
    """The state of a line of the log (``change_log.synced``)."""

    PENDING = 0
    ACKNOWLEDGED = 1
    PARKED = 2


@dataclass(frozen=True, slots=True)
class PendingLine:
    """One line of the log. ``seq`` is what the server gave it: None while pending, and where it changed nothing."""

    id: int
    change: Change
    state: LineState = LineState.PENDING
    seq: int | None = None


def is_on_top(line: PendingLine, server_seq: int) -> bool:
    """Whether the server's row of this seq lacks the line, so that it must be laid on top.

    A pending change is; an acknowledged one until a row that contains it came; of the parked ones only an INSERT,
    whose row exists nowhere else.
    """
    match line.state:
        case LineState.PENDING:
            return True
        case LineState.ACKNOWLEDGED:
            return line.seq is not None and line.seq > server_seq
        case LineState.PARKED:
            return line.change.operation is Operation.INSERT


def visible_cells(
    server: Mapping[str, Value], exists: bool, lines: Sequence[PendingLine], server_seq: int
) -> dict[str, Value] | None:
    """The cells that show on the device, or None where there is no row.

    ``server`` are the cells that the server's row has, or had before it was deleted (``exists`` is False then): an
    edit that stands over a deletion shows with them.
    """
    cells = dict(server)
    for line in lines:
        if not is_on_top(line, server_seq):
            continue
        if line.change.operation is Operation.DELETE:
            exists = False
        else:
            exists = exists or asserts(line.change)
            cells.update({**line.change.cells, **later_parts(line.change, cells), **_left_out(line.change, cells)})
    return cells if exists else None


def _left_out(change: Change, known: Cells) -> Cells:
    """What follows from an edit that writes to some of what is one value, as a tool does that knows single columns."""
    composite = change.table.composite
    if composite is None or change.operation is not Operation.UPDATE:
        return NO_CELLS
    return NO_CELLS if change.cells.keys().isdisjoint(composite.cells) else composite.complete(change.cells, known)


def with_bases(pending: Sequence[Change]) -> list[Change]:
    """The pending changes of one record, in log order, each knowing per cell what its writer had really seen.

    While a change of a cell is unacknowledged, later changes of that cell keep its base: what was pulled meanwhile lay
    hidden under the pending edit. A removal hides all that was in what it removed, so whoever brings an entry or a
    record back had not seen more than its remover. This must be written down before any of them is acknowledged or
    parked.
    """
    seen: dict[str, int] = {}
    removed: int | None = None
    result: list[Change] = []
    for change in pending:
        record_base = change.base if removed is None else min(removed, change.base)
        bases = {cell: min(seen.get(cell, record_base), change.base_of(cell)) for cell in _touched(change, seen)}
        removed = bases[EXISTS] if change.operation is Operation.DELETE else None
        kept = {cell: base for cell, base in bases.items() if base < change.base}
        result.append(change._replace(bases={**change.bases, **kept}))
        for cell, base in bases.items():
            seen.setdefault(cell, base)
    return result


def _touched(change: Change, seen: Mapping[str, int]) -> set[str]:
    """Every cell that the change writes or, by removing what holds it, writes off; and its record's existence."""
    if change.operation is Operation.DELETE:
        return {*seen, EXISTS}
    removed = [entry_of(cell) for cell, value in change.cells.items() if value is False]
    maps = change.table.maps_by_name
    inside = {prefix + name for prefix in removed for name in maps[prefix.split("/")[0]].cells}
    return {*change.cells, *inside, EXISTS}


# --- after a restore -----------------------------------------------------------------------------------------------


def rebase_after_restore(
    change: Change, kept: int, taken: int | None = None, is_whole: bool = False, earliest: int = 0
) -> Change:
    """The change for a server that is only up to ``kept`` what it was: its writer had seen no more than that there.

    Its time then has to say what its bases say no more: it is later than whatever its writer had seen. What the server
    had ``taken`` at this seq gets no later time than that, and just that time where nothing stood against it
    (``is_whole``): so that what comes again from several devices falls into the order that it had. ``earliest`` is the
    time of this device's change before it. Of a deletion the time says only what its writer had seen.
    """
    seen = max(change.base, *change.bases.values()) if change.bases else change.base
    timestamp = change.timestamp
    if taken is not None:
        timestamp = taken // 1000 if is_whole else min(timestamp, taken // 1000)
    elif change.operation is Operation.DELETE and seen:
        timestamp = min(timestamp, seen // 1000 + 1)
    timestamp = max(timestamp, seen // 1000 + 1 if seen > kept else 0, earliest)
    bases = {cell: min(base, kept) for cell, base in change.bases.items()}
    return change._replace(base=min(change.base, kept), bases=bases, timestamp=timestamp)


FIRST = ""
"""In ``seen``: the row by which a record was first seen. It stands for the cells that are not named."""


def update_first_seen(
    seen: Mapping[str, int], before: Mapping[str, Value], before_seq: int, cells: Mapping[str, Value], seq: int
) -> dict[str, int]:
    """By which row (its seq) each value of a record was first seen, once the row ``seq`` with these cells came.

    ``seen`` says it of the row before, of this seq and with these cells: empty where that was the first one.
    """
    if seen.get(FIRST, before_seq) == seq:
        return {}
    changed = [cell for cell in {**before, **cells} if not same(before.get(cell), cells.get(cell))]
    return {FIRST: before_seq, **seen, **dict.fromkeys(changed, seq)}


class TimedPart(NamedTuple):
    """What a row holds since one time. ``time`` is the seq of the row by which its cells were first seen.

    Parts are sent in the order of their ``place``; of one place the less deep first, and of those the older.
    """

    place: int
    depth: int
    time: int


def split_by_time(table: Table, patch: Patch, seen: Mapping[str, int], seq: int) -> list[tuple[TimedPart, Cells]]:
    """The parts of the patch of a row of this seq, one per time at which its values were first seen, the oldest first.

    Only what a new record or entry must have comes before all else of it, though it may be younger. What is one value
    is not parted.
    """
    times = {cell: min(seen.get(cell, seen.get(FIRST, seq)), seq) for cell in patch.cells}
    together = table.composite_cells & times.keys()
    times |= dict.fromkeys(together, max((times[cell] for cell in together), default=seq))
    of_record = [name for name in table.required if name in times and patch.operation is Operation.INSERT]
    of_record += sorted(together.difference(of_record)) if together.intersection(of_record) else ()

    def part_of(cell: str) -> TimedPart:
        part = TimedPart(times[cell], 0, times[cell])
        entry = entry_of(cell)
        of_entry = table.maps_by_name[entry.partition("/")[0]].required if entry else ()
        needed = [*of_record, *(entry + name for name in of_entry if entry + name in times)]
        for first in () if cell in of_record else needed:
            if first != cell and part < (before := part_of(first)):
                part = TimedPart(before.place, before.depth + 1, times[cell])
        return part

    parts: dict[TimedPart, dict[str, Value]] = {}
    for cell, value in patch.cells.items():
        parts.setdefault(part_of(cell), {})[cell] = value
    return sorted(parts.items()) or [(TimedPart(seq, 0, seq), {})]


def patch_of_lost_row(
    held: Record, server_record: Record, taken: Sequence[Change], later: Sequence[Change]
) -> Patch | None:
    """What makes a record be on a restored server as this device held it; None where its own changes do.

    ``taken`` are those that ``held`` contains, ``later`` those on top of it; all of them are sent again. What is
    ``later`` is left alone: it says itself what its cells are to be.
    """
    if any(change.operation is Operation.DELETE for change in later):
        return None
    lines = [PendingLine(0, change) for change in taken]
    cells = visible_cells(server_record.cells, not server_record.deleted, lines, 0)
    have = server_record._replace(deleted=cells is None, cells=server_record.cells if cells is None else cells)
    patch = to_state(have, {**without_removed_entries(held.cells), EXISTS: not held.deleted})
    if patch is None or patch.operation is Operation.DELETE:
        return None if any(asserts(change) for change in later) else patch
    touched = {cell for change in later for cell in change.cells}
    together = held.table.composite_cells
    touched |= frozenset() if together.isdisjoint(touched) else together.difference(held.table.required)
    gone = {entry_of(cell) for change in later for cell, value in change.cells.items() if value is False}
    left = {cell: value for cell, value in patch.cells.items() if cell not in touched and entry_of(cell) not in gone}
    return Patch(patch.operation, left) if left else None


def unseen_cells(held: Record, came: Record) -> set[str]:
    """The cells of what came that are not as this device held them: others wrote to them since a server's restore."""
    cells = {cell for cell in {**held.cells, **came.cells} if not same(held.cells.get(cell), came.cells.get(cell))}
    return cells if held.deleted == came.deleted else {*cells, EXISTS}


def with_own_values_seen(pending: Sequence[Change], held: Cells, came: Record) -> list[Change] | None:
    """The pending changes of a record, in log order, where a row came that holds what they say; None where it does not.

    Nobody had answered to them, and yet another device sends them again to a restored server: under the time at which
    they came there, which may be long after the time at which they were typed. So their own times must not decide.
    Whoever typed these values, or over them, has seen them; of all else in the row (``held`` is what this device had of
    it before) he has seen no more than before.
    """
    views = [dict(held)]
    for change in pending:
        views.append({**views[-1], **change.cells})
    cells = {cell for view in (came.cells, views[-1]) for cell in view}
    own = {cell for cell in cells if any(same(view.get(cell), came.cells.get(cell)) for view in views)}
    if came.deleted or all(same(held.get(cell), came.cells.get(cell)) for cell in own):
        return None
    return [
        change._replace(base=came.seq, bases={cell: change.base_of(cell) for cell in cells - own})
        if change.base < came.seq
        else change
        for change in pending
    ]


# --- what goes out together ----------------------------------------------------------------------------------------


def split_into_batches(sizes: Sequence[int], changes_max: int, bytes_max: int) -> list[slice]:
    """Cut a queue of changes of these sizes into requests, in order. One that is too large alone goes alone."""
    cuts: list[slice] = []
    start = total = 0
    for index, size in enumerate(sizes):
        if index > start and (index - start == changes_max or total + size > bytes_max):
            cuts.append(slice(start, index))
            start, total = index, 0
        total += size
    return [*cuts, slice(start, len(sizes))] if sizes else []
