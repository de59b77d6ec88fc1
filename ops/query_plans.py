"""The statements that must find their rows by an index however large a book is, and by which columns.

A statement that lost its index gives the same answer, later and later: nobody notices until a book is large. What
decides is the engine's planner: its plan is read (storage.engines.maintenance), on the database as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Index, inspect
from sqlalchemy.schema import CreateIndex

from models import ONLY_ON
from offbook.core.verify.ranges import Range
from storage.contact_lists.labels import HAVING, MAPPING
from storage.contact_lists.orders import ORDERS, trash_of
from storage.engines.database import Database
from storage.repositories.accounts.sessions import open_sessions_of
from storage.repositories.accounts.sign_ins import SIGNED_IN
from storage.schema.declaration import read_declaration
from storage.schema.known_tables import KnownTables, all_database_tables, read_known_tables
from storage.sql import batches
from storage.sql.array_params import ARRAY_ENCODERS
from storage.sql.conflicts import STEPS
from storage.sql.history import steps_of
from storage.sql.naming import named_texts_query
from storage.sql.queries import LAST_SEQ, SETTLED
from storage.sql.references import referring_query

VALUES: Mapping[str, Any] = {
    "book": 1,
    "ids": ["a"],
    "after": 0,
    "up_to": 1,
    "most": 1,
    "first": 0,
    "last": 1,
    "start0": "a",
    "end0": "b",
    "start1": "b",
    "end1": "c",
    "session": "a",
    "user": 1,
    "table": "contacts",
    "batch": "a",
}
"""Something for every parameter: a planner wants to see values."""


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """A statement, and the columns by which it must find the rows of a table."""

    name: str
    statement: Any
    table: str
    by: frozenset[str]


def index_checks(known: KnownTables) -> Iterator[IndexCheck]:
    """The important ones: of every sync, of the live channel, of every page, of the list of contacts."""
    for name, queries in known.queries.items():
        layout, rows = queries.layout, queries.layout.rows.name
        yield IndexCheck(f"a page of {name}", queries.page.statement, rows, frozenset({"book_id", "seq"}))
        yield IndexCheck(f"{name} by their ids", queries.records, rows, frozenset({"book_id", "id"}))
        parts = queries.sums([Range("a", "b"), Range("b", "c")])
        yield IndexCheck(f"the digests of {name}", parts, rows, frozenset({"book_id", "id"}))
        for map_, entries in queries.page_entries.items():
            by = frozenset({"book_id", map_.owner})
            yield IndexCheck(f"the {map_.name} of {name}", entries.statement, layout.entries[map_.name].name, by)
        for reference in known.schema.cleared_with(name):
            target = known.queries[reference.table.name].layout
            table = target.rows if reference.map is None else target.entries[reference.map.name]
            by = frozenset({"book_id", reference.field.name})
            yield IndexCheck(f"what refers to {name}", referring_query(target, reference), table.name, by)
    yield IndexCheck("the newest change", LAST_SEQ.statement, "changes", frozenset({"book_id", "seq"}))
    yield IndexCheck("whether a change is known", SETTLED.query, "changes", frozenset({"book_id", "change_id"}))
    steps = steps_of(1, 1, ("contacts", "a"))
    yield IndexCheck("what was written to a record", steps, "changes", frozenset({"book_id", "record_id"}))
    yield IndexCheck("what a batch began with", batches.STEPS, "changes", frozenset({"book_id", "record_id"}))
    yield IndexCheck("who deleted records", batches.EXISTENCE, "changes", frozenset({"book_id", "record_id"}))
    yield IndexCheck("what a batch wrote to", batches.KEYS, "changes", frozenset({"book_id", "batch"}))
    yield IndexCheck("what conflicts began with", STEPS, "changes", frozenset({"book_id", "record_id"}))
    yield IndexCheck("who is signed in", SIGNED_IN.statement, "sessions", frozenset({"id"}))
    yield IndexCheck("the sessions of a user", open_sessions_of(1), "sessions", frozenset({"user_id"}))
    for name, order in ORDERS.items():
        by = frozenset({"book_id"} if name == "changed" else {"book_id", "deleted", "starred"})
        for query in order.queries(1, None):
            yield IndexCheck("the list of contacts", query.limit(1), "contacts", by)
    counts = named_texts_query(MAPPING, HAVING)
    yield IndexCheck("the labels of contacts", counts, "contact_details", frozenset({"book_id"}))
    yield IndexCheck("the trash", trash_of(1).limit(1), "contacts", frozenset({"book_id"}))


def full_scans(database: Database) -> list[IndexCheck]:
    """Those that don't find their rows as they must."""
    with database.read() as connection:
        checks = index_checks(read_known_tables(connection))
        return [check for check in checks if not check.by <= index_columns_of(database, connection, check)]


def index_columns_of(database: Database, connection: Connection, check: IndexCheck) -> Set[str]:
    """The columns by which the engine finds the rows: those that are wanted, where it does not name the table."""
    sql, values = compile_with_values(connection, check.statement)
    return database.adapter.MAINTENANCE.index_columns_used(connection, sql, values).get(check.table, check.by)


def compile_with_values(connection: Connection, statement: Any) -> tuple[str, Any]:
    """The statement as the driver takes it, with a value for each parameter."""
    compiled = statement.compile(connection)
    ids = ARRAY_ENCODERS.get(connection.dialect.name, list)(VALUES["ids"])
    state = compiled.construct_expanded_state({**VALUES, "ids": ids})
    return state.statement, state.positional_parameters if compiled.positional else state.parameters


def is_wanted(index: Index, engine: str) -> bool:
    """Whether databases of this engine have this index."""
    return bool(index.info.get(ONLY_ON, engine) == engine)


def missing_indexes(database: Database) -> list[tuple[str, str]]:
    """The indexes that a server's tables have, and the database has not: name, and the statement that makes it."""
    with database.read() as connection:
        tables = all_database_tables(read_declaration(connection).schema)
        inspector = inspect(connection)
        there = {index["name"] for table in tables for index in inspector.get_indexes(table.name)}
        indexes = [index for table in tables for index in table.indexes if is_wanted(index, database.name)]
        missing = [index for index in indexes if index.name not in there]
        return [(str(index.name), str(CreateIndex(index).compile(connection))) for index in missing]
