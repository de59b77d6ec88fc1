"""Edits that a server does not know yet: they wait on the device, show there, and go out once the server has grown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from offbook import Offline, Replica
from offbook.core.schema import Table
from offbook.database.local_changes import change_log
from offbook.live.session import LiveSession
from offbook.sync.request import has_pending
from tests.device.fake_server import Server, Wire, lost_request
from tests.support.apps import BOATS, GROWN, NOTES

Open = Callable[..., Any]
NOW = 1_795_000_000_000
MILK = "a0000000-0000-4000-8000-000000000001"
RUM = "a0000000-0000-4000-8000-000000000002"


@pytest.fixture
def server() -> Server:
    """A server that knows the first version's notes."""
    server = Server()
    server.grow(NOTES)
    return server


@pytest.fixture
def open_app(tmp_path: Path, server: Server) -> Iterator[Open]:
    """Opens an app's file by name with these tables; what was open of it is closed first."""
    with ExitStack() as stack:
        opened: dict[str, Replica] = {}

        def open_app(name: str, *tables: Table) -> Replica:
            if name in opened:
                opened[name].close()
            opened[name] = stack.enter_context(Replica(tmp_path / f"{name}.db", tables=tables, transport=Wire(server)))
            return opened[name]

        yield open_app


@pytest.fixture
def a(open_app: Open) -> Any:
    """A device whose app is upgraded already, and in sync."""
    a = open_app("a", GROWN, BOATS)
    a.sync()
    return a


@pytest.fixture
def b(open_app: Open) -> Any:
    """A device with the first version of the app."""
    return open_app("b", NOTES)


def run(book: Replica, sql: str, *values: Any) -> list[Any]:
    return book.connection.execute(sql, values).fetchall()


def add_note(book: Replica, id: str = MILK, **fields: Any) -> None:
    names, marks = ", ".join(fields), ", ".join("?" * len(fields))
    run(book, f"INSERT INTO notes (id, {names}) VALUES (?, {marks})", id, *fields.values())


def note(book: Replica, id: str = MILK) -> dict[str, Any] | None:
    cursor = book.connection.execute("SELECT * FROM notes WHERE id = ?", (id,))
    row = cursor.fetchone()
    names = [column[0] for column in cursor.description]
    return row and {
        name: value
        for name, value in zip(names, row, strict=True)
        if value and name not in ("created_at", "updated_at")
    }


def cells(server: Server, id: str = MILK) -> dict[str, Any]:
    record = server.shelf.kept[("notes", id)]
    return {cell: value for cell, value in record.cells.items() if value is not None}


def waiting(book: Replica) -> tuple[int, int, int, tuple[str, ...]]:
    status = book.status()
    return status.pending, status.parked, status.held, status.held_cells


# --- what waits, and what does not -----------------------------------------------------------------------------------


def test_an_edit_of_a_field_that_the_server_lacks_waits_and_all_else_goes_on(a: Any, server: Server) -> None:
    add_note(a, title="Milk")
    a.sync()
    run(a, "UPDATE notes SET color = 'white'")
    add_note(a, RUM, title="Rum")
    a.contacts.add(name="Ada")
    report = a.sync()
    assert (report.pushed, report.parked) == (2, 0)
    assert waiting(a) == (0, 0, 1, ("notes.color",))
    assert a.parked() == []
    assert cells(server, RUM) == {"title": "Rum"}
    assert note(a) == {"id": MILK, "title": "Milk", "color": "white"}


def test_a_row_that_takes_the_place_of_one_goes_out_without_what_the_server_lacks(a: Any) -> None:
    """REPLACE names every column: those that the server does not know are empty before and after."""
    a.notes.put(MILK, title="Milk")
    a.sync()
    a.connection.execute("REPLACE INTO notes (id, title) VALUES (?, 'Oat milk')", (MILK,))
    a.sync()
    assert (a.status().pending, a.status().held) == (0, 0)
    assert a.notes.get(MILK)["title"] == "Oat milk"


