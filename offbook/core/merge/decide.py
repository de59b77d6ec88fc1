"""decide(): what one change does to one record. The table of cases is tests/core/merge/test_decide_*.py.

A change replaces every cell that it is not concurrent with, whatever the clocks say: its writer had seen what it
replaced. A cell is concurrent with a change when another replica wrote it after the change's base for it, whoever wrote
it last: a replica's own edit does not make it see what it was concurrent with. Only then the book's policy is called.
Existence is a cell like any other: DELETE writes False to the record's, removing an entry writes False to the entry's,
and whatever edits a record or an entry asserts that it exists.

Nothing here reads a clock or a database; ``change.timestamp`` is already clamped to the server's now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from offbook.core.merge.policies import POLICIES, MergeContext, Resolution
from offbook.core.merge.record_size import too_large
from offbook.core.merge.retention import is_purged
from offbook.core.messages import LONG_DELETED, MISSING_IN_ENTRY, NEVER_OR_LONG_DELETED, TOO_MANY_ENTRIES, Fault
from offbook.core.model import NO_CLOCKS, Change, Clock, DiscardedWrite, Operation, Record, Value, Verdict
from offbook.core.schema import EXISTS, entry_of

ENTRY_EXISTS = f"/{EXISTS}"

RESTORE = "restore"
"""The rule by which a change loses that a restored server gets for its history alone."""


class Create(NamedTuple):
    """The record is new."""

    record: Record


class Write(NamedTuple):
    """The record changes. ``before`` holds the values that it had in the cells written.

    ``discarded`` are the writes that lost, ``deferred`` those that wait for a person. ``revives`` says that the record,
    or an entry, is there again.
    """

    verdict: Verdict
    record: Record
    before: Mapping[str, Value]
    discarded: tuple[DiscardedWrite, ...]
    deferred: tuple[DiscardedWrite, ...]
    revives: bool


class NoChange(NamedTuple):
    """The record stays as it is: the change agrees with it, has lost, or waits for a person."""

    verdict: Verdict
    discarded: tuple[DiscardedWrite, ...] = ()
    deferred: tuple[DiscardedWrite, ...] = ()


class Reject(NamedTuple):
    """The change can't be applied."""

    fault: Fault


Decision = Create | Write | NoChange | Reject


def decide(
    record: Record | None, change: Change, policy: str, seq: int, lost_entries: Mapping[str, Clock] = NO_CLOCKS
) -> Decision:
    """What ``change`` does to ``record`` (None: never was, or pruned); ``seq`` is the one it takes if it writes.

    ``lost_entries`` are the entries (by their existence's cell) that the same replica added in vain, each with the
    write that won over the adding.
    """
    if record is None:
        return _without_record(change, seq)
    return (
        _too_late(record, change)
        or _behind_a_lost_entry(record, change, policy, lost_entries)
        or _incomplete(record.cells, change)
        or _too_large(record.cells, change)
        or _merge_concurrent(record, change, policy, seq)
    )


def _without_record(change: Change, seq: int) -> Decision:
    match change.operation:
        case Operation.INSERT:
            cells = {cell: value for cell, value in change.cells.items() if value is not None and value is not False}
            record = Record(change.table, change.record_id, seq, False, cells, clock_of(change, seq), {})
            return _incomplete({}, change) or _too_large({}, change) or Create(record)
        case Operation.DELETE:
            return NoChange(Verdict.APPLIED)
        case Operation.UPDATE:
            return Reject(NEVER_OR_LONG_DELETED.fault())


def for_history(record: Record | None, change: Change) -> NoChange:
    """The decision about a change that is only to be in the history: all of its writes are discarded."""
    writes = {} if record is None or change.operation is Operation.DELETE else _writes(record, change)
    discarded = (DiscardedWrite(cell, value, record.clock(cell), RESTORE) for cell, value in writes.items() if record)
    return NoChange(Verdict.SUPERSEDED, tuple(discarded))


def _too_late(record: Record, change: Change) -> Reject | None:
    """An edit that would bring back a purged tombstone, and does not say itself what a record must have."""
    if not is_purged(record) or not asserts(change) or _needed(record).keys() <= change.cells.keys():
        return None
    return Reject(LONG_DELETED.fault())


def _behind_a_lost_entry(
    record: Record, change: Change, policy: str, lost_entries: Mapping[str, Clock]
) -> NoChange | None:
    """An edit of an entry that is not in the record because its adding lost: the edit is lost with it."""
    lost = [cell for cell in _incomplete_entries(record.cells, change) if cell in lost_entries] if lost_entries else []
    if not lost:
        return None
    writes = _writes(record, change).items()
    return NoChange(
        Verdict.SUPERSEDED, tuple(DiscardedWrite(name, value, lost_entries[lost[0]], policy) for name, value in writes)
    )


def _needed(record: Record) -> dict[str, Resolution]:
    """What a purged tombstone lacks to live: it is accepted whenever the record comes back."""
    return {name: Resolution.ACCEPT for name in record.table.required if record.cells.get(name) is None}


