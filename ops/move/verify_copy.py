"""Whether two databases hold the same, after a move: every row of every table, and what devices compare.

Rows are compared value by value, so nothing that differs can hide in a sum. Besides, the digest of every record is
made anew from the rows of the other side, and its sums are compared with those of what the first has stored. Of what
has digest 1 still (ops.digests), that is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Table, func, select

from models import Book
from offbook.contacts.table import FIRST_SCHEMA
from offbook.core.model import Record
from offbook.core.schema import Schema
from offbook.core.verify.digests import MODULUS, digest_of
from offbook.core.verify.first_digests import first_digest_of
from offbook.core.verify.ranges import Sum
from ops.move.copy_rows import Key, key_of, pages, tables_of
from storage.engines.database import Database
from storage.schema.declaration import Declaration
from storage.schema.known_tables import database_tables
from storage.sql.mapping.stored_digests import is_current
from storage.sql.store import SqlStore

KEYS_TOLD_MAX = 20

EMPTY = Sum(0, 0)

Line = TypeVar("Line")


@dataclass(frozen=True, slots=True)
class TableComparison:
    """What a look at one table found: how many rows each side has, how many keys differ, and the first of these."""

    table: str
    source_count: int
    target_count: int
    differing: int
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class BookComparison:
    """The sum of the digests that the source has stored of a book's table, and that of the target's rows."""

    book: str
    table: str
    source_sum: Sum
    target_sum: Sum


def compare(source: Database, target: Database) -> Iterator[TableComparison]:
    """Compare all tables, row by row, one after the other."""
    for table in tables_of(source):
        yield compare_table(source, target, table)


def compare_table(source: Database, target: Database, table: Table) -> TableComparison:
    """Compare the rows of one table: how many there are on each side, and which differ."""
    counts = [0, 0]

    def rows(place: int, database: Database) -> Iterator[tuple[Key, tuple[object, ...]]]:
        for page in pages(database, table):
            counts[place] += len(page)
            yield from ((key_of(table, row), tuple(row)) for row in page)

    differing, keys = 0, list[Key]()
    for key in differences(rows(0, source), rows(1, target), key=lambda line: line[0]):
        differing += 1
        if differing <= KEYS_TOLD_MAX:
            keys.append(key)
    return TableComparison(table.name, counts[0], counts[1], differing, tuple(keys))


def differences(source: Iterable[Line], target: Iterable[Line], key: Callable[[Line], Key]) -> Iterator[Key]:
    """The keys of what is on one side only, or not the same on both. Each side comes in the order of its keys."""
    ours, theirs = iter(source), iter(target)
    row, other = next(ours, None), next(theirs, None)
    while row is not None or other is not None:
        if row is not None and (other is None or key(row) < key(other)):
            yield key(row)
            row = next(ours, None)
        elif other is not None and (row is None or key(other) < key(row)):
            yield key(other)
            other = next(theirs, None)
        else:
            assert row is not None
            if row != other:
                yield key(row)
            row, other = next(ours, None), next(theirs, None)


def compare_books(source: Database, target: Database) -> Iterator[BookComparison]:
    """Per book and synced table, what the source's stored digests and the target's rows say it holds."""
    with source.read() as connection:
        books = connection.execute(select(Book.id, Book.uuid)).all()
    for name, rows in _tables_of_records(SqlStore(source).schema):
        stored, made = _stored_sums(source, rows), sums_made_anew(target, name)
        for book_id, uuid in books:
            yield BookComparison(uuid, name, stored.get(book_id, EMPTY), made.get(book_id, EMPTY))


def _tables_of_records(schema: Schema) -> Iterator[tuple[str, Table]]:
    tables = database_tables(schema)
    return ((name, tables[name]) for name in schema)


def _stored_sums(database: Database, rows: Table) -> dict[int, Sum]:
    columns = rows.c
    query = select(columns.book_id, func.count(), func.sum(columns.digest)).where(columns.deleted.is_(False))
    with database.read() as connection:
        sums = connection.execute(query.group_by(columns.book_id)).all()
    return {book_id: Sum(count, int(total) % MODULUS) for book_id, count, total in sums}


def sums_made_anew(database: Database, name: str) -> dict[int, Sum]:
    """What each book holds of a synced table, by number of the book: from the rows alone, no stored digest is used.

    Save of a table of an app that has grown since a row was written: its digest 1 can't be made any more.
    """
    store, sums = SqlStore(database), dict[int, Sum]()
    make_first = _maker_of_first(store.declaration, name)
    for page in pages(database, database_tables(store.schema)[name]):
        stored_digests: dict[int, dict[str, int]] = {}
        for row in page:
            stored_digests.setdefault(row.book_id, {})[row.id] = row.digest
        for book_id, stored in stored_digests.items():
            before = sums.get(book_id, EMPTY)
            with store.reading(book_id) as reading:
                alive = [record for record in reading.records(name, stored).values() if not record.deleted]
            digests = [
                digest_of(record) if is_current(stored[record.id]) else make_first(record, stored[record.id])
                for record in alive
            ]
            sums[book_id] = Sum(before.count + len(alive), (before.digest + sum(digests)) % MODULUS)
    return sums


def _maker_of_first(declaration: Declaration, name: str) -> Callable[[Record, int], int]:
    """What makes the digest 1 of a record of this table, of which one is stored."""
    table = FIRST_SCHEMA.get(name) or declaration.schema[name]
    if name not in FIRST_SCHEMA and any(part.startswith(f"{name}.") for part in declaration.since):
        return lambda record, stored: stored
    return lambda record, stored: first_digest_of(table, record)
