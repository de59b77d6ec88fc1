"""``book.labels`` and ``offbook label``: labels on a device, and what other versions make of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offbook import Invalid, NotFound, Replica
from offbook.contacts.table import LABELS
from offbook.core.schema import record_id_of_key
from offbook.database.records import RecordTable
from offbook.label_records import LabelRecords
from tests.device.fake_server import Server, Wire
from tests.support import other_versions
from tests.support.cli_runner import Device

FRIENDS = record_id_of_key(LABELS, "Friends")
Open = Callable[..., Replica]


def person(book: Replica, *groups: str, name: str = "Ada") -> str:
    return book.contacts.add(name=name, details=[{"kind": "group", "value": group} for group in groups])


def groups(book: Replica, contact: str) -> list[str]:
    details: Any = book.contacts.get(contact)["details"]
    return sorted(entry["value"] for entry in details.values() if entry["kind"] == "group")


def labels(book: Replica) -> dict[str, str]:
    return {str(label["id"]): str(label["name"]) for label in book.labels.list()}


def batches(book: Replica) -> int:
    (count,) = book.connection.execute("SELECT count(DISTINCT batch) FROM change_log").fetchone()
    return int(count)


# --- with no network -------------------------------------------------------------------------------------------------


def test_a_group_that_names_no_label_yet_adds_it(a: Replica) -> None:
    ada = person(a, "Friends", "friends", "* myContacts")
    assert labels(a) == {FRIENDS: "Friends"}
    a.contacts.update(ada, details={"k": {"kind": "group", "value": "Work"}})
    a.contacts.put_back({**a.contacts.get(ada), "id": "11111111-1111-4111-8111-111111111111"})
    assert a.labels.counts() == {"Friends": 2, "Work": 2}


def test_plain_sql_names_a_label_that_the_next_sync_adds(a: Replica) -> None:
    ada = person(a)
    sql = "INSERT INTO contact_details (contact_id, kind, value) VALUES (?, 'group', 'Friends')"
    a.connection.execute(sql, (ada,))
    assert (labels(a), a.labels.counts()) == ({}, {"Friends": 1})
    a.sync()
    assert labels(a) == {FRIENDS: "Friends"}
    assert a.labels.rename("friends", "Pals") == 1
    assert groups(a, ada) == ["Pals"]


def test_a_label_is_renamed_and_deleted_for_all_who_have_it_as_one_batch(a: Replica, b: Replica) -> None:
    ada, bob = person(a, "Friends", "Work"), person(a, "friends", name="Bob")
    assert a.labels.rename("FRIENDS", "Pals") == 2
    assert (groups(a, ada), groups(a, bob), labels(a)[FRIENDS]) == (["Pals", "Work"], ["Pals"], "Pals")
    a.sync()
    b.sync()
    assert b.labels.counts() == {"Pals": 2, "Work": 1}
    b.labels.delete(FRIENDS)
    assert groups(b, ada) == ["Work"]
    b.sync()
    a.sync()
    assert (a.labels.counts(), labels(a), labels(b)) == ({"Work": 1}, labels(b), labels(a))
    assert batches(b) == 1


def test_contacts_are_given_labels_and_lose_them(a: Replica) -> None:
    ada, bob = person(a), person(a, "friends", name="Bob")
    assert a.labels.add_to("Friends", [ada, bob, ada]) == 1
    assert a.labels.counts() == {"friends": 2}
    assert a.labels.remove_from("FRIENDS", [ada, bob]) == 2
    assert a.labels.counts() == {"friends": 0}
    assert a.labels.add_to("Work", []) == 0
    assert a.labels.counts() == {"friends": 0, "Work": 0}


def test_what_can_not_be_is_refused_and_nothing_is_written(a: Replica) -> None:
    ada = person(a, "Friends", "Work")
    before = a.status().pending
    for name in ("", "  ", "* myContacts", "x" * 2001):
        with pytest.raises(Invalid):
            a.labels.add(name=name)
        with pytest.raises(Invalid):
            a.labels.add_to(name, [ada])
    with pytest.raises(Invalid, match="labels has a label already"):
        a.labels.rename("Friends", "work")
    with pytest.raises(NotFound, match="no label called 'Pals'"):
        a.labels.remove("Pals")
    with pytest.raises(NotFound, match="no contact with the id 'x'"):
        a.labels.add_to("Pals", [ada, "x"])
    assert a.status().pending == before


# --- cut off ----------------------------------------------------------------------------------------------------------


class Killed(Exception):
    pass


def rename_and_die(book: Replica, transactions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rename Friends to Pals, and end before this batch of contacts."""
    left = transactions
    real = RecordTable.some

    def some(*args: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return real(*args)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(RecordTable, "some", some)
        book.labels.rename("Friends", "Pals")


@pytest.mark.parametrize("syncs_between", [False, True])
@pytest.mark.parametrize("is_record", [True, False])
def test_a_rename_that_was_cut_off_is_finished_by_the_same_again(
    a: Replica, b: Replica, monkeypatch: pytest.MonkeyPatch, is_record: bool, syncs_between: bool
) -> None:
    people = [person(a, "Friends", name=f"P {number}") for number in range(25)]
    if not is_record:  # as after plain SQL
        a.connection.execute("DELETE FROM labels")
    rename_and_die(a, 1, monkeypatch)
    assert a.labels.counts() == {"Friends": 15, "Pals": 10}
    if syncs_between:
        a.sync()
        b.sync()
        assert b.labels.counts() == {"Friends": 15, "Pals": 10}
    assert a.labels.rename("Friends", "Pals") == 15
    assert {*(groups(a, contact)[0] for contact in people)} == {"Pals"}
    for book in (a, b, a):
        book.sync()
    assert a.labels.counts() == b.labels.counts() == {"Pals": 25}
    assert list(labels(a).values()) == ["Pals"]
    assert labels(a) == labels(b)
    assert a.verify().repaired == ()


def test_a_rename_that_was_cut_off_is_finished_on_another_device(
    a: Replica, b: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        person(a, "Friends", name=f"P {number}")
    rename_and_die(a, 1, monkeypatch)
    a.sync()
    b.sync()
    with pytest.raises(Invalid, match="labels has a label already"):
        b.labels.rename("Pals", "Friends")
    assert b.labels.rename("friends", "Pals") == 15
    b.sync()
    a.sync()
    assert a.labels.counts() == {"Pals": 25}
    assert labels(a) == labels(b) == {FRIENDS: "Pals"}


def test_few_are_renamed_with_their_label_or_not_at_all(a: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = person(a, "Friends")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(LabelRecords, "_end_rename", die)
        a.labels.rename("Friends", "Pals")
    assert (groups(a, ada), labels(a)) == (["Friends"], {FRIENDS: "Friends"})


def die(*args: Any) -> None:
    raise Killed


# --- two devices -----------------------------------------------------------------------------------------------------


def test_two_devices_that_add_the_same_label_offline_have_one(a: Replica, b: Replica) -> None:
    person(a, "Friends")
    person(b, "FRIENDS", name="Bob")
    for book in (a, b, a, b):
        book.sync()
    assert len(labels(a)) == 1
    assert labels(a) == labels(b)
    assert list(a.labels.counts().values()) == [2]


def test_a_label_that_is_given_while_another_device_deletes_it_stays_with_who_got_it(a: Replica, b: Replica) -> None:
    ada = person(a, "Friends")
    bob = person(a, name="Bob")
    a.sync()
    b.sync()
    b.labels.add_to("Friends", [bob])
    a.labels.remove("Friends")
    for book in (b, a, b, a):
        book.sync()
    assert a.labels.counts() == b.labels.counts() == {"Friends": 1}
    assert (groups(a, ada), groups(a, bob)) == ([], ["Friends"])
    assert labels(a) == labels(b) == {FRIENDS: "Friends"}


def test_a_label_that_is_given_while_another_device_renames_it_stays_beside_the_new_one(a: Replica, b: Replica) -> None:
    ada = person(a, "Friends")
    bob = person(a, name="Bob")
    a.sync()
    b.sync()
    b.labels.add_to("Friends", [bob])
    a.labels.rename("Friends", "Pals")
    for book in (a, b, a, b):
        book.sync()
    assert a.labels.counts() == b.labels.counts() == {"Friends": 1, "Pals": 1}
    assert labels(a) == labels(b)
    assert (groups(b, ada), groups(b, bob)) == (["Pals"], ["Friends"])


# --- other versions --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> other_versions.Modules:
    return other_versions.last(tmp_path_factory.mktemp("last"))


def test_a_device_of_the_last_version_has_groups_that_become_labels(
    last: other_versions.Modules, a: Replica, server: Server, tmp_path: Path
) -> None:
    with last["offbook.replica"].Replica(tmp_path / "old.db", transport=Wire(server)) as old:
        ada = old.contacts.add(name="Ada", details={"k1": {"kind": "group", "value": "Friends"}})
        old.sync()
        a.sync()
        assert labels(a) == {FRIENDS: "Friends"}
        a.labels.rename("Friends", "Pals")
        a.labels.add_to("Work", [ada])
        a.sync()
        old.sync()
        assert sorted(entry["value"] for entry in old.contacts.get(ada)["details"].values()) == ["Pals", "Work"]
        tables = old.connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%label%'").fetchall()
        assert tables == []


def test_the_file_of_a_device_of_before_has_labels_once_it_syncs(
    last: other_versions.Modules, a: Replica, server: Server, tmp_path: Path
) -> None:
    person(a, "Friends")
    a.sync()
    with last["offbook.replica"].Replica(tmp_path / "old.db", transport=Wire(server)) as old:
        old.sync()
    with Replica(tmp_path / "old.db", transport=Wire(server)) as upgraded:
        assert upgraded.labels.counts() == {"Friends": 1}
        upgraded.sync()
        assert labels(upgraded) == {FRIENDS: "Friends"}


def test_a_server_of_before_gets_groups_and_labels_wait(a: Replica, server: Server) -> None:
    server.says_tables = False
    ada = person(a, "Friends")
    a.sync()
    assert (a.status().pending, a.status().held, a.status().parked) == (0, 1, 0)
    assert groups(a, ada) == ["Friends"]
    server.says_tables = True
    a.sync()
    assert (a.status().pending, labels(a)) == (0, {FRIENDS: "Friends"})


# --- a file with a table of that name --------------------------------------------------------------------------------


def test_a_file_with_a_table_of_its_own_called_labels_has_contacts_alone(
    last: other_versions.Modules, a: Replica, server: Server, tmp_path: Path
) -> None:
    ada = person(a, "Friends")
    a.sync()
    path = tmp_path / "old.db"
    with last["offbook.replica"].Replica(path, transport=Wire(server)) as old:
        old.sync()
        old.connection.execute("CREATE TABLE labels (id INTEGER PRIMARY KEY, text TEXT)")
        old.connection.execute("INSERT INTO labels (text) VALUES ('mine')")
    for _ in range(2):
        with Replica(path, transport=Wire(server)) as book:
            book.contacts.update(ada, phone="1")
            book.contacts.add(name="Bob", details=[{"kind": "group", "value": "Work"}])
            book.sync()
            assert list(book.tables) == ["contacts"]
            assert (book.status().pending, book.status().held, book.parked()) == (0, 0, [])
            assert book.connection.execute("SELECT text FROM labels").fetchall() == [("mine",)]
            assert (groups(book, ada), book.verify().repaired) == (["Friends"], ())
            for act in (book.labels.list, book.labels.counts, lambda: book.labels.rename("Friends", "Pals")):
                with pytest.raises(Invalid, match="a table of its own called labels"):
                    act()
    a.sync()
    assert a.labels.counts() == {"Friends": 1, "Work": 2}
    with Replica(path, transport=Wire(server)) as book:
        book.connection.execute("ALTER TABLE labels RENAME TO mine")
    with Replica(path, transport=Wire(server)) as book:
        book.sync()
        assert book.labels.counts() == {"Friends": 1, "Work": 2}
        assert len(labels(book)) == 2


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_does_all_of_it(tmp_path: Path) -> None:
    offbook = Device(tmp_path / "book.db")
    assert offbook("add", "Ada", "--detail", "group=Work").code == 0
    assert offbook("add", "Bob").code == 0
    assert offbook("label", "add", "Friends", "Ada", "Bob").out == "Gave “Friends” to 2 contacts.\n"
    assert offbook("label", "list").out.splitlines() == ["LABEL    CONTACTS", "Friends  2", "Work     1"]
    assert offbook("label", "rename", "friends", "Pals", "--json").json == {"name": "Pals", "contacts": 2}
    assert [contact["name"] for contact in offbook("list", "--label", "PALS", "--json").json] == ["Ada", "Bob"]
    assert [contact["name"] for contact in offbook("list", "bob", "--label", "pals", "--json").json] == ["Bob"]
    assert offbook("list", "--label", "nobody").out == "No contact has the label “nobody”.\n"
    assert offbook("label", "remove", "Pals", "Bob").out == "Took “Pals” from 1 contact.\n"
    assert offbook("label", "rm", "Pals").out == "Deleted “Pals”, which 1 contact had.\n"
    assert offbook("label", "list", "--json").json == [{"name": "Work", "contacts": 1}]
    said = offbook("label", "rm", "Pals")
    assert (said.code, said.err) == (1, "offbook: There is no label called 'Pals' on this device.\n")
    assert offbook("label").code == 2
