"""The tables of an application in the database, made from its declaration: ``app_<name>``, and one more for each map.

Nothing about them is free to choose, so that no migration says how they look. They have what the built-in tables have
(models.py): the same keys and indexes, ``search``, ``digest``, and a ``sort_key`` by which a list is sorted.

A column never gets another type. Text has none with a length: whoever raises a limit changes no table, and MariaDB,
which counts all texts with a length towards the 64 KB of a row, has room for many of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import TypeEngine

from columns import NUMBER, MediumText
from models import Base
from offbook.core.schema import Field, Map, Type
from offbook.core.schema import Table as Synced
from storage.sql.mapping.derived_columns import SORT_CHARACTERS

PREFIX = "app_"
NAME_MAX = 63
"""PostgreSQL's limit for a name, in bytes; MariaDB's is 64 characters. Names of a declaration are ASCII."""

HASH_DIGITS = 12

BOOKS = Base.metadata.tables["books"]


def _bytewise(length: int | None = None) -> TypeEngine[str]:
    """Text that is compared code point by code point: PostgreSQL does so where the column says it."""
    if length is not None:
        return String(length).with_variant(String(length, "C"), "postgresql")
    return Text().with_variant(MediumText(), "mysql", "mariadb").with_variant(Text(collation="C"), "postgresql")


UUID, LONG = _bytewise(36), _bytewise()

COLUMN_TYPES: Mapping[Type, TypeEngine[Any]] = MappingProxyType(
    {
        Type.TEXT: LONG,
        Type.DATE: LONG,
        Type.FLAG: Boolean(),
        Type.INTEGER: BigInteger(),
        Type.CHOICE: LONG,
        Type.NUMBER: Double(),
        Type.TIME: LONG,
        Type.JSON: LONG,
        Type.REF: UUID,
    }
)


def shortened(name: str) -> str:
    """A name that every database takes whole: ``name`` itself, where it is not too long."""
    return name if len(name) <= NAME_MAX else hashed(name)


def hashed(name: str, *more: str) -> str:
    """The beginning of a name, with a hash of all of it and of what else it is to be told apart by."""
    digest = sha256("/".join((name, *more)).encode()).hexdigest()[:HASH_DIGITS]
    return f"{name[: NAME_MAX - HASH_DIGITS - 1]}_{digest}"


def table_name(rows: str) -> str:
    """What the table of a synced table, or of the ``rows`` of a map, is called in the database."""
    return shortened(PREFIX + rows)


def app_tables(table: Synced) -> dict[str, Table]:
    """The database's tables of one synced table, in a metadata of their own: its rows by its name, then its maps'."""
    metadata = MetaData()
    rows = _record_rows(table, metadata)
    return {table.name: rows, **{map_.rows: _entry_rows(map_, rows, metadata) for map_ in table.maps}}


def _record_rows(table: Synced, metadata: MetaData) -> Table:
    name = table_name(table.name)
    return Table(
        _quoted(name),
        metadata,
        Column("book_id", NUMBER, ForeignKey(BOOKS.c.id, name=shortened(f"fk_{name}")), nullable=False),
        Column("id", UUID, nullable=False),
        *map(_field_column, table.fields),
        *(Column(own, BigInteger(), nullable=False) for own in ("created_at", "updated_at", "seq")),
        _flag_column("deleted"),
        Column("clocks", LONG, nullable=False),
        Column("search", LONG),
        Column("sort_key", _bytewise(SORT_CHARACTERS), nullable=False, server_default=text("''")),
        Column("digest", BigInteger(), nullable=False, server_default=text("0")),
        PrimaryKeyConstraint("book_id", "id", name=shortened(f"pk_{name}")),
        UniqueConstraint("book_id", "seq", name=shortened(f"uq_{name}")),
        Index(shortened(f"ix_{name}"), "book_id", "deleted", "sort_key", "id", "digest"),
        *_reference_indexes(table.fields, name),
    )


def _reference_indexes(fields: Iterable[Field], name: str) -> Iterator[Index]:
    """By these the records, or entries, that refer to another record are found."""
    for field in fields:
        if field.type is Type.REF:
            yield Index(hashed(f"ix_{name}_{field.name}", name), "book_id", _quoted(field.name))


def _entry_rows(map_: Map, records: Table, metadata: MetaData) -> Table:
    name, owner = table_name(map_.rows), _quoted(map_.owner)
    return Table(
        _quoted(name),
        metadata,
        Column("book_id", NUMBER, nullable=False),
        Column(owner, UUID, nullable=False),
        Column("entry_id", _bytewise(64), nullable=False),
        *(Column(_quoted(field.name), COLUMN_TYPES[field.type]) for field in map_.attributes),
        _flag_column("removed"),
        PrimaryKeyConstraint("book_id", owner, "entry_id", name=shortened(f"pk_{name}")),
        ForeignKeyConstraint(
            ["book_id", owner],
            [records.c.book_id, records.c.id],
            name=shortened(f"fk_{name}"),
            ondelete="CASCADE",
        ),
        *_reference_indexes(map_.attributes, name),
    )


def _field_column(field: Field) -> Column[Any]:
    """A flag is never null, so that what is not set is found by one value."""
    if field.type is Type.FLAG:
        return _flag_column(field.name)
    return Column(_quoted(field.name), COLUMN_TYPES[field.type])


def _flag_column(name: str) -> Column[Any]:
    return Column(_quoted(name), COLUMN_TYPES[Type.FLAG], nullable=False, server_default=false())


def _quoted(name: str) -> quoted_name:
    """A name may be a word of SQL's, in one database or another."""
    return quoted_name(name, quote=True)
