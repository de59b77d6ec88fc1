"""The table of cases about edits that lie hidden under an own one: a replica's own edit lets it see nothing.

Read as test_decide_values.py. ``by="theirs"`` is an earlier change by the replica whose change comes now.
"""

from __future__ import annotations

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.merge.decide import concurrent_cells
from offbook.core.model import Clock, Record
from offbook.core.schema import EXISTS
from tests.core.merge.cases import (
    ADA,
    ADA_A,
    CELL,
    GONE,
    K1,
    PARENT_SEQ,
    REMOVED,
    WITH_CELL,
    Case,
    Then,
    after,
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

LABEL_O = {"k1": {"label": "o"}}
LABEL_T = {"k1": {"label": "t"}}
WITH_LABEL_O = {"name": "Ada", "details": {"k1": {**CELL, "label": "o"}}}
WITH_LABEL_T = {"name": "Ada", "details": {"k1": {**CELL, "label": "t"}}}

CASES = [
    Case(
        "an edit, another's over it that had not seen it, and a delete",
        ADA_A,
        (update(3, phone="o"), update(8, by="theirs", phone="t")),
        delete(9),
        per(
            Then("superseded", {**ADA, "phone": "t"}, {EXISTS: (False, "ours")}),
            Then("merged", GONE),
            Then("conflict", {**ADA, "phone": "o"}, asked={EXISTS: False}),
        ),
    ),
    Case(
        "the same where the edit is the later one",
        ADA_A,
        (update(8, phone="o"), update(3, by="theirs", phone="t")),
        delete(5),
        per(
            Then("superseded", {**ADA, "phone": "o"}, {EXISTS: (False, "ours")}),
            Then("superseded", {**ADA, "phone": "o"}, {EXISTS: (False, "ours")}),
            Then("conflict", {**ADA, "phone": "o"}, asked={EXISTS: False}),
        ),
    ),
    Case(
        "the edit lies two own edits back",
        ADA_A,
        (update(3, phone="o"), update(7, by="theirs", phone="t"), update(8, by="theirs", phone="t2")),
        delete(9),
        {"merge": Then("superseded", {**ADA, "phone": "t2"}, {EXISTS: (False, "ours")})},
    ),
    Case(
        "another replica's edit lies between",
        ADA_A,
        (update(3, by="theirs", phone="t"), update(5, phone="o"), update(7, by="third", base=12, phone="third")),
        delete(9),
        {"merge": Then("superseded", {**ADA, "phone": "third"}, {EXISTS: (False, "third")})},
    ),
    Case(
        "what was edited was seen before the delete",
        ADA_A,
        (update(3, phone="o"), update(8, by="theirs", phone="t")),
        delete(9, base=11),
        everywhere(Then("applied", GONE)),
    ),
    Case(
        "an entry's edit, another's over it that had not seen it, and the entry's removal",
        WITH_CELL,
        (update(3, details=LABEL_O), update(8, by="theirs", details=LABEL_T)),
        update(9, details=REMOVED),
        per(
            Then("superseded", WITH_LABEL_T, {K1: (False, "ours")}),
            Then("merged", ADA),
            Then("conflict", WITH_LABEL_O, asked={K1: False}),
        ),
    ),
    Case(
        "an entry's edit, another's over it that had not seen it, and a delete",
        WITH_CELL,
        (update(3, details=LABEL_O), update(8, by="theirs", details=LABEL_T)),
        delete(9),
        per(
            Then("superseded", WITH_LABEL_T, {EXISTS: (False, "ours")}),
            Then("merged", GONE),
            Then("conflict", WITH_LABEL_O, asked={EXISTS: False}),
        ),
    ),
    Case(
        "both add an entry under one key, and one removes it",
        ADA,
        (update(3, details={"k1": CELL}), update(8, by="theirs", details={"k1": {**CELL, "value": "2"}})),
        update(9, details=REMOVED),
        {
            "merge": Then(
                "superseded", {"name": "Ada", "details": {"k1": {**CELL, "value": "2"}}}, {K1: (False, "ours")}
            ),
            "last-write-wins": Then("merged", ADA),
        },
    ),
    Case(
        "two replicas delete, one of them after an edit",
        ADA_A,
        (delete(3), update(8, by="theirs", phone="t")),
        delete(9),
        {"merge": Then("applied", GONE), "last-write-wins": Then("applied", GONE)},
    ),
    Case(
        "two replicas remove an entry, one of them after an edit",
        WITH_CELL,
        (update(3, details=REMOVED), update(8, by="theirs", details=LABEL_T)),
        update(9, details=REMOVED),
        {"merge": Then("applied", ADA), "last-write-wins": Then("applied", ADA)},
    ),
    Case(
        "typing goes on over what won, by a clock that went back",
        ADA_A,
        (update(3, phone="o"), update(9, by="theirs", phone="t")),
        update(2, phone="t2"),
        {"merge": Then("merged", {**ADA, "phone": "t2"})},
    ),
    Case(
        "two make the same contact, and one of them deletes it",
        None,
        (insert(3, **ADA), insert(8, by="theirs", name="Eve")),
        delete(9, base=0),
        {
            "merge": Then("superseded", {"name": "Eve"}, {EXISTS: (False, "ours")}),
            "last-write-wins": Then("merged", GONE),
        },
    ),
]


@pytest.mark.parametrize(("case", "policy"), each_policy(CASES))
def test_case(case: Case, policy: str) -> None:
    assert outcome(*settle(case, policy)) == case.results[policy]


def test_a_cell_remembers_the_latest_write_by_another_replica_than_its_last_writer() -> None:
    writes = (update(1, by="a", phone="1"), update(2, by="b", phone="2"), update(3, by="b", phone="3"))
    record, _ = settle(Case("", ADA_A, writes, update(), {}), "merge")
    assert record is not None
    assert (record.clock("phone").replica, record.others["phone"].replica) == ("b", "a")
    assert record.others["phone"].seq == PARENT_SEQ + 1


def test_the_creation_is_a_write_of_what_it_said_and_of_nothing_else() -> None:
    record, _ = settle(Case("", ADA, (update(1, name="Eve", phone="1"),), update(), {}), "merge")
    assert record is not None
    assert {cell: write.replica for cell, write in record.others.items()} == {"name": "first"}


def test_a_replica_that_brings_back_what_another_removed_is_not_its_own_rival() -> None:
    writes = (update(1, by="theirs", details={"k1": CELL}), update(2, base=11, details=REMOVED))
    case = Case("", ADA, writes, update(3, base=12, details=LABEL_T), {})
    removed, decision = settle(case, "merge")
    back = after(decision, removed)
    assert removed is not None
    assert back is not None
    assert removed.others[K1].replica == back.clock(K1).replica == "theirs"
    assert K1 not in back.others


def test_what_is_unseen_is_told_with_the_write_that_is() -> None:
    record, _ = settle(
        Case("", ADA_A, (update(3, phone="o"), update(8, by="theirs", phone="t")), update(), {}), "merge"
    )
    assert record is not None
    unseen = concurrent_cells(record, make_change(delete(), 100, "theirs", PARENT_SEQ))
    assert {cell: write.replica for cell, write in unseen.items()} == {"phone": "ours"}


def test_a_row_from_before_such_writes_were_kept_has_none() -> None:
    mine = Clock(12, 1, "c", "theirs")
    record = Record(
        CONTACTS, "r", 12, False, {"name": "Ada", "phone": "t"}, Clock(10, 0, "n", "first"), {"phone": mine}
    )
    assert concurrent_cells(record, make_change(delete(), 100, "theirs", PARENT_SEQ)) == {}
