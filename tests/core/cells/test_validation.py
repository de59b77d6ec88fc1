"""Values on their way in and out: what may be stored, and that nothing is altered on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core import Operation
from offbook.core.cells.json_data import change_data, with_all_fields
from offbook.core.cells.validation import parse_cells, same
from offbook.core.errors import Invalid
from offbook.core.model import Value
from offbook.core.schema import Table
from tests.core.strategies import JSON
from tests.support.records import datas
from tests.support.schemas import tables

CASES = (st.just(CONTACTS) | tables()).flatmap(lambda table: st.tuples(st.just(table), datas(table)))


def read(data: Any, operation: Operation = Operation.UPDATE) -> dict[str, Any]:
    return dict(parse_cells(CONTACTS, data, operation))


FAULTS: list[tuple[str, Any, str]] = [
    ("no object", None, "bad_data"),
    ("a list", [], "bad_data"),
    ("an unknown field", {"shoe_size": 42}, "unknown_cell"),
    ("a field of storage", {"deleted": True}, "unknown_cell"),
    ("a hostile field", {"name = '' --": "x"}, "unknown_cell"),
    ("a number for text", {"name": 1}, "wrong_type"),
    ("a boolean for text", {"phone": True}, "wrong_type"),
    ("a list for text", {"phone": ["1"]}, "wrong_type"),
    ("no name", {"name": ""}, "missing"),
    ("a name of spaces", {"name": "  \t"}, "missing"),
    ("null for the name", {"name": None}, "missing"),
    ("text that is too long", {"phone": "1" * 101}, "too_long"),
    ("NUL", {"phone": "1\0"}, "bad_text"),
    ("half a surrogate pair", {"phone": "\ud83d"}, "bad_text"),
    ("a date that is none", {"birthday": "1815-02-30"}, "bad_date"),
    ("a date in words", {"birthday": "10 Dec"}, "bad_date"),
    ("a date with a time", {"birthday": "1815-12-10T00"}, "too_long"),
    ("the year 0", {"birthday": "0000-01-01"}, "bad_date"),
    ("a date in other digits", {"birthday": "١٨١٥-١٢-١٠"}, "bad_date"),
    ("a number for a flag", {"starred": 1}, "wrong_type"),
    ("text for a flag", {"starred": "true"}, "wrong_type"),
    ("a list for a map", {"details": []}, "wrong_type"),
    ("text for an entry", {"details": {"k1": "555"}}, "wrong_type"),
    ("an entry's key with a slash", {"details": {"a/b": {}}}, "bad_key"),
    ("an entry's key that is empty", {"details": {"": {}}}, "bad_key"),
    ("an entry's key that is too long", {"details": {"k" * 65: {}}}, "bad_key"),
    ("an entry's key with a line break", {"details": {"k\n": {}}}, "bad_key"),
    ("an unknown attribute", {"details": {"k1": {"colour": "red"}}}, "unknown_cell"),
    ("the existence cell by its name", {"details": {"k1": {"@exists": False}}}, "unknown_cell"),
    ("a kind that is none", {"details": {"k1": {"kind": "pager"}}}, "bad_choice"),
    ("an empty kind", {"details": {"k1": {"kind": ""}}}, "missing"),
    ("a fraction for a position", {"details": {"k1": {"position": 1.5}}}, "wrong_type"),
    ("a boolean for a position", {"details": {"k1": {"position": True}}}, "wrong_type"),
    ("a position over 31 bits", {"details": {"k1": {"position": 2**31}}}, "out_of_range"),
    ("a part of an address that is too long", {"details": {"k1": {"city": "x" * 201}}}, "too_long"),
    ("too many entries", {"details": {f"k{number}": None for number in range(1001)}}, "too_many_entries"),
]


@pytest.mark.parametrize(("data", "code"), [pytest.param(*fault[1:], id=fault[0]) for fault in FAULTS])
def test_what_may_not_be_stored_is_named_in_a_sentence(data: Any, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(data)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")


def test_a_sentence_quotes_what_is_hostile_shortened_and_in_ascii() -> None:
    with pytest.raises(Invalid) as caught:
        read({"\ud83d\0é" * 1000: 1})
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 1500


def test_an_insert_needs_what_is_required() -> None:
    with pytest.raises(Invalid) as caught:
        read({"phone": "1"}, Operation.INSERT)
    assert caught.value.code == "missing"


GOOD = [
    ({"phone": ""}, {"phone": None}),
    ({"phone": None}, {"phone": None}),
    ({"phone": " "}, {"phone": " "}),
    ({"phone": "x" * 100}, {"phone": "x" * 100}),
    ({"name": "👩‍🚀"}, {"name": "👩‍🚀"}),
    ({"birthday": "1815-12-10"}, {"birthday": "1815-12-10"}),
    ({"birthday": "--02-29"}, {"birthday": "--02-29"}),
    ({"birthday": ""}, {"birthday": None}),
    ({"starred": False}, {"starred": None}),
    ({"starred": True}, {"starred": True}),
    ({"details": None}, {}),
    ({"details": {}}, {}),
    ({"details": {"k1": None}}, {"details/k1/@exists": False}),
    ({"details": {"k1": {}}}, {"details/k1/@exists": True}),
    ({"details": {"k1": {"position": -(2**31)}}}, {"details/k1/@exists": True, "details/k1/position": -(2**31)}),
    ({"id": 7, "created_at": "never", "updated_at": []}, {}),
]


@pytest.mark.parametrize(("data", "cells"), GOOD)
def test_what_may_be_stored_becomes_cells(data: Any, cells: dict[str, Any]) -> None:
    assert read(data) == cells


def test_a_part_of_an_address_writes_the_whole_address() -> None:
    assert read({"details": {"k1": {"city": "Rome"}}})["details/k1/value"] == (None, None, "Rome", *[None] * 5)


def test_an_address_of_empty_parts_is_empty() -> None:
    assert read({"details": {"k1": {"city": "", "street": None}}})["details/k1/value"] is None


def test_a_part_that_one_version_knows_more_makes_no_difference_where_it_is_empty() -> None:
    assert same(("a", None), ("a", None, None))
    assert not same(("a", None), ("a", None, "b"))
    assert not same(("a", None), None)


def test_parts_that_are_known_by_no_name_are_not_written() -> None:
    cells = {"details/k1/value": ("a", *[None] * 7, "box 5")}
    assert change_data(CONTACTS, cells)["details"]["k1"].keys() == {
        "value",
        "street",
        "city",
        "region",
        "postcode",
        "country",
        "po_box",
        "extended",
    }


def test_a_shape_has_every_field_and_no_entry_that_is_removed() -> None:
    cells: dict[str, Value] = {
        "name": "Ada",
        "details/k1/@exists": False,
        "details/k1/kind": "phone",
        "details/k2/kind": "url",
    }
    data = with_all_fields(CONTACTS, cells)
    assert data.keys() == {*CONTACTS.by_name, "details"}
    assert (data["name"], data["phone"], data["starred"], data["details"]) == ("Ada", None, False, {})


def test_a_shapes_entries_stand_in_the_order_of_their_keys() -> None:
    cells = read({"details": {"b": {"kind": "phone"}, "a": {"kind": "url"}}})
    assert list(with_all_fields(CONTACTS, cells)["details"]) == ["a", "b"]


@given(CASES)
def test_cells_written_as_data_are_read_as_the_same_cells(case: tuple[Table, Any]) -> None:
    table, data = case
    cells = parse_cells(table, data, Operation.UPDATE)
    assert parse_cells(table, change_data(table, cells), Operation.UPDATE) == cells


@given(CASES)
def test_the_shape_of_cells_is_read_as_what_of_them_shows(case: tuple[Table, Any]) -> None:
    table, data = case
    cells = parse_cells(table, data, Operation.UPDATE)
    again = with_all_fields(table, cells)
    for name in (name for name in table.required if again[name] is None):
        del again[name]
    assert with_all_fields(table, parse_cells(table, again, Operation.UPDATE)) == with_all_fields(table, cells)


@given(JSON, st.sampled_from(Operation))
def test_no_json_raises_anything_but_invalid(data: Any, operation: Operation) -> None:
    try:
        parse_cells(CONTACTS, data, operation)
    except Invalid as fault:
        assert fault.code
        assert str(fault)


@given(st.dictionaries(st.sampled_from([*CONTACTS.by_name, "details"]), JSON))
def test_no_value_of_a_known_field_raises_anything_but_invalid(data: Any) -> None:
    try:
        cells = parse_cells(CONTACTS, data, Operation.UPDATE)
    except Invalid:
        return
    assert all(CONTACTS.has_cell(cell) for cell in cells)


@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ("name", True),
        ("@exists", True),
        ("details/k1/@exists", True),
        ("details/k1/value", True),
        ("details/k1/city", False),
        ("details/k1", False),
        ("details//kind", False),
        ("details/k1/kind/x", False),
        ("sizes/k1/kind", False),
        ("id", False),
        ("", False),
    ],
)
def test_a_table_knows_the_names_of_its_cells(cell: str, known: bool) -> None:
    assert CONTACTS.has_cell(cell) is known
