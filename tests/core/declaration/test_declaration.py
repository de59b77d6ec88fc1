"""Declarations: what an app may declare, as JSON and back, and the sentence for each fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.declaration.codec import (
    canonical_json,
    schema_from_json,
    schema_to_json,
    table_from_json,
    table_to_json,
)
from offbook.core.declaration.rules import RESERVED_COLUMNS, RESERVED_TABLES, app_schema, make_schema, names_of
from offbook.core.errors import Invalid
from offbook.core.schema import Field, Gone, Map, Schema, Table, Type
from offbook.tables import Choice, Date, Flag, Integer, Json, Number, Ref, Text, Time
from offbook.tables import Map as MapOf
from offbook.tables import Table as TableOf

NOTEBOOKS = TableOf("notebooks", Text("name", required=True), key="name", singular="notebook")
NOTES = TableOf(
    "notes",
    Text("title", required=True, limit=300),
    Text("body", limit=100_000, both="join"),
    Flag("done", retired=True),
    Date("due"),
    Choice("priority", ("low", "normal", "high"), required=True, default="normal"),
    Integer("place"),
    Json("extra", limit=500),
    Ref("notebook", "notebooks", gone="clear"),
    Ref("author", "contacts"),
    MapOf("tags", Text("tag", required=True), heading="Tags", limit=50),
    shows=("title", "due"),
    order=("done", "due", "title"),
    policy="ask",
    heading="Notes",
)


def declared(*tables: Table) -> Schema:
    return app_schema(tables, BUILT_IN)


# --- as JSON -------------------------------------------------------------------------------------------------------


def test_a_declaration_is_what_it_was_after_it_was_json() -> None:
    schema = declared(NOTEBOOKS, NOTES)
    again = schema_from_json(json.loads(json.dumps(schema_to_json(schema))))
    assert again == schema
    assert again.shape == schema.shape


def test_what_is_as_usual_is_not_said() -> None:
    assert table_to_json(TableOf("notes", Text("title"), Flag("done"), Date("due"), Choice("size", ["s", "l"]))) == {
        "name": "notes",
        "fields": [
            {"name": "title", "type": "text", "limit": 200},
            {"name": "done", "type": "flag"},
            {"name": "due", "type": "date"},
            {"name": "size", "type": "choice", "choices": ["s", "l"]},
        ],
    }


def test_what_is_not_as_usual_is_said() -> None:
    data = table_to_json(NOTES)
    fields = {field["name"]: field for field in data["fields"]}
    assert fields["body"] == {"name": "body", "type": "text", "limit": 100_000, "both": "join"}
    assert fields["notebook"] == {"name": "notebook", "type": "ref", "to": "notebooks", "gone": "clear"}
    assert fields["priority"]["default"] == "normal"
    assert data["maps"] == [
        {
            "name": "tags",
            "limit": 50,
            "heading": "Tags",
            "attributes": [{"name": "tag", "type": "text", "limit": 200, "required": True}],
        }
    ]
    assert (data["shows"], data["order"], data["policy"]) == (["title", "due"], ["done", "due", "title"], "ask")


def test_the_contacts_travel_like_any_table() -> None:
    assert table_from_json(table_to_json(CONTACTS)) == CONTACTS


def test_a_shape_tells_declarations_apart_and_nothing_else() -> None:
    schema = declared(NOTEBOOKS)
    assert (
        schema.shape
        == declared(TableOf("notebooks", Text("name", required=True), key="name", singular="notebook")).shape
    )
    assert len(schema.shape) == 16
    longer = TableOf("notebooks", Text("name", required=True, limit=201), key="name", singular="notebook")
    assert declared(longer).shape != schema.shape
    assert canonical_json(schema).isascii()


# --- as an app declares --------------------------------------------------------------------------------------------


def test_an_app_declares_values_of_the_schema() -> None:
    assert NOTES.by_name["title"] == Field("title", limit=300, required=True)
    assert NOTES.by_name["due"] == Field("due", Type.DATE, limit=10)
    assert NOTES.by_name["notebook"] == Field("notebook", Type.REF, limit=36, target="notebooks", gone=Gone.CLEAR)
    assert NOTES.maps == (
        Map("tags", "notes_tags", "notes_id", (Field("tag", required=True),), entries_max=50, heading="Tags"),
    )


def test_the_tables_that_everybody_has_come_first() -> None:
    assert list(declared(NOTEBOOKS, NOTES)) == ["contacts", "labels", "notebooks", "notes"]
    assert names_of([NOTEBOOKS, NOTES]) == ["notebooks", "notes", "notes_tags"]


def test_what_has_a_default_need_not_be_written() -> None:
    assert NOTES.required == ("title",)
    assert NOTES.defaults == {"priority": "normal"}
    assert NOTES.maps[0].defaults == {}
    assert NOTES.json_names == {"extra"}
    assert NOTES.maps[0].json_names == frozenset()


def test_words_of_sql_are_names() -> None:
    names = ("select", "order", "group", "table", "user", "null", "true", "index", "key", "values")
    assert list(TableOf("table", *map(Text, names)).by_name) == list(names)


# --- faults --------------------------------------------------------------------------------------------------------

FAULTS: list[tuple[Callable[[], object], str]] = [
    (lambda: Text("Title"), "'Title' is no name of a table or a column"),
    (lambda: Text(5), "'5' is no name"),  # type: ignore[arg-type]
    (lambda: Text("a" * 49), "is no name"),
    (lambda: Text("_a"), "'_a' is no name"),
    (lambda: Text("naïve"), r"'na\xefve' is no name"),
    (lambda: Text("sqlite_x"), "sqlite_x is a name that offbook or a database keeps for itself"),
    (lambda: Text("xmin"), "xmin: xmin is a name that offbook or a database keeps"),
    (lambda: TableOf("contacts", Text("a")), "contacts is a name that offbook"),
    (lambda: TableOf("contact_details", Text("a")), "contact_details is a name that offbook"),
    (lambda: TableOf("contact", Text("a"), MapOf("details", Text("b"))), "contact_details: contact_details is a name"),
    (lambda: TableOf("json", Text("a"), MapOf("each", Text("b"))), "json_each is a name that offbook"),
    (lambda: TableOf("a" * 30, Text("a"), MapOf("b" * 30, Text("c"))), "is no name of a table"),
    (lambda: Text("a", limit=0), "a: the limit must be from 1 to 1000000."),
    (lambda: Text("a", limit=1_000_001), "the limit must be from 1 to 1000000."),
    (lambda: Text("a", limit="10"), "a: limit must be a whole number."),  # type: ignore[arg-type]
    (lambda: Text("a", limit=True), "limit must be a whole number."),
    (lambda: Text("a", required=1), "a: required must be true or false."),  # type: ignore[arg-type]
    (lambda: Text("a", both="beside"), 'a: both must be "join", or nothing.'),  # type: ignore[arg-type]
    (lambda: Text("a", heading="x" * 101), "a: heading must be one line of at most 100 characters."),
    (lambda: Text("a", heading="x\ny"), "a: heading must be one line"),
    (lambda: Choice("a", "low"), "a: choices must be a list of texts."),
    (lambda: Choice("a", ()), "a: the number of choices must be from 1 to 200."),
    (lambda: Choice("a", [str(number) for number in range(201)]), "the number of choices must be from 1 to 200."),
    (lambda: Choice("a", ("x", "y", "x")), "a: x is there twice."),
    (lambda: Choice("a", ("x", " ")), "a: ' ' is no choice"),
    (lambda: Choice("a", ("x" * 101,)), "is no choice: it must be one line of 1 to 100 characters."),
    (lambda: Choice("a", ("x\0",)), r"a: 'x\x00' is no choice"),
    (lambda: Choice("a", ("x",), default="x"), "a has a default, which only a required field may have."),
    (lambda: Choice("a", ("x",), required=True, default="y"), "a: the default must be one of x."),
    (lambda: Text("a", required=True, default=" "), "a: the default may not be empty."),
    (lambda: Text("a", limit=2, required=True, default="abc"), "a: the default has 3 characters, and 2 is the most."),
    (lambda: Date("a", required=True, default="soon"), "a: the default must be a date"),
    (lambda: Ref("a", ""), "a must say which table it refers to."),
    (lambda: Ref("a", "b", gone="delete"), 'a: gone must be "keep" or "clear".'),  # type: ignore[arg-type]
    (lambda: Ref("a", "b", gone="clear", required=True), "a is required, so it can't be cleared"),
    (lambda: declared(TableOf("t", Ref("a", "b"))), "t.a refers to 'b', which is no table here"),
    (lambda: declared(TableOf("t", Text("x"), MapOf("m", Ref("a", "b")))), "t.m.a refers to 'b'"),
    (lambda: MapOf("a", "b"), "a: 'b' is neither a field nor a map."),  # type: ignore[arg-type]
    (lambda: MapOf("a", Text("b"), limit=0), "a: the limit must be from 1 to 1000."),
    (lambda: MapOf("a", Text("b"), Text("b")), "a: b is there twice."),
    (lambda: TableOf("t", Text("x"), MapOf("a")), "t.a: the number of attributes must be from 1 to 200."),
    (lambda: TableOf("t", Text("x"), MapOf("a", Text("t_id"))), "t.a: t_id is there twice."),
    (lambda: TableOf("t"), "t: the number of fields must be from 1 to 200."),
    (lambda: TableOf("t", *(Text(f"a{number}") for number in range(201))), "t: the number of fields must be from"),
    (lambda: TableOf("t", Text("a"), MapOf("a", Text("b"))), "t: a is there twice."),
    (lambda: TableOf("t", (Text("a"), Text("b"))), "is neither a field nor a map."),  # type: ignore[arg-type]
    (lambda: TableOf("t", Text("a"), key="b"), "t: key names 'b', which is no such field."),
    (lambda: TableOf("t", Text("a"), key="a"), "t: the key a must be required, without a default"),
    (lambda: TableOf("t", Ref("a", "b", required=True), key="a"), "t: the key a must be required"),
    (lambda: TableOf("t", Text("a"), shows=("a", "c")), "t: shows names 'c', which is no such field."),
    (lambda: TableOf("t", Text("a"), MapOf("m", Text("b")), order=("m",)), "t: order names 'm'"),
    (lambda: TableOf("t", Text("a"), order=("a", "a")), "t, order: a is there twice."),
    (lambda: TableOf("t", Text("a"), shows="a"), "t: shows must be a list of texts."),
    (lambda: TableOf("t", Text("a"), policy="mine"), "t: policy must be one of merge"),
    (lambda: TableOf("t", Text("a"), singular="x" * 101), "t: singular must be one line"),
    (lambda: declared(NOTEBOOKS, NOTEBOOKS), "The declaration: notebooks is there twice."),
    (
        lambda: declared(TableOf("t", Text("a"), MapOf("m", Text("b"))), TableOf("t_m", Text("a"))),
        "The declaration: t_m is there twice.",
    ),
    (lambda: declared(CONTACTS), "contacts: contacts is a name that offbook"),
]


@pytest.mark.parametrize(("declare", "sentence"), FAULTS)
def test_each_fault_is_a_sentence_that_says_where(declare: Callable[[], object], sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        declare()
    assert caught.value.code == "bad_declaration"
    assert sentence in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("name", sorted(RESERVED_COLUMNS | {"offbook_x", "sqlite"}))
def test_no_column_has_a_name_that_is_ours_or_a_database_s(name: str) -> None:
    with pytest.raises(Invalid):
        Flag(name)
    with pytest.raises(Invalid):
        MapOf(name, Text("a"))


NO_TABLES = {"offbook_replaced", "sqlite_master", "pragma_table_info", "dbstat", "excluded", "new", "old"}


@pytest.mark.parametrize("name", sorted(RESERVED_TABLES | NO_TABLES))
def test_no_table_has_a_name_that_is_ours(name: str) -> None:
    with pytest.raises(Invalid):
        TableOf(name, Text("a"))


# --- faults of JSON ------------------------------------------------------------------------------------------------

TITLE: dict[str, Any] = {"name": "title", "type": "text"}


def notes(**said: Any) -> list[Any]:
    return [{"name": "notes", "fields": [TITLE], **said}]


JSON_FAULTS: list[tuple[Any, str]] = [
    ({"tables": []}, "A declaration must be a list of tables."),
    ([5], "A table must be an object with a name, and its options."),
    ([{"fields": [TITLE]}], "A table must be an object with a name"),
    ([{"name": 5, "fields": [TITLE]}], "A table must be an object with a name"),
    (notes(fields={}), "notes: fields must be a list."),
    (notes(fields=[]), "notes: the number of fields must be from 1 to 200."),
    (notes(fields=["title"]), "A field of notes must be an object with a name"),
    (notes(fields=[{"name": "title"}]), "notes.title: the type must be one of text, date"),
    (notes(fields=[{"name": "title", "type": []}]), "notes.title: the type must be one of text, date"),
    (notes(fields=[{**TITLE, "lenght": 5}]), "notes.title has an unknown option: 'lenght'. It may have limit"),
    (
        notes(fields=[{"name": "done", "type": "flag", "required": True}]),
        "notes.done has an unknown option: 'required'",
    ),
    (notes(fields=[{**TITLE, "shares": "body"}]), "notes.title can't share a cell: only attributes of a map do."),
    (notes(fields=[{**TITLE, "beside": "x"}]), "notes.title: the table's first map has no place beside it"),
    (notes(fields=[{"name": "n", "type": "integer", "least": 2, "most": 1}]), "notes.n: the least value is larger"),
    (notes(maps=[{"name": "tags"}]), "notes.tags: the number of attributes must be from 1 to 200."),
    (notes(maps=[{"name": "tags", "attributes": 5}]), "notes.tags: attributes must be a list."),
    (notes(maps=[{"attributes": [TITLE]}]), "A map of notes must be an object with a name"),
    (notes(maps=[{"name": "tags", "attributes": [TITLE], "owner": "id"}]), "id: id is a name that offbook"),
    (notes(maps=[{"name": "tags", "attributes": [TITLE], "rows": "sync_state"}]), "sync_state is a name that offbook"),
    (
        notes(maps=[{"name": "tags", "attributes": [{**TITLE, "shares": "body"}]}]),
        "notes.tags.title: shares names 'body', which is no such field.",
    ),
    (
        notes(maps=[{"name": "tags", "attributes": [{**TITLE, "shares": "title"}]}]),
        "notes.tags.title: shares names 'title', which is no such field.",
    ),
    (
        notes(maps=[{"name": "tags", "attributes": [{**TITLE, "beside": "x"}]}]),
        "notes.tags.title can't name a place beside it",
    ),
    (
        notes(maps=[{"name": "tags", "attributes": [TITLE, {"name": "a", "type": "json", "shares": "title"}]}]),
        "notes.tags.a can't share a cell: JSON is a cell of its own.",
    ),
    (notes(maps=[{"name": "tags", "attributes": [TITLE], "beside": "x"}]), "notes.tags: beside names 'x'"),
    (notes(numbered=True), "notes has an unknown option: 'numbered'. It may have heading"),
    (notes(shows=[5]), "notes: shows must be a list of texts."),
]


@pytest.mark.parametrize(("data", "sentence"), JSON_FAULTS)
def test_each_fault_of_json_is_a_sentence_that_says_where(data: Any, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        schema_from_json(data)
    assert caught.value.code == "bad_declaration"
    assert sentence in str(caught.value)


def test_where_entries_lie_is_not_for_an_app_to_choose() -> None:
    maps = [{"name": "tags", "attributes": [TITLE], "rows": "elsewhere"}]
    with pytest.raises(Invalid, match=r"notes\.tags must leave it to offbook where its entries lie"):
        app_schema(schema_from_json(notes(maps=maps)).values(), BUILT_IN)


# --- of a newer version --------------------------------------------------------------------------------------------


def test_of_a_newer_server_s_declaration_what_is_known_is_read() -> None:
    received = [
        {
            "name": "notes",
            "fields": [
                {**TITLE, "stemmed": True, "both": "weave", "limit": 300},
                {"name": "cover", "type": "blob", "pixels": 500},
                {"name": "parent", "type": "ref", "to": "notes", "gone": "delete"},
            ],
            "maps": [
                {"name": "covers", "attributes": [{"name": "cover", "type": "blob"}]},
                {"name": "tags", "attributes": [TITLE], "sorted": True},
            ],
            "numbered": True,
            "shows": ["cover", "title"],
            "policy": "vote",
        },
        {"name": "conflicts", "fields": [TITLE]},
        {"name": "offbook_tags", "fields": [TITLE]},
    ]
    schema = schema_from_json(received, is_received=True)
    title, parent = Text("title", limit=300), Ref("parent", "notes")
    assert schema == make_schema([TableOf("notes", title, parent, MapOf("tags", Text("title")), shows=("title",))])
    with pytest.raises(Invalid):
        schema_from_json(received)


def test_a_received_declaration_is_checked_like_any() -> None:
    for data in (5, [5], [{"name": "x; DROP", "fields": [TITLE]}], notes(fields=[{"name": "id", "type": "text"}])):
        with pytest.raises(Invalid):
            schema_from_json(data, is_received=True)


# --- what the schema says ------------------------------------------------------------------------------------------


def test_a_number_and_a_time_default_are_held_as_a_cell_holds_them() -> None:
    assert Number("a", required=True, default=1).default == 1.0
    assert isinstance(Number("a", required=True, default=1).default, float)
    assert Time("a", required=True, default="2026-11-20T18:00+01:00").default == "2026-11-20T17:00:00.000Z"
