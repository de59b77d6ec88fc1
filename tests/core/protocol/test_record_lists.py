"""What a list is asked for: tables by name, and records by the values of fields, as a query of an address says them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.declaration.rules import app_schema
from offbook.core.errors import Malformed, NotFound
from offbook.core.model import Scalar
from offbook.core.protocol.record_lists import parse_filters, table_named
from offbook.core.schema import Schema
from offbook.tables import Choice, Date, Flag, Integer, Json, Map, Number, Ref, Table, Text, Time
from tests.support.schemas import schemas

NOTE = Table(
    "notes",
    Text("title", required=True, limit=5),
    Integer("size"),
    Number("weight"),
    Flag("done"),
    Date("due"),
    Time("at"),
    Choice("priority", ("low", "high")),
    Json("extra"),
    Ref("parent", "notes"),
    Map("tags", Text("tag")),
)
SCHEMA = app_schema((NOTE,), Schema(()))
ID = "0F8FAD5B-D9CB-469F-A165-70867728950E"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("title", "", None),
        ("title", "ab", "ab"),
        ("size", "9", 9),
        ("weight", "-1e1", -10.0),
        ("done", "true", True),
        ("done", "false", None),
        ("done", "null", None),
        ("due", "--02-29", "--02-29"),
        ("at", "2026-11-20T18:00+01:00", "2026-11-20T17:00:00.000Z"),
        ("priority", "high", "high"),
        ("extra", '{"b": 1, "a": 2}', '{"a":2,"b":1}'),
        ("parent", ID, ID.lower()),
    ],
)
def test_a_filter_is_read_as_what_its_field_stores(name: str, text: str, value: Scalar) -> None:
    assert parse_filters(NOTE, {name: text}) == {name: value}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("color", "", "'color' is no field of notes, by which to filter: title, size"),
        ("tags", "{}", "'tags' is no field"),
        ("title", "abcdef", "title"),
        ("size", "9007199254740992", "size"),
        ("size", "1.5", "size"),
        ("size", "x", '"size" must be a whole number, or empty for none.'),
        ("weight", "1e999", "weight"),
        ("done", "1", "done"),
        ("due", "tomorrow", "due"),
        ("at", "17:00", "at"),
        ("priority", "highest", "priority"),
        ("extra", "{", '"extra" must be JSON'),
        ("extra", "[" * 100 + "]" * 100, "extra"),
        ("parent", "x", "parent"),
    ],
)
def test_a_filter_that_cannot_be_is_told(name: str, text: str, words: str) -> None:
    with pytest.raises(Malformed, match="^") as caught:
        parse_filters(NOTE, {name: text})
    assert (caught.value.code, caught.value.status) == ("bad_filter", 400)
    assert words in str(caught.value)


@given(st.data())
def test_whatever_is_asked_of_whatever_is_declared_is_read_or_told(data: st.DataObject) -> None:
    schema = data.draw(schemas(tables_min=1))
    table = data.draw(st.sampled_from(list(schema.values())))
    name = data.draw(st.sampled_from([*table.by_name, *table.maps_by_name]) | st.text(max_size=5))
    text = data.draw(st.text() | st.sampled_from(["true", "1e400", "-0", "9" * 400, "[]", "[[", '"\\ud800"', "NaN"]))
    try:
        assert parse_filters(table, {name: text}).keys() == {name}
    except Malformed as error:
        assert error.code == "bad_filter"


def test_a_table_that_there_is_not_is_told() -> None:
    assert table_named(SCHEMA, "notes") is SCHEMA["notes"]
    with pytest.raises(NotFound, match="There is no table 'boats' on this server: GET /tables lists"):
        table_named(SCHEMA, "boats")
