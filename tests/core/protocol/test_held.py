"""Which changes wait for a server of an earlier declaration, and for what of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from offbook.core.protocol.held import is_ahead, unknown_to
from offbook.core.schema import Field, Map, Schema, Table, Type

NOTES = Table(
    "notes",
    (
        Field("title", limit=10, required=True),
        Field("done", Type.FLAG),
        Field("due", Type.DATE, limit=10),
        Field("priority", Type.CHOICE, choices=("low", "high")),
        Field("kind", required=True, default="plain"),
    ),
    (Map("tags", "notes_tags", "notes_id", (Field("tag", limit=5, required=True), Field("by")), entries_max=2),),
)
SERVER = Schema((NOTES,))
WIDER = Table(
    "notes",
    (
        Field("title", limit=20),
        *NOTES.fields[1:3],
        Field("priority", Type.CHOICE, choices=("low", "high", "urgent")),
        NOTES.fields[4],
        Field("color"),
        Field("pinned", Type.FLAG),
    ),
    (
        Map(
            "tags",
            "notes_tags",
            "notes_id",
            (Field("tag", limit=9), Field("by"), Field("weight"), Field("shared", Type.FLAG)),
            entries_max=9,
        ),
        Map("marks", "notes_marks", "notes_id", (Field("mark"),)),
    ),
)
DEVICE = Schema((WIDER, Table("notebooks", (Field("name"),))))
"""What the device knows: more than the server."""


def test_a_change_that_the_server_knows_goes_out() -> None:
    data = {"title": "Milk", "done": True, "due": "2026-11-20", "priority": "low", "tags": {"k1": {"tag": "shop"}}}
    assert unknown_to(SERVER, DEVICE, "notes", "INSERT", data) == ()
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", {"tags": {"k1": None}, "done": None, "due": ""}) == ()
    assert unknown_to(SERVER, DEVICE, "notes", "DELETE", None) == ()


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ({"color": "red"}, ("notes.color",)),
        ({"color": None}, ("notes.color",)),
        ({"title": "x" * 11}, ("notes.title",)),
        ({"title": None}, ("notes.title",)),
        ({"title": ""}, ("notes.title",)),
        ({"priority": "urgent"}, ("notes.priority",)),
        ({"marks": {"k1": {"mark": "x"}}}, ("notes.marks",)),
        ({"tags": {"k1": {"tag": "x", "weight": 1}}}, ("notes.tags.weight",)),
        ({"tags": {"k1": {"weight": None}}}, ("notes.tags.weight",)),
        ({"tags": {"k1": {"tag": "x" * 6}}}, ("notes.tags.tag",)),
        ({"tags": {"k1": {"tag": None}, "k2": {"tag": None}}}, ("notes.tags.tag",)),
        ({"tags": {f"k{number}": {"tag": "x"} for number in range(3)}}, ("notes.tags",)),
        ({"size": 1, "title": "x" * 11, "color": "red"}, ("notes.size", "notes.title", "notes.color")),
    ],
    ids=str,
)
def test_what_an_earlier_declaration_lacks_is_named(data: dict[str, Any], names: tuple[str, ...]) -> None:
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", data) == names


@pytest.mark.parametrize(
    "data",
    [
        {"title": "x" * 21},
        {"priority": "never"},
        {"tags": {"k1": {"tag": "x" * 10}}},
        {"tags": {f"k{number}": {"tag": "x"} for number in range(10)}},
    ],
    ids=lambda data: str(data)[:40],
)
def test_what_neither_of_them_takes_is_for_the_server_to_reject(data: dict[str, Any]) -> None:
    """A newer version of this device may have typed it; by this one's declaration it waits for nothing."""
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", data) == ()


def test_a_table_of_a_newer_version_of_this_device_can_not_be_sent_from_here() -> None:
    assert unknown_to(DEVICE, SERVER, "notebooks", "INSERT", {"name": "Home"}) == ("notebooks",)
    assert unknown_to(SERVER, Schema(()), "notes", "DELETE", None) == ("notes",)


