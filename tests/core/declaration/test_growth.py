"""Growth: what a newer declaration adds, in steps and sentences; what is none; and what fits several versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import BUILT_IN
from offbook.core.cells.validation import parse_cells
from offbook.core.declaration.codec import schema_from_json, schema_to_json
from offbook.core.declaration.growth import Growth, NewColumn, NewLimit, NewMap, NewRule, NewTable, grow, union
from offbook.core.declaration.rules import app_schema
from offbook.core.errors import Invalid
from offbook.core.model import Operation
from offbook.core.schema import Field, Map, Schema
from offbook.tables import Choice, Date, Flag, Integer, Number, Ref, Table, Text
from offbook.tables import Map as MapOf
from tests.support.records import datas
from tests.support.schemas import growth_chains, schemas

Column = Field | Map


def notes(*columns: Column, **said: Any) -> Schema:
    """The tables that everybody has, and one beside a title and tags."""
    return app_schema([Table("notes", Text("title"), MapOf("tags", Text("tag")), *columns, **said)], BUILT_IN)


def only(*columns: Column, **said: Any) -> Schema:
    return app_schema([Table("notes", *columns, **said)], BUILT_IN)


def sentences(growth: Growth) -> list[str]:
    return [step.sentence for step in growth.steps]


# --- what is growth ------------------------------------------------------------------------------------------------

LOW_HIGH = Choice("priority", ("low", "high"))

GROWTH: list[tuple[Schema, Schema, list[str]]] = [
    (BUILT_IN, notes(), ["notes: new, 2 columns"]),
    (BUILT_IN, only(Text("title")), ["notes: new, 1 column"]),
    (notes(), notes(), []),
    (notes(), BUILT_IN, []),
    (notes(Flag("done")), notes(), []),
    (notes(), notes(Flag("done"), Date("due")), ["notes.done: new column", "notes.due: new column"]),
    (notes(), notes(MapOf("links", Text("url"), Text("text"))), ["notes.links: new map, 2 columns"]),
    (notes(), notes(MapOf("links", Text("url", required=True))), ["notes.links: new map, 1 column"]),
    (
        only(Text("a"), MapOf("tags", Text("tag"))),
        only(Text("a"), MapOf("tags", Text("color"), Text("tag"))),
        ["notes.tags.color: new column"],
    ),
    (only(Text("a")), only(Text("a", limit=300)), ["notes.a: limit 200 -> 300"]),
    (
        only(Text("a"), MapOf("tags", Text("tag"))),
        only(Text("a"), MapOf("tags", Text("tag", limit=300), limit=300)),
        ["notes.tags: limit 200 -> 300", "notes.tags.tag: limit 200 -> 300"],
    ),
    (notes(LOW_HIGH), notes(Choice("priority", ("low", "mid", "high"))), ["notes.priority: new choices: mid"]),
    (
        notes(LOW_HIGH),
        notes(Choice("priority", ("high", "low"))),
        ["notes.priority: choices low, high -> high, low"],
    ),
    (only(Text("a", required=True)), only(Text("a")), ["notes.a: no longer required"]),
    (
        only(Integer("a")),
        only(Integer("a", required=True, default=0)),
        ["notes.a: default nothing -> 0", "notes.a: required"],
    ),
    (
        only(Integer("a", required=True, default=0)),
        only(Integer("a", required=True, default=1)),
        ["notes.a: default 0 -> 1"],
    ),
    (
        only(Integer("a", required=True, default=0)),
        only(Integer("a")),
        ["notes.a: default 0 -> nothing", "notes.a: no longer required"],
    ),
    (
        only(Integer("a", required=True)),
        only(Integer("a", required=True, default=0)),
        ["notes.a: default nothing -> 0"],
    ),
    (notes(), notes(Number("size", required=True, default=1)), ["notes.size: new column"]),
    (
        only(Text("a")),
        only(Text("a", heading="Title", both="join", retired=True)),
        ["notes.a: both nothing -> join", "notes.a: heading nothing -> Title", "notes.a: retired"],
    ),
    (
        notes(Ref("parent", "notes", gone="clear")),
        notes(Ref("parent", "notes")),
        ["notes.parent: gone clear -> keep"],
    ),
    (
        notes(),
        notes(shows=("title",), order=("title",), policy="ask", heading="Notes", singular="note"),
        [
            "notes: heading nothing -> Notes",
            "notes: singular record -> note",
            "notes: shows nothing -> title",
            "notes: order nothing -> title",
            "notes: policy nothing -> ask",
        ],
    ),
    (only(Text("a", required=True)), only(Text("a", required=True), key="a"), ["notes: key nothing -> a"]),
    (only(Text("a", required=True), key="a"), only(Text("a", required=True)), []),
]


@pytest.mark.parametrize(("known", "wanted", "steps"), GROWTH)
def test_growth_is_steps_with_a_sentence_each(known: Schema, wanted: Schema, steps: list[str]) -> None:
    growth = grow(known, wanted)
    assert sentences(growth) == steps
    assert bool(growth.steps) == (growth.schema != known)
    assert grow(growth.schema, wanted).steps == ()
    assert list(growth.schema["contacts"].by_name) == list(BUILT_IN["contacts"].by_name)


def test_what_the_wanted_declaration_lacks_stays_and_what_is_new_comes_last() -> None:
    older, newer = notes(Flag("done")), app_schema([Table("tasks", Text("a")), notes(Date("due"))["notes"]], BUILT_IN)
    schema = grow(older, newer).schema
    assert list(schema) == ["contacts", "labels", "notes", "tasks"]
    assert list(schema["notes"].by_name) == ["title", "done", "due"]


def test_a_step_says_what_is_to_be_done_to_which_table() -> None:
    before = only(Text("a"), MapOf("tags", Text("tag")))
    after = app_schema(
        [
            Table(
                "notes",
                Text("a", limit=300),
                Flag("b"),
                MapOf("tags", Text("tag", limit=300), Text("color")),
                MapOf("links", Text("url")),
                heading="Notes",
            ),
            Table("tasks", Text("a")),
        ],
        BUILT_IN,
    )
    grown = grow(before, after)
    table, (tags, links) = grown.schema["notes"], grown.schema["notes"].maps
    assert grown.steps == (
        NewRule("notes", "heading nothing -> Notes"),
        NewLimit("notes.a", "limit 200 -> 300", "notes", None, table.by_name["a"]),
        NewColumn("notes.b", "new column", "notes", None, table.by_name["b"]),
        NewLimit("notes.tags.tag", "limit 200 -> 300", "notes", tags, tags.by_name["tag"]),
        NewColumn("notes.tags.color", "new column", "notes", tags, tags.by_name["color"]),
        NewMap("notes.links", "new map, 1 column", "notes", links),
        NewTable("tasks", "new, 1 column", grown.schema["tasks"]),
    )
    assert grown.learnt == ("notes.b", "notes.tags.color", "notes.links", "tasks")


# --- what is none --------------------------------------------------------------------------------------------------

NO_GROWTH: list[tuple[Schema, Schema, str]] = [
    (only(Text("a")), only(Integer("a")), "notes.a: type text -> integer"),
    (
        only(Text("a")),
        only(Text("b"), MapOf("a", Text("c"))),
        "notes.a: a field and a map can't take each other's place",
    ),
    (only(Text("b"), MapOf("a", Text("c"))), only(Text("a")), "a: a field and a map can't take each other's place"),
    (only(Text("a", limit=300)), only(Text("a")), "notes.a: limit 300 -> 200"),
    (notes(LOW_HIGH), notes(Choice("priority", ("high", "mid"))), "notes.priority: low can't be chosen any more"),
    (only(Text("a")), only(Text("a", required=True)), "notes.a: required without a default"),
    (notes(), notes(Date("due", required=True)), "notes.due: a new column can't be required without a default"),
    (
        only(Text("a", required=True, default="x")),
        only(Text("a", required=True)),
        "notes.a: default x -> nothing",
    ),
    (notes(Ref("a", "notes")), notes(Ref("a", "contacts")), "notes.a: to notes -> contacts"),
    (
        only(Text("a", required=True), Text("b", required=True), key="a"),
        only(Text("a", required=True), Text("b", required=True), key="b"),
        "notes: key a -> b",
    ),
    (
        only(Text("a", required=True), key="a"),
        only(Text("a")),
        "notes.a: a key has to be required, without a default",
    ),
    (
        only(Text("a"), MapOf("m", Text("b"), limit=100)),
        only(Text("a"), MapOf("m", Text("b"), limit=99)),
        "notes.m: limit 100 -> 99",
    ),
    (
        only(*(Text(f"a{number}") for number in range(150))),
        only(*(Text(f"b{number}") for number in range(60))),
        "notes: 210 columns, and 200 is the most",
    ),
]


@pytest.mark.parametrize(("known", "wanted", "fault"), NO_GROWTH)
def test_what_is_no_growth_is_refused_in_a_sentence(known: Schema, wanted: Schema, fault: str) -> None:
    with pytest.raises(Invalid) as caught:
        grow(known, wanted)
    assert caught.value.code == "not_growth"
    assert str(caught.value).startswith("What is declared can only grow, and this does not: ")
    assert fault in str(caught.value)


def test_all_that_is_no_growth_is_named() -> None:
    with pytest.raises(Invalid, match=r"notes\.a: type text -> flag; notes\.b: limit 300 -> 200\.$"):
        grow(only(Text("a"), Text("b", limit=300)), only(Flag("a"), Text("b")))


def test_a_new_map_can_not_lie_where_another_table_is() -> None:
    known = app_schema([Table("notes", Text("a")), Table("notes_tags", Text("a"))], BUILT_IN)
    with pytest.raises(Invalid, match="notes_tags is there twice"):
        grow(known, notes())


def contacts(**said: Any) -> Schema:
    """The contacts, as their map's attribute ``position`` could be declared too, and two attributes turned around."""
    data = schema_to_json(BUILT_IN)
    attributes = data[0]["maps"][0]["attributes"]
    attributes[3].update(said)
    return schema_from_json(data)


