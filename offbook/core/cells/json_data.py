"""Cells as JSON objects: a record with all its fields or the filled ones, and the ``data`` of a change."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from itertools import zip_longest

from offbook.core.cells.validation import Json, is_empty
from offbook.core.model import Scalar, Value
from offbook.core.schema import EXISTS, Map, Table


def json_of(table: Table, cell: str, value: Value) -> Json:
    """The value of one cell as JSON has it by itself: what value_of() reads."""
    return json.loads(str(value)) if value is not None and table.holds_json(cell) else value


def json_of_cells(table: Table, cells: Mapping[str, Value]) -> dict[str, Json]:
    """Cells by their names, each as JSON has it by itself."""
    if not table.has_json:
        return dict(cells)
    return {cell: json_of(table, cell, value) for cell, value in cells.items()}


def with_all_fields(table: Table, cells: Mapping[str, Value]) -> dict[str, Json]:
    """Cells as an object with every field of the table; entries that are removed are not there."""
    data: dict[str, Json] = {name: cells.get(name) for name in table.by_name}
    for name in table.flags:
        data[name] = bool(data[name])
    for map_ in table.maps:
        data[map_.name] = _entries(map_, cells)
    return _with_json(table.json_names, data)


def filled_fields(table: Table, cells: Mapping[str, Value]) -> dict[str, Json]:
    """Cells as an object without what is empty: no null, no false, no map without entries. What is absent is empty."""
    data: dict[str, Json] = {
        name: value
        for name in table.by_name
        if name in cells and (value := cells[name]) is not None and value is not False
    }
    for map_ in table.maps:
        if entries := _entries(map_, cells):
            data[map_.name] = entries
    return _with_json(table.json_names, data)


def with_defaults(table: Table, data: Mapping[str, Json]) -> dict[str, Json]:
    """A record's data as people see it: with the default of each required field, or attribute, that is empty.

    Only what is shown is made with this. What is compared, stored or sent knows no defaults.
    """
    shown = dict(data)
    for name, default in table.defaults.items():
        if is_empty(shown.get(name)):
            shown[name] = default
    for map_ in table.maps:
        if map_.defaults and shown.get(map_.name):
            shown[map_.name] = {key: {**map_.defaults, **entry} for key, entry in shown[map_.name].items()}
    return shown


def _with_json(names: Collection[str], data: dict[str, Json]) -> dict[str, Json]:
    """The data, in which those of these names that hold a text of JSON now hold its value."""
    for name in names:
        if data.get(name) is not None:
            data[name] = json.loads(data[name])
    return data


def _entries(map_: Map, cells: Mapping[str, Value]) -> dict[str, Json]:
    prefix, suffix = f"{map_.name}/", f"/{EXISTS}"
    keys = [
        cell[len(prefix) : -len(suffix)]
        for cell, value in cells.items()
        if value is True and cell.startswith(prefix) and cell.endswith(suffix)
    ]
    return {key: entry_data(map_, cells, f"{prefix}{key}/") for key in sorted(keys)}


def entry_data(map_: Map, cells: Mapping[str, Value], prefix: str) -> dict[str, Json]:
    """One entry's attributes, the empty ones left out."""
    return _with_json(map_.json_names, dict(entry_values(map_, cells, prefix)))


def entry_values(map_: Map, cells: Mapping[str, Value], prefix: str) -> dict[str, Scalar]:
    """One entry's attributes by their names, JSON as its text, the empty ones left out."""
    values: dict[str, Scalar] = {}
    for cell, attributes in map_.cells.items():
        value = cells.get(prefix + cell)
        if isinstance(value, tuple):
            parts = zip(attributes, value, strict=False)
            values.update([(field.name, part) for field, part in parts if part is not None])
        elif value is not None:
            values[attributes[0].name] = value
    return values


def change_data(table: Table, cells: Mapping[str, Value]) -> dict[str, Json]:
    """A change's cells as the ``data`` that parse_cells() reads: what is written, null where it is emptied."""
    data: dict[str, Json] = {name: value for name, value in cells.items() if "/" not in name}
    for map_ in table.maps:
        entries: dict[str, Json] = {}
        for cell, value in cells.items():
            if cell.startswith(f"{map_.name}/"):
                _, key, name = cell.split("/")
                _put(entries, map_, key, name, value)
        if entries:
            data[map_.name] = entries
    return _with_json(table.json_names, data)


def _put(entries: dict[str, Json], map_: Map, key: str, name: str, value: Value) -> None:
    if name == EXISTS:
        entries[key] = entries.get(key, {}) if value else None
        return
    entry = entries.setdefault(key, {})
    if name not in map_.cells:  # a newer version knows it, and left it in this device's file
        entry[name] = value
        return
    attributes = map_.cells[name]
    if len(attributes) == 1 and type(value) is not tuple:
        entry[name] = value
    else:
        parts = value if isinstance(value, tuple) else (value,)  # a newer version may know more, by unknown names
        names = [attribute.name for attribute in attributes]
        entry.update(zip_longest(names, parts[: len(names)]))
    if name in map_.json_names:
        _with_json((name,), entry)