def test_a_table_that_the_server_lacks_is_named_alone() -> None:
    for operation, data in (("INSERT", {"name": "Home"}), ("DELETE", None)):
        assert unknown_to(SERVER, DEVICE, "notebooks", operation, data) == ("notebooks",)


def test_a_new_record_without_what_the_server_still_needs_waits() -> None:
    assert unknown_to(SERVER, DEVICE, "notes", "INSERT", {"done": True}) == ("notes.title",)
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", {"done": True}) == ()


def test_a_field_that_has_a_default_is_not_needed() -> None:
    assert unknown_to(SERVER, DEVICE, "notes", "INSERT", {"title": "Milk", "kind": None}) == ()


@pytest.mark.parametrize(
    "data", [{"title": 5}, {"due": "soon"}, {"done": "yes"}, {"tags": "x"}, {"tags": {"k1": 5}}, {"id": "x"}], ids=str
)
def test_what_no_declaration_allows_is_for_the_server_to_reject(data: dict[str, Any]) -> None:
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", data) == ()


def test_that_something_new_has_nothing_in_a_cell_says_no_more_than_its_absence() -> None:
    """Triggers log an entry with all its cells, and a record that takes the place of another one, too."""
    entry = {"tag": "x", "weight": None, "by": None, "seen": 0, "shared": 0}
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", {"tags": {"k1": entry}}) == ("notes.tags.seen",)
    entry = {"tag": "x", "shared": True}
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", {"tags": {"k1": entry}}) == ("notes.tags.shared",)
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", {"pinned": False}) == ("notes.pinned",)
    new: dict[str, Any] = {"title": "Milk", "color": None, "count": 0, "pinned": False}
    assert unknown_to(SERVER, DEVICE, "notes", "INSERT", new) == ("notes.count",)
    assert unknown_to(SERVER, DEVICE, "notes", "UPDATE", {"color": None, "title": "Milk"}) == ("notes.color",)


@pytest.mark.parametrize("has", [True, False])
def test_what_is_emptied_waits_where_the_server_once_gave_something_in_it(has: bool) -> None:
    """A whole row that takes the place of one names every column."""

    def unknown(data: dict[str, Any]) -> tuple[str, ...]:
        return unknown_to(
            SERVER, DEVICE, "notes", "UPDATE", data, lambda cell: has and cell in ("color", "tags/k1/weight")
        )

    assert unknown({"title": "Milk", "color": None, "pinned": False}) == (("notes.color",) if has else ())
    assert unknown({"tags": {"k1": {"weight": None}}}) == (("notes.tags.weight",) if has else ())
    assert unknown({"color": "red", "pinned": True}) == ("notes.color", "notes.pinned")


def replaced(**changes: Any) -> Schema:
    """The server's schema with the first field otherwise declared."""
    return Schema((replace(NOTES, fields=(replace(NOTES.fields[0], **changes), *NOTES.fields[1:])),))


@pytest.mark.parametrize(
    "known",
    [
        Schema((NOTES, Table("boats", (Field("name"),)))),
        Schema((replace(NOTES, fields=(*NOTES.fields, Field("color"))),)),
        Schema((replace(NOTES, maps=(*NOTES.maps, Map("marks", "m", "n", (Field("mark"),)))),)),
        Schema((replace(NOTES, maps=(replace(NOTES.maps[0], entries_max=3),)),)),
        Schema((replace(NOTES, maps=(replace(NOTES.maps[0], attributes=(Field("weight"),)),)),)),
        replaced(limit=11),
        replaced(choices=("new",)),
        replaced(required=False),
        replaced(least=-(2**60)),
        replaced(most=2**60),
    ],
    ids=range(10),
)
def test_a_device_is_ahead_of_its_server_where_it_may_write_more(known: Schema) -> None:
    assert is_ahead(known, SERVER)


def test_a_device_is_not_ahead_of_a_server_that_differs_in_what_is_shown() -> None:
    assert not is_ahead(SERVER, SERVER)
    assert not is_ahead(Schema((replace(NOTES, heading="Notices"),)), SERVER)
    assert not is_ahead(SERVER, replaced(limit=11))
