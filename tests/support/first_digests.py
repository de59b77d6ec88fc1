"""Databases of before digest 2: each record that lives has digest 1 stored, as the last version wrote it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select, update

from models import Book
from offbook.contacts.table import FIRST_SCHEMA
from offbook.core.model import Record
from offbook.core.verify.first_digests import first_digest_of
from storage.engines.database import Database
from storage.schema.known_tables import database_tables
from storage.sql.mapping.stored_digests import stored_digest
from storage.sql.store import SqlStore


def store_first_digests(database: Database, of: Callable[[Record], bool] = lambda record: True) -> int:
    """Store digest 1 of these records, as whoever had their table as it is now did. Returns of how many."""
    store, count = SqlStore(database), 0
    with database.read() as connection:
        books = connection.scalars(select(Book.id)).all()
    for name, table in store.schema.items():
        rows = database_tables(store.schema)[name]
        for book_id in books:
            with store.writing(book_id) as writing:
                ids = writing.connection.scalars(select(rows.c.id).where(rows.c.book_id == book_id)).all()
                for record in writing.records(name, ids).values():
                    if not record.deleted and of(record):
                        where = rows.c.book_id == book_id, rows.c.id == record.id
                        digest = first_digest_of(FIRST_SCHEMA.get(name, table), record)
                        writing.connection.execute(update(rows).where(*where).values(digest=digest))
                        count += 1
    return count


def stored_digests(database: Database) -> dict[tuple[str, int, str], int]:
    """What is stored of each record, by its table, book and id."""
    tables = database_tables(SqlStore(database).schema)
    with database.read() as connection:
        return {
            (name, row.book_id, row.id): row.digest
            for name, rows in tables.items()
            if "digest" in rows.c
            for row in connection.execute(select(rows.c.book_id, rows.c.id, rows.c.digest))
        }


def digests_of_today(database: Database) -> dict[tuple[str, int, str], int]:
    """What this version stores of each record."""
    store, digests = SqlStore(database), dict[tuple[str, int, str], int]()
    for name, book_id, record_id in stored_digests(database):
        with store.reading(book_id) as reading:
            (record,) = reading.records(name, [record_id]).values()
        digests[name, book_id, record_id] = stored_digest(record)
    return digests
