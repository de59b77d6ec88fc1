"""The replica's half: what shows, what a change had seen, what goes out together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core import BookState, Change, Operation, Verdict, plan_batch
from offbook.core.cells.validation import parse_cells
from offbook.core.history.reconstruct import Patch
from offbook.core.merge.batch import Plan
from offbook.core.merge.rebase import (
    FIRST,
    LineState,
    PendingLine,
    is_on_top,
    patch_of_lost_row,
    rebase_after_restore,
    split_by_time,
    split_into_batches,
    unseen_cells,
    update_first_seen,
    visible_cells,
    with_bases,
    with_own_values_seen,
)
from offbook.core.model import Clock, Record

ADA: dict[str, Any] = {"name": "Ada"}
K1 = "details/k1/"
CELL = {"kind": "phone", "label": "cell", "value": "1"}


def change(
    operation: str,
    base: int = 0,
    number: int = 1,
    by: int = 1,
    at: int = 5,
    bases: Mapping[str, int] | None = None,
    **data: Any,
) -> Change:
    what = Operation(operation)
    cells = {} if what is Operation.DELETE else parse_cells(CONTACTS, data, what)
    return Change(
        str(UUID(int=number)), CONTACTS, str(UUID(int=7)), what, str(UUID(int=by)), at, base, cells, bases or {}
    )


def line(one: Change, state: LineState = LineState.PENDING, seq: int | None = None) -> PendingLine:
    return PendingLine(1, one, state, seq)


def bases(*pending: Change) -> Sequence[Mapping[str, int]]:
    return [dict(one.bases) for one in with_bases(pending)]


# --- what shows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "server_seq", "on_top"),
    [
        (line(change("UPDATE")), 25, True),
        (line(change("UPDATE"), LineState.ACKNOWLEDGED, 20), 19, True),
        (line(change("UPDATE"), LineState.ACKNOWLEDGED, 20), 20, False),
        (line(change("UPDATE"), LineState.ACKNOWLEDGED, 20), 25, False),
        (line(change("UPDATE"), LineState.ACKNOWLEDGED), 0, False),
        (line(change("UPDATE"), LineState.PARKED), 0, False),
        (line(change("DELETE"), LineState.PARKED), 0, False),
        (line(change("INSERT", **ADA), LineState.PARKED), 0, True),
    ],
    ids=[
        "a pending change",
        "an acknowledged one until its row comes",
        "not once its row came",
        "not once a newer row came",
        "not one that changed nothing",
        "no parked update",
        "no parked delete",
        "a parked insert, whose row exists nowhere else",
    ],
)
def test_what_the_servers_row_lacks_is_laid_on_top(one: PendingLine, server_seq: int, on_top: bool) -> None:
    assert is_on_top(one, server_seq) is on_top


def test_pending_changes_show_over_the_servers_row_in_their_order() -> None:
    lines = [line(change("UPDATE", phone="a", email="a")), line(change("UPDATE", phone="b"))]
    assert visible_cells({"name": "Ada", "phone": "x"}, True, lines, 10) == {"name": "Ada", "phone": "b", "email": "a"}


def test_a_new_row_shows_before_the_server_has_it() -> None:
    assert visible_cells({}, False, [line(change("INSERT", **ADA))], 0) == ADA


def test_a_rename_shows_with_the_parts_that_follow_from_it() -> None:
    server = {"name": "Ada King", "given_name": "Ada", "family_name": "King", "phone": "1"}
    lines = [line(change("UPDATE", name="Bea Byron")), line(change("UPDATE", phone="2", suffix="Jr"))]
    parts = {"prefix": None, "given_name": "Bea", "middle_name": None, "family_name": "Byron", "suffix": "Jr"}
    assert visible_cells(server, True, lines, 10) == {"name": "Bea Byron Jr", "phone": "2", **parts}


def test_a_pending_delete_shows_no_row() -> None:
    assert visible_cells(ADA, True, [line(change("DELETE"))], 10) is None


def test_an_edit_over_a_deletion_shows_with_the_cells_that_the_row_had() -> None:
    assert visible_cells(ADA, False, [line(change("UPDATE", phone="x"))], 10) == {"name": "Ada", "phone": "x"}


def test_the_removal_of_an_entry_brings_no_deleted_row_back() -> None:
    assert visible_cells(ADA, False, [line(change("UPDATE", details={"k1": None}))], 10) is None


def test_a_row_that_nobody_has_does_not_show() -> None:
    assert visible_cells({}, False, [], 0) is None


def test_a_newer_row_that_comes_before_the_answer_to_an_older_change_is_what_shows() -> None:
    own = change("UPDATE", base=10, phone="own")
    newer = {"name": "Ada", "phone": "other"}
    assert visible_cells(newer, True, [line(own)], 25) == {"name": "Ada", "phone": "own"}
    assert visible_cells(newer, True, [line(own, LineState.ACKNOWLEDGED, 20)], 25) == newer


@pytest.mark.parametrize(
    ("state", "seq"), [(LineState.PARKED, None), (LineState.ACKNOWLEDGED, None)], ids=["rejected", "superseded"]
)
def test_a_change_that_came_to_nothing_gives_the_servers_value_back(state: LineState, seq: int | None) -> None:
    server = {"name": "Ada", "phone": "server"}
    assert visible_cells(server, True, [line(change("UPDATE", phone="own"), state, seq)], 10) == server


def test_a_change_whose_record_is_gone_leaves_no_row() -> None:
    assert visible_cells(ADA, False, [line(change("UPDATE", phone="own"), LineState.PARKED)], 10) is None


# --- what a change had seen ----------------------------------------------------------------------------------------


def test_changes_that_saw_the_same_row_need_no_bases() -> None:
    assert bases(change("UPDATE", 10, phone="a"), change("UPDATE", 10, phone="b")) == [{}, {}]


def test_a_later_change_of_a_pending_cell_keeps_its_base() -> None:
    assert bases(change("UPDATE", 10, phone="a"), change("UPDATE", 15, phone="c")) == [
        {},
        {"phone": 10, "@exists": 10},
    ]


def test_a_cell_that_is_not_pending_was_seen_as_it_was_pulled() -> None:
    later = with_bases([change("UPDATE", 10, phone="a"), change("UPDATE", 15, email="c")])[1]
    assert (later.base_of("email"), later.base_of("@exists")) == (15, 10)


def test_a_delete_had_not_seen_what_lay_under_the_pending_cells() -> None:
    later = with_bases([change("UPDATE", 10, phone="a"), change("DELETE", 15)])[1]
    assert (later.base_of("phone"), later.base_of("email")) == (10, 15)


def test_a_removal_had_not_seen_what_lay_under_the_pending_cells_of_its_entry() -> None:
    pending = [
        change("UPDATE", 10, details={"k1": {"label": "a"}, "k2": {"label": "a"}}),
        change("UPDATE", 15, details={"k1": None}),
    ]
    later = with_bases(pending)[1]
    assert later.base_of(f"{K1}label") == 10
    assert later.base_of("details/k2/label") == 15


def test_who_brings_a_removed_entry_back_had_not_seen_what_the_removal_hid() -> None:
    pending = [
        change("UPDATE", 10, details={"k1": None}),
        change("UPDATE", 15, details={"k1": {"label": "a"}}),
    ]
    assert with_bases(pending)[1].base_of(f"{K1}label") == 10


def test_who_deletes_a_record_had_not_seen_what_the_removal_of_an_entry_hid() -> None:
    pending = [change("UPDATE", 10, details={"k1": None}), change("DELETE", 15)]
    assert with_bases(pending)[1].base_of(f"{K1}label") == 10


def test_who_brings_a_deleted_record_back_had_not_seen_what_the_deletion_hid() -> None:
    pending = [change("DELETE", 10), change("INSERT", 15, name="Ada", phone="c"), change("UPDATE", 15, email="d")]
    _, back, later = with_bases(pending)
    assert (back.base_of("phone"), back.base_of("@exists")) == (10, 10)
    assert (later.base_of("email"), later.base_of("@exists")) == (15, 10)


def test_the_first_base_of_a_cell_stays_however_often_it_is_edited() -> None:
    pending = [change("UPDATE", base, phone=str(base)) for base in (10, 15, 20, 25)]
    assert [one.base_of("phone") for one in with_bases(pending)] == [10] * 4


def test_bases_once_written_down_outlive_the_changes_they_came_from() -> None:
    first, second = with_bases([change("UPDATE", 10, phone="a"), change("UPDATE", 15, phone="b")])
    assert first.bases == {}
    assert with_bases([second, change("UPDATE", 20, phone="c")])[1].base_of("phone") == 10


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["UPDATE", "DELETE"]), st.integers(0, 5), st.sampled_from(["phone", "email", "title"])
        ),
        max_size=6,
    )
)
def test_bases_never_rise_and_do_not_change_when_worked_out_again(steps: list[tuple[str, int, str]]) -> None:
    base = 10
    pending = []
    for operation, more, cell in steps:
        base += more
        pending.append(change(operation, base, **dict[str, Any]({cell: "x"})))
    once = with_bases(pending)
    assert with_bases(once) == once
    assert all(seq < one.base for one in once for seq in one.bases.values())


def test_what_lay_hidden_under_a_pending_edit_is_concurrent_with_what_is_typed_over_it() -> None:
    start = push(Plan(0, {}), change("INSERT", number=100, by=9, at=0, **ADA))
    other = push(start, change("UPDATE", start.seq, number=101, by=9, at=1, phone="e"))
    pending = with_bases([change("UPDATE", start.seq, 1, phone="a"), change("UPDATE", other.seq, 2, phone="c")])
    first = push(other, pending[0])
    assert first.history[0].before == {"phone": "e"}
    last = push(first, pending[1])
    assert [one.outcomes[0].verdict for one in (first, last)] == [Verdict.MERGED, Verdict.MERGED]


def test_typing_on_does_not_win_over_a_later_edit_that_lay_hidden() -> None:
    start = push(Plan(0, {}), change("INSERT", number=100, by=9, at=0, **ADA))
    other = push(start, change("UPDATE", start.seq, number=101, by=9, at=8, phone="e"))
    pending = with_bases([change("UPDATE", start.seq, 1, phone="a"), change("UPDATE", other.seq, 2, phone="c")])
    last = push(other, *pending)
    assert [one.verdict for one in last.outcomes] == [Verdict.SUPERSEDED] * 2
    assert [logged.discarded[0].value for logged in last.history] == ["a", "c"]


def push(old: Plan, *pending: Change) -> Plan:
    book = BookState(1, "book", "merge", "epoch", old.seq, 0)
    return plan_batch(book, old.records, {}, pending, now_us=old.seq + 10_000)


# --- after a restore -----------------------------------------------------------------------------------------------


def test_a_restored_server_is_told_of_no_base_that_it_lost() -> None:
    lowered = rebase_after_restore(change("UPDATE", 50, bases={"phone": 40, "@exists": 10}, phone="x"), 30)
    assert (lowered.base, lowered.bases) == (30, {"phone": 30, "@exists": 10})


def test_a_base_that_the_restored_server_still_has_stays() -> None:
    kept = change("UPDATE", 20, bases={"phone": 10}, phone="x")
    assert rebase_after_restore(kept, 30) == kept


def time_of(one: Change, kept: int, taken: int | None = None, is_whole: bool = False, earliest: int = 0) -> int:
    return rebase_after_restore(one, kept, taken, is_whole, earliest).timestamp


def test_what_comes_again_gets_the_time_at_which_it_was_taken() -> None:
    slow, fast = change("UPDATE", at=1, name="x"), change("UPDATE", at=900, name="x")
    assert [time_of(one, 0, 50_000, True) for one in (slow, fast)] == [50, 50]
    assert [time_of(one, 0, 50_000, False) for one in (slow, fast)] == [1, 50], "where something stood against it"


def test_what_was_typed_over_something_that_is_lost_is_later_than_it() -> None:
    assert time_of(change("UPDATE", 50_000, at=1, name="x"), 30_000) == 51
    assert time_of(change("UPDATE", 20_000, at=1, name="x"), 30_000) == 1
    assert time_of(change("UPDATE", 0, at=1, name="x"), 30_000, earliest=7) == 7


def test_the_time_of_a_deletion_tells_what_its_writer_had_seen() -> None:
    assert time_of(change("DELETE", 20_000, at=900), 30_000) == 21
    assert time_of(change("DELETE", 50_000, at=1), 30_000) == 51


def record(deleted: bool = False, **data: Any) -> Record:
    cells = parse_cells(CONTACTS, {**ADA, **data}, Operation.INSERT)
    return Record(CONTACTS, str(UUID(int=7)), 10, deleted, cells, Clock(10, 1, "c", "r"), {})


def said(wish: Patch | None) -> Any:
    return wish and (wish.operation.value, dict(wish.cells))


HELD = record(phone="1", details={"k1": CELL})
GONE = record(deleted=True)


def test_a_restored_server_is_told_what_it_lacks_of_a_record_and_no_more() -> None:
    k1 = {K1 + "@exists": True, K1 + "kind": "phone", K1 + "label": "cell", K1 + "value": ("1",) + (None,) * 7}
    assert said(patch_of_lost_row(HELD, record(), [], [])) == ("UPDATE", {"phone": "1", **k1})
    assert said(patch_of_lost_row(record(), HELD, [], [])) == ("UPDATE", {"phone": None, K1 + "@exists": False})
    assert patch_of_lost_row(HELD, HELD, [], []) is None
    assert said(patch_of_lost_row(GONE, HELD, [], [])) == ("DELETE", {})


def test_what_a_devices_own_changes_bring_again_is_not_said_twice() -> None:
    taken = [change("UPDATE", phone="1", details={"k1": CELL})]
    assert patch_of_lost_row(HELD, record(), taken, []) is None
    assert said(patch_of_lost_row(HELD, record(), [*taken, change("UPDATE", phone="2")], [])) == (
        "UPDATE",
        {"phone": "1"},
    )
    revived = said(patch_of_lost_row(HELD, HELD, [change("DELETE")], []))
    assert revived[0] == "INSERT"
    assert revived[1]["name"] == "Ada"


def test_what_was_typed_over_a_lost_row_says_itself_what_its_cells_are_to_be() -> None:
    assert patch_of_lost_row(HELD, record(details={"k1": CELL}), [], [change("UPDATE", phone="2")]) is None
    assert patch_of_lost_row(HELD, record(phone="1"), [], [change("UPDATE", details={"k1": None})]) is None
    assert patch_of_lost_row(HELD, record(), [], [change("DELETE")]) is None
    assert patch_of_lost_row(GONE, HELD, [], [change("UPDATE", phone="2")]) is None


def test_what_is_one_value_is_left_alone_where_a_part_of_it_was_typed_over_a_lost_row() -> None:
    held = record(given_name="Ada", family_name="King", phone="1")
    sent = patch_of_lost_row(held, record(), [], [change("UPDATE", given_name="Bea")])
    assert said(sent) == ("UPDATE", {"phone": "1"})


def test_what_is_one_value_is_not_parted_by_the_times_at_which_it_was_first_seen() -> None:
    cells = {"name": "Ada King", "given_name": "Ada", "family_name": "King", "phone": "1"}
    seen = {FIRST: 10, "family_name": 20}
    whole = {"name": "Ada King", "given_name": "Ada", "family_name": "King"}
    for operation in (Operation.UPDATE, Operation.INSERT):
        parts = split_by_time(CONTACTS, Patch(operation, cells), seen, 30)
        assert [part for _, part in parts if "name" in part] == [whole]
    assert [part for _, part in parts] == [whole, {"phone": "1"}]


def test_cells_that_others_wrote_after_a_restore_were_not_seen() -> None:
    assert unseen_cells(HELD, HELD) == set()
    assert unseen_cells(HELD, record(phone="2", details={"k1": CELL})) == {"phone"}
    assert unseen_cells(record(), GONE) == {"@exists"}


# --- what goes out together ----------------------------------------------------------------------------------------


ADA_CELLS = parse_cells(CONTACTS, ADA, Operation.INSERT)


def test_what_came_back_of_ones_own_was_seen_and_nothing_else_of_the_row() -> None:
    came = record(name="Ada", phone="1", email="theirs")._replace(seq=50)
    pending = [change("UPDATE", 3, phone="1", bases={"company": 1}), change("UPDATE", 4, number=2, phone="2")]
    assert with_own_values_seen(pending, ADA_CELLS, came) == [
        pending[0]._replace(base=50, bases={"email": 3}),
        pending[1]._replace(base=50, bases={"email": 4}),
    ]


def test_a_value_that_was_typed_over_was_seen_though_it_is_not_the_last() -> None:
    came = record(name="Ada", phone="2")._replace(seq=50)
    pending = [change("UPDATE", 3, number=number, phone=str(number)) for number in (1, 2, 3)]
    again = with_own_values_seen(pending, ADA_CELLS, came)
    assert again is not None
    assert [(change.base, change.bases) for change in again] == [(50, {})] * 3


def test_who_has_seen_more_than_the_row_that_came_knows_it() -> None:
    pending = [change("UPDATE", 60, phone="1")]
    assert with_own_values_seen(pending, ADA_CELLS, record(name="Ada", phone="1")._replace(seq=50)) == pending


@pytest.mark.parametrize(
    "came",
    [record(name="Ada"), record(name="Ada", email="theirs"), record(deleted=True, name="Ada", phone="1")],
    ids=["nothing", "what others wrote", "deleted"],
)
def test_a_row_without_anything_of_ones_own_says_nothing_of_what_was_seen(came: Record) -> None:
    assert with_own_values_seen([change("UPDATE", 3, phone="1")], ADA_CELLS, came._replace(seq=50)) is None


@pytest.mark.parametrize(
    ("sizes", "cuts"),
    [
        ([], []),
        ([5], [[5]]),
        ([5, 5], [[5, 5]]),
        ([5, 5, 1], [[5, 5], [1]]),
        ([11], [[11]]),
        ([1, 11, 1], [[1], [11], [1]]),
        ([1, 1, 1, 1], [[1, 1, 1], [1]]),
    ],
    ids=["nothing", "one", "full", "over the bytes", "too large alone", "too large between others", "over the number"],
)
def test_a_queue_is_cut_into_requests(sizes: list[int], cuts: list[list[int]]) -> None:
    assert [sizes[cut] for cut in split_into_batches(sizes, changes_max=3, bytes_max=10)] == cuts


@given(st.lists(st.integers(0, 20)), st.integers(1, 5), st.integers(1, 30))
def test_every_change_goes_out_once_in_order_and_within_the_limits(sizes: list[int], most: int, room: int) -> None:
    cuts = [sizes[cut] for cut in split_into_batches(sizes, most, room)]
    assert [size for cut in cuts for size in cut] == sizes
    assert all(0 < len(cut) <= most and (sum(cut) <= room or len(cut) == 1) for cut in cuts)


# --- since when a value is known -----------------------------------------------------------------------------------


def test_each_value_is_known_since_the_row_that_brought_it() -> None:
    first = {"name": "Ada", "phone": "1", "email": "e"}
    second = {"name": "Ada", "phone": "2"}
    seen = update_first_seen({}, first, 10, second, 20)
    assert seen == {FIRST: 10, "phone": 20, "email": 20}
    assert update_first_seen(seen, second, 20, {**second, "name": "Eve"}, 30) == {**seen, "name": 30}


def test_the_same_row_once_more_is_as_old_as_it_is() -> None:
    assert update_first_seen({}, {"name": "Ada"}, 10, {"name": "Ada"}, 10) == {}


BY_TIME = [
    ("all at once", Operation.INSERT, {"name": "Ada", "phone": "1"}, {}, [{"name": "Ada", "phone": "1"}]),
    (
        "the oldest first",
        Operation.INSERT,
        {"name": "Ada", "phone": "1", "email": "e"},
        {FIRST: 10, "phone": 20, "email": 15},
        [{"name": "Ada"}, {"email": "e"}, {"phone": "1"}],
    ),
    (
        "a younger name comes before all else of a new contact",
        Operation.INSERT,
        {"name": "Ada", "phone": "1", "email": "e"},
        {FIRST: 10, "name": 20, "email": 25},
        [{"name": "Ada"}, {"phone": "1"}, {"email": "e"}],
    ),
    (
        "and of one that is there has its place",
        Operation.UPDATE,
        {"name": "Ada", "phone": "1"},
        {FIRST: 10, "name": 20},
        [{"phone": "1"}, {"name": "Ada"}],
    ),
    (
        "a younger kind comes before all else of its entry",
        Operation.UPDATE,
        {K1 + "@exists": True, K1 + "kind": "phone", K1 + "label": "boat", "phone": "1"},
        {FIRST: 10, K1 + "kind": 20, "phone": 15},
        [{"phone": "1"}, {K1 + "kind": "phone"}, {K1 + "@exists": True, K1 + "label": "boat"}],
    ),
    (
        "a younger name and a younger value wait for each other's kind",
        Operation.INSERT,
        {"name": "Ada", K1 + "@exists": True, K1 + "kind": "phone", K1 + "value": "1", K1 + "label": "l"},
        {FIRST: 10, "name": 20, K1 + "value": 20, K1 + "label": 15},
        [{"name": "Ada"}, {K1 + "@exists": True, K1 + "kind": "phone"}, {K1 + "label": "l"}, {K1 + "value": "1"}],
    ),
    (
        "nothing is younger than the row",
        Operation.UPDATE,
        {"phone": "1", "email": "e"},
        {FIRST: 10, "phone": 99},
        [{"email": "e"}, {"phone": "1"}],
    ),
    ("a deletion says nothing", Operation.DELETE, {}, {FIRST: 10}, [{}]),
]


@pytest.mark.parametrize(
    ("operation", "cells", "seen", "parts"), [case[1:] for case in BY_TIME], ids=[case[0] for case in BY_TIME]
)
def test_what_a_row_holds_is_told_as_one_change_per_time(
    operation: Operation, cells: dict[str, Any], seen: dict[str, int], parts: list[dict[str, Any]]
) -> None:
    changes = split_by_time(CONTACTS, Patch(operation, cells), seen, 30)
    assert [said for _, said in changes] == parts
    assert all(part.time == min(seen.get(cell, seen[FIRST]), 30) for part, said in changes for cell in said if seen)
