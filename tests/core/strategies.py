"""What Hypothesis draws from: JSON of any kind, values of every type of field, and whole changes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from offbook.contacts.table import BUILT_IN
from offbook.core.model import Change, Operation
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS, Field, Map, Table, Type
from offbook.core.validation import change_data, parse_cells

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
"""Text here has lone surrogates too: JSON can say them."""

JSON = st.recursive(
    SCALARS | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)

IDS = st.integers(0, 2**128 - 1).map(lambda number: str(UUID(int=number)))
SEQS = st.integers(0, 2**63 - 1)
MOMENTS = st.integers(-62_135_596_800_000, 253_402_300_799_999)
"""Milliseconds of the years that a calendar has, 1 to 9999."""

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NAMES = TEXT.filter(lambda text: bool(text.strip()))
KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
DATES = st.dates().map(lambda day: day.isoformat()) | st.dates().map(lambda day: day.strftime("--%m-%d"))


def values(field: Field) -> st.SearchStrategy[Any]:
    """What may be written to this field."""
    of_type: dict[Type, st.SearchStrategy[Any]] = {
        Type.TEXT: NAMES if field.required else TEXT | st.none(),
        Type.DATE: DATES | st.sampled_from([None, ""]),
        Type.FLAG: st.booleans() | st.none(),
        Type.INTEGER: st.integers(-(2**31), 2**31 - 1) | st.none(),
        Type.CHOICE: st.sampled_from(field.choices or ("",)),
    }
    return of_type[field.type]


def entries(map_: Map) -> st.SearchStrategy[Any]:
    """A map as a change writes it: entries new, edited and removed."""
    attributes = {attribute.name: values(attribute) for attribute in map_.attributes}
    entry = st.fixed_dictionaries({}, optional=attributes)
    return st.dictionaries(KEYS, entry | st.none(), max_size=3)


def datas(table: Table, complete: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """The ``data`` of a change; ``complete`` has all that an INSERT needs."""
    fields = {field.name: values(field) for field in table.fields}
    needed = {name: fields.pop(name) for name in table.required} if complete else {}
    return st.fixed_dictionaries(needed, optional={**fields, **{map_.name: entries(map_) for map_ in table.maps}})


def cell_names(table: Table) -> st.SearchStrategy[str]:
    inside = [
        st.builds(lambda key, name, of=map_.name: f"{of}/{key}/{name}", KEYS, st.sampled_from([*map_.cells, EXISTS]))
        for map_ in table.maps
    ]
    return st.one_of(st.sampled_from([*table.by_name, EXISTS]), *inside)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """A change as the wire lets it in."""
    table = draw(st.sampled_from(list(BUILT_IN.values())))
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
