"""Opening the replica's SQLite file, and transactions on it.

Every connection that offbook itself uses comes from connect(), and every write from inside atomic(). Nothing here knows
what the tables are: who opens a replica says so.

Opening takes no lock and writes nothing, but for a file that is new. What may not be written to is read as it is, and a
write to it raises ReadOnly; or DiskFull, where that is the reason.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import stat
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offbook import messages
from offbook.core.errors import OffbookError
from offbook.core.schema import Schema
from offbook.core.sqlite_facts import WAL_INDEX_BYTES, has_wal_reset_race

if TYPE_CHECKING:
    import sqlite3 as sqlite3  # exported: the module that was chosen
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

BUSY_SECONDS_MAX = 10.0
"""How long a statement waits for another process that writes to the file."""

RETRY_SECONDS = 0.005

MEMORY = ":memory:"

SqliteError = sqlite3.Error
"""Whatever SQLite, the file or its disk refuses, of whichever module it runs on."""

LOGS = ("-wal", "-journal")
"""What lies beside a file that holds no whole state without it."""


class ReadOnlyFile(OffbookError, sqlite3.OperationalError):
    """This user may not write to the file, to its folder or to its disk. It is one of SQLite's errors, too."""

    code = "read_only"
    sqlite_errorname = "SQLITE_READONLY"


class FileDiskFull(OffbookError, sqlite3.OperationalError):
    """The file's disk has no room. Nothing was written, and all is read as ever. It is one of SQLite's errors, too."""

    code = "disk_full"
    sqlite_errorname = "SQLITE_FULL"

    def __init__(self, path: str | Path) -> None:
        super().__init__(messages.DISK_FULL.fault(path=path))


class ImmutableFile:
    """A file that nobody seems to write to, as it was when it was opened; ``is_disk_full``: since its disk was full."""

    def __init__(self, path: str, is_disk_full: bool = False) -> None:
        self.is_disk_full = is_disk_full
        self._path = path
        self._status = self._read_status()

    @property
    def has_changed(self) -> bool:
        """Whether somebody has written to the file since, or is about to; or might, now that there is room."""
        if has_log(self._path) or self._read_status() != self._status:
            return True
        return self.is_disk_full and has_room(self._path)

    def _read_status(self) -> tuple[int, int, int]:
        file_status = os.stat(self._path)
        return file_status.st_ino, file_status.st_size, file_status.st_mtime_ns


class Connection(sqlite3.Connection):
    """Is closed when nobody uses it any more. Closed by another thread than its user's, it would crash in SQLite.

    ``schema`` are the synced tables of the file, ``base_schema`` those of them that every file has, ``first_schema``
    those of a server that does not say which it has; ``on_schema`` is called when ``schema`` has become another.
    ``is_of_newer_version`` is whether the file's tables were made by a version that knows more of them. ``on_commit``
    is called after each transaction of atomic(). ``immutable_file`` is set where SQLite takes it that nobody writes to
    the file.
    """

    on_commit: Callable[[], None] | None = None
    on_schema: Callable[[Schema], None] | None = None
    schema: Schema = Schema(())
    base_schema: Schema = Schema(())
    first_schema: Schema = Schema(())
    is_of_newer_version: bool = False
    immutable_file: ImmutableFile | None = None
    _was_opened = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._was_opened = True

    def __del__(self) -> None:
        if self._was_opened:  # pysqlite3 crashes when a connection is closed of which SQLite could not open the file
            with suppress(SqliteError):
                self.close()


def connect(path: str | Path, *, check_same_thread: bool = True) -> Connection:
    """A connection to the file, made for its owner's eyes only if it is not there: it will hold a token.

    FULL, because with NORMAL up to 796 of 800 acknowledged commits were gone after a power loss. Text that is not
    UTF-8, which only other tools can have written, is read with lone surrogates in the place of its bytes: a check
    refuses those with a reason, where an exception would make the whole record unreadable.

    A file that this user may not write to is opened as one that never changes (``immutable``): otherwise SQLite makes
    two files beside it, which keep the owner out, or fails where it can't. Only where a part of what it holds lies in a
    log it is opened as usual. https://sqlite.org/wal.html#read_only_databases

    So is one whose disk has no room for those two files, until there is some. Nobody can write to it meanwhile.

    Raises OSError where the system does not let this user have the file, SQLite's errors where SQLite can't read it.
    """
    if has_wal_reset_race(sqlite3.sqlite_version_info):
        warnings.warn(
            f"SQLite {sqlite3.sqlite_version} can damage a file that several processes use at once: "
            "install pysqlite3, or a Python with SQLite 3.51.3 or newer.",
            RuntimeWarning,
            stacklevel=2,
        )
    if str(path) != MEMORY:
        path = os.path.abspath(path)  # SQLite reads a name that begins with file: as an address
        _make_private(path)
        _refuse_other_kinds(path)
        if not _may_write(path) and not has_log(path):
            return _open_immutable(path, ImmutableFile(path), check_same_thread)
    try:
        return _open(path, path, check_same_thread)
    except sqlite3.OperationalError as error:
        if not is_full(error, path):
            raise
        if has_log(path) or not os.path.getsize(path):
            raise FileDiskFull(path) from error
        return _open_immutable(str(path), ImmutableFile(str(path), is_disk_full=True), check_same_thread)


def _open_immutable(path: str, immutable_file: ImmutableFile, check_same_thread: bool) -> Connection:
    connection = _open(f"{Path(path).as_uri()}?immutable=1", path, check_same_thread, uri=True)
    connection.immutable_file = immutable_file
    return connection


STATEMENTS_KEPT = 1_024
"""More than a file is ever asked. The driver forgets the statement that was used least: with the hundred of a file that
was just made, a full cache would forget each new one at once, and SQLite takes two milliseconds to read a statement
that has triggers.
"""