def _merge_concurrent(record: Record, change: Change, policy: str, seq: int) -> Decision:
    writes = _writes(record, change)
    concurrent = concurrent_cells(record, change)
    if not concurrent:
        return _write(record, change, writes, seq, Verdict.APPLIED, (), ()) if writes else NoChange(Verdict.APPLIED)
    competing_cells = _competing_cells(record, change, writes, concurrent)
    context = MergeContext(record, change, writes, competing_cells, concurrent)
    resolutions = POLICIES[policy](context)
    if is_purged(record) and resolutions.get(EXISTS, Resolution.ACCEPT) is Resolution.ACCEPT:
        resolutions = {**resolutions, **_needed(record)}  # whatever a policy says: no record lives without these
    return _apply_resolutions(context, resolutions, policy, seq)


def _apply_resolutions(
    context: MergeContext, resolutions: Mapping[str, Resolution], policy: str, seq: int
) -> Write | NoChange:
    accepted = {
        cell: value
        for cell, value in context.writes.items()
        if resolutions.get(cell, Resolution.ACCEPT) is Resolution.ACCEPT
    }
    discarded = _discarded_writes(context, resolutions, Resolution.DISCARD, policy)
    deferred = _one_of_composite(context, _discarded_writes(context, resolutions, Resolution.DEFER, policy))
    if deferred:
        verdict = Verdict.CONFLICT
    elif discarded and not accepted:
        verdict = Verdict.SUPERSEDED
    else:
        verdict = Verdict.MERGED
    if not accepted:
        return NoChange(verdict, discarded, deferred)
    return _write(context.record, context.change, accepted, seq, verdict, discarded, deferred)


def _discarded_writes(
    context: MergeContext, resolutions: Mapping[str, Resolution], resolution: Resolution, policy: str
) -> tuple[DiscardedWrite, ...]:
    """The writes with this resolution, each with the competing write that won."""
    return tuple(
        DiscardedWrite(cell, value, context.latest(context.competing_cells.get(cell, context.concurrent)), policy)
        for cell, value in context.writes.items()
        if resolutions.get(cell) is resolution
    )


def _one_of_composite(context: MergeContext, deferred: tuple[DiscardedWrite, ...]) -> tuple[DiscardedWrite, ...]:
    """What waits for a person, who decides about what is one value once: about the whole of it, if that differs."""
    composite = context.record.table.composite
    if composite is None:
        return deferred
    have = context.record.cells.get
    waiting = {write.cell for write in deferred if have(write.cell) != write.value}
    first_waiting = next((cell for cell in composite.cells if cell in waiting), None)
    return tuple(write for write in deferred if write.cell not in composite.cells or write.cell == first_waiting)


def _writes(record: Record, change: Change) -> dict[str, Value]:
    """The cells that the change would alter. Equal values are no write: they never conflict.

    What is one value is written as a whole where any of it differs, so that all of it has one clock.
    """
    if change.operation is Operation.DELETE:
        return {} if record.deleted else {EXISTS: False}
    have = record.cells.get
    writes = {
        cell: value
        for cell, value in change.cells.items()
        if have(cell) != value and not (value is False and have(cell) is None)
    }
    together = change.table.composite_cells
    if together and not together.isdisjoint(writes):
        writes = {cell: value for cell, value in change.cells.items() if cell in writes or cell in together}
    if record.deleted and asserts(change):
        writes[EXISTS] = True
    return writes


def asserts(change: Change) -> bool:
    """Whether the change says that its record exists: every edit does, save one that only removes entries."""
    if change.operation is Operation.UPDATE:
        return any(value is not False for value in change.cells.values())
    return change.operation is Operation.INSERT


def concurrent_cells(record: Record, change: Change) -> dict[str, Clock]:
    """The record's cells that another replica wrote after the change's base, each with the latest such write."""
    if record.seq <= change.base and not change.bases:
        return {}
    written = record.clocks.keys() | record.cells.keys() | {EXISTS}
    unseen = ((cell, _unseen_write(record, cell, change)) for cell in sorted(written))
    return {cell: write for cell, write in unseen if write is not None}


def _unseen_write(record: Record, cell: str, change: Change) -> Clock | None:
    """The latest write of the cell by another replica than the change's, if it is newer than the change's base."""
    last = record.clock(cell)
    write = last if last.replica != change.replica else record.others.get(cell)
    return write if write is not None and write.seq > change.base_of(cell) else None


def _competing_cells(
    record: Record, change: Change, writes: Mapping[str, Value], concurrent: Mapping[str, Clock]
) -> dict[str, tuple[str, ...]]:
    """Per contested write the concurrent cells against it. Removals compete with nothing.

    A value that the change's own replica wrote last is not contested: that write has won over the others already.
    """
    contested: dict[str, tuple[str, ...]] = {}
    of_others = {cell for cell in concurrent if record.clock(cell).replica != change.replica}
    together = _competing_composite(record, change, concurrent)
    removals = {cell for cell in of_others if is_removed(record, cell)}
    for cell, value in writes.items():
        if value is False:
            inside = entry_of(cell)
            if edits := tuple(edit for edit in concurrent if edit.startswith(inside) and edit not in removals):
                contested[cell] = edits
        elif cell in change.table.composite_cells:
            contested.update({cell: together} if together else {})
        elif cell in of_others:
            contested[cell] = (cell,)
    return contested


