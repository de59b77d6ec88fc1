"""Databases of the servers on this machine. Each process makes as many as it uses at once, and empties them for more.

Where they are comes from OFFBOOK_TEST_POSTGRESQL and OFFBOOK_TEST_MARIADB: URLs of accounts that may make databases.
"""

from __future__ import annotations

import atexit
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import pymysql
from redis import Redis, RedisError
from sqlalchemy import URL, Connection, Engine, create_engine, insert, make_url, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from models import Base
from storage.engines.database import Database, open_engines
from storage.engines.migrations import upgrade
from storage.schema import app_tables

PREFIX = "offbook_test_"

pymysql.connections.SSL_ENABLED = False
"""Else the driver reads all certificates that the system trusts for each connection: nine tenths of what that takes."""


@dataclass
class Server:
    """``shape`` lists tables with a sum of their columns, ``forced`` ends DROP of a database, ``drop`` drops tables.

    Keys go on from the last one when ``recount`` was run for each table of COUNTED that ``moved`` names. ``hurried`` is
    run once for each database that is made: nobody needs its rows after a power failure.
    """

    name: str
    url: URL
    get_it: str
    shape: str
    moved: str
    recount: str
    drop: str
    databases: str
    forced: str = ""
    hurried: str = ""

    @cached_property
    def engine(self) -> Engine:
        return create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    @cached_property
    def missing(self) -> str:
        """Why it can't be used, and what to do about it."""
        try:
            self.engine.connect().close()
        except OperationalError:
            return f"no {self.name} answers at {self.url.host}:{self.url.port}: {self.get_it}"
        return ""


COUNTED = [table.name for table in Base.metadata.sorted_tables if table.autoincrement_column is not None]
USED = " UNION ALL ".join(
    f"SELECT '{table.name}' WHERE EXISTS (SELECT 1 FROM {table.name})" for table in Base.metadata.sorted_tables
)
"""The tables that hold a row."""

POSTGRESQL = Server(
    name="PostgreSQL",
    url=make_url(os.environ.get("OFFBOOK_TEST_POSTGRESQL") or "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"),
    get_it="install the package postgresql, or set OFFBOOK_TEST_POSTGRESQL",
    shape=(
        "SELECT relname, md5(string_agg(concat_ws(' ', attname, atttypid, attcollation), ',' ORDER BY attname)) "
        "FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid "
        "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped "
        "GROUP BY relname ORDER BY relname"
    ),
    moved=" UNION ALL ".join(
        f"SELECT '{name}' FROM {name}_id_seq WHERE is_called OR last_value > 1" for name in COUNTED
    ),
    recount="SELECT setval('{0}_id_seq', coalesce(max(id), 1), max(id) IS NOT NULL) FROM {0}",
    drop="DROP TABLE {0} CASCADE",
    databases="SELECT datname FROM pg_database",
    forced=" WITH (FORCE)",
    hurried="ALTER DATABASE {0} SET synchronous_commit = off",
)
MARIADB = Server(
    name="MariaDB",
    url=make_url(os.environ.get("OFFBOOK_TEST_MARIADB") or "mysql+pymysql://root@127.0.0.1:3306/"),
    get_it="install the package mariadb-server, or set OFFBOOK_TEST_MARIADB",
    shape=(
        "SELECT table_name, md5(group_concat(concat_ws(' ', column_name, column_type, collation_name) "
        "ORDER BY column_name)) FROM information_schema.columns WHERE table_schema = DATABASE() "
        "GROUP BY table_name ORDER BY table_name"
    ),
    moved="SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND auto_increment > 1",
    recount="ALTER TABLE {0} AUTO_INCREMENT = 1",
    drop="SET STATEMENT foreign_key_checks = 0 FOR DROP TABLE {0}",
    databases="SHOW DATABASES",
)


