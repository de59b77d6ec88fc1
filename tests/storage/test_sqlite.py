"""SQLite loses nothing that was acknowledged: its locks and the settings of each connection, from the outside."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, select, text, update

from models import Book
from offbook.core.sqlite_facts import has_wal_reset_race
from storage.engines import read_only_mode, sqlite
from storage.engines.database import Database, open_engines
from tests.support.sql_spy import hearing

pytestmark = pytest.mark.engines("sqlite")

ROOT = Path(__file__).parents[2]
THREADS = 8
TIMES = 25

COUNT_UP = """
import sys
from sqlalchemy import text
from storage.engines.database import open_engines

database = open_engines(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with database.write() as connection:
        seq = connection.scalar(text("SELECT seq FROM books WHERE id = 1"))
        connection.execute(text("UPDATE books SET seq = :seq WHERE id = 1"), {"seq": seq + 1})
"""


def seq_of(connection: Connection) -> int:
    return connection.execute(select(Book.seq)).scalar_one()


def set_seq(connection: Connection, seq: int) -> None:
    connection.execute(update(Book).values(seq=seq))


def count_up(database: Database, times: int = TIMES) -> None:
    for _ in range(times):
        with database.write() as connection:
            set_seq(connection, seq_of(connection) + 1)


def in_threads(work: Callable[[], object], threads: int = THREADS) -> None:
    """Run ``work`` in all threads at once; the first error comes out."""
    start = Barrier(threads)

    def run() -> None:
        start.wait(10)
        work()

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(run) for _ in range(threads)]:
            done.result(60)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """What is sent to the database, and the ends of its transactions."""
    sent: list[str] = []
    with hearing(sent.append, engine):
        yield sent


def pragma(connection: Connection, name: str) -> object:
    return connection.execute(text(f"PRAGMA {name}")).scalar_one()


# --- the four proofs ---


def test_no_update_is_lost_when_threads_read_and_then_write(book: Database) -> None:
    in_threads(lambda: count_up(book))
    with book.read() as connection:
        assert seq_of(connection) == THREADS * TIMES


def test_no_caller_is_told_that_the_database_is_locked(book: Database, database_url: str) -> None:
    """Threads of this process and another process, all writing as fast as they can, readers between them."""

    def count_up_and_read() -> None:
        count_up(book)
        read(book)

    with other_process(database_url, TIMES * 4) as go:
        go()
        in_threads(count_up_and_read)
    with book.read() as connection:
        assert seq_of(connection) == THREADS * TIMES + TIMES * 4


def test_every_connection_waits_for_the_disk_before_a_commit_counts(database: Database) -> None:
    full = sqlite.SYNCHRONOUS.index("full")
    with database.write() as connection:
        assert pragma(connection, "synchronous") == full
    with database.read() as first, database.read() as second:
        assert [pragma(one, "synchronous") for one in (first, second)] == [full, full]


@pytest.mark.skipif(sqlite.driver().__name__.startswith("sqlite3"), reason="pysqlite3 has no wheel for this machine")
def test_sqlite_is_a_version_without_the_wal_race(database: Database) -> None:
    with database.read() as connection:
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
    assert not has_wal_reset_race(tuple(map(int, version.split("."))))
    assert database.facts()["fixed"] is True


@contextmanager
def other_process(url: str, times: int) -> Iterator[Callable[[], None]]:
    """A second process that counts up; it starts when told so, and has ended at the end."""
    command = [sys.executable, "-c", COUNT_UP, url, str(times)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=-1, stdout=-1, stderr=-1) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield partial(print, "go", file=child.stdin, flush=True)
            _, errors = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (child.returncode, errors) == (0, "")


def read(database: Database) -> int:
    with database.read() as connection:
        return seq_of(connection)


# --- the SQL that is sent ---


def test_a_writer_begins_immediate_and_commits_once(book: Database) -> None:
    with statements(book.engine) as sent, book.write() as connection:
        set_seq(connection, 1)
    assert sent == ["BEGIN IMMEDIATE", read_only_mode.QUERY, "UPDATE books SET seq=?", "COMMIT"]


def test_the_driver_begins_nothing_by_itself(database: Database) -> None:
    with database.write() as writer, database.read() as reader:
        drivers: list[Any] = [side.connection.driver_connection for side in (writer, reader)]
        levels = [driver.isolation_level for driver in drivers]
    assert levels == [None, None]


def test_a_reader_begins_before_it_reads(book: Database) -> None:
    with statements(book.reader) as sent:
        read(book)
    assert [statement.split()[0] for statement in sent] == ["BEGIN", "SELECT", "COMMIT"]


def test_readers_and_writers_do_not_block_each_other(database: Database) -> None:
    with database.read() as connection:
        assert pragma(connection, "journal_mode") == "wal"


def test_a_write_inside_a_write_is_an_error_and_not_a_standstill(database: Database) -> None:
    with database.write(), pytest.raises(RuntimeError, match="wait for itself"), database.write():
        pass


# --- opening ---


def test_nothing_connects_before_it_is_used(tmp_path: Path) -> None:
    database = open_engines(f"sqlite:///{tmp_path / 'later.db'}")
    assert list(tmp_path.iterdir()) == []
    database.close()


def test_several_may_create_the_same_file_at_once(tmp_path: Path) -> None:
    """All turn WAL mode on, which SQLite answers with "locked" at once, whatever the timeout."""
    url = f"sqlite:///{tmp_path / 'new.db'}"

    def first_use() -> None:
        database = open_engines(url)
        with database.migrate() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS t(a)"))
        database.close()

    in_threads(first_use)


def test_an_old_sqlite_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sqlite3

    monkeypatch.setitem(sys.modules, "pysqlite3.dbapi2", None)
    monkeypatch.setattr(sqlite3.dbapi2, "sqlite_version_info", (3, 40, 1))
    with caplog.at_level(logging.WARNING, "offbook"):
        database = open_engines(f"sqlite:///{tmp_path / 'old.db'}")
    with database.read() as connection:
        assert pragma(connection, "journal_mode") == "wal"
    database.close()
    assert "pysqlite3" in caplog.text
