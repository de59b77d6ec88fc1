"""What every store must do with pushes and pulls: one contract, run on memory and on SQL over every engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from offbook.core.errors import CursorGone
from offbook.core.merge.retention import RetentionLimits
from offbook.core.protocol.requests import parse_change, parse_cursor
from offbook.core.protocol.rows import iso_millis
from offbook.core.verify.digests import MODULUS, digest_of
from offbook.core.verify.first_digests import first_digest_of, shape_of
from offbook.core.verify.ranges import RECORDS_MAX, parse_compare, parse_fetch
from services.sync.push import apply_batch
from services.sync.verify import compare, fetch
from storage.base import ChangeOrigin
from tests.storage.library import LATER, ORIGIN, START, TICK, Desk, Json, Library, change, rows_of, uuid

ADDRESS = {"kind": "address", "label": "home", "street": "12 St James's Sq", "city": "London", "country": "UK"}
WHOLE: dict[str, Any] = {
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "email": "ada@example.org",
    "birthday": "--12-10",
    "notes": "Zeilen\nund \U0001f600 'quotes' \"too\" %_\\",
    "starred": True,
    "details": {"k1": ADDRESS, "k2": {"kind": "phone", "value": "555-1", "position": 0}},
}


def insert(number: int, record: int = 1, **data: Json) -> Json:
    return change(number, "INSERT", record, **{"name": f"name {record}", **data})


# --- what is pushed is served --------------------------------------------------------------------------------------


def test_a_record_is_served_as_it_was_typed(desk: Desk) -> None:
    seq = desk.seq(insert(1, **WHOLE))
    (row,) = desk.pull()["changes"]
    data = row.pop("data")
    assert row["seq"] == seq
    assert row["operation"] == "INSERT"
    assert row["record_id"] == uuid(1)
    assert {name: value for name, value in data.items() if value is not None} == {
        **WHOLE,
        "id": uuid(1),
        "created_at": row["timestamp"],
        "updated_at": row["timestamp"],
    }


def test_every_update_shows_in_the_row(desk: Desk) -> None:
    first = desk.seq(insert(1, **WHOLE))
    desk.seq(change(2, "UPDATE", base=first, email="", starred=False, details={"k2": None, "k3": {"kind": "url"}}))
    data = desk.live()[uuid(1)]
    assert (data["email"], data["starred"], data["birthday"]) == (None, False, "--12-10")
    assert data["details"] == {"k1": ADDRESS, "k3": {"kind": "url"}}


def test_an_entry_that_is_edited_keeps_its_other_attributes(desk: Desk) -> None:
    first = desk.seq(insert(1, **WHOLE))
    desk.seq(change(2, "UPDATE", base=first, details={"k1": {"city": "Paris"}, "k2": {"label": "boat"}}))
    details = desk.live()[uuid(1)]["details"]
    assert details["k1"] == {"kind": "address", "label": "home", "city": "Paris"}, "an address is one value"
    assert details["k2"] == {"kind": "phone", "label": "boat", "value": "555-1", "position": 0}


def test_a_deleted_record_is_served_as_a_tombstone_after_a_cursor(desk: Desk) -> None:
    first = desk.seq(insert(1))
    cursor = desk.pull()["cursor"]
    seq = desk.seq(change(2, "DELETE", base=first))
    (row,) = desk.pull(cursor)["changes"]
    assert (row["operation"], row["data"], row["seq"]) == ("DELETE", None, seq)


def test_a_revived_record_has_what_it_held_before(desk: Desk) -> None:
    first = desk.seq(insert(1, **WHOLE))
    second = desk.seq(change(2, "DELETE", base=first))
    desk.seq(insert(3, name="Ada again") | {"base": second})
    data = desk.live()[uuid(1)]
    assert (data["name"], data["email"]) == ("Ada again", "ada@example.org")
    assert data["details"] == WHOLE["details"]


def test_a_batch_is_taken_in_its_order(desk: Desk) -> None:
    batch = [insert(1), change(2, "UPDATE", base=0, phone="1"), change(3, "DELETE", base=0), insert(4, phone="2")]
    assert desk.verdicts(*batch) == ["applied"] * 4
    assert desk.live()[uuid(1)]["phone"] == "2"


def test_an_unseen_edit_under_an_own_one_outlives_a_deletion(desk: Desk) -> None:
    first = desk.seq(insert(1, phone="1", details={"k1": {"kind": "phone"}}))
    desk.seq(change(2, "UPDATE", by=2, base=first, at=1, phone="2", details={"k1": {"label": "two"}}))
    desk.seq(change(3, "UPDATE", base=first, at=2, phone="3", details={"k1": {"label": "three"}}))
    assert desk.verdicts(change(4, "UPDATE", base=first, at=3, details={"k1": None})) == ["superseded"]
    assert desk.verdicts(change(5, "DELETE", base=first, at=4)) == ["superseded"]
    data = desk.live()[uuid(1)]
    assert (data["phone"], data["details"]) == ("3", {"k1": {"kind": "phone", "label": "three"}})


def test_an_edit_behind_an_entrys_adding_that_lost_is_superseded_in_a_later_push_too(library: Library) -> None:
    desk = library.desk("last-write-wins")
    first = desk.seq(insert(1))
    desk.seq(change(2, "UPDATE", by=2, base=first, at=9, phone="late"))
    assert desk.verdicts(change(3, "UPDATE", base=first, at=1, details={"k1": {"kind": "phone"}})) == ["superseded"]
    edits = [change(4, "UPDATE", base=first, at=2, details={"k1": {"label": "boat"}})]
    edits += [change(5, "UPDATE", base=first, at=99, details={"k1": {"label": "ship"}})]
    assert desk.verdicts(edits[0]) == desk.verdicts(edits[1]) == ["superseded"]
    assert desk.verdicts(change(6, "UPDATE", by=3, base=first, details={"k1": {"label": "x"}})) == ["rejected"]
    assert desk.live()[uuid(1)]["details"] == {}


def test_one_bad_change_does_not_stop_its_neighbours(desk: Desk) -> None:
    bad = [change(2, "UPDATE", 9, base=0, phone="1"), insert(3, 3, name=""), {"id": "?"}]
    assert desk.verdicts(insert(1), *bad, insert(4, 4)) == ["applied", "rejected", "rejected", "rejected", "applied"]
    assert set(desk.live()) == {uuid(1), uuid(4)}


def test_a_change_that_can_not_be_read_is_answered_with_its_record_as_it_is(desk: Desk) -> None:
    bad = [change(2, "UPDATE", 1, base=0, phone=5), change(3, "UPDATE", 9, base=-1), {"id": uuid(4), "table": "boats"}]
    answers = desk.push(insert(1), *bad)
    seq = answers[0]["seq"]
    assert (answers[1]["record"]["name"], answers[1]["seq"]) == ("name 1", seq)
    assert (answers[2]["record"], answers[2]["seq"]) == (None, seq)
    assert "record" not in answers[3]
    assert desk.push(bad[0]) == [answers[1]]


def test_each_record_of_a_batch_has_only_what_it_says_itself(desk: Desk) -> None:
    starred = {"starred": True, "phone": "1", "details": {"k1": {"kind": "url", "value": "v"}}}
    third = [insert(3, 3, **starred), change(4, "UPDATE", 3, base=0, details={"k1": None})]
    desk.push(insert(1, 1, **starred), insert(2, 2, details={"k1": {"kind": "phone"}}), *third)
    desk.push(insert(5, 5), change(6, "DELETE", 5, base=0), insert(7, 7))
    told = [(data["starred"], data["phone"], data["details"].keys()) for data in desk.live().values()]
    assert told == [(True, "1", {"k1"}), (False, None, {"k1"}), (True, "1", set()), (False, None, set())]
    assert desk.live()[uuid(2)]["details"] == {"k1": {"kind": "phone"}}


def test_an_empty_push_changes_nothing(desk: Desk) -> None:
    before = desk.whole()
    assert desk.push() == []
    assert desk.whole() == before


# --- verdicts ------------------------------------------------------------------------------------------------------


def fought(desk: Desk) -> Json:
    """A contact that replica 2 changed after replica 1 had seen it at this seq."""
    first = desk.seq(insert(1, phone="old"))
    desk.seq(change(2, "UPDATE", by=2, base=first, at=50, phone="theirs"))
    return first


VERDICTS: dict[str, Callable[[int], Json]] = {
    "applied": lambda base: change(3, "UPDATE", by=2, base=base, phone="mine"),
    "merged": lambda base: change(3, "UPDATE", base=base, at=60, phone="mine"),
    "superseded": lambda base: change(3, "UPDATE", base=base, at=40, phone="mine"),
    "rejected": lambda base: change(3, "UPDATE", base=base, phone="5" * 101),
    "unknown": lambda base: change(3, "UPDATE", 9, base=base, phone="mine"),
    "unreadable": lambda base: {"id": uuid(3), "table": "no such table"},
    "nothing": lambda base: change(3, "UPDATE", base=base, phone="theirs"),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_the_same_change_again_gets_the_same_verdict_and_changes_nothing(desk: Desk, name: str) -> None:
    item = VERDICTS[name](fought(desk))
    (first,) = desk.push(item)
    before = desk.whole()
    (again,) = desk.push(item)
    assert {**again, "record": None, "seq": 0} == {**first, "record": None, "seq": 0}
    assert desk.whole() == before


def test_a_conflict_is_answered_again_and_not_opened_twice(library: Library) -> None:
    desk = library.desk("ask")
    item = change(3, "UPDATE", base=fought(desk), at=60, phone="mine")
    assert desk.verdicts(item) == ["conflict"]
    before = desk.whole()
    assert desk.verdicts(item) == ["conflict"]
    assert desk.whole() == before
    assert len(before["conflicts"]) == 1


def test_a_change_that_is_sent_again_is_answered_with_the_record_as_it_is_now(desk: Desk) -> None:
    item = insert(1, phone="first")
    first = desk.seq(item)
    second = desk.seq(change(2, "UPDATE", base=first, phone="second"))
    (again,) = desk.push(item)
    assert (again["verdict"], again["seq"], again["record"]["phone"]) == ("applied", second, "second")


def test_a_rejection_stands_when_what_was_missing_has_come(desk: Desk) -> None:
    item = change(1, "UPDATE", base=0, phone="1")
    assert desk.verdicts(item) == ["rejected"]
    desk.seq(insert(2))
    assert desk.push(item)[0]["code"] == "unknown_record"
    assert desk.live()[uuid(1)]["phone"] is None


def test_a_change_twice_in_one_batch_counts_once(desk: Desk) -> None:
    first, again = desk.push(insert(1), insert(1, name="somebody else"))
    assert (first["verdict"], again["verdict"]) == ("applied", "applied")
    assert again["record"]["name"] == "name 1"


def test_a_change_without_a_readable_id_is_answered_and_not_kept(desk: Desk) -> None:
    (result,) = desk.push({"id": 7})
    assert (result["id"], result["verdict"], result["code"]) == (None, "rejected", "bad_id")


def test_what_changes_nothing_takes_no_seq(desk: Desk) -> None:
    head = desk.seq(insert(1, phone="1"))
    answers = desk.push(change(2, "UPDATE", base=head, phone="1"), change(3, "DELETE", 9, base=0))
    assert [answer["verdict"] for answer in answers] == ["applied", "applied"]
    assert desk.head() == head
    assert desk.pull(desk.pull()["cursor"])["changes"] == []


# --- history and conflicts -----------------------------------------------------------------------------------------


def test_history_tells_what_was_there_before_and_what_lost(desk: Desk) -> None:
    base = fought(desk)
    desk.push(change(3, "UPDATE", base=base, at=40, phone="mine", email="m@x"))
    first, second, third = desk.history()
    assert (first.verdict, first.data["phone"], first.created) == ("applied", "old", True)
    assert second.before == {"phone": "old"}
    assert second.timestamp == iso_millis(START // 1000 + 50_000)
    assert (third.verdict, third.before) == ("merged", {"email": None})
    (lost,) = third.beaten
    assert (lost.cell, lost.value, lost.winner.change_id) == ("phone", "mine", uuid(2))


def test_history_keeps_what_kinds_of_values_there_are(desk: Desk) -> None:
    desk.seq(insert(1, **WHOLE))
    (past,) = desk.history()
    assert past.data["details/k1/value"] == (None, "12 St James's Sq", "London", None, None, "UK", None, None)
    assert (past.data["starred"], past.data["details/k2/position"], past.data["details/k2/@exists"]) == (True, 0, True)


def test_history_does_not_tell_of_rejected_changes(desk: Desk) -> None:
    base = desk.seq(insert(1))
    desk.push(change(2, "UPDATE", base=base, phone="5" * 101))
    assert [entry.id for entry in desk.history()] == [uuid(1)]


def test_a_page_of_history_is_found_by_its_key_whatever_happens_meanwhile(desk: Desk) -> None:
    base = desk.seq(insert(1))
    desk.push(*[change(n, "UPDATE", base=base, phone=f"{n}") for n in range(2, 7)])
    key = (desk.table, uuid(1))
    with desk.store.reading(desk.book_id) as book:
        newest = book.history_page(key, 2)
        assert book.history_page(key, 2, skip=2) == book.history_page(key, 2, newest.next)
    desk.push(change(7, "UPDATE", base=base, phone="7"))
    desk.prune(base)
    with desk.store.reading(desk.book_id) as book:
        pages = [newest, older := book.history_page(key, 2, newest.next), book.history_page(key, 2, older.next)]
        assert [[entry.id for entry in page.entries] for page in pages] == [
            [uuid(6), uuid(5)],
            [uuid(4), uuid(3)],
            [uuid(2)],
        ]
        assert pages[2].next is None
        assert not older.entries[0].created


def test_a_page_of_history_can_leave_out_what_did_nothing(desk: Desk) -> None:
    base = desk.seq(insert(1, phone="1"))
    desk.push(change(2, "UPDATE", base=base, phone="1"), change(3, "UPDATE", base=base, phone="3"))
    key = (desk.table, uuid(1))
    with desk.store.reading(desk.book_id) as book:
        assert [entry.id for entry in book.history_page(key, 9).entries] == [uuid(3), uuid(2), uuid(1)]
        shown = book.history_page(key, 1, with_noise=False)
        assert [entry.id for entry in shown.entries] == [uuid(3)]
        assert [entry.id for entry in book.history_page(key, 1, shown.next, with_noise=False).entries] == [uuid(1)]
        assert [step.before for step in book.steps_since(base, key)] == [{"phone": "1"}]
        assert book.steps_since(base, (desk.table, uuid(2))) == []


def test_a_page_of_the_log_has_the_changes_of_all_records_in_order(desk: Desk) -> None:
    base = desk.seq(insert(1, phone="1"))
    desk.push(change(2, "UPDATE", base=base, phone="1"), insert(3, 2), change(4, "UPDATE", base=base, phone="4"))
    desk.push(insert(5, 3), change(6, "DELETE", 2, base=desk.head()))
    with desk.store.reading(desk.book_id) as book:
        first = book.log_page(0, 2)
        rest = book.log_page(first.next or 0, 9)
        pages = [[entry.id for entry in page.entries] for page in (first, rest)]
        assert pages == [[uuid(1), uuid(3)], [uuid(4), uuid(5), uuid(6)]]
        assert [entry.created for entry in (*first.entries, *rest.entries)] == [True, True, False, True, False]
        assert rest.next is None
        assert rest.entries[0] == book.history_entry(uuid(4))
        assert book.log_page(desk.head(), 9).entries == []
    desk.prune(base)
    with desk.store.reading(desk.book_id) as book:
        assert [entry.id for entry in book.log_page(0, 1).entries] == [uuid(3)]


def test_what_has_lost_is_in_the_log_by_its_seq_and_did_nothing(library: Library) -> None:
    desk = library.desk("merge")
    base = fought(desk)
    row_seq, key = desk.head(), (desk.table, uuid(1))
    (result,) = desk.push(change(3, "UPDATE", base=base, at=40, phone="late") | {"batch": uuid(77)})
    assert (result["verdict"], result["seq"], result["record"]["phone"]) == ("superseded", row_seq, "theirs")
    head = desk.head()
    assert head > row_seq
    with desk.store.reading(desk.book_id) as book:
        assert book.last_seq_at_or_before(head + 1) == book.recorded_verdicts([uuid(3)])[uuid(3)].seq == head
        entry = book.history_entry(uuid(3))
        assert entry is not None
        assert (entry.seq, entry.beaten[0].value) == (None, "late")
        assert book.history(*key)[-1] == book.history_page(key, 1, with_noise=False).entries[0] == entry
        assert book.log_page(head - 1, 9).entries == [entry]
        for steps in (book.steps_since(base, key), book.steps_since(base), *book.batches.steps([key], base).values()):
            assert [step.seq for step in steps] == [row_seq]
        assert [marker.seq for marker in book.change_markers(0, 9)] == [row_seq, base]
        assert (book.batches.page(9), book.batches.summary(uuid(77)), book.batches.keys(uuid(77))) == ([], None, [])


def test_a_conflict_is_found_by_its_id_with_the_change_that_closed_it(library: Library) -> None:
    desk = library.desk("ask")
    base = fought(desk)
    desk.push(change(3, "UPDATE", base=base, phone="mine"))
    (conflict,) = desk.whole()["conflicts"]
    with desk.store.reading(desk.book_id) as book:
        assert book.find_conflict(conflict.id) == (conflict, None)
        assert book.open_conflict_keys([conflict.id, uuid(99)]) == {conflict.id: conflict.key}
        assert book.conflicts(conflict.key) == [conflict]
        assert book.conflicts((desk.table, uuid(2))) == []
    desk.push(change(4, "UPDATE", base=desk.head(), phone="mine") | {"resolves": [conflict.id]})
    with desk.store.reading(desk.book_id) as book:
        closed, closed_by = book.find_conflict(conflict.id) or (None, None)
        assert closed is not None
        assert (closed.key, closed_by) == (conflict.key, uuid(4))
        assert book.open_conflict_keys([conflict.id]) == {}
        assert book.find_conflict(uuid(99)) is None


def test_a_conflict_holds_both_versions(library: Library) -> None:
    desk = library.desk("ask")
    base = fought(desk)
    desk.push(change(3, "UPDATE", base=base, phone="mine", details={"k1": ADDRESS}))
    (conflict,) = desk.whole()["conflicts"]
    assert (conflict.cell, conflict.ours, conflict.theirs, conflict.base) == ("phone", "theirs", "mine", base)
    assert (conflict.winner.change_id, conflict.change_id, conflict.replica) == (uuid(2), uuid(3), uuid(1))
    assert desk.live()[uuid(1)]["details"] == {"k1": ADDRESS}, "what nobody contests is taken"


def test_a_later_conflict_from_the_same_replica_takes_the_place_of_its_open_one(library: Library) -> None:
    desk = library.desk("ask")
    base = fought(desk)
    desk.push(change(3, "UPDATE", base=base, phone="mine"), change(4, "UPDATE", base=base, by=3, phone="third"))
    desk.push(change(5, "UPDATE", base=base, phone="mine again"), change(6, "UPDATE", base=base, phone="and again"))
    assert [one.theirs for one in desk.whole()["conflicts"]] == ["third", "and again"]


def test_a_conflict_says_what_both_of_its_versions_began_with(library: Library) -> None:
    desk = library.desk("ask")
    base = fought(desk)
    desk.seq(change(3, "UPDATE", by=2, base=desk.head(), phone="theirs again"))
    desk.push(change(4, "UPDATE", base=base, phone="mine"), insert(5, 2, name="nobody's"))
    (conflict,) = desk.whole()["conflicts"]
    assert (conflict.common, conflict.ours, conflict.theirs) == ("old", "theirs again", "mine")


@pytest.mark.parametrize("phone", ["theirs", "mine", "a third"])
def test_a_change_settles_the_conflict_that_it_names(library: Library, phone: str) -> None:
    desk = library.desk("ask")
    desk.push(change(3, "UPDATE", base=fought(desk), phone="mine"))
    before = desk.pull()
    (conflict,) = desk.whole()["conflicts"]
    settles = change(4, "UPDATE", base=desk.head(), phone=phone) | {"resolves": [conflict.id, uuid(99)]}
    seq = desk.seq(settles)
    assert desk.whole()["conflicts"] == []
    assert desk.live()[uuid(1)]["phone"] == phone
    after = desk.pull(before["cursor"])["changes"]
    assert [(row["table"], row["seq"]) for row in after] == [(desk.table, seq), ("conflicts", seq)]
    assert after[1]["record_id"] == conflict.id
    assert after[1]["data"] is None
    whole = desk.whole()
    assert desk.verdicts(settles) == ["applied"]
    assert desk.whole() == whole


def test_a_page_holds_the_conflicts_of_the_seqs_that_it_spans(library: Library) -> None:
    desk = library.desk("ask")
    base = desk.seq(insert(1, email="e", phone="p"))
    desk.push(insert(2, 2), insert(3, 3), change(4, "UPDATE", by=2, base=base, phone="2", email="2"))
    desk.push(change(5, "UPDATE", base=base, phone="3", email="3"), insert(6, 4))
    pages = desk.pages(None, 1)
    told = [[(row["table"], row["record_id"][-1]) for row in page["changes"]][:1] for page in pages]
    assert told == [[(desk.table, number)] for number in "2314"]
    assert [len(page["changes"]) for page in pages] == [1, 1, 3, 1]


def test_conflicts_come_oldest_first_whatever_the_order_of_cells(library: Library) -> None:
    desk = library.desk("ask")
    base = desk.seq(insert(1, email="e", phone="p"))
    desk.seq(change(2, "UPDATE", by=2, base=base, phone="2", email="2"))
    desk.push(change(3, "UPDATE", base=base, phone="3", email="3"), change(4, "UPDATE", by=3, base=base, email="4"))
    found = [(one.cell, one.theirs) for one in desk.whole()["conflicts"]]
    assert found == [("email", "3"), ("phone", "3"), ("email", "4")]


# --- pages ---------------------------------------------------------------------------------------------------------


def filled(desk: Desk, count: int = 7) -> list[int]:
    return [desk.seq(insert(number, number)) for number in range(1, count + 1)]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_hold_every_record_once_and_by_seq(desk: Desk, limit: int) -> None:
    seqs = filled(desk)
    for start in (None, str(parse_cursor(desk.pull()["cursor"])._replace(seq=0))):
        pages = desk.pages(start, limit)
        assert [row["seq"] for page in pages for row in page["changes"]] == seqs
        assert all(len(page["changes"]) == limit for page in pages[:-1])
        assert pages[-1]["changes"]
        assert pages[-1]["cursor"] == desk.pull()["cursor"]


def test_a_page_says_of_which_book_and_after_what_it_is(desk: Desk) -> None:
    filled(desk, 2)
    page = desk.pull()
    assert page["since"] is None
    assert page["book"] == uuid(900_000 + desk.book_id)
    assert desk.pull(page["cursor"])["since"] == page["cursor"]


def test_nothing_new_is_an_empty_page_and_the_same_cursor(desk: Desk) -> None:
    for _ in range(2):
        cursor = desk.pull()["cursor"]
        page = desk.pull(cursor)
        assert (page["changes"], page["cursor"], page["more"]) == ([], cursor, False)
        filled(desk, 1)


def test_a_record_that_changes_between_two_pages_comes_once_more_as_it_is(desk: Desk) -> None:
    seqs = filled(desk, 4)
    first = desk.pull(limit=2)
    desk.seq(change(11, "UPDATE", 1, base=seqs[0], phone="new"))
    desk.seq(change(12, "DELETE", 2, base=seqs[1]))
    desk.seq(change(13, "UPDATE", 4, base=seqs[3], phone="new"))
    pages = [first, *desk.pages(first["cursor"], 2)]
    rows = [row["record_id"] for page in [*pages, *desk.pages(pages[-1]["cursor"])] for row in page["changes"]]
    assert rows == [uuid(record) for record in (1, 2, 3, 1, 2, 4)]


def test_a_device_that_follows_the_pages_holds_what_lives(desk: Desk) -> None:
    seqs = filled(desk, 5)
    held = [desk.pull(limit=2)]
    for number, record in enumerate([2, 5, 1], start=11):
        desk.seq(change(number, "DELETE", record, base=seqs[record - 1]))
        held.append(desk.pull(held[-1]["cursor"], 2))
    held += desk.pages(held[-1]["cursor"], 2)
    assert rows_of(held) == desk.live()
    assert set(desk.live()) == {uuid(3), uuid(4)}


def test_a_snapshot_holds_live_records_only(desk: Desk) -> None:
    seqs = filled(desk, 3)
    desk.seq(change(11, "DELETE", 2, base=seqs[1]))
    rows = [row for page in desk.pages(None, 1) for row in page["changes"]]
    assert [row["record_id"] for row in rows] == [uuid(1), uuid(3)]


def test_a_snapshot_ends_where_the_book_stood_when_it_began(desk: Desk) -> None:
    filled(desk, 4)
    first = desk.pull(limit=2)
    filled_later = desk.seq(insert(11, 11))
    second = desk.pull(first["cursor"], 2)
    assert not second["more"]
    assert len(second["changes"]) == 2
    assert [row["seq"] for row in desk.pull(second["cursor"])["changes"]] == [filled_later]


def test_a_push_is_answered_with_the_page_after_its_since(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    answer = desk.sync(insert(1), since=cursor)
    assert [row["record_id"] for row in answer["changes"]] == [uuid(1)]
    assert answer["since"] == cursor
    assert desk.sync(since=answer["cursor"])["changes"] == []


def test_a_push_that_asks_for_nothing_is_answered_without_a_page(desk: Desk) -> None:
    assert desk.sync(insert(1), asks=False).keys() == {"book", "results"}


# --- cursors that can't be served ----------------------------------------------------------------------------------


def refused(desk: Desk, cursor: str) -> tuple[str, int]:
    with pytest.raises(CursorGone) as gone:
        desk.pull(cursor)
    assert gone.value.book == uuid(900_000 + desk.book_id)
    return gone.value.reason, gone.value.kept


def test_a_cursor_of_another_epoch_is_refused(desk: Desk) -> None:
    (seq,) = filled(desk, 1)
    assert refused(desk, f"another.{seq}") == ("epoch", seq)
    assert refused(desk, f"another.{seq - 1}") == ("epoch", 0)


def test_a_cursor_below_the_prune_line_is_refused_and_all_is_kept(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    seqs = filled(desk, 2)
    desk.prune(seqs[0])
    assert refused(desk, cursor) == ("pruned", seqs[1])


def test_a_cursor_at_the_prune_line_is_served(desk: Desk) -> None:
    filled(desk, 1)
    cursor = desk.pull()["cursor"]
    desk.prune(desk.head())
    assert desk.pull(cursor)["changes"] == []


def test_a_cursor_that_the_log_does_not_hold_is_refused_and_says_up_to_where_it_is_what_it_was(desk: Desk) -> None:
    (seq,) = filled(desk, 1)
    epoch = parse_cursor(desk.pull()["cursor"]).epoch
    assert refused(desk, f"{epoch}.{seq - 1}") == ("unknown", 0)
    assert refused(desk, f"{epoch}.{seq + 1}") == ("unknown", seq)


def test_a_cursor_made_before_pruning_is_still_in_the_log(desk: Desk) -> None:
    seqs = filled(desk, 2)
    cursor = desk.pull()["cursor"]
    desk.seq(change(11, "DELETE", 2, base=seqs[1]))
    desk.prune(seqs[1])
    assert [row["data"] for row in desk.pull(cursor)["changes"]] == [None]


def test_the_cursor_of_an_empty_book_is_served(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    seqs = filled(desk, 2)
    assert [row["seq"] for row in desk.pull(cursor)["changes"]] == seqs


def test_a_push_with_a_cursor_that_is_gone_applies_nothing(desk: Desk) -> None:
    filled(desk, 1)
    before = desk.whole()
    with pytest.raises(CursorGone):
        desk.sync(insert(2, 2), since="another.1")
    assert desk.whole() == before
    assert desk.verdicts(insert(2, 2)) == ["applied"], "and its change is not taken for known"


# --- seq -----------------------------------------------------------------------------------------------------------


def test_seq_is_the_servers_time_and_grows_when_that_goes_back(desk: Desk) -> None:
    assert desk.seq(insert(1)) == LATER + TICK
    desk.now -= 10 * TICK
    assert desk.seq(insert(2, 2)) == LATER + TICK + 1


def test_a_time_in_the_future_is_clamped_to_the_servers(desk: Desk) -> None:
    desk.seq(insert(1, phone="1") | {"timestamp": "2199-01-01T00:00:00.000Z"})
    assert desk.history()[0].timestamp == iso_millis(desk.now // 1000)


# --- transactions and walls ----------------------------------------------------------------------------------------


class Fault(Exception):
    pass


def test_a_fault_after_a_batch_was_carried_out_leaves_nothing_behind(library: Library) -> None:
    desk = library.desk("ask")
    base = fought(desk)
    before = desk.whole()
    batch = [insert(3, 3, **WHOLE), change(4, "UPDATE", base=base, phone="mine", details={"k1": ADDRESS})]
    with pytest.raises(Fault), desk.store.writing(desk.book_id) as book:
        apply_batch(book, ORIGIN, [parsed(desk, item) for item in batch], desk.now + TICK)
        book.prune(RetentionLimits(base, base))
        raise Fault
    assert desk.whole() == before
    assert desk.verdicts(*batch) == ["applied", "conflict"]


def parsed(desk: Desk, item: Json) -> Json:
    return parse_change(desk.store.schema, desk.of_table(item), uuid(1))


def test_what_is_written_can_be_read_before_it_is_committed_by_nobody_else(desk: Desk) -> None:
    filled(desk, 1)
    before = desk.whole()
    with desk.store.writing(desk.book_id) as book:
        apply_batch(book, ChangeOrigin(), [parsed(desk, insert(2, 2))], desk.now + TICK)
        assert desk.whole() == before
    assert len(desk.live()) == 2


def test_books_never_meet_though_they_use_the_same_ids(library: Library) -> None:
    ours, theirs = library.desk(), library.desk("ask")
    base = ours.seq(insert(1, phone="ours", details={"k1": ADDRESS}))
    assert theirs.verdicts(insert(1, phone="theirs", details={"k1": {"kind": "url"}})) == ["applied"]
    assert ours.verdicts(change(2, "DELETE", base=base)) == ["applied"]
    ours.prune(ours.head())
    theirs_now = theirs.whole()
    assert ours.live() == {}
    assert ours.history() == []
    assert theirs.live()[uuid(1)]["phone"] == "theirs"
    assert theirs.live()[uuid(1)]["details"] == {"k1": {"kind": "url"}}
    fight = change(3, "UPDATE", base=0, by=2, phone="fight", details={"k1": {"label": "fight"}})
    assert theirs.verdicts(fight) == ["conflict"]
    assert ours.whole()["conflicts"] == []
    assert theirs.whole() != theirs_now


# --- what is compared ----------------------------------------------------------------------------------------------


def compared(desk: Desk, *ranges: Json, records: bool = False, **more: Json) -> Json:
    question = {"table": desk.table, "ranges": list(ranges) or [["", None]], "records": records, "digest": 2, **more}
    return compare(desk.store, desk.book_id, parse_compare(desk.store.schema, desk.store.schema, question))


def by_the_core(desk: Desk) -> dict[str, int]:
    """The digest of each record that lives, made of what it holds."""
    records = desk.whole()["records"].values()
    return {record.id: digest_of(record) for record in records if not record.deleted}


def test_digests_are_those_of_what_each_record_holds(desk: Desk) -> None:
    first = desk.seq(insert(1, **WHOLE))
    desk.push(
        insert(2, 2, notes="\U0001f600"), insert(3, 3), change(4, "DELETE", 3, base=0), insert(5, 4, starred=True)
    )
    desk.push(change(6, "UPDATE", 1, base=first, email="", details={"k2": None, "k3": {"kind": "url", "position": -1}}))
    (told,) = compared(desk, records=True)["ranges"]
    assert told["records"] == by_the_core(desk)
    assert len(told["records"]) == 3
    assert told["digest"] == sum(told["records"].values()) % MODULUS
    assert told["count"] == 3


def test_what_is_left_out_does_not_count(desk: Desk) -> None:
    desk.push(insert(1, **WHOLE), insert(2, 2, notes="n"), insert(3, 3))
    records = desk.whole()["records"].values()
    for without in (["notes"], ["details"], ["details.street", "phone", "unknown"]):
        made = {record.id: digest_of(record, frozenset(without)) for record in records}
        answer = compared(desk, records=True, without=without)
        assert answer["ranges"] == [{"count": 3, "digest": sum(made.values()) % MODULUS, "records": made}]
        assert made != by_the_core(desk)


def test_digest_1_is_made_from_what_each_record_holds(desk: Desk) -> None:
    desk.push(insert(1, **WHOLE), insert(2, 2, notes="\U0001f600"), insert(3, 3), change(4, "DELETE", 3, base=0))
    records = [record for record in desk.whole()["records"].values() if not record.deleted]
    table = desk.store.schema[desk.table]
    made = {record.id: first_digest_of(table, record) for record in records}
    answer = compared(desk, records=True, digest=1)
    assert answer["ranges"] == [{"count": 2, "digest": sum(made.values()) % MODULUS, "records": made}]
    assert answer["shape"] == shape_of(table)
    assert "digest" not in answer


def test_ranges_hold_what_lies_between_their_bounds(desk: Desk) -> None:
    for number in (1, 2, 3):
        desk.seq(insert(number, number))
    made = by_the_core(desk)
    ranges = [["", uuid(2)], [uuid(2), uuid(3)], [uuid(3), "1"], ["1", None]]
    told = compared(desk, *ranges, records=True)["ranges"]
    assert [one["records"] for one in told] == [{uuid(n): made[uuid(n)]} for n in (1, 2, 3)] + [{}]
    assert told[3] == {"count": 0, "digest": 0, "records": {}}
    assert "records" not in compared(desk, *ranges)["ranges"][0]


def test_records_are_told_where_they_are_few(desk: Desk) -> None:
    desk.push(*(insert(number, number) for number in range(1, RECORDS_MAX + 2)))
    whole, few = compared(desk, records=True), compared(desk, ["", uuid(2)], [uuid(2), None], records=True)
    assert "records" not in whole["ranges"][0]
    assert [len(one["records"]) for one in few["ranges"]] == [1, RECORDS_MAX]


def test_pruning_changes_no_digest(desk: Desk) -> None:
    base = desk.seq(insert(1, **WHOLE))
    desk.push(change(2, "UPDATE", 1, base=base, details={"k1": None}), insert(3, 2), change(4, "DELETE", 2, base=0))
    before = compared(desk, records=True)
    desk.prune(desk.head())
    assert compared(desk, records=True) == before


def test_a_comparison_says_of_which_book_and_at_which_cursor_it_is(desk: Desk) -> None:
    desk.seq(insert(1))
    page, told = desk.pull(), compared(desk)
    assert (told["book"], told["cursor"]) == (page["book"], page["cursor"])


def test_rows_by_their_ids_are_those_of_a_page(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    desk.push(insert(1, 1, **WHOLE), insert(2, 2), insert(3, 3), change(4, "DELETE", 3, base=0))
    ids = [uuid(3), uuid(1), uuid(3)]
    answer = fetch(desk.store, desk.book_id, parse_fetch(desk.store.schema, {"table": desk.table, "ids": ids}))
    pages = {row["record_id"]: row for row in desk.pull(cursor)["changes"]}
    assert answer["rows"] == [pages[uuid(3)], pages[uuid(1)]]
    assert answer["cursor"] == desk.pull()["cursor"]


def test_the_row_of_a_record_that_never_was_is_a_tombstone_of_the_books_seq(desk: Desk) -> None:
    head = desk.seq(insert(1))
    question = parse_fetch(desk.store.schema, {"table": desk.table, "ids": [uuid(9)]})
    (row,) = fetch(desk.store, desk.book_id, question)["rows"]
    assert (row["record_id"], row["operation"], row["seq"], row["data"]) == (uuid(9), "DELETE", head, None)
