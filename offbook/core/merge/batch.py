"""plan_batch(): a pushed batch and what it touches, in; all that the store must write and answer, out.

Whoever pushes reads (the book under its lock, the verdicts already recorded, the records by id), calls plan_batch, and
has the plan written in the same transaction. Nothing is decided anywhere else. Changes are taken in the order in which
they came, each on the records as the ones before it left them; every one gets a verdict, and a bad one never stops the
rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from offbook.core.merge.composite import CellsAt, completed_change, is_as_sent, nothing_known
from offbook.core.merge.decide import Create, Decision, NoChange, Reject, Write, decide, for_history
from offbook.core.messages import BASE_UNKNOWN, MISSING_IN_ENTRY, Fault
from offbook.core.model import (
    NO_CELLS,
    NO_CLOCKS,
    Cells,
    Change,
    Clock,
    Conflict,
    DiscardedWrite,
    Key,
    Record,
    Rejection,
    Verdict,
)
from offbook.core.schema import EXISTS


@dataclass(frozen=True, slots=True)
class BookState:
    """A book as its lock holder sees it. ``id`` is what the store calls it, ``uuid`` what the wire does.

    ``pruned`` is the seq up to which the history is forgotten.
    """

    id: int
    uuid: str
    policy: str
    epoch: str
    seq: int
    pruned: int


NO_CONFLICTS: Mapping[str, Key] = MappingProxyType({})


class RecordedVerdict(NamedTuple):
    """The verdict that a change was given before."""

    verdict: Verdict
    seq: int | None
    fault: Fault | None = None


class LoggedChange(NamedTuple):
    """A change as the history keeps it; of a rejected one (``change`` is None) only what the verdict needs.

    ``before`` holds the values that it replaced, by cell.
    """

    change_id: str
    verdict: Verdict
    seq: int | None = None
    change: Change | None = None
    before: Cells = NO_CELLS
    discarded: tuple[DiscardedWrite, ...] = ()
    fault: Fault | None = None


class Outcome(NamedTuple):
    """The answer to one change. ``key`` names its record, where ``shows_record`` says that the answer must have it."""

    change_id: str | None
    verdict: Verdict
    seq: int | None = None
    key: Key | None = None
    shows_record: bool = False
    fault: Fault | None = None


@dataclass(slots=True)
class Plan:
    """What to write and what to answer. ``records`` are all that the batch touched, as they end."""

    seq: int
    records: dict[Key, Record]
    outcomes: list[Outcome] = field(default_factory=list)
    history: list[LoggedChange] = field(default_factory=list)
    created: dict[Key, None] = field(default_factory=dict)
    written: dict[Key, None] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    closed: dict[str, LoggedChange] = field(default_factory=dict)
    """The conflicts that were resolved, by id, each with the change that did."""
    lost_entries: dict[tuple[Key, str], dict[str, Clock]] = field(default_factory=dict)
    """By record and replica: the entries that the replica added in vain, with the write that won over the adding."""

    def open_conflicts(self) -> list[Conflict]:
        """The conflicts that it leaves open: of several about one cell, from one replica, the last."""
        places = {(*conflict.key, conflict.cell, conflict.replica): conflict for conflict in self.conflicts}
        return list(places.values())

    def store(self, record: Record, is_new: bool = False) -> None:
        """Note that a record is to be written as this."""
        key = record.key
        self.records[key] = record
        if is_new:
            self.created[key] = None
        elif key not in self.created:
            self.written[key] = None

    def note_lost_entries(self, key: Key, replica: str, discarded: Sequence[DiscardedWrite]) -> None:
        """Note which of these writes by a replica would have added an entry to the record."""
        added = (write for write in discarded if write.value is True and write.cell.endswith(f"/{EXISTS}"))
        lost = {write.cell: write.winner for write in added}
        if lost:
            self.lost_entries.setdefault((key, replica), {}).update(lost)


def plan_batch(
    book: BookState,
    records: Mapping[Key, Record],
    recorded_verdicts: Mapping[str, RecordedVerdict],
    batch: Sequence[Change | Rejection],
    now_us: int,
    open_conflicts: Mapping[str, Key] = NO_CONFLICTS,
    discarded_before: Iterable[tuple[Key, str, Sequence[DiscardedWrite]]] = (),
    cells_at: CellsAt = nothing_known,
) -> Plan:
    """Decide a whole batch. ``records`` holds those of its records that exist.

    ``recorded_verdicts`` are those of its changes that came before. ``open_conflicts`` are those that the batch names,
    with their records: others are resolved already. ``discarded_before`` are writes that lost before this batch, by
    record and replica: needed for the records that ``incomplete`` names. ``cells_at`` tells what a record was before
    the batch, at an earlier seq: it is called only where a change writes a part of a value that others wrote meanwhile.
    """
    plan = Plan(book.seq, dict(records))
    for key, replica, discarded in discarded_before:
        plan.note_lost_entries(key, replica, discarded)
    verdicts: dict[str, RecordedVerdict | LoggedChange] = dict(recorded_verdicts)
    for item in batch:
        if (recorded := verdicts.get(item.id or "")) is not None:
            # The same change once more: the same verdict, with the record as it is now.
            has_key = item.key is not None
            plan.outcomes.append(Outcome(item.id, recorded.verdict, recorded.seq, item.key, has_key, recorded.fault))
            continue
        if isinstance(item, Change):
            logged: LoggedChange | None = _plan_change(plan, item, book, now_us, open_conflicts, cells_at)
        else:
            logged = _plan_rejection(plan, item)
        if logged is not None:
            plan.history.append(logged)
            verdicts[logged.change_id] = logged
    return plan


def incomplete(plan: Plan) -> set[Key]:
    """The records of edits that were rejected since their entry lacks what it must have: its adding may have lost."""
    faults = [(outcome.key, outcome.fault) for outcome in plan.outcomes if outcome.fault is not None]
    return {key for key, fault in faults if fault.code == MISSING_IN_ENTRY.code and key in plan.records}


def next_seq(last: int, now_us: int) -> int:
    """The book's next seq: the time, pushed forward so that it never repeats or goes back."""
    return max(last + 1, now_us)


