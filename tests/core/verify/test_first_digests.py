"""Digest 1: what devices of before make, and servers of before have stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.model import Clock, Record, Value
from offbook.core.schema import Field, Map, Table
from offbook.core.verify.digests import HASH_BYTES, MODULUS, hash_of, hash_of_line
from offbook.core.verify.first_digests import first_digest, first_digest_of, shape_of

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
SEQ = 1_795_000_000_000_000
ADDRESS = ("", "12 Park Lane", "London", None, None, None)
CELLS: dict[str, Value] = {
    "name": "Ada Löve\U0001f600",
    "phone": "555-1234",
    "starred": True,
    "details/k1/@exists": True,
    "details/k1/kind": "address",
    "details/k1/value": ADDRESS,
    "details/k1/position": 0,
    "details/k2/@exists": True,
    "details/k2/kind": "phone",
    "details/k2/value": ("555-9", None, None, None, None, None),
}
REMOVED: dict[str, Value] = {
    "details/k3/@exists": False,
    "details/k3/kind": "phone",
    "details/k3/value": ("555-0", None, None, None, None, None),
}


def of(cells: dict[str, Value], record_id: str = ADA, seq: int = SEQ) -> int:
    return first_digest(CONTACTS, record_id, seq, cells)


def test_a_hash_is_what_it_was_in_every_version_before() -> None:
    """Servers have stored it, and devices of other versions make it."""
    assert hash_of(["contacts", ADA, str(SEQ), "Ö", ""]) == 439_069_309_880


def test_a_digest_is_the_sum_of_the_hashes_of_its_lines() -> None:
    own = ["contacts", ADA, str(SEQ), "Ada Löve\U0001f600", "", "", "555-1234", *[""] * 15, "1"]
    first = ["contacts", "details", ADA, "k1", "address", "", "", "12 Park Lane", "London", "", "", "", "0"]
    second = ["contacts", "details", ADA, "k2", "phone", "", "555-9", *[""] * 6]
    assert of(CELLS) == sum(map(hash_of, (own, first, second))) % MODULUS
    assert hash_of(["a", "ö"]) == hash_of_line(b"a\xff\xc3\xb6") < 1 << 8 * HASH_BYTES


def test_neither_the_order_of_cells_nor_what_is_empty_changes_a_digest() -> None:
    assert of(dict(reversed(CELLS.items()))) == of(CELLS)
    assert of({**CELLS, "email": None, "details/k1/label": None}) == of(CELLS)
    assert of({"name": "Ada", "starred": False}) == of({"name": "Ada"}) == of({"name": "Ada", "starred": None})


def test_removed_entries_are_not_there() -> None:
    assert of({**CELLS, **REMOVED}) == of(CELLS)


OTHERS: dict[str, dict[str, Value]] = {
    "another value": {"phone": "555-1235"},
    "a value in another field": {"phone": None, "phone_label": "555-1234"},
    "a value that took in its neighbour": {"name": "Ada Löve\U0001f600555-1234", "phone": None},
    "a flag": {"starred": None},
    "a number": {"details/k1/position": 1},
    "no number in the place of 0": {"details/k1/position": None},
    "another part of an address": {"details/k1/value": (*ADDRESS[:2], "Paris", *ADDRESS[3:])},
    "no entry": {"details/k2/@exists": False},
    "one entry more": {"details/k3/@exists": True, "details/k3/kind": "phone"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_else_a_record_holds_is_another_digest(name: str) -> None:
    assert of({**CELLS, **OTHERS[name]}) != of(CELLS)


def test_another_id_another_seq_and_an_entry_under_another_key_are_another_digest() -> None:
    moved = {cell.replace("/k2/", "/k9/"): value for cell, value in CELLS.items()}
    assert len({of(CELLS), of(CELLS, ADA[:-1] + "2"), of(CELLS, seq=SEQ + 1), of(moved)}) == 4


def test_entries_that_two_records_exchanged_do_not_make_up_for_each_other() -> None:
    other = ADA[:-1] + "2"
    cells: dict[str, Value] = {"name": "Ada", "details/k1/@exists": True, "details/k1/kind": "phone"}
    two: dict[str, Value] = {"name": "Ada", "details/k1/@exists": True, "details/k1/kind": "email"}
    assert of(cells) + of(two, other) != of(two) + of(cells, other)


def test_a_tombstone_adds_nothing() -> None:
    created = Clock(1, 1, "c", "r")
    live = Record(CONTACTS, ADA, SEQ, False, CELLS, created, {})
    assert first_digest_of(CONTACTS, live) == of(CELLS)
    assert first_digest_of(CONTACTS, Record(CONTACTS, ADA, SEQ, True, CELLS, created, {})) == 0


def test_a_table_that_has_grown_makes_the_digests_of_before() -> None:
    """Also where the value of a cell has a part more."""
    (details,) = CONTACTS.maps
    more = replace(details, attributes=(*details.attributes, Field("po_box", shares="value"), Field("service")))
    tags = Map("tags", "contacts_tags", "contacts_id", (Field("tag"),))
    grown = replace(CONTACTS, fields=(*CONTACTS.fields, Field("pronouns")), maps=(more, tags))
    cells = {**CELLS, "pronouns": "she", "details/k1/service": "x", "tags/t1/@exists": True, "tags/t1/tag": "a"}
    cells["details/k1/value"] = (*ADDRESS, "PO 5")
    created = Clock(1, 1, "c", "r")
    assert first_digest_of(CONTACTS, Record(grown, ADA, SEQ, False, cells, created, {})) == of(CELLS)


def test_a_table_of_other_fields_has_another_shape() -> None:
    tables = [
        Table("boats", (Field("name"), Field("sail"))),
        Table("boats", (Field("sail"), Field("name"))),
        Table("boats", (Field("name"),)),
        Table("boats", (Field("name"),), (Map("crew", "boat_crew", "boat_id", (Field("role"), Field("from"))),)),
        Table("boats", (Field("name"),), (Map("crew", "boat_crew", "boat_id", (Field("role"),)),)),
    ]
    assert len({shape_of(table) for table in tables}) == len(tables)
