"""The table of cases about what is there: unknown, deleted, made twice; and the entries of a contact.

Read as test_decide_values.py.
"""

from __future__ import annotations

import pytest

from offbook.core.schema import EXISTS
from tests.core.merge.cases import (
    ADA,
    ADA_A,
    BOAT,
    CELL,
    FULL,
    GONE,
    HOME,
    K1,
    NEVER,
    PARENT_SEQ,
    REMOVED,
    WITH_CELL,
    WITH_HOME,
    Case,
    Then,
    delete,
    each_policy,
    everywhere,
    insert,
    outcome,
    per,
    settle,
    update,
)

UNKNOWN = [
    Case(
        "an update of what never was",
        None,
        (),
        update(phone="a"),
        everywhere(Then("rejected", NEVER, code="unknown_record")),
    ),
    Case("a delete of what never was", None, (), delete(), everywhere(Then("applied", NEVER))),
    Case("a delete of what is deleted", ADA, (delete(),), delete(base=11), everywhere(Then("applied", GONE))),
    Case(
        "a new contact with an entry that has no kind",
        None,
        (),
        insert(name="Ada", details={"k1": {"value": "1"}}),
        everywhere(Then("rejected", NEVER, code="missing")),
    ),
    Case(
        "a new entry that has no kind",
        ADA,
        (),
        update(details={"k1": {"value": "1"}}),
        everywhere(Then("rejected", ADA, code="missing")),
    ),
    Case(
        "one entry too many",
        {"name": "Ada", "details": FULL},
        (),
        update(details={"k500": {"kind": "phone"}}),
        everywhere(Then("rejected", {"name": "Ada", "details": FULL}, code="too_many_entries")),
    ),
    Case(
        "a full contact swaps an entry for another",
        {"name": "Ada", "details": FULL},
        (),
        update(details={"k0": None, "k500": {"kind": "phone"}}),
        everywhere(Then("applied", {"name": "Ada", "details": dict.fromkeys((*list(FULL)[1:], "k500"), FULL["k1"])})),
    ),
    Case(
        "an entry of a full contact is edited",
        {"name": "Ada", "details": FULL},
        (),
        update(details={"k0": {"label": "x"}}),
        everywhere(Then("applied", {"name": "Ada", "details": {**FULL, "k0": {"kind": "phone", "label": "x"}}})),
    ),
    Case(
        "an entry of a contact that a merge overfilled is edited",
        {"name": "Ada", "details": FULL},
        (update(by="third", details={"k0": {"label": "x"}}), update(details={"k0": None, "k500": {"kind": "phone"}})),
        update(base=12, details={"k1": {"label": "y"}}),
        {
            "merge": Then(
                "applied",
                {
                    "name": "Ada",
                    "details": {
                        **FULL,
                        "k0": {"kind": "phone", "label": "x"},
                        "k1": {"kind": "phone", "label": "y"},
                        "k500": {"kind": "phone"},
                    },
                },
            )
        },
    ),
]