class Emptied:
    """A Maker of databases on a server. A template is a file of rows."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._numbers = count(1)
        self._shape: list[Any] = []
        self._opened: dict[URL, Database] = {}
        self._free: list[URL] = []
        self._of: dict[Path, URL] = {}

    def missing(self) -> str:
        return self._server.missing

    def template(self, folder: Path) -> Path:
        return _kept({}, folder / "empty.rows")

    def copy(self, template: Path, folder: Path) -> str:
        url = self._of.get(folder) or (self._free.pop() if self._free else self._made(self._named()))
        self._of[folder] = url
        rows = pickle.loads(template.read_bytes())
        if not self._emptied(url, rows):
            self._drop(url)
            self._emptied(self._made(url), rows)
        return url.render_as_string(hide_password=False)

    def kept(self, folder: Path, name: str) -> Path:
        with self._connected(self._of[folder]) as connection:
            found = {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
            }
        return _kept(found, folder / name)

    def free(self, folder: Path) -> None:
        url = self._of.pop(folder, None)
        if url is not None:
            self._free.append(url)

    def _named(self) -> URL:
        number = next(self._numbers)
        if number == 1:
            self._drop_left()
            atexit.register(self._drop_own)
        return self._server.url.set(database=f"{PREFIX}{os.getpid()}_{number}")

    def _made(self, url: URL) -> URL:
        with self._server.engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
            if self._server.hurried:
                connection.exec_driver_sql(self._server.hurried.format(url.database))
        database = open_engines(url)
        upgrade(database)
        database.close()
        self._shape = self._shape or self._shape_of(url)
        return url

    def _shape_of(self, url: URL) -> list[Any]:
        with self._connected(url) as connection:
            return self._shape_by(connection)

    def _shape_by(self, connection: Connection) -> list[Any]:
        """Tables, columns and revision: what a test of migrations may leave changed."""
        tables = list(map(tuple, connection.exec_driver_sql(self._server.shape)))
        if not any(table[0] == "alembic_version" for table in tables):
            return tables
        return tables + list(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars())

    def _emptied(self, url: URL, rows: dict[str, list[dict[str, Any]]]) -> bool:
        """Whether it could be made to hold just these rows: a test may have left another schema."""
        with self._connected(url) as connection:
            shape = self._shape_by(connection)
            of_apps = [part for part in shape if part[0].startswith(app_tables.PREFIX)]
            if [part for part in shape if part not in of_apps] != self._shape:
                return False
            if of_apps:
                connection.exec_driver_sql(self._server.drop.format(", ".join(name for name, _ in of_apps)))
            used = set(connection.exec_driver_sql(USED).scalars())
            for table in reversed(Base.metadata.sorted_tables):
                if table.name in used:
                    connection.execute(table.delete())
            _fill(connection, rows)
            filled = [name for name in COUNTED if rows.get(name)]
            for name in {*connection.exec_driver_sql(self._server.moved).scalars(), *filled}:
                connection.exec_driver_sql(self._server.recount.format(name))
        return True

    @contextmanager
    def _connected(self, url: URL) -> Iterator[Connection]:
        """By one engine for each database: what SQLAlchemy asks at its first connection takes longer than all else."""
        if url not in self._opened:
            self._opened[url] = open_engines(url)
        with self._opened[url].engine.begin() as connection:
            yield connection
        self._opened[url].close()

    def _drop(self, url: URL) -> None:
        with self._server.engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {url.database}{self._server.forced}")

    def _drop_own(self) -> None:
        for url in (*self._free, *self._of.values()):
            self._drop(url)

    def _drop_left(self) -> None:
        """What processes left that were killed."""
        with self._server.engine.connect() as connection:
            names = connection.exec_driver_sql(self._server.databases).scalars().all()
        for name in names:
            if name.startswith(PREFIX) and not Path(f"/proc/{name.removeprefix(PREFIX).partition('_')[0]}").exists():
                self._drop(self._server.url.set(database=name))


def _fill(connection: Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    for table in Base.metadata.sorted_tables:
        if rows.get(table.name):
            connection.execute(insert(table), rows[table.name])


def _kept(rows: dict[str, list[dict[str, Any]]], path: Path) -> Path:
    path.write_bytes(pickle.dumps(rows))
    return path


REDIS = os.environ.get("OFFBOOK_TEST_REDIS") or "redis://127.0.0.1:6379/0"


def redis_missing() -> str:
    """Why there is no Redis server here, and how to get one; empty where there is one."""
    try:
        with Redis.from_url(REDIS) as client:
            client.ping()
    except RedisError:
        return f"no Redis answers at {REDIS}: install the package redis-server, or set OFFBOOK_TEST_REDIS"
    return ""
