"""A history entry as JSON, and what a device makes of JSON that is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from offbook.contacts.table import CONTACTS, FIRST_SCHEMA
from offbook.core.errors import ServerFault
from offbook.core.history.codec import as_shown, entry_from_json, entry_to_json
from offbook.core.history.entry import DiscardedValue, WinningChange
from offbook.tables import Json, Map, Table, Text
from tests.core.history.test_entry import KEY, make_entry

ID, OTHER = "c0000000-0000-4000-8000-000000000001", "c0000000-0000-4000-8000-000000000002"
TIME = "2026-11-20T17:00:00.000Z"
ADDRESS = ("12 St James's Sq", None, "London", *[None] * 5)
LOST = DiscardedValue("phone", "3", "merge", WinningChange(OTHER, "ada", "laptop", TIME, 7))
ENTRY = make_entry(
    9, id=ID, replica=OTHER, bases={"phone": 3}, data={"phone": "3", "details/k/value": ADDRESS}, beaten=(LOST,)
)
GOOD: dict[str, Any] = {"id": ID, "seq": 5, "at": TIME, "operation": "UPDATE", "verdict": "applied"}


def test_an_entry_is_written_to_the_letter() -> None:
    item = entry_to_json(CONTACTS, ENTRY)
    assert list(item) == (
        [
            "id",
            "seq",
            "at",
            "timestamp",
            "operation",
            "verdict",
            "user",
            "device",
            "replica",
            "base",
            "bases",
            "data",
            "before",
            "created",
            "beaten",
        ]
    )
    assert item["beaten"] == [
        {
            "cell": "phone",
            "value": "3",
            "rule": "merge",
            "winner": {"change_id": OTHER, "seq": 7, "at": TIME, "user": "ada", "device": "laptop"},
        }
    ]


def test_what_was_written_is_read_again() -> None:
    item = entry_to_json(CONTACTS, ENTRY)
    item["data"]["details/k/value"] = list(ADDRESS)
    assert entry_from_json(CONTACTS, KEY[1], item) == ENTRY
    assert entry_to_json(CONTACTS, entry_from_json(CONTACTS, KEY[1], GOOD))["operation"] == "UPDATE"


def test_json_is_a_value_on_the_wire() -> None:
    table = Table("notes", Text("title"), Json("extra"), Map("tags", Json("extra")))
    winner = WinningChange(OTHER, "ada", "laptop", TIME, 7)
    lost = DiscardedValue("extra", "[1,2]", "merge", winner)
    data = {"title": "a", "extra": '{"a":1}', "tags/k1/extra": "[]"}
    entry = replace(ENTRY, key=("notes", KEY[1]), bases={}, data=data, before={"extra": None}, beaten=(lost,))
    item = entry_to_json(table, entry)
    assert item["data"] == {"title": "a", "extra": {"a": 1}, "tags/k1/extra": []}
    assert (item["before"], item["beaten"][0]["value"]) == ({"extra": None}, [1, 2])
    assert entry_from_json(table, KEY[1], item) == entry


def test_what_this_version_does_not_know_is_left_out() -> None:
    odd = {"operation": "MOVE", "data": {"phone": 5, "no_such": 1, "email": "e"}, "user": 5, "bases": {"no_such": 1}}
    lost = {"cell": "no_such", "value": 1, "rule": None, "winner": {"change_id": OTHER}}
    entry = entry_from_json(CONTACTS, KEY[1], GOOD | odd | {"beaten": [lost], "before": []})
    assert (entry.operation, entry.data, entry.before, entry.user) == (None, {"email": "e"}, {}, None)
    assert (entry.bases, entry.beaten, entry.seq) == ({}, (), 5)


@pytest.mark.parametrize(
    "lie",
    [
        [],
        GOOD | {"id": "x"},
        GOOD | {"seq": "5"},
        GOOD | {"at": "soon"},
        GOOD | {"verdict": "lovely"},
        GOOD | {"verdict": []},
        GOOD | {"base": -1},
        GOOD | {"bases": {"phone": "x"}},
        GOOD | {"beaten": ["x"]},
        GOOD | {"beaten": [{"cell": "phone", "winner": {"change_id": 5}}]},
        GOOD | {"beaten": [{"cell": [], "winner": {"change_id": OTHER}}]},
    ],
    ids=str,
)
def test_what_is_no_entry_is_refused(lie: Any) -> None:
    with pytest.raises(ServerFault):
        entry_from_json(CONTACTS, KEY[1], lie)


def test_an_entry_is_shown_with_the_parts_that_a_cell_had_at_first() -> None:
    address: dict[str, Any] = {"details/k/value": (*ADDRESS[:6], "7", None), "phone": "3"}
    beaten = tuple(replace(one, cell="details/k/value", value=ADDRESS) for one in ENTRY.beaten)
    shown = as_shown(replace(ENTRY, data=address, before=address, beaten=beaten), FIRST_SCHEMA["contacts"])
    assert shown.data == shown.before == {"details/k/value": ADDRESS[:6], "phone": "3"}
    assert [one.value for one in shown.beaten] == [ADDRESS[:6]]
