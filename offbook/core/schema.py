"""What a synced table is made of: the types in which an application declares its tables.

A *cell* is the unit of merge. Every field of a table is one cell, named like the field. A map (``details``) holds
entries under keys that the device makes; each entry is cells too, named ``map/key/attribute``. Attributes that share a
cell (the parts of an address) are one value, never mixed between two edits. Existence is a cell of its own: ``@exists``
for the record, ``map/key/@exists`` for an entry.

This module holds no behaviour of storage, wire or pages; they all look things up here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

EXISTS = "@exists"
"""The name of the existence cell."""

ENTRY_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a device may name a map entry: part of a cell's name, so without ``/``."""


class Type(StrEnum):
    """What a field holds. Empty text and a false flag are the same as nothing at all (null)."""

    TEXT = "text"
    DATE = "date"  # ISO 8601 text: 1815-12-10, or --12-10 where the year is not known (RFC 6350, section 4.3.1)
    FLAG = "flag"
    INTEGER = "integer"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table, or one attribute of a map's entries.

    ``limit`` counts characters. ``shares`` names the attribute whose cell this attribute is a part of.

    Where two values are in conflict, both can stand if there is room: a second value becomes an entry of the table's
    first map, of the kind ``beside``; or it stands below the first one, in a field that ``is_joinable``.
    """

    name: str
    type: Type = Type.TEXT
    limit: int = 200
    required: bool = False
    choices: tuple[str, ...] = ()
    shares: str = ""
    beside: str = ""
    is_joinable: bool = False


@dataclass(frozen=True)
class Map:
    """A field whose value is a map from entry keys to entries; in storage, a table of its own (``rows``)."""

    name: str
    rows: str
    owner: str
    attributes: tuple[Field, ...]
    entries_max: int = 200

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The attributes by name."""
        return MappingProxyType({attribute.name: attribute for attribute in self.attributes})

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the attributes that every entry must have."""
        return tuple(attribute.name for attribute in self.attributes if attribute.required)

    @cached_property
    def cells(self) -> Mapping[str, tuple[Field, ...]]:
        """Each cell of an entry with the attributes that it is made of, in order."""
        cells: dict[str, tuple[Field, ...]] = {}
        for attribute in self.attributes:
            name = attribute.shares or attribute.name
            cells[name] = (*cells.get(name, ()), attribute)
        return MappingProxyType(cells)

    @cached_property
    def names_in(self) -> Mapping[str, frozenset[str]]:
        """The attributes of each cell, by name."""
        return MappingProxyType(
            {cell: frozenset(attribute.name for attribute in parts) for cell, parts in self.cells.items()}
        )


@dataclass(frozen=True)
class Table:
    """A synced table: its plain fields and its maps. It is a value: two with the same fields and maps are equal."""

    name: str
    fields: tuple[Field, ...]
    maps: tuple[Map, ...] = field(default=())

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """The plain fields by name."""
        return MappingProxyType({field.name: field for field in self.fields})

    @cached_property
    def maps_by_name(self) -> Mapping[str, Map]:
        """The maps by name."""
        return MappingProxyType({map_.name: map_ for map_ in self.maps})

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of the plain fields that every record must have."""
        return tuple(field.name for field in self.fields if field.required)

    def has_cell(self, cell: str) -> bool:
        """Whether a record of this table can have a cell of this name."""
        if "/" not in cell:
            return cell == EXISTS or cell in self.by_name
        name, key, attribute = (*cell.split("/", 2), "")[:3]
        map_ = self.maps_by_name.get(name)
        if map_ is None or not ENTRY_KEY.fullmatch(key):
            return False
        return attribute == EXISTS or attribute in map_.cells

    def fields_of(self, cell: str) -> tuple[Field, ...]:
        """The fields, or attributes, that a cell of this table is made of: none for existence."""
        entry, _, name = cell.rpartition("/")
        if name == EXISTS:
            return ()
        return self.maps_by_name[entry.split("/")[0]].cells[name] if entry else (self.by_name[name],)


def entry_of(cell: str) -> str:
    """The prefix ``map/key/`` of an entry's cell; empty for a cell of the record itself."""
    return cell[: cell.rindex("/") + 1] if "/" in cell else ""


class Schema(Mapping[str, Table]):
    """The synced tables of one application by name: what a replica, a server and a simulated world each hold.

    A name that comes from outside is looked up here and never put into SQL. Raises ValueError for a name that is there
    twice.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables: dict[str, Table] = {}
        for table in tables:
            if self._tables.setdefault(table.name, table) is not table:
                raise ValueError(f"Two tables are called {table.name}.")

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __hash__(self) -> int:
        return hash(tuple(self._tables))
