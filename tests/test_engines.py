"""Nothing acknowledged is lost: transactions, locks and settings of every connection, looked at from the outside."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

import extensions
from models import Book, Membership, Setting
from storage import sqlite
from storage.engines import ENGINES, Database, open_engines
from storage.locks import FairLock
from tests.hearing import hearing

ROOT = Path(__file__).parent.parent
THREADS = 8
TIMES = 25
BOOK = {"id": 1, "uuid": "b", "name": "Contacts", "epoch": "e", "created_at": 0}

COUNT_UP = """
import sys
from sqlalchemy import text
from storage.engines import open_engines

database = open_engines(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with database.write() as connection:
        seq = connection.scalar(text("SELECT seq FROM books WHERE id = 1"))
        connection.execute(text("UPDATE books SET seq = :seq WHERE id = 1"), {"seq": seq + 1})
"""

FORK = """
import os, sys
from storage.engines import open_engines

database = open_engines(sys.argv[1])
pools = (database.engine.pool, database.reader.pool)

def use():
    with database.write(), database.read() as connection:
        connection.exec_driver_sql("SELECT 1 FROM books")

use()
assert [pool.checkedin() for pool in pools] == [1, 1]
child = os.fork()
if child == 0:
    inherited = [pool.checkedin() for pool in (database.engine.pool, database.reader.pool)]
    use()
    os._exit(inherited != [0, 0])
use()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def book(database: Database) -> Database:
    """The database with one book whose seq is counted up."""
    with database.write() as connection:
        connection.execute(Book.__table__.insert(), BOOK)
    return database


def seq_of(connection: Connection) -> int:
    return connection.execute(select(Book.seq)).scalar_one()


def set_seq(connection: Connection, seq: int) -> None:
    connection.execute(Book.__table__.update().values(seq=seq))


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
    with other_process(database_url, TIMES * 4) as go:
        go()
        in_threads(lambda: (count_up(book), read(book)))
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
    assert sqlite.is_fixed(tuple(map(int, version.split("."))))
    assert database.facts()["fixed"] is True


@contextmanager
def other_process(url: str, times: int) -> Iterator[Callable[[], None]]:
    """A second process that counts up; it starts when told so, and has ended at the end."""
    command = [sys.executable, "-c", COUNT_UP, url, str(times)]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=-1, stdout=-1, stderr=-1) as child:
        assert child.stdin is not None and child.stdout is not None
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
    assert sent == ["BEGIN IMMEDIATE", "UPDATE books SET seq=?", "COMMIT"]


def test_the_driver_begins_nothing_by_itself(database: Database) -> None:
    with database.write() as writer, database.read() as reader:
        levels = [one.connection.driver_connection.isolation_level for one in (writer, reader)]
    assert levels == [None, None]


def test_a_reader_begins_before_it_reads(book: Database) -> None:
    with statements(book.reader) as sent:
        read(book)
    assert [statement.split()[0] for statement in sent] == ["BEGIN", "SELECT", "COMMIT"]


def test_a_write_that_fails_leaves_nothing(book: Database) -> None:
    with pytest.raises(ZeroDivisionError), book.write() as connection:
        set_seq(connection, 7)
        raise ZeroDivisionError
    assert read(book) == 0


def test_a_failed_write_lets_the_next_one_in(book: Database) -> None:
    with pytest.raises(ZeroDivisionError), book.write():
        raise ZeroDivisionError
    count_up(book, 1)
    assert read(book) == 1


def test_a_reader_sees_one_state_while_others_write(book: Database) -> None:
    with book.read() as connection:
        before = seq_of(connection)
        count_up(book, 1)
        assert seq_of(connection) == before
    assert read(book) == before + 1


def test_a_reader_is_refused_a_write(book: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"), book.read() as connection:
        set_seq(connection, 1)


def test_references_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), database.write() as connection:
        connection.execute(Membership.__table__.insert(), {"user_id": 1, "book_id": 1})


def test_readers_and_writers_do_not_block_each_other(database: Database) -> None:
    with database.read() as connection:
        assert pragma(connection, "journal_mode") == "wal"


