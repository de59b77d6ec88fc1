"""Digests: what a record is, as a number, and what many are, as the sum of theirs. Where sums agree, so do the records.

A record's digest is the sum of the hashes of its lines: one of its own, one of each entry that stands. So neither side
has to order or to group anything, and a range of records is compared by one sum (docs/decisions/0011).

A line says what it is about, and then ``name=value`` of each field that is not empty, in the order of these texts; its
parts are joined by SEPARATOR. So a digest says nothing of how a table is declared: a table that grows, or whose
declaration has its fields in another order, changes no digest of what is there. What only one side of a comparison
knows is left out by its name. This is digest 2 (docs/decisions/0040); offbook.core.verify.first_digests has digest 1.

Everything here must stay as it is: digests are stored, and the other side makes them too, from SQL if it likes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from offbook.core.model import Record, Value
from offbook.core.schema import EXISTS, Map, Table

HASH_BYTES = 5
MODULUS = 1 << 8 * HASH_BYTES
"""Forty bits: a database can add up millions of them in its integers of 63 bits, and JSON's numbers hold them."""

SEPARATOR = b"\xff"
"""Stands in no text, since it is in no UTF-8; unlike NUL, which no text may hold either, it ends none in SQLite."""

ENTRY_EXISTS = f"/{EXISTS}"

NOTHING_LEFT_OUT: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LineForm:
    """What lines say before each value. Of the own line, by field; of the entries' lines, by map and cell, for each
    part of the cell. What is left out is not there; a part that is left out says nothing before its value."""

    fields: Mapping[str, str]
    maps: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]


@lru_cache(maxsize=64)
def _form(table: Table, without: frozenset[str]) -> LineForm:
    fields = {field.name: f"{field.name}=" for field in table.fields if field.name not in without}
    maps = {map_.name: tuple(_cells_of(map_, without)) for map_ in table.maps if map_.name not in without}
    return LineForm(fields, maps)


def _cells_of(map_: Map, without: frozenset[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for cell, fields in map_.cells.items():
        names = tuple("" if f"{map_.name}.{field.name}" in without else f"{field.name}=" for field in fields)
        if any(names):
            yield cell, names


def digest_of(record: Record, without: frozenset[str] = NOTHING_LEFT_OUT) -> int:
    """A record's digest; 0 for a tombstone, for which nothing is there."""
    return 0 if record.deleted else digest(record.table, record.id, record.seq, record.cells, without)


def digest(
    table: Table,
    record_id: str,
    seq: int,
    cells: Mapping[str, Value],
    without: frozenset[str] = NOTHING_LEFT_OUT,
) -> int:
    """The digest of a record that is there, with these cells.

    ``without`` names what does not count: ``color``, ``tags`` (a map) or ``tags.tag`` (an attribute of its entries).
    """
    form = _form(table, without)
    fields, named, total = form.fields, [], 0
    for cell, value in cells.items():
        if (said := fields.get(cell)) is not None:
            if text := value if type(value) is str else _text(value):
                named.append(said + text)
        elif value is True and cell.endswith(ENTRY_EXISTS):
            total += _entry_hash(form, table.name, record_id, cell, cells)
    named.sort()
    return (total + hash_of([table.name, record_id, str(seq), *named])) % MODULUS


def _entry_hash(form: LineForm, table: str, record_id: str, exists: str, cells: Mapping[str, Value]) -> int:
    """The hash of an entry's line; 0 where its map is left out."""
    name, key, _ = exists.split("/")
    if name not in form.maps:
        return 0
    prefix, named = exists[: -len(EXISTS)], []
    for cell, names in form.maps[name]:
        value = cells.get(prefix + cell)
        if type(value) is tuple:
            parts = zip(names, value, strict=False)
            named += [said + text for said, part in parts if part is not None and said and (text := _text(part))]
        elif value is not None and names[0] and (text := _text(value)):
            named.append(names[0] + text)
    named.sort()
    return hash_of([table, name, record_id, key, *named])


def _text(value: Value) -> str:
    """A value as a line has it: of a number Python's shortest text, of a flag 1. Empty where there is nothing."""
    if type(value) is str:
        return value
    return "" if value is None or value is False else str(int(value) if value is True else value)


def hash_of(parts: Iterable[str]) -> int:
    """The hash of a line. No part holds a NUL, so that one may stand for the separator until all is bytes."""
    return hash_of_line("\0".join(parts).encode().replace(b"\0", SEPARATOR))


def hash_of_line(line: bytes) -> int:
    """A line's BLAKE2b of five bytes (RFC 7693), as a number."""
    return int.from_bytes(blake2b(line, digest_size=HASH_BYTES).digest(), "big")


# --- names -----------------------------------------------------------------------------------------------------------


def names_in(table: Table) -> frozenset[str]:
    """What of a table can be left out: its fields, its maps and their attributes."""
    attributes = (f"{map_.name}.{attribute.name}" for map_ in table.maps for attribute in map_.attributes)
    return frozenset((*table.by_name, *table.maps_by_name, *attributes))


def known_to_one(names: Collection[str], others: Collection[str]) -> frozenset[str]:
    """What two sides that have these names of a table leave out: all that only one of them knows."""
    differing = set(names) ^ set(others)
    return frozenset(name for name in differing if "." not in name or name.partition(".")[0] not in differing)
