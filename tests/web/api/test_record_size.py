"""A contact that would hold more than it may is refused wherever it comes in, and nothing of it is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offbook import Invalid, Replica
from tests.support.api_client import Caller, change
from tests.support.served_schemas import AppTransport

pytestmark = pytest.mark.engines("sqlite")

LONG = {"kind": "property", "label": "X-LONG", "value": "x" * 60_000}
LARGE: dict[str, Any] = {"name": "Ada", "details": {f"k{number}": LONG for number in range(9)}}
FITS: dict[str, Any] = {"name": "Ada", "details": {f"k{number}": LONG for number in range(8)}}


def test_every_door_refuses_it_by_one_code(laptop: Caller) -> None:
    answer = laptop.ask("POST", "/contacts", json=LARGE)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "record_too_large")
    (result,) = laptop.synced(change(data=LARGE))["results"]
    assert (result["verdict"], result["code"]) == ("rejected", "record_too_large")
    contact = laptop.add(**FITS)
    answer = laptop.ask("PATCH", f"/contacts/{contact['id']}", json={"details": {"k9": LONG}})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "record_too_large")
    assert laptop.ask("PATCH", f"/contacts/{contact['id']}", json={"phone": "1"}).status_code == 200


def test_an_import_names_what_it_leaves_out(laptop: Caller) -> None:
    lines = "".join(f"X-{number}:{'y' * 60_000}\r\n" for number in range(9))
    card = f"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\n{lines}END:VCARD\r\n"
    done = laptop.ask("POST", "/contacts/import", data=card).get_json()
    assert done["added"] == 1
    assert [(problem["column"], problem["code"]) for problem in done["problems"]] == [
        ("property X-0", "record_too_large")
    ]


def test_a_device_refuses_it_while_its_writer_is_there(tmp_path: Path) -> None:
    with Replica(tmp_path / "book.db") as book:
        with pytest.raises(Invalid, match="512 kB is the most") as caught:
            book.contacts.add(**LARGE)
        assert caught.value.code == "record_too_large"
        contact = book.contacts.add(**FITS)
        with pytest.raises(Invalid, match="512 kB is the most"):
            book.contacts.update(contact, details={"k9": LONG})
        book.contacts.update(contact, phone="1")
        assert len(book.contacts.get(contact)["details"]) == 8


def test_of_two_devices_that_each_add_half_one_is_parked_with_all_that_it_typed(laptop: Caller, tmp_path: Path) -> None:
    contact = laptop.add(name="Ada", details={f"k{number}": LONG for number in range(4)})
    with Replica(tmp_path / "book.db", transport=AppTransport(laptop.app, laptop.token)) as book:
        book.sync()
        book.contacts.update(contact["id"], details={f"d{number}": LONG for number in range(4)})
        laptop.ask("PATCH", f"/contacts/{contact['id']}", json={"details": {"k9": LONG}})
        assert book.sync().parked == 1
        (parked,) = book.parked()
        assert parked.code == "record_too_large"
        book.contacts.update(contact["id"], details={"k0": None})
        book.sync()
        book.retry(parked.change_id)
        assert book.sync().parked == 0
        assert len(book.contacts.get(contact["id"])["details"]) == 8
