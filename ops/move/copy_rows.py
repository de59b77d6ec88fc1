"""Copying rows from one database to another as they are, in pages, each by the order of the primary key.

Where a copy stopped it goes on: pages are committed in order, so that the largest key on the other side says where it
was. Text is in the same order in every engine, and both sides stand still meanwhile (storage.engines.read_only_mode).

No page holds more than PAGE_ROWS_MAX rows, and about PAGE_CHARACTERS of text and bytes, however long the table is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Select, Table, func, select

from storage.engines.database import Database
from storage.engines.read_only_mode import CLOSED
from storage.schema.declaration import read_declaration
from storage.schema.known_tables import all_database_tables

PAGE_ROWS_MIN = 64
PAGE_ROWS_MAX = 2_000
PAGE_CHARACTERS = 2_000_000

ARRIVED = "arrived"
MARKS = (CLOSED, ARRIVED)
"""Rows of settings about a move (ops.move.move). They are of one database alone, so they never go along."""

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """How far a table is: ``done`` of ``total`` rows are on the other side."""

    table: str
    done: int
    total: int


def tables_of(database: Database) -> list[Table]:
    """All tables of a server, with those that apps brought; what a row refers to comes before it."""
    with database.read() as connection:
        return all_database_tables(read_declaration(connection).schema)


def key_columns(table: Table) -> list[Column[Any]]:
    """The columns of the primary key, in its order."""
    return list(table.primary_key.columns)


def key_of(table: Table, row: Row[Any]) -> Key:
    """The primary key of a row."""
    return tuple(row._mapping[column.name] for column in key_columns(table))


def moved(table: Table, query: Select[Any]) -> Select[Any]:
    """The query without the rows that never go along."""
    return query.where(table.c.name.not_in(MARKS)) if table.name == "settings" else query


def count(connection: Connection, table: Table) -> int:
    """How many rows there are to copy."""
    return int(connection.execute(moved(table, select(func.count()).select_from(table))).scalar_one())


def last_key(connection: Connection, table: Table) -> Key | None:
    """The largest primary key, None where the table is empty."""
    columns = key_columns(table)
    query = select(*columns).order_by(*(column.desc() for column in columns)).limit(1)
    row = connection.execute(moved(table, query)).first()
    return None if row is None else tuple(row)


def rows_after(connection: Connection, table: Table, after: Key | None, most: int) -> list[Row[Any]]:
    """The next ``most`` rows by primary key; None is before the first.

    Each part of the key has a query of its own: first what follows under the same beginning, then under the next. Of
    ``(a, b) > (1, 2)`` MariaDB would read the table from its start each time.
    """
    columns, rows = key_columns(table), list[Row[Any]]()
    for depth in range(len(after or ()), 0, -1):
        if after is None or len(rows) == most:
            return rows
        same = [column == value for column, value in zip(columns[: depth - 1], after, strict=False)]
        query = moved(table, select(table).where(*same, columns[depth - 1] > after[depth - 1]))
        rows += connection.execute(query.order_by(*columns).limit(most - len(rows)))
    if after is None:
        rows += connection.execute(moved(table, select(table)).order_by(*columns).limit(most))
    return rows


def pages(database: Database, table: Table, after: Key | None = None) -> Iterator[list[Row[Any]]]:
    """All rows after this key, by primary key, each page in a transaction of its own."""
    most = PAGE_ROWS_MIN
    while True:
        with database.read() as connection:
            rows = rows_after(connection, table, after, most)
        if not rows:
            return
        yield rows
        after = key_of(table, rows[-1])
        most = rows_next(most, characters(rows))


def characters(rows: Sequence[Row[Any]]) -> int:
    """The length of all text and bytes in these rows."""
    return sum(len(value) for row in rows for value in row if isinstance(value, str | bytes))


def rows_next(rows: int, size: int) -> int:
    """How many rows to ask for next, after a page of up to ``rows`` held ``size`` characters."""
    return max(1, min(2 * rows, PAGE_ROWS_MAX, rows * PAGE_CHARACTERS // max(size, 1)))


def copy(source: Database, target: Database) -> Iterator[CopiedRows]:
    """Copy every table from where its copy is; yields how far it is after each page. At last the counters."""
    tables = tables_of(source)
    for table in tables:
        yield from copy_table(source, target, table)
    for table in tables:
        if table.autoincrement_column is not None:
            count_on(source, target, table)


def copy_table(source: Database, target: Database, table: Table) -> Iterator[CopiedRows]:
    """Copy a table on from the largest key that the target has; how far it is, before and after each page."""
    with target.read() as there:
        after, done = last_key(there, table), count(there, table)
    with source.read() as source_connection:
        total = count(source_connection, table)
    yield CopiedRows(table.name, done, total)
    for rows in pages(source, table, after):
        with target.write_while_closed() as there:
            there.execute(table.insert(), [row._asdict() for row in rows])
        done += len(rows)
        yield CopiedRows(table.name, done, total)


def count_on(source: Database, target: Database, table: Table) -> None:
    """Let the target give no number that the source ever gave, and count on from the same one."""
    number = table.autoincrement_column
    assert number is not None
    with source.read() as connection:
        following = source.adapter.next_number(connection, table.name)
    with target.write_while_closed() as there:
        largest = there.execute(select(func.coalesce(func.max(number), 0))).scalar_one()
        following = max(following, target.adapter.next_number(there, table.name), largest + 1)
        target.adapter.number_from(there, table.name, following)
