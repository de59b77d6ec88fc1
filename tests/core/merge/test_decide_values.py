"""The table of cases about values: what each policy makes of two edits that did not know of each other.

Read a case as: everybody knew ``parent``; others did ``ours``; now ``theirs`` arrives. cases.py has the words, and
test_decide_existence.py the cases in which something is deleted, removed or made.
"""

from __future__ import annotations

import pytest

from offbook.core import Operation, Write, decide
from offbook.core.merge.decide import NoChange, clock_of
from offbook.core.model import Clock
from offbook.core.schema import EXISTS
from tests.core.merge.cases import (
    ADA,
    ADA_A,
    BOAT,
    CELL,
    GONE,
    PARENT_SEQ,
    REMOVED,
    TEN_YEARS,
    WITH_CELL,
    Case,
    Data,
    Then,
    Typed,
    delete,
    each_policy,
    everywhere,
    insert,
    make_change,
    outcome,
    per,
    settle,
    update,
)

ALONE = [
    Case("a new contact", None, (), insert(**ADA), everywhere(Then("applied", ADA))),
    Case(
        "a new contact with an entry",
        None,
        (),
        insert(**WITH_CELL),
        everywhere(Then("applied", WITH_CELL)),
    ),
    Case("a cell is replaced", ADA_A, (), update(phone="b"), everywhere(Then("applied", {**ADA, "phone": "b"}))),
    Case("a cell is emptied", ADA_A, (), update(phone=""), everywhere(Then("applied", ADA))),
    Case("a cell is filled", ADA, (), update(phone="a"), everywhere(Then("applied", ADA_A))),
    Case("a contact is deleted", ADA_A, (), delete(), everywhere(Then("applied", GONE))),
    Case("an entry is added", ADA, (), update(details={"k1": CELL}), everywhere(Then("applied", WITH_CELL))),
    Case("an entry is removed", WITH_CELL, (), update(details=REMOVED), everywhere(Then("applied", ADA))),
    Case("an unknown entry is removed", ADA, (), update(details=REMOVED), everywhere(Then("applied", ADA))),
    Case(
        "one attribute of an entry is edited",
        WITH_CELL,
        (),
        update(details={"k1": {"label": "boat"}}),
        everywhere(Then("applied", {**ADA, "details": {"k1": BOAT}})),
    ),
    Case("what is there already is written", ADA_A, (), update(phone="a"), everywhere(Then("applied", ADA_A))),
    Case("nothing is written", ADA_A, (), update(), everywhere(Then("applied", ADA_A))),
]

SEEN = [
    Case(
        "what was seen is replaced though the clock says earlier",
        ADA_A,
        (update(50, phone="b"),),
        update(1, base=11, phone="c"),
        everywhere(Then("applied", {**ADA, "phone": "c"})),
    ),
    Case(
        "what was seen is replaced though its clock was ten years ahead",
        ADA_A,
        (update(TEN_YEARS, phone="b"),),
        update(1, base=11, phone="c"),
        everywhere(Then("applied", {**ADA, "phone": "c"})),
    ),
    Case(
        "what was seen is deleted though the clock says earlier",
        ADA_A,
        (update(50, phone="b"),),
        delete(1, base=11),
        everywhere(Then("applied", GONE)),
    ),
    Case(
        "one's own edit is replaced after the clock went back an hour",
        ADA,
        (update(50, by="theirs", phone="a"),),
        update(1, phone="b"),
        everywhere(Then("applied", {**ADA, "phone": "b"})),
    ),
    Case(
        "one's own edit is deleted after the clock went back an hour",
        ADA,
        (update(50, by="theirs", phone="a"),),
        delete(1),
        everywhere(Then("applied", GONE)),
    ),
    Case(
        "one's own delete is undone after the clock went back an hour",
        ADA,
        (delete(50, by="theirs"),),
        insert(1, base=PARENT_SEQ, **ADA),
        everywhere(Then("applied", ADA)),
    ),
    Case(
        "what lay hidden under a pending edit was not seen, and is older",
        ADA,
        (update(5, phone="e"),),
        update(9, base=11, bases={"phone": PARENT_SEQ}, phone="c"),
        per(
            Then("merged", {**ADA, "phone": "c"}),
            Then("merged", {**ADA, "phone": "c"}),
            Then("conflict", {**ADA, "phone": "e"}, asked={"phone": "c"}),
        ),
    ),
    Case(
        "what lay hidden under a pending edit was not seen, and is newer",
        ADA,
        (update(9, phone="e"),),
        update(5, base=11, bases={"phone": PARENT_SEQ}, phone="c"),
        per(
            Then("superseded", {**ADA, "phone": "e"}, {"phone": ("c", "ours")}),
            Then("superseded", {**ADA, "phone": "e"}, {"phone": ("c", "ours")}),
            Then("conflict", {**ADA, "phone": "e"}, asked={"phone": "c"}),
        ),
    ),
]

