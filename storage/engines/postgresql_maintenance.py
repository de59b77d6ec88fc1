"""Looking after PostgreSQL: its size, how a statement finds rows, and a vacuum. The log is the server's own affair."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any

from sqlalchemy import Connection, Engine

from storage.values.databases import DatabaseSize

VACUUM_LOCK_NOTICE = (
    "Nobody waits. The space of what was deleted is for what comes; what lies at the end goes back to the disk."
)
VACUUM_SPACE_FACTOR = 0

SMALL_ROWS = 1_000
"""Of fewer rows than this, one index is as good as another."""

LARGE = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND reltuples >= %s"

Node = Mapping[str, Any]


def size(connection: Connection) -> DatabaseSize:
    return DatabaseSize(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


def log(engine: Engine) -> None:
    return None


def index_columns_used(connection: Connection, sql: str, values: Any) -> Mapping[str, Set[str]]:
    """What the planner would do if it could not read a table whole. Small tables are left out."""
    large = set(connection.exec_driver_sql(LARGE, (SMALL_ROWS,)).scalars())
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    (explained,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values).one()
    connection.exec_driver_sql("SET LOCAL enable_seqscan = on")
    nodes = [node for node in nodes_of(explained[0]["Plan"]) if node.get("Relation Name") in large]
    return {node["Relation Name"]: frozenset(re.findall(r"\w+", condition(node))) for node in nodes}


def nodes_of(node: Node) -> Iterator[Node]:
    """Every node of a plan, the outer ones first."""
    yield node
    for child in node.get("Plans", ()):
        yield from nodes_of(child)


def condition(node: Node) -> str:
    """What an index looks up. That of a bitmap is with the step that reads the rows it found, once more."""
    return str(node.get("Index Cond") or node.get("Recheck Cond") or "")


def vacuum(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM (ANALYZE)")


def after_commit(engine: Engine) -> Callable[[], None]:
    return nothing


def nothing() -> None:
    """What there is to do after a commit."""