def test_a_new_record_waits_whole_and_so_does_what_is_written_to_it_later(a: Any, server: Server) -> None:
    add_note(a, title="Milk", color="white")
    run(a, "UPDATE notes SET title = 'Soy milk'")
    run(a, "UPDATE notes SET done = 1")
    a.sync()
    assert server.shelf.kept == {}
    assert waiting(a) == (0, 0, 3, ("notes.color",))
    assert [line.held for line in change_log.pending_lines(a.connection)] == ["notes.color", "", ""]
    assert note(a) == {"id": MILK, "title": "Soy milk", "color": "white", "done": 1}


@pytest.mark.parametrize(
    ("sql", "cell"),
    [
        ("UPDATE notes SET title = 'twelve chars'", "notes.title"),
        ("UPDATE notes SET title = NULL", "notes.title"),
        ("UPDATE notes SET kind = 'c'", "notes.kind"),
        ("UPDATE notes SET color = 'red', title = 'twelve chars'", "notes.title, notes.color"),
        (f"INSERT INTO notes_tags (notes_id, tag) VALUES ('{MILK}', 'shop')", "notes.tags"),
        ("INSERT INTO notes (done) VALUES (1)", "notes.title"),
        ("INSERT INTO boats (name) VALUES ('Beagle')", "boats"),
    ],
)
def test_what_only_a_wider_declaration_allows_waits(sql: str, cell: str, a: Any, server: Server) -> None:
    add_note(a, title="Milk")
    a.sync()
    run(a, sql)
    report = a.sync()
    assert (report.pushed, report.parked) == (0, 0)
    assert waiting(a) == (0, 0, 1, tuple(sorted(cell.split(", "))))
    server.grow(GROWN, BOATS)
    assert a.sync().pushed == 1
    assert waiting(a) == (0, 0, 0, ())


def test_what_no_declaration_allows_is_parked_as_ever(a: Any) -> None:
    add_note(a, title="x" * 21)
    assert a.sync().parked == 1
    assert waiting(a) == (0, 1, 0, ())


def test_a_status_knows_what_will_wait_before_it_was_tried(a: Any) -> None:
    add_note(a, title="Milk", color="white")
    add_note(a, RUM, title="Rum")
    run(a, "UPDATE notes SET done = 1")
    assert waiting(a) == (2, 0, 2, ("notes.color",))


def test_many_edits_that_wait_keep_no_other_from_going_out(a: Any, server: Server) -> None:
    add_note(a, title="Milk")
    a.sync()
    for number in range(1_100):
        run(a, "UPDATE notes SET color = ?", str(number))
    add_note(a, RUM, title="Rum")
    assert a.sync().pushed == 1
    assert waiting(a) == (0, 0, 1_100, ("notes.color",))


def test_nothing_is_tried_again_and_again_for_what_waits(a: Any, server: Server) -> None:
    """The background thread acts on what can be sent alone."""
    add_note(a, title="Milk", color="white")
    assert has_pending(a.connection)
    a.sync()
    assert not has_pending(a.connection)
    asked = len(server.requests)
    a.sync()
    assert len(server.requests) == asked + 1
    assert server.requests[-1]["changes"] == []


def test_what_waits_is_not_pushed_over_the_live_channel(a: Any) -> None:
    add_note(a, title="Milk", color="white")
    assert LiveSession(a.connection, lambda: NOW).push() is None
    assert waiting(a) == (0, 0, 1, ("notes.color",))


def test_a_dry_run_tells_what_waits_and_asks_nothing_about_it(a: Any, server: Server) -> None:
    add_note(a, title="Milk", color="white")
    run(a, "UPDATE notes SET done = 1")
    add_note(a, RUM, title="Rum")
    report = a.plan()
    assert [change.record_id for change in report.push] == [RUM]
    assert [(change.record_id, change.verdict, change.detail) for change in report.held] == [
        (MILK, "held", "notes.color"),
        (MILK, "held", None),
    ]
    assert report.park == []
    assert len(server.requests[-1]["changes"]) == 1


