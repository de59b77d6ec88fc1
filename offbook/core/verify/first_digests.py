"""Digest 1: what whoever names no digest is answered. A line has a place for every field, filled or not.

So it can be compared only where both sides have the same fields in the same order: ``shape_of`` tells. Servers of
before stored it, and devices of before make it: everything here must stay as it is. Digest 2 is in
offbook.core.verify.digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from offbook.core.model import Record, Value
from offbook.core.schema import EXISTS, Field, Map, Table, Type
from offbook.core.verify.digests import MODULUS, hash_of


@dataclass(frozen=True, slots=True)
class Places:
    """How a table's lines begin before anything is filled in, and where in its own line each field goes."""

    empty: tuple[str, ...]
    by_field: Mapping[str, int]


@lru_cache(maxsize=64)
def _places(table: Table) -> Places:
    empty = tuple("0" if field.type is Type.FLAG else "" for field in table.fields)
    return Places(empty, {field.name: place for place, field in enumerate(table.fields, 3)})


def entry_fields(map_: Map) -> list[Field]:
    """The attributes of a map's entries in the order of their line: cell by cell."""
    return [field for cell in map_.cells.values() for field in cell]


def first_digest_of(table: Table, record: Record) -> int:
    """Digest 1 of a record, of what this declaration of its table has; 0 for a tombstone."""
    return 0 if record.deleted else first_digest(table, record.id, record.seq, record.cells)


def first_digest(table: Table, record_id: str, seq: int, cells: Mapping[str, Value]) -> int:
    """Digest 1 of a record that is there, with these cells; of those that the table does not have, nothing counts."""
    places, total = _places(table), 0
    parts = [table.name, record_id, str(seq), *places.empty]
    for cell, value in cells.items():
        if "/" not in cell:
            if value is not None and cell in places.by_field:
                parts[places.by_field[cell]] = _text(value)
        elif value is True and cell.endswith(EXISTS) and cell.split("/")[0] in table.maps_by_name:
            total += hash_of(_entry_parts(table, record_id, cell, cells))
    return (total + hash_of(parts)) % MODULUS


def _entry_parts(table: Table, record_id: str, exists: str, cells: Mapping[str, Value]) -> list[str]:
    name, key, _ = exists.split("/")
    parts = [table.name, name, record_id, key]
    for cell, fields in table.maps_by_name[name].cells.items():
        value = cells.get(f"{name}/{key}/{cell}")
        values = value if isinstance(value, tuple) else (value,)
        parts += [_text(part) for part in (*values, *[None] * len(fields))[: len(fields)]]
    return parts


def _text(value: Value) -> str:
    """A value as SQL's text has it: a flag is a number there."""
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)


def shape_of(table: Table) -> int:
    """A number that two sides have in common if they make lines of the same fields in the same order."""
    maps = [[map_.name, *(field.name for field in entry_fields(map_))] for map_ in table.maps]
    return sum(map(hash_of, [[table.name, *table.by_name], *maps])) % MODULUS
