"""What differs from one database engine to the next, as a Protocol, and the modules that are one.

A new engine is a module and one entry in ENGINES, and its backups another (ops.backup.backup); being there runs the
store contract on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, Insert, Table

from storage.engines.maintenance import Maintenance
from storage.errors import DatabaseDiskFull, ReadOnlyDatabase
from storage.values.databases import Facts


class EngineAdapter(Protocol):
    """One kind of database: a module that has all of this."""

    DRIVER: str
    """SQLAlchemy's name for it, with the driver that offbook uses."""

    MAINTENANCE: Maintenance
    """What looking after it takes."""

    FAILURES: tuple[type[Exception], ...]
    """What its driver raises where the database can't be reached or is too busy."""

    ONE_WRITER: bool
    """Whether the database takes one writer at a time. Then writers of this process queue in order of arrival, since
    waiting inside the database is neither fair nor without a limit."""

    def in_memory(self, url: URL, /) -> bool:
        """Whether the URL names no place: the database is to last as long as what opened it."""

    def engine(self, url: URL, /) -> Engine:
        """The engine for reading and writing."""

    def reader(self, url: URL, /) -> Engine:
        """One whose connections can't write."""

    def begin_writing(self, connection: Any, /) -> None:
        """Begin on a connection of the driver."""

    def begin_reading(self, connection: Any, /) -> None:
        """As ``begin_writing``; what is read from here on is of one moment."""

    def with_lock_timeout(self, connection: Any, seconds: float, /) -> AbstractContextManager[None]:
        """Meanwhile a connection of the driver waits no longer than this for a writer who holds the whole database."""

    def refusal(self, error: BaseException, url: URL, /) -> type[DatabaseDiskFull | ReadOnlyDatabase] | None:
        """What an error of the driver says, where it says that the database at ``url`` takes no changes."""

    def upsert(self, table: Table, columns: Sequence[str], /) -> Insert:
        """INSERT rows of these columns; where the primary key is there already, update them."""

    def migrating(self, engine: Engine, /) -> AbstractContextManager[Connection]:
        """A transaction in which the schema may be rebuilt."""

    def growing(self, engine: Engine, /) -> AbstractContextManager[tuple[Connection, Connection]]:
        """A transaction, and the connection on which tables are made and columns added meanwhile: its own, where the
        database can take that back. If several come at once, it is one after the other.

        It waits no more than GROWING_SECONDS for whoever uses a table, since all others wait behind it.
        """

    def exclusive(self, engine: Engine, table: str, /) -> AbstractContextManager[Connection]:
        """A transaction that begins when all that used this table have ended, and whose end all others wait for."""

    def next_number(self, connection: Connection, table: str, /) -> int:
        """The next key that this table would count up to, as far as the database remembers one; else 0."""

    def number_from(self, connection: Connection, table: str, number: int, /) -> None:
        """Let this table count on from ``number``, which is above every key in it."""

    def facts(self, connection: Connection, /) -> Facts:
        """Its version, and the settings in force."""

    def faults(self, connection: Connection, /) -> Sequence[str]:
        """What is wrong with what is stored."""


class Engines(Mapping[str, EngineAdapter]):
    """Adapters by name, each loaded when it is looked up: a driver takes a tenth of a second of a start."""

    def __init__(self, loaders: Mapping[str, Callable[[], EngineAdapter]]) -> None:
        self._loaders = loaders
        self._loaded: dict[str, EngineAdapter] = {}

    def __getitem__(self, name: str) -> EngineAdapter:
        if name not in self._loaded:
            self._loaded[name] = self._loaders[name]()
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)

    def __contains__(self, name: object) -> bool:
        return name in self._loaders

    def loaded(self) -> Sequence[EngineAdapter]:
        """Those that were looked up so far."""
        return tuple(self._loaded.values())


def _sqlite() -> EngineAdapter:
    from storage.engines import sqlite

    return sqlite


def _postgresql() -> EngineAdapter:
    from storage.engines import postgresql

    return postgresql


def _mariadb() -> EngineAdapter:
    from storage.engines import mariadb

    return mariadb


ENGINES = Engines({"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mariadb})
"""Every engine by the first word of its URL."""

ALSO_CALLED = {"postgres": "postgresql", "mariadb": "mysql"}
"""Other first words that people write."""
