"""How a schema grows: what a newer declaration adds to what is known, and what it must not do.

Names are for ever, and nothing is ever taken away: tables, fields, maps and attributes that the wanted declaration does
not have stay as they are, since it may be an older app's. New ones come last. So whatever versions there are of a
declaration, there is a schema that all of them fit into, and what one of them may write can be held there.

grow() is for a server: it says in steps what is to be done, and refuses what is no growth. union() is for a file that
apps of several versions open: it allows what any of them does. Where there is no step, nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from offbook.core.cells.validation import Json
from offbook.core.declaration.rules import (
    FIELD_OPTIONS,
    FIELDS_MAX,
    JOIN,
    MAP_OPTIONS,
    TABLE_OPTIONS,
    Options,
    make_schema,
)
from offbook.core.errors import Invalid
from offbook.core.formatting import format_count
from offbook.core.messages import NOT_GROWTH
from offbook.core.schema import Field, Map, Schema, Table
from offbook.core.text import join_with_and


@dataclass(frozen=True)
class Step:
    """Something that changes: where (``notes.tags.tag``), and what, in words."""

    place: str
    change: str

    @property
    def sentence(self) -> str:
        """As it is shown to whoever decides: ``notes.title: limit 200 -> 300``."""
        return f"{self.place}: {self.change}"


@dataclass(frozen=True)
class NewTable(Step):
    """A table that was not there, with all that it has."""

    table: Table


@dataclass(frozen=True)
class NewMap(Step):
    """A map of a table that was there, with all its attributes."""

    table: str
    map: Map


@dataclass(frozen=True)
class NewColumn(Step):
    """A field of a table that was there, or an attribute of a ``map`` that was."""

    table: str
    map: Map | None
    field: Field


@dataclass(frozen=True)
class NewLimit(Step):
    """More characters for a field of a table, or for an attribute of its ``map``. ``field`` has the new limit."""

    table: str
    map: Map | None
    field: Field


@dataclass(frozen=True)
class NewRule(Step):
    """Anything else: what may be written, or how it is shown. No column is another."""


@dataclass(frozen=True)
class Growth:
    """What a schema becomes, and the steps to it; none where it stays as it is."""

    schema: Schema
    steps: tuple[Step, ...]

    @property
    def learnt(self) -> tuple[str, ...]:
        """The places of cells that there were not: ``notes``, ``notes.color``, ``notes.tags``, ``notes.tags.tag``."""
        return tuple(step.place for step in self.steps if isinstance(step, NewTable | NewMap | NewColumn))


def grow(known: Schema, wanted: Schema) -> Growth:
    """What ``known`` becomes where ``wanted`` is declared. Raises Invalid, which names all that is no growth."""
    schema = _Merger().schema(known, wanted)
    return Growth(schema, tuple(_steps(known, schema)))


def union(known: Schema, wanted: Schema) -> Schema:
    """A schema into which both fit, whichever is the newer one; how things are shown is as ``wanted`` says.

    What only one of them requires is not required, unless there is a default for it. Raises Invalid where there is no
    such schema, since a name is of two types.
    """
    return _Merger(is_tolerant=True).schema(known, wanted)


# --- what two declarations make together ---------------------------------------------------------------------------

SHOWN_OF_TABLE = ("heading", "singular", "shows", "order", "policy")
SHOWN_OF_MAP = ("heading", "retired", "beside")
SHOWN_OF_FIELD = ("heading", "retired", "is_joinable", "beside", "gone")
"""What may be declared otherwise at any time."""


@dataclass
class _Merger:
    """Merges declarations, and collects what is no growth. Tolerant, it only minds what can't be reconciled."""

    is_tolerant: bool = False
    faults: list[str] = field(default_factory=list)

    def schema(self, known: Schema, wanted: Schema) -> Schema:
        merged = [self._table(table, wanted[name]) if name in wanted else table for name, table in known.items()]
        if self.faults:
            raise Invalid.of(NOT_GROWTH, faults="; ".join(self.faults))
        return make_schema([*merged, *(table for name, table in wanted.items() if name not in known)])

    def _refuse(self, place: str, why: str) -> None:
        self.faults.append(f"{place}: {why}")

    def _narrows(self, place: str, why: str) -> None:
        """Something that was allowed would not be."""
        if not self.is_tolerant:
            self._refuse(place, why)

    # --- tables and maps

    def _table(self, known: Table, wanted: Table) -> Table:
        for name in (known.by_name.keys() & wanted.maps_by_name) | (known.maps_by_name.keys() & wanted.by_name):
            self._refuse(f"{known.name}.{name}", "a field and a map can't take each other's place")
        if wanted.key not in ("", known.key or wanted.key):
            self._narrows(known.name, f"key {known.key} -> {wanted.key}")
        maps = [self._map(known.name, map_, wanted.maps_by_name.get(map_.name, map_)) for map_ in known.maps]
        maps += [map_ for map_ in wanted.maps if map_.name not in known.maps_by_name]
        fields = self._fields(known.name, known.fields, wanted.fields)
        merged = replace(
            known, fields=fields, maps=tuple(maps), key=known.key or wanted.key, **_said(wanted, SHOWN_OF_TABLE)
        )
        return self._with_needed_key(merged, bool(known.key))

    def _with_needed_key(self, table: Table, had_key: bool) -> Table:
        """The id of a record can't follow from what may be empty."""
        key = table.by_name.get(table.key)
        if key is None or key.is_needed:
            return table
        self._narrows(f"{table.name}.{table.key}", "a key has to be required, without a default")
        if not had_key:
            return replace(table, key="")
        needed = replace(key, required=True, default=None)
        return replace(table, fields=tuple(needed if field is key else field for field in table.fields))

    def _map(self, table: str, known: Map, wanted: Map) -> Map:
        place = f"{table}.{known.name}"
        for option in ("rows", "owner"):
            self._keep(place, option, getattr(known, option), getattr(wanted, option))
        if wanted.entries_max < known.entries_max:
            self._narrows(place, f"limit {known.entries_max} -> {wanted.entries_max}")
        for cell, parts in known.cells.items():
            if len(parts) == 1 < len(wanted.cells.get(cell, ())):
                self._refuse(f"{place}.{cell}", "a cell of its own can't become one of several parts")
            names = [part.name for part in parts if part.name in wanted.by_name]
            if names != [part.name for part in wanted.cells.get(cell, ())][: len(names)]:
                self._narrows(place, f"the parts of {cell} must stay in their order, and new ones come last")
        return replace(
            known,
            attributes=self._fields(place, known.attributes, wanted.attributes),
            entries_max=max(known.entries_max, wanted.entries_max),
            **_said(wanted, SHOWN_OF_MAP),
        )

    # --- fields

    def _fields(self, owner: str, known: Sequence[Field], wanted: Sequence[Field]) -> tuple[Field, ...]:
        """The fields of a table, or the attributes of a map: those that are known, and after them the new ones."""
        names, news = {field.name for field in known}, {field.name: field for field in wanted}
        merged = [self._field(f"{owner}.{field.name}", field, news.get(field.name, field)) for field in known]
        merged += [self._new(owner, field) for field in wanted if field.name not in names]
        if len(merged) > FIELDS_MAX:
            self._refuse(owner, f"{len(merged)} columns, and {FIELDS_MAX} is the most")
        return tuple(merged)

    def _new(self, owner: str, field: Field) -> Field:
        """A field for what is there already, and does not have it."""
        if field.is_needed:
            self._narrows(f"{owner}.{field.name}", "a new column can't be required without a default")
            return replace(field, required=False)
        return field

    def _field(self, place: str, known: Field, wanted: Field) -> Field:
        for option, attribute in (("type", "type"), ("shares", "shares"), ("to", "target")):
            self._keep(place, option, getattr(known, attribute), getattr(wanted, attribute))
        for option in ("limit", "most"):
            if getattr(wanted, option) < getattr(known, option):
                self._narrows(place, f"{option} {getattr(known, option)} -> {getattr(wanted, option)}")
        if wanted.least > known.least:
            self._narrows(place, f"least {known.least} -> {wanted.least}")
        if lost := [choice for choice in known.choices if choice not in wanted.choices]:
            self._narrows(place, f"{join_with_and(lost)} can't be chosen any more")
        required, default = self._required(place, known, wanted)
        return replace(
            known,
            limit=max(known.limit, wanted.limit),
            least=min(known.least, wanted.least),
            most=max(known.most, wanted.most),
            choices=(*wanted.choices, *lost),
            required=required,
            default=default,
            **_said(wanted, SHOWN_OF_FIELD),
        )

    def _required(self, place: str, known: Field, wanted: Field) -> tuple[bool, str | int | float | None]:
        """Whether what both declare is required, and its default: where one has a default, there are rows without."""
        default = known.default if wanted.default is None else wanted.default
        if known.required and wanted.required:
            if wanted.default != default:
                self._narrows(place, f"default {known.default} -> nothing")
            return True, default
        if wanted.is_needed:
            self._narrows(place, "required without a default")
        if self.is_tolerant or wanted.required:
            return default is not None, default
        return False, None

    def _keep(self, place: str, option: str, known: str, wanted: str) -> None:
        if known != wanted:
            self._refuse(place, f"{option} {known or 'nothing'} -> {wanted or 'nothing'}")


