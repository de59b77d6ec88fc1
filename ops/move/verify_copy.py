"""Whether two databases hold the same, after a move: every row of every table, and what devices compare.

Rows are compared value by value, so nothing that differs can hide in a sum. Besides, the digest of every record is
made anew from the rows of the other side, and its sums are compared with those that the first answers devices with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Table, select

from models import Book
from offbook.core.verify.digests import MODULUS, digest_of
from offbook.core.verify.ranges import WHOLE, Sum
from ops.move.copy_rows import Key, key_of, pages, tables_of
from storage.engines.database import Database
from storage.schema.known_tables import database_tables
from storage.sql.store import SqlStore

KEYS_TOLD_MAX = 20

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
    """The sum of a book's table that devices get from the source, and that of the target's rows."""

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
    store = SqlStore(source)
    with source.read() as connection:
        books = connection.execute(select(Book.id, Book.uuid)).all()
    for name in store.schema:
        made = sums_made_anew(target, name)
        for book_id, uuid in books:
            with store.reading(book_id) as reading:
                (sums,) = reading.sums(name, [WHOLE])
            yield BookComparison(uuid, name, sums, made.get(book_id, Sum(0, 0)))


def sums_made_anew(database: Database, name: str) -> dict[int, Sum]:
    """What each book holds of a synced table, by number of the book: from the rows alone, no stored digest is used."""
    store, sums = SqlStore(database), dict[int, Sum]()
    for page in pages(database, database_tables(store.schema)[name]):
        ids: dict[int, list[str]] = {}
        for row in page:
            ids.setdefault(row.book_id, []).append(row.id)
        for book_id, of_book in ids.items():
            before = sums.get(book_id, Sum(0, 0))
            with store.reading(book_id) as reading:
                alive = [record for record in reading.records(name, of_book).values() if not record.deleted]
            digest = (before.digest + sum(map(digest_of, alive))) % MODULUS
            sums[book_id] = Sum(before.count + len(alive), digest)
    return sums
