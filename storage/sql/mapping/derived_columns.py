"""Columns that are made of a record's cells for the database to look through: ``search``, and what a list is sorted by.

Pure: the same cells give the same text, in every process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import pack, unpack
from types import MappingProxyType

from offbook.core.listing import searched_names
from offbook.core.model import Cells, Value
from offbook.core.schema import EXISTS, Field, Table, Type
from offbook.core.search import searched_text
from offbook.core.text import normalize_for_search

SORT_CHARACTERS = 100
SORT_SEPARATOR = "\x01"
"""Comes before every character that a text is likely to hold: what is shorter comes first."""


# --- search ----------------------------------------------------------------------------------------------------------


def unsearched_cells(table: Table) -> frozenset[str]:
    """The fields, and as ``map/attribute`` the attributes, in which nothing is searched."""
    attributes = {f"{map_.name}/{name}" for map_ in table.maps for name in map_.by_name.keys() - searched_names(map_)}
    return frozenset(table.by_name.keys() - searched_names(table) | attributes)


def search_text(cells: Cells, unsearched: frozenset[str]) -> str:
    """All text of a record for LIKE to look through, as offbook.core.search has it."""
    texts: list[str] = []
    for cell, value in cells.items():
        if not isinstance(value, (str, tuple)) or cell in unsearched:  # str | tuple would be made anew each time
            continue
        if "/" in cell and not _is_searched(cell, cells, unsearched):
            continue
        if isinstance(value, str):
            texts.append(value)
        else:
            texts.extend([str(part) for part in value if part is not None])
    return searched_text(texts)


def _is_searched(cell: str, cells: Cells, unsearched: frozenset[str]) -> bool:
    """Whether an entry's cell is one of an entry that stands, and one in which something is searched."""
    map_, key, name = cell.split("/")
    return f"{map_}/{name}" not in unsearched and cells.get(f"{map_}/{key}/{EXISTS}") is not False


# --- order -----------------------------------------------------------------------------------------------------------


def sort_key(fields: tuple[Field, ...], cells: Cells) -> str:
    """A text that comes before another as these fields of its record do; what is empty comes first.

    Each text counts with its beginning, and all of it is SORT_CHARACTERS at the most.
    """
    if not fields:
        return ""
    most = SORT_CHARACTERS // len(fields)
    return SORT_SEPARATOR.join([_sortable(field.type, cells.get(field.name), most) for field in fields])[
        :SORT_CHARACTERS
    ]


def _sortable(type_: Type, value: Value, most: int) -> str:
    if value is None or value is False:
        return ""
    if type_ in SORTABLE:
        return SORTABLE[type_](value)
    return normalize_for_search(str(value))[:most]


def _sortable_integer(value: Value) -> str:
    return f"{int(value) + 2**63:016x}"  # type: ignore[arg-type]


def _sortable_number(value: Value) -> str:
    """The 64 bits of a number, so that they come in its order: below zero they count down."""
    (bits,) = unpack(">Q", pack(">d", value))
    return f"{bits ^ 2**64 - 1 if bits >> 63 else bits | 2**63:016x}"


SORTABLE: Mapping[Type, Callable[[Value], str]] = MappingProxyType(
    {Type.FLAG: lambda value: "1", Type.INTEGER: _sortable_integer, Type.NUMBER: _sortable_number}
)
