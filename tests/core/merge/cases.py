"""The words in which test_decide_values.py tells its cases, and how a case is played.

A case is about one contact. ``parent`` is the contact as every replica knew it, ``ours`` what other replicas did to it
since, ``theirs`` the change that comes now, from a replica that has seen the parent and nothing else. Times are what
the devices' clocks said: small numbers, and only their order matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core import POLICIES, Change, Create, Operation, Record, Write, decide
from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import parse_cells
from offbook.core.merge.decide import Decision, NoChange, Reject

CONTACT = str(UUID(int=7))
PARENT_SEQ = 10
GONE = "gone"
"""What shows of a deleted contact."""
NEVER = "never was"
"""What shows of a contact that the server has no record of."""

ADA: dict[str, Any] = {"name": "Ada"}
ADA_A: dict[str, Any] = {"name": "Ada", "phone": "a"}
CELL = {"kind": "phone", "label": "cell", "value": "1"}
BOAT = {"kind": "phone", "label": "boat", "value": "1"}
HOME = {"kind": "address", "value": "1 Elm, Rome", "street": "1 Elm", "city": "Rome"}
WITH_CELL: dict[str, Any] = {"name": "Ada", "details": {"k1": CELL}}
WITH_HOME: dict[str, Any] = {"name": "Ada", "details": {"k1": HOME}}
K1 = "details/k1/@exists"
REMOVED = {"k1": None}
FULL = {f"k{number}": {"kind": "phone"} for number in range(500)}
TEN_YEARS = 10 * 365 * 86_400_000

Data = Mapping[str, Any]


@dataclass(frozen=True)
class Typed:
    """One change as its case writes it. ``base`` None: what a replica knew that has seen the parent."""

    operation: Operation
    at: int
    data: Data
    by: str
    base: int | None
    bases: Mapping[str, int]


def insert(at: int = 5, by: str = "", base: int | None = 0, **data: Any) -> Typed:
    return Typed(Operation.INSERT, at, data, by, base, {})


def update(
    at: int = 5, by: str = "", base: int | None = None, bases: Mapping[str, int] | None = None, **data: Any
) -> Typed:
    return Typed(Operation.UPDATE, at, data, by, base, bases or {})


def delete(at: int = 5, by: str = "", base: int | None = None, bases: Mapping[str, int] | None = None) -> Typed:
    return Typed(Operation.DELETE, at, {}, by, base, bases or {})


@dataclass(frozen=True)
class Then:
    """What follows: the verdict, what shows, what lost to which replica, and what waits for a person."""

    verdict: str
    shows: Data | str
    beaten: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""


@dataclass(frozen=True)
class Case:
    name: str
    parent: Data | None
    ours: tuple[Typed, ...]
    theirs: Typed
    results: Mapping[str, Then]


def everywhere(then: Then) -> Mapping[str, Then]:
    """The same under every policy there is."""
    return dict.fromkeys(POLICIES, then)


def per(merge: Then, last_write_wins: Then, ask: Then) -> Mapping[str, Then]:
    return {"merge": merge, "last-write-wins": last_write_wins, "ask": ask}


def each_policy(cases: Iterable[Case]) -> list[Any]:
    """The parameters of a test of cases: one per case and policy that it speaks of."""
    return [pytest.param(case, policy, id=f"{case.name} [{policy}]") for case in cases for policy in case.results]


def make_change(typed: Typed, number: int, replica: str, parent_seq: int) -> Change:
    return Change(
        id=str(UUID(int=number)),
        table=CONTACTS,
        record_id=CONTACT,
        operation=typed.operation,
        replica=typed.by or replica,
        timestamp=typed.at,
        base=parent_seq if typed.base is None else typed.base,
        cells={} if typed.operation is Operation.DELETE else parse_cells(CONTACTS, typed.data, typed.operation),
        bases=typed.bases,
    )


def after(decision: Decision, record: Record | None) -> Record | None:
    """The record once the decision is carried out."""
    return decision.record if isinstance(decision, Create | Write) else record


def settle(case: Case, policy: str) -> tuple[Record | None, Decision]:
    """Play a case: the record as ``ours`` left it, and the decision about ``theirs``."""
    record = None
    history = [] if case.parent is None else [make_change(insert(0, **case.parent), 1, "first", 0)]
    seq = PARENT_SEQ
    parent_seq = 0 if case.parent is None else PARENT_SEQ
    history += [make_change(one, 2 + index, "ours", parent_seq) for index, one in enumerate(case.ours)]
    for change in history:
        record = after(decide(record, change, policy, seq), record)
        seq += 1
    return record, decide(record, make_change(case.theirs, 100, "theirs", parent_seq), policy, seq)


def outcome(record: Record | None, decision: Decision) -> Then:
    """A decision in the words of a case."""
    shows = seen(after(decision, record))
    match decision:
        case Create():
            return Then("applied", shows)
        case Write(verdict=verdict, discarded=discarded, deferred=deferred) | NoChange(verdict, discarded, deferred):
            lost = {write.cell: (write.value, write.winner.replica) for write in discarded}
            return Then(verdict.value, shows, lost, {write.cell: write.value for write in deferred})
        case Reject(fault):
            return Then("rejected", shows, code=fault.code)


def seen(record: Record | None) -> Data | str:
    """What a person sees of a record: what is empty left out."""
    if record is None:
        return NEVER
    if record.deleted:
        return GONE
    return {
        name: value for name, value in with_all_fields(CONTACTS, record.cells).items() if value not in (None, False, {})
    }
