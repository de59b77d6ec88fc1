"""A declaration as JSON, and back: the form in which tables travel, lie in files and databases, and are compared.

What it may say, offbook.core.declaration.rules checks. Strictly read, every option has to be known. A declaration that
a server sent (``is_received``) may be of a newer version: an option that is not known here is ignored, and a field of
a type that is not known is left out, as is a table of a name that this version keeps for itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from offbook.core import messages
from offbook.core.cells.validation import Json
from offbook.core.declaration.rules import (
    FIELD_OPTIONS,
    JOIN,
    LIMITS,
    MAP_OPTIONS,
    TABLE_OPTIONS,
    Options,
    is_reserved,
    make_field,
    make_map,
    make_schema,
    make_table,
)
from offbook.core.errors import Invalid
from offbook.core.schema import Field, Map, Schema, Table, Type

COLUMN_LISTS = {"shows", "order"}
"""The options of a table that list its fields."""

# --- to JSON -------------------------------------------------------------------------------------------------------


def schema_to_json(schema: Mapping[str, Table]) -> list[dict[str, Json]]:
    """The declarations of all tables, in order."""
    return [table_to_json(table) for table in schema.values()]


def table_to_json(table: Table) -> dict[str, Json]:
    """A table's declaration. What is as usual is left out, but for the limits of text and of JSON."""
    data: dict[str, Json] = {"name": table.name, "fields": [field_to_json(field) for field in table.fields]}
    if table.maps:
        data["maps"] = [_map_to_json(table, map_) for map_ in table.maps]
    return {**data, **_options_to_json(TABLE_OPTIONS, table, Table(table.name, ()))}


def field_to_json(field: Field) -> dict[str, Json]:
    """The declaration of a field or an attribute."""
    is_told = field.type in (Type.TEXT, Type.JSON)
    usual = Field(field.name, field.type, 0 if is_told else LIMITS.get(field.type, field.limit))
    options = _options_to_json(FIELD_OPTIONS[field.type], field, usual)
    return {"name": field.name, "type": field.type.value, **options}


def _map_to_json(table: Table, map_: Map) -> dict[str, Json]:
    usual = Map(map_.name, f"{table.name}_{map_.name}", f"{table.name}_id", ())
    attributes = [field_to_json(attribute) for attribute in map_.attributes]
    return {"name": map_.name, "attributes": attributes, **_options_to_json(MAP_OPTIONS, map_, usual)}


def _options_to_json(options: Options, declared: object, usual: object) -> dict[str, Json]:
    """What is declared otherwise than as usual, by the names of options."""
    values = {name: getattr(declared, option.attribute) for name, option in options.items()}
    said = {name: value for name, value in values.items() if value != getattr(usual, options[name].attribute)}
    return {name: _say(name, value) for name, value in said.items()}


def _say(name: str, value: Json) -> Json:
    """An option's value in JSON."""
    if name == "both":
        return JOIN
    return list(value) if isinstance(value, tuple) else value


def canonical_json(schema: Mapping[str, Table]) -> str:
    """The declarations as the one text that stands for them: in ASCII, keys in order, without spaces."""
    return json.dumps(schema_to_json(schema), sort_keys=True, separators=(",", ":"))


def shape_of_schema(schema: Mapping[str, Table]) -> str:
    """16 hex digits that tell a schema from any other: of SHA-256 over its canonical JSON."""
    return sha256(canonical_json(schema).encode()).hexdigest()[:16]


# --- from JSON -----------------------------------------------------------------------------------------------------


def schema_from_json(value: Json, is_received: bool = False) -> Schema:
    """The schema that a list of declarations makes, of any tables. Raises Invalid."""
    if not isinstance(value, list):
        raise Invalid.of(messages.NOT_DECLARATIONS)
    tables = (table_from_json(item, is_received) for item in value if not (is_received and _is_reserved(item)))
    return make_schema(tables)


def _is_reserved(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and is_reserved(value["name"])


def table_from_json(value: Json, is_received: bool = False) -> Table:
    """The table that a declaration makes. Raises Invalid."""
    name, said = _named(value, "A table", "fields", "maps")
    fields = _fields(value, "fields", name, is_received)
    maps = [_map(item, name, is_received) for item in _items(value, "maps", name)]
    if is_received:
        names = [field.name for field in fields]
        said = _known(said, TABLE_OPTIONS)
        said |= {option: [item for item in said[option] if item in names] for option in said.keys() & COLUMN_LISTS}
        maps = [map_ for map_ in maps if map_.attributes]
    return make_table(name, fields, maps, said)


def _map(value: Json, owner: str, is_received: bool) -> Map:
    name, said = _named(value, f"A map of {owner}", "attributes")
    attributes = _fields(value, "attributes", f"{owner}.{name}", is_received)
    return make_map(name, attributes, _known(said, MAP_OPTIONS) if is_received else said, owner)


def _fields(value: dict[str, Json], part: str, owner: str, is_received: bool) -> list[Field]:
    """The fields of a table, or the attributes of a map: of what was received, those of a known type."""
    fields = []
    for item in _items(value, part, owner):
        name, said = _named(item, f"A field of {owner}", "type")
        type_ = Type(item["type"]) if item.get("type") in list(Type) else None
        if type_ is not None:
            fields.append(make_field(type_, name, _known(said, FIELD_OPTIONS[type_]) if is_received else said, owner))
        elif not is_received:
            raise Invalid.of(messages.UNKNOWN_TYPE, place=f"{owner}.{name}", types=", ".join(Type))
    return fields


def _known(said: Mapping[str, Json], options: Options) -> dict[str, Json]:
    """Of what is said that of which this version knows both the option and the value."""
    return {name: value for name, value in said.items() if name in options and options[name].form.fits(value)}


def _named(value: Json, place: str, *parts: str) -> tuple[str, dict[str, Json]]:
    """The name of what is declared, and what is said of it beside these parts."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise Invalid.of(messages.NOT_A_DECLARATION, place=place)
    return value["name"], {option: said for option, said in value.items() if option not in ("name", *parts)}


def _items(value: dict[str, Json], part: str, place: str) -> list[Json]:
    items = value.get(part, [])
    if not isinstance(items, list):
        raise Invalid.of(messages.BAD_OPTION, place=place, option=part, form="a list")
    return items
