"""Opening a book: what stands in the way is told, and whoever only reads needs neither a lock nor a write."""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from offbook import Offline, Replica, sqlite, state
from tests.commanding import ROOT, Device
from tests.rights import bound_by_modes

posix = pytest.mark.skipif(os.name != "posix", reason="file modes and links are POSIX's")


def is_open(connection: sqlite.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite.Error:
        return False
    return True


# --- what can't be a book --------------------------------------------------------------------------------------------


def obstacles(folder: Path) -> dict[str, Path]:
    """Everything that can lie where a book is looked for and is none, by what the system says of it."""
    places = {
        "Is a directory": folder / "folder.db",
        "Permission denied": folder / "others.db",
        "No such file or directory": folder / "dangling.db",
        "Too many levels of symbolic links": folder / "loop.db",
        "Not a regular file": folder / "pipe.db",
    }
    places["Is a directory"].mkdir()
    places["Permission denied"].touch(0o000)
    places["No such file or directory"].symlink_to(folder / "none" / "book.db")
    places["Too many levels of symbolic links"].symlink_to("loop.db")
    os.mkfifo(places["Not a regular file"])
    return places


OPENER = """
import sys
from offbook import Replica
for path in sys.argv[1:]:
    try:
        Replica(path)
    except OSError as error:
        print(type(error).__name__)
"""


@posix
def test_a_file_that_can_not_be_opened_does_not_end_python(tmp_path: Path) -> None:
    places = obstacles(tmp_path)
    del places["Permission denied"]  # which root has
    command = [sys.executable, "-c", OPENER, *map(str, places.values())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["IsADirectoryError", "FileNotFoundError", "OSError", "OSError"]


@posix
def test_a_connection_that_was_never_made_is_cleaned_up_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    with pytest.raises(sqlite.Error):
        sqlite.Connection("/no such folder/book.db")
    gc.collect()
    assert seen == []


@posix
def test_what_stands_where_a_book_should_be_is_told_in_a_sentence(shared_folder: Path) -> None:
    places = obstacles(shared_folder)
    with bound_by_modes():
        for reason, place in places.items():
            told = Device(place)("add", "Ada")
            named = shared_folder / "none" / "book.db" if place.name == "dangling.db" else place
            assert (told.code, told.err) == (1, f"offbook: {named}: {reason}.\n")


@posix
def test_a_dangling_link_makes_its_file_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "book.db")
    with Replica(tmp_path / "link.db") as book:
        book.contacts.add(name="Ada")
    assert stat.S_IMODE((tmp_path / "book.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["file:book.db", "file:book.db?mode=ro", "100%.db", "a?b.db", "a#b.db", ":memory:x"])
def test_a_path_is_a_path_and_never_an_address(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite would read a name that begins with file: as an address, and open another file."""
    monkeypatch.chdir(tmp_path)
    with Replica(name) as book:
        book.contacts.add(name="Ada")
    with Replica(name) as book:
        assert book.contacts.count() == 1
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_book_that_can_not_be_opened_is_closed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when the error that tells of it is forgotten: until then nobody could replace the file on Windows."""
    with Replica(tmp_path / "book.db") as book:
        book.connection.execute("PRAGMA user_version = 1000")
    opened: list[sqlite.Connection] = []
    connect = sqlite.connect

    def noted(*args: object, **options: object) -> sqlite.Connection:
        opened.append(connect(*args, **options))  # type: ignore[arg-type]
        return opened[-1]

    monkeypatch.setattr("offbook.replica.connect", noted)
    with pytest.raises(Exception, match="newer offbook"):
        Replica(tmp_path / "book.db")
    assert not is_open(opened[0])


# --- what was made by half -------------------------------------------------------------------------------------------


def test_a_background_that_can_not_start_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a connection to the file nor a thread that stop() would wait for."""
    connections: list[sqlite.Connection] = []
    with Replica(tmp_path / "book.db", "http://127.0.0.1:1", "token") as book:
        opened = book._open

        def noted() -> sqlite.Connection:
            connections.append(opened())
            return connections[-1]

        def none_left(thread: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(book, "_open", noted)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", none_left)
            with pytest.raises(RuntimeError, match="can't start new thread"):
                book.start()
        assert not is_open(connections[0])
        assert not book.status().running
        book.start()
        assert book.status().running


def test_closing_a_book_opens_nothing(tmp_path: Path) -> None:
    """A thread that never used it has no connection to be closed: the file may be gone by then."""
    book = Replica(tmp_path / "book.db")
    book.connection.close()
    for file in tmp_path.iterdir():
        file.unlink()
    other = threading.Thread(target=book.close)
    other.start()
    other.join()
    assert list(tmp_path.iterdir()) == []


def test_what_a_sync_failed_with_is_not_hidden_by_a_lease_that_can_not_be_given_back(tmp_path: Path) -> None:
    with Replica(tmp_path / "book.db") as book, closing(sqlite.connect(book.path)) as other:
        book.connection.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(Offline), state.lease(book.connection, "1:me", lambda: 0):
            other.execute("BEGIN IMMEDIATE")
            raise Offline("no server")
