"""Conflicts on a device: they arrive, a person settles them with no network, and every device hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from offbook import Invalid, NotFound, Offline, Replica
from offbook.database.local_changes import change_log
from offbook.sync.request import next_batch
from tests.device.conftest import Device
from tests.device.fake_server import Server, lost_answer, lost_request, ok, says, wire

THIRD = "555-3"


@pytest.fixture
def server() -> Server:
    return Server("ask")


def contested(a: Replica, b: Replica, **cells: tuple[Any, Any]) -> str:
    """A contact in which each of the cells was given another value on each device, ``b``'s first; both know of it."""
    ada = a.contacts.add(name="Ada", phone="0")
    a.sync()
    b.sync()
    b.contacts.update(ada, **{cell: values[0] for cell, values in cells.items()})
    b.sync()
    a.contacts.update(ada, **{cell: values[1] for cell, values in cells.items()})
    a.sync()
    b.sync()
    return ada


def deleted_and_edited(a: Replica, b: Replica) -> str:
    """A contact that ``b`` deleted and ``a``, which did not know, edited."""
    ada = a.contacts.add(name="Ada", phone="0")
    a.sync()
    b.sync()
    b.contacts.delete(ada)
    b.sync()
    a.contacts.update(ada, phone="a")
    a.sync()
    return ada


def the_conflict(replica: Replica) -> dict[str, Any]:
    (conflict,) = replica.conflicts()
    return conflict


# --- arriving ------------------------------------------------------------------------------------------------------


