"""Opening the replica's SQLite file, and transactions on it.

Every connection that offbook itself uses comes from connect(), and every write from inside atomic(). Nothing here knows
what the tables are.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        from pysqlite3 import dbapi2 as sqlite3
    except ImportError:
        import sqlite3

BUSY_SECONDS_MAX = 10.0
"""How long a statement waits for another process that writes to the file."""

RETRY_SECONDS = 0.005

MEMORY = ":memory:"

Error = sqlite3.Error
"""Whatever SQLite, the file or its disk refuses, of whichever module it runs on."""


class Connection(sqlite3.Connection):
    """Is closed when nobody uses it any more. Closed by another thread than its user's, it would crash in SQLite.

    ``on_commit`` is called after each transaction of atomic(), for whoever wants to know at once.
    """

    on_commit: Callable[[], None] | None = None
    _was_opened = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._was_opened = True

    def __del__(self) -> None:
        if self._was_opened:  # pysqlite3 crashes when a connection is closed of which SQLite could not open the file
            with suppress(Error):
                self.close()


def connect(path: str | Path, *, check_same_thread: bool = True) -> Connection:
    """A connection to the file, made for its owner's eyes only if it is not there: it will hold a token.

    FULL, because with NORMAL up to 796 of 800 acknowledged commits were gone after a power loss. Text that is not
    UTF-8, which only other tools can have written, is read with lone surrogates in the place of its bytes: a check
    refuses those with a reason, where an exception would make the whole record unreadable.

    Raises OSError where the system does not let anybody have the file, and SQLite's errors where SQLite can't read it.
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
    try:
        return _opened(path, check_same_thread)
    except sqlite3.OperationalError:
        _refuse_unreadable(path)
        raise


def _opened(path: str | Path, check_same_thread: bool) -> Connection:
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS_MAX,
        isolation_level=None,
        check_same_thread=check_same_thread,
        factory=Connection,
    )
    try:
        connection.text_factory = _text
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def look(path: Path) -> sqlite3.Connection:
    """A connection that reads a file that is there, and changes nothing: not even the file's mode."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS_MAX)


def has_wal_reset_race(version: tuple[int, ...]) -> bool:
    """Whether connections to one WAL can corrupt it: fixed in 3.51.3, and in two older lines."""
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return not fixed


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def bindable(text: str) -> str:
    """Text as SQLite's bindings take it: what was not UTF-8 shows as the replacement character."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


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


def _use_wal(connection: sqlite3.Connection) -> None:
    """The switch to WAL is the one statement that the busy timeout does not cover."""
    deadline = time.monotonic() + BUSY_SECONDS_MAX
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
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
        with _part(connection):
            yield
        return
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk, for one, has SQLite roll back by itself; and a BEGIN that is interrupted may have begun.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    if isinstance(connection, Connection) and connection.on_commit is not None:
        connection.on_commit()


@contextmanager
def _part(connection: sqlite3.Connection) -> Iterator[None]:
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
    return f"{_machine()}:{os.path.realpath(path)}"


def _machine() -> str:
    """What stays the same on this machine and differs on others; its name where the system keeps no id."""
    for file in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError):
            if found := Path(file).read_text(encoding="ascii").strip():
                return found
    node = uuid.getnode()
    made_up = node >> 40 & 1  # RFC 9562, section 6.10: a node id that was drawn at random has this bit set
    return platform.node() if made_up else f"{node:012x}"


def make_repeatable(
    connection: sqlite3.Connection, random_bytes: Callable[[int], bytes], now: Callable[[], str]
) -> None:
    """Ids and times that the schema makes come from these: for simulators, which need the same run twice."""
    connection.create_function("randomblob", 1, random_bytes)
    connection.create_function("strftime", 2, lambda form, moment: now())
