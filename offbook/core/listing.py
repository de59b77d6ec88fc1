"""What a list of records is sorted by, and in which of their fields people search for words.

All of it follows from the declaration. What is empty comes first; of text, case and accents don't count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from offbook.core.cells.validation import Json
from offbook.core.schema import Field, Map, Table, Type
from offbook.core.search import Term, fulfils, searched_text
from offbook.core.text import normalize_for_search

Place = tuple[Any, ...]
"""Compares with that of another record of its table."""


def sort_fields(table: Table) -> tuple[Field, ...]:
    """What a list of this table is sorted by: its ``order``, else the first field of ``shows``, else its first text."""
    texts = [field.name for field in table.fields if field.type is Type.TEXT]
    return tuple(table.by_name[name] for name in table.order or table.shows[:1] or texts[:1])


def place_in_list(table: Table, record: Mapping[str, Json]) -> Place:
    """Where a record stands in a list of its table; of several with equal values, the ids decide."""
    return *(_sortable(record[field.name]) for field in sort_fields(table)), record["id"]


def _sortable(value: Json) -> tuple[int, Json]:
    """A value that compares with any other: in a column may also stand what is not of its type."""
    if value is None or value is False:
        return 0, 0
    if isinstance(value, int | float):
        return 1, value
    return 2, normalize_for_search(str(value))


def name_field(table: Table) -> Field | None:
    """By which field people know a record: the first that is shown, else the key, else the first text, else none."""
    texts = [field.name for field in table.fields if field.type is Type.TEXT]
    names = (*table.shows[:1], *filter(None, (table.key,)), *texts)
    return table.by_name[names[0]] if names else None


def name_of(table: Table, record: Mapping[str, Json]) -> str:
    """What people know a record by; empty for nothing."""
    field = name_field(table)
    return "" if field is None else str(record.get(field.name) or "")


def heading_of(columns: Table | Map, name: str) -> str:
    """What people read instead of the name of a field, an attribute or a map."""
    maps = columns.maps_by_name if isinstance(columns, Table) else {}
    declared = columns.by_name.get(name) or maps.get(name)
    return (declared.heading if declared is not None else "") or name.replace("_", " ").capitalize()


def is_searched_for(table: Table, record: Mapping[str, Json], terms: Iterable[Term]) -> bool:
    """Whether a record is one of those that these terms look for."""
    texts = [record[name] for name in searched_names(table)]
    for map_ in table.maps:
        names = searched_names(map_)
        texts += [entry.get(name) for entry in record[map_.name].values() for name in names]
    return fulfils(searched_text(text for text in texts if isinstance(text, str)), terms)


def searched_names(columns: Table | Map) -> frozenset[str]:
    """The fields, or attributes of a map, that hold what people search for: of entries no choice, which is a word of
    the declaration."""
    unsearched = {Type.JSON, Type.REF} if isinstance(columns, Table) else {Type.JSON, Type.REF, Type.CHOICE}
    return frozenset(name for name, field in columns.by_name.items() if field.type not in unsearched)
