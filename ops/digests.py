"""Digests that an older version stored are made anew: digest 2 takes the place of digest 1, once, after an upgrade.

In steps, each a transaction with the lock of one book, which ends long before a push that waits for it would be late:
servers go on meanwhile, and answer of what is not made anew yet from its rows. Each row says by itself which digest it
has, so that whatever was stopped goes on with what is left, and two at a time do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from sqlalchemy import Table, bindparam, func, select

from models import Book
from offbook.core.errors import NotLetIn
from storage.engines.database import Database
from storage.schema.known_tables import database_tables
from storage.sql.mapping.stored_digests import MARK, stored_digest
from storage.sql.store import SqlStore

STEP_SECONDS_MAX = 0.5
"""No step may take longer."""

STEP_SECONDS = STEP_SECONDS_MAX / 5
"""What a step is to take: the machine may be busier during the next one."""

FIRST_STEP_ROWS = 50
STEP_ROWS_MAX = 1_000


def rewrite_digests(database: Database, clock: Callable[[], float] = time.monotonic) -> int:
    """Make all digests anew that are not of today's form. Returns of how many records.

    Raises Unwritable where the database takes no changes; what was done until then stays.
    """
    store, count, size = SqlStore(database), 0, FIRST_STEP_ROWS
    tables = database_tables(store.schema)
    with database.read() as connection:
        books = connection.scalars(select(Book.id).order_by(Book.id)).all()
    for name in store.schema:
        for book_id in books:
            ids = _ids_to_rewrite(database, tables[name], book_id, "", size)
            while ids:
                started = clock()
                count += _rewrite(store, tables[name], book_id, name, ids)
                size = next_size(len(ids), clock() - started)
                ids = _ids_to_rewrite(database, tables[name], book_id, ids[-1], size)
    return count


def next_size(rows: int, seconds: float) -> int:
    """How many rows the next step is to have, after one of so many that took so long: at most twice as many."""
    fitting = int(rows * STEP_SECONDS / seconds) if seconds > 0 else STEP_ROWS_MAX
    return max(1, min(fitting, 2 * rows, STEP_ROWS_MAX))


def count_to_rewrite(database: Database) -> int:
    """How many records have a digest that is not of today's form."""
    store = SqlStore(database)
    tables = database_tables(store.schema)
    with database.read() as connection:
        queries = [
            select(func.count()).select_from(rows).where(rows.c.deleted.is_(False), rows.c.digest < MARK)
            for rows in (tables[name] for name in store.schema)
        ]
        return sum(connection.execute(query).scalar_one() for query in queries)


def _ids_to_rewrite(database: Database, rows: Table, book_id: int, after: str, most: int) -> Sequence[str]:
    columns = rows.c
    query = select(columns.id).where(
        columns.book_id == book_id, columns.id > after, columns.deleted.is_(False), columns.digest < MARK
    )
    with database.read() as connection:
        return connection.scalars(query.order_by(columns.id).limit(most)).all()


def _rewrite(store: SqlStore, rows: Table, book_id: int, name: str, ids: Sequence[str]) -> int:
    """Make the digests of these records anew, as they are now."""
    update = (
        rows.update().where(rows.c.book_id == book_id, rows.c.id == bindparam("of_id")).values(digest=bindparam("made"))
    )
    try:
        with store.writing(book_id) as writing:
            records = writing.records(name, ids).values()
            made = [{"of_id": record.id, "made": stored_digest(record)} for record in records]
            if made:
                writing.connection.execute(update, made)
    except NotLetIn:  # the book was purged meanwhile
        return 0
    return len(made)
