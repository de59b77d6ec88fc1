"""What a person can choose between two versions of a cell, and the change that follows from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.conflicts.resolution import (
    Choice,
    choices,
    parse_custom_value,
    patch_of_choice,
)
from offbook.core.errors import Invalid
from offbook.core.model import Clock, Conflict, Operation, Value
from offbook.core.schema import Field, Table, Type
from offbook.core.schema import Map as MapField
from offbook.tables import Flag, Map, Text
from offbook.tables import Table as TableOf

ID = str(UUID(int=0x1234567890ABCDEF << 64))
SECOND = "details/1234567890abcdef/"
HOME = ("1 Elm", None, "Rome", *[None] * 5)
ENTRY: dict[str, Value] = {
    "details/k1/@exists": True,
    "details/k1/kind": "phone",
    "details/k1/label": "boat",
    "details/k1/value": "1",
}


def a_conflict(cell: str = "phone", ours: Value = "1", theirs: Value = "2", common: Value = None) -> Conflict:
    winner = Clock(5, 1_000, str(UUID(int=8)), str(UUID(int=18)))
    return Conflict(
        ID, CONTACTS, str(UUID(int=7)), cell, ours, theirs, 3, winner, str(UUID(int=9)), str(UUID(int=19)), 6, common
    )


OURS, THEIRS, BOTH = Choice.OURS, Choice.THEIRS, Choice.BOTH
UPDATE, INSERT, DELETE = Operation.UPDATE, Operation.INSERT, Operation.DELETE
ADA: dict[str, Value] = {"name": "Ada", "phone": "1", "phone_label": "home"}

CASES: dict[str, tuple[Conflict, dict[str, Value], Choice, Operation, dict[str, Value]]] = {
    "ours stays": (a_conflict(), ADA, OURS, UPDATE, {"phone": "1"}),
    "theirs takes its place": (a_conflict(), ADA, THEIRS, UPDATE, {"phone": "2"}),
    "a second phone becomes a detail": (
        a_conflict(),
        ADA,
        BOTH,
        UPDATE,
        {
            "phone": "1",
            SECOND + "@exists": True,
            SECOND + "kind": "phone",
            SECOND + "label": "home",
            SECOND + "value": "2",
        },
    ),
    "both notes stand one below the other": (
        a_conflict("notes", "a", "b"),
        ADA,
        BOTH,
        UPDATE,
        {"notes": "a\n\nb"},
    ),
    "a second value of a detail is a detail like it": (
        a_conflict("details/k1/value"),
        ENTRY,
        BOTH,
        UPDATE,
        {
            **ENTRY,
            **{cell.replace("details/k1/", SECOND): value for cell, value in ENTRY.items()},
            SECOND + "value": "2",
        },
    ),
    "a detail whose value is chosen stands": (
        a_conflict("details/k1/value"),
        {**ENTRY, "details/k1/@exists": False},
        THEIRS,
        UPDATE,
        {**ENTRY, "details/k1/value": "2"},
    ),
    "an address is chosen whole": (
        a_conflict("details/k1/value", HOME[:6], None),  # of before an address had more parts
        {"details/k1/kind": "address", "details/k1/value": HOME},
        OURS,
        UPDATE,
        {"details/k1/kind": "address", "details/k1/value": HOME, "details/k1/@exists": True},
    ),
    "a detail is removed": (
        a_conflict("details/k1/@exists", True, False),
        ENTRY,
        THEIRS,
        UPDATE,
        {"details/k1/@exists": False},
    ),
    "a detail is brought back with all it held": (
        a_conflict("details/k1/@exists", False, True),
        {**ENTRY, "details/k1/@exists": False},
        THEIRS,
        UPDATE,
        ENTRY,
    ),
    "a record is deleted": (a_conflict("@exists", True, False), ADA, THEIRS, DELETE, {}),
    "a record is kept": (a_conflict("@exists", True, False), ADA, OURS, INSERT, {"name": "Ada"}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_choice_becomes_a_change(name: str) -> None:
    conflict, have, choice, operation, cells = CASES[name]
    assert patch_of_choice(conflict, have, choice) == (operation, cells)


@pytest.mark.parametrize(
    ("conflict", "both"),
    [
        (a_conflict(), True),
        (a_conflict("website"), True),
        (a_conflict("phone", None), False),
        (a_conflict("phone", "1", None), False),
        (a_conflict("birthday", "1815-12-10", "1815-12-11"), False),
        (a_conflict("@exists", True, False), False),
        (a_conflict("details/k1/label", "a", "b"), False),
    ],
)
def test_both_can_be_chosen_where_there_is_room_for_two(conflict: Conflict, both: bool) -> None:
    assert (BOTH in choices(conflict)) is both


def test_both_is_refused_where_there_is_no_room() -> None:
    with pytest.raises(Invalid, match="no room for both"):
        patch_of_choice(a_conflict("birthday", "1815-12-10", "1815-12-11"), ADA, BOTH)


def test_a_third_value_can_be_typed() -> None:
    assert parse_custom_value(a_conflict(), ADA, "3") == (UPDATE, {"phone": "3"})


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("phone", ("1", "2")),
        ("@exists", "yes"),
        ("details/k1/@exists", None),
        ("details/k1/value", ("1", "2")),
        ("details/k1/label", ("1",)),
    ],
)
def test_a_value_of_another_shape_is_refused(cell: str, value: Any) -> None:
    with pytest.raises(Invalid, match="no value that"):
        parse_custom_value(a_conflict(cell), ADA, value)


def test_a_conflict_knows_the_changes_that_brought_its_versions() -> None:
    assert a_conflict().change_ids == (str(UUID(int=8)), str(UUID(int=9)))


# --- tables of apps ------------------------------------------------------------------------------------------------

NOTES = TableOf(
    "notes",
    Text("title"),
    Text("body", both="join"),
    Flag("done"),
    Map("tags", Text("value"), Text("remark", both="join"), Text("color")),
)


@pytest.mark.parametrize(
    ("cell", "has_room"),
    [
        ("title", False),
        ("body", True),
        ("done", False),
        ("@exists", False),
        ("tags/k1/value", False),
        ("tags/k1/remark", True),
        ("tags/k1/@exists", False),
        ("no_such", False),
        ("no_such/k1/value", False),
    ],
)
def test_both_can_stand_where_the_declaration_says_so(cell: str, has_room: bool) -> None:
    conflict = replace(a_conflict(cell), table=NOTES)
    assert (BOTH in choices(conflict)) == has_room


def test_both_texts_of_an_entry_stand_one_below_the_other() -> None:
    conflict = replace(a_conflict("tags/k1/remark", "a", "b"), table=NOTES)
    cells: dict[str, Value] = {"tags/k1/@exists": True, "tags/k1/color": "red", "tags/k1/remark": "a"}
    assert patch_of_choice(conflict, cells, BOTH).cells == {**cells, "tags/k1/remark": "a\n\nb"}


def test_what_a_second_value_is_like_follows_from_the_declaration() -> None:
    ways = MapField(
        "ways",
        "boats_ways",
        "boats_id",
        (Field("place"), Field("sort", Type.CHOICE, choices=("port", "lake")), Field("note"), Field("since")),
        beside="place",
    )
    fields = (Field("home", beside="port"), Field("home_note"), Field("home_other"))
    conflict = replace(a_conflict("home", "a", "b"), table=Table("boats", fields, (ways,)))
    second = "ways/1234567890abcdef/"
    assert patch_of_choice(conflict, {"home": "a", "home_note": "sunny", "home_other": "x"}, BOTH).cells == {
        "home": "a",
        f"{second}sort": "port",
        f"{second}note": "sunny",
        f"{second}place": "b",
        f"{second}@exists": True,
    }
