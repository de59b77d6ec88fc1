"""plan_batch(): a pushed batch and what it touches, in; all that the store must write and answer, out.

The store reads (the book under its lock, the verdicts already given, the records by id), calls plan, and carries it
out in the same transaction. Nothing is decided anywhere else. Changes are taken in the order in which they came, each
on the records as the ones before it left them; every one gets a verdict, and a bad one never stops the rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from offbook.core.merge.decide import Create, Decision, NoChange, Reject, Write, decide, for_history
from offbook.core.messages import BASE_UNKNOWN, MISSING_IN_ENTRY, Fault
from offbook.core.model import (
    NO_CLOCKS,
    Change,
    Clock,
    Conflict,
    DiscardedWrite,
    Key,
    Record,
    Rejection,
    Value,
    Verdict,
)
from offbook.core.schema import EXISTS


@dataclass(frozen=True, slots=True)
class BookState:
    """A book as its lock holder sees it. ``id`` is what the store calls it, ``uuid`` what the wire does."""

    id: int
    uuid: str
    policy: str
    epoch: str
    seq: int
    pruned: int


NONE_BEFORE: Mapping[str, Value] = MappingProxyType({})
NO_CONFLICTS: Mapping[str, Key] = MappingProxyType({})


RecordKey = tuple[str, str, str, str]
"""Where there can be one open conflict: a cell of a record, and the replica that wants it changed."""


class RecordedVerdict(NamedTuple):
    """The verdict that a change was given before."""

    verdict: Verdict
    seq: int | None
    fault: Fault | None = None


class Entry(NamedTuple):
    """A change as the history keeps it; of a rejected one (``change`` is None) only what the verdict needs."""

    change_id: str
    verdict: Verdict
    seq: int | None = None
    change: Change | None = None
    before: Mapping[str, Value] = NONE_BEFORE
    beaten: tuple[DiscardedWrite, ...] = ()
    fault: Fault | None = None


class Outcome(NamedTuple):
    """The answer to one change. ``key`` names its record, where ``shown`` says that the answer must carry it."""

    change_id: str | None
    verdict: Verdict
    seq: int | None = None
    key: Key | None = None
    shown: bool = False
    fault: Fault | None = None


@dataclass(slots=True)
class Plan:
    """What to write and what to answer. ``records`` are all that the batch touched, as they end."""

    seq: int
    records: dict[Key, Record]
    outcomes: list[Outcome] = field(default_factory=list)
    history: list[Entry] = field(default_factory=list)
    created: dict[Key, None] = field(default_factory=dict)
    written: dict[Key, None] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    closed: dict[str, Entry] = field(default_factory=dict)
    """The conflicts that were settled, each with the change that did."""
    lost_entries: dict[tuple[Key, str], dict[str, Clock]] = field(default_factory=dict)
    """By record and replica: the entries that the replica added in vain, with the write that won over the adding."""

    def asked(self) -> list[Conflict]:
        """The conflicts that it leaves open: of several in one place the last."""
        places: dict[RecordKey, Conflict] = {(*one.key, one.cell, one.replica): one for one in self.conflicts}
        return list(places.values())


def plan_batch(
    book: BookState,
    records: Mapping[Key, Record],
    settled: Mapping[str, RecordedVerdict],
    batch: Sequence[Change | Rejection],
    now: int,
    waiting: Mapping[str, Key] = NO_CONFLICTS,
    past: Iterable[tuple[Key, str, Sequence[DiscardedWrite]]] = (),
) -> Plan:
    """Decide a whole batch. ``records`` holds those of its records that exist, ``now`` is in microseconds.

    ``waiting`` are the open conflicts that the batch names, with their records: others are settled already. ``past``
    are values that lost before this batch, by record and replica: needed for the records that ``incomplete`` names.
    """
    result = Plan(book.seq, dict(records))
    for key, replica, beaten in past:
        _note_lost_entries(result, key, replica, beaten)
    given: dict[str, RecordedVerdict | Entry] = dict(settled)
    for item in batch:
        answered = given.get(item.id or "")
        if answered is not None:
            result.outcomes.append(_repeat_verdict(item, answered))
            continue
        entry = _take(result, item, book, now, waiting) if isinstance(item, Change) else _refuse(result, item)
        if entry is not None:
            result.history.append(entry)
            given[entry.change_id] = entry
    return result


def incomplete(result: Plan) -> set[Key]:
    """The records of edits that were rejected since their entry lacks what it must have: its adding may have lost."""
    lacking = (one for one in result.outcomes if one.fault is not None and one.fault.code == MISSING_IN_ENTRY.code)
    return {outcome.key for outcome in lacking if outcome.key in result.records}


def next_seq(last: int, now: int) -> int:
    """The book's next seq: the time, pushed forward so that it never repeats or goes back."""
    return max(last + 1, now)


