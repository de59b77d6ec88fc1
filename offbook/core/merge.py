"""decide(): what one change does to one record. The table of cases is tests/core/test_merge*.py.

A change replaces every cell that it is not concurrent with, whatever the clocks say: its writer had seen what it
replaced. A cell is concurrent with a change when it is newer than the change's base for it and another replica wrote
it last. Only then the book's policy is asked. Existence is a cell like any other: DELETE writes False to the record's,
removing an entry writes False to the entry's, and whatever edits a record or an entry asserts that it exists.

Nothing here reads a clock or a database; ``change.timestamp`` is already clamped to the server's now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from offbook.core.changes import Beaten, Change, Clock, Operation, Record, Value, Verdict
from offbook.core.policies import POLICIES, Contest, Fate
from offbook.core.prune import is_bare
from offbook.core.tables import EXISTS, TABLES, entry_of


class Create(NamedTuple):
    """The record is new."""

    record: Record


class Write(NamedTuple):
    """The record changes. ``before`` holds the values it had in the cells written; ``asked`` the cells that wait."""

    verdict: Verdict
    record: Record
    before: Mapping[str, Value]
    beaten: tuple[Beaten, ...]
    asked: tuple[Beaten, ...]
    revives: bool


class Keep(NamedTuple):
    """The record stays as it is: the change agrees with it, has lost, or waits for a person."""

    verdict: Verdict
    beaten: tuple[Beaten, ...] = ()
    asked: tuple[Beaten, ...] = ()


class Reject(NamedTuple):
    """The change can't be applied."""

    code: str
    detail: str


Decision = Create | Write | Keep | Reject


def decide(record: Record | None, change: Change, policy: str, seq: int) -> Decision:
    """What ``change`` does to ``record`` (None: never was, or pruned); ``seq`` is the one it takes if it writes."""
    if record is None:
        return _without_record(change, seq)
    return _too_late(record, change) or _incomplete(record.cells, change) or _against(record, change, policy, seq)


def _without_record(change: Change, seq: int) -> Decision:
    match change.operation:
        case Operation.INSERT:
            cells = {cell: value for cell, value in change.cells.items() if value is not None and value is not False}
            record = Record(change.table, change.record_id, seq, False, cells, clock_of(change, seq), {})
            return _incomplete({}, change) or Create(record)
        case Operation.DELETE:
            return Keep(Verdict.APPLIED)
        case Operation.UPDATE:
            return Reject(
                "unknown_record", "There is no record with this id to update: it never was, or is long deleted."
            )


def _too_late(record: Record, change: Change) -> Reject | None:
    """An edit that would bring back a bare tombstone, and does not say itself what a record must have."""
    if not is_bare(record) or not asserts(change) or _needed(record).keys() <= change.cells.keys():
        return None
    return Reject("unknown_record", "This record is long deleted, and what it held is gone: add it again.")


def _needed(record: Record) -> dict[str, Fate]:
    """What a bare tombstone lacks to live: it is taken whenever the record comes back."""
    return {name: Fate.TAKE for name in TABLES[record.table].required if record.cells.get(name) is None}


def _against(record: Record, change: Change, policy: str, seq: int) -> Decision:
    wishes = _wishes(record, change)
    concurrent = concurrent_cells(record, change)
    if not concurrent:
        return _write(record, change, wishes, seq, Verdict.APPLIED, (), ()) if wishes else Keep(Verdict.APPLIED)
    contest = Contest(record, change, wishes, _rivals(record, wishes, concurrent), concurrent)
    fates = POLICIES[policy](contest)
    if is_bare(record) and fates.get(EXISTS, Fate.TAKE) is Fate.TAKE:
        fates = {**fates, **_needed(record)}  # whatever a policy says: no record lives without what it must have
    return _settle(contest, fates, policy, seq)


def _settle(contest: Contest, fates: Mapping[str, Fate], policy: str, seq: int) -> Decision:
    taken = {cell: value for cell, value in contest.wishes.items() if fates.get(cell, Fate.TAKE) is Fate.TAKE}
    beaten = _losers(contest, fates, Fate.LOSE, policy)
    asked = _losers(contest, fates, Fate.ASK, policy)
    if asked:
        verdict = Verdict.CONFLICT
    elif beaten and not taken:
        verdict = Verdict.SUPERSEDED
    else:
        verdict = Verdict.MERGED
    if not taken:
        return Keep(verdict, beaten, asked)
    return _write(contest.record, contest.change, taken, seq, verdict, beaten, asked)