DELETES = [
    Case(
        "an edit meets a delete, and is later",
        ADA_A,
        (delete(5),),
        update(9, phone="t"),
        per(
            Then("merged", {**ADA, "phone": "t"}),
            Then("merged", {**ADA, "phone": "t"}),
            Then("conflict", GONE, asked={EXISTS: True}),
        ),
    ),
    Case(
        "an edit meets a delete, and is earlier",
        ADA_A,
        (delete(9),),
        update(5, phone="t"),
        per(
            Then("merged", {**ADA, "phone": "t"}),
            Then("superseded", GONE, {"phone": ("t", "ours"), EXISTS: (True, "ours")}),
            Then("conflict", GONE, asked={EXISTS: True}),
        ),
    ),
    Case(
        "an edit that changes nothing meets a delete",
        ADA_A,
        (delete(5),),
        update(9, phone="a"),
        per(Then("merged", ADA_A), Then("merged", ADA_A), Then("conflict", GONE, asked={EXISTS: True})),
    ),
    Case(
        "a delete meets an edit, and is later",
        ADA_A,
        (update(5, phone="o"),),
        delete(9),
        per(
            Then("superseded", {**ADA, "phone": "o"}, {EXISTS: (False, "ours")}),
            Then("merged", GONE),
            Then("conflict", {**ADA, "phone": "o"}, asked={EXISTS: False}),
        ),
    ),
    Case(
        "a delete meets an edit, and is earlier",
        ADA_A,
        (update(9, phone="o"),),
        delete(5),
        per(
            Then("superseded", {**ADA, "phone": "o"}, {EXISTS: (False, "ours")}),
            Then("superseded", {**ADA, "phone": "o"}, {EXISTS: (False, "ours")}),
            Then("conflict", {**ADA, "phone": "o"}, asked={EXISTS: False}),
        ),
    ),
    Case(
        "a delete meets an edit that lay hidden under a pending one",
        ADA,
        (update(5, phone="o"),),
        delete(9, base=11, bases={"phone": PARENT_SEQ, EXISTS: PARENT_SEQ}),
        per(
            Then("superseded", {**ADA, "phone": "o"}, {EXISTS: (False, "ours")}),
            Then("merged", GONE),
            Then("conflict", {**ADA, "phone": "o"}, asked={EXISTS: False}),
        ),
    ),
    Case("a delete meets a delete, and is later", ADA, (delete(5),), delete(9), everywhere(Then("merged", GONE))),
    Case("a delete meets a delete, and is earlier", ADA, (delete(9),), delete(5), everywhere(Then("merged", GONE))),
    Case(
        "a delete meets the removal of an entry",
        WITH_CELL,
        (update(5, details=REMOVED),),
        delete(9),
        everywhere(Then("merged", GONE)),
    ),
    Case(
        "the removal of an entry meets a delete",
        WITH_CELL,
        (delete(5),),
        update(9, details=REMOVED),
        everywhere(Then("merged", GONE)),
    ),
    Case(
        "a deleted contact whose deletion was seen is edited",
        ADA_A,
        (delete(9),),
        update(5, base=11, phone="t"),
        everywhere(Then("applied", {**ADA, "phone": "t"})),
    ),
]

INSERTS = [
    Case(
        "an insert meets the same contact, and is later",
        None,
        (insert(5, name="Ada", phone="o"),),
        insert(9, name="Eve", email="t"),
        per(
            Then("merged", {"name": "Eve", "phone": "o", "email": "t"}),
            Then("merged", {"name": "Eve", "phone": "o", "email": "t"}),
            Then("conflict", {"name": "Ada", "phone": "o", "email": "t"}, asked={"name": "Eve"}),
        ),
    ),
    Case(
        "an insert meets the same contact, and is earlier",
        None,
        (insert(9, name="Ada", phone="o"),),
        insert(5, name="Eve", email="t"),
        per(
            Then("merged", {"name": "Ada", "phone": "o", "email": "t"}, {"name": ("Eve", "ours")}),
            Then("superseded", {"name": "Ada", "phone": "o"}, {"name": ("Eve", "ours"), "email": ("t", "ours")}),
            Then("conflict", {"name": "Ada", "phone": "o", "email": "t"}, asked={"name": "Eve"}),
        ),
    ),
    Case("an insert meets its equal", None, (insert(**ADA_A),), insert(9, **ADA_A), everywhere(Then("merged", ADA_A))),
    Case(
        "an insert leaves the cells alone that it does not name",
        ADA_A,
        (),
        insert(base=PARENT_SEQ, name="Ada", email="t"),
        everywhere(Then("applied", {**ADA_A, "email": "t"})),
    ),
    Case(
        "an insert of what was deleted, the deletion seen",
        ADA_A,
        (delete(9),),
        insert(5, base=11, **ADA),
        everywhere(Then("applied", ADA_A)),
    ),
    Case(
        "an insert of what was deleted, the deletion not seen",
        ADA,
        (delete(9),),
        insert(5, base=PARENT_SEQ, **ADA),
        per(
            Then("merged", ADA),
            Then("superseded", GONE, {EXISTS: (True, "ours")}),
            Then("conflict", GONE, asked={EXISTS: True}),
        ),
    ),
]