def test_a_range_only_grows() -> None:
    wider = grow(BUILT_IN, contacts(least=-(2**40), most=2**40))
    assert sentences(wider) == [
        "contacts.details.position: least -2147483648 -> -1099511627776",
        "contacts.details.position: most 2147483647 -> 1099511627776",
    ]
    with pytest.raises(Invalid, match=r"position: most 2147483647 -> 5; contacts\.details\.position: least .* -> 0\."):
        grow(BUILT_IN, contacts(least=0, most=5))


def test_the_parts_of_a_cell_stay_in_their_order() -> None:
    """A conflict holds them as a list, which devices of several versions read."""
    data = schema_to_json(BUILT_IN)
    attributes = data[0]["maps"][0]["attributes"]
    attributes[4], attributes[5] = attributes[5], attributes[4]
    with pytest.raises(Invalid, match="the parts of value must stay in their order, and new ones come last"):
        grow(BUILT_IN, schema_from_json(data))
    assert union(BUILT_IN, schema_from_json(data)) == BUILT_IN
    attributes[4], attributes[5] = attributes[5], attributes[4]
    attributes.append({"name": "building", "type": "text", "limit": 200, "shares": "value"})
    assert sentences(grow(BUILT_IN, schema_from_json(data))) == ["contacts.details.building: new column"]


