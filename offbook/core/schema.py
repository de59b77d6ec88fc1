"""What a synced table is made of: the types in which an application declares its tables.

A *cell* is the unit of merge. Every field of a table is one cell, named like the field. A map (``details``) holds
entries under keys that the device makes; each entry is cells too, named ``map/key/attribute``. Attributes that share a
cell (the parts of an address) are one value, never mixed between two edits. Existence is a cell of its own: ``@exists``
for the record, ``map/key/@exists`` for an entry.

This module holds no behaviour of storage, wire or pages; they all look things up here.
"""

from __future__ import annotations

import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from offbook.core.text import fold_key

EXISTS = "@exists"
"""The name of the existence cell."""

ENTRY_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a device may name a map entry: part of a cell's name, so without ``/``."""


SHAPE = re.compile(r"[0-9a-f]{16}")
"""What a schema's shape is like."""


class Type(StrEnum):
    """What a field holds. Empty text and a false flag are the same as nothing at all (null)."""

    TEXT = "text"
    DATE = "date"  # ISO 8601 text: 1815-12-10, or --12-10 where the year is not known (RFC 6350, section 4.3.1)
    FLAG = "flag"
    INTEGER = "integer"
    CHOICE = "choice"
    NUMBER = "number"  # finite, of 64 bits
    TIME = "time"  # ISO 8601 text in UTC with milliseconds: 2026-11-20T17:00:00.000Z
    JSON = "json"  # any value: held as its canonical JSON text, and on the wire as it is
    REF = "ref"  # the id of a record of another table


class Gone(StrEnum):
    """What becomes of a reference when whoever deletes its target has the record that refers to it."""

    KEEP = "keep"
    CLEAR = "clear"


INTEGER_MAX = 2**53 - 1
"""The largest whole number of a cell: what a browser, whose numbers are of 64 bits with a point, holds exactly."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table, or one attribute of a map's entries.

    ``limit`` counts characters, of text and of JSON; a whole number lies between ``least`` and ``most``. ``shares``
    names the attribute whose cell this attribute is a part of. Where it ``is_later`` than other parts, a change that
    names just those comes from a version that does not know this one, and leaves it as it is.

    Where two values are in conflict, both can stand if there is room: a second value becomes an entry of the table's
    first map, of the kind ``beside``; or it stands below the first one, in a field that ``is_joinable``.

    ``heading`` is what people read instead of the name. A ``retired`` field stays in sync and is shown nowhere. A
    reference names its ``target`` table; whoever deletes what it points to clears it, where ``gone`` says so.

    ``default`` is shown of a required field that is empty, and never written: so a field can become required though
    there are rows without it, and devices that do not know of that. What writers must fill in is what ``is_needed``.
    """

    name: str
    type: Type = Type.TEXT
    limit: int = 200
    required: bool = False
    choices: tuple[str, ...] = ()
    shares: str = ""
    beside: str = ""
    is_joinable: bool = False
    heading: str = ""
    retired: bool = False
    default: str | int | float | None = None
    target: str = ""
    gone: Gone = Gone.KEEP
    least: int = -INTEGER_MAX
    most: int = INTEGER_MAX
    is_later: bool = field(default=False, compare=False)
    is_needed: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_needed", self.required and self.default is None)


