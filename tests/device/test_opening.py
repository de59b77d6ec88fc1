"""Opening a book: what stands in the way is told, and whoever only reads needs neither a lock nor a write."""

from __future__ import annotations

import gc
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from offbook import Offline, Replica
from offbook.__main__ import main
from offbook.database.connection import Connection, ReadOnlyFile, SqliteError, atomic, connect, sqlite3
from offbook.database.lease import hold_lease
from tests.device.conftest import Device as OpenDevice
from tests.device.fake_server import Server, Wire
from tests.support.cli_runner import ROOT, Device
from tests.support.file_permissions import bound_by_modes

posix = pytest.mark.skipif(os.name != "posix", reason="file modes and links are POSIX's")


def is_open(connection: Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except SqliteError:
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
    with pytest.raises(SqliteError):
        Connection("/no such folder/book.db")
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
    opened: list[Connection] = []

    def noted(*args: Any, **options: Any) -> Connection:
        opened.append(connect(*args, **options))
        return opened[-1]

    monkeypatch.setattr("offbook.replica.connect", noted)
    with pytest.raises(Exception, match="newer offbook"):
        Replica(tmp_path / "book.db")
    assert not is_open(opened[0])


# --- what was made by half -------------------------------------------------------------------------------------------


def test_a_background_that_can_not_start_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a connection to the file nor a thread that stop() would wait for."""
    connections: list[Connection] = []
    with Replica(tmp_path / "book.db", "http://127.0.0.1:1", "token") as book:
        opened = book._open

        def noted() -> Connection:
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
    with Replica(tmp_path / "book.db") as book, closing(connect(book.path)) as other:
        book.connection.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(Offline), hold_lease(book.connection, "1:me", lambda: 0):
            other.execute("BEGIN IMMEDIATE")
            raise Offline("no server")


# --- reading under another program's transaction ---------------------------------------------------------------------

READING = (
    ("list",),
    ("show", "Ada"),
    ("export",),
    ("status",),
    ("log",),
    ("log", "Ada"),
    ("parked",),
    ("conflicts",),
    ("init",),
)
"""Every command that changes nothing and asks no server."""


@pytest.fixture
def book(shared_folder: Path) -> Path:
    """A book with a contact, closed."""
    with Replica(shared_folder / "book.db") as book:
        book.contacts.add(name="Ada", phone="555")
    return shared_folder / "book.db"


def told_by_reading(path: Path) -> dict[tuple[str, ...], str]:
    told = {words: Device(path)(*words) for words in READING}
    assert {words: said.err for words, said in told.items() if said.code} == {}
    return {words: said.out for words, said in told.items()}


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_reading_waits_for_no_other_program(book: Path, mode: str) -> None:
    before = told_by_reading(book)
    with closing(sqlite3.connect(book, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE contacts SET phone = '556'")
        assert told_by_reading(book) == before
        other.execute("COMMIT")
    assert "556" in told_by_reading(book)["list",]


def test_reading_a_replica_waits_for_no_other_program(device: OpenDevice, server: Server) -> None:
    a = device("a", server="http://books.example", token="token")
    ada = a.contacts.add(name="Ada")
    a.sync()
    a.settings["size"] = 1
    with closing(connect(a.path)) as other, atomic(other):
        again = device("a", server="http://books.example", token="token")
        assert [one["name"] for one in again.contacts.list()] == ["Ada"]
        assert again.contacts.get(ada)["name"] == "Ada"
        assert (again.contacts.count(), dict(again.settings)) == (1, {"size": 1})
        assert (again.status().pending, again.conflicts(), again.parked()) == (0, [], [])
        assert again.plan().push == []


def test_a_copy_is_read_before_it_can_be_written_to_and_is_its_own_before_it_syncs(
    device: OpenDevice, server: Server
) -> None:
    a = device("a")
    a.contacts.add(name="Ada")
    a.sync()
    a.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(a.path, a.path.with_name("copy.db"))
    with closing(sqlite3.connect(a.path.with_name("copy.db"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        copy = device("copy")
        assert copy.contacts.count() == 1
        other.execute("COMMIT")
    copy.sync()
    assert copy.id != a.id
    assert copy.status().replica == copy.id


OPEN_AT_ONCE = """
import sys
from offbook import Replica
sys.stdin.readline()
with Replica(sys.argv[1]) as book:
    book.contacts.add(name="Ada")
    print(book.id)
"""


def test_several_processes_make_one_book_at_once(tmp_path: Path) -> None:
    """They agree who the replica is, and each writes to it."""
    command = [sys.executable, "-c", OPEN_AT_ONCE, str(tmp_path / "book.db")]
    pipe = subprocess.PIPE
    openers = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]
    for opener in openers:
        assert opener.stdin is not None
        print(file=opener.stdin, flush=True)
    said = [opener.communicate(timeout=60)[0] for opener in openers]
    with Replica(tmp_path / "book.db") as book:
        assert (set(said), book.contacts.count()) == ({f"{book.id}\n"}, 4)


# --- reading what may not be written to ------------------------------------------------------------------------------


def closed_to_writing(book: Path) -> None:
    for file in book.parent.iterdir():
        file.chmod(0o444)
    book.parent.chmod(0o555)


@posix
def test_a_book_on_a_read_only_disk_is_read(book: Path) -> None:
    before = told_by_reading(book)
    closed_to_writing(book)
    with bound_by_modes():
        assert told_by_reading(book) == before
    assert [file.name for file in book.parent.iterdir()] == ["book.db"]


@posix
def test_reading_a_file_of_another_user_leaves_nothing_beside_it(book: Path) -> None:
    """What SQLite makes there would be the reader's, and keep the owner out."""
    book.chmod(0o444)
    book.parent.chmod(0o777)
    with bound_by_modes():
        told_by_reading(book)
    assert [file.name for file in book.parent.iterdir()] == ["book.db"]


@posix
@pytest.mark.parametrize("words", [("add", "Bob"), ("edit", "Ada", "--phone", "1"), ("rm", "Ada")])
def test_writing_to_a_read_only_book_says_what_is_wrong(book: Path, words: tuple[str, ...]) -> None:
    closed_to_writing(book)
    with bound_by_modes():
        told = Device(book)(*words)
    why = "the file, its folder or its disk is read-only for this user"
    assert (told.code, told.err) == (1, f"offbook: {book} can't be written to: {why}.\n")


@posix
def test_every_write_to_a_read_only_replica_is_refused_in_one_way(book: Path, server: Server) -> None:
    closed_to_writing(book)
    with bound_by_modes(), Replica(book, transport=Wire(server)) as replica:
        ada = replica.contacts.list()[0]["id"]
        writes: list[Callable[[], object]] = [
            lambda: replica.contacts.add(name="Bob"),
            lambda: replica.contacts.delete(ada),
            lambda: replica.settings.update(size=1),
            lambda: replica.set_server("http://books.example"),
            replica.sync,
            replica.verify,
        ]
        for write in writes:
            with pytest.raises(ReadOnlyFile, match="can't be written to"):
                write()
        assert replica.contacts.count() == 1
    assert server.requests == []


@posix
def test_a_copy_on_a_read_only_disk_is_read(book: Path) -> None:
    book.rename(book.with_name("moved.db"))
    closed_to_writing(book)
    with bound_by_modes(), Replica(book.with_name("moved.db")) as replica:
        assert replica.contacts.count() == 1


@posix
def test_a_reader_who_may_not_write_sees_what_others_write(book: Path) -> None:
    closed_to_writing(book)
    with bound_by_modes():
        reader = Replica(book)
        assert reader.contacts.count() == 1
    book.parent.chmod(0o755)
    book.chmod(0o644)
    with Replica(book) as owner:
        owner.contacts.add(name="Bob")
        closed_to_writing(book)
        with bound_by_modes():
            assert reader.contacts.count() == 2
        book.parent.chmod(0o755)
    with bound_by_modes():
        assert reader.contacts.count() == 2
        reader.close()


@posix
def test_a_book_whose_log_can_not_be_read_in_place_says_what_to_do(book: Path) -> None:
    """As a device that was cut off leaves it, on a disk that is read-only now."""
    with Replica(book) as running:
        running.contacts.add(name="Bob")
        left = book.with_name("left.db")
        shutil.copyfile(book, left)
        shutil.copyfile(f"{book}-wal", f"{left}-wal")
    closed_to_writing(left)
    with bound_by_modes():
        told = Device(left)("list")
    assert told.code == 1
    assert told.err.startswith(f"offbook: {left} can't be read where this user may not write: changes lie in a file")
    left.parent.chmod(0o755)
    left.chmod(0o644)
    assert "Bob" in Device(left)("list").out


@posix
def test_a_file_of_an_older_version_on_a_read_only_disk_says_what_to_do(book: Path) -> None:
    with closing(connect(book)) as connection:
        connection.execute("UPDATE sync_state SET shape = 'older'")
    closed_to_writing(book)
    with bound_by_modes():
        told = Device(book)("list")
    assert told.code == 1
    assert "This offbook can read it once it has been opened where it may be written." in told.err


def test_a_command_that_reads_makes_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFBOOK_DB", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert main(["list"]) == 1
    assert list(tmp_path.iterdir()) == []
