"""Everything that only SQLite needs: how its connections are made, and what a migration must switch off.

Three defaults lose data without a word, so each is set on every connection and has a test:

- Python's driver begins a transaction only before a write. What was read earlier is then out of date when it is
  written back. So the driver begins nothing (``isolation_level = None``) and we do: BEGIN IMMEDIATE for writers, who
  thereby also wait *before* they read, where waiting works; BEGIN for readers, whose connections are ``query_only``.
- ``synchronous = NORMAL`` in WAL mode loses commits at a power cut. It is FULL.
- SQLite before 3.51.3 has a race in WAL mode that corrupts the file. The ``pysqlite3`` wheel brings a newer one.

The race: https://sqlite.org/wal.html#walresetbug. Changing tables: https://sqlite.org/lang_altertable.html#otheralter.
"""

from __future__ import annotations

import importlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, Table, create_engine, event
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.pool import QueuePool

from offbook.core.sqlite_facts import WAL_INDEX_BYTES, has_wal_reset_race
from storage.engines import sqlite_maintenance
from storage.engines.maintenance import Maintenance
from storage.engines.upsert import on_conflict
from storage.errors import DatabaseDiskFull, ReadOnlyDatabase


def driver() -> ModuleType:
    """``pysqlite3`` where it is installed, else Python's own SQLite."""
    try:
        return importlib.import_module("pysqlite3.dbapi2")
    except ImportError:
        return importlib.import_module("sqlite3.dbapi2")


DRIVER = "sqlite+pysqlite"
FAILURES: tuple[type[Exception], ...] = (driver().OperationalError,)
MAINTENANCE: Maintenance = sqlite_maintenance
ONE_WRITER = True

BUSY_TIMEOUT_MS = 30_000
"""How long another process may hold the file. Threads of this process queue in front of it and don't come here."""

WAL_PAGES = 7_000
"""The log's length (28 MB) at which a commit also copies it into the file. Most pages are written again and again, so
that a log seven times as long as SQLite's own is a third less work for a push of many, and seven times as seldom a
wait."""

WRITER_CACHE_KIB = 16 * 1024
"""What a batch changes stays in memory until it is committed. With 2 MB, SQLite's own, it is written twice."""

READERS_KEPT = 8
READERS_MAX = 40
"""More than the server has threads. Those above READERS_KEPT are closed after use: each holds up to 2 MB of pages."""

FULL, READONLY, IOERR, CANTOPEN = 13, 8, 10, 14
"""Results of SQLite (https://sqlite.org/rescode.html). The lowest byte of a longer one is one of these."""

SYNCHRONOUS = ("off", "normal", "full", "extra")

log = logging.getLogger("offbook")


def in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def engine(url: URL) -> Engine:
    """The engine for writers. Migrations and Flask-SQLAlchemy use it too."""
    module = driver()
    if has_wal_reset_race(module.sqlite_version_info):
        log.warning(
            "SQLite %s has a rare race that can corrupt the database; 3.51.3 or newer has not. "
            "Install the pysqlite3 package, which brings one, where it has a wheel for this machine.",
            module.sqlite_version,
        )
    return _engine(url, begin=begin_writing, query_only=False, kept=1, most=5)


def reader(url: URL) -> Engine:
    """The engine for readers: a write through it is refused by SQLite."""
    return _engine(url, begin=begin_reading, query_only=True, kept=READERS_KEPT, most=READERS_MAX)


def begin_writing(connection: Any) -> None:
    """Begin on a connection of the driver, unless that was done already."""
    if not connection.in_transaction:
        connection.execute("BEGIN IMMEDIATE")


def begin_reading(connection: Any) -> None:
    if not connection.in_transaction:
        connection.execute("BEGIN")


@contextmanager
def with_lock_timeout(connection: Any, seconds: float) -> Iterator[None]:
    connection.driver_connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    try:
        yield
    finally:
        connection.driver_connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def refusal(error: BaseException, url: URL) -> type[DatabaseDiskFull | ReadOnlyDatabase] | None:
    """A disk without room shows as another fault of the disk too, where a file can't be begun."""
    result = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if result == FULL or (result in (IOERR, CANTOPEN) and not has_room(url)):
        return DatabaseDiskFull
    return ReadOnlyDatabase if result == READONLY else None