def _losers(contest: Contest, fates: Mapping[str, Fate], fate: Fate, policy: str) -> tuple[Beaten, ...]:
    return tuple(
        Beaten(cell, value, contest.latest(contest.rivals.get(cell, contest.concurrent)), policy)
        for cell, value in contest.wishes.items()
        if fates.get(cell) is fate
    )


def _wishes(record: Record, change: Change) -> dict[str, Value]:
    """The cells that the change would alter. Equal values are no wish: they never conflict."""
    if change.operation is Operation.DELETE:
        return {} if record.deleted else {EXISTS: False}
    have = record.cells.get
    wishes = {
        cell: value
        for cell, value in change.cells.items()
        if have(cell) != value and not (value is False and have(cell) is None)
    }
    if record.deleted and asserts(change):
        wishes[EXISTS] = True
    return wishes


def asserts(change: Change) -> bool:
    """Whether the change says that its record exists: every edit does, save one that only removes entries."""
    if change.operation is Operation.UPDATE:
        return any(value is not False for value in change.cells.values())
    return change.operation is Operation.INSERT


def concurrent_cells(record: Record, change: Change) -> tuple[str, ...]:
    """The record's cells that the change's writer had not seen as they are, and did not write itself."""
    if record.seq <= change.base and not change.bases:
        return ()
    written = record.clocks.keys() | record.cells.keys() | {EXISTS}
    return tuple(sorted(cell for cell in written if _is_concurrent(record.clock(cell), change, cell)))


def _is_concurrent(clock: Clock, change: Change, cell: str) -> bool:
    return clock.seq > change.base_of(cell) and clock.replica != change.replica


def _rivals(record: Record, wishes: Mapping[str, Value], concurrent: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Per contested wish the concurrent cells against it. Removals do not fight: they are nobody's rival."""
    contested: dict[str, tuple[str, ...]] = {}
    unseen = frozenset(concurrent)
    for cell, value in wishes.items():
        if value is False:
            inside = entry_of(cell)
            edits = (rival for rival in concurrent if rival.startswith(inside) and not _is_removal(record, rival))
            if rivals := tuple(edits):
                contested[cell] = rivals
        elif cell in unseen:
            contested[cell] = (cell,)
    return contested


def _is_removal(record: Record, cell: str) -> bool:
    return record.deleted if cell == EXISTS else record.cells.get(cell) is False


def _write(
    record: Record,
    change: Change,
    taken: Mapping[str, Value],
    seq: int,
    verdict: Verdict,
    beaten: tuple[Beaten, ...],
    asked: tuple[Beaten, ...],
) -> Write:
    before = {cell: (not record.deleted if cell == EXISTS else record.cells.get(cell)) for cell in taken}
    cells = {**record.cells, **taken}
    exists = cells.pop(EXISTS, not record.deleted)
    after = Record(
        record.table,
        record.id,
        seq,
        not exists,
        {cell: value for cell, value in cells.items() if value is not None},
        record.created,
        {**record.clocks, **{cell: clock_of(change, seq, record.clock(cell)) for cell in taken}},
    )
    revives = any(value is True and cell.endswith(EXISTS) and before[cell] is False for cell, value in taken.items())
    return Write(verdict, after, before, beaten, asked, revives)


def clock_of(change: Change, seq: int, replaced: Clock | None = None) -> Clock:
    """The clock of a cell that ``change`` writes: its time is never earlier than the one it replaces."""
    timestamp = change.timestamp if replaced is None else max(change.timestamp, replaced.timestamp)
    return Clock(seq, timestamp, change.id, change.replica)


def _incomplete(have: Mapping[str, Value], change: Change) -> Reject | None:
    """A new entry without what it must have, or one entry too many, on a record with the cells ``have``."""
    asserted = [cell for cell, value in change.cells.items() if value is True]
    for map_ in TABLES[change.table].maps:
        prefix = f"{map_.name}/"
        claimed = {cell for cell in asserted if cell.startswith(prefix)}
        if not claimed:
            continue
        for cell in sorted(claimed):
            for name in map_.required:
                here = entry_of(cell) + name
                if change.cells.get(here, have.get(here)) is None:
                    return Reject("missing", f"{here} is needed for a new entry.")
        standing = {cell for cell, value in have.items() if value is True and cell.startswith(prefix)}
        removed = {cell for cell, value in change.cells.items() if value is False}
        if claimed - standing and len((claimed | standing) - removed) > map_.entries_max:
            return Reject("too_many_entries", f"{map_.name} holds {map_.entries_max} entries at the most.")
    return None