def _said(declared: Field | Map | Table, attributes: Sequence[str]) -> dict[str, Json]:
    return {attribute: getattr(declared, attribute) for attribute in attributes}


# --- the steps between a schema and what it becomes ----------------------------------------------------------------


def _steps(before: Schema, after: Schema) -> Iterator[Step]:
    for name, table in after.items():
        if name in before:
            yield from _steps_of_table(before[name], table)
        else:
            columns = format_count(len(table.fields) + len(table.maps), "column")
            yield NewTable(name, f"new, {columns}", table)


def _steps_of_table(before: Table, after: Table) -> Iterator[Step]:
    yield from _rules(after.name, TABLE_OPTIONS, before, after)
    yield from _steps_of_fields(after.name, None, before.by_name, after.fields)
    for map_ in after.maps:
        place, old = f"{after.name}.{map_.name}", before.maps_by_name.get(map_.name)
        if old is None:
            yield NewMap(place, f"new map, {format_count(len(map_.attributes), 'column')}", after.name, map_)
        else:
            yield from _rules(place, MAP_OPTIONS, old, map_)
            yield from _steps_of_fields(after.name, map_, old.by_name, map_.attributes)


def _steps_of_fields(
    table: str, map_: Map | None, before: Mapping[str, Field], after: Sequence[Field]
) -> Iterator[Step]:
    owner = f"{table}.{map_.name}" if map_ else table
    for new in after:
        place, old = f"{owner}.{new.name}", before.get(new.name)
        if old is None:
            yield NewColumn(place, "new column", table, map_, new)
            continue
        if old.limit != new.limit:
            yield NewLimit(place, f"limit {old.limit} -> {new.limit}", table, map_, new)
        yield from _rules(place, FIELD_OPTIONS[new.type], replace(old, limit=new.limit), new)


def _rules(place: str, options: Options, before: Field | Map | Table, after: Field | Map | Table) -> Iterator[NewRule]:
    for name, option in options.items():
        old, new = getattr(before, option.attribute), getattr(after, option.attribute)
        if old != new:
            yield NewRule(place, _change(name, old, new))


def _change(option: str, old: Json, new: Json) -> str:
    if option in ("required", "retired"):
        return option if new else f"no longer {option}"
    if option == "both":
        old, new = old and JOIN, new and JOIN
    if option == "choices" and (added := [choice for choice in new if choice not in old]):
        return f"new choices: {', '.join(added)}"
    return f"{option} {_words(old)} -> {_words(new)}"


def _words(value: Json) -> str:
    if value in (None, "", ()) or value is False:
        return "nothing"
    return ", ".join(value) if isinstance(value, tuple) else str(value)
