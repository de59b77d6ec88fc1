"""Digests: what a record is, as a number, and what many are, as the sum of theirs. Where sums agree, so do the records.

A record's digest is the sum of the hashes of its lines: one of its own, one of each entry that stands. So neither side
has to order or to group anything, and a range of records is compared by one sum (docs/decisions/0011). A line is its
parts joined by SEPARATOR: what it is about, then each value in the order of the declaration as text.

Everything here must stay as it is: digests are stored, and the other side makes them too, from SQL if it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from offbook.core.model import Record, Value
from offbook.core.schema import EXISTS, Field, Map, Table, Type

HASH_BYTES = 5
MODULUS = 1 << 8 * HASH_BYTES
"""Forty bits: a database can add up eight million of them in its integers of 63 bits, and JSON's numbers hold them."""

SEPARATOR = b"\xff"
"""Stands in no text, since it is in no UTF-8; unlike NUL, which no text may hold either, it ends none in SQLite."""


@dataclass(frozen=True, slots=True)
class DigestForm:
    """How a table's lines begin before anything is filled in, and where in its own line each field goes."""

    empty: tuple[str, ...]
    places: Mapping[str, int]


@lru_cache(maxsize=64)
def _form(table: Table) -> DigestForm:
    empty = tuple("0" if field.type is Type.FLAG else "" for field in table.fields)
    return DigestForm(empty, {field.name: place for place, field in enumerate(table.fields, 3)})


def entry_fields(map_: Map) -> list[Field]:
    """The attributes of a map's entries in the order of their line: cell by cell."""
    return [field for cell in map_.cells.values() for field in cell]


def digest_of(record: Record) -> int:
    """A record's digest; 0 for a tombstone, for which nothing is there."""
    return 0 if record.deleted else digest(record.table, record.id, record.seq, record.cells)


def digest(table: Table, record_id: str, seq: int, cells: Mapping[str, Value]) -> int:
    """The digest of a record that is there, with these cells."""
    form = _form(table)
    parts = [table.name, record_id, str(seq), *form.empty]
    places, total = form.places, 0
    for cell, value in cells.items():
        if "/" not in cell:
            if value is not None:
                parts[places[cell]] = value if type(value) is str else _text(value)
        elif value is True and cell.endswith(EXISTS):
            total += hash_of(_entry_parts(table, record_id, cell, cells))
    return (total + hash_of(parts)) % MODULUS


def _entry_parts(table: Table, record_id: str, exists: str, cells: Mapping[str, Value]) -> list[str]:
    name, key, _ = exists.split("/")
    parts = [table.name, name, record_id, key]
    for cell, fields in table.maps_by_name[name].cells.items():
        value = cells.get(f"{name}/{key}/{cell}")
        values = value if isinstance(value, tuple) else (value, *(None for _ in fields[1:]))
        parts += [_text(field) for field in values]
    return parts


def _text(value: Value) -> str:
    """A value as SQL's text has it: a flag is a number there."""
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)


def hash_of(parts: Iterable[str]) -> int:
    """The hash of a line. No part holds a NUL, so that one may stand for the separator until all is bytes."""
    return hash_of_line("\0".join(parts).encode().replace(b"\0", SEPARATOR))


def hash_of_line(line: bytes) -> int:
    """A line's BLAKE2b of five bytes (RFC 7693), as a number."""
    return int.from_bytes(blake2b(line, digest_size=HASH_BYTES).digest(), "big")


def shape_of(table: Table) -> int:
    """A number that two sides have in common if they make lines of the same fields in the same order."""
    maps = [[map_.name, *(field.name for field in entry_fields(map_))] for map_ in table.maps]
    return sum(map(hash_of, [[table.name, *table.by_name], *maps])) % MODULUS
