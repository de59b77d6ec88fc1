"""Looking after MariaDB and MySQL: their size, how a statement could find rows, and a vacuum.

The log is the server's own affair.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from storage.values.databases import DatabaseSize

VACUUM_LOCK_NOTICE = (
    "Each table is written anew in its turn. Whoever writes waits a moment when that begins, and when it ends."
)
VACUUM_SPACE_FACTOR = 1

SIZE = (
    "SELECT COALESCE(SUM(data_length + index_length), 0), COALESCE(SUM(data_free), 0) "
    "FROM information_schema.tables WHERE table_schema = DATABASE()"
)
COLUMNS = (
    "SELECT table_name, index_name, column_name FROM information_schema.statistics WHERE table_schema = DATABASE()"
)


def size(connection: Connection) -> DatabaseSize:
    data, free = connection.exec_driver_sql(SIZE).one()
    return DatabaseSize(int(data), int(free))


def log(engine: Engine) -> None:
    return None


def index_columns_used(connection: Connection, sql: str, values: Any) -> Mapping[str, Set[str]]:
    """The columns of all indexes that come into question: which one is taken, the server decides by what it counted."""
    columns = defaultdict(set)
    for table, index, column in connection.exec_driver_sql(COLUMNS):
        columns[table, index].add(column)
    explained = connection.exec_driver_sql(f"EXPLAIN FORMAT=JSON {sql}", values).scalar_one()
    used: dict[str, Set[str]] = {}
    for table in tables_of(json.loads(explained)):
        name, indexes = table["table_name"], [*table.get("possible_keys", ()), table.get("key")]
        used[name] = frozenset(column for index in indexes for column in columns.get((name, index), ()))
    return used


def tables_of(plan: Any) -> Iterator[Mapping[str, Any]]:
    """Every table that a plan reads, wherever in it."""
    if isinstance(plan, list):
        for part in plan:
            yield from tables_of(part)
    elif isinstance(plan, dict):
        if "table_name" in plan:
            yield plan
        for part in plan.values():
            yield from tables_of(part)


def vacuum(engine: Engine) -> None:
    with engine.begin() as connection:
        quote = connection.dialect.identifier_preparer.quote
        names = connection.exec_driver_sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'").scalars().all()
        for name in map(quote, names):
            for what in ("OPTIMIZE", "ANALYZE"):
                for _, _, kind, message in connection.exec_driver_sql(f"{what} TABLE {name}"):
                    if kind.lower() == "error":
                        raise OperationalError(f"{what} TABLE {name}", None, Exception(message))


def after_commit(engine: Engine) -> Callable[[], None]:
    return nothing


def nothing() -> None:
    """What there is to do after a commit."""