# --- when the server has grown ---------------------------------------------------------------------------------------


def test_what_waited_goes_out_by_itself_in_its_order(a: Any, b: Any, server: Server, open_app: Open) -> None:
    add_note(a, title="Milk", color="white")
    run(a, "UPDATE notes SET title = 'Soy milk', color = 'beige'")
    a.sync()
    server.grow(GROWN)
    report = a.sync()
    assert (report.pushed, report.parked) == (2, 0)
    assert waiting(a) == (0, 0, 0, ())
    assert (cells(server)["title"], cells(server)["color"]) == ("Soy milk", "beige")
    b.sync()
    assert note(b) == {"id": MILK, "title": "Soy milk"}
    b = open_app("b", GROWN)
    b.sync()
    assert note(b) == note(a)


def test_the_server_is_asked_for_its_tables_once_for_each_of_its_shapes(a: Any, server: Server) -> None:
    a.sync()
    a.sync()
    assert [path for path, _ in server.questions] == 1 * ["/tables"]
    server.grow(GROWN)
    a.sync()
    a.sync()
    assert [path for path, _ in server.questions] == 2 * ["/tables"]


def test_what_others_wrote_meanwhile_lies_under_what_waits(a: Any, b: Any, server: Server) -> None:
    add_note(a, title="Milk")
    a.sync()
    run(a, "UPDATE notes SET color = 'white', title = 'Oat milk'")
    a.sync()
    b.sync()
    run(b, "UPDATE notes SET done = 1")
    run(b, "UPDATE notes SET title = 'Soy milk'")
    b.sync()
    a.sync()
    assert note(a) == {"id": MILK, "title": "Oat milk", "color": "white", "done": 1}
    server.grow(GROWN)
    a.sync()
    assert cells(server)["color"] == "white"
    assert cells(server)["done"] is True
    assert note(a) == {"id": MILK, **{name: cells(server)[name] for name in ("title", "color")}, "done": 1}


def test_a_record_that_was_added_and_deleted_while_it_waited_goes_out_as_that(a: Any, server: Server) -> None:
    add_note(a, title="Milk", color="white")
    a.sync()
    run(a, "DELETE FROM notes")
    a.sync()
    assert note(a) is None
    assert waiting(a) == (0, 0, 2, ("notes.color",))
    server.grow(GROWN)
    a.sync()
    assert waiting(a) == (0, 0, 0, ())
    assert server.shelf.kept[("notes", MILK)].deleted


