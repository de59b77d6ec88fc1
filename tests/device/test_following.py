"""A file that no app has declared anything in has the tables of its server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from offbook import Offline, Replica, Response
from offbook.core.errors import OtherBook
from tests.device.fake_server import Server, Wire, lost_request
from tests.support.apps import BOATS, GROWN, NOTES

Open = Callable[..., Any]
MILK = "a0000000-0000-4000-8000-000000000001"


@pytest.fixture
def server() -> Server:
    server = Server(page_max=3)
    server.grow(NOTES)
    return server


@pytest.fixture
def open_file(tmp_path: Path, server: Server) -> Iterator[Open]:
    """Opens a file by name, with an app's tables or without any."""
    with ExitStack() as stack:

        def open_file(name: str, tables: Any = None) -> Replica:
            return stack.enter_context(Replica(tmp_path / f"{name}.db", tables=tables, transport=Wire(server)))

        yield open_file


@pytest.fixture
def b(open_file: Open) -> Any:
    """A device with the newest version of the app."""
    b = open_file("b", (GROWN, BOATS))
    for number in range(7):
        run(b, "INSERT INTO notes (title) VALUES (?)", f"Note {number}")
    run(b, "INSERT INTO notes (id, title) VALUES (?, 'Milk')", MILK)
    b.contacts.add(name="Ada")
    b.sync()
    return b


def run(book: Replica, sql: str, *values: Any) -> list[Any]:
    return book.connection.execute(sql, values).fetchall()


def test_a_new_file_is_a_clone_of_any_app_after_its_first_sync(open_file: Open, b: Any, server: Server) -> None:
    a = open_file("a")
    a.sync()
    assert len(run(a, "SELECT id FROM notes")) == 8
    assert a.contacts.count() == 1
    assert server.requests[-3]["since"] is None
    assert all("only" not in request for request in server.requests[-3:])  # nothing of it came twice
    a.table("notes").update(MILK, title="Oat milk")
    assert a.sync().pushed == 1
    b.sync()
    assert run(b, "SELECT title FROM notes WHERE id = ?", MILK) == [("Oat milk",)]


def test_a_file_follows_its_server_as_that_grows(open_file: Open, b: Any, server: Server) -> None:
    a = open_file("a")
    a.sync()
    server.grow(GROWN, BOATS)
    run(b, "UPDATE notes SET color = 'white' WHERE id = ?", MILK)
    run(b, "INSERT INTO boats (name) VALUES ('Beagle')")
    b.sync()
    a.sync()
    assert run(a, "SELECT color FROM notes WHERE id = ?", MILK) == [("white",)]
    assert run(a, "SELECT name FROM boats") == [("Beagle",)]
    run(a, "UPDATE boats SET name = 'Erebus'")
    assert a.sync().pushed == 1


def test_a_lost_answer_about_the_tables_leaves_the_file_as_it_was(open_file: Open, b: Any, server: Server) -> None:
    a = open_file("a")
    a.sync()
    server.grow(GROWN, BOATS)
    run(b, "INSERT INTO boats (name) VALUES ('Beagle')")
    b.sync()
    a._transport.steps = [None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert "boats" not in a.connection.schema
    a.sync()
    assert run(a, "SELECT name FROM boats") == [("Beagle",)]


def test_a_file_that_an_app_has_declared_follows_nobody(open_file: Open, b: Any) -> None:
    a = open_file("a", ())
    a.sync()
    assert list(a.connection.schema) == ["contacts", "labels"]
    assert a.contacts.count() == 1


def test_the_tables_of_another_book_are_not_taken(open_file: Open, b: Any, server: Server) -> None:
    """A token that was swapped by mistake adds nothing to the file."""
    a = open_file("a")
    a.sync()
    other = Server(uuid="b0000000-0000-4000-8000-000000000002")
    other.grow(BOATS)
    a._transport.server = other
    with pytest.raises(OtherBook):
        a.sync()
    assert "boats" not in a.connection.schema
    assert other.questions == []


def test_what_a_newer_server_declares_beyond_what_is_known_here_keeps_nothing_away(
    open_file: Open, b: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy, a type and an option of a later version: what is known of the table is had and shown."""
    tell_tables = server._tell_tables

    def tell_more() -> Response:
        response = tell_tables()
        body = json.loads(response.body)
        (notes,) = [table for table in body["tables"] if table["name"] == "notes"]
        notes["policy"] = "the-newest-wins"
        notes["scent"] = "fresh"
        notes["fields"].append({"name": "shape", "type": "polygon"})
        return Response(200, response.headers, json.dumps(body).encode())

    monkeypatch.setattr(server, "_tell_tables", tell_more)
    a = open_file("a")
    a.sync()
    assert run(a, "SELECT title FROM notes WHERE id = ?", MILK) == [("Milk",)]
    assert a.status().held == 0
    a.table("notes").update(MILK, done=True)
    assert a.sync().pushed == 1
