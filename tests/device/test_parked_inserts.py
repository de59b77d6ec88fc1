"""A parked INSERT, and a record of the same id that others make and delete: each keeps what was typed over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from offbook import Replica, Response
from tests.device.fake_server import Server, wire

SHARED = "5a5a5a5a-0000-4000-8000-000000000001"
"""Two devices that import the same file make records of the same ids."""

LONG = "5" * 101
"""No phone number that can be sent."""


@pytest.fixture
def parked(a: Replica, b: Replica) -> Replica:
    """The device a, whose INSERT is parked and hidden by the record that b made of the same id."""
    a.sync()
    insert(b, phone="1")
    b.sync()
    insert(a, name="Own", phone=LONG)
    a.sync()
    assert shown(a) == ("Ada", "1")
    return a


def insert(replica: Replica, name: str = "Ada", phone: str = "1") -> None:
    replica.connection.execute("INSERT INTO contacts (id, name, phone) VALUES (?, ?, ?)", (SHARED, name, phone))


def shown(replica: Replica) -> tuple[Any, Any] | None:
    row = next(iter(replica.contacts.list()), None)
    return None if row is None else (row["name"], row["phone"])


def sync_and_type_meanwhile(replica: Replica, types: Callable[[], None]) -> None:
    """What is typed while the server answers waits over what that answer brings."""

    def answers(body: bytes, server: Server) -> Response:
        response = server.answer(body)
        types()
        return response

    wire(replica).steps = [answers]
    replica.sync()


def test_it_shows_as_it_was_typed_when_the_record_that_hid_it_is_deleted(parked: Replica, b: Replica) -> None:
    b.contacts.delete(SHARED)
    b.sync()
    parked.sync()
    assert shown(parked) == ("Own", LONG)


def test_it_takes_in_what_is_typed_over_it_then(parked: Replica, b: Replica, server: Server) -> None:
    b.contacts.delete(SHARED)
    b.sync()
    parked.sync()
    parked.contacts.update(SHARED, email="own@example.org")
    parked.sync()
    (line,) = parked.parked()
    assert line.data == {"name": "Own", "phone": LONG, "email": "own@example.org"}
    assert shown(parked) == ("Own", LONG)
    parked.retry(line.change_id, phone="2")
    parked.sync()
    assert server.contacts[SHARED]["phone"] == "2"


def test_text_that_is_not_utf_8_shows_as_well_as_it_can(a: Replica, b: Replica) -> None:
    a.sync()
    insert(b)
    b.sync()
    b.contacts.delete(SHARED)
    b.sync()
    a.sync()
    a.connection.execute("INSERT INTO contacts (id, name, phone) VALUES (?, CAST(x'ff' AS TEXT), ?)", (SHARED, 9.5))
    a.sync()
    assert [line.code for line in a.parked()] == ["bad_text"]
    assert shown(a) == ("\N{REPLACEMENT CHARACTER}", "9.5")


def test_an_edit_of_the_record_that_hides_it_is_sent_though_others_delete_that(
    parked: Replica, b: Replica, server: Server
) -> None:
    """The edit brings the record back, and does not go into the INSERT, of whose number its writer saw nothing."""
    b.contacts.delete(SHARED)
    b.sync()
    sync_and_type_meanwhile(parked, lambda: parked.contacts.update(SHARED, phone="2"))
    assert shown(parked) == ("Ada", "2")
    parked.sync()
    assert server.contacts[SHARED]["phone"] == "2"
    assert [line.data for line in parked.parked()] == [{"name": "Own", "phone": LONG}]


def test_what_is_typed_over_such_an_edit_is_sent_behind_it(parked: Replica, b: Replica, server: Server) -> None:
    b.contacts.delete(SHARED)
    b.sync()
    sync_and_type_meanwhile(parked, lambda: parked.contacts.update(SHARED, phone="2"))
    parked.contacts.update(SHARED, email="ada@example.org")
    assert parked.plan().park == []
    parked.contacts.delete(SHARED)
    parked.sync()
    assert server.contacts == {}
    assert (shown(parked), parked.parked(), parked.status().pending) == (None, [], 0)


def test_an_edit_of_the_record_that_hides_it_is_parked_beside_it_where_that_is_gone_for_good(
    parked: Replica, b: Replica, server: Server
) -> None:
    parked.contacts.update(SHARED, phone="2")
    b.contacts.delete(SHARED)
    b.sync()
    server.empty_trash()
    parked.sync()
    assert [line.data for line in parked.parked()] == [{"name": "Own", "phone": LONG}, {"phone": "2"}]
    assert (shown(parked), parked.status().pending) == (("Own", LONG), 0)


def test_a_deletion_that_a_restored_server_gets_again_does_not_take_it_along(
    a: Replica, b: Replica, server: Server
) -> None:
    """It was deleted before the INSERT was typed, and not by whoever typed that."""
    insert(b)
    b.sync()
    a.sync()
    backup = server.backup()
    b.contacts.delete(SHARED)
    b.sync()
    a.sync()
    insert(a, name="Own", phone=LONG)
    a.sync()
    server.restore(backup, "e2")
    a.sync()
    assert server.contacts == {}
    assert [line.data["phone"] for line in a.parked() if line.data] == [LONG]
    assert shown(a) == ("Own", LONG)


def test_a_deletion_of_it_stands_though_an_earlier_one_was_answered_meanwhile(a: Replica, server: Server) -> None:
    """What its writer had seen of the record is less than what the INSERT before it says."""
    a.sync()
    insert(a)
    sync_and_type_meanwhile(a, lambda: a.contacts.delete(SHARED))
    insert(a, name="Own", phone=LONG)
    sync_and_type_meanwhile(a, lambda: a.contacts.delete(SHARED))
    assert shown(a) is None
    a.sync()
    assert (shown(a), a.parked(), a.status().pending, server.contacts) == (None, [], 0, {})
