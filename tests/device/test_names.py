"""A contact's name and its parts on a device: what is derived where a change that could not be sent is mended."""

from __future__ import annotations

from typing import Any

from offbook import Replica
from offbook.contacts.names import PARTS
from tests.device.conftest import Device
from tests.device.fake_server import Server

LONG = "5" * 101
"""No phone number that can be sent."""


def rename(replica: Replica, name: str, **more: Any) -> None:
    """As any tool does it, by plain SQL and by the name alone."""
    columns = ", ".join(f"{column} = ?" for column in ("name", *more))
    replica.connection.execute(f"UPDATE contacts SET {columns}", (name, *more.values()))


def names(server: Server) -> list[dict[str, Any]]:
    """The names of all contacts, and those of their parts that are filled."""
    return [{cell: data[cell] for cell in ("name", *PARTS) if data.get(cell)} for data in server.contacts.values()]


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
