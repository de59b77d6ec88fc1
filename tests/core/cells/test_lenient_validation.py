"""What a server says: held by its JSON type alone, and told from what a person types."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.cells.json_data import change_data
from offbook.core.cells.lenient_validation import is_whole, known_part, read_row, read_value, typed_part, unknown_cells
from offbook.core.cells.validation import LENIENT, STRICT, parse_cells
from offbook.core.errors import Invalid
from offbook.core.model import Change, Operation, Rejection, Value
from offbook.core.protocol.requests import parse_change
from offbook.core.schema import Type

ADDRESS = {"kind": "address", "street": "x" * 501, "city": "Rome"}


def test_every_type_has_its_rules() -> None:
    assert set(STRICT) == set(LENIENT) == set(Type)


@pytest.mark.parametrize(
    "data",
    [
        {"phone": "x" * 101},
        {"name": ""},
        {"name": None},
        {"birthday": "in spring"},
        {"details": {"k1": {"kind": "gift", "position": 2**40}}},
        {"details": {"k1": ADDRESS}},
        {"details": {f"k{number}": {"kind": "phone"} for number in range(401)}},
    ],
    ids=lambda data: str(data)[:40],
)
def test_limits_choices_and_needs_are_for_what_is_typed(data: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        parse_cells(CONTACTS, data, Operation.INSERT)
    told = read_row(CONTACTS, data)
    assert (told.data, told.left_out) == (data, ())
    assert told.cells == parse_cells(CONTACTS, data, Operation.INSERT, LENIENT)


@pytest.mark.parametrize(
    ("data", "kept", "left_out"),
    [
        ({"name": "Ada", "shoe_size": 5}, {"name": "Ada"}, ()),
        ({"name": "Ada", "phone": 5}, {"name": "Ada"}, ("phone",)),
        ({"name": "Ada", "phone": "\ud800"}, {"name": "Ada"}, ("phone",)),
        ({"name": "Ada", "phone": "1\0"}, {"name": "Ada"}, ("phone",)),
        ({"name": "Ada", "starred": 1}, {"name": "Ada"}, ("starred",)),
        ({"name": "Ada", "details": "x"}, {"name": "Ada"}, ("details",)),
        ({"shoe_size": 5, "details": None}, {}, ()),
        (
            {"details": {"a/b": {}, "k1": 5, "k2": None, "k3": {}}},
            {"details": {"k3": {}}},
            ("details/a/b", "details/k1"),
        ),
        (
            {"details": {"k1": {"kind": "phone", "carrier": "x", "position": 2**63, "value": 5}}},
            {"details": {"k1": {"kind": "phone"}}},
            ("details/k1/position", "details/k1/value"),
        ),
    ],
    ids=str,
)
def test_what_can_not_be_held_costs_its_own_cell(
    data: dict[str, Any], kept: dict[str, Any], left_out: tuple[str, ...]
) -> None:
    told = read_row(CONTACTS, data)
    assert (told.data, tuple(sorted(told.left_out))) == (kept, left_out)
    assert told.cells == parse_cells(CONTACTS, kept, Operation.INSERT, LENIENT)


@pytest.mark.parametrize(
    ("cell", "value", "held"),
    [
        ("phone", "x" * 101, "x" * 101),
        ("phone", None, None),
        ("@exists", True, True),
        ("details/k1/@exists", False, False),
        ("details/k1/kind", "gift", "gift"),
        ("details/k1/value", ["1 Elm"], ("1 Elm", *[None] * 7)),
        ("details/k1/value", [None] * 8 + ["Box 5"], (*[None] * 8, "Box 5")),
        ("shoe_size", 37, 37),
        ("shoe_size", True, True),
        ("shoe_size", 37.5, 37.5),
        ("shoe_size", {"right": 38, "left": None}, '{"left":null,"right":38}'),
        ("shoe_size", [[37, 38]], ("[37,38]",)),
        ("details/k1/carrier", ["a", None, 5], ("a", None, 5)),
    ],
    ids=str,
)
def test_a_cell_by_itself_is_held_though_it_is_not_known(cell: str, value: Any, held: Any) -> None:
    assert read_value(CONTACTS, cell, value) == held


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("phone", 5),
        ("phone", ["1", "2"]),
        ("@exists", 1),
        ("shoe_size", 2**63),
        ("shoe_size", float("inf")),
        ("shoe_size", {"left": float("nan")}),
        ("shoe_size", {"left": "\ud800"}),
    ],
    ids=str,
)
def test_what_no_cell_can_hold_is_refused(cell: str, value: Any) -> None:
    with pytest.raises(Invalid):
        read_value(CONTACTS, cell, value)


def test_a_cell_is_known_whole_or_not() -> None:
    assert is_whole(CONTACTS, "details/k1/value", (None,) * 8)
    assert not is_whole(CONTACTS, "details/k1/value", (None,) * 9)
    assert is_whole(CONTACTS, "phone", "1")
    assert not is_whole(CONTACTS, "shoe_size", 37)


def test_what_the_server_said_is_not_typed() -> None:
    cells = parse_cells(
        CONTACTS, {"name": "Ada", "phone": "x" * 101, "details": {"k1": ADDRESS}}, Operation.INSERT, LENIENT
    )
    data = {
        "name": "Ada",
        "phone": "x" * 101,
        "email": "",
        "company": None,
        "notes": "new",
        "details": {"k1": {**ADDRESS, "city": "Bath"}, "k2": None, "k3": {"kind": "gift"}},
    }
    typed = typed_part(CONTACTS, data, {**cells, "shoe_size": 5})
    assert typed == {"notes": "new", "details": {"k1": {"city": "Bath"}, "k2": None, "k3": {"kind": "gift"}}}


@pytest.mark.parametrize(
    ("data", "bases", "known"),
    [
        (None, None, {"data": None, "bases": None}),
        (
            {"name": "Ada", "shoe_size": 5, "details": {"k1": {"kind": "gift", "carrier": "x"}, "k2": None}},
            {"name": 5, "shoe_size": 6, "details/k1/carrier": 7},
            {"data": {"name": "Ada", "details": {"k1": {"kind": "gift"}, "k2": None}}, "bases": {"name": 5}},
        ),
        ({"details": 5}, {}, {"data": {"details": 5}, "bases": {}}),
    ],
    ids=str,
)
def test_a_change_of_a_newer_version_is_read_as_far_as_it_is_known(
    data: Any, bases: Any, known: dict[str, Any]
) -> None:
    assert known_part(CONTACTS, data, bases) == known


def test_the_cells_of_a_change_that_only_a_newer_version_knows() -> None:
    entry = {"kind": "gift", "carrier": "x"}
    data = {
        "name": "Ada",
        "shoe_size": 5,
        "details": {"k1": entry, "k2": None},
        "pets": {"p1": {"name": "Rex"}, "p2": None},
    }
    assert unknown_cells(CONTACTS, data) == {"shoe_size": 5, "details/k1/carrier": "x", "pets/p1/name": "Rex"}
    assert unknown_cells(CONTACTS, {"details": None}) == {}


def test_what_a_newer_version_left_in_the_file_is_written_as_it_is() -> None:
    cells: dict[str, Value] = {"name": "Ada", "shoe_size": 5, "details/k1/kind": "gift", "details/k1/carrier": "x"}
    data = {"name": "Ada", "shoe_size": 5, "details": {"k1": {"kind": "gift", "carrier": "x"}}}
    assert change_data(CONTACTS, cells) == data


def test_a_change_is_read_by_the_rules_for_what_is_said() -> None:
    change_id = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
    item = {
        "id": change_id,
        "table": "contacts",
        "record_id": change_id,
        "operation": "INSERT",
        "timestamp": "2026-11-20T17:00:00.000Z",
        "data": {"phone": "x" * 101},
    }
    assert isinstance(parse_change(BUILT_IN, item, change_id), Rejection)
    assert isinstance(parse_change(BUILT_IN, item, change_id, LENIENT), Change)
