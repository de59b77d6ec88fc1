"""What a device comes to know is pulled again, and no more than that: its tables, from when the server learnt it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from offbook import Offline, Replica
from offbook.core.errors import OtherBook
from offbook.core.model import Cursor
from offbook.core.protocol.requests import parse_cursor
from offbook.core.schema import Table
from offbook.database import sync_state
from offbook.sync.session import SyncSession
from tests.device.fake_server import Server, Step, Wire, everything, lost_answer, lost_request
from tests.support.apps import BOATS, GROWN, NOTES, TAGGED

Open = Callable[..., Any]


def id_of(number: int) -> str:
    return f"a0000000-0000-4000-8000-{number:012}"


@pytest.fixture
def server() -> Server:
    server = Server(page_max=3)
    server.grow(NOTES)
    return server


@pytest.fixture
def open_app(tmp_path: Path, server: Server) -> Iterator[Open]:
    """Opens an app's file by name with these tables; what was open of it is closed first."""
    with ExitStack() as stack:
        opened: dict[str, Replica] = {}

        def open_app(name: str, *tables: Table, beside: bool = False) -> Replica:
            if name in opened and not beside:
                opened[name].close()
            opened[name] = stack.enter_context(Replica(tmp_path / f"{name}.db", tables=tables, transport=Wire(server)))
            return opened[name]

        yield open_app


@pytest.fixture
def b(open_app: Open, server: Server) -> Any:
    """A device of the newest version, by which things come into the book: eight notes, before the server grows."""
    b = open_app("b", TAGGED, BOATS)
    for number in range(8):
        run(b, "INSERT INTO notes (id, title) VALUES (?, ?)", id_of(number), f"Note {number}")
    b.contacts.add(name="Ada")
    b.sync()
    return b


def run(book: Replica, sql: str, *values: Any) -> list[Any]:
    return book.connection.execute(sql, values).fetchall()


def color(b: Replica, *numbers: int) -> None:
    for number in numbers:
        run(b, "UPDATE notes SET color = 'red', done = 1 WHERE id = ?", id_of(number))
        run(b, "INSERT INTO notes_tags (notes_id, entry_id, tag) VALUES (?, 'k1', 'shop')", id_of(number))
    b.sync()


def colored(book: Replica) -> list[int]:
    return [int(id[-12:]) for (id,) in run(book, "SELECT id FROM notes WHERE color = 'red' ORDER BY id")]


def pulls(server: Server, start: int) -> list[tuple[Any, Any]]:
    """From where and of which tables alone the requests since then pulled."""
    return [(one.get("since"), one.get("only")) for one in server.requests[start:] if "since" in one]


def shown(book: Replica) -> list[Any]:
    rows = run(book, "SELECT id, title, done, kind, color FROM notes ORDER BY id")
    return [*rows, *run(book, "SELECT notes_id, entry_id, tag FROM notes_tags ORDER BY 1, 2")]


# --- what is pulled again -------------------------------------------------------------------------------------------


def test_an_upgraded_app_pulls_its_table_again_from_when_the_server_learnt_the_field(
    open_app: Open, b: Any, server: Server
) -> None:
    a = open_app("a", NOTES)
    a.sync()
    server.grow(GROWN)
    color(b, 1, 2, 3, 4)
    b.contacts.add(name="Grace")
    b.sync()
    a.sync()
    a = open_app("a", GROWN)
    cursor = parse_cursor(sync_state.read(a.connection).cursor or "")
    asked = len(server.requests)
    report = a.sync()
    assert shown(a) == shown(b)
    assert colored(a) == [1, 2, 3, 4]
    pulled = pulls(server, asked)
    assert [only for _, only in pulled] == [["notes"], ["notes"], None]
    assert pulled[0][0] == str(Cursor(cursor.epoch, cursor.seq, server.store.since["notes.color"]))
    assert pulled[-1][0] == str(cursor)
    assert report.parked == 0
    asked = len(server.requests)
    a.sync()
    assert [only for _, only in pulls(server, asked)] == [None]


def test_a_device_that_was_in_sync_when_the_server_grew_pulls_nothing_again(
    open_app: Open, b: Any, server: Server
) -> None:
    a = open_app("a", NOTES)
    a.sync()
    server.grow(GROWN)
    a = open_app("a", GROWN)
    asked = len(server.requests)
    a.sync()
    color(b, 1)
    a.sync()
    assert colored(a) == [1]
    assert all(only is None and since is not None for since, only in pulls(server, asked))


def test_an_app_that_knows_a_field_before_its_server_pulls_nothing_again(
    open_app: Open, b: Any, server: Server
) -> None:
    a = open_app("a", NOTES)
    a.sync()
    a = open_app("a", GROWN)
    a.sync()
    server.grow(GROWN)
    color(b, 1, 2)
    asked = len(server.requests)
    a.sync()
    assert shown(a) == shown(b)
    assert all(only is None and since is not None for since, only in pulls(server, asked))