CELLS = [
    Case(
        "different cells, theirs later",
        ADA,
        (update(5, email="o"),),
        update(9, phone="t"),
        everywhere(Then("merged", {**ADA, "email": "o", "phone": "t"})),
    ),
    Case(
        "different cells, theirs earlier",
        ADA,
        (update(9, email="o"),),
        update(5, phone="t"),
        per(
            Then("merged", {**ADA, "email": "o", "phone": "t"}),
            Then("superseded", {**ADA, "email": "o"}, {"phone": ("t", "ours")}),
            Then("merged", {**ADA, "email": "o", "phone": "t"}),
        ),
    ),
    Case(
        "the same cell, theirs later",
        ADA_A,
        (update(5, phone="o"),),
        update(9, phone="t"),
        per(
            Then("merged", {**ADA, "phone": "t"}),
            Then("merged", {**ADA, "phone": "t"}),
            Then("conflict", {**ADA, "phone": "o"}, asked={"phone": "t"}),
        ),
    ),
    Case(
        "the same cell, theirs earlier",
        ADA_A,
        (update(9, phone="o"),),
        update(5, phone="t"),
        per(
            Then("superseded", {**ADA, "phone": "o"}, {"phone": ("t", "ours")}),
            Then("superseded", {**ADA, "phone": "o"}, {"phone": ("t", "ours")}),
            Then("conflict", {**ADA, "phone": "o"}, asked={"phone": "t"}),
        ),
    ),
    Case(
        "the same cell at the same time: the larger change id",
        ADA_A,
        (update(5, phone="o"),),
        update(5, phone="t"),
        per(
            Then("merged", {**ADA, "phone": "t"}),
            Then("merged", {**ADA, "phone": "t"}),
            Then("conflict", {**ADA, "phone": "o"}, asked={"phone": "t"}),
        ),
    ),
    Case(
        "a cell that one emptied and the other wrote",
        ADA_A,
        (update(9, phone=""),),
        update(5, phone="t"),
        per(
            Then("superseded", ADA, {"phone": ("t", "ours")}),
            Then("superseded", ADA, {"phone": ("t", "ours")}),
            Then("conflict", ADA, asked={"phone": "t"}),
        ),
    ),
    Case(
        "one cell of two is contested, theirs later",
        ADA_A,
        (update(5, phone="o"),),
        update(9, phone="t", email="t"),
        per(
            Then("merged", {**ADA, "phone": "t", "email": "t"}),
            Then("merged", {**ADA, "phone": "t", "email": "t"}),
            Then("conflict", {**ADA, "phone": "o", "email": "t"}, asked={"phone": "t"}),
        ),
    ),
    Case(
        "one cell of two is contested, theirs earlier",
        ADA_A,
        (update(9, phone="o"),),
        update(5, phone="t", email="t"),
        per(
            Then("merged", {**ADA, "phone": "o", "email": "t"}, {"phone": ("t", "ours")}),
            Then("superseded", {**ADA, "phone": "o"}, {"phone": ("t", "ours"), "email": ("t", "ours")}),
            Then("conflict", {**ADA, "phone": "o", "email": "t"}, asked={"phone": "t"}),
        ),
    ),
    Case(
        "both wrote the same value",
        ADA_A,
        (update(9, phone="x"),),
        update(5, phone="x"),
        everywhere(Then("merged", {**ADA, "phone": "x"})),
    ),
    Case(
        "a cell that went there and back, and what was there is written",
        ADA_A,
        (update(5, phone="x"), update(6, phone="a")),
        update(9, phone="a"),
        everywhere(Then("merged", ADA_A)),
    ),
    Case(
        "the later of two others is what counts for the whole record",
        ADA,
        (update(5, email="o"), update(9, by="third", company="o")),
        update(7, phone="t"),
        per(
            Then("merged", {**ADA, "email": "o", "company": "o", "phone": "t"}),
            Then("superseded", {**ADA, "email": "o", "company": "o"}, {"phone": ("t", "third")}),
            Then("merged", {**ADA, "email": "o", "company": "o", "phone": "t"}),
        ),
    ),
    Case(
        "a cell that was replaced keeps the later of both times",
        ADA_A,
        (update(9, phone="o"), update(1, by="third", base=11, phone="o2")),
        update(5, phone="t"),
        per(
            Then("superseded", {**ADA, "phone": "o2"}, {"phone": ("t", "third")}),
            Then("superseded", {**ADA, "phone": "o2"}, {"phone": ("t", "third")}),
            Then("conflict", {**ADA, "phone": "o2"}, asked={"phone": "t"}),
        ),
    ),
]

