"""The database engines: what differs from one to the next, and the one way to read and to write.

::

    database = open_engines("sqlite:////srv/offbook/offbook.db")
    with database.write() as connection: ...    # one transaction, alone; commits at the end, rolls back on an error
    with database.read() as connection: ...     # one transaction, one consistent view; it can't write

Whoever writes holds the engine's write lock until the commit, so that what was read inside ``write()`` is still true
when it is written. Nothing connects before the first ``read`` or ``write``: a server may fork after it opened.

A new engine is one entry in ENGINES; being there runs the store contract on it. Nothing here knows a table.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, PoolProxiedConnection, Table, make_url

from storage import sqlite, sqlite_backup
from storage.locks import FairLock
from storage.prepared import Driven, Prepared, Values

Facts = Mapping[str, str | int | bool]
"""What an administrator wants to know about the engine: its version, and the settings that connections really have."""


@dataclass(frozen=True)
class Copies:
    """How one kind of database gets into a file and out of it (storage.backups). All raise BackupError.

    ``back_up`` fills an empty file with one state of the database. ``revision`` reads a file to its end and tells its
    schema, None where it is none of ours. ``put_back`` puts a file into the database's place: it calls ``keep`` when
    nobody can write any more and before anything is replaced, and ``finish`` with the URL at which to make it ready.
    """

    back_up: Callable[[Engine, Path], None]
    revision: Callable[[Path], str | None]
    put_back: Callable[[Engine, Path, Callable[[], None], Callable[[URL], None]], None]


@dataclass(frozen=True)
class Kind:
    """One kind of database.

    ``engine`` makes the engine for reading and writing, ``reader`` one whose connections can't write. ``one_writer``
    tells that the database takes one writer at a time: then writers of this process queue in order of arrival, since
    waiting inside the database is neither fair nor without a limit. ``begin_writing`` and ``begin_reading`` begin on a
    connection of the driver. ``migrating`` is a transaction in which the schema may be rebuilt. ``version`` is a number
    that another one has taken the place of as soon as anyone, in whatever process, commits by another connection.
    ``is_file`` tells that the URL names a file.
    """

    name: str
    engine: Callable[[URL], Engine]
    reader: Callable[[URL], Engine]
    one_writer: bool
    begin_writing: Callable[[Any], None]
    begin_reading: Callable[[Any], None]
    upsert: Callable[[Table, Sequence[str]], Insert]
    migrating: Callable[[Engine], AbstractContextManager[Connection]]
    version: Callable[[Any], int]
    facts: Callable[[Connection], Facts]
    faults: Callable[[Connection], Sequence[str]]
    copies: Copies
    is_file: bool = False


ENGINES: Mapping[str, Kind] = MappingProxyType(
    {
        "sqlite": Kind(
            name="sqlite",
            engine=sqlite.engine,
            reader=sqlite.reader,
            one_writer=True,
            begin_writing=sqlite.begin_writing,
            begin_reading=sqlite.begin_reading,
            upsert=sqlite.upsert,
            migrating=sqlite.migrating,
            version=sqlite.version,
            facts=sqlite.facts,
            faults=sqlite.faults,
            copies=Copies(sqlite_backup.back_up, sqlite_backup.revision, sqlite_backup.put_back),
            is_file=True,
        )
    }
)
"""Every engine by the first word of its URL."""


class Transaction:
    """A transaction on a connection of the driver: what Prepared statements need, and no more.

    ``whole`` is the same transaction with all that SQLAlchemy can do. It is made when it is asked for, since that takes
    longer than the statements of a small push.
    """

    def __init__(self, engine: Engine, connection: PoolProxiedConnection) -> None:
        self.connection = connection
        self.dialect = engine.dialect
        self._engine = engine

    @cached_property
    def whole(self) -> Connection:
        return Connection(self._engine, self.connection)


class Commits:
    """Tells within microseconds whether anyone has committed since it was last asked. For one thread at a time."""

    def __init__(self, database: Database) -> None:
        self._connection = database.reader.raw_connection()
        self._version = database.kind.version
        self._seen = self._look()

    def happened(self) -> bool:
        before, self._seen = self._seen, self._look()
        return self._seen != before

    def close(self) -> None:
        self._connection.close()

    def _look(self) -> int:
        return self._version(self._connection.driver_connection)


class Database:
    """One database, opened. Safe to share between threads; a connection is not."""

    def __init__(self, kind: Kind, url: URL) -> None:
        self.kind = kind
        self.engine = kind.engine(url)
        self.reader = kind.reader(url)
        self._turn = FairLock() if kind.one_writer else None
        self._upserts: dict[tuple[Table, tuple[str, ...]], Insert] = {}
        self._puts: dict[tuple[Table, tuple[str, ...]], Prepared] = {}
        _forget_after_fork(self)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that nobody else writes beside. Keep it short: others wait."""
        with self._queue(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database throughout. Close it before an answer is sent."""
        with self.reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """As ``write``, for the statements that every push makes."""
        with self._queue(), _transaction(self.engine, self.kind.begin_writing) as transaction:
            yield transaction

    def reading(self) -> AbstractContextManager[Transaction]:
        """As ``read``, for the statements that every pull makes."""
        return _transaction(self.reader, self.kind.begin_reading)

    def look_up(self, query: Prepared, values: Values) -> list[Any]:
        """Run one query outside of any transaction: by itself it sees one state anyway."""
        connection = self.reader.raw_connection()
        try:
            return query.run(connection, self.reader.dialect, values)
        finally:
            connection.close()

    @contextmanager
    def migrate(self) -> Iterator[Connection]:
        """The transaction in which a migration runs: tables may be rebuilt, and references are checked at its end."""
        with self._queue(), self.kind.migrating(self.engine) as connection:
            yield connection

    def upsert(self, table: Table, columns: Sequence[str]) -> Insert:
        """INSERT rows of ``columns``; where the primary key is there already, update them. Never deletes a row."""
        key = (table, tuple(columns))
        if key not in self._upserts:
            # Building the statement takes several times as long as running it on one row.
            self._upserts[key] = self.kind.upsert(table, columns)
        return self._upserts[key]

    def put(self, transaction: Driven, table: Table, columns: Sequence[str], rows: Iterable[Values]) -> None:
        """Write rows that name all of these columns, new ones and old ones, with one statement."""
        self._put(table, tuple(columns)).write_all(transaction, rows)

    def _put(self, table: Table, columns: tuple[str, ...]) -> Prepared:
        if (table, columns) not in self._puts:
            self._puts[table, columns] = Prepared(self.upsert(table, columns))
        return self._puts[table, columns]

    def facts(self) -> Facts:
        """The engine's version and the settings in force on a connection that writes."""
        with self.write() as connection:
            return {"engine": self.kind.name, **self.kind.facts(connection)}

    def faults(self) -> Sequence[str]:
        """What is wrong with the stored data itself; takes as long as reading all of it."""
        with self.read() as connection:
            return self.kind.faults(connection)

    def close(self) -> None:
        """Close every connection. The database opens again when it is used again."""
        self.engine.dispose()
        self.reader.dispose()

    @contextmanager
    def _queue(self) -> Iterator[None]:
        if self._turn is None:
            yield
        else:
            with self._turn:
                yield

    def _forget(self) -> None:
        self.engine.dispose(close=False)
        self.reader.dispose(close=False)
        if self._turn is not None:
            self._turn = FairLock()


@contextmanager
def _transaction(engine: Engine, begin: Callable[[Any], None]) -> Iterator[Transaction]:
    """Commits at its end. What fails before is rolled back: the pool does that with all that comes back to it."""
    connection = engine.raw_connection()
    try:
        begin(connection.driver_connection)
        yield Transaction(engine, connection)
        connection.commit()
    finally:
        connection.close()


def open_engines(url: str | URL) -> Database:
    """The database at ``url``, whose first word is looked up in ENGINES. Connects to nothing yet."""
    parsed = make_url(url)
    kind = ENGINES.get(parsed.get_backend_name())
    if kind is None:
        known = ", ".join(sorted(ENGINES))
        raise ValueError(f"DATABASE_URL begins with {parsed.get_backend_name()!r}; offbook knows: {known}.")
    return Database(kind, parsed)


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
