"""Pruning forgets what is long deleted, and nothing else: in every store."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from offbook.core.errors import CursorGone
from offbook.core.merge.policies import POLICIES
from offbook.core.merge.retention import PurgedRows
from tests.storage.library import Desk, Json, Library, change, rows_of, uuid
from tests.storage.scenarios import HISTORIES, RECORDS, Push, play
from tests.support.samples import drawn


def insert(number: int, record: int = 1, **data: Json) -> Json:
    return change(number, "INSERT", record, **{"name": f"name {record}", **data})


def record(desk: Desk, number: int = 1) -> Json:
    return desk.whole()["records"].get((desk.table, uuid(number)))


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


def test_a_deleted_contact_is_emptied_when_the_trash_line_reaches_it_and_still_syncs(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    entries = {"k1": {"kind": "phone", "value": "1"}, "k2": {"kind": "url", "value": "2"}}
    base = desk.seq(insert(1, phone="1", starred=True, details=entries))
    base = desk.seq(change(2, "UPDATE", base=base, phone="2", details={"k2": None}))
    gone = desk.seq(change(3, "DELETE", base=base))
    desk.prune(0, trash=gone - 1)
    assert record(desk).cells["phone"] == "2"
    desk.prune(0, trash=gone)
    left = record(desk)
    assert (left.cells, list(left.clocks), left.seq, left.deleted) == ({}, ["@exists"], gone, True)
    (row,) = desk.pull(cursor)["changes"]
    assert (row["record_id"], row["seq"], row["data"]) == (uuid(1), gone, None)
    assert [entry.id for entry in desk.history()] == [uuid(1), uuid(2), uuid(3)], "the history has its own line"


def test_what_was_emptied_can_be_made_again_and_not_updated(desk: Desk) -> None:
    base = desk.seq(insert(1, phone="1", details={"k1": {"kind": "phone"}}))
    gone = desk.seq(change(2, "DELETE", base=base))
    desk.prune(0, trash=gone)
    (refused,) = desk.push(change(3, "UPDATE", base=gone, phone="2"))
    assert (refused["code"], refused["record"], refused["seq"]) == ("unknown_record", None, gone)
    assert desk.verdicts(change(4, "DELETE", base=gone)) == ["applied"]
    assert desk.verdicts(change(5, "INSERT", base=gone, name="Eve")) == ["applied"]
    assert (desk.live()[uuid(1)]["name"], desk.live()[uuid(1)]["phone"]) == ("Eve", None)
    assert desk.live()[uuid(1)]["details"] == {}


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
    assert desk.prune(0, trash=desk.head()) == PurgedRows()


def a_full_book(desk: Desk) -> tuple[int, int]:
    """Something of all there is to forget, and where its history and its trash end."""
    entries = {"k1": {"kind": "phone"}, "k2": {"kind": "url"}}
    desk.push(*[insert(number, number, details=entries) for number in range(1, 5)])
    desk.push(change(11, "DELETE", 1, base=desk.head()), change(12, "DELETE", 2, base=desk.head()))
    desk.push(change(13, "UPDATE", 3, base=desk.head(), details={"k1": None, "k2": None}))
    desk.push(change(14, "UPDATE", 9, base=0, phone="no such record"))
    history = desk.head()
    desk.push(change(15, "DELETE", 4, base=history), insert(16, 5))
    return history, desk.head()


FORGOTTEN = PurgedRows(tombstones=2, emptied=1, entries=2, changes=7)


def test_what_was_forgotten_is_counted(desk: Desk) -> None:
    assert desk.prune(*a_full_book(desk)) == FORGOTTEN


def test_a_dry_run_tells_what_would_be_forgotten_and_forgets_nothing(desk: Desk) -> None:
    lines = a_full_book(desk)
    before = desk.whole()
    assert desk.prune(*lines, dry_run=True) == FORGOTTEN
    assert desk.whole() == before
    assert desk.prune(*lines) == FORGOTTEN


def test_only_the_history_line_makes_a_device_take_a_snapshot(desk: Desk) -> None:
    cursor = desk.pull()["cursor"]
    history, trash = a_full_book(desk)
    desk.prune(0, trash)
    assert [row["data"] for row in desk.pull(cursor)["changes"]].count(None) == 3
    desk.prune(history, trash)
    with pytest.raises(CursorGone):
        desk.pull(cursor)


def test_the_text_of_changes_goes_and_their_verdicts_stay(desk: Desk) -> None:
    item = insert(1, phone="secret")
    base = desk.seq(item)
    desk.seq(change(2, "UPDATE", base=base, phone="2"))
    desk.prune(base)
    assert [entry.id for entry in desk.history()] == [uuid(2)]
    assert desk.verdicts(item) == ["applied"]


def test_the_text_of_a_change_that_took_no_seq_goes_by_its_time(desk: Desk) -> None:
    base = desk.seq(insert(1, phone="1"))
    desk.push(change(2, "UPDATE", base=base, phone="1"))
    desk.prune(base)
    assert [entry.id for entry in desk.history()] == [uuid(2)]
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


SHARES = st.tuples(st.floats(0, 1), st.floats(0, 1))
"""How far along the story the lines lie."""


@pytest.mark.proof
@drawn(story=HISTORIES, policy=st.sampled_from(list(POLICIES)), shares=SHARES)
def test_pruning_never_changes_what_lives(
    story_library: Library, story: list[Push], policy: str, shares: tuple[float, float]
) -> None:
    desk = story_library.desk(policy)
    heads = play(desk, story)
    live, waiting = desk.live(3), desk.whole()["conflicts"]
    line, trash = sorted(heads[int(share * (len(heads) - 1))] for share in shares)
    desk.prune(line, trash)
    pruned = desk.whole(RECORDS)
    assert desk.live(3) == live
    assert pruned["conflicts"] == waiting
    spared = {conflict.record_id for conflict in waiting}
    dead = [one for one in pruned["records"].values() if one.deleted and one.id not in spared]
    assert not [one for one in dead if one.seq <= line]
    assert not [one for one in dead if one.seq <= trash and one.cells]
    assert desk.prune(line, trash) == PurgedRows(), "twice is once"
    assert desk.whole(RECORDS) == pruned


@pytest.mark.proof
@drawn(story=HISTORIES, policy=st.sampled_from(list(POLICIES)), shares=SHARES, since=st.floats(0, 1))
def test_a_late_device_agrees_after_any_prune_and_nothing_deleted_comes_back(
    story_library: Library, story: list[Push], policy: str, shares: tuple[float, float], since: float
) -> None:
    """Whatever it had when it was last here: its page, or else a snapshot, leaves it with just what lives."""
    desk = story_library.desk(policy)
    seen = []
    heads = play(desk, story, after_each=lambda: seen.append((desk.live(), desk.pull()["cursor"])))
    held, cursor = seen[int(since * (len(seen) - 1))]
    live = desk.live()
    line, trash = sorted(heads[int(share * (len(heads) - 1))] for share in shares)
    desk.prune(line, trash)
    try:
        found = rows_of(desk.pages(cursor, 2), held)
    except CursorGone as gone:
        assert gone.reason == "pruned"
        found = desk.live(2)
    assert found == live
