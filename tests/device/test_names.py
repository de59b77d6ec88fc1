"""A contact's name and its parts on a device: what follows from a rename by plain SQL, and from a correction."""

from __future__ import annotations

from typing import Any

import pytest

from offbook import Replica
from offbook.contacts.names import PARTS
from tests.device.conftest import Device
from tests.device.fake_server import Server

BEA = {"name": "Bea Byron", "given_name": "Bea", "family_name": "Byron"}
LONG = "5" * 101
"""No phone number that can be sent."""


def rename(replica: Replica, name: str, **more: Any) -> None:
    """As any tool does it, by plain SQL and by the name alone."""
    columns = ", ".join(f"{column} = ?" for column in ("name", *more))
    replica.connection.execute(f"UPDATE contacts SET {columns}", (name, *more.values()))


def names(server: Server) -> list[dict[str, Any]]:
    """The names of all contacts, and those of their parts that are filled."""
    return [{cell: data[cell] for cell in ("name", *PARTS) if data.get(cell)} for data in server.contacts.values()]


@pytest.fixture
def renamed(device: Device) -> Replica:
    """A device with one contact, which was renamed by plain SQL since it was synced."""
    a = device("a")
    a.contacts.add(name="Ada King")
    a.sync()
    rename(a, "Bea Byron")
    return a


# --- a rename by plain SQL that waits --------------------------------------------------------------------------------


def test_a_rename_that_waits_is_read_with_its_parts(renamed: Replica) -> None:
    (listed,) = renamed.contacts.list()
    assert {cell: listed[cell] for cell in ("name", *PARTS) if listed[cell]} == BEA
    assert renamed.contacts.get(str(listed["id"])) == listed


@pytest.mark.parametrize("by_sql", [False, True])
def test_a_part_that_is_given_behind_a_rename_is_one_of_the_new_name(
    by_sql: bool, renamed: Replica, server: Server
) -> None:
    (contact,) = renamed.contacts.list()
    if by_sql:
        renamed.connection.execute("UPDATE contacts SET suffix = 'Jr'")
        renamed.connection.execute("UPDATE contacts SET given_name = 'Beatrice'")
    else:
        renamed.contacts.update(str(contact["id"]), suffix="Jr")
        renamed.contacts.update(str(contact["id"]), given_name="Beatrice")
    renamed.sync()
    parts = {"given_name": "Beatrice", "family_name": "Byron", "suffix": "Jr"}
    assert names(server) == [{"name": "Beatrice Byron Jr", **parts}]


def test_a_renamed_contact_that_is_deleted_and_put_back_has_its_parts(renamed: Replica, server: Server) -> None:
    (contact,) = renamed.contacts.list()
    renamed.contacts.delete(str(contact["id"]))
    renamed.contacts.put_back(contact)
    renamed.sync()
    assert names(server) == [BEA]


def test_a_rename_that_can_not_be_sent_is_read_as_it_was_typed_until_it_is_parked(renamed: Replica) -> None:
    rename(renamed, "x" * 301)
    assert renamed.contacts.list()[0]["name"] == "x" * 301
    renamed.sync()
    assert renamed.contacts.list()[0]["name"] == "Bea Byron"


# --- a change that is corrected --------------------------------------------------------------------------------------


def test_a_name_that_is_corrected_in_an_insert_brings_its_parts(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    a.connection.execute("INSERT INTO contacts (name, phone) VALUES ('Ada King', ?)", (LONG,))
    a.sync()
    rename(a, "Bea Byron")
    a.sync()
    (parked,) = a.parked()
    a.retry(parked.change_id, name="Cleo Clark", phone="1")
    a.sync()
    assert names(server) == [{"name": "Cleo Clark", "given_name": "Cleo", "family_name": "Clark"}]


def test_a_name_that_is_corrected_in_an_edit_brings_its_parts(device: Device, server: Server) -> None:
    a = device("a")
    a.contacts.add(name="Ada King")
    a.sync()
    rename(a, "Bea Byron", given_name="Bea", family_name="Byron", phone=LONG)
    a.sync()
    (parked,) = a.parked()
    a.retry(parked.change_id, name="Cleo Clark", phone="1")
    a.sync()
    assert names(server) == [{"name": "Cleo Clark", "given_name": "Cleo", "family_name": "Clark"}]


def test_a_part_that_is_corrected_is_one_of_the_name_that_the_edit_gives(device: Device, server: Server) -> None:
    a = device("a")
    a.contacts.add(name="Ada King")
    a.sync()
    rename(a, "Bea Byron", phone=LONG)
    a.sync()
    (parked,) = a.parked()
    a.retry(parked.change_id, given_name="Beatrice", phone="1")
    a.sync()
    assert names(server) == [{"name": "Beatrice Byron", "given_name": "Beatrice", "family_name": "Byron"}]


def test_a_rename_that_brings_back_what_is_gone_for_good_has_no_parts_of_the_name_before(
    device: Device, server: Server
) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada King")
    a.sync()
    b.sync()
    b.contacts.delete(ada)
    b.sync()
    server.prune()
    rename(a, "Bea")
    a.sync()
    (parked,) = a.parked()
    assert parked.code == "unknown_record"
    a.retry(parked.change_id)
    a.sync()
    assert names(server) == [{"name": "Bea", "given_name": "Bea"}]
