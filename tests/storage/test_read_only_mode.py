"""A closed database takes no change by any way in, and whoever closes it misses none that began before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, insert

from app import App
from models import Setting
from ops.move.closed_marker import ClosedMarker, set_mark
from storage.engines.database import Database
from storage.engines.read_only_mode import ReadOnlyMode
from storage.errors import RETRY_SECONDS
from storage.sql.store import SqlStore
from tests.support.api_client import Caller, change, typed
from tests.support.browser import parts_of, signed_in
from tests.support.live_server import ROOT, migrated, serving
from tests.support.websocket_client import listening

WAIT_SECONDS = 0.2
"""How long one that must wait is looked at."""


def close(database: Database) -> None:
    with database.exclusive() as connection:
        set_mark(connection, ClosedMarker("move", "postgresql://there/offbook"))


# --- any engine ------------------------------------------------------------------------------------------------------


def test_a_closed_database_is_read_and_not_written(book: Database) -> None:
    store = SqlStore(book)
    close(book)
    with pytest.raises(ReadOnlyMode), book.write():
        pass
    with pytest.raises(ReadOnlyMode), store.writing(1):
        pass
    with store.reading(1) as reading:
        assert reading.book.seq == 0


@pytest.fixture
def other(book: Database) -> Iterator[Database]:
    """The same database, opened as another process does it."""
    opened = Database(book.name, book.engine.url)
    yield opened
    opened.close()


def by_itself(database: Database) -> AbstractContextManager[object]:
    return database.write()


def of_a_book(database: Database) -> AbstractContextManager[object]:
    return SqlStore(database).writing(1)


@pytest.mark.parametrize("writing", [by_itself, of_a_book])
def test_who_closes_waits_for_every_writer(
    book: Database, other: Database, writing: Callable[[Database], AbstractContextManager[object]]
) -> None:
    """So that what they acknowledge is there when the copy begins."""
    closed = Event()

    def closer() -> None:
        with other.exclusive() as connection:
            closed.set()
            set_mark(connection, ClosedMarker("move", "there"))

    with ThreadPoolExecutor() as pool:
        with writing(book):
            waiting = pool.submit(closer)
            assert not closed.wait(WAIT_SECONDS)
        waiting.result(20)
    with pytest.raises(ReadOnlyMode), writing(book):
        pass


@pytest.mark.parametrize("writing", [by_itself, of_a_book])
def test_every_writer_waits_for_who_closes(
    book: Database, other: Database, writing: Callable[[Database], AbstractContextManager[object]]
) -> None:
    came = Event()

    def writer() -> None:
        with writing(other):
            came.set()

    with ThreadPoolExecutor() as pool:
        with book.exclusive() as connection:
            waiting = pool.submit(writer)
            assert not came.wait(WAIT_SECONDS)
            set_mark(connection, ClosedMarker("move", "there"))
        with pytest.raises(ReadOnlyMode):
            waiting.result(20)
    assert not came.is_set()


def test_what_fails_while_alone_leaves_nothing_and_lets_others_in(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.exclusive() as connection:
        put(connection, "left")
        raise ZeroDivisionError
    with database.write() as connection:
        put(connection, "left")


def put(connection: Connection, name: str) -> None:
    connection.execute(insert(Setting), {"name": name, "value": ""})


# --- what a client hears ---------------------------------------------------------------------------------------------


@pytest.fixture
def closed(app: App, laptop: Caller) -> App:
    laptop.add(name="Before")
    close(app.extensions["database"])
    return app


def test_a_device_is_told_to_come_again(closed: App, laptop: Caller) -> None:
    before = typed(closed)
    for method, path, body in (
        ("POST", "/sync", {"changes": [change()]}),
        ("POST", "/contacts", {"name": "Ada"}),
    ):
        answer = laptop.ask(method, path, json=body)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "moving")
        assert answer.headers["Retry-After"] == str(RETRY_SECONDS)
    assert typed(closed) == before


def test_a_device_that_only_asks_is_answered(closed: App, laptop: Caller) -> None:
    """Where it is would be noted otherwise: the cursor that it is given is new."""
    page = laptop.get("/changes")
    assert page.status_code == 200
    assert [row["data"]["name"] for row in page.get_json()["changes"]] == ["Before"]


def test_a_push_over_a_socket_is_refused(closed: App, laptop: Caller) -> None:
    with serving(closed) as url, listening(url, laptop.token) as listener:
        listener.push(1, change())
        assert listener.problem(1) == "moving"


def test_a_person_reads_on_and_is_told_why_nothing_is_saved(closed: App) -> None:
    browser = signed_in(closed, "ada")
    assert "Before" in browser.get("/").text
    answer = browser.post("/devices", name="phone")
    assert answer.status_code == 503
    assert "is moving to another database" in answer.text


def test_nobody_signs_in_or_gets_another_password(closed: App) -> None:
    for words in (("user", "password", "ada"), ("user", "add", "bob")):
        asked = closed.test_cli_runner().invoke(args=[*words, "--password-stdin"], input="another password")
        assert asked.exit_code == 1
        assert "is moving" in asked.stderr
    accounts = parts_of(closed).accounts
    with pytest.raises(ReadOnlyMode):
        accounts.check_password("ada", "x", "", 0)


def test_doctor_tells(closed: App) -> None:
    looked = closed.test_cli_runner().invoke(args=["doctor"])
    assert looked.exit_code == 1
    assert "! This database moved to postgresql://there/offbook" in looked.stdout


@pytest.mark.processes
def test_a_server_does_not_start_on_it(tmp_path: Path) -> None:
    database = migrated(tmp_path)
    close(database)
    database.close()
    environ = os.environ | {"INSTANCE_PATH": str(tmp_path), "PORT": "0"}
    environ.pop("DATABASE_URL", None)
    started = subprocess.run(
        [sys.executable, "asgi.py"], cwd=ROOT, env=environ, text=True, capture_output=True, timeout=60, check=False
    )
    assert started.returncode == 1
    (line,) = started.stderr.splitlines()
    assert "set DATABASE_URL" in line