def test_a_lost_question_about_the_tables_loses_nothing(a: Any, server: Server) -> None:
    add_note(a, title="Milk", color="white")
    a.sync()
    server.grow(GROWN)
    a._transport.steps = [None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert waiting(a) == (0, 0, 1, ("notes.color",))
    a.sync()
    assert cells(server)["color"] == "white"


def test_what_is_sent_late_is_the_newest_that_this_device_has_sent(a: Any, server: Server) -> None:
    """By that a server whose file is put back notices what it lost."""
    add_note(a, title="Milk", color="white")
    add_note(a, RUM, title="Rum")
    a.sync()
    before = server.requests[-1]["seen"]
    run(a, "UPDATE notes SET done = 1 WHERE id = ?", RUM)
    a.sync()
    a.sync()
    assert server.requests[-1]["seen"] == server.shelf.kept[("notes", RUM)].seq > before
    server.grow(GROWN)
    a.sync()
    a.sync()
    assert server.requests[-1]["seen"] == server.shelf.kept[("notes", MILK)].seq


# --- servers that say nothing of their tables ------------------------------------------------------------------------


def test_what_a_server_that_was_put_back_to_before_rejects_is_sent_again_by_itself(a: Any, server: Server) -> None:
    """It is only by its answer that it is known to know less."""
    server.says_tables = False
    add_note(a, title="Milk")
    a.contacts.add(name="Ada")
    report = a.sync()
    assert (report.pushed, report.parked) == (1, 1)
    run(a, "UPDATE notes SET done = 1")
    a.sync()
    assert note(a) == {"id": MILK, "title": "Milk", "done": 1}
    server.says_tables = True
    assert a.sync().pushed == 1
    assert waiting(a) == (0, 0, 0, ())
    assert (cells(server)["title"], cells(server)["done"]) == ("Milk", True)


def test_what_is_sent_again_by_itself_goes_before_what_was_typed_over_it(a: Any, server: Server) -> None:
    add_note(a, title="Milk")
    add_note(a, RUM, title="Rum")
    a.sync()
    server.says_tables = False
    run(a, "UPDATE notes SET title = 'Oat milk'")
    run(a, "UPDATE notes SET done = 1 WHERE id = ?", RUM)
    assert a.sync().parked == 3
    run(a, "UPDATE notes SET title = 'Soy milk' WHERE id = ?", MILK)
    a.sync()
    server.says_tables = True
    a.sync()
    assert waiting(a) == (0, 0, 0, ())
    assert cells(server)["title"] == "Soy milk"
    assert cells(server, RUM) == {"title": "Oat milk", "done": True}
    assert note(a) == {"id": MILK, "title": "Soy milk"}


def test_a_record_that_was_rejected_as_unknown_and_is_deleted_again_leaves_nothing(a: Any, server: Server) -> None:
    a.sync()
    server.says_tables = False
    add_note(a, title="Milk")
    assert a.sync().parked == 1
    run(a, "DELETE FROM notes")
    server.says_tables = True
    assert a.sync().pushed == 0
    assert waiting(a) == (0, 0, 0, ())
    assert server.shelf.kept == {}


def test_what_was_rejected_of_a_record_that_is_gone_is_left_for_a_person(a: Any, b: Any, server: Server) -> None:
    add_note(a, title="Milk")
    a.sync()
    run(a, "UPDATE notes SET title = 'Oat milk'")
    run(a, "UPDATE change_log SET synced = 2, code = 'unknown_cell', detail = '' WHERE synced = 0")
    b.sync()
    run(b, "DELETE FROM notes")
    b.sync()
    a.sync()
    server.grow(GROWN)
    a.sync()
    assert note(a) is None
    assert waiting(a) == (0, 1, 0, ())


def test_an_app_whose_server_never_said_what_it_has_sends_its_tables_nowhere(open_app: Open, server: Server) -> None:
    server.says_tables = False
    n = open_app("n", NOTES)
    add_note(n, title="Milk")
    n.contacts.add(name="Ada")
    assert n.sync().pushed == 1
    assert waiting(n) == (0, 0, 1, ("notes",))
    assert len(server.contacts) == 1
    server.says_tables = True
    assert n.sync().pushed == 1
    assert cells(server)["title"] == "Milk"


# --- restored servers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", ["e2", None])
def test_what_a_server_lost_with_its_growth_waits_until_it_has_grown_again(
    epoch: str | None, a: Any, server: Server
) -> None:
    add_note(a, title="Milk")
    a.sync()
    backup = server.backup()
    server.grow(GROWN, BOATS)
    a.sync()
    run(a, "UPDATE notes SET color = 'white'")
    run(a, "INSERT INTO boats (id, name) VALUES (?, 'Beagle')", RUM)
    a.sync()
    server.restore(backup, epoch)
    a.sync()
    assert note(a) == {"id": MILK, "title": "Milk", "color": "white"}
    assert run(a, "SELECT name FROM boats") == [("Beagle",)]
    assert a.status().parked == 0
    assert a.status().held_cells == ("boats", "notes.color")
    server.grow(GROWN, BOATS)
    a.sync()
    assert waiting(a) == (0, 0, 0, ())
    assert cells(server)["color"] == "white"
    assert server.shelf.kept[("boats", RUM)].cells["name"] == "Beagle"
