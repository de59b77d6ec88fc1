"""Digest 1: what devices of before make, and servers of before have stored."""

from __future__ import annotations

from dataclasses import replace

from offbook.contacts.table import FIRST_SCHEMA
from offbook.core.model import Clock, Record, Value
from offbook.core.schema import Field, Map, Table
from offbook.core.verify.digests import HASH_BYTES, MODULUS, hash_of, hash_of_line
from offbook.core.verify.first_digests import first_digest, first_digest_of, shape_of
from tests.core.verify.cases import ADA, ADDRESS, CELLS, SEQ

CONTACTS = FIRST_SCHEMA["contacts"]


def of(cells: dict[str, Value], record_id: str = ADA, seq: int = SEQ) -> int:
    return first_digest(CONTACTS, record_id, seq, cells)


def test_a_digest_is_the_sum_of_the_hashes_of_its_lines() -> None:
    own = ["contacts", ADA, str(SEQ), "Ada Löve\U0001f600", "", "", "555-1234", *[""] * 15, "1"]
    first = ["contacts", "details", ADA, "k1", "address", "", "", "12 Park Lane", "London", "", "", "", "0"]
    second = ["contacts", "details", ADA, "k2", "phone", "", "555-9", *[""] * 6]
    assert of(CELLS) == sum(map(hash_of, (own, first, second))) % MODULUS
    assert hash_of(["a", "ö"]) == hash_of_line(b"a\xff\xc3\xb6") < 1 << 8 * HASH_BYTES


def test_a_tombstone_adds_nothing() -> None:
    created = Clock(1, 1, "c", "r")
    live = Record(CONTACTS, ADA, SEQ, False, CELLS, created, {})
    assert first_digest_of(CONTACTS, live) == of(CELLS)
    assert first_digest_of(CONTACTS, Record(CONTACTS, ADA, SEQ, True, CELLS, created, {})) == 0


def test_a_table_that_has_grown_makes_the_digests_of_before() -> None:
    """Also where the value of a cell has a part more."""
    (details,) = CONTACTS.maps
    more = replace(details, attributes=(*details.attributes, Field("building", shares="value"), Field("service")))
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
