"""What Hypothesis draws where anything may be declared: fields, tables, schemas, and versions of one that grow.

All that is drawn has passed the checks of a declaration; so what fails with it is not what declared it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache, partial
from random import Random
from typing import Any, TypeVar

from hypothesis import Phase, assume, find, settings
from hypothesis import strategies as st

from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.codec import field_to_json, schema_from_json, schema_to_json, table_to_json
from offbook.core.declaration.rules import (
    KEY_TYPES,
    app_schema,
    make_field,
    make_map,
    make_table,
)
from offbook.core.errors import Invalid
from offbook.core.merge.policies import POLICIES
from offbook.core.schema import INTEGER_MAX, Field, Map, Schema, Table, Type
from tests.support.records import values

KEYWORDS = (
    *("all", "alter", "and", "as", "asc", "begin", "between", "by", "case", "check", "collate", "column", "commit"),
    *("constraint", "create", "cross", "current_date", "current_timestamp", "current_user", "database", "date"),
    *("default", "delete", "desc", "distinct", "drop", "else", "end", "escape", "except", "exists", "false", "for"),
    *("foreign", "from", "full", "function", "grant", "group", "having", "if", "in", "index", "inner", "insert"),
    *("integer", "interval", "into", "is", "join", "json", "key", "keys", "left", "like", "limit", "name", "natural"),
    *("not", "null", "number", "of", "offset", "on", "or", "order", "outer", "primary", "range", "references"),
    *("replace", "returning", "right", "row", "rows", "select", "set", "table", "text", "then", "time", "timestamp"),
    *("to", "transaction", "trigger", "true", "type", "union", "unique", "update", "user", "using", "value", "values"),
    *("view", "when", "where", "with"),
)
"""Words that some database reads as its own unless they are quoted, and names of types and functions."""

Declared = TypeVar("Declared", Table, Schema)

NAMES = st.sampled_from([*KEYWORDS, *"abcxyz", *(f"c_{number}" for number in range(60)), "a1_", "b__2", "c" * 48])
LINES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=8)
"""Text as a heading or a choice may be: what can be printed, of any language."""

FEW = st.sampled_from([1, 1, 2, 2, 3, 3, 4, 5, 8, 40])
PARTS = tuple(type_ for type_ in Type if type_ not in (Type.JSON, Type.FLAG))
"""What several attributes may share a cell with."""

BOOLEANS = st.booleans()
ONE_IN_FOUR = st.sampled_from([False, False, False, True])
UP_TO_FOUR_NAMES = st.lists(NAMES, min_size=1, max_size=4, unique=True)
SAID_OF_TABLES = st.fixed_dictionaries(
    {"policy": st.sampled_from(["", "", *POLICIES])}, optional={"heading": LINES, "singular": LINES}
)
SAID_OF_MAPS = st.fixed_dictionaries(
    {"limit": st.sampled_from([3, 200, 1000])}, optional={"heading": LINES, "retired": ONE_IN_FOUR}
)
CHOICES = st.lists(LINES, min_size=1, max_size=4, unique=True)
DEFAULT_TYPES = KEY_TYPES | {Type.NUMBER, Type.TIME}


# --- fields --------------------------------------------------------------------------------------------------------


@st.composite
def fields(
    draw: st.DrawFn, name: str, targets: Sequence[str] = (), types: Collection[Type] = tuple(Type), shares: str = ""
) -> Field:
    """A field of this name; a reference is to one of ``targets``. One that ``shares`` a cell is never required."""
    type_ = draw(_any_of(tuple(type_ for type_ in types if targets or type_ is not Type.REF)))
    said = draw(_options(type_, tuple(targets)))
    if shares:
        return make_field(type_, name, {**said, "shares": shares})
    is_required = type_ is not Type.FLAG and said.get("gone") != "clear" and draw(ONE_IN_FOUR)
    field = make_field(type_, name, {**said, "required": True} if is_required else said)
    if is_required and type_ in DEFAULT_TYPES and draw(BOOLEANS):
        return make_field(type_, name, {**said, "required": True, "default": draw(values(field))})
    return field


@cache
def _any_of(types: tuple[Type, ...]) -> st.SearchStrategy[Type]:
    return st.sampled_from(types)


@cache
def _options(type_: Type, targets: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """What a field of this type may say. Made once, for Hypothesis takes longer to look at it than to draw from it."""
    options: dict[str, st.SearchStrategy[Any]] = {}
    needed: dict[str, st.SearchStrategy[Any]] = {}
    match type_:
        case Type.TEXT:
            needed["limit"] = st.sampled_from([1, 8, 200, 300, 20_000])
            options["both"] = st.sampled_from(["", "join"])
        case Type.JSON:
            needed["limit"] = st.sampled_from([20, 500, 10_000])
        case Type.CHOICE:
            needed["choices"] = CHOICES
        case Type.REF:
            needed["to"] = st.sampled_from(targets)
            options["gone"] = st.sampled_from(["keep", "clear"])
        case Type.INTEGER:
            options["least"] = st.sampled_from([-INTEGER_MAX, -1, 0])
            options["most"] = st.sampled_from([1, 1000, INTEGER_MAX])
        case _:
            pass
    return st.fixed_dictionaries(needed, optional={**options, "heading": LINES, "retired": ONE_IN_FOUR})


@st.composite
def maps(draw: st.DrawFn, name: str, targets: Sequence[str] = ()) -> Map:
    """A map of this name, of one to four attributes; some of them may be parts of the first one's cell."""
    names = draw(UP_TO_FOUR_NAMES)
    shared = draw(st.integers(0, len(names) - 1)) if draw(BOOLEANS) else 0
    attributes = [draw(fields(names[0], targets, PARTS)) if shared else draw(fields(names[0], targets))]
    if shared and attributes[0].required:
        attributes = [make_field(Type.TEXT, names[0], {})]
    attributes += [draw(fields(part_name, targets, PARTS, names[0])) for part_name in names[1 : shared + 1]]
    attributes += [draw(fields(own_name, targets)) for own_name in names[shared + 1 :]]
    return make_map(name, attributes, draw(SAID_OF_MAPS))


