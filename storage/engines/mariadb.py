"""Everything that only MariaDB and MySQL need, from MariaDB 10.6 and MySQL 8.0 on, by PyMySQL.

Three defaults are not safe, so each is set: a text that is too long is cut (strict mode refuses it), REPEATABLE READ
would let a writer that waited for its book read what was there before it waited (READ COMMITTED does not), and text is
compared by a language's rules, without regard to case or trailing spaces (a binary collation without padding is
SQLite's order). Readers take one look for all of theirs, and the server refuses them a write.

A change of the schema commits by itself there: a migration that fails half-way can't be undone but by a backup.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pymysql
from pymysql.constants import SERVER_STATUS
from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects.mysql import insert

from storage.engines import mariadb_maintenance
from storage.engines.maintenance import GROWING_SECONDS, Maintenance
from storage.errors import DatabaseDiskFull, ReadOnlyDatabase

DRIVER = "mysql+pymysql"
MAINTENANCE: Maintenance = mariadb_maintenance
FAILURES: tuple[type[Exception], ...] = (pymysql.err.OperationalError, pymysql.err.InterfaceError)
ONE_WRITER = False

CONNECTIONS_KEPT = 8
CONNECTIONS_MAX = 16
"""Of each engine, of which a process has two. A server takes 151 in all unless told otherwise."""

RECYCLE_SECONDS = 3600
"""The server closes what was idle for eight hours, and firewalls sooner."""

FULL = (1021, 1114)
WRITE_FAILED = (3, 1026, 1030)
NO_SPACE = re.compile(r"\b(?:errno|errcode|error):? 28\b", re.IGNORECASE)
READ_ONLY = (1290, 1792, 1836)
"""Errors of the server: a full disk or table; a write that failed, with the system's errno (28 is ENOSPC); a server or
a transaction that only reads (https://mariadb.com/kb/en/mariadb-error-code-reference/)."""

LOCK_SECONDS = 30
SETTINGS = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION', "
    f"time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_SECONDS}, lock_wait_timeout = {LOCK_SECONDS}"
)


def in_memory(url: URL) -> bool:
    return False


def engine(url: URL) -> Engine:
    """The engine for writers. Migrations and Flask-SQLAlchemy use it too."""
    return _engine(url, "READ COMMITTED")


def reader(url: URL) -> Engine:
    """The engine for readers: a write through it is refused by the server."""
    made = _engine(url, "REPEATABLE READ")
    event.listen(made, "begin", lambda connection: begin_reading(connection.connection.driver_connection))
    return made


def _engine(url: URL, isolation: str) -> Engine:
    made = create_engine(
        url.update_query_dict({"charset": "utf8mb4"}),
        isolation_level=isolation,
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS_KEPT,
        pool_pre_ping=True,  # a server that was restarted costs nobody a failed request
        pool_recycle=RECYCLE_SECONDS,
        hide_parameters=True,  # an error's text ends in logs, and would carry people's data there
    )

    @event.listens_for(made, "connect")
    def prepare(connection: Any, record: object) -> None:
        _run(connection, SETTINGS)

    return made


def begin_writing(connection: Any) -> None:
    """The driver begins with the first statement, and the lock of a book is the first statement of its writers."""


