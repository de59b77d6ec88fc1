"""Merging records of an app's own tables: a policy of the table's own, flags in maps, what has a default."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from offbook.core import BookState, Change, Operation, Plan, Record, Table, Verdict, plan_batch
from offbook.core.cells.validation import parse_cells
from offbook.core.merge.retention import is_purged
from offbook.tables import Choice, Flag, Map, Text
from offbook.tables import Table as TableOf

EVENTS = TableOf(
    "events",
    Text("title", required=True),
    Choice("size", ("s", "l"), required=True, default="s"),
    Map("guests", Text("name", required=True), Flag("pays"), Flag("comes"), limit=2),
)
ASKING = TableOf("drafts", Text("title", required=True), policy="ask")
LATER = TableOf("logs", Text("title", required=True), policy="last-write-wins")


def number(value: int) -> str:
    return str(UUID(int=value))


def change(
    table: Table, change_id: int, operation: str, base: int = 0, by: int = 1, at: int = 5, **data: Any
) -> Change:
    what = Operation(operation)
    return Change(number(change_id), table, number(1), what, number(by), at, base, dict(parse_cells(table, data, what)))


def push(*batch: Change, before: Plan | None = None, policy: str = "merge") -> Plan:
    records = before.records if before else {}
    return plan_batch(BookState(1, number(9), policy, "e", before.seq if before else 0, 0), records, {}, batch, 10**9)


def only_record(plan: Plan) -> Record:
    (record,) = plan.records.values()
    return record


# --- a policy of its own -------------------------------------------------------------------------------------------


def edited_twice(table: Table, policy: str) -> Plan:
    made = push(change(table, 1, "INSERT", title="a"), policy=policy)
    first = push(change(table, 2, "UPDATE", made.seq, by=2, title="b"), before=made, policy=policy)
    return push(change(table, 3, "UPDATE", made.seq, by=3, at=4, title="c"), before=first, policy=policy)


@pytest.mark.parametrize("policy", ["merge", "last-write-wins", "ask"])
@pytest.mark.parametrize(
    ("table", "verdict"), [(ASKING, Verdict.CONFLICT), (LATER, Verdict.SUPERSEDED), (EVENTS, None)]
)
def test_a_table_s_own_policy_counts_before_the_book_s(table: Table, verdict: Verdict | None, policy: str) -> None:
    of_book = Verdict.CONFLICT if policy == "ask" else Verdict.SUPERSEDED
    (outcome,) = edited_twice(table, policy).outcomes
    assert outcome.verdict is (verdict or of_book)


def test_what_lost_names_the_policy_by_which_it_did() -> None:
    (logged,) = edited_twice(LATER, "merge").history
    assert [write.rule for write in logged.discarded] == ["last-write-wins"]


# --- flags in maps -------------------------------------------------------------------------------------------------

TWO = {key: {"name": key, "pays": True, "comes": True} for key in ("k1", "k2")}


def test_flags_of_entries_are_no_entries_where_these_are_counted() -> None:
    made = push(change(EVENTS, 1, "INSERT", title="a", guests=TWO))
    assert made.outcomes[0].verdict is Verdict.APPLIED
    edited = push(change(EVENTS, 2, "UPDATE", made.seq, guests={"k1": {"pays": False, "comes": True}}), before=made)
    assert edited.outcomes[0].verdict is Verdict.APPLIED
    assert only_record(edited).cells.keys() >= {"guests/k1/comes", "guests/k2/pays"}
    assert "guests/k1/pays" not in only_record(edited).cells
    third = push(change(EVENTS, 3, "UPDATE", made.seq, guests={"k3": {"name": "x"}}), before=made)
    assert third.outcomes[0].verdict is Verdict.REJECTED


def test_a_flag_that_is_set_adds_no_entry_that_could_be_lost() -> None:
    made = push(change(EVENTS, 1, "INSERT", title="a", guests={"k1": {"name": "x"}}))
    newer = push(change(EVENTS, 2, "UPDATE", made.seq, by=2, at=9, guests={"k1": {"pays": True}}), before=made)
    cleared = push(
        change(EVENTS, 3, "UPDATE", newer.seq, by=2, at=9, guests={"k1": {"pays": False}}),
        change(EVENTS, 4, "UPDATE", made.seq, by=3, at=5, guests={"k1": {"pays": True}}),
        before=newer,
    )
    assert cleared.outcomes[1].verdict is Verdict.SUPERSEDED
    assert cleared.lost_entries == {}


# --- what has a default --------------------------------------------------------------------------------------------


def test_who_does_not_know_that_a_field_is_required_is_not_refused() -> None:
    made = push(change(EVENTS, 1, "INSERT", title="a"))
    assert made.outcomes[0].verdict is Verdict.APPLIED
    emptied = push(change(EVENTS, 2, "UPDATE", made.seq, size=None), before=made)
    assert emptied.outcomes[0].verdict is Verdict.APPLIED


def test_a_deleted_record_without_its_default_is_not_purged() -> None:
    gone = only_record(push(change(EVENTS, 1, "INSERT", title="a"), change(EVENTS, 2, "DELETE")))
    assert gone.deleted
    assert not is_purged(gone)
