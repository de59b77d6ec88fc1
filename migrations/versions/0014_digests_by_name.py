"""Digests are made of names and values. What is stored already is made anew afterwards, in steps (ops.digests).

This only says that an older version can't use the database any more: it would answer its devices with digests that they
do not know. Going back makes the digests of before anew, which have a place for every field, filled or not; how they
are made is written out here, since a migration must not change with the code.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b, sha256
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.elements import quoted_name

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 500
NAME_MAX = 63
SHORT = NAME_MAX - 13


class Entries(NamedTuple):
    """The table that holds the entries of a map: what its lines begin with, and the attributes in their order."""

    rows: str
    name: str
    owner: str
    attributes: Sequence[str]


class Records(NamedTuple):
    """The table that holds the records of a synced table, the names of its fields in their order, and its maps."""

    rows: str
    name: str
    fields: Sequence[str]
    maps: Sequence[Entries]


CONTACTS = Records(
    "contacts",
    "contacts",
    (
        *("name", "email", "email_label", "phone", "phone_label", "given_name", "middle_name", "family_name", "prefix"),
        *("suffix", "nickname", "file_as", "company", "department", "title", "birthday", "website", "website_label"),
        *("notes", "starred"),
    ),
    [
        Entries(
            "contact_details",
            "details",
            "contact_id",
            ("kind", "label", "value", "street", "city", "region", "postcode", "country", "position"),
        )
    ],
)

LABELS = Records("labels", "labels", ("name",), [])


def upgrade() -> None:
    """Nothing: whoever migrates makes the digests anew when this is done."""


def downgrade() -> None:
    connection = op.get_bind()
    for table in (CONTACTS, LABELS, *_own_tables(connection)):
        _fill(connection, table)


def _own_tables(connection: sa.Connection) -> Iterator[Records]:
    """The tables of an app, as their declaration in the settings has them."""
    settings = sa.table("settings", sa.column("name"), sa.column("value"))
    declared = connection.execute(sa.select(settings.c.value).where(settings.c.name == "tables")).scalar()
    for table in json.loads(declared)["tables"] if declared else []:
        name = table["name"]
        maps = [
            Entries(_table_name(f"{name}_{map_['name']}"), map_["name"], f"{name}_id", _in_cells(map_["attributes"]))
            for map_ in table.get("maps", [])
        ]
        yield Records(_table_name(name), name, [field["name"] for field in table["fields"]], maps)


def _table_name(rows: str) -> str:
    name = f"app_{rows}"
    return name if len(name) <= NAME_MAX else f"{name[:SHORT]}_{sha256(name.encode()).hexdigest()[:12]}"


def _in_cells(attributes: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the attributes, cell by cell."""
    cells: dict[str, list[str]] = {}
    for attribute in attributes:
        cells.setdefault(attribute.get("shares") or attribute["name"], []).append(attribute["name"])
    return [name for names in cells.values() for name in names]


def _column(name: str) -> sa.ColumnClause[Any]:
    """A name may be a word of SQL's, in one database or another."""
    return sa.column(quoted_name(name, quote=True))


def _fill(connection: sa.Connection, table: Records) -> None:
    """Make the digest of every record anew, some hundred at a time so that memory stays small."""
    own = ("book_id", "id", "seq", "deleted", "digest")
    rows = sa.table(table.rows, *map(_column, (*own, *table.fields)))
    by_book: dict[int, list[str]] = defaultdict(list)
    query = sa.select(rows.c.book_id, rows.c.id).where(rows.c.deleted == sa.false())
    for book_id, record_id in connection.execute(query):
        by_book[book_id].append(record_id)
    update = (
        rows.update()
        .where(rows.c.book_id == sa.bindparam("of_book"), rows.c.id == sa.bindparam("of_id"))
        .values(digest=sa.bindparam("made"))
    )
    for book_id, ids in by_book.items():
        for start in range(0, len(ids), ROWS_AT_ONCE):
            digests = _digests(connection, table, rows, book_id, ids[start : start + ROWS_AT_ONCE])
            made = [{"of_book": book_id, "of_id": key, "made": total % (1 << 40)} for key, total in digests.items()]
            connection.execute(update, made)


def _digests(
    connection: sa.Connection, table: Records, rows: sa.TableClause, book_id: int, ids: list[str]
) -> dict[str, int]:
    fields = [rows.c[name] for name in table.fields]
    query = sa.select(rows.c.id, rows.c.seq, *fields).where(rows.c.book_id == book_id, rows.c.id.in_(ids))
    sums = {row[0]: _hash([table.name, *row]) for row in connection.execute(query)}
    for map_ in table.maps:
        names = ("book_id", map_.owner, "entry_id", "removed", *map_.attributes)
        entries = sa.table(map_.rows, *map(_column, names))
        attributes = [entries.c[name] for name in map_.attributes]
        query = sa.select(entries.c[map_.owner], entries.c.entry_id, *attributes).where(
            entries.c.book_id == book_id, entries.c[map_.owner].in_(ids), entries.c.removed == sa.false()
        )
        for row in connection.execute(query):
            sums[row[0]] += _hash([table.name, map_.name, *row])
    return sums


def _hash(parts: Iterable[object]) -> int:
    line = b"\xff".join(_text(part).encode() for part in parts)
    return int.from_bytes(blake2b(line, digest_size=5).digest(), "big")


def _text(part: object) -> str:
    return "" if part is None else str(int(part) if isinstance(part, bool) else part)
