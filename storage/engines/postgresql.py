"""Everything that only PostgreSQL needs, from version 14 on, by psycopg 3.

Writers of different books run side by side: each waits for the row of its own book and for nothing else
(``SELECT … FOR UPDATE``), and sees what the one before it committed, since READ COMMITTED takes a new look with each
statement. Readers take one look for all of theirs (REPEATABLE READ), and the server refuses them a write.

Text is compared byte by byte, as SQLite does it: in the database's own collation a list would be in another order than
on a device, and ``ids < :end`` would hold other rows. So each column has COLLATE "C", set after every migration.

Isolation: https://www.postgresql.org/docs/current/transaction-iso.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects.postgresql import insert

from storage.engines import postgresql_maintenance
from storage.engines.maintenance import GROWING_SECONDS, Maintenance
from storage.engines.upsert import on_conflict
from storage.errors import DatabaseDiskFull, ReadOnlyDatabase

DRIVER = "postgresql+psycopg"
MAINTENANCE: Maintenance = postgresql_maintenance
FAILURES: tuple[type[Exception], ...] = (psycopg.OperationalError, psycopg.InterfaceError)
ONE_WRITER = False

CONNECTIONS_KEPT = 8
CONNECTIONS_MAX = 16
"""Of each engine, of which a process has two. A server takes 100 in all unless told otherwise."""

SETTINGS = "SET lock_timeout = '30s'; SET timezone = 'UTC'; SET synchronous_commit = 'on'"
"""A writer that waited 30 s for a book gets an error. A commit is on disk, whatever the server's own default."""

LIVELINESS = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""A server that is gone without a word is noticed within half a minute. Left alone, the system takes a quarter of an
hour, and hours where nothing is being sent."""

REFUSALS: Mapping[str | None, type[DatabaseDiskFull | ReadOnlyDatabase]] = {
    "53100": DatabaseDiskFull,
    "25006": ReadOnlyDatabase,
}
"""By SQLSTATE: disk_full, and read_only_sql_transaction, of a standby for one
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

MIGRATIONS = 0x0FFB00C
"""The number of the lock that migrations take: two hosts that start at once migrate one after the other."""

BYTEWISE = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation k ON k.oid = a.attcollation
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
  AND k.collname <> 'C'
ORDER BY c.relname, a.attnum
"""
"""The columns of text that are compared by a language's rules: table, column, type."""


def in_memory(url: URL) -> bool:
    return False


def engine(url: URL) -> Engine:
    """The engine for writers. Migrations and Flask-SQLAlchemy use it too."""
    return _engine(url, "READ COMMITTED")


def reader(url: URL) -> Engine:
    """The engine for readers: a write through it is refused by the server."""
    made = _engine(url, "REPEATABLE READ")

    @event.listens_for(made, "connect")
    def refuse_writes(connection: Any, record: object) -> None:
        connection.read_only = True

    return made


def _engine(url: URL, isolation: str) -> Engine:
    made = create_engine(
        url,
        isolation_level=isolation,
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS_KEPT,
        pool_pre_ping=True,  # a server that was restarted costs nobody a failed request
        connect_args={"application_name": "offbook", **LIVELINESS},
        hide_parameters=True,  # an error's text ends in logs, and would carry people's data there
    )

    @event.listens_for(made, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.autocommit = True
        connection.execute(SETTINGS)
        connection.autocommit = False

    return made


def begin_writing(connection: Any) -> None:
    """The driver begins with the first statement, and the lock of a book is the first statement of its writers."""


def begin_reading(connection: Any) -> None:
    """The driver begins with the first statement, which is when the one look is taken."""


def with_lock_timeout(connection: Any, seconds: float) -> AbstractContextManager[None]:
    """Nobody holds the whole database: writers lock rows."""
    return nullcontext()


def refusal(error: BaseException, url: URL) -> type[DatabaseDiskFull | ReadOnlyDatabase] | None:
    return REFUSALS.get(getattr(error, "sqlstate", None))


def upsert(table: Table, columns: Sequence[str]) -> Insert:
    return on_conflict(insert(table), table, columns)


@contextmanager
def exclusive(engine: Engine, table: str) -> Iterator[Connection]:
    """Who reads a table holds a lock on it to the end of the transaction, which this one waits for."""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield connection


def next_number(connection: Connection, table: str) -> int:
    sequence = _sequence(connection, table)
    number = connection.exec_driver_sql(f"SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {sequence}")
    return int(number.scalar_one())


def number_from(connection: Connection, table: str, number: int) -> None:
    connection.exec_driver_sql("SELECT setval(%s, %s, false)", (_sequence(connection, table), number))


def _sequence(connection: Connection, table: str) -> str:
    return str(connection.exec_driver_sql("SELECT pg_get_serial_sequence(%s, 'id')", (table,)).scalar_one())


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """One transaction, the schema's changes included. Columns that it made are compared byte by byte at its end."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (MIGRATIONS,))
        yield connection
        quote = connection.dialect.identifier_preparer.quote
        for name, column, type_ in connection.exec_driver_sql(BYTEWISE).fetchall():
            alter = f'ALTER TABLE {quote(name)} ALTER COLUMN {quote(column)} TYPE {type_} COLLATE "C"'
            connection.exec_driver_sql(alter)


@contextmanager
def growing(engine: Engine) -> Iterator[tuple[Connection, Connection]]:
    """As a migration."""
    with migrating(engine) as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{GROWING_SECONDS}s'")
        yield connection, connection


def facts(connection: Connection) -> Mapping[str, str | int | bool]:
    """What ``flask doctor`` prints, read from a connection that writes."""

    def show(name: str) -> str:
        return str(connection.exec_driver_sql(f"SHOW {name}").scalar_one())

    flushed = show("synchronous_commit") in ("on", "remote_apply") and show("fsync") == "on"
    return {
        "driver": connection.dialect.driver,
        "version": show("server_version"),
        "isolation": show("transaction_isolation"),
        "synchronous": "full" if flushed else "off",
        "lock_timeout": show("lock_timeout"),
        "order": "by language" if connection.exec_driver_sql(BYTEWISE).first() else "by code point",
    }


def faults(connection: Connection) -> Sequence[str]:
    """Nothing: the server itself checks each page when it reads it, and refuses one that is damaged."""
    return ()