def _open(address: str | Path, path: str | Path, check_same_thread: bool, uri: bool = False) -> Connection:
    try:
        connection = sqlite3.connect(
            address,
            timeout=BUSY_SECONDS_MAX,
            isolation_level=None,
            check_same_thread=check_same_thread,
            factory=Connection,
            cached_statements=STATEMENTS_KEPT,
            uri=uri,
        )
    except sqlite3.OperationalError:
        _refuse_unreadable(path)
        raise
    try:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError) and has_log(path) and not _may_write(path):
            raise ReadOnlyFile.of(messages.UNREADABLE_LOG, path=path, logs=" or ".join(LOGS)) from None
        raise
    return connection


def open_read_only(path: Path) -> sqlite3.Connection:
    """A connection that reads a file that is there, and changes nothing: not even the file's mode."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS_MAX)


def bindable(text: str) -> str:
    """Text as SQLite's bindings take it: what was not UTF-8, or can't be, shows as the replacement character."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character of UTF-16, which stands for no byte
        raw = text.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "replace")


def _make_private(path: str) -> None:
    """Never opens a file that is there: closing it would drop the locks that this process has on it (POSIX)."""
    with suppress(FileExistsError):
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _refuse_other_kinds(path: str) -> None:
    """Raise OSError for a folder, a link that leads nowhere, a pipe or a device, which SQLite would write beside."""
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file", path)


def _refuse_unreadable(path: str | Path) -> None:
    """Raise PermissionError where that is why SQLite, which does not say, could not open the file."""
    if str(path) != MEMORY and not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _may_write(path: str | Path) -> bool:
    """SQLite makes files beside the one that it writes to."""
    return os.access(path, os.W_OK) and os.access(os.path.dirname(os.path.realpath(path)), os.W_OK)


def has_log(path: str | Path) -> bool:
    """Whether a part of what the file holds lies beside it, since somebody writes to it or was cut off in that."""
    logs = [f"{os.path.realpath(path)}{log}" for log in LOGS]
    return any(os.path.exists(log) and os.path.getsize(log) for log in logs)


def _use_wal(connection: sqlite3.Connection) -> None:
    """The switch to WAL is the one statement that the busy timeout does not cover.

    A file that holds something already is left in its mode while another program is in a transaction: reading takes no
    switch, and the next opening makes it.
    """
    deadline = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            if pages:
                return
            if time.monotonic() > deadline or getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
                raise
            time.sleep(RETRY_SECONDS)


@contextmanager
def atomic(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing, on disk when it ends.

    Takes the write lock at once: a transaction that reads first and writes then fails in spite of the busy timeout when
    another process wrote in between. Inside another atomic() it is a savepoint, so that a caller who catches an error
    goes on without the half that was done.
    """
    if connection.in_transaction:
        with _savepoint(connection):
            yield
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        # A full disk, for one, has SQLite roll back by itself; and a BEGIN that is interrupted may have begun.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if (translated := _translate_error(connection, error)) is not None:
            raise translated from error
        raise
    if isinstance(connection, Connection) and connection.on_commit is not None:
        connection.on_commit()


def _translate_error(connection: sqlite3.Connection, error: BaseException) -> ReadOnlyFile | FileDiskFull | None:
    """What it means that a transaction failed, where it is the file or its disk that takes no write."""
    if not isinstance(error, sqlite3.OperationalError) or isinstance(error, OffbookError):
        return None
    ((_, _, path), *_) = connection.execute("PRAGMA database_list").fetchall()
    if is_full(error, path):
        return FileDiskFull(path)
    if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY"):
        return None
    immutable_file = connection.immutable_file if isinstance(connection, Connection) else None
    if immutable_file is not None and immutable_file.is_disk_full:
        return FileDiskFull(path)
    return ReadOnlyFile.of(messages.READ_ONLY_FILE, path=path)


def is_full(error: sqlite3.Error, path: str | Path) -> bool:
    """A disk without room shows as another fault of the disk too, where a file can't be begun."""
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_FULL" or (name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and not has_room(path))


def has_room(path: str | Path) -> bool:
    """Whether the file's disk has room for the log's index; True where the system does not say."""
    with suppress(OSError):
        return shutil.disk_usage(os.path.dirname(os.path.realpath(path))).free >= WAL_INDEX_BYTES
    return True


@contextmanager
def without_waiting(connection: sqlite3.Connection) -> Iterator[None]:
    """What another program's transaction is in the way of fails in here, instead of waiting for its end."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_SECONDS_MAX:.0f}")


@contextmanager
def _savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT part")
    try:
        yield
        connection.execute("RELEASE part")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Several reads of one and the same state, whatever other processes write meanwhile."""
    if connection.in_transaction:
        yield
        return
    try:
        connection.execute("BEGIN")
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def home_of(path: str | Path) -> str:
    """Where the file lives: machine and path. A file opened elsewhere than before is a copy, and a new replica."""
    return f"{_machine_id()}:{os.path.realpath(path)}"


def _machine_id() -> str:
    """What stays the same on this machine and differs on others; its name where the system keeps no id."""
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError):
            if text := Path(path).read_text(encoding="ascii").strip():
                return text
    node = uuid.getnode()
    made_up = node >> 40 & 1  # RFC 9562, section 6.10: a node id that was drawn at random has this bit set
    return platform.node() if made_up else f"{node:012x}"


def make_repeatable(
    connection: sqlite3.Connection, random_bytes: Callable[[int], bytes], timestamp: Callable[[], str]
) -> None:
    """Ids and times that the schema makes come from these: for simulators, which need the same run twice."""
    connection.create_function("randomblob", 1, random_bytes)
    connection.create_function("strftime", 2, lambda format, modifier: timestamp())
