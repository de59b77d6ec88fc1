"""SQLite's backups: a copy made by its backup API, and put back by it.

A copy is one state of the database, taken while others write: it stops nobody, and has no log beside it, so that it
may be copied like any file. ``cp`` on a database in use loses what is still in its log.

Putting back goes through the API too, into the file that is there, and is one transaction of that file: whoever has it
open, a running server too, sees all of the old before it and all of the new after it. Another file put in its place
would not do: the server would go on with the old one, under its name and with its log.

https://sqlite.org/backup.html, https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DatabaseError

from ops import messages
from ops.backup import schema, seal
from ops.backup.contents import Faulty
from ops.backup.files import BackupError
from ops.backup.restore import RestoreRun
from ops.backup.schema import DatabaseSchema
from storage.engines.sqlite import BUSY_TIMEOUT_MS, driver

PAGES_AT_ONCE = 16
"""Fewer than an empty database has: the first step takes the lock, and must not be the last one."""

SQLITE_OK = 0

APPLICATION_ID = 0x6F66626B
"""In the header of a backup, "ofbk": it was sealed. https://sqlite.org/fileformat.html#application_id"""

WAL_BYTES = slice(18, 20)
WAL = bytes([2, 2])
"""In the header of every database that a server had open, be it one that began as a copied backup."""


def back_up(engine: Engine, path: Path) -> None:
    """Copy the database as it is now into the empty file ``path``, and check the copy. Raises BackupError."""
    source = engine.raw_connection()
    try:
        with closing(driver().connect(path)) as copy:
            source.driver_connection.backup(copy)  # type: ignore[union-attr]
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            if faults := _faults(copy):
                raise BackupError.of(messages.COPY_DAMAGED, flaw=faults[0])
    except driver().DatabaseError as error:
        raise BackupError.of(messages.NOT_COPIED, reason=str(error)) from None
    finally:
        source.close()


def revision(path: Path) -> str | None:
    """The schema of the backup in ``path``, read and checked from end to end; None where it is no book's at all."""
    try:
        with closing(_read(path)) as copy:
            if faults := _faults(copy):
                raise BackupError.of(messages.BACKUP_DAMAGED, path=path, flaw=faults[0])
            names = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not names >= {"alembic_version", "books"}:
                return None
            row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            return row and str(row[0])
    except driver().DatabaseError as error:
        raise BackupError.of(messages.NOT_SQLITE, path=path, reason=str(error)) from None


def is_marked(path: Path) -> bool:
    with closing(_read(path)) as copy:
        (mark,) = copy.execute("PRAGMA application_id").fetchone()
    return bool(mark == APPLICATION_ID)


def is_used(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(WAL_BYTES.stop)[WAL_BYTES] == WAL


@contextmanager
def opened(path: Path, revision: str, folder: Path) -> Iterator[tuple[Any, DatabaseSchema]]:
    """The backup itself."""
    with closing(_read(path)) as copy:
        if surplus := _surplus_bytes(copy, path):
            raise Faulty(f"{surplus} bytes stand after its end")
        yield copy, schema.of_sqlite(copy)


def put_back(engine: Engine, path: Path, steps: RestoreRun) -> None:
    """Put the backup in ``path`` in the database's place. Others may have it open, and go on with what is new.

    It is made ready beside the database. What is there is copied when nobody can write any more: that is one
    transaction, and nobody need be kept out by a mark. Raises BackupError, and then all is as it was.
    """
    database = Path(engine.url.database or "")
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=database.parent) as folder:
        ready = Path(folder, "ready.db")
        with closing(_read(path)) as source, closing(driver().connect(ready)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA application_id = 0")  # a database is no backup, and has no seal
        steps.finish(engine.url.set(database=str(ready)))
        try:
            _replace(engine, ready, steps.keep)
        except (driver().DatabaseError, DatabaseError, BackupError, Faulty) as error:
            raise BackupError.of(messages.NOT_REPLACED, reason=str(error), database=database) from None


def file_of(url: URL) -> Path:
    return Path(url.database or "").resolve()


def _replace(engine: Engine, ready: Path, keep: Callable[[], None]) -> None:
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    kept = False

    def step(status: int, left: int, total: int) -> None:
        """Called with the lock held, from the first step that need not wait."""
        nonlocal kept
        if status == SQLITE_OK and not kept:
            assert left > 0, "the database was replaced before it was kept"
            keep()
            kept = True
        elif not kept and time.monotonic() > deadline:
            raise Faulty("others write to it all the time")

    target = engine.raw_connection()
    try:
        with closing(driver().connect(ready)) as source:
            source.backup(target.driver_connection, pages=PAGES_AT_ONCE, progress=step, sleep=0.01)
    finally:
        target.close()


def _read(path: Path) -> Any:
    """A connection that leaves the file as it is."""
    return driver().connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _surplus_bytes(connection: Any, path: Path) -> int:
    """SQLite overlooks what stands after the last page. A database that began as a copied backup has a rest of it."""
    if is_used(path):
        return 0
    (pages,), (size,) = (connection.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(seal.content_bytes(path) - pages * size)


def _faults(connection: Any) -> list[str]:
    faults = [" ".join(text.split()) for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    return [*faults, *(f"{row[0]} refers to what is not there" for row in broken)]
