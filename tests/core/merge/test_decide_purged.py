"""What a change does to a bare tombstone: a contact whose values were pruned, and whose deletion still stands.

Cases as in test_decide_values.py, but that pruning empties what ``ours`` left, before the change comes.
"""

from __future__ import annotations

import pytest

from offbook.core import Record, decide
from offbook.core.merge.decide import Decision, Write
from offbook.core.merge.retention import RetentionLimits, is_purged, prune
from offbook.core.schema import EXISTS
from tests.core.merge.cases import (
    ADA,
    ADA_A,
    BOAT,
    GONE,
    PARENT_SEQ,
    REMOVED,
    WITH_CELL,
    Case,
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

TOO_LATE = everywhere(Then("rejected", GONE, code="unknown_record"))
IS_BACK = per(
    Then("merged", {"name": "Eve", "email": "t"}),
    Then("merged", {"name": "Eve", "email": "t"}),
    Then("conflict", GONE, asked={EXISTS: True}),
)
SEEN = PARENT_SEQ + 1
"""The base of a change whose writer had seen the deletion."""

CASES = [
    Case("an edit, the deletion not seen", ADA_A, (delete(5),), update(9, phone="t"), TOO_LATE),
    Case("an edit, earlier than the deletion", ADA_A, (delete(9),), update(5, phone="t"), TOO_LATE),
    Case("an edit, the deletion seen", ADA_A, (delete(5),), update(9, base=SEEN, phone="t"), TOO_LATE),
    Case("an edit of one's own", ADA_A, (delete(5),), update(9, by="ours", phone="t"), TOO_LATE),
    Case("an edit of an entry", WITH_CELL, (delete(5),), update(9, details={"k1": {"label": "boat"}}), TOO_LATE),
    Case("an edit that adds an entry", ADA, (delete(5),), update(9, details={"k1": BOAT}), TOO_LATE),
    Case("an edit that changes nothing", ADA_A, (delete(5),), update(9, phone="a"), TOO_LATE),
    Case(
        "the removal of an entry",
        WITH_CELL,
        (delete(5),),
        update(9, details=REMOVED),
        everywhere(Then("merged", GONE)),
    ),
    Case("an edit of nothing", ADA, (delete(5),), update(9, base=SEEN), everywhere(Then("applied", GONE))),
    Case(
        "an edit that names the contact, the deletion not seen",
        ADA_A,
        (delete(5),),
        update(9, name="Eve", email="t"),
        IS_BACK,
    ),
    Case(
        "an edit that names the contact, the deletion seen",
        ADA_A,
        (delete(9),),
        update(5, base=SEEN, name="Eve"),
        everywhere(Then("applied", {"name": "Eve"})),
    ),
    Case("a delete, later", ADA, (delete(5),), delete(9), everywhere(Then("merged", GONE))),
    Case("a delete, the deletion seen", ADA, (delete(9),), delete(5, base=SEEN), everywhere(Then("applied", GONE))),
    Case(
        "an insert, the deletion seen: what it says, and nothing of before",
        {**WITH_CELL, "phone": "a"},
        (delete(9),),
        insert(5, base=SEEN, name="Eve"),
        everywhere(Then("applied", {"name": "Eve"})),
    ),
    Case(
        "an insert, the deletion not seen, and is later",
        ADA_A,
        (delete(5),),
        insert(9, base=PARENT_SEQ, name="Eve", email="t"),
        IS_BACK,
    ),
    Case(
        "an insert, the deletion not seen, and is earlier",
        ADA_A,
        (delete(9),),
        insert(5, base=PARENT_SEQ, name="Eve"),
        per(
            Then("merged", {"name": "Eve"}),
            Then("superseded", GONE, {EXISTS: (True, "ours"), "name": ("Eve", "ours")}),
            Then("conflict", GONE, asked={EXISTS: True}),
        ),
    ),
    Case(
        "an insert with an entry that the contact once had",
        WITH_CELL,
        (delete(5),),
        insert(9, base=SEEN, name="Ada", details={"k1": BOAT}),
        everywhere(Then("applied", {**ADA, "details": {"k1": BOAT}})),
    ),
]


def settle_bare(case: Case, policy: str) -> tuple[Record, Decision]:
    """As settle(), but that the record is pruned before ``theirs`` comes."""
    record, _ = settle(case, policy)
    assert record is not None
    bare = prune(record, RetentionLimits(0, record.seq))
    assert bare is not None
    assert is_purged(bare)
    return bare, decide(bare, make_change(case.theirs, 100, "theirs", PARENT_SEQ), policy, SEEN + 1)


@pytest.mark.parametrize(("case", "policy"), each_policy(CASES))
def test_case(case: Case, policy: str) -> None:
    assert outcome(*settle_bare(case, policy)) == case.results[policy]


@pytest.mark.parametrize("typed", [insert(9, name="Eve"), update(9, name="Eve")])
def test_what_waits_for_a_person_can_be_brought_back_with_a_name(typed: Typed) -> None:
    _, decision = settle_bare(Case("", ADA, (delete(5),), typed, {}), "ask")
    assert isinstance(decision, Write)
    assert decision.record.deleted
    assert not is_purged(decision.record)
