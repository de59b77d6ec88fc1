"""Commits come in the order of their seqs: whoever reads by cursor is never passed by what commits late."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import IO

import pytest
from sqlalchemy import Connection, insert, select

from offbook.contacts.table import BUILT_IN
from offbook.core.model import Change, Rejection
from offbook.core.protocol.requests import parse_push
from services.sync.push import apply_batch
from storage.engines.database import Database
from storage.sql.queries import CHANGES
from storage.sql.store import SqlStore
from tests.storage.library import LATER, ORIGIN, TICK, Desk, Json, Library, change, uuid
from tests.support.polling import wait_until

ROOT = Path(__file__).parent.parent.parent
PROCESSES = 4
THREADS = 2
PUSHES = 20

WRITE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from storage.engines.database import open_engines
from storage.sql.store import SqlStore
from tests.storage.library import Desk, change

url, book_id, process, threads, pushes = sys.argv[1], *map(int, sys.argv[2:])
store = SqlStore(open_engines(url))

def write(thread):
    desk, first = Desk(store, book_id), 1_000 * (1 + process * threads + thread)
    for number in range(pushes):
        seq = desk.seq(change(first + number, "INSERT", first + number, by=first, name="Ada"))
        sys.stdout.write(f"{seq}\\n")

print("ready", flush=True)
sys.stdin.readline()
with ThreadPoolExecutor(threads) as pool:
    list(pool.map(write, range(threads)))
"""

WAITS = {
    "postgresql": (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    ),
    "mysql": (
        "SELECT variable_value + 0 FROM information_schema.global_status "
        "WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'"
    ),
}
"""How many transactions wait for a lock, by engine."""


@pytest.mark.loads
def test_no_acknowledged_change_is_passed_over_while_eight_writers_in_four_processes_write(sql: Library) -> None:
    """A device follows by its cursor meanwhile: it is given each change once, in order, and misses none."""
    book_id = sql.add_book()
    done = Event()
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
        children = [stack.enter_context(writing(sql, book_id, number)) for number in range(PROCESSES)]
        following = thread.submit(Desk(sql.store, book_id).follow, done)
        try:
            for child in children:
                told(child.stdin).write("go\n")
                told(child.stdin).flush()
            acknowledged = [int(line) for child in children for line in told(child.stdout)]
        finally:
            done.set()
        seen = following.result(60)
    assert len(acknowledged) == PROCESSES * THREADS * PUSHES
    assert seen == sorted(acknowledged)


@contextmanager
def writing(sql: Library, book_id: int, number: int) -> Iterator[subprocess.Popen[str]]:
    """A process that is ready to write."""
    url = the_database(sql).engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", WRITE, url, *map(str, (book_id, number, THREADS, PUSHES))]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=-1, stdout=-1) as child:
        try:
            assert told(child.stdout).readline() == "ready\n"
            yield child
            assert child.wait(60) == 0
        finally:
            child.kill()


def test_a_writer_that_came_later_waits_for_the_commit_before_it(sql: Library) -> None:
    """Its seq is the later one, and it can't be seen before the other is."""
    desk = sql.desk()
    start = desk.pull()["cursor"]
    with ThreadPoolExecutor(1) as thread:
        with sql.store.writing(desk.book_id) as book:
            apply_batch(book, ORIGIN, batch(change(1, "INSERT", 1, name="first")), LATER + TICK)
            late = thread.submit(lambda: Desk(sql.store, desk.book_id).push(change(2, "INSERT", 2, by=2, name="late")))
            wait_until(lambda: late.done() or is_waited_for(the_database(sql)))
            assert not late.done()
            assert desk.pull(start)["changes"] == []
        assert late.result(60)[0]["verdict"] == "applied"
    assert [row["data"]["name"] for row in desk.pull(start)["changes"]] == ["first", "late"]


@pytest.mark.engines("postgresql", "mysql")
def test_two_transactions_without_the_lock_do_commit_in_the_wrong_order(database: Database, book: Database) -> None:
    """What the lock is for. SQLite has one writer at a time anyway."""
    with database.engine.connect() as first, database.engine.connect() as second:
        add(first, 1)
        add(second, 2)
        second.commit()
        assert seqs(database) == [2]
        first.commit()
    assert seqs(database) == [1, 2]


def add(connection: Connection, seq: int) -> None:
    connection.execute(insert(CHANGES), {"book_id": 1, "change_id": uuid(seq), "seq": seq, "verdict": "applied"})


def seqs(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(select(CHANGES.c.seq).order_by(CHANGES.c.seq)).scalars())


@pytest.mark.engines("postgresql", "mysql")
def test_writers_of_different_books_do_not_wait_for_each_other(database: Database) -> None:
    """Ids are this test's own: MariaDB waits where one is used again whose row was deleted a moment ago."""
    library = Library(SqlStore(database), database)
    busy, other = library.desk(), library.desk()
    with library.store.writing(busy.book_id) as book:
        apply_batch(book, ORIGIN, batch(change(71, "INSERT", 71, name="slow")), LATER + TICK)
        assert other.push(change(72, "INSERT", 72, name="quick"))[0]["verdict"] == "applied"
        assert [row["data"]["name"] for row in other.pull()["changes"]] == ["quick"]
    assert [row["data"]["name"] for row in busy.pull()["changes"]] == ["slow"]


def batch(*items: Json) -> Sequence[Change | Rejection]:
    return parse_push(BUILT_IN, {"changes": list(items)}, uuid(1)).batch


def is_waited_for(database: Database) -> bool:
    """Whether a transaction waits for another one's lock."""
    if database.name not in WAITS:
        return bool(database._turn and database._turn._waiting)
    with database.engine.connect() as connection:
        return bool(connection.exec_driver_sql(WAITS[database.name]).scalar_one())


def the_database(sql: Library) -> Database:
    assert sql.database is not None
    return sql.database


def told(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