def _repeat_verdict(item: Change | Rejection, settled: RecordedVerdict | Entry) -> Outcome:
    """The same change once more: the same verdict, with the record as it is now."""
    shown = item.key is not None
    return Outcome(item.id, settled.verdict, settled.seq, item.key, shown, settled.fault)


def _refuse(result: Plan, rejection: Rejection) -> Entry | None:
    key, fault = rejection.key, rejection.fault
    result.outcomes.append(Outcome(rejection.id, Verdict.REJECTED, None, key, key is not None, fault))
    return None if rejection.id is None else Entry(rejection.id, Verdict.REJECTED, fault=fault)


def _take(result: Plan, change: Change, book: BookState, now: int, waiting: Mapping[str, Key]) -> Entry:
    """Decide one change on the records as they stand, and write down what follows."""
    key, seq = change.key, next_seq(result.seq, now)
    closes = _closed_by(result, change, waiting) if change.resolves and not change.history else []
    if change.timestamp > now // 1000:
        change = change._replace(timestamp=now // 1000)
    lost_entries = result.lost_entries.get((key, change.replica), NO_CLOCKS)
    if change.history:
        decision: Decision = for_history(result.records.get(key), change)
    else:
        decision = _unseen(change, result.seq) or decide(
            result.records.get(key), change, book.policy, seq, lost_entries
        )
    match decision:
        case Create(record):
            entry = Entry(change.id, Verdict.APPLIED, seq, change)
            result.created[key] = None
            result.records[key] = record
        case Write(verdict, record, before, beaten, asked):
            entry = Entry(change.id, verdict, seq, change, before, beaten)
            _open_conflicts(result, change, asked, seq)
            _store(result, key, record)
        case NoChange(verdict, beaten, asked):
            entry = Entry(change.id, verdict, seq if asked or closes else None, change, beaten=beaten)
            _open_conflicts(result, change, asked, seq)
            # The row goes out again as it is: its sender shows its own edit until one of this seq comes.
            if entry.seq is not None and key in result.records:
                _store(result, key, result.records[key]._replace(seq=seq))
        case Reject(fault):
            entry, closes = Entry(change.id, Verdict.REJECTED, fault=fault), []
    if entry.beaten:
        _note_lost_entries(result, key, change.replica, entry.beaten)
    if closes:
        result.closed.update(dict.fromkeys(closes, entry))
    result.seq = entry.seq or result.seq
    shown = _is_not_as_sent(change, decision)
    result.outcomes.append(Outcome(change.id, entry.verdict, entry.seq, key, shown, entry.fault))
    return entry


def _note_lost_entries(result: Plan, key: Key, replica: str, beaten: Sequence[DiscardedWrite]) -> None:
    lost = {value.cell: value.winner for value in beaten if value.value is True and value.cell != EXISTS}
    if lost:
        result.lost_entries.setdefault((key, replica), {}).update(lost)


def _closed_by(result: Plan, change: Change, waiting: Mapping[str, Key]) -> list[str]:
    """The conflicts of its record that the change settles."""
    return [one for one in change.resolves if waiting.get(one) == change.key and one not in result.closed]


def _unseen(change: Change, seq: int) -> Reject | None:
    """A base that this book never gave out would make its change win over everything to come."""
    newest = max(change.base, *change.bases.values()) if change.bases else change.base
    return Reject(BASE_UNKNOWN.fault(base=newest)) if newest > seq else None


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


def _store(result: Plan, key: Key, record: Record) -> None:
    result.records[key] = record
    if key not in result.created:
        result.written[key] = None


def _open_conflicts(result: Plan, change: Change, asked: tuple[DiscardedWrite, ...], seq: int) -> None:
    """Open a conflict per cell that waits. A later one from the same replica on the same cell takes its place."""
    for one in asked:
        record = result.records[change.key]
        result.conflicts.append(
            Conflict(
                id=str(uuid.uuid5(uuid.UUID(change.id), one.cell)),
                table=change.table,
                record_id=change.record_id,
                cell=one.cell,
                ours=not record.deleted if one.cell == EXISTS else record.cells.get(one.cell),
                theirs=one.value,
                base=change.base_of(one.cell),
                winner=one.winner,
                change_id=change.id,
                replica=change.replica,
                seq=seq,
            )
        )
