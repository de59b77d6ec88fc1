"""Rows that may be there already: which columns are written, and the form that SQLite and PostgreSQL share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Column, MetaData, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

OnConflict = TypeVar("OnConflict", "sqlite.Insert", "postgresql.Insert")


def on_conflict(statement: OnConflict, table: Table, columns: Sequence[str]) -> OnConflict:
    """INSERT … ON CONFLICT DO UPDATE, for many rows. REPLACE would delete first, and with the row its children."""
    keys = [column.name for column in table.primary_key]
    written = {name: statement.excluded[name] for name in columns if name not in keys}
    if not written:
        return statement.on_conflict_do_nothing(index_elements=keys)
    return statement.on_conflict_do_update(index_elements=keys, set_=written)


def reduced(table: Table, columns: Sequence[str]) -> Table:
    """The table as if it had these columns alone: of others, SQLAlchemy would write the defaults."""
    kept = (table.c[name] for name in columns)
    made = (Column(column.name, column.type, primary_key=column.primary_key, autoincrement=False) for column in kept)
    return Table(table.name, MetaData(), *made)