def has_unseen_composite(record: Record, change: Change) -> bool:
    """Whether another replica wrote to what is one value, which the change's writer had not seen."""
    return bool(_competing_composite(record, change, concurrent_cells(record, change)))


def _competing_composite(record: Record, change: Change, concurrent: Mapping[str, Clock]) -> tuple[str, ...]:
    """The concurrent cells of what is one value: none where the change's own replica wrote to it last."""
    cells = [cell for cell in change.table.composite_cells if cell in concurrent]
    written = [clock for cell in change.table.composite_cells if (clock := last_write(record, cell)) is not None]
    is_own = bool(cells) and max(written).replica == change.replica
    return () if is_own else tuple(sorted(cells))


def is_removed(record: Record, cell: str) -> bool:
    """Whether the cell is an existence, and says that its record or entry is gone."""
    return record.deleted if cell == EXISTS else record.cells.get(cell) is False


def _write(
    record: Record,
    change: Change,
    accepted: Mapping[str, Value],
    seq: int,
    verdict: Verdict,
    discarded: tuple[DiscardedWrite, ...],
    deferred: tuple[DiscardedWrite, ...],
) -> Write:
    before = {cell: (not record.deleted if cell == EXISTS else record.cells.get(cell)) for cell in accepted}
    cells = {**record.cells, **accepted}
    exists = cells.pop(EXISTS, not record.deleted)
    after = Record(
        record.table,
        record.id,
        seq,
        not exists,
        {cell: value for cell, value in cells.items() if value is not None},
        record.created,
        {**record.clocks, **{cell: clock_of(change, seq, last_write(record, cell)) for cell in accepted}},
        _other_writes(record, change, accepted),
    )
    revives = any(value is True and cell.endswith(EXISTS) and before[cell] is False for cell, value in accepted.items())
    return Write(verdict, after, before, discarded, deferred, revives)


def last_write(record: Record, cell: str) -> Clock | None:
    """The clock of a cell that somebody wrote; None of one that the record never had."""
    return record.clock(cell) if cell in record.clocks or cell in record.cells or cell == EXISTS else None


def _other_writes(record: Record, change: Change, accepted: Mapping[str, Value]) -> Mapping[str, Clock]:
    """Per cell the latest write by another replica than its last writer, once ``change`` wrote the cells ``accepted``.

    Of an overwritten removal that is the write before it: a removal competes with nothing, so nobody has to know of it.
    """
    others = dict(record.others)
    for cell in accepted:
        if (last := last_write(record, cell)) is None:
            continue
        if last.replica != change.replica and not is_removed(record, cell):
            others[cell] = last
        elif cell in others and others[cell].replica == change.replica:
            del others[cell]
    return others or NO_CLOCKS


def clock_of(change: Change, seq: int, replaced: Clock | None = None) -> Clock:
    """The clock of a cell that ``change`` writes: its time is never earlier than the one it replaces."""
    timestamp = change.timestamp if replaced is None else max(change.timestamp, replaced.timestamp)
    return Clock(seq, timestamp, change.id, change.replica)


def _incomplete(have: Mapping[str, Value], change: Change) -> Reject | None:
    """A new entry without what it must have, or one entry too many, on a record with the cells ``have``."""
    asserted = _asserted(change.cells)
    if not asserted:
        return None
    for cell, missing in _incomplete_entries(have, change).items():
        return Reject(MISSING_IN_ENTRY.fault(field=entry_of(cell) + missing))
    for map_ in change.table.maps:
        prefix = f"{map_.name}/"
        claimed = {cell for cell in asserted if cell.startswith(prefix)}
        standing = {cell for cell in _asserted(have) if cell.startswith(prefix)} if claimed else claimed
        if len(claimed) + len(standing) <= map_.entries_max:
            continue
        removed = {cell for cell, value in change.cells.items() if value is False}
        if claimed - standing and len((claimed | standing) - removed) > map_.entries_max:
            return Reject(TOO_MANY_ENTRIES.fault(field=map_.name, limit=map_.entries_max))
    return None


def _too_large(have: Mapping[str, Value], change: Change) -> Reject | None:
    """More than a record of the table may hold, with all that the change says."""
    fault = too_large(change.table, have, change.cells)
    return None if fault is None else Reject(fault)


def _incomplete_entries(have: Mapping[str, Value], change: Change) -> dict[str, str]:
    """The existence of each entry that the change asserts and that would lack what it must have; and what that is."""
    maps = change.table.maps_by_name
    return {
        cell: name
        for cell in sorted(_asserted(change.cells))
        if (entry := entry_of(cell))
        for name in maps[entry.partition("/")[0]].required
        if change.cells.get(entry + name, have.get(entry + name)) is None
    }


def _asserted(cells: Mapping[str, Value]) -> list[str]:
    """The existence of each entry that stands by these cells. A flag that is set is true as well."""
    return [cell for cell, value in cells.items() if value is True and cell.endswith(ENTRY_EXISTS)]