# --- tables and schemas --------------------------------------------------------------------------------------------


@st.composite
def tables(
    draw: st.DrawFn,
    name: str | None = None,
    targets: Sequence[str] = (),
    columns: st.SearchStrategy[int] = FEW,
    maps_max: int = 2,
) -> Table:
    """A table of so many fields, and some maps."""
    name = name or draw(NAMES)
    count = draw(columns)
    names = draw(st.lists(NAMES, min_size=count, max_size=count + maps_max, unique=True))
    some = [draw(fields(column, targets)) for column in names[:count]]
    said: dict[str, Any] = draw(SAID_OF_TABLES)
    some_names = st.lists(st.sampled_from(names[:count]), max_size=3, unique=True)
    said |= {"shows": draw(some_names), "order": draw(some_names)}
    if keys := [field.name for field in some if field.type in KEY_TYPES and field.is_needed]:
        said["key"] = draw(st.sampled_from(["", *keys]))
    return _possible(lambda: make_table(name, some, [draw(maps(map_, targets)) for map_ in names[count:]], said))


def _possible(declare: Callable[[], Declared]) -> Declared:
    """What is declared; another example is drawn where that can't be, since two names collide."""
    try:
        return declare()
    except Invalid as invalid:
        assume("is there twice" not in str(invalid) and "is no name" not in str(invalid))
        raise


@st.composite
def schemas(draw: st.DrawFn, tables_min: int = 0, tables_max: int = 4, columns: st.SearchStrategy[int] = FEW) -> Schema:
    """The tables that everybody has, and an app's own; references go to any of them."""
    names = draw(st.lists(NAMES, min_size=tables_min, max_size=tables_max, unique=True))
    targets = [*BUILT_IN, *names]
    own = [draw(tables(name, targets, columns, 0 if len(name) > 24 else 2)) for name in names]
    return _possible(lambda: app_schema(own, BUILT_IN))


@st.composite
def full_schemas(draw: st.DrawFn) -> Schema:
    """Two tables of an app, one of which has all that can be declared: every type in its fields, and in the entries of
    a map; references that are kept, and cleared; a key, what is required, with a default and without one, and parts of
    a cell.
    """
    names = draw(st.lists(NAMES.filter(lambda name: len(name) < 9), min_size=2, max_size=2, unique=True))
    targets = [*BUILT_IN, *names]
    columns = iter(draw(st.lists(NAMES, min_size=3 * len(Type), max_size=3 * len(Type), unique=True)))
    key = make_field(Type.TEXT, next(columns), {"limit": 300, "required": True, "heading": draw(LINES)})
    some = [
        key,
        make_field(Type.NUMBER, next(columns), {"required": True, "default": draw(st.sampled_from([0, -1.5]))}),
        make_field(Type.REF, next(columns), {"to": draw(st.sampled_from(targets)), "gone": "clear", "retired": True}),
        make_field(Type.REF, next(columns), {"to": draw(st.sampled_from(targets)), "gone": "keep"}),
        *(draw(fields(next(columns), targets, (type_,))) for type_ in Type),
    ]
    whole = make_field(Type.TEXT, next(columns), {"limit": 300})
    parts = [draw(fields(next(columns), targets, (type_,), whole.name)) for type_ in (Type.NUMBER, Type.REF)]
    attributes = [whole, *parts, *(draw(fields(next(columns), targets, (type_,))) for type_ in Type)]
    map_ = make_map(next(columns), attributes, draw(SAID_OF_MAPS))
    said = {**draw(SAID_OF_TABLES), "key": draw(st.sampled_from(["", key.name])), "order": (key.name,)}
    full = _possible(lambda: make_table(names[0], some, [map_], said))
    other = draw(tables(names[1], targets, st.integers(1, 3), 1))
    return _possible(lambda: app_schema([full, other], BUILT_IN))