def test_where_entries_lie_and_what_they_share_stays() -> None:
    for change in ({"rows": "other_details"}, {"owner": "contacts_id"}):
        data = schema_to_json(BUILT_IN)
        data[0]["maps"][0].update(change)
        with pytest.raises(Invalid, match=r"contacts\.details: (rows|owner) "):
            union(BUILT_IN, schema_from_json(data))
    data = schema_to_json(BUILT_IN)
    del data[0]["maps"][0]["attributes"][4]["shares"]
    with pytest.raises(Invalid, match=r"contacts\.details\.street: shares value -> nothing"):
        union(BUILT_IN, schema_from_json(data))


# --- what fits several versions ------------------------------------------------------------------------------------

UNIONS: list[tuple[Schema, Schema, Schema]] = [
    (notes(Flag("done")), notes(Date("due")), notes(Flag("done"), Date("due"))),
    (only(Text("a", limit=300)), only(Text("a")), only(Text("a", limit=300))),
    (
        notes(LOW_HIGH),
        notes(Choice("priority", ("mid", "high"))),
        notes(Choice("priority", ("mid", "high", "low"))),
    ),
    (only(Text("a")), only(Text("a", required=True)), only(Text("a"))),
    (only(Text("a", required=True)), only(Text("a")), only(Text("a"))),
    (
        only(Text("a", required=True, default="x")),
        only(Text("a")),
        only(Text("a", required=True, default="x")),
    ),
    (
        only(Text("a", required=True, default="x")),
        only(Text("a", required=True)),
        only(Text("a", required=True, default="x")),
    ),
    (notes(), notes(Date("due", required=True)), notes(Date("due"))),
    (only(Text("a", heading="A")), only(Text("a", heading="B")), only(Text("a", heading="B"))),
    (only(Text("a", required=True), key="a"), only(Text("a")), only(Text("a", required=True), key="a")),
    (only(Text("a")), only(Text("a", required=True), key="a"), only(Text("a"))),
    (
        only(Text("a", required=True), Text("b", required=True), key="a"),
        only(Text("a", required=True), Text("b", required=True), key="b"),
        only(Text("a", required=True), Text("b", required=True), key="a"),
    ),
    (
        notes(Ref("a", "notes", gone="clear")),
        notes(Ref("a", "notes", required=True)),
        notes(Ref("a", "notes")),
    ),
    (
        only(Text("a"), MapOf("m", Text("b", required=True), limit=100)),
        only(Text("a"), MapOf("m", Text("b"), Text("c", required=True), limit=50)),
        only(Text("a"), MapOf("m", Text("b"), Text("c"), limit=100)),
    ),
]


