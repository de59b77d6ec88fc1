"""In which order a table's records are listed, what people know each by, and which hold the words that are searched."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.core.listing import heading_of, is_searched_for, name_of, place_in_list, sort_fields
from offbook.core.schema import Field, Map, Table, Type
from offbook.core.search import search_terms

TITLE, DUE, DONE = Field("title"), Field("due", Type.DATE), Field("done", Type.FLAG)
EXTRA, REF, CHOICE = Field("extra", Type.JSON), Field("ref", Type.REF, target="notes"), Field("kind", Type.CHOICE)
PARTS = Map("parts", "notes_parts", "notes_id", (TITLE, CHOICE, REF))
NOTES = Table("notes", (DONE, TITLE, DUE, EXTRA, REF, CHOICE), (PARTS,), order=("done", "due", "title"))
PLAIN = Table("plain", (DONE, DUE, TITLE))
NUMBERS = Table("numbers", (Field("number", Type.INTEGER),))

RECORD: dict[str, Any] = {"id": "a", **dict.fromkeys(NOTES.by_name), "parts": {}}


def record(**values: Any) -> dict[str, Any]:
    return {**RECORD, **values}


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (NOTES, ["done", "due", "title"]),
        (Table("shown", PLAIN.fields, shows=("due", "title")), ["due"]),
        (PLAIN, ["title"]),
        (NUMBERS, []),
    ],
)
def test_a_list_is_sorted_by_what_is_declared_or_shown_or_text(table: Table, names: list[str]) -> None:
    assert [field.name for field in sort_fields(table)] == names


def test_what_is_empty_comes_first_and_case_and_accents_do_not_count() -> None:
    in_order = [
        record(id="1"),
        record(id="2", done=False),
        record(id="3", title="Dough"),
        record(id="4", title="éclair"),
        record(id="5", due="2026-01-02"),
        record(id="6", done=True),
        record(id="7", done="a word in the place of a flag"),
    ]
    assert sorted(in_order[4:] + in_order[:4], key=lambda one: place_in_list(NOTES, one)) == in_order


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (Table("shown", PLAIN.fields, shows=("due", "title")), "today"),
        (Table("keyed", PLAIN.fields, key="due"), "today"),
        (PLAIN, "Milk"),
        (NUMBERS, ""),
    ],
)
def test_people_know_a_record_by_what_is_shown_of_it(table: Table, name: str) -> None:
    assert name_of(table, {"title": "Milk", "due": "today", "number": 5}) == name
    assert name_of(PLAIN, {"title": None}) == ""


@pytest.mark.parametrize(
    ("values", "is_there"),
    [
        ({"title": "the Bäcker"}, True),
        ({"due": "backer"}, True),
        ({"kind": "backer"}, True),
        ({"parts": {"k": {"title": "backer"}}}, True),
        ({"parts": {"k": {"kind": "backer"}}}, False),
        ({"extra": "backer", "ref": "backer"}, False),
        ({"title": 5}, False),
    ],
)
def test_words_are_searched_in_what_people_typed(values: dict[str, Any], is_there: bool) -> None:
    assert is_searched_for(NOTES, record(**values), search_terms("backer")) == is_there


def test_what_has_no_heading_is_called_by_its_own_word() -> None:
    links = Map("links", "links", "owner", (Field("url", heading="Address"),), heading="Links of it")
    table = Table("notes", (Field("long_title"), Field("done", Type.FLAG, heading="Is done")), (links,))
    headings = [heading_of(table, name) for name in ("long_title", "done", "links", "no_such")]
    assert headings == ["Long title", "Is done", "Links of it", "No such"]
    assert heading_of(links, "url") == "Address"
