"""A device whose disk is full loses nothing, goes on being read, says what is wrong, and goes on by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offbook import Offline, Replica, Response
from offbook.core.errors import OffbookError
from offbook.database import connection
from tests.device.fake_server import Server, Wire, lost_request, wire
from tests.support.browser import add_device, add_user, app_on
from tests.support.cli_runner import Device
from tests.support.databases import MAKERS
from tests.support.full_disks import SmallDisk, small_disk
from tests.support.live_server import serving

SECONDS = 20.0
"""How long something may take that should take no time."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as made:
        yield made


@pytest.fixture
def file(disk: SmallDisk) -> Path:
    return disk.folder / "book.db"


def test_every_write_names_the_file_and_leaves_all_as_it_was(disk: SmallDisk, file: Path, server: Server) -> None:
    with Replica(file, transport=Wire(server)) as book:
        ada = book.contacts.add(name="Ada")
        before = (book.contacts.list(), book.status().pending)
        disk.fill()
        writes: list[Callable[[], object]] = [
            lambda: book.contacts.add(name="Bob"),
            lambda: book.contacts.update(ada, phone="555-1234"),
            lambda: book.contacts.delete(ada),
            lambda: book.settings.update(size=1),
            lambda: book.set_server("http://books.example"),
            book.sync,
            book.verify,
        ]
        for write in writes:
            with pytest.raises(connection.FileDiskFull, match=f"^The disk of {file} is full: nothing was written"):
                write()
        assert (book.contacts.list(), book.status().pending) == before
        disk.free()
        book.contacts.update(ada, phone="555-1234")
        assert book.sync().pushed == 2
    assert [row["phone"] for row in server.contacts.values()] == ["555-1234"]


def test_what_fills_the_disk_in_the_middle_leaves_nothing_of_it(disk: SmallDisk, file: Path) -> None:
    """SQLite has rolled back by itself by then."""
    with Replica(file) as book:
        book.contacts.add(name="Ada")
        with pytest.raises(connection.FileDiskFull), book.transaction():
            for number in range(2_000):
                book.contacts.add(name=f"{number}", notes="x" * 8_000)
        assert [row["name"] for row in book.contacts.list()] == ["Ada"]
        assert book.status().pending == 1


def test_what_ended_a_sync_is_told_though_the_lease_can_not_be_given_back(
    disk: SmallDisk, file: Path, server: Server
) -> None:
    with Replica(file, transport=Wire(server)) as book:
        book.contacts.add(name="Ada")

        def cut(body: bytes, server: Server) -> Response:
            disk.fill()
            return lost_request(body, server)

        wire(book).steps.append(cut)
        with pytest.raises(Offline):
            book.sync()
        disk.free()
        assert book.sync().pushed == 1


def test_a_page_that_finds_no_room_comes_again(disk: SmallDisk, file: Path, server: Server, b: Replica) -> None:
    b.contacts.add(name="Bob")
    b.sync()
    with Replica(file, transport=Wire(server)) as book:

        def fill(body: bytes, server: Server) -> Response:
            disk.fill()
            return server.answer(body)

        wire(book).steps.append(fill)
        with pytest.raises(connection.FileDiskFull):
            book.sync()
        assert book.contacts.list() == []
        disk.free()
        assert book.sync().pulled == 1
        assert [row["name"] for row in book.contacts.list()] == ["Bob"]


# --- a book that is opened then --------------------------------------------------------------------------------------


@pytest.fixture
def closed(disk: SmallDisk, file: Path) -> Path:
    """A book that was closed well before its disk became full: SQLite has no room for what it makes beside it."""
    with Replica(file) as book:
        book.contacts.add(name="Ada")
    disk.fill()
    assert sorted(one.name for one in disk.folder.iterdir()) == ["book.db", "filler"]
    return file


@pytest.mark.parametrize("words", [("list",), ("show", "Ada"), ("export",), ("status",), ("log",)])
def test_commands_that_read_do(closed: Path, words: tuple[str, ...]) -> None:
    told = Device(closed)(*words)
    assert (told.code, told.err) == (0, "")
    assert words == ("status",) or "Ada" in told.out


def test_commands_that_write_say_why_not(closed: Path, disk: SmallDisk) -> None:
    for words in (
        ("add", "Bob"),
        ("edit", "Ada", "--phone", "1"),
        ("rm", "Ada"),
        ("init", "--server", "http://a.example"),
    ):
        told = Device(closed)(*words, typed="ob_token")
        assert (told.code, told.err.startswith(f"offbook: The disk of {closed} is full: ")) == (1, True), told
    assert Device(closed)("--json", "add", "Bob").json["error"] == "disk_full"
    disk.free()
    assert Device(closed)("add", "Bob").code == 0
    assert "Bob" in Device(closed)("list").out


def test_a_book_that_is_open_is_written_to_once_there_is_room(closed: Path, disk: SmallDisk) -> None:
    with Replica(closed) as book:
        assert book.contacts.count() == 1
        with pytest.raises(connection.FileDiskFull):
            book.contacts.add(name="Bob")
        disk.free()
        book.contacts.add(name="Bob")
        assert book.contacts.count() == 2


def test_a_replica_that_is_started_then_syncs_once_there_is_room(closed: Path, disk: SmallDisk, server: Server) -> None:
    refused, synced = threading.Event(), threading.Event()
    with Replica(closed, transport=Wire(server)) as book:
        book.start(
            on_error=lambda error: refused.set() if isinstance(error, connection.FileDiskFull) else None,
            on_status=lambda status: synced.set() if not status.pending else None,
        )
        assert refused.wait(SECONDS)
        disk.free()
        assert synced.wait(SECONDS)
    assert [row["name"] for row in server.contacts.values()] == ["Ada"]


def test_a_new_book_is_begun_once_there_is_room(disk: SmallDisk, file: Path) -> None:
    disk.fill()
    with pytest.raises(connection.FileDiskFull):
        Replica(file)
    disk.free()
    with Replica(file) as book:
        assert book.contacts.list() == []


# --- in the background -----------------------------------------------------------------------------------------------


def test_a_started_replica_tells_waits_and_goes_on_by_itself(disk: SmallDisk, file: Path, tmp_path: Path) -> None:
    """Live: what comes finds no room, is told by the name of the file, and comes again with nobody doing anything."""
    maker = MAKERS["sqlite"]
    app = app_on(maker.copy(maker.template(tmp_path), tmp_path))
    add_user(app, "ada")
    tokens = [add_device(app, device=name)[1] for name in ("laptop", "phone")]
    live, refused, came = threading.Event(), threading.Event(), threading.Event()
    errors: list[Exception] = []

    def on_error(error: Exception) -> None:
        errors.append(error)
        refused.set()

    with (
        serving(app) as url,
        Replica(file, url, tokens[0]) as book,
        Replica(tmp_path / "b.db", url, tokens[1]) as phone,
    ):
        book.start(
            on_change=lambda _: came.set(),
            on_status=lambda status: live.set() if status.link == "live" else None,
            on_error=on_error,
        )
        assert live.wait(SECONDS)
        disk.fill()
        phone.contacts.add(name="Bob")
        phone.sync()
        assert refused.wait(SECONDS)
        assert isinstance(errors[0], connection.FileDiskFull)
        assert isinstance(errors[0], OffbookError)
        assert f"The disk of {file} is full" in str(book.status().last_error)
        assert book.contacts.list() == []
        disk.free()
        assert came.wait(SECONDS)
        assert [row["name"] for row in book.contacts.list()] == ["Bob"]
    app.extensions["database"].close()