def test_a_table_that_the_server_has_always_known_is_pulled_whole(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a")
    a.sync()
    server.store.since = {}
    a = open_app("a", NOTES)
    asked = len(server.requests)
    report = a.sync()
    assert (report.pulled, len(run(a, "SELECT id FROM notes"))) == (8, 8)
    assert [only for _, only in pulls(server, asked)] == [["notes"], ["notes"], ["notes"], None]


def test_tables_that_grew_at_different_times_are_pulled_one_after_the_other(
    open_app: Open, b: Any, server: Server
) -> None:
    a = open_app("a", NOTES)
    server.grow(BOATS)
    run(b, "INSERT INTO boats (name) VALUES ('Beagle')")
    b.sync()
    server.grow(GROWN)
    color(b, 1)
    a.sync()
    a = open_app("a", GROWN, BOATS)
    asked = len(server.requests)
    a.sync()
    assert run(a, "SELECT name FROM boats") == [("Beagle",)]
    assert shown(a) == shown(b)
    assert [only for _, only in pulls(server, asked)] == [["boats"], ["notes"], None]


def test_an_attribute_of_a_map_is_learnt_like_a_field(open_app: Open, b: Any, server: Server) -> None:
    server.grow(GROWN)
    color(b, 1, 2)
    server.grow(TAGGED)
    run(b, "UPDATE notes_tags SET \"by\" = 'Ada' WHERE notes_id = ?", id_of(1))
    b.sync()
    a = open_app("a", GROWN)
    a.sync()
    a = open_app("a", TAGGED)
    a.sync()
    assert run(a, 'SELECT notes_id, tag, "by" FROM notes_tags ORDER BY 1') == [
        (id_of(1), "shop", "Ada"),
        (id_of(2), "shop", None),
    ]


# --- what is here already --------------------------------------------------------------------------------------------


def test_what_waits_here_stays_on_top_and_what_was_deleted_stays_so(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, 1, 2, 3, 4, 5)
    a.sync()
    run(b, "DELETE FROM notes WHERE id = ?", id_of(5))
    b.sync()
    a.sync()
    run(a, "UPDATE notes SET title = 'mine', done = 0 WHERE id = ?", id_of(1))
    run(a, "DELETE FROM notes WHERE id = ?", id_of(2))
    a = open_app("a", GROWN)
    run(a, "UPDATE notes SET color = 'blue' WHERE id = ?", id_of(3))
    a._transport.steps = [None, None, None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert run(
        a, "SELECT id, title, done, color FROM notes WHERE id IN (?, ?, ?, ?, ?) ORDER BY 1", *map(id_of, range(1, 6))
    ) == [
        (id_of(1), "mine", 0, "red"),
        (id_of(3), "Note 3", 1, "blue"),
        (id_of(4), "Note 4", 1, "red"),
    ]
    a.sync()
    b.sync()
    assert shown(a) == shown(b)


def test_an_app_is_told_of_what_shows_because_it_knows_more(open_app: Open, b: Any, server: Server) -> None:
    """Rows that are here already have not changed, but for what they show."""
    a = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, 1, 2)
    run(b, "UPDATE notes SET title = 'other' WHERE id = ?", id_of(3))
    b.sync()
    a.sync()
    a = open_app("a", GROWN)
    run(a, "UPDATE notes SET title = 'mine' WHERE id = ?", id_of(2))
    changed: list[Any] = []
    session = SyncSession(
        a.connection, a._transport, lambda: 0, "me", on_applied=lambda applied: changed.extend(applied.changed)
    )
    session.run()
    assert set(changed) == {("notes", id_of(1)), ("notes", id_of(2))}


# --- interrupted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [lost_request, lost_answer])
@pytest.mark.parametrize("place", range(6))
def test_it_goes_on_wherever_it_was_interrupted(place: int, lost: Step, open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, *range(8))
    a.sync()
    a = open_app("a", GROWN)
    a._transport.steps = [*[None] * place, lost]
    with pytest.raises(Offline):
        for _ in range(place + 1):
            a.sync()
    asked = len(server.requests)
    a.sync()
    assert shown(a) == shown(b)
    assert len([only for _, only in pulls(server, asked) if only]) <= 3


def test_an_interrupted_one_goes_on_where_it_was(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, *range(8))
    a.sync()
    a = open_app("a", GROWN)
    a._transport.steps = [None, None, None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert len(colored(a)) == 6
    a = open_app("a", GROWN)
    asked = len(server.requests)
    a.sync()
    assert [only for _, only in pulls(server, asked)] == [["notes"], None]
    assert shown(a) == shown(b)


def test_an_older_app_that_pulls_in_between_leaves_nothing_out(open_app: Open, b: Any, server: Server) -> None:
    old = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, *range(4))
    old.sync()
    a = open_app("a", GROWN, beside=True)
    a._transport.steps = [None, None, None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    color(b, 5)
    old.sync()
    a.sync()
    assert shown(a) == shown(b)
    color(b, 6)
    a.sync()
    assert shown(a) == shown(b)


def test_an_app_that_learns_once_more_amid_learning_leaves_nothing_out(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, *range(8))
    server.grow(TAGGED)
    run(b, "UPDATE notes_tags SET \"by\" = 'Ada' WHERE notes_id = ?", id_of(7))
    b.sync()
    a.sync()
    a = open_app("a", GROWN)
    a._transport.steps = [None, None, None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    a = open_app("a", TAGGED)
    a.sync()
    assert shown(a) == shown(b)
    assert run(a, 'SELECT "by" FROM notes_tags WHERE notes_id = ?', id_of(7)) == [("Ada",)]


def test_a_snapshot_that_is_under_way_begins_anew(open_app: Open, b: Any, server: Server) -> None:
    server.grow(GROWN)
    color(b, *range(8))
    a = open_app("a", NOTES)
    a._transport.steps = [None, None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    a = open_app("a", GROWN)
    asked = len(server.requests)
    a.sync()
    assert shown(a) == shown(b)
    assert [since is None for since, _ in pulls(server, asked)].count(True) == 1
    assert all(only is None for _, only in pulls(server, asked))


# --- other servers --------------------------------------------------------------------------------------------------


def test_a_restored_server_is_noticed_by_what_is_pulled_again(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    server.grow(GROWN)
    a.sync()
    backup = server.backup()
    color(b, 1, 2)
    a.sync()
    run(a, "UPDATE notes SET title = 'mine' WHERE id = ?", id_of(4))
    a.sync()
    server.restore(backup, "e2")
    a = open_app("a", GROWN)
    a.sync()
    b.sync()
    a.sync()
    b.sync()
    assert shown(a) == shown(b)
    assert colored(a) == [1, 2]
    assert run(a, "SELECT title FROM notes WHERE id = ?", id_of(4)) == [("mine",)]


def test_a_table_that_a_restored_server_lacks_is_not_asked_for_any_more(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    a.sync()
    backup = server.backup()
    server.grow(BOATS)
    for number in range(5):
        run(b, "INSERT INTO boats (id, name) VALUES (?, 'Beagle')", id_of(number))
    b.sync()
    a.sync()
    a = open_app("a", NOTES, BOATS)
    a._transport.steps = [None, None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    server.restore(backup, "e2")
    a.sync()
    assert a.status().held > 0
    b.sync()
    server.grow(BOATS)
    for book in (a, b, a):
        book.sync()
    assert len(run(a, "SELECT id FROM boats")) == len(run(b, "SELECT id FROM boats")) == 5


def test_from_a_server_that_does_not_say_when_it_learnt_the_book_is_taken_anew(open_app: Open, server: Server) -> None:
    """There, only what every server has can be more than it was."""
    server.says_tables = False
    a = open_app("a")
    a.contacts.add(name="Ada")
    a.sync()
    a = open_app("a", NOTES)
    asked = len(server.requests)
    a.sync()
    assert [since is None for since, _ in pulls(server, asked)].count(True) == 1
    asked = len(server.requests)
    a.sync()
    assert [since is None for since, _ in pulls(server, asked)] == [False]
    assert [path for path, _ in server.questions] == 0 * ["/tables"]


def test_the_tables_of_another_server_are_not_believed(open_app: Open, b: Any, server: Server) -> None:
    """A token that was swapped by mistake: what that server knows says nothing of this one's."""
    a = open_app("a", NOTES)
    server.grow(GROWN)
    color(b, 1)
    a.sync()
    a = open_app("a", GROWN)
    a._transport.server = Server(uuid="b0000000-0000-4000-8000-000000000002")
    with pytest.raises(OtherBook):
        a.sync()
    a._transport.server = server
    a.sync()
    assert shown(a) == shown(b)


# --- what a dry run tells of it --------------------------------------------------------------------------------------


def test_a_dry_run_tells_which_rows_would_show_more(open_app: Open, b: Any, server: Server) -> None:
    a = open_app("a", NOTES)
    server.grow(GROWN, BOATS)
    color(b, 1, 2)
    run(b, "UPDATE notes SET title = 'other' WHERE id = ?", id_of(3))
    run(b, "INSERT INTO boats (name) VALUES ('Beagle')")
    b.sync()
    a.sync()
    a = open_app("a", GROWN, BOATS)
    before = everything(a)
    report = a.plan()
    assert sorted(row.record_id for row in report.changed) == [id_of(1), id_of(2)]
    assert [row.name for row in report.added] == ["Beagle"]
    assert (report.deleted, report.snapshot) == ([], False)
    assert everything(a) == before
