"""Reading what a server sends of a record: limits, choices and required fields are for what a person types.

A server may be newer than this version, or older than what it holds. So of a row that it sends only the JSON types
count: a text longer than a limit here, a choice that is not known here and a required field that is empty are taken.
What can't be stored (a number for a text, text that is not UTF-8) costs its own cell and never the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from offbook.core.cells.json_data import json_of_cells
from offbook.core.cells.validation import LENIENT, Json, check, parse_cells, same, value_of
from offbook.core.errors import Invalid
from offbook.core.model import Operation, Scalar, Value
from offbook.core.schema import ENTRY_KEY, Field, Map, Table, Type, entry_of

TYPES_OF_JSON = {str: Type.TEXT, int: Type.INTEGER, float: Type.NUMBER}
"""What a cell must be of that is not known here; all else is JSON."""


class ReceivedRow(NamedTuple):
    """The cells of a row that are known here, the data that holds just these, and the names of what can't be stored."""

    cells: dict[str, Value]
    data: Mapping[str, Json]
    left_out: tuple[str, ...] = ()


def read_row(table: Table, data: Mapping[str, Json]) -> ReceivedRow:
    """Read a row. What is not known here is ignored; what can't be stored is left out, and named in ``left_out``."""
    try:
        return ReceivedRow(parse_cells(table, data, Operation.INSERT, LENIENT), data)
    except Invalid:
        left_out: list[str] = []
        kept = _valid_row(table, data, left_out)
        return ReceivedRow(parse_cells(table, kept, Operation.INSERT, LENIENT), kept, tuple(left_out))


def _valid_row(table: Table, data: Mapping[str, Json], left_out: list[str]) -> dict[str, Json]:
    kept = _valid_fields(table.by_name, data, "", left_out)
    for map_ in table.maps:
        entries = data.get(map_.name)
        if isinstance(entries, dict):
            kept[map_.name] = _valid_entries(map_, entries, left_out)
        elif entries is not None:
            left_out.append(map_.name)
    return kept


def _valid_entries(map_: Map, entries: Mapping[str, Json], left_out: list[str]) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for key, entry in entries.items():
        if ENTRY_KEY.fullmatch(key) and isinstance(entry, dict):
            kept[key] = _valid_fields(map_.by_name, entry, f"{map_.name}/{key}/", left_out)
        elif entry is not None:
            left_out.append(f"{map_.name}/{key}")
    return kept


def _valid_fields(
    fields: Mapping[str, Field], data: Mapping[str, Json], prefix: str, left_out: list[str]
) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for name in data.keys() & fields.keys():
        try:
            check(fields[name], name, data[name], LENIENT)
            kept[name] = data[name]
        except Invalid:
            left_out.append(prefix + name)
    return kept


def read_value(table: Table, cell: str, value: Json) -> Value:
    """The value of a cell as a server sent it. Raises Invalid for what can't be stored.

    Of a cell that is not known here, or that has more parts than are known, any value that a cell can have is taken.
    """
    if is_whole(table, cell, value):
        return value_of(table, cell, value, LENIENT)
    parts = [_any_value(cell, part) for part in (value if isinstance(value, list) else [value])]
    return tuple(parts) if isinstance(value, list) else parts[0]


def is_whole(table: Table, cell: str, value: Json) -> bool:
    """Whether this version knows the cell, and a part of it for each that the value has."""
    if not table.has_cell(cell):
        return False
    if not isinstance(value, list | tuple) or "/" not in cell or table.holds_json(cell):
        return True
    return len(value) <= len(table.fields_of(cell))


def _any_value(cell: str, value: Json) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    type_ = TYPES_OF_JSON.get(type(value), Type.JSON)
    return check(Field(cell, type_), cell, value, LENIENT)


# --- on the way up -------------------------------------------------------------------------------------------------


def known_part(table: Table, data: Json, bases: Json) -> dict[str, Json]:
    """The ``data`` and the ``bases`` of a change without the cells that this version does not know."""
    if isinstance(data, dict):
        known_names = table.by_name.keys() | table.maps_by_name.keys()
        data = {name: _known_entries(table, name, value) for name, value in data.items() if name in known_names}
    if isinstance(bases, dict):
        bases = {cell: seq for cell, seq in bases.items() if table.has_cell(cell)}
    return {"data": data, "bases": bases}


def _known_entries(table: Table, name: str, entries: Json) -> Json:
    if name in table.by_name or not isinstance(entries, dict):
        return entries
    attributes = table.maps_by_name[name].by_name
    return {
        key: {part: value for part, value in entry.items() if part in attributes} if isinstance(entry, dict) else entry
        for key, entry in entries.items()
    }


def unknown_cells(table: Table, data: Mapping[str, Json]) -> dict[str, Value]:
    """The cells of a change's ``data`` that this version does not know, as a newer version typed them."""
    cells: dict[str, Value] = {}
    for name, value in data.items():
        if name in table.by_name:
            continue
        attributes = table.maps_by_name[name].by_name if name in table.maps_by_name else {}
        if not isinstance(value, dict):
            cells.update({} if attributes else {name: value})
            continue
        for key, entry in value.items():
            if isinstance(entry, dict):
                cells.update({f"{name}/{key}/{part}": entry[part] for part in entry.keys() - attributes.keys()})
    return cells


def typed_part(table: Table, data: Mapping[str, Json], server_cells: Mapping[str, Value]) -> dict[str, Json]:
    """The data of a change without the values that the server itself sent of the record (``server_cells``).

    An edit of one part of an address sends the others along, and a tool that replaces a row sends all of it: what
    nobody typed here is no reason to refuse the edit here.
    """
    server_values = _by_attribute(table, server_cells)
    typed: dict[str, Json] = {}
    for name, value in data.items():
        if name in table.maps_by_name and isinstance(value, dict):
            typed[name] = {key: _typed_entry(f"{name}/{key}/", entry, server_values) for key, entry in value.items()}
        elif not _same(server_values.get(name), value):
            typed[name] = value
    return typed


def _typed_entry(prefix: str, entry: Json, server_values: Mapping[str, Json]) -> Json:
    if not isinstance(entry, dict):
        return entry
    return {name: value for name, value in entry.items() if not _same(server_values.get(prefix + name), value)}


def _same(server_value: Json, value: Json) -> bool:
    return same(server_value, None if value == "" else value)


def _by_attribute(table: Table, cells: Mapping[str, Value]) -> dict[str, Json]:
    """Cells by the attributes that they are made of, as JSON has them."""
    values: dict[str, Json] = {}
    for cell, value in json_of_cells(table, cells).items():
        if isinstance(value, tuple) and table.has_cell(cell):
            values.update(zip((entry_of(cell) + field.name for field in table.fields_of(cell)), value, strict=False))
        else:
            values[cell] = value
    return values
