"""A statement that looks for many ids at once, on a database that plans it anew only the first few times."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import Connection, text

from bench import sync
from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from storage.engines.database import Database
from storage.sql.store import SqlStore
from tests.conftest import BOOK
from tests.support.pushes import push

MANY = 1_000
PLANNED_ANEW = 12
"""Often enough for psycopg to prepare it, and for PostgreSQL to keep one plan for all values."""

TOUCHED = text("SELECT sum(coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0)) FROM pg_stat_xact_user_tables")


def ids() -> list[str]:
    return [str(uuid.uuid4()) for _ in range(MANY)]


def touched(connection: Connection) -> int:
    """How many rows this transaction has looked at so far."""
    return int(connection.execute(TOUCHED).scalar_one())


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("what", ["changes", "records"])
def test_a_batch_looks_at_no_more_of_a_long_history_when_its_plan_is_kept(book: Database, what: str) -> None:
    store, book_id = SqlStore(book), BOOK["id"]
    for _ in range(3):
        changes = [parse_change(BUILT_IN, sync.insert(record_id), "a replica") for record_id in ids()]
        push(store, book_id, ChangeOrigin(), changes, 1)
    book.vacuum()  # counts what is there, as the server does by itself a minute later
    with store.writing(book_id) as writing:

        def look() -> None:
            assert not (writing.recorded_verdicts(ids()) if what == "changes" else writing.records("contacts", ids()))

        for _ in range(PLANNED_ANEW):
            look()
        before = touched(writing.connection)
        look()
        assert touched(writing.connection) - before < 100