def _plan_rejection(plan: Plan, rejection: Rejection) -> LoggedChange | None:
    has_key = rejection.key is not None
    plan.outcomes.append(Outcome(rejection.id, Verdict.REJECTED, None, rejection.key, has_key, rejection.fault))
    return None if rejection.id is None else LoggedChange(rejection.id, Verdict.REJECTED, fault=rejection.fault)


def _plan_change(
    plan: Plan,
    sent: Change,
    book: BookState,
    now_us: int,
    open_conflicts: Mapping[str, Key],
    cells_at: CellsAt,
) -> LoggedChange:
    """Decide one change on the records as they stand, and write down what follows."""
    key, seq = sent.key, next_seq(plan.seq, now_us)
    record = plan.records.get(key)
    change = completed_change(sent, record, cells_at)
    conflict_ids = () if change.history else change.resolves
    resolved = [id_ for id_ in conflict_ids if open_conflicts.get(id_) == key and id_ not in plan.closed]
    if change.timestamp > now_us // 1000:
        change = change._replace(timestamp=now_us // 1000)
    decision = _decide(plan, change, change.table.policy or book.policy, seq)
    logged = _apply_decision(plan, change, decision, seq, bool(resolved))
    if logged.discarded:
        plan.note_lost_entries(key, change.replica, logged.discarded)
    if resolved and not isinstance(decision, Reject):
        plan.closed.update(dict.fromkeys(resolved, logged))
    plan.seq = logged.seq or plan.seq
    shows_record = _is_not_as_sent(change, decision) or not is_as_sent(sent, change, record)
    answered_seq = None if change.history else logged.seq  # no row that its device gets ever has that seq
    plan.outcomes.append(Outcome(change.id, logged.verdict, answered_seq, key, shows_record, logged.fault))
    return logged


def _decide(plan: Plan, change: Change, policy: str, seq: int) -> Decision:
    key = change.key
    record = plan.records.get(key)
    if change.history:
        return for_history(record, change)
    newest = max(change.base, *change.bases.values()) if change.bases else change.base
    if newest > plan.seq:  # a base that this book never gave out would make its change win over everything to come
        return Reject(BASE_UNKNOWN.fault(base=newest))
    lost_entries = plan.lost_entries.get((key, change.replica), NO_CLOCKS)
    return decide(record, change, policy, seq, lost_entries)


def _apply_decision(plan: Plan, change: Change, decision: Decision, seq: int, resolves: bool) -> LoggedChange:
    """Take over what was decided; what the history keeps of it."""
    match decision:
        case Create(record):
            plan.store(record, is_new=True)
            return LoggedChange(change.id, Verdict.APPLIED, seq, change)
        case Write(verdict, record, before, discarded, deferred):
            _open_conflicts(plan, change, deferred, seq)
            plan.store(record)
            return LoggedChange(change.id, verdict, seq, change, before, discarded)
        case NoChange(verdict, discarded, deferred):
            _open_conflicts(plan, change, deferred, seq)
            goes_out_again = bool(deferred) or resolves
            if goes_out_again and (kept := plan.records.get(change.key)) is not None:
                # The row goes out again as it is: its sender shows its own edit until one of this seq comes.
                plan.store(kept._replace(seq=seq))
            # What has lost is in the history alone: by the seq a device notices where that was restored without it.
            takes_seq = goes_out_again or verdict is Verdict.SUPERSEDED
            return LoggedChange(change.id, verdict, seq if takes_seq else None, change, discarded=discarded)
        case Reject(fault):
            return LoggedChange(change.id, Verdict.REJECTED, fault=fault)


def _is_not_as_sent(change: Change, decision: Decision) -> bool:
    """Whether the row is not what the device would expect from its own change."""
    if change.history:
        return False
    match decision:
        case Create():
            return False
        case Write(verdict=verdict, revives=revives):
            return verdict is not Verdict.APPLIED or revives or change.operation == "INSERT"
        case NoChange(verdict=verdict):
            return verdict is not Verdict.APPLIED or change.operation != "DELETE"
        case Reject():
            return True


def _open_conflicts(plan: Plan, change: Change, deferred: Iterable[DiscardedWrite], seq: int) -> None:
    """Open a conflict per cell that waits. A later one from the same replica on the same cell takes its place."""
    for write in deferred:
        record = plan.records[change.key]
        plan.conflicts.append(
            Conflict(
                id=str(uuid.uuid5(uuid.UUID(change.id), write.cell)),
                table=change.table,
                record_id=change.record_id,
                cell=write.cell,
                ours=not record.deleted if write.cell == EXISTS else record.cells.get(write.cell),
                theirs=write.value,
                base=change.base_of(write.cell),
                winner=write.winner,
                change_id=change.id,
                replica=change.replica,
                seq=seq,
            )
        )
