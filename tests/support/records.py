"""What Hypothesis draws of the records of any table: values of each type, whole rows, changes, stored records."""

from __future__ import annotations

import json
from datetime import timedelta, timezone
from functools import cache
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from offbook.core.cells.json_data import change_data
from offbook.core.cells.validation import is_empty, parse_cells
from offbook.core.model import Change, Clock, Operation, Record
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS, Field, Map, Table, Type

IDS = st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number)))
SEQS = st.integers(0, 2**63 - 1)
MOMENTS = st.integers(-62_135_596_800_000, 253_402_300_799_999)
"""Milliseconds of the years that a calendar has, 1 to 9999."""

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(LETTERS, max_size=8)
KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
DATES = st.dates().map(lambda day: day.isoformat()) | st.dates().map(lambda day: day.strftime("--%m-%d"))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = (
    st.datetimes(timezones=OFFSETS).map(lambda moment: moment.isoformat()).filter(lambda text: "0002" <= text < "9999")
)
"""Of the years in which no offset leads out of the calendar."""

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-1e6, 1e6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
"""Any JSON that a cell may hold."""


# --- values --------------------------------------------------------------------------------------------------------


@cache
def values(field: Field) -> st.SearchStrategy[Any]:
    """What may be written to this field, as JSON has it; also nothing, where it need not be there."""
    filled = filled_values(field)
    return filled if field.is_needed else filled | st.none()


@cache
def filled_values(field: Field) -> st.SearchStrategy[Any]:
    """The same without null; text may be empty where the field may be."""
    match field.type:
        case Type.TEXT:
            text = st.text(LETTERS, max_size=min(8, field.limit))
            return text.filter(str.strip) if field.is_needed else text
        case Type.DATE:
            return DATES
        case Type.FLAG:
            return st.booleans()
        case Type.INTEGER:
            return st.integers(field.least, field.most)
        case Type.CHOICE:
            return st.sampled_from(field.choices)
        case Type.NUMBER:
            return NUMBERS
        case Type.TIME:
            return TIMES
        case Type.JSON:
            return JSON_VALUES.filter(lambda value: value is not None and len(json.dumps(value)) <= field.limit)
        case Type.REF:
            return IDS | IDS.map(str.upper)


def entries(map_: Map) -> st.SearchStrategy[Any]:
    """A map as a change writes it: entries new, edited and removed."""
    attributes = {attribute.name: values(attribute) for attribute in map_.attributes}
    return st.dictionaries(KEYS, st.fixed_dictionaries({}, optional=attributes) | st.none(), max_size=3)


def whole_entries(map_: Map) -> st.SearchStrategy[Any]:
    """A map as a new record has it: each entry with all that it must have."""
    attributes = {attribute.name: values(attribute) for attribute in map_.attributes}
    needed = {name: attributes.pop(name) for name in map_.required}
    return st.dictionaries(KEYS, st.fixed_dictionaries(needed, optional=attributes), max_size=3)


def datas(table: Table, complete: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """The ``data`` of a change; ``complete`` has all that an INSERT needs."""
    fields = {field.name: values(field) for field in table.fields}
    needed = {name: fields.pop(name) for name in table.required} if complete else {}
    of_map = whole_entries if complete else entries
    return st.fixed_dictionaries(needed, optional={**fields, **{map_.name: of_map(map_) for map_ in table.maps}})


# --- changes and records -------------------------------------------------------------------------------------------


def cell_names(table: Table) -> st.SearchStrategy[str]:
    """The name of any cell that a record of this table can have."""
    inside = [
        st.builds(lambda key, name, of=map_.name: f"{of}/{key}/{name}", KEYS, st.sampled_from([*map_.cells, EXISTS]))
        for map_ in table.maps
    ]
    return st.one_of(st.sampled_from([*table.by_name, EXISTS]), *inside)


@st.composite
def changes(draw: st.DrawFn, table: Table) -> Change:
    """A change of a record of this table, as the wire lets it in."""
    operation = draw(st.sampled_from(Operation))
    data = draw(datas(table, operation is Operation.INSERT))
    return Change(
        draw(IDS),
        table,
        draw(IDS),
        operation,
        draw(IDS),
        draw(MOMENTS),
        draw(SEQS),
        {} if operation is Operation.DELETE else parse_cells(table, data, operation),
        draw(st.dictionaries(cell_names(table), SEQS, max_size=3)),
    )


def change_json(change: Change) -> dict[str, Any]:
    """A change as ``POST /sync`` takes it."""
    item: dict[str, Any] = {
        "id": change.id,
        "table": change.table.name,
        "record_id": change.record_id,
        "operation": change.operation.value,
        "replica": change.replica,
        "timestamp": iso_millis(change.timestamp),
        "base": change.base,
    }
    if change.bases:
        item["bases"] = dict(change.bases)
    if change.operation is not Operation.DELETE:
        item["data"] = change_data(change.table, change.cells)
    return item


@st.composite
def records(draw: st.DrawFn, table: Table) -> Record:
    """A record of this table as a server holds it right after it was made, there or deleted."""
    cells = parse_cells(table, draw(datas(table, complete=True)), Operation.INSERT)
    seq, change_id, replica = draw(st.integers(1, 2**53)), draw(IDS), draw(IDS)
    held = {cell: value for cell, value in cells.items() if not is_empty(value)}
    return Record(table, draw(IDS), seq, draw(st.booleans()), held, Clock(seq, 0, change_id, replica), {})