@cache
def full_schema() -> Schema:
    """One of full_schemas(), always the same."""
    return find(
        full_schemas(),
        lambda schema: any(table.key and table.policy and len(table.name) > 3 for table in schema.values()),
        settings=settings(database=None, phases=[Phase.generate], max_examples=1000),
        random=Random("a full schema"),
    )


# --- growth --------------------------------------------------------------------------------------------------------

Json = dict[str, Any]


@st.composite
def growth_chains(draw: st.DrawFn, versions: int = 5, columns: st.SearchStrategy[int] = FEW) -> list[Schema]:
    """Versions of an app's schema, each of which grew of the one before it by one to three steps."""
    chain = [draw(schemas(1, 3, columns))]
    while len(chain) < versions:
        data = schema_to_json(chain[-1])
        for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3)):
            step(draw, data)
        chain.append(_possible(partial(schema_from_json, data)))
    return chain


def _new_table(draw: st.DrawFn, data: list[Json]) -> None:
    known = [table["name"] for table in data]
    name = draw(NAMES.filter(lambda name: name not in known))
    data.append(table_to_json(draw(tables(name, [*known, name], st.integers(1, 3)))))


def _new_field(draw: st.DrawFn, data: list[Json]) -> None:
    table = draw(st.sampled_from(data[len(BUILT_IN) :]))
    table["fields"].append(_new_column(draw, data, [*table["fields"], *table.get("maps", [])]))


def _new_map(draw: st.DrawFn, data: list[Json]) -> None:
    table = draw(st.sampled_from(data[len(BUILT_IN) :]))
    names = [column["name"] for column in (*table["fields"], *table.get("maps", []))]
    map_ = draw(maps(draw(NAMES.filter(lambda name: name not in names))))
    (declared,) = table_to_json(Table(table["name"], (), (map_,)))["maps"]
    table.setdefault("maps", []).append({option: declared[option] for option in declared if option not in PLACES})


def _new_attribute(draw: st.DrawFn, data: list[Json]) -> None:
    if declared := [map_ for table in data[len(BUILT_IN) :] for map_ in table.get("maps", [])]:
        attributes = draw(st.sampled_from(declared))["attributes"]
        attribute = _new_column(draw, data, attributes)
        mains = [other["shares"] for other in attributes if "shares" in other]
        if mains and attribute["type"] == "text" and "required" not in attribute:
            attribute["shares"] = mains[0]
        attributes.append(attribute)


def _new_column(draw: st.DrawFn, data: list[Json], columns: list[Json]) -> Json:
    names = [column["name"] for column in columns]
    targets = [table["name"] for table in data]
    column = field_to_json(draw(fields(draw(NAMES.filter(lambda name: name not in names)), targets)))
    return column if "default" in column else {option: column[option] for option in column if option != "required"}


def _new_rule(draw: st.DrawFn, data: list[Json]) -> None:
    """Another rule for a field or an attribute: it takes more, or is shown otherwise."""
    table = draw(st.sampled_from(data[len(BUILT_IN) :]))
    columns = [*table["fields"], *(attribute for map_ in table.get("maps", []) for attribute in map_["attributes"])]
    column = draw(st.sampled_from(columns))
    rule = draw(st.sampled_from(["heading", "retired", "limit", "choices", "gone", "required"]))
    if rule == "heading":
        column["heading"] = draw(LINES)
    elif rule == "retired":
        column["retired"] = True
    elif rule in column and rule == "limit":
        column["limit"] += draw(st.integers(1, 1000))
    elif rule in column and rule == "choices":
        column["choices"] = list(dict.fromkeys([*column["choices"], *draw(CHOICES)]))
    elif rule in column and rule == "gone":
        del column["gone"]
    elif rule in column and column["name"] != table.get("key"):
        del column["required"]
        column.pop("default", None)
    elif rule == "required" and Type(column["type"]) in DEFAULT_TYPES and not {"shares", "required"} & column.keys():
        said = {option: column[option] for option in column if option not in ("name", "type")} | {"required": True}
        column |= {"required": True, "default": draw(values(make_field(Type(column["type"]), "x", said)))}


def _new_list(draw: st.DrawFn, data: list[Json]) -> None:
    """Another way to list a table, or to decide about it."""
    table = draw(st.sampled_from(data[len(BUILT_IN) :]))
    names = [field["name"] for field in table["fields"]]
    for option in ("shows", "order"):
        table[option] = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    table["policy"] = draw(st.sampled_from(["", *POLICIES]))


PLACES = ("rows", "owner")
STEPS = (_new_table, _new_field, _new_field, _new_map, _new_attribute, _new_rule, _new_rule, _new_list)