def test_an_upsert_changes_a_row_that_is_there_and_adds_one_that_is_not(database: Database) -> None:
    statement = database.upsert(Setting.__table__, ["name", "value"])
    with database.write() as connection:
        connection.execute(statement, [{"name": "a", "value": "1"}])
        connection.execute(statement, [{"name": "a", "value": "2"}, {"name": "b", "value": "3"}])
        rows = connection.execute(select(Setting.name, Setting.value).order_by(Setting.name)).fetchall()
    assert [tuple(row) for row in rows] == [("a", "2"), ("b", "3")]


def test_an_upsert_keeps_the_rows_that_refer_to_it(book: Database) -> None:
    """REPLACE would delete the book first, and fail, or take its members with it."""
    with book.write() as connection:
        connection.execute(text("INSERT INTO users(id, name, password_hash, created_at) VALUES (1, 'ada', '', 0)"))
        connection.execute(Membership.__table__.insert(), {"user_id": 1, "book_id": 1})
        connection.execute(book.upsert(Book.__table__, list(BOOK)), [{**BOOK, "name": "Family"}])
        assert connection.execute(select(func.count()).select_from(Membership)).scalar_one() == 1


def test_an_upsert_of_nothing_but_keys_leaves_the_row(book: Database) -> None:
    statement = str(book.upsert(Book.__table__, ["id"]).compile(dialect=book.engine.dialect))
    assert statement.endswith("DO NOTHING")


# --- opening and closing ---


def test_nothing_connects_before_it_is_used(tmp_path: Path) -> None:
    database = open_engines(f"sqlite:///{tmp_path / 'later.db'}")
    assert list(tmp_path.iterdir()) == []
    database.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_opens_connections_of_its_own(book: Database, database_url: str) -> None:
    """In a process of its own, since pytest's may have threads."""
    done = subprocess.run([sys.executable, "-c", FORK, database_url], cwd=ROOT, timeout=60)
    assert done.returncode == 0


def test_a_closed_database_opens_again(book: Database) -> None:
    book.close()
    assert read(book) == 0


def test_several_may_create_the_same_file_at_once(tmp_path: Path) -> None:
    """All turn WAL mode on, which SQLite answers with "locked" at once, whatever the timeout."""
    url = f"sqlite:///{tmp_path / 'new.db'}"

    def first_use() -> None:
        database = open_engines(url)
        with database.write() as connection:
            connection.execute(text("CREATE TABLE IF NOT EXISTS t(a)"))
        database.close()

    in_threads(first_use)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_sqlite_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="name a file in DATABASE_URL"):
        open_engines(url)


def test_an_unknown_engine_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=f"'oracle'.*knows: {', '.join(sorted(ENGINES))}"):
        open_engines("oracle://somewhere/contacts")


def test_the_doctor_is_told_what_is_in_force(database: Database) -> None:
    facts = dict(database.facts())
    expected = {"engine": "sqlite", "journal_mode": "wal", "synchronous": "full", "foreign_keys": True}
    assert facts | expected == facts


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_versions_with_the_wal_race_are_known(version: tuple[int, ...], fixed: bool) -> None:
    assert sqlite.is_fixed(version) is fixed


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


def test_flask_uses_the_engine_that_the_stores_use(database: Database) -> None:
    app = Flask("test")
    extensions.register(app, database)
    with app.app_context():
        assert extensions.db.engine is database.engine
        assert extensions.db.session.execute(text("PRAGMA synchronous")).scalar_one() == 2


# --- the lock in front of the writers ---


def test_the_lock_is_given_in_order_of_arrival() -> None:
    lock, order, threads = FairLock(), [], []
    with lock:
        for number in range(5):
            thread = Thread(target=lambda number=number: take(lock, order, number))
            thread.start()
            threads.append(thread)
            wait_until(lambda number=number: len(lock._waiting) == number + 1)
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]


def test_a_write_inside_a_write_is_an_error_and_not_a_standstill(database: Database) -> None:
    with database.write(), pytest.raises(RuntimeError, match="wait for itself"), database.write():
        pass


def take(lock: FairLock, order: list[int], number: int) -> None:
    with lock:
        order.append(number)


def wait_until(happened: Callable[[], bool]) -> None:
    pause = Event()
    for _ in range(10_000):
        if happened():
            return
        pause.wait(0.001)
    raise AssertionError("it did not happen within ten seconds")
