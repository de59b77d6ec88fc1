"""A database of any engine: the one way to read and to write.

::

    database = open_engines("sqlite:////srv/offbook/offbook.db")
    with database.write() as connection: ...    # one transaction; commits at the end, rolls back on an error
    with database.read() as connection: ...     # one transaction, one consistent view; it can't write

A transaction that writes what depends on what it read first takes the lock on it: of a book by ``SELECT … FOR UPDATE``,
of anything else by writing to it. SQLite locks all of the database for each writer; other databases let writers of
different rows run side by side, and each statement sees what was committed before it began. Nothing connects before the
first ``read`` or ``write``: a server may fork after it opened.

A database that is moved elsewhere takes no writes (storage.engines.read_only_mode): ``write`` looks before anything
else is done. Nor does one whose disk is full, or that may only be read: what its driver says then becomes
storage.errors's. It is read all the same, and what is only noted on the way of a request (``note``) never fails it.

What differs between engines is storage.engines.adapter's. Nothing here knows a table but the one that may say so.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import URL, Connection, Engine, Executable, Insert, PoolProxiedConnection, Table, make_url
from sqlalchemy.exc import DBAPIError

from storage.engines.adapter import ALSO_CALLED, ENGINES
from storage.engines.fair_lock import FairLock
from storage.engines.read_only_mode import TABLE, ReadOnlyMode, require_open
from storage.engines.upsert import reduced
from storage.errors import DatabaseDiskFull, TooBusy, Unwritable
from storage.sql.prepared import HasDriverConnection, Prepared, Rows, Values
from storage.values.databases import DatabaseSize, Facts, LogSize

MEMORY = "/dev/shm"
"""Where a file lies in memory, on the systems that have such a place."""
NOTE_SECONDS = 1.0
"""How long a note waits for others who write, one of this process or of another each: someone waits for the answer."""

log = logging.getLogger("offbook")


class Transaction:
    """A transaction on a connection of the driver: what Prepared statements need, and no more.

    ``sqlalchemy`` is the same transaction with all that SQLAlchemy can do. It is made on first use, since that
    takes longer than the statements of a small push.
    """

    def __init__(self, engine: Engine, connection: PoolProxiedConnection) -> None:
        self.connection = connection
        self.dialect = engine.dialect
        self._engine = engine

    @cached_property
    def sqlalchemy(self) -> Connection:
        """The transaction as a Connection of SQLAlchemy."""
        return Connection(self._engine, self.connection)


class Database:
    """One database, opened. Safe to share between threads; a connection is not."""

    def __init__(self, name: str, url: URL) -> None:
        """``name`` is one of ENGINES."""
        self.name = name
        self.adapter = ENGINES[name]
        url = url.set(drivername=self.adapter.DRIVER)
        self.in_memory = self.adapter.in_memory(url)
        if self.in_memory:
            url = url.set(database=_file_of(self))
        self.engine = self.adapter.engine(url)
        self.reader = self.adapter.reader(url)
        self._turn = FairLock() if self.adapter.ONE_WRITER else None
        self._after_commit = self.adapter.MAINTENANCE.after_commit(self.engine)
        self._upserts: dict[tuple[Table, tuple[str, ...]], Insert] = {}
        self._prepared_upserts: dict[tuple[Table, tuple[str, ...]], Prepared] = {}
        self._refusals = Translated(self._refusal)
        self._failures = Translated(self._failure)
        self.refused: Unwritable | None = None
        """Why the last write was refused; None where it was not."""
        self.closings = 0
        """How often it was closed: another database may be in its place when it is used again."""
        self.wrote_at = -inf
        """When a note was last stored, by ``time.monotonic``."""
        _forget_after_fork(self)

    @property
    def place(self) -> str:
        """Its name for people: where it is, without a password or options, which may hold one."""
        url = self.engine.url
        name = url.get_backend_name()
        database = str(Path(url.database or "").resolve()) if name == "sqlite" else url.database
        return URL.create(name, url.username, None, url.host, url.port, database).render_as_string()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes. Keep it short: others wait. Raises Unwritable where the database takes none."""
        with self.write_while_closed() as connection:
            require_open(connection.connection)
            yield connection

    @contextmanager
    def write_while_closed(self) -> Iterator[Connection]:
        """As ``write``, though the database is closed: for what moves into it."""
        with self._queue():
            with self._refusals, self.engine.begin() as connection:
                yield connection
            self._after_commit()

    def note(self, statement: Executable, values: Values | Sequence[Values] | None = None) -> bool:
        """Write what is only noted on the way of a request that asks for something else; whether that could be done.

        It raises nothing, whatever happens, and waits only briefly for others: the request's own work may be committed
        by now, and is answered.
        """
        try:
            with self._queue(NOTE_SECONDS):
                with self._refusals, self._write_within_timeout() as connection:
                    require_open(connection.connection)
                    written = connection.execute(statement, values).rowcount
                if written:  # or nothing had to be stored, which always can be
                    self._wrote()
                self._after_commit()
        except Unwritable:  # which is logged when it begins
            return False
        except Exception as error:
            log.warning("A note was not written (%s)", type(error).__name__)
            return False
        return True

    @contextmanager
    def _write_within_timeout(self) -> Iterator[Connection]:
        with (
            self.engine.connect() as connection,
            self.adapter.with_lock_timeout(connection.connection, NOTE_SECONDS),
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """The transaction that closes or opens the database: no other writes meanwhile, each sees what came of it."""
        with self._queue(), self._refusals, self.adapter.exclusive(self.engine, TABLE) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout. Close it before an answer is sent."""
        with self._failures, self.reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """As ``write``, for the statements that every push makes. Whoever uses it asks whether it may write."""
        with self._queue():
            with _transaction(self.engine, self.adapter.begin_writing, self._refusals) as transaction:
                yield transaction
            self._after_commit()

    def reading(self) -> AbstractContextManager[Transaction]:
        """As ``read``, for the statements that every pull makes."""
        return _transaction(self.reader, self.adapter.begin_reading, self._failures)

    def fetch_one_shot(self, query: Prepared, values: Values) -> list[Any]:
        """Run one query outside of any transaction: by itself it sees one state anyway."""
        with self._failures:
            connection = self.reader.raw_connection()
            try:
                return query.rows(Transaction(self.reader, connection), values)
            finally:
                connection.close()

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """The transaction in which a migration runs: tables may be rebuilt, and references are checked at its end."""
        with self._queue(), self._refusals, self.adapter.migrating(self.engine) as connection:
            yield connection

    @contextmanager
    def grow(self) -> Iterator[tuple[Connection, Connection]]:
        """The transaction in which tables grow, and the connection on which they are changed, which may be another.

        Raises Unwritable where the database takes no changes.
        """
        with self._queue(), self._refusals, self.adapter.growing(self.engine) as (connection, tables):
            require_open(connection.connection)
            yield connection, tables

    def upsert(self, table: Table, columns: Sequence[str]) -> Insert:
        """INSERT rows of ``columns``; where the primary key is there already, update them. Never deletes a row."""
        key = (table, tuple(columns))
        if key not in self._upserts:
            # Building the statement takes several times as long as running it on one row.
            self._upserts[key] = self.adapter.upsert(table, columns)
        return self._upserts[key]

    def upsert_rows(self, transaction: HasDriverConnection, table: Table, rows: Rows) -> None:
        """Write rows, new ones and old ones, with one statement. Of old ones no other column is touched."""
        self._prepared_upsert(table, rows.columns).write_all(transaction, rows)

    def _prepared_upsert(self, table: Table, columns: tuple[str, ...]) -> Prepared:
        if (table, columns) not in self._prepared_upserts:
            self._prepared_upserts[table, columns] = Prepared(self.adapter.upsert(reduced(table, columns), columns))
        return self._prepared_upserts[table, columns]

    def facts(self) -> Facts:
        """The engine's version and the settings in force on a connection that writes. Nothing is, and nobody waits."""
        with _transaction(self.engine, self.adapter.begin_reading, self._failures) as transaction:
            return {"engine": self.name, **self.adapter.facts(transaction.sqlalchemy)}

    def faults(self) -> Sequence[str]:
        """What is wrong with the stored data itself; takes as long as reading all of it."""
        with self.read() as connection:
            return self.adapter.faults(connection)

    def size(self) -> DatabaseSize:
        """How much room the database takes."""
        with self.read() as connection:
            return self.adapter.MAINTENANCE.size(connection)

    def log(self) -> LogSize | None:
        """The state of the log that commits go to first, where there is one to care for."""
        with self._refusals:
            return self.adapter.MAINTENANCE.log(self.reader)

    def vacuum(self) -> None:
        """Give back the space of what was deleted, and count anew what decides about plans. Others may use it."""
        with self._queue(), self._refusals:
            self.adapter.MAINTENANCE.vacuum(self.engine)

    def close(self) -> None:
        """Close every connection. The database opens again when it is used again."""
        self.closings += 1
        self.engine.dispose()
        self.reader.dispose()

    @contextmanager
    def _queue(self, wait_seconds: float = -1) -> Iterator[None]:
        """Raises TooBusy where the turn did not come within the time."""
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(wait_seconds):
            raise TooBusy
        try:
            yield
        finally:
            self._turn.release()

    def _wrote(self) -> None:
        self.wrote_at = time.monotonic()
        if self.refused is not None:
            log.warning("The database takes changes again")
            self.refused = None

    def _refusal(self, error: Exception) -> Exception:
        """Of an error that ended a write: Unwritable, where that is what the driver says."""
        refusal = self._meant(error)
        if isinstance(refusal, Unwritable):
            if self.refused is None and not isinstance(refusal, ReadOnlyMode):
                log.error("%s Reading goes on", refusal.for_admins)
            self.refused = refusal
        return refusal

    def _failure(self, error: Exception) -> Exception:
        """The same of what only reads, and may need room on a disk too. A write in there is a fault of ours."""
        refusal = self._meant(error)
        return refusal if isinstance(refusal, DatabaseDiskFull) else error

    def _meant(self, error: Exception) -> Exception:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        refusal = self.adapter.refusal(cause, self.engine.url)
        return error if refusal is None else refusal(self.place)

    def _forget(self) -> None:
        self.engine.dispose(close=False)
        self.reader.dispose(close=False)
        if self._turn is not None:
            self._turn = FairLock()


@contextmanager
def _transaction(engine: Engine, begin: Callable[[Any], None], translated: Translated) -> Iterator[Transaction]:
    """Commits at its end. What fails before is rolled back: the pool does that with all that comes back to it."""
    with translated:
        connection = engine.raw_connection()
        try:
            begin(connection.driver_connection)
            yield Transaction(engine, connection)
            connection.commit()
        finally:
            connection.close()


class Translated:
    """A context that raises, for an error, what ``meaning`` gives in its place. Every request enters one."""

    def __init__(self, meaning: Callable[[Exception], Exception]) -> None:
        self._meaning = meaning

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and (meant := self._meaning(error)) is not error:
            raise meant from error


def open_engines(url: str | URL) -> Database:
    """The database at ``url``, whose first word is looked up in ENGINES. Connects to nothing yet."""
    parsed = make_url(url)
    name = parsed.get_backend_name()
    name = ALSO_CALLED.get(name, name)
    if name not in ENGINES:
        names = ", ".join(sorted(ENGINES))
        raise ValueError(f"DATABASE_URL begins with {name!r}; offbook knows: {names}.")
    return Database(name, parsed)


def _file_of(database: Database) -> str:
    """The path of a file that ends with ``database``, or with the process: what "in memory" stands for.

    SQLite's own memory is one connection's. Shared between several it knows neither WAL nor waiting, so that a reader
    would get "locked" (https://sqlite.org/sharedcache.html). A file has the locks of any other database.
    """
    folder = tempfile.mkdtemp(prefix="offbook-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    weakref.finalize(database, _remove, folder, os.getpid())
    return os.path.join(folder, "memory.db")


def _remove(folder: str, owner: int) -> None:
    """A child that a fork made leaves it to its parent."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _forget_after_fork(database: Database) -> None:
    """Let a forked child open connections of its own: one that two processes share corrupts a database."""
    if not hasattr(os, "register_at_fork"):
        return
    alive = weakref.ref(database)

    def forget() -> None:
        database = alive()
        if database is not None:
            database._forget()

    os.register_at_fork(after_in_child=forget)