CASES = [*ALONE, *SEEN, *CELLS]


@pytest.mark.parametrize(("case", "policy"), each_policy(CASES))
def test_case(case: Case, policy: str) -> None:
    assert outcome(*settle(case, policy)) == case.results[policy]


def test_no_two_cases_have_the_same_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_a_write_keeps_what_was_there_before() -> None:
    case = Case("", ADA_A, (), update(phone="b", email="e"), {})
    _, decision = settle(case, "merge")
    assert isinstance(decision, Write)
    assert decision.before == {"phone": "a", "email": None}


def test_a_delete_keeps_that_the_record_was_there_and_all_of_its_cells() -> None:
    record, decision = settle(Case("", WITH_CELL, (), delete(), {}), "merge")
    assert isinstance(decision, Write)
    assert record is not None
    assert decision.before == {EXISTS: True}
    assert decision.record.cells == record.cells


@pytest.mark.parametrize(
    ("parent", "ours", "theirs", "revives"),
    [
        (ADA, delete(), update(phone="t"), True),
        (WITH_CELL, update(details=REMOVED), update(details={"k1": {"label": "boat"}}), True),
        (ADA, update(email="o"), update(details={"k1": CELL}), False),
        (ADA, update(email="o"), delete(base=11), False),
    ],
    ids=["a contact", "an entry", "a new entry is none", "a delete is none"],
)
def test_a_write_tells_whether_it_brings_something_back(
    parent: Data, ours: Typed, theirs: Typed, revives: bool
) -> None:
    _, decision = settle(Case("", parent, (ours,), theirs, {}), "merge")
    assert isinstance(decision, Write)
    assert decision.revives is revives


def test_a_cells_time_is_never_earlier_than_the_one_it_replaces() -> None:
    change = make_change(update(at=3, phone="b"), 9, "r", 0)
    assert clock_of(change, 20, Clock(11, 8, "old", "o")) == Clock(20, 8, change.id, "r")
    assert clock_of(change, 20, Clock(11, 2, "old", "o")).timestamp == 3


def test_only_the_cells_written_since_the_creation_have_clocks_of_their_own() -> None:
    record, decision = settle(Case("", ADA_A, (update(phone="b"),), update(base=11, email="e"), {}), "merge")
    assert isinstance(decision, Write)
    assert record is not None
    assert {cell: clock.seq for cell, clock in decision.record.clocks.items()} == {"phone": 11, "email": 12}
    assert decision.record.clock("name").seq == decision.record.created.seq == PARENT_SEQ


def test_a_change_without_bases_that_saw_the_newest_seq_is_concurrent_with_nothing() -> None:
    record, _ = settle(Case("", ADA_A, (update(9, phone="b"),), update(), {}), "ask")
    assert record is not None
    decision = decide(record, make_change(update(1, base=record.seq, phone="c"), 3, "theirs", 0), "ask", 30)
    assert isinstance(decision, Write)
    assert not decision.deferred


@pytest.mark.parametrize("operation", Operation)
def test_every_operation_has_a_case(operation: Operation) -> None:
    assert any(case.theirs.operation is operation for case in CASES)


def test_the_removal_of_an_entry_that_never_was_writes_nothing() -> None:
    _, decision = settle(Case("", ADA, (), update(details=REMOVED), {}), "merge")
    assert isinstance(decision, NoChange)