def has_room(url: URL) -> bool:
    """Whether the disk has room for a WAL index; True where that is not known."""
    with suppress(OSError):
        return shutil.disk_usage(Path(url.database or "").resolve().parent).free >= WAL_INDEX_BYTES
    return True


def version(connection: Any) -> int:
    """Differs from before when another connection has committed, be it in another process (PRAGMA data_version)."""
    (version,) = connection.execute("PRAGMA data_version").fetchone()
    return int(version)


def _engine(url: URL, *, begin: Callable[[Any], None], query_only: bool, kept: int, most: int) -> Engine:
    made = create_engine(
        url,
        module=driver(),
        poolclass=QueuePool,
        pool_size=kept,
        max_overflow=most - kept,
        hide_parameters=True,  # an error's text ends in logs, and would carry people's data there
    )

    @event.listens_for(made, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        if query_only:
            connection.execute("PRAGMA query_only = 1")
        else:
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {sqlite_maintenance.LOG_BYTES_MAX}")
            connection.execute(f"PRAGMA cache_size = -{WRITER_CACHE_KIB}")

    @event.listens_for(made, "begin")
    def start(connection: Connection) -> None:
        begin(_driver_connection(connection))

    return made


def _use_wal(connection: Any) -> None:
    """Set WAL mode where the file is not in it yet.

    Two processes that do so at the same moment can both be told "locked" at once, whatever the timeout: SQLite sees a
    deadlock. The mode is kept in the file, so that this happens at most once in a database's life.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except driver().OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def upsert(table: Table, columns: Sequence[str]) -> Insert:
    return on_conflict(insert(table), table, columns)


@contextmanager
def growing(engine: Engine) -> Iterator[tuple[Connection, Connection]]:
    """No table is changed by a copy of it, so that nothing need be switched off or checked."""
    with engine.begin() as connection:
        yield connection, connection


def exclusive(engine: Engine, table: str) -> AbstractContextManager[Connection]:
    """Every writer has the file alone."""
    return engine.begin()


def next_number(connection: Connection, table: str) -> int:
    """Where the table never gives a number twice (AUTOINCREMENT); elsewhere SQLite looks for the largest."""
    number = connection.exec_driver_sql("SELECT seq + 1 FROM sqlite_sequence WHERE name = ?", (table,)).scalar()
    return int(number or 0)


def number_from(connection: Connection, table: str, number: int) -> None:
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
    connection.exec_driver_sql(
        "INSERT INTO sqlite_sequence (name, seq) "
        "SELECT name, ? FROM sqlite_master WHERE type = 'table' AND name = ? AND sql LIKE '%AUTOINCREMENT%'",
        (number - 1, table),
    )


@contextmanager
def migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction with foreign keys off, which are checked before it commits.

    A table is changed by filling a copy and dropping the original; with foreign keys on, the drop deletes all child
    rows. The setting does nothing inside a transaction, so it is changed around it.
    """
    with engine.connect() as connection:
        _driver_connection(connection).execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                check_references(connection)
        finally:
            _driver_connection(connection).execute("PRAGMA foreign_keys = ON")


def check_references(connection: Connection) -> None:
    """Raise where a row refers to one that is not there."""
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({row[0] for row in broken}))
        raise RuntimeError(f"The migration left {len(broken)} rows without what they refer to (in {tables}): undone.")


def faults(connection: Connection) -> Sequence[str]:
    """What SQLite finds wrong with the file, read from end to end."""
    faults = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    return [*(line for line in faults if line != "ok"), *(f"{row[0]} refers to what is not there" for row in broken)]


def _driver_connection(connection: Connection) -> Any:
    return connection.connection.driver_connection


def facts(connection: Connection) -> Mapping[str, str | int | bool]:
    """What ``flask doctor`` prints: read from the connection, not from what this module meant to set."""
    module = driver()

    def pragma(name: str) -> Any:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()

    return {
        "driver": module.__name__.partition(".")[0],
        "version": module.sqlite_version,
        "fixed": not has_wal_reset_race(module.sqlite_version_info),
        "journal_mode": pragma("journal_mode"),
        "synchronous": SYNCHRONOUS[pragma("synchronous")],
        "foreign_keys": bool(pragma("foreign_keys")),
        "busy_timeout_ms": pragma("busy_timeout"),
        "file": connection.engine.url.database or "",
    }
