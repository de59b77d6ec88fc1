"""Columns that an older version filled are filled anew, once, after an upgrade.

In steps, each a transaction with the lock of one book, which ends long before a push that waits for it would be late:
servers go on meanwhile. Each row says by itself whether it is of today's form, so that whatever was stopped goes on
with what is left, and two at a time do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, select

from models import Book
from offbook.core.errors import NotLetIn
from offbook.core.model import Record
from storage.engines.database import Database
from storage.schema.known_tables import database_tables
from storage.sql.mapping.records import RecordMapping
from storage.sql.store import SqlStore

STEP_SECONDS_MAX = 0.5
"""No step may take longer."""

STEP_SECONDS = STEP_SECONDS_MAX / 5
"""What a step is to take: the machine may be busier during the next one."""

FIRST_STEP_ROWS = 50
STEP_ROWS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class StoredForm:
    """Which rows are of an older form, and the columns of a record in today's."""

    is_outdated: Callable[[Table], ColumnElement[bool]]
    columns: Callable[[RecordMapping, Record], Mapping[str, Any]]


def rewrite_rows(database: Database, form: StoredForm, clock: Callable[[], float] = time.monotonic) -> int:
    """Fill the columns of all records that are of an older form. Returns of how many.

    Raises Unwritable where the database takes no changes; what was done until then stays.
    """
    store, count, size = SqlStore(database), 0, FIRST_STEP_ROWS
    with database.read() as connection:
        books = connection.scalars(select(Book.id).order_by(Book.id)).all()
    for mapping in _mappings(store):
        for book_id in books:
            ids = _outdated_ids(database, mapping.rows, form, book_id, "", size)
            while ids:
                started = clock()
                count += _rewrite(store, mapping, form, book_id, ids)
                size = next_size(len(ids), clock() - started)
                ids = _outdated_ids(database, mapping.rows, form, book_id, ids[-1], size)
    return count


def next_size(rows: int, seconds: float) -> int:
    """How many rows the next step is to have, after one of so many that took so long: at most twice as many."""
    fitting = int(rows * STEP_SECONDS / seconds) if seconds > 0 else STEP_ROWS_MAX
    return max(1, min(fitting, 2 * rows, STEP_ROWS_MAX))


def count_outdated(database: Database, form: StoredForm) -> int:
    """How many records are of an older form."""
    store = SqlStore(database)
    with database.read() as connection:
        queries = [
            select(func.count()).select_from(rows).where(form.is_outdated(rows))
            for rows in (mapping.rows for mapping in _mappings(store))
        ]
        return sum(connection.execute(query).scalar_one() for query in queries)


def _mappings(store: SqlStore) -> Iterator[RecordMapping]:
    tables = database_tables(store.schema)
    return (RecordMapping(table, tables[name], {}) for name, table in store.schema.items())


def _outdated_ids(
    database: Database, rows: Table, form: StoredForm, book_id: int, after: str, most: int
) -> Sequence[str]:
    columns = rows.c
    query = select(columns.id).where(columns.book_id == book_id, columns.id > after, form.is_outdated(rows))
    with database.read() as connection:
        return connection.scalars(query.order_by(columns.id).limit(most)).all()


def _rewrite(store: SqlStore, mapping: RecordMapping, form: StoredForm, book_id: int, ids: Sequence[str]) -> int:
    """Fill the columns of these records, as they are now."""
    rows = mapping.rows
    try:
        with store.writing(book_id) as writing:
            records = writing.records(mapping.synced.name, ids).values()
            made = [
                {"of_id": record.id, **{f"new_{name}": value for name, value in form.columns(mapping, record).items()}}
                for record in records
            ]
            if made:
                names = [name for name in made[0] if name != "of_id"]
                new: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in names}
                which = rows.c.book_id == book_id, rows.c.id == bindparam("of_id")
                writing.connection.execute(rows.update().where(*which).values(new), made)
    except NotLetIn:  # the book was purged meanwhile
        return 0
    return len(made)