def begin_reading(connection: Any) -> None:
    """Take the one look for the whole transaction, unless that was done already."""
    if not connection.server_status & SERVER_STATUS.SERVER_STATUS_IN_TRANS:
        _run(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")


def with_lock_timeout(connection: Any, seconds: float) -> AbstractContextManager[None]:
    """Nobody holds the whole database: writers lock rows."""
    return nullcontext()


def refusal(error: BaseException, url: URL) -> type[DatabaseDiskFull | ReadOnlyDatabase] | None:
    code, text = (*error.args, None, None)[:2] if isinstance(error, pymysql.err.MySQLError) else (None, None)
    if code in FULL or (code in WRITE_FAILED and NO_SPACE.search(str(text))):
        return DatabaseDiskFull
    return ReadOnlyDatabase if code in READ_ONLY else None


def _run(connection: Any, statement: str) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()


def upsert(table: Table, columns: Sequence[str]) -> Insert:
    """INSERT … ON DUPLICATE KEY UPDATE, for many rows. REPLACE would delete first, and with the row its children."""
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    written = [name for name in columns if name not in keys] or keys[:1]  # a key set to itself changes nothing
    return statement.on_duplicate_key_update({name: statement.inserted[name] for name in written})


@contextmanager
def exclusive(engine: Engine, table: str) -> Iterator[Connection]:
    """Who reads a table holds it to the end of the transaction, which this one waits for. It can use no other table."""
    with engine.connect() as connection:
        connection.exec_driver_sql(f"LOCK TABLES {table} WRITE")
        try:
            yield connection
            connection.commit()
        finally:
            connection.rollback()  # or what failed would be committed by the next statement
            connection.exec_driver_sql("UNLOCK TABLES")


def next_number(connection: Connection, table: str) -> int:
    query = "SELECT auto_increment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s"
    return int(connection.exec_driver_sql(query, (table,)).scalar() or 0)


def number_from(connection: Connection, table: str, number: int) -> None:
    """Commits by itself, as every change of a table does there."""
    connection.exec_driver_sql(f"ALTER TABLE {table} AUTO_INCREMENT = {number}")


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """Tables that are made compare text code point by code point, and so do older ones at the end.

    Nothing of it can be undone, so that two hosts that start at once migrate one after the other.
    """
    with engine.begin() as connection:
        quoted, collation = _quoted(connection), _collation(connection)
        turn = (f"migrations of {engine.url.database}"[:64],)
        connection.exec_driver_sql("SELECT GET_LOCK(%s, 3600)", turn)
        try:
            database = quoted(engine.url.database or "")
            connection.exec_driver_sql(f"ALTER DATABASE {database} CHARACTER SET utf8mb4 COLLATE {collation}")
            yield connection
            for name in _compared_otherwise(connection):
                convert = f"CONVERT TO CHARACTER SET utf8mb4 COLLATE {collation}"
                connection.exec_driver_sql(f"ALTER TABLE {quoted(name)} {convert}")
        finally:
            connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", turn)


@contextmanager
def growing(engine: Engine) -> Iterator[tuple[Connection, Connection]]:
    """A transaction beside the changes of tables, each of which would end it, and let go what it has locked."""
    with migrating(engine) as tables:
        tables.exec_driver_sql(f"SET SESSION autocommit = 1, lock_wait_timeout = {GROWING_SECONDS}")
        try:
            with engine.begin() as connection:
                yield connection, tables
        finally:
            tables.exec_driver_sql(f"SET SESSION autocommit = 0, lock_wait_timeout = {LOCK_SECONDS}")


def facts(connection: Connection) -> Mapping[str, str | int | bool]:
    """What ``flask doctor`` prints, read from a connection that writes."""

    def show(name: str) -> str:
        return str(connection.exec_driver_sql(f"SELECT @@{name}").scalar_one())

    flushed = show("innodb_flush_log_at_trx_commit") == "1"
    return {
        "driver": connection.dialect.driver,
        "version": show("version"),
        "synchronous": "full" if flushed and show("innodb_doublewrite") not in ("0", "OFF") else "off",
        "sql_mode": show("sql_mode"),
        "lock_timeout": show("innodb_lock_wait_timeout") + "s",
        "order": "by language" if _compared_otherwise(connection) else "by code point",
    }


def faults(connection: Connection) -> Sequence[str]:
    """What CHECK TABLE finds wrong."""
    names = connection.exec_driver_sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'").scalars().all()
    if not names:
        return ()
    checked = connection.exec_driver_sql(f"CHECK TABLE {', '.join(map(_quoted(connection), names))}")
    return [f"{table}: {answers}" for table, _, kind, answers in checked if kind.lower() == "error"]


def _collation(connection: Connection) -> str:
    return "utf8mb4_nopad_bin" if connection.dialect.is_mariadb else "utf8mb4_0900_bin"  # type: ignore[attr-defined]


def _compared_otherwise(connection: Connection) -> Sequence[str]:
    """The tables with a column that is compared by a language's rules."""
    query = (
        "SELECT DISTINCT table_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND collation_name <> %s ORDER BY 1"
    )
    return connection.exec_driver_sql(query, (_collation(connection),)).scalars().all()


def _quoted(connection: Connection) -> Callable[[str], str]:
    return connection.dialect.identifier_preparer.quote
