"""A backup of the whole database in one file, and a backup put back: the steps, the same for every engine.

A restored server knows less than its devices do. So every book begins a new **epoch**: each cursor from before is
refused with 410, devices notice, and send again what the server lost (offbook.snapshots). What the database held before
is kept beside it, for a restore can be a mistake.

What a file is made of, and how it gets into a database and out of it, differs per engine: COPIES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from offbook.core.errors import OffbookError
from storage import backup_files, mariadb_backup, postgresql_backup, sqlite_backup
from storage.backup_files import BackupError
from storage.closing import CLOSED, TABLE
from storage.doctor import said
from storage.engines import Database
from storage.migrating import config_for
from storage.replacing import Replacing

VERSIONS = "alembic_version"


class Copies(Protocol):
    """How one kind of database gets into a file and out of it: a module that has all of this. All raise BackupError."""

    def back_up(self, engine: Engine, path: Path, /) -> None:
        """Fill the empty file ``path`` with one state of the database, and check it."""

    def revision(self, path: Path, /) -> str | None:
        """The schema of what is in ``path``, read from end to end; None where it is none of ours."""

    def put_back(self, engine: Engine, path: Path, steps: Replacing, /) -> None:
        """Put ``path`` in the database's place, and call on the way ``keep`` and ``finish``, each once."""

    def file_of(self, url: URL, /) -> Path | None:
        """The database's own file, where it is one."""


COPIES: Mapping[str, Copies] = MappingProxyType(
    {"sqlite": sqlite_backup, "postgresql": postgresql_backup, "mysql": mariadb_backup}
)
"""One for each of ENGINES."""


def back_up(database: Database, path: Path) -> None:
    """Write all that the database holds at this moment to ``path``, while others write. Raises BackupError."""
    with backup_files.aside(path) as draft:
        COPIES[database.name].back_up(database.reader, draft)


def check(database: Database, path: Path) -> str:
    """The schema of the backup in ``path``. Raises BackupError where it can't be put into this database's place."""
    if not path.is_file():
        raise BackupError(f"There is no file {path}.")
    if path.resolve() == _file_of(database):
        raise BackupError(f"{path} is the database itself: name a backup of it.")
    found = COPIES[database.name].revision(path)
    if found is None:
        raise BackupError(f"{path} is no backup of offbook: nothing was done.")
    if not _is_known(database, found):
        raise BackupError(f"{path} is from a newer offbook (schema {found}): update offbook, then restore it.")
    return found


def restore(database: Database, path: Path, folder: Path, now: int, new_id: Callable[[], str]) -> Path | None:
    """Put the backup in ``path`` in the database's place, on the schema of this version, in a new epoch.

    Returns where in ``folder`` what was there before is kept, None where there was nothing. Raises BackupError, which
    says how the database is left.
    """
    check(database, path)
    kept = backup_files.before_restore(folder, name_of(database), now)

    def keep() -> None:
        if holds_rows(database):
            backup_files.made(folder)
            back_up(database, kept)

    steps = Replacing(database, kept, keep, new_id)
    database.close()
    try:
        COPIES[database.name].put_back(database.engine, path, steps)
    except (OffbookError, DBAPIError, CommandError, RuntimeError, OSError, KeyboardInterrupt) as error:
        raise BackupError(f"{_sentence(error)} {steps.outcome()}") from None
    return kept if kept.exists() else None


def _sentence(error: BaseException) -> str:
    if isinstance(error, OffbookError):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"The database could not do that ({said(error)})."
    first, _, _ = str(error).strip().partition("\n")
    return f"The restore was stopped ({first.rstrip('.') or 'from outside'})."


def before_migrating(database: Database, connection: Connection, revision: str, now: int) -> Path | None:
    """Keep what is there, before a migration in ``connection`` changes it. None where nothing is, or it is no file.

    Raises BackupError, and then nothing should be migrated.
    """
    file = _file_of(database)
    if file is None or not _holds_rows(connection):
        return None
    folder = backup_files.made(file.parent / backup_files.FOLDER)
    path = backup_files.before_upgrade(folder, name_of(database), revision, now)
    back_up(database, path)
    backup_files.prune(folder, name_of(database))
    return path


def folder_of(database: Database, otherwise: Path) -> Path:
    """Where what is kept by itself belongs: beside the database, or in ``otherwise`` where that is no file."""
    file = _file_of(database)
    return (otherwise if file is None else file.parent) / backup_files.FOLDER


def name_of(database: Database) -> str:
    return Path(database.engine.url.database or "offbook").stem


def holds_rows(database: Database) -> bool:
    with database.read() as connection:
        return _holds_rows(connection)


def _holds_rows(connection: Connection) -> bool:
    """The mark of a closed database is none that could be lost."""
    queries = {name: select(1).select_from(table(name)) for name in inspect(connection).get_table_names()}
    queries.pop(VERSIONS, None)
    if TABLE in queries:
        queries[TABLE] = queries[TABLE].where(column("name") != CLOSED)
    return any(connection.execute(query.limit(1)).first() for query in queries.values())


def _file_of(database: Database) -> Path | None:
    return COPIES[database.name].file_of(database.engine.url)


def _is_known(database: Database, revision: str) -> bool:
    try:
        return ScriptDirectory.from_config(config_for(database)).get_revision(revision) is not None
    except CommandError:
        return False