@pytest.mark.parametrize(("known", "wanted", "both"), UNIONS)
def test_a_file_of_several_versions_allows_what_any_of_them_does(known: Schema, wanted: Schema, both: Schema) -> None:
    assert union(known, wanted) == both
    assert union(both, known).keys() == both.keys()
    assert union(both, wanted) == both


def test_a_name_of_two_types_fits_no_file() -> None:
    with pytest.raises(Invalid, match=r"notes\.a: type text -> integer"):
        union(only(Text("a")), only(Integer("a")))


def test_a_cell_of_one_value_stays_so() -> None:
    """Values of it lie in the history, by themselves."""
    data = schema_to_json(only(Text("a"), MapOf("m", Text("b"))))
    data[-1]["maps"][0]["attributes"].append({"name": "c", "type": "text", "limit": 200, "shares": "b"})
    with pytest.raises(Invalid, match=r"notes\.m\.b: a cell of its own can't become one of several parts"):
        union(only(Text("a"), MapOf("m", Text("b"))), schema_from_json(data))


# --- whatever is declared ------------------------------------------------------------------------------------------


@pytest.mark.proof
@given(schemas())
def test_any_schema_is_what_it_was_after_it_was_json(schema: Schema) -> None:
    again = schema_from_json(json.loads(json.dumps(schema_to_json(schema))))
    assert (again, again.shape) == (schema, schema.shape)
    assert schema_from_json(schema_to_json(schema), is_received=True) == schema


@pytest.mark.proof
@given(growth_chains())
def test_each_version_grows_from_any_earlier_one(chain: list[Schema]) -> None:
    for earlier, later in combinations(chain, 2):
        growth = grow(earlier, later)
        assert growth.schema == later
        assert bool(growth.steps) == (earlier != later)
        assert grow(later, later).steps == ()
        assert set(growth.learnt) <= set(places(later)) - set(places(earlier))


def places(schema: Schema) -> Iterator[str]:
    """What a schema has: its tables, their fields and maps, and the attributes of these."""
    for table in schema.values():
        yield table.name
        yield from (f"{table.name}.{name}" for name in (*table.by_name, *table.maps_by_name))
        yield from (f"{table.name}.{map_.name}.{field.name}" for map_ in table.maps for field in map_.attributes)


@pytest.mark.proof
@given(growth_chains(), st.randoms(use_true_random=False))
def test_versions_that_open_a_file_in_any_order_fit_into_one_schema(chain: list[Schema], random: Random) -> None:
    opened = [random.choice(chain) for _ in range(8)]
    schema = BUILT_IN
    for version in opened:
        schema = union(schema, version)
    assert set(places(schema)) == set(places(max(opened, key=chain.index)))
    for version in opened:
        assert set(places(union(schema, version))) == set(places(schema))


@pytest.mark.proof
@given(growth_chains(versions=2), st.data())
def test_what_one_version_takes_a_file_of_both_takes_too(chain: list[Schema], data: st.DataObject) -> None:
    for first, second in (chain, chain[::-1]):
        both = union(first, second)
        for version in chain:
            table = data.draw(st.sampled_from(list(version.values())))
            written = data.draw(datas(table, complete=True))
            assert parse_cells(table, written, Operation.INSERT).items() <= (
                parse_cells(both[table.name], written, Operation.INSERT).items()
            )
