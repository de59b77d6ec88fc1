"""Digests: the same for the same record, another for any other, and sums that say what their parts do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core.model import Clock, Record, Value
from offbook.core.schema import EXISTS, Field, Map, Table, Type
from offbook.core.verify.digests import (
    HASH_BYTES,
    MODULUS,
    digest,
    digest_of,
    hash_of,
    hash_of_line,
    known_to_one,
    names_in,
)
from tests.core.verify.cases import ADA, CELLS, SEQ


def of(cells: dict[str, Value], record_id: str = ADA, seq: int = SEQ) -> int:
    return digest(CONTACTS, record_id, seq, cells)


def test_a_digest_is_the_sum_of_the_hashes_of_its_lines() -> None:
    own = ["contacts", ADA, str(SEQ), "name=Ada Löve\U0001f600", "phone=555-1234", "starred=1"]
    first = ["contacts", "details", ADA, "k1", "city=London", "kind=address", "position=0", "street=12 Park Lane"]
    second = ["contacts", "details", ADA, "k2", "kind=phone", "value=555-9"]
    assert of(CELLS) == sum(map(hash_of, (own, first, second))) % MODULUS
    assert hash_of(["a", "ö"]) == hash_of_line(b"a\xff\xc3\xb6") < 1 << 8 * HASH_BYTES


def test_a_digest_is_what_it_was_in_every_version_before() -> None:
    assert of(CELLS) == 639_791_746_380


def test_a_tombstone_adds_nothing() -> None:
    created = Clock(1, 1, "c", "r")
    live = Record(CONTACTS, ADA, SEQ, False, CELLS, created, {})
    assert digest_of(live) == of(CELLS)
    assert digest_of(Record(CONTACTS, ADA, SEQ, True, CELLS, created, {})) == 0


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=4))
def test_text_is_hashed_as_its_utf_8(parts: list[str]) -> None:
    assert hash_of(parts) == hash_of_line(b"\xff".join(part.encode() for part in parts))


# --- tables that grow, and what only one side knows ------------------------------------------------------------------

TAGS = Map("tags", "boats_tags", "boats_id", (Field("tag"), Field("note")))
BOATS = Table("boats", (Field("name"), Field("sail"), Field("length", Type.NUMBER), Field("sold", Type.FLAG)), (TAGS,))
BOAT: dict[str, Value] = {
    "name": "Beagle",
    "length": 27.5,
    "tags/t1/@exists": True,
    "tags/t1/tag": "old",
    "tags/t1/note": "of 1820",
}


def of_boat(table: Table, cells: dict[str, Value] = BOAT, *without: str) -> int:
    return digest(table, ADA, SEQ, cells, frozenset(without))


def test_growth_changes_no_digest() -> None:
    rig = Map("rig", "boats_rig", "boats_id", (Field("mast"),))
    tags = replace(TAGS, attributes=(*TAGS.attributes, Field("more", shares="tag"), Field("color")))
    grown = replace(BOATS, fields=(*BOATS.fields, Field("color"), Field("built", Type.INTEGER)), maps=(tags, rig))
    assert of_boat(grown) == of_boat(BOATS)
    assert of_boat(grown, {**BOAT, "tags/t1/tag": ("old", None)}) == of_boat(BOATS)


def test_the_order_of_a_declaration_is_free() -> None:
    tags = replace(TAGS, attributes=TAGS.attributes[::-1])
    assert of_boat(replace(BOATS, fields=BOATS.fields[::-1], maps=(tags,))) == of_boat(BOATS)


def test_what_is_empty_does_not_count_and_zero_is_not_empty() -> None:
    assert of_boat(BOATS, {**BOAT, "sail": "", "sold": False}) == of_boat(BOATS)
    assert of_boat(BOATS, {**BOAT, "length": 0.0}) != of_boat(BOATS, {**BOAT, "length": None})


def test_an_entry_with_nothing_in_it_is_there_all_the_same() -> None:
    assert of_boat(BOATS, {**BOAT, "tags/t2/@exists": True}) != of_boat(BOATS)


def test_a_number_has_pythons_own_text() -> None:
    line = hash_of(["boats", ADA, str(SEQ), "length=0.1", "name=Beagle"])
    assert of_boat(BOATS, {"name": "Beagle", "length": 0.1}) == line
    assert of_boat(BOATS, {"length": 1e16}) == hash_of(["boats", ADA, str(SEQ), "length=1e+16"])


def test_a_value_in_another_field_is_another_digest_whatever_it_says() -> None:
    assert of_boat(BOATS, {"name": "a", "sail": "b"}) != of_boat(BOATS, {"name": "b", "sail": "a"})
    assert of_boat(BOATS, {"name": "sail=b"}) != of_boat(BOATS, {"sail": "b"})


LEFT_OUT: dict[str, tuple[tuple[str, ...], dict[str, Value]]] = {
    "a field": (("length",), {name: value for name, value in BOAT.items() if name != "length"}),
    "a map": (("tags",), {name: value for name, value in BOAT.items() if "/" not in name}),
    "an attribute": (("tags.note",), {name: value for name, value in BOAT.items() if not name.endswith("note")}),
    "all attributes": (
        ("tags.note", "tags.tag"),
        {name: value for name, value in BOAT.items() if not name.startswith("tags/") or name.endswith(EXISTS)},
    ),
    "what it does not have": (("color", "rig", "rig.mast", "tags.color", "name.first"), BOAT),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_by_its_name_does_not_count(name: str) -> None:
    without, rest = LEFT_OUT[name]
    assert of_boat(BOATS, BOAT, *without) == of_boat(BOATS, rest)


def test_a_part_of_a_value_is_left_out_by_its_name() -> None:
    less: dict[str, Value] = {**CELLS, "details/k1/value": ("", None, "London", None, None, None)}
    assert digest(CONTACTS, ADA, SEQ, CELLS, frozenset({"details.street"})) == of(less)


def test_two_sides_leave_out_what_only_one_of_them_knows() -> None:
    rig = Map("rig", "boats_rig", "boats_id", (Field("mast"),))
    tags = replace(TAGS, attributes=(*TAGS.attributes, Field("color")))
    grown = replace(BOATS, fields=(*BOATS.fields, Field("built")), maps=(tags, rig))
    assert names_in(BOATS) == {"name", "sail", "length", "sold", "tags", "tags.tag", "tags.note"}
    assert known_to_one(names_in(BOATS), names_in(grown)) == {"built", "rig", "tags.color"}
    assert known_to_one(names_in(grown), names_in(BOATS)) == {"built", "rig", "tags.color"}
    assert known_to_one(names_in(BOATS), names_in(BOATS)) == frozenset()