@dataclass(frozen=True)
class Composite:
    """Fields of a table that are one value for merging: the ``whole``, which is shown, and the ``parts`` of it.

    A change that writes to any of them writes them all: ``complete(written, known)`` says what such a write leaves out,
    where ``known`` are the cells as its writer knew them. A record without a whole is called by the first of
    ``stand_ins`` that is filled.
    """

    whole: str
    parts: tuple[str, ...]
    stand_ins: tuple[str, ...]
    complete: Callable[[Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]

    @cached_property
    def cells(self) -> tuple[str, ...]:
        """All that belongs together; the whole first."""
        return self.whole, *self.parts


class Columns(ABC):
    """What fields of a table, and attributes of a map, are alike in: each is a column of a row."""

    @property
    @abstractmethod
    def columns(self) -> tuple[Field, ...]:
        """The plain fields, or the attributes, in their order."""

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Each by its name."""
        return MappingProxyType({field.name: field for field in self.columns})

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The names of those that every record, or entry, must have."""
        return tuple(field.name for field in self.columns if field.is_needed)

    @cached_property
    def defaults(self) -> Mapping[str, str | int | float]:
        """What is shown of those that are empty, by name."""
        return MappingProxyType({field.name: field.default for field in self.columns if field.default is not None})

    @cached_property
    def json_names(self) -> frozenset[str]:
        """The names of those that hold JSON."""
        return frozenset(field.name for field in self.columns if field.type is Type.JSON)

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """The names of those that are flags."""
        return tuple(field.name for field in self.columns if field.type is Type.FLAG)


@dataclass(frozen=True)
class Naming:
    """Which entries of a map name records of another table (``target``), by the text of its key: those whose ``kind``
    attribute is ``of``, with their ``attribute``.

    Texts need no ids: devices and files that do not know the table go on. What is named is there: an unknown name adds
    its record. ``not_names``, in the form of fold_key(), name nothing, nor does what is longer than ``length_max``.
    """

    target: str
    kind: str
    of: str
    attribute: str
    length_max: int
    not_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Map(Columns):
    """A field whose value is a map from entry keys to entries; in storage, a table of its own (``rows``).

    ``owner`` is the column there that holds the record's id. ``beside`` names the attribute of which a second value, in
    conflict with the first, can stand in an entry of its own. ``naming`` says which entries name records of a table;
    that is nothing that a declaration tells others.
    """

    name: str
    rows: str
    owner: str
    attributes: tuple[Field, ...]
    entries_max: int = 200
    heading: str = ""
    retired: bool = False
    beside: str = ""
    naming: Naming | None = field(default=None, compare=False)

    @property
    def columns(self) -> tuple[Field, ...]:
        """The attributes."""
        return self.attributes

    @cached_property
    def cells(self) -> Mapping[str, tuple[Field, ...]]:
        """Each cell of an entry with the attributes that it is made of, in order."""
        cells: dict[str, tuple[Field, ...]] = {}
        for attribute in self.attributes:
            name = attribute.shares or attribute.name
            cells[name] = (*cells.get(name, ()), attribute)
        return MappingProxyType(cells)

    @cached_property
    def first_parts(self) -> Mapping[str, frozenset[str]]:
        """Of each cell that has parts which came later, those that it had before, by name."""
        return MappingProxyType(
            {
                cell: frozenset(attribute.name for attribute in parts if not attribute.is_later)
                for cell, parts in self.cells.items()
                if parts[-1].is_later
            }
        )

    @cached_property
    def names_in(self) -> Mapping[str, frozenset[str]]:
        """The attributes of each cell, by name."""
        return MappingProxyType(
            {cell: frozenset(attribute.name for attribute in parts) for cell, parts in self.cells.items()}
        )


@dataclass(frozen=True)
class Table(Columns):
    """A synced table: its plain fields and its maps. It is a value: two with the same fields and maps are equal.

    A new record's id follows from its ``key`` field, where it has one: two devices that add the same key offline add
    the same record. ``shows`` are the fields of a list and ``order`` what it is sorted by. ``policy`` is the table's
    own conflict policy, where it is not the book's. ``heading`` is what people read instead of the name, and
    ``singular`` what they call one record. ``composite`` says which fields are one value, and ``bytes_max`` how much a
    record may hold (0: no more is said); like ``naming``, that is nothing that a declaration tells others.
    """

    name: str
    fields: tuple[Field, ...]
    maps: tuple[Map, ...] = field(default=())
    heading: str = ""
    key: str = ""
    shows: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    policy: str = ""
    singular: str = "record"
    composite: Composite | None = field(default=None, compare=False, repr=False)
    bytes_max: int = field(default=0, compare=False, repr=False)

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    @property
    def columns(self) -> tuple[Field, ...]:
        """The plain fields."""
        return self.fields

    @cached_property
    def maps_by_name(self) -> Mapping[str, Map]:
        """The maps by name."""
        return MappingProxyType({map_.name: map_ for map_ in self.maps})

    @cached_property
    def has_defaults(self) -> bool:
        """Whether anything is shown of what is empty."""
        return bool(self.defaults) or any(map_.defaults for map_ in self.maps)

    @cached_property
    def has_json(self) -> bool:
        """Whether any cell holds JSON."""
        return bool(self.json_names) or any(map_.json_names for map_ in self.maps)

    @cached_property
    def composite_cells(self) -> frozenset[str]:
        """The cells that are one value; none where each is its own."""
        return frozenset(self.composite.cells if self.composite is not None else ())

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

    def holds_json(self, cell: str) -> bool:
        """Whether it is a cell of this table that holds JSON: a value on the wire, its text elsewhere."""
        return self.has_json and self.has_cell(cell) and any(part.type is Type.JSON for part in self.fields_of(cell))


KEYS = uuid.UUID("0b6f3a52-7c1e-5d0a-9b44-6f66626f6f6b")
"""The namespace of ids that follow from keys (RFC 9562, section 5.5). It is for ever: devices make the same ids."""


def record_id_of_key(table: Table, value: str | int) -> str:
    """The id of a new record of a table with a key, whose value this is: the same on every device."""
    return str(uuid.uuid5(KEYS, f"{table.name}/{fold_key(str(value))}"))


def entry_of(cell: str) -> str:
    """The prefix ``map/key/`` of an entry's cell; empty for a cell of the record itself."""
    return cell[: cell.rindex("/") + 1] if "/" in cell else ""


class Reference(NamedTuple):
    """A field of a table, or an attribute of a map of its, that holds ids of records of another table."""

    table: Table
    field: Field
    map: Map | None = None


class NamingMap(NamedTuple):
    """A map of a table whose entries name records of another one, the ``target``."""

    table: Table
    map: Map
    naming: Naming
    target: Table


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

    def cleared_with(self, table: str) -> tuple[Reference, ...]:
        """The references that whoever deletes records of this table clears."""
        return tuple(reference for reference in self._clearing if reference.field.target == table)

    @cached_property
    def _clearing(self) -> tuple[Reference, ...]:
        fields = [Reference(table, field) for table in self.values() for field in table.fields]
        maps = [(table, map_) for table in self.values() for map_ in table.maps]
        attributes = [Reference(table, field, map_) for table, map_ in maps for field in map_.attributes]
        return tuple(reference for reference in (*fields, *attributes) if reference.field.gone is Gone.CLEAR)

    @cached_property
    def naming_maps(self) -> tuple[NamingMap, ...]:
        """The maps whose entries name records of another table of this schema."""
        return tuple(
            NamingMap(table, map_, map_.naming, self[map_.naming.target])
            for table in self.values()
            for map_ in table.maps
            if map_.naming is not None and map_.naming.target in self
        )

    @cached_property
    def shape(self) -> str:
        """What tells this schema from any other: 16 hex digits, the same for two that are declared alike."""
        from offbook.core.declaration.codec import (
            shape_of_schema,  # which reads declarations, and so imports this module
        )

        return shape_of_schema(self)