def test_a_conflict_tells_both_versions_on_every_device(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"))
    conflict = the_conflict(a)
    assert conflict == the_conflict(b)
    assert (conflict["record_id"], conflict["name"], conflict["cell"]) == (ada, "Ada", "phone")
    assert (conflict["common"], conflict["ours"], conflict["theirs"]) == ("0", "b", "a")
    assert conflict["choices"] == ["ours", "theirs", "both"]
    assert a.status().conflicts == b.status().conflicts == 1


def test_a_new_device_hears_of_what_is_open_and_of_nothing_else(a: Replica, b: Replica, device: Device) -> None:
    contested(a, b, phone=("b", "a"), email=("b@example.org", "a@example.org"))
    a.resolve(next(one["id"] for one in a.conflicts() if one["cell"] == "phone"), "ours")
    a.sync()
    c = device("c")
    c.sync()
    assert [one["cell"] for one in c.conflicts()] == ["email"]


def test_what_was_settled_during_an_absence_is_gone_with_the_snapshot(a: Replica, b: Replica, server: Server) -> None:
    contested(a, b, phone=("b", "a"))
    a.resolve_all("theirs")
    a.sync()
    server.prune()
    assert len(b.conflicts()) == 1
    b.sync()
    assert b.conflicts() == []


def test_a_later_conflict_of_the_same_device_takes_the_place_of_its_older_one(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"))
    b.contacts.update(ada, phone="b2")
    b.sync()
    a.contacts.update(ada, phone="a2")
    a.sync()
    b.sync()
    assert the_conflict(a) == the_conflict(b)
    assert the_conflict(a)["theirs"] == "a2"


# --- settling ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "numbers"),
    [
        ({"choice": "ours"}, ["b"]),
        ({"choice": "theirs"}, ["a"]),
        ({"choice": "both"}, ["b", "a"]),
        ({"value": THIRD}, [THIRD]),
    ],
)
def test_a_choice_shows_at_once_and_is_made_on_every_device(
    a: Replica, b: Replica, how: dict[str, Any], numbers: list[str]
) -> None:
    ada = contested(a, b, phone=("b", "a"))
    wire(a).steps = [lost_request]
    a.resolve(the_conflict(a)["id"], **how)
    with pytest.raises(Offline):
        a.sync()
    assert a.conflicts() == []
    assert a.status().pending == 1
    assert phones(a, ada) == numbers
    a.sync()
    b.sync()
    assert b.conflicts() == a.conflicts() == []
    assert phones(b, ada) == numbers


def phones(replica: Replica, record_id: str) -> list[str]:
    contact = replica.contacts.get(record_id)
    return [contact["phone"], *(entry["value"] for entry in contact["details"].values())]


def test_a_choice_is_one_change_with_the_base_that_an_edit_would_have(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"))
    conflict = the_conflict(a)
    a.resolve(conflict["id"], "ours")
    (line,) = change_log.pending_lines(a.connection)
    (seq,) = a.connection.execute("SELECT seq FROM server_rows WHERE record_id = ?", (ada,)).fetchone()
    assert (line.operation, line.data, line.base) == ("UPDATE", {"phone": "b"}, seq)
    assert line.resolves == (conflict["id"],)


def test_a_choice_is_made_once(a: Replica, b: Replica) -> None:
    contested(a, b, phone=("b", "a"))
    conflict = the_conflict(a)
    a.resolve(conflict["id"], "ours")
    with pytest.raises(NotFound):
        a.resolve(conflict["id"], "theirs")


def test_of_two_choices_the_one_that_arrives_first_settles_and_the_other_loses_nothing(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"))
    a.resolve(the_conflict(a)["id"], "theirs")
    b.resolve(the_conflict(b)["id"], value=THIRD)
    a.sync()
    b.sync()
    a.sync()
    assert phones(a, ada) == phones(b, ada) == ["a"]
    assert the_conflict(a)["theirs"] == THIRD, "two people chose without seeing each other"


def test_all_can_be_settled_alike(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"), company=("B", "A"))
    assert a.resolve_all("theirs") == 2
    assert a.conflicts() == []
    assert a.resolve_all("ours") == 0
    a.sync()
    b.sync()
    contact = b.contacts.get(ada)
    assert (contact["phone"], contact["company"], b.conflicts()) == ("a", "A", [])


def test_when_one_can_not_be_settled_so_none_is(a: Replica, b: Replica) -> None:
    contested(a, b, phone=("b", "a"), company=("B", "A"))
    with pytest.raises(Invalid, match="no room for both"):
        a.resolve_all("both")
    assert (len(a.conflicts()), a.status().pending) == (2, 0)


@pytest.mark.parametrize(
    "how",
    [{}, {"choice": "mine"}, {"choice": "ours", "value": "1"}, {"value": "x" * 101}, {"value": 5}, {"what": "1"}],
    ids=str,
)
def test_what_can_not_be_chosen_leaves_the_conflict_waiting(a: Replica, b: Replica, how: dict[str, Any]) -> None:
    contested(a, b, phone=("b", "a"))
    with pytest.raises(Invalid):
        a.resolve(the_conflict(a)["id"], **how)
    assert (len(a.conflicts()), a.status().pending) == (1, 0)


@pytest.mark.parametrize(("choice", "there"), [("ours", False), ("theirs", True)])
def test_a_deletion_against_an_edit_is_a_choice_too(a: Replica, b: Replica, choice: str, there: bool) -> None:
    deleted_and_edited(a, b)
    assert a.contacts.list() == []
    assert the_conflict(a)["cell"] == "@exists"
    a.resolve(the_conflict(a)["id"], choice)
    assert [one["phone"] for one in a.contacts.list()] == ["a"] * there
    a.sync()
    b.sync()
    assert [(one["name"], one["phone"]) for one in b.contacts.list()] == [("Ada", "a")] * there
    assert a.conflicts() == b.conflicts() == []


def test_a_device_that_missed_both_can_choose_the_edit_over_the_deletion(
    a: Replica, b: Replica, device: Device
) -> None:
    ada = a.contacts.add(name="Ada", phone="0")
    c = device("c")
    for one in (a, b, c):
        one.sync()
    b.contacts.delete(ada)
    b.sync()
    a.contacts.update(ada, phone="a")
    a.sync()
    c.sync()
    assert the_conflict(c)["name"] == "Ada"
    assert c.contacts.list() == []
    c.resolve(the_conflict(c)["id"], "theirs")
    c.sync()
    a.sync()
    assert a.contacts.get(ada)["phone"] == c.contacts.get(ada)["phone"] == "a"


# --- on the way ----------------------------------------------------------------------------------------------------


def test_a_choice_whose_answer_is_lost_is_made_once(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"))
    a.resolve(the_conflict(a)["id"], "theirs")
    wire(a).steps = [lost_answer]
    with pytest.raises(Offline):
        a.sync()
    a.sync()
    b.sync()
    assert phones(a, ada) == phones(b, ada) == ["a"]
    assert a.conflicts() == b.conflicts() == []


def test_a_parked_choice_waits_again_and_a_retry_still_settles(a: Replica, b: Replica) -> None:
    ada = contested(a, b, phone=("b", "a"))
    a.resolve(the_conflict(a)["id"], value=THIRD)
    a.connection.execute("UPDATE change_log SET data = ? WHERE synced = 0", (f'{{"phone": "{"x" * 101}"}}',))
    a.sync()
    (parked,) = a.parked()
    assert len(a.conflicts()) == 1
    a.retry(parked.change_id, phone="555-4")
    assert a.conflicts() == []
    a.sync()
    b.sync()
    assert phones(b, ada) == ["555-4"]
    assert b.conflicts() == []


def test_a_parked_choice_that_is_dropped_can_be_made_anew(a: Replica, b: Replica) -> None:
    contested(a, b, phone=("b", "a"))
    a.resolve(the_conflict(a)["id"], value=THIRD)
    a.connection.execute("UPDATE change_log SET data = '{}', timestamp = 'soon' WHERE synced = 0")
    a.sync()
    a.drop(a.parked()[0].change_id)
    a.resolve(the_conflict(a)["id"], "ours")
    a.sync()
    b.sync()
    assert b.conflicts() == []


def test_a_server_that_went_back_is_told_the_choice_again(a: Replica, b: Replica, server: Server) -> None:
    ada = contested(a, b, phone=("b", "a"))
    backup = server.backup()
    a.resolve(the_conflict(a)["id"], "theirs")
    a.sync()
    server.restore(backup, "e2")
    server.kept = backup.book.seq
    a.sync()
    b.sync()
    assert phones(a, ada) == phones(b, ada) == ["a"]
    assert a.conflicts() == b.conflicts() == []


def test_a_parked_insert_takes_a_choice_behind_it_along(a: Replica, b: Replica) -> None:
    """A contact that was brought back here in a way that can't be sent, when a person chose to keep it deleted."""
    ada = deleted_and_edited(a, b)
    a.connection.execute("INSERT INTO contacts (id, name, phone) VALUES (?, 'Ada', ?)", (ada, "x" * 101))
    a.sync()
    assert len(a.parked()) == 1
    a.resolve(the_conflict(a)["id"], "ours")
    a.sync()
    b.sync()
    assert (a.parked(), a.conflicts(), b.conflicts()) == ([], [], [])


# --- a server that lies --------------------------------------------------------------------------------------------

GOOD: dict[str, Any] = {
    "table": "contacts",
    "record_id": "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01",
    "cell": "details/k1/value",
    "ours": ["1 Elm", None, "Rome"],
    "theirs": "2 Elm",
    "ours_by": {"user": "ada", "device": "laptop", "at": "2026-11-20T17:00:00.000Z"},
}


def test_a_conflict_of_several_parts_shows_them(a: Replica) -> None:
    say_conflict(a, GOOD)
    conflict = the_conflict(a)
    assert conflict["ours"] == ("1 Elm", None, "Rome", *[None] * 5)
    assert conflict["ours_by"] == GOOD["ours_by"]
    assert conflict["theirs_by"] == {"user": None, "device": None, "at": None}


@pytest.mark.parametrize(
    "lie",
    [
        {"table": "sqlite_master"},
        {"table": []},
        {"record_id": "x"},
        {"cell": None},
        {"cell": ""},
        {"cell": "a\0b"},
        {"cell": "@exists"},
        {"cell": "starred", "ours": 5},
        {"ours": {"a": 1}},
        {"ours": [[1]]},
        {"ours": 2**63, "cell": "no_such"},
        {"common": "a\0b"},
        {"cell": "phone", "ours": ["1"] * 2},
    ],
    ids=str,
)
def test_a_conflict_that_can_not_be_held_is_left_out(a: Replica, lie: dict[str, Any]) -> None:
    say_conflict(a, GOOD | lie)
    assert a.conflicts() == []


@pytest.mark.parametrize(
    "more",
    [
        {"cell": "no_such", "ours": "1", "theirs": 5},
        {"cell": "no_such", "ours": True, "theirs": None},
        {"cell": "no_such", "ours": 1.5, "theirs": None},
        {"cell": "details/k1/no_such", "ours": ["1", None], "theirs": None},
        {"ours": ["1 Elm", None, "Rome", *[None] * 5, "Box 5"]},
    ],
    ids=str,
)
def test_a_conflict_about_what_this_version_does_not_know_is_shown_and_left_for_others(
    a: Replica, more: dict[str, Any]
) -> None:
    say_conflict(a, GOOD | more)
    conflict = the_conflict(a)
    assert conflict["choices"] == []
    assert conflict["ours"] == (tuple(more["ours"]) if isinstance(more["ours"], list) else more["ours"])
    with pytest.raises(Invalid, match="update it, or decide elsewhere"):
        a.resolve(conflict["id"], "ours")
    with pytest.raises(Invalid, match="update it, or decide elsewhere"):
        a.resolve(conflict["id"], value="1")
    with pytest.raises(Invalid, match="update it, or decide elsewhere"):
        a.resolve_all("theirs")
    assert a.status().conflicts == 1


def test_a_version_that_nobody_could_type_here_can_be_chosen(a: Replica) -> None:
    """A newer server's text, longer than this version's limit: what it said is no typing, and is not parked."""
    say_conflict(a, GOOD | {"cell": "details/k1/label", "ours": "x" * 101, "theirs": "y" * 102, "common": None})
    a.resolve(the_conflict(a)["id"], "theirs")
    batch = next_batch(a.connection, 1000)
    assert (len(batch.lines), batch.parked) == (1, 0)


@pytest.mark.parametrize("author", [None, "x", {"user": 5, "device": "d\0" * 300, "at": "soon"}], ids=str)
def test_who_wrote_a_version_is_only_shown(a: Replica, author: Any) -> None:
    say_conflict(a, GOOD | {"ours_by": author})
    by = the_conflict(a)["ours_by"]
    assert (by["user"], by["at"]) == (None, None)
    assert by["device"] is None or set(by["device"]) == {"d"}


def say_conflict(replica: Replica, data: Any) -> None:
    row = {"table": "conflicts", "record_id": "c0000000-0000-4000-8000-000000000001", "seq": 5, "data": data}
    answer = {"book": Server().uuid, "results": [], "since": None, "changes": [row], "cursor": "e1.5", "more": False}
    wire(replica).steps = [says(ok(answer))]
    replica.sync()
