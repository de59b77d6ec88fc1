"""Pruning forgets what is long deleted, and nothing else: in every store."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offbook.core.errors import CursorGone
from offbook.core.policies import POLICIES
from tests.storage.books import Desk, Json, Library, change, rows_of, uuid
from tests.storage.stories import HISTORIES, RECORDS, Push, play


def insert(number: int, record: int = 1, **data: Json) -> Json:
    return change(number, "INSERT", record, **{"name": f"name {record}", **data})


def record(desk: Desk, number: int = 1) -> Json:
    return desk.whole()["records"].get(("contacts", uuid(number)))


# --- what goes and what stays --------------------------------------------------------------------------------------


def test_a_tombstone_stays_until_the_line_reaches_it(desk: Desk) -> None:
    base = desk.seq(insert(1))
    gone = desk.seq(change(2, "DELETE", base=base))
    desk.prune(gone - 1)
    assert record(desk) is not None
    desk.prune(gone)
    assert record(desk) is None


def test_a_removed_entry_stays_until_the_line_reaches_it(desk: Desk) -> None:
    base = desk.seq(insert(1, details={"k1": {"kind": "phone", "value": "1"}, "k2": {"kind": "url", "value": "2"}}))
    gone = desk.seq(change(2, "UPDATE", base=base, details={"k1": None}))
    desk.prune(gone - 1)
    assert record(desk).cells["details/k1/kind"] == "phone"
    desk.prune(gone)
    left = {cell for cell in record(desk).cells if "/" in cell}
    assert left == {"details/k2/@exists", "details/k2/kind", "details/k2/value"}
    assert not any(cell.startswith("details/k1/") for cell in record(desk).clocks)


def test_what_waits_for_a_person_is_not_forgotten(library: Library) -> None:
    desk = library.desk("ask")
    base = desk.seq(insert(1, 1, details={"k1": {"kind": "phone", "value": "1"}}))
    desk.seq(insert(2, 2))
    desk.push(change(3, "DELETE", 2, base=desk.head()), change(4, "UPDATE", 1, base=base, details={"k1": None}))
    edits = [
        change(5, "UPDATE", 2, by=2, base=base, phone="2"),
        change(6, "UPDATE", 1, by=2, base=base, details={"k1": {"label": "l"}}),
    ]
    assert desk.verdicts(*edits) == ["conflict", "conflict"]
    before = desk.whole()["records"]
    desk.prune(desk.head())
    assert desk.whole()["records"] == before


def test_the_text_of_changes_goes_and_their_verdicts_stay(desk: Desk) -> None:
    item = insert(1, phone="secret")
    base = desk.seq(item)
    desk.seq(change(2, "UPDATE", base=base, phone="2"))
    desk.prune(base)
    assert [past.change_id for past in desk.history()] == [uuid(2)]
    assert desk.verdicts(item) == ["applied"]


def test_the_text_of_a_change_that_took_no_seq_goes_by_its_time(desk: Desk) -> None:
    base = desk.seq(insert(1, phone="1"))
    desk.push(change(2, "UPDATE", base=base, phone="1"))
    desk.prune(base)
    assert [past.change_id for past in desk.history()] == [uuid(2)]
    desk.seq(change(3, "UPDATE", base=base, phone="3"))
    desk.prune(desk.head())
    assert desk.history() == []


def test_no_line_lies_above_the_books_head(desk: Desk) -> None:
    head = desk.seq(insert(1))
    cursor = desk.pull()["cursor"]
    desk.prune(head + 1_000_000_000)
    assert desk.pull(cursor)["changes"] == []


def test_the_line_never_goes_back(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    first, second = desk.seq(insert(1)), desk.seq(insert(2, 2))
    desk.prune(second)
    desk.prune(first - 1)
    with pytest.raises(CursorGone):
        desk.pull(cursor)


def test_what_was_pruned_can_be_made_again_and_not_updated(desk: Desk) -> None:
    base = desk.seq(insert(1, phone="1"))
    desk.prune(desk.seq(change(2, "DELETE", base=base)))
    assert desk.push(change(3, "UPDATE", base=base, phone="2"))[0]["code"] == "unknown_record"
    assert desk.verdicts(insert(4)) == ["applied"]
    assert desk.live()[uuid(1)]["phone"] is None


def test_a_pruned_entry_can_be_added_again(desk: Desk) -> None:
    entry = {"kind": "phone", "value": "1"}
    base = desk.seq(insert(1, details={"k1": {**entry, "label": "old"}}))
    gone = desk.seq(change(2, "UPDATE", base=base, details={"k1": None}))
    desk.prune(gone)
    desk.seq(change(3, "UPDATE", base=gone, details={"k1": entry}))
    assert desk.live()[uuid(1)]["details"] == {"k1": entry}


# --- traces --------------------------------------------------------------------------------------------------------


def test_a_snapshot_of_many_pages_ends_while_tombstones_are_pruned(desk: Desk) -> None:
    seqs = [desk.seq(insert(number, number)) for number in range(1, 13)]
    for number in range(1, 7):
        desk.seq(change(100 + number, "DELETE", number, base=seqs[number - 1]))
    desk.prune(desk.head())
    pages = [desk.pull(limit=1)]
    while pages[-1]["more"]:
        assert len(pages) < 50
        number = len(pages)
        desk.seq(change(200 + number, "UPDATE", 12, base=desk.head(), phone=str(number)))
        desk.seq(insert(300 + number, 300 + number))
        desk.push(change(400 + number, "DELETE", 300 + number, base=desk.head()))
        desk.prune(seqs[-1] + number)
        pages.append(desk.pull(pages[-1]["cursor"], 1))
    assert rows_of([*pages, *desk.pages(pages[-1]["cursor"])]) == desk.live()


def test_a_change_that_is_sent_again_after_it_was_pruned_has_one_effect(desk: Desk) -> None:
    item = insert(1, phone="1")
    base = desk.seq(item)
    desk.prune(desk.seq(change(2, "DELETE", base=base)))
    (again,) = desk.push(item)
    assert (again["verdict"], again["record"]) == ("applied", None)
    assert again["seq"] == desk.head(), "so that the device can tell that it is news"
    assert desk.live() == {}


def test_a_rejection_keeps_its_reason_when_it_was_pruned(desk: Desk) -> None:
    item = change(1, "UPDATE", base=0, phone="1")
    (first,) = desk.push(item)
    desk.seq(insert(2, 2))
    desk.seq(insert(3, 3))
    desk.prune(desk.head())
    (again,) = desk.push(item)
    assert (again["code"], again["detail"]) == (first["code"], first["detail"])


# --- the law -------------------------------------------------------------------------------------------------------


@pytest.mark.proof
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=HISTORIES, policy=st.sampled_from(list(POLICIES)), share=st.floats(0, 1))
def test_pruning_never_changes_what_lives(library: Library, story: list[Push], policy: str, share: float) -> None:
    desk = library.desk(policy)
    heads = play(desk, story)
    live, waiting = desk.live(3), desk.whole()["conflicts"]
    line = heads[int(share * (len(heads) - 1))]
    desk.prune(line)
    assert desk.live(3) == live and desk.whole()["conflicts"] == waiting
    tombstones = {row["record_id"] for row in desk.whole(RECORDS)["rows"] if not row["data"] and row["seq"] <= line}
    assert tombstones <= {conflict.record_id for conflict in waiting}
