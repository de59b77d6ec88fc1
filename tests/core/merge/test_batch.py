"""A pushed batch: one verdict each, in order, and all that a store has to write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core import (
    BookState,
    Change,
    Operation,
    Plan,
    Record,
    RecordedVerdict,
    Rejection,
    Verdict,
    plan_batch,
)
from offbook.core.cells.validation import parse_cells
from offbook.core.merge.batch import incomplete, next_seq
from offbook.core.messages import BAD_ID, BASE_UNKNOWN, LONG_DELETED, TOO_LONG
from offbook.core.model import Key

NOW = 1_000_000_000
NOW_MS = NOW // 1000
LONG_NAME = TOO_LONG.fault(field="name", length=301, limit=300)


def number(value: int) -> str:
    return str(UUID(int=value))


def a_book(policy: str = "merge", seq: int = 0) -> BookState:
    return BookState(1, number(999), policy, "epoch", seq, 0)


def a_change(
    change: int, operation: str, base: int = 0, record: int = 1, by: int = 1, at: int = 5, **data: Any
) -> Change:
    what = Operation(operation)
    cells = {} if what is Operation.DELETE else parse_cells(CONTACTS, data, what)
    return Change(number(change), CONTACTS, number(record), what, number(by), at, base, cells)


def push(
    *batch: Change | Rejection,
    records: Mapping[Key, Record] | None = None,
    settled: Mapping[str, RecordedVerdict] | None = None,
    book: BookState | None = None,
    now: int = NOW,
) -> Plan:
    return plan_batch(book or a_book(), records or {}, settled or {}, batch, now)


def verdicts(result: Plan) -> Sequence[str]:
    return [outcome.verdict.value for outcome in result.outcomes]


def existing(**data: Any) -> Plan:
    """A book with one contact, written by replica 9 at seq NOW."""
    return push(a_change(1000, "INSERT", by=9, **data))


KEY = (CONTACTS.name, number(1))


# --- seq ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [(0, 50, 50), (50, 50, 51), (90, 50, 91)],
    ids=["time", "same moment", "clock went back"],
)
def test_the_next_seq_is_the_time_and_never_repeats_or_goes_back(last: int, now: int, expected: int) -> None:
    assert next_seq(last, now) == expected


def test_each_change_of_a_batch_takes_the_next_seq() -> None:
    result = push(a_change(1, "INSERT", name="Ada"), a_change(2, "INSERT", record=2, name="Eve"))
    assert [outcome.seq for outcome in result.outcomes] == [NOW, NOW + 1]
    assert result.seq == NOW + 1


def test_what_changes_nothing_takes_no_seq() -> None:
    result = push(a_change(1, "DELETE"), a_change(2, "UPDATE", phone="x"))
    assert verdicts(result) == ["applied", "rejected"]
    assert [outcome.seq for outcome in result.outcomes] == [None, None]
    assert result.seq == 0


def test_a_conflict_takes_a_seq_and_its_row_goes_out_again_as_it_was() -> None:
    old = existing(name="Ada", phone="o")
    result = push(a_change(1, "UPDATE", phone="t"), records=old.records, book=a_book("ask", seq=old.seq))
    assert result.outcomes[0].seq == result.seq == NOW + 1
    assert result.records == {KEY: old.records[KEY]._replace(seq=NOW + 1)}
    assert list(result.written) == [KEY]


# --- the batch ---------------------------------------------------------------------------------------------------


def test_a_change_sees_what_the_one_before_it_did() -> None:
    result = push(a_change(1, "INSERT", name="Ada"), a_change(2, "UPDATE", phone="x"), a_change(3, "DELETE"))
    assert verdicts(result) == ["applied"] * 3
    assert result.records[KEY].deleted


def test_one_bad_change_never_stops_the_rest() -> None:
    result = push(
        Rejection(number(1), LONG_NAME),
        Rejection(None, BAD_ID.fault(field="id")),
        a_change(2, "UPDATE", record=5, phone="x"),
        a_change(3, "INSERT", name="Ada"),
    )
    assert verdicts(result) == ["rejected", "rejected", "rejected", "applied"]
    assert list(result.created) == [KEY]


def test_a_rejection_keeps_its_code_and_its_sentence() -> None:
    outcome = push(Rejection(number(1), LONG_NAME)).outcomes[0]
    assert outcome.fault == LONG_NAME


def test_only_what_the_verdict_needs_is_kept_of_a_rejected_change() -> None:
    result = push(Rejection(number(1), LONG_NAME), a_change(2, "UPDATE", phone="x"))
    assert [entry.change for entry in result.history] == [None, None]
    assert [entry.fault and entry.fault.code for entry in result.history] == ["too_long", "unknown_record"]


def test_a_change_without_a_readable_id_leaves_no_trace() -> None:
    assert push(Rejection(None, BAD_ID.fault(field="id"))).history == []


def test_a_record_made_and_edited_in_one_batch_is_created_once_as_it_ends() -> None:
    result = push(a_change(1, "INSERT", name="Ada"), a_change(2, "UPDATE", phone="x"))
    assert list(result.created) == [KEY]
    assert not result.written
    assert result.records[KEY].cells == {"name": "Ada", "given_name": "Ada", "phone": "x"}


def test_a_record_that_was_there_is_written() -> None:
    old = existing(name="Ada")
    result = push(a_change(1, "UPDATE", base=old.seq, phone="x"), records=old.records, book=a_book(seq=old.seq))
    assert list(result.written) == [KEY]
    assert not result.created


def test_a_plan_leaves_the_records_that_it_was_given_alone() -> None:
    old = existing(name="Ada")
    before = dict(old.records)
    push(a_change(1, "UPDATE", base=old.seq, phone="x"), records=old.records, book=a_book(seq=old.seq))
    assert old.records == before


def test_the_history_holds_what_was_there_before() -> None:
    old = existing(name="Ada", phone="a")
    entry = push(a_change(1, "UPDATE", base=old.seq, phone="b"), records=old.records, book=a_book(seq=old.seq)).history[
        0
    ]
    assert entry.before == {"phone": "a"}
    assert entry.change is not None
    assert entry.change.cells == {"phone": "b"}


def test_the_history_holds_what_lost_and_to_which_change() -> None:
    old = existing(name="Ada", phone="o")
    late = a_change(1, "UPDATE", phone="t", at=-1)
    entry = push(late, records=old.records, book=a_book(seq=old.seq)).history[0]
    assert entry.verdict is Verdict.SUPERSEDED
    assert [(write.cell, write.value, write.winner.change_id, write.rule) for write in entry.discarded] == [
        ("phone", "t", number(1000), "merge")
    ]


def test_what_has_lost_takes_a_seq_of_the_book_and_none_of_the_record() -> None:
    old = existing(name="Ada", phone="o")
    late = a_change(1, "UPDATE", phone="t", at=-1)
    result = push(late, records=old.records, book=a_book(seq=old.seq))
    assert result.seq == result.history[0].seq
    assert result.seq > old.seq
    assert (result.records, result.written) == (old.records, {})


@pytest.mark.parametrize("with_record", [True, False])
def test_what_is_for_the_history_alone_takes_a_seq_and_is_answered_with_none(with_record: bool) -> None:
    """Its device would show it until a row of that seq came."""
    old = existing(name="Ada")
    late = a_change(1, "UPDATE", base=old.seq, phone="t")._replace(history=True)
    result = push(late, records=old.records if with_record else {}, book=a_book(seq=old.seq))
    (outcome,), (entry,) = result.outcomes, result.history
    assert (outcome.verdict, outcome.seq, outcome.shows_record) == (Verdict.SUPERSEDED, None, False)
    assert result.seq == entry.seq


def test_a_value_that_is_there_already_takes_no_seq() -> None:
    old = existing(name="Ada", phone="o")
    result = push(a_change(1, "UPDATE", phone="o"), records=old.records, book=a_book(seq=old.seq))
    assert (result.seq, result.history[0].seq) == (old.seq, None)


# --- the same change again ---------------------------------------------------------------------------------------


def test_the_same_change_again_gets_the_same_verdict_and_does_nothing() -> None:
    old = existing(name="Ada")
    result = push(
        a_change(1, "UPDATE", base=old.seq, phone="x"),
        records=old.records,
        settled={number(1): RecordedVerdict(Verdict.SUPERSEDED, 7)},
        book=a_book(seq=old.seq),
    )
    assert result.outcomes[0].verdict is Verdict.SUPERSEDED
    assert result.outcomes[0].seq == 7
    assert (result.records, result.seq, result.history) == (old.records, old.seq, [])


def test_the_same_change_twice_in_one_batch_counts_once() -> None:
    change = a_change(1, "INSERT", name="Ada")
    result = push(change, change)
    assert [outcome.seq for outcome in result.outcomes] == [NOW, NOW]
    assert len(result.history) == 1


def test_a_change_sent_again_after_its_record_was_deleted_and_pruned_brings_nothing_back() -> None:
    again = push(a_change(1, "INSERT", name="Ada"), settled={number(1): RecordedVerdict(Verdict.APPLIED, NOW)})
    assert again.outcomes[0].verdict is Verdict.APPLIED
    assert again.outcomes[0].shows_record
    assert not again.records
    assert not again.created


def test_a_rejected_change_stays_rejected_with_its_reason() -> None:
    settled = {number(1): RecordedVerdict(Verdict.REJECTED, None, LONG_DELETED.fault())}
    outcomes = push(a_change(1, "INSERT", name="Ada"), Rejection(number(1), LONG_NAME), settled=settled).outcomes
    assert [(outcome.verdict, outcome.fault) for outcome in outcomes] == [(Verdict.REJECTED, LONG_DELETED.fault())] * 2


# --- clocks and bases --------------------------------------------------------------------------------------------


def test_a_time_in_the_future_is_clamped_to_the_servers() -> None:
    record = push(a_change(1, "INSERT", at=NOW_MS * 50, name="Ada")).records[KEY]
    assert record.created.timestamp == NOW_MS


def test_a_clock_ten_years_ahead_wins_against_now_but_not_against_later() -> None:
    old = existing(name="Ada")
    ahead = a_change(1, "UPDATE", by=2, base=old.seq, at=NOW_MS * 50, phone="ahead")
    right = a_change(2, "UPDATE", by=3, base=old.seq, at=NOW_MS + 60_000, phone="right")
    first = push(ahead, records=old.records, book=a_book(seq=old.seq))
    second = push(right, records=first.records, book=a_book(seq=first.seq), now=NOW + 60_000_000)
    assert second.records[KEY].cells["phone"] == "right"


def test_ones_own_changes_are_never_concurrent_whatever_the_clock_says() -> None:
    result = push(
        a_change(1, "INSERT", at=9, name="Ada"),
        a_change(2, "UPDATE", at=5, phone="a"),
        a_change(3, "UPDATE", at=1, phone="b"),
        book=a_book("ask"),
    )
    assert verdicts(result) == ["applied"] * 3
    assert not result.conflicts
    assert result.records[KEY].cells["phone"] == "b"


@pytest.mark.parametrize(("base", "bases"), [(NOW + 1, {}), (0, {"phone": NOW + 1})], ids=["base", "bases"])
def test_a_base_that_the_book_never_gave_out_is_rejected(base: int, bases: Mapping[str, int]) -> None:
    old = existing(name="Ada")
    ahead = Change(number(1), CONTACTS, KEY[1], Operation.UPDATE, number(2), 5, base, {"phone": "x"}, bases)
    result = push(ahead, records=old.records, book=a_book(seq=old.seq))
    assert result.outcomes[0].fault == BASE_UNKNOWN.fault(base=NOW + 1)
    assert result.records == old.records


# --- which answers carry the row ---------------------------------------------------------------------------------

INSERTED = a_change(1, "INSERT", base=NOW, name="Ada", phone="x")
SHOWN = [
    ("an update that applied", a_change(1, "UPDATE", base=NOW, phone="x"), False),
    ("a delete that applied", a_change(1, "DELETE", base=NOW), False),
    ("an update that changed nothing", a_change(1, "UPDATE", base=NOW, name="Ada"), True),
    ("an insert of what was there", INSERTED, True),
    ("a merge", a_change(1, "UPDATE", name="Eve"), True),
    ("an update that lost", a_change(1, "UPDATE", at=-1, name="Eve"), True),
    ("a delete that lost", a_change(1, "DELETE"), True),
    ("an update of the unknown", a_change(1, "UPDATE", record=3, phone="x"), True),
    ("a delete of the unknown", a_change(1, "DELETE", record=3), False),
]


@pytest.mark.parametrize(("change", "shown"), [pytest.param(*case[1:], id=case[0]) for case in SHOWN])
def test_the_answer_carries_the_row_when_it_is_not_what_the_device_expects(change: Change, shown: bool) -> None:
    old = existing(name="Ada")
    result = push(change, records=old.records, book=a_book(seq=old.seq))
    assert result.outcomes[0].shows_record is shown
    assert result.outcomes[0].key == change.key


def test_a_new_contact_is_what_its_device_expects() -> None:
    assert not push(a_change(1, "INSERT", name="Ada", given_name="Ada")).outcomes[0].shows_record


def test_a_contact_that_comes_back_is_shown() -> None:
    gone = push(a_change(1, "INSERT", name="Ada"), a_change(2, "DELETE"))
    back = push(a_change(3, "UPDATE", base=gone.seq, phone="x"), records=gone.records, book=a_book(seq=gone.seq))
    assert back.outcomes[0].verdict is Verdict.APPLIED
    assert back.outcomes[0].shows_record


# --- conflicts ---------------------------------------------------------------------------------------------------


def test_a_conflict_holds_both_versions() -> None:
    old = existing(name="Ada", phone="o")
    (conflict,) = push(
        a_change(1, "UPDATE", phone="t", email="t"), records=old.records, book=a_book("ask", seq=old.seq)
    ).conflicts
    assert (conflict.cell, conflict.ours, conflict.theirs) == ("phone", "o", "t")
    assert (conflict.winner.change_id, conflict.change_id) == (number(1000), number(1))


def test_a_conflict_about_existence_says_who_wants_it_gone() -> None:
    old = existing(name="Ada", phone="o")
    (conflict,) = push(a_change(1, "DELETE"), records=old.records, book=a_book("ask", seq=old.seq)).conflicts
    assert (conflict.cell, conflict.ours, conflict.theirs) == ("@exists", True, False)


def test_a_conflicts_id_comes_from_its_change_and_cell() -> None:
    old = existing(name="Ada", phone="o", email="o")
    runs = [
        push(a_change(1, "UPDATE", phone="t", email="t"), records=old.records, book=a_book("ask", seq=old.seq))
        for _ in range(2)
    ]
    assert runs[0].conflicts == runs[1].conflicts
    assert len({conflict.id for conflict in runs[0].conflicts}) == 2


# --- settling ----------------------------------------------------------------------------------------------------

WAITS = {number(77): KEY}


def settled_by(change: Change, old: Plan) -> Plan:
    change = change._replace(resolves=(number(77), number(78)))
    return plan_batch(a_book("ask", seq=old.seq), old.records, {}, [change], NOW, WAITS)


def test_a_change_closes_the_open_conflicts_that_it_names() -> None:
    old = existing(name="Ada", phone="o")
    result = settled_by(a_change(1, "UPDATE", base=old.seq, phone="t"), old)
    assert {conflict: entry.change_id for conflict, entry in result.closed.items()} == {number(77): number(1)}
    assert result.closed[number(77)].seq == NOW + 1


def test_a_choice_that_changes_nothing_takes_a_seq_and_its_row_goes_out_again() -> None:
    old = existing(name="Ada", phone="o")
    result = settled_by(a_change(1, "UPDATE", base=old.seq, phone="o"), old)
    assert verdicts(result) == ["applied"]
    assert result.closed[number(77)].seq == NOW + 1
    assert result.records[KEY] == old.records[KEY]._replace(seq=NOW + 1)


def test_a_rejected_change_closes_nothing() -> None:
    assert not settled_by(a_change(1, "UPDATE", base=NOW + 9, phone="t"), existing(name="Ada")).closed


def test_a_change_closes_no_conflict_of_another_record() -> None:
    old = existing(name="Ada", phone="o")
    assert not settled_by(a_change(1, "INSERT", record=2, name="Eve"), old).closed


def test_a_conflict_is_closed_by_the_first_that_names_it() -> None:
    old = existing(name="Ada", phone="o")
    batch = [a_change(n, "UPDATE", base=old.seq, phone="t")._replace(resolves=(number(77),)) for n in (1, 2)]
    result = plan_batch(a_book("ask", seq=old.seq), old.records, {}, batch, NOW, WAITS)
    assert result.closed[number(77)].change_id == number(1)


def test_a_deletion_of_what_is_not_there_can_settle_too() -> None:
    result = settled_by(a_change(1, "DELETE"), Plan(0, {}))
    assert verdicts(result) == ["applied"]
    assert result.closed
    assert not result.records


def test_of_several_conflicts_in_one_place_the_last_is_left_open() -> None:
    old = existing(name="Ada", phone="o")
    batch = [a_change(number, "UPDATE", phone=phone) for number, phone in ((1, "t"), (2, "u"))]
    result = push(*batch, records=old.records, book=a_book("ask", seq=old.seq))
    assert [conflict.theirs for conflict in result.conflicts] == ["t", "u"]
    assert [conflict.theirs for conflict in result.open_conflicts()] == ["u"]


# --- an entry whose adding lost ------------------------------------------------------------------------------------

PHONE = {"k1": {"kind": "phone", "value": "1"}}
LABEL = {"k1": {"label": "boat"}}
LWW = a_book("last-write-wins", seq=NOW)


def met_by_a_later_edit() -> Plan:
    """A contact that another replica edited late."""
    start = existing(name="Ada")
    return push(a_change(1001, "UPDATE", NOW, by=9, at=NOW_MS, phone="late"), records=start.records, book=LWW)


def test_an_edit_behind_an_entrys_adding_that_lost_is_lost_with_it() -> None:
    batch = (a_change(1, "UPDATE", NOW, details=PHONE), a_change(2, "UPDATE", NOW, details=LABEL))
    result = push(*batch, records=met_by_a_later_edit().records, book=LWW)
    assert verdicts(result) == ["superseded", "superseded"]
    (winner,) = {lost.winner.change_id for entry in result.history for lost in entry.discarded}
    assert winner == number(1001)
    assert {lost.cell: lost.value for lost in result.history[1].discarded} == {
        "details/k1/@exists": True,
        "details/k1/label": "boat",
    }


def test_an_adding_that_lost_in_an_earlier_batch_is_known_from_the_past() -> None:
    records = met_by_a_later_edit().records
    first = push(a_change(1, "UPDATE", NOW, details=PHONE), records=records, book=LWW)
    edit = a_change(2, "UPDATE", NOW, details=LABEL)
    alone = push(edit, records=records, book=LWW)
    assert verdicts(alone) == ["rejected"]
    assert incomplete(alone) == {KEY}
    discarded_before = [(KEY, number(1), first.history[0].discarded)]
    assert verdicts(plan_batch(LWW, records, {}, [edit], NOW, discarded_before=discarded_before)) == ["superseded"]


@pytest.mark.parametrize(("by", "record"), [(2, 1), (1, 3)], ids=["another replica", "another record"])
def test_an_entry_that_was_never_added_is_still_missed(by: int, record: int) -> None:
    other = push(a_change(1002, "INSERT", by=9, record=3, name="Eve"), book=LWW)
    records = {**met_by_a_later_edit().records, **other.records}
    batch = (a_change(1, "UPDATE", NOW, details=PHONE), a_change(2, "UPDATE", NOW, by=by, record=record, details=LABEL))
    assert verdicts(push(*batch, records=records, book=LWW)) == ["superseded", "rejected"]


def test_only_a_record_that_is_there_can_have_refused_an_entry() -> None:
    assert incomplete(push(a_change(1, "INSERT", name="Ada", details=LABEL))) == set()


# --- what a restored server gets for its history alone --------------------------------------------------------------


def for_history(change: Change) -> Change:
    return change._replace(history=True)


def test_a_change_for_the_history_alone_writes_nothing_and_is_there_as_lost() -> None:
    start = existing(name="Ada", phone="old")
    update = for_history(a_change(1, "UPDATE", base=NOW + 99, phone="NEW", email=None))
    result = push(update, records=start.records, book=a_book(seq=NOW))
    assert result.records == start.records
    assert not result.written
    assert not result.created
    (outcome,), (entry,) = result.outcomes, result.history
    assert (outcome.verdict, outcome.seq, outcome.shows_record) == (Verdict.SUPERSEDED, None, False)
    assert [(lost.cell, lost.value, lost.winner.change_id, lost.rule) for lost in entry.discarded] == [
        ("phone", "NEW", number(1000), "restore")
    ]


@pytest.mark.parametrize("operation", ["INSERT", "UPDATE", "DELETE"])
def test_a_change_for_the_history_alone_makes_no_record(operation: str) -> None:
    data: dict[str, Any] = {} if operation == "DELETE" else {"name": "Ada"}
    result = push(for_history(a_change(1, operation, **data)))
    assert verdicts(result) == ["superseded"]
    assert not result.records
    assert result.history[0].change is not None
    assert result.history[0].change.cells == data


def test_a_change_for_the_history_alone_settles_no_conflict() -> None:
    start = existing(name="Ada")
    choice = for_history(a_change(1, "UPDATE", base=NOW, phone="1"))._replace(resolves=(number(5),))
    waiting = {number(5): KEY}
    assert not plan_batch(a_book(seq=NOW), start.records, {}, [choice], NOW, waiting).closed