ENTRIES = [
    Case(
        "an entry is removed here and its label edited there",
        WITH_CELL,
        (update(9, details=REMOVED),),
        update(5, details={"k1": {"label": "boat"}}),
        per(
            Then("merged", {**ADA, "details": {"k1": BOAT}}),
            Then("superseded", ADA, {K1: (True, "ours"), "details/k1/label": ("boat", "ours")}),
            Then("conflict", ADA, asked={K1: True}),
        ),
    ),
    Case(
        "an entry's label is edited here and the entry removed there",
        WITH_CELL,
        (update(5, details={"k1": {"label": "boat"}}),),
        update(9, details=REMOVED),
        per(
            Then("superseded", {**ADA, "details": {"k1": BOAT}}, {K1: (False, "ours")}),
            Then("merged", ADA),
            Then("conflict", {**ADA, "details": {"k1": BOAT}}, asked={K1: False}),
        ),
    ),
    Case(
        "an entry is removed on both",
        WITH_CELL,
        (update(9, details=REMOVED),),
        update(5, details=REMOVED),
        everywhere(Then("merged", ADA)),
    ),
    Case(
        "each adds an entry, theirs later",
        ADA,
        (update(5, details={"k1": CELL}),),
        update(9, details={"k2": BOAT}),
        everywhere(Then("merged", {**ADA, "details": {"k1": CELL, "k2": BOAT}})),
    ),
    Case(
        "each removes another entry, theirs later",
        {"name": "Ada", "details": {"k1": CELL, "k2": BOAT}},
        (update(5, details={"k1": None}),),
        update(9, details={"k2": None}),
        everywhere(Then("merged", ADA)),
    ),
    Case(
        "the parts of an address are never mixed, theirs later",
        WITH_HOME,
        (update(5, details={"k1": {"value": "2 Oak, Rome", "street": "2 Oak", "city": "Rome"}}),),
        update(9, details={"k1": {"value": "1 Elm, Bath", "street": "1 Elm", "city": "Bath"}}),
        per(
            Then(
                "merged",
                {**ADA, "details": {"k1": {**HOME, "value": "1 Elm, Bath", "street": "1 Elm", "city": "Bath"}}},
            ),
            Then(
                "merged",
                {**ADA, "details": {"k1": {**HOME, "value": "1 Elm, Bath", "street": "1 Elm", "city": "Bath"}}},
            ),
            Then(
                "conflict",
                {**ADA, "details": {"k1": {**HOME, "value": "2 Oak, Rome", "street": "2 Oak"}}},
                asked={"details/k1/value": ("1 Elm, Bath", "1 Elm", "Bath", *[None] * 5)},
            ),
        ),
    ),
    Case(
        "an address that names one part is that part alone",
        WITH_HOME,
        (),
        update(details={"k1": {"city": "Bath"}}),
        everywhere(Then("applied", {**ADA, "details": {"k1": {"kind": "address", "city": "Bath"}}})),
    ),
    Case(
        "a removed entry is kept, and comes back whole when it is asserted",
        WITH_CELL,
        (update(details=REMOVED),),
        update(base=11, details={"k1": {}}),
        everywhere(Then("applied", WITH_CELL)),
    ),
    Case(
        "a deleted contact comes back with its entries",
        WITH_CELL,
        (delete(),),
        update(base=11, phone="t"),
        everywhere(Then("applied", {**WITH_CELL, "phone": "t"})),
    ),
    Case(
        "a removed entry does not come back with its contact",
        WITH_CELL,
        (update(details=REMOVED), delete(by="ours", base=11)),
        update(base=12, phone="t"),
        everywhere(Then("applied", {**ADA, "phone": "t"})),
    ),
]

CASES = [*UNKNOWN, *DELETES, *INSERTS, *ENTRIES]


@pytest.mark.parametrize(("case", "policy"), each_policy(CASES))
def test_case(case: Case, policy: str) -> None:
    assert outcome(*settle(case, policy)) == case.results[policy]
