"""Records that others name by a text: whatever is named is there, on every engine, whoever writes what and when."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS, LABELS
from offbook.core.schema import record_id_of_key
from services import time_travel
from services.batches import undo_batch
from services.naming.renaming import add_all_named
from services.records import KeyTaken, create_record, delete_record, update_record
from services.restore import Actor, restore_book_to
from storage.engines.database import Database
from storage.sql.store import SqlStore
from tests.ops.test_grow import killed_while
from tests.storage.conftest import a_library
from tests.storage.library import ORIGIN, Desk, Library, change, sql_library, uuid
from tests.support.ending_store import Ended, StoreThatEnds

(PLACE,) = BUILT_IN.naming_maps
FRIENDS = record_id_of_key(LABELS, "Friends")
ids = itertools.count(5_000)


@pytest.fixture(scope="module")
def library(store_name: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = a_library(store_name, tmp_path_factory.mktemp(f"naming-{store_name}"), BUILT_IN, CONTACTS.name)
    yield made
    made.close()


@pytest.fixture
def desk(library: Library) -> Desk:
    return library.desk()


def groups(*texts: str) -> dict[str, Any]:
    return {f"k{number}": {"kind": "group", "value": text} for number, text in enumerate(texts)}


def add(desk: Desk, record: int, *texts: str, **more: Any) -> None:
    (answer,) = desk.push(change(next(ids), "INSERT", record, name=f"Person {record}", details=groups(*texts), **more))
    assert answer["verdict"] == "applied", answer


def labels(desk: Desk) -> dict[str, str]:
    """The labels that there are: names by ids."""
    with desk.store.reading(desk.book_id) as book:
        return book.key_texts("labels")


def names(desk: Desk) -> list[str]:
    return sorted(labels(desk).values())


def named(desk: Desk) -> dict[str, int]:
    with desk.store.reading(desk.book_id) as book:
        return dict(book.named_texts(PLACE))


def groups_of(desk: Desk, record: int) -> list[str]:
    (row,) = [row for row in desk.pull()["changes"] if row["record_id"] == uuid(record)]
    return sorted(entry["value"] for entry in row["data"]["details"].values() if entry["kind"] == "group")


def actor(number: int | None = None) -> Actor:
    return Actor(ORIGIN, uuid(7), uuid(number or next(ids)))


def now(desk: Desk) -> int:
    desk.now += 1_000_000
    return desk.now


def rename(desk: Desk, record_id: str, name: str, by: Actor | None = None) -> None:
    args = by or actor(), LABELS, record_id, {"name": name}, lambda seq: True, now(desk)
    update_record(desk.store, desk.book_id, *args)


def delete(desk: Desk, record_id: str, by: Actor | None = None) -> None:
    delete_record(desk.store, desk.book_id, by or actor(), LABELS, record_id, lambda seq: True, now(desk))


# --- what is named is there ------------------------------------------------------------------------------------------


def test_an_unknown_name_adds_its_record_under_the_id_that_every_device_gives_it(desk: Desk) -> None:
    add(desk, 1, "Friends", "Work")
    assert labels(desk) == {FRIENDS: "Friends", record_id_of_key(LABELS, "Work"): "Work"}
    add(desk, 2, "friends ", "Work")
    assert len(labels(desk)) == 2
    assert named(desk) == {"Friends": 1, "friends ": 1, "Work": 2}
    with desk.store.reading(desk.book_id) as book:
        assert book.naming(PLACE, ["Work", "Friends"]) == [uuid(1), uuid(2)]
        assert book.naming(PLACE, ["friends"]) == []


def test_other_details_and_the_groups_of_google_name_nothing(desk: Desk) -> None:
    details = {"k1": {"kind": "custom", "value": "Friends"}, "k2": {"kind": "group", "label": "x"}}
    desk.push(change(next(ids), "INSERT", 1, name="Ada", details=details))
    add(desk, 2, "* myContacts", "My Contacts", "* starred", "  ")
    assert labels(desk) == {}


def test_two_that_add_the_same_one_offline_add_one_record(desk: Desk) -> None:
    desk.push(change(next(ids), "INSERT", 9, by=1, name="Ada", details=groups("Friends")))
    label = change(next(ids), "INSERT", 9, table="labels", by=2, name="Friends") | {"record_id": FRIENDS}
    answers = desk.push(label, change(next(ids), "INSERT", 8, by=2, name="Bob", details=groups("Friends")))
    assert [answer["verdict"] for answer in answers] == ["merged", "applied"]
    assert labels(desk) == {FRIENDS: "Friends"}


def test_the_same_request_again_adds_nothing(desk: Desk) -> None:
    item = change(next(ids), "INSERT", 1, name="Ada", details=groups("Friends"))
    desk.push(item)
    head = desk.head()
    desk.push(item)
    assert desk.head() == head


def test_who_names_one_that_was_deleted_meanwhile_brings_it_back(desk: Desk) -> None:
    add(desk, 1, "Friends")
    base = desk.head()
    delete(desk, FRIENDS)
    assert labels(desk) == {}
    assert groups_of(desk, 1) == []
    desk.push(change(next(ids), "UPDATE", 1, by=5, base=base, details={"k9": {"kind": "group", "value": "Friends"}}))
    assert labels(desk) == {FRIENDS: "Friends"}


def test_one_that_is_still_named_when_it_is_deleted_or_renamed_elsewhere_stays(desk: Desk) -> None:
    add(desk, 1, "Friends")
    with desk.store.reading(desk.book_id) as book:
        base = book.records("labels", [FRIENDS])["labels", FRIENDS].seq
    deletion = change(next(ids), "DELETE", table="labels", base=base, by=3) | {"record_id": FRIENDS}
    desk.push(deletion)
    assert labels(desk) == {FRIENDS: "Friends"}
    renaming = change(next(ids), "UPDATE", table="labels", base=desk.head(), by=3, name="Pals")
    desk.push(renaming | {"record_id": FRIENDS})
    assert names(desk) == ["Friends", "Pals"]
    assert labels(desk)[FRIENDS] == "Pals"


def test_of_two_that_come_to_have_one_name_the_older_stays(desk: Desk) -> None:
    add(desk, 1, "Friends", "Pals")
    rename_to_pals = change(next(ids), "UPDATE", table="labels", base=desk.head(), name="pals") | {"record_id": FRIENDS}
    desk.push(change(next(ids), "UPDATE", 1, base=desk.head(), details={"k0": None}), rename_to_pals)
    assert len(labels(desk)) == 1
    stray = change(next(ids), "INSERT", 77, table="labels", name="PALS")
    desk.push(stray)
    assert uuid(77) not in labels(desk)
    assert len(labels(desk)) == 1


def test_a_contact_that_comes_back_from_the_trash_brings_its_label_back(desk: Desk) -> None:
    add(desk, 1, "Friends")
    desk.push(change(next(ids), "DELETE", 1, base=desk.head()))
    delete(desk, FRIENDS)
    assert labels(desk) == {}
    desk.push(change(next(ids), "INSERT", 1, base=desk.head(), name="Person 1"))
    assert labels(desk) == {FRIENDS: "Friends"}


# --- renaming and deleting -------------------------------------------------------------------------------------------


def test_a_new_name_is_that_of_all_who_have_it_and_the_batch_is_undone_whole(desk: Desk) -> None:
    add(desk, 1, "Friends", "Work")
    add(desk, 2, "FRIENDS")
    add(desk, 3, "Friends", "Pals of mine")
    by = actor()
    rename(desk, FRIENDS, "Pals", by)
    assert groups_of(desk, 1) == ["Pals", "Work"]
    assert groups_of(desk, 2) == ["Pals"]
    assert labels(desk)[FRIENDS] == "Pals"
    assert "Friends" not in names(desk)
    undo_batch(desk.store, desk.book_id, actor(), by.id, now(desk))
    assert (groups_of(desk, 1), groups_of(desk, 2)) == (["Friends", "Work"], ["FRIENDS"])
    assert names(desk) == ["Friends", "Pals of mine", "Work"]


def test_a_name_that_another_has_is_refused_and_another_spelling_of_its_own_is_not(desk: Desk) -> None:
    add(desk, 1, "Friends", "Pals")
    with pytest.raises(KeyTaken, match="another label with this name"):
        rename(desk, FRIENDS, "pals")
    rename(desk, FRIENDS, "friends")
    assert groups_of(desk, 1) == ["Pals", "friends"]


def test_who_has_both_names_by_an_act_has_the_new_one_once(desk: Desk) -> None:
    add(desk, 1, "Friends", "friends")
    rename(desk, FRIENDS, "Pals")
    assert groups_of(desk, 1) == ["Pals"]


def test_deleting_takes_it_from_all_and_undoing_gives_it_back(desk: Desk) -> None:
    add(desk, 1, "Friends", "Work")
    add(desk, 2, "friends")
    by = actor()
    delete(desk, FRIENDS, by)
    assert (groups_of(desk, 1), groups_of(desk, 2), names(desk)) == (["Work"], [], ["Work"])
    undo_batch(desk.store, desk.book_id, actor(), by.id, now(desk))
    assert (groups_of(desk, 1), groups_of(desk, 2)) == (["Friends", "Work"], ["friends"])
    assert names(desk) == ["Friends", "Work"]


@pytest.mark.parametrize("act", ["rename", "delete"])
def test_hundreds_are_changed_in_turns_and_undone(desk: Desk, act: str) -> None:
    many_friends(desk)
    by = actor()
    if act == "rename":
        rename(desk, FRIENDS, "Pals", by)
    else:
        delete(desk, FRIENDS, by)
    assert named(desk) == ({"Pals": 230} if act == "rename" else {})
    assert labels(desk) == ({FRIENDS: "Pals"} if act == "rename" else {})
    undo_batch(desk.store, desk.book_id, actor(), by.id, now(desk))
    assert named(desk) == {"Friends": 230}
    assert labels(desk) == {FRIENDS: "Friends"}


def many_friends(desk: Desk) -> None:
    desk.push(*(change(next(ids), "INSERT", 100 + n, name=f"P {n}", details=groups("Friends")) for n in range(230)))


def rename_that_ends(desk: Desk, turns: int) -> None:
    cut_off = Desk(StoreThatEnds(desk.store, turns), desk.book_id)
    cut_off.now = desk.now
    with pytest.raises(Ended):
        rename(cut_off, FRIENDS, "Pals")
    desk.now = cut_off.now


@pytest.mark.parametrize("turns", [1, 2])
def test_a_rename_that_was_cut_off_is_gone_on_with_by_the_same_again(desk: Desk, turns: int) -> None:
    many_friends(desk)
    rename_that_ends(desk, turns)
    assert named(desk) == {"Friends": 230 - 100 * turns, "Pals": 100 * turns}
    assert names(desk) == ["Friends", "Pals"], "whatever is named is there meanwhile"
    rename(desk, FRIENDS, "Pals")
    assert (named(desk), labels(desk)) == ({"Pals": 230}, {FRIENDS: "Pals"})
    rename(desk, FRIENDS, "Friends")
    rename(desk, FRIENDS, "Pals")
    assert (named(desk), labels(desk)) == ({"Pals": 230}, {FRIENDS: "Pals"})


def test_what_a_rename_began_is_a_label_like_any_other_to_all_else(desk: Desk) -> None:
    many_friends(desk)
    add(desk, 1, "Work")
    rename_that_ends(desk, 1)
    with pytest.raises(KeyTaken):
        rename(desk, record_id_of_key(LABELS, "Work"), "Pals")
    (begun,) = labels(desk).keys() - {FRIENDS, record_id_of_key(LABELS, "Work")}
    rename(desk, begun, "Mates")
    assert named(desk) == {"Friends": 130, "Mates": 100, "Work": 1}
    rename(desk, FRIENDS, "Pals")
    assert (named(desk), names(desk)) == ({"Mates": 100, "Pals": 130, "Work": 1}, ["Mates", "Pals", "Work"])


def test_a_server_that_is_killed_in_the_middle_of_a_rename_leaves_one_that_can_be_finished(tmp_path: Path) -> None:
    library = sql_library("sqlite", tmp_path)
    assert library.database is not None
    for statements in (12, 35, 55):
        desk = library.desk()
        many_friends(desk)

        def rename_there(database: Database, desk: Desk = desk) -> None:
            rename(Desk(SqlStore(database), desk.book_id), FRIENDS, "Pals")

        assert killed_while(library.database, statements, rename_there)
        desk.now += 60_000_000
        rename(desk, FRIENDS, "Pals")
        assert (named(desk), labels(desk)) == ({"Pals": 230}, {FRIENDS: "Pals"})
    library.close()


def test_undoing_what_added_a_label_leaves_it_to_those_who_have_it_too(desk: Desk) -> None:
    batch = uuid(next(ids))
    add(desk, 1, "Friends", "Work")
    desk.push(change(next(ids), "INSERT", 2, name="B", details=groups("Club", "Sea")) | {"batch": batch})
    add(desk, 3, "Club")
    undo_batch(desk.store, desk.book_id, actor(), batch, now(desk))
    assert names(desk) == ["Club", "Friends", "Work"]


def test_a_book_that_goes_back_has_the_labels_of_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    add(desk, 1, "Friends")
    then = desk.head()
    rename(desk, FRIENDS, "Pals")
    add(desk, 2, "Work")
    head = desk.head()
    restore_book_to(desk.store, desk.book_id, actor(), then, now(desk), head)
    assert groups_of(desk, 1) == ["Friends"]
    assert names(desk) == ["Friends"]
    restore_book_to(desk.store, desk.book_id, actor(), head, now(desk))
    monkeypatch.setattr(time_travel, "RECORDS_AT_ONCE", 1)
    list(time_travel.restore_book_in_portions(desk.store, desk.book_id, actor(), then, desk.head(), now(desk)))
    assert (groups_of(desk, 1), names(desk)) == (["Friends"], ["Friends"])


def test_a_label_that_is_added_is_the_one_that_has_this_name(desk: Desk) -> None:
    def post(name: str) -> tuple[str, bool]:
        args = actor(), LABELS, None, {"name": name}, uuid(next(ids)), now(desk)
        record, is_new = create_record(desk.store, desk.book_id, *args)
        return record.id, is_new

    assert post("Friends") == (FRIENDS, True)
    assert post("FRIENDS") == (FRIENDS, False)
    rename(desk, FRIENDS, "Pals")
    assert post("pals") == (FRIENDS, False)
    other, is_new = post("Friends")
    assert is_new
    assert other != FRIENDS
    delete(desk, other)
    delete(desk, FRIENDS)
    assert post("Friends") == (FRIENDS, True)


# --- a book of before ------------------------------------------------------------------------------------------------


def test_what_is_named_in_a_book_of_before_is_added_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr("services.sync.push.following_changes", lambda *args: [])
        add(desk, 1, "Friends", "* myContacts", "Work")
        add(desk, 2, "friends")
    assert labels(desk) == {}
    numbers = itertools.count(8_000)

    def add_all() -> int:
        return add_all_named(desk.store, desk.book_id, lambda: uuid(next(numbers)), now(desk))

    assert add_all() == 2
    assert labels(desk) == {FRIENDS: "Friends", record_id_of_key(LABELS, "Work"): "Work"}
    head = desk.head()
    assert add_all() == 0
    assert desk.head() == head
