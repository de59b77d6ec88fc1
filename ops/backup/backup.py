"""A backup of the whole database in one file, and a backup put back: the steps, the same for every engine.

A restored server knows less than its devices do. So every book begins a new **epoch**: each cursor from before is
refused with 410, devices notice, and send again what the server lost (offbook.sync.snapshot). What the database held
before is kept beside it, for a restore can be a mistake. Every session of a browser ends, since the backup does not
know which were ended after it was made.

What a file is made of, and how it gets into a database and out of it, differs per engine: COPIES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from offbook.core.errors import OffbookError
from ops import messages
from ops.backup import contents, files, mariadb, postgresql, seal, sqlite
from ops.backup.contents import Faulty
from ops.backup.files import BackupError
from ops.backup.restore import RestoreRun
from ops.backup.schema import DatabaseSchema
from ops.backup.seal import Manifest
from ops.schema_check import driver_message
from storage.engines.database import Database
from storage.engines.read_only_mode import CLOSED, TABLE
from storage.engines.sqlite import driver
from storage.schema.revisions import revisions

VERSIONS = "alembic_version"


class BackupDriver(Protocol):
    """How one kind of database gets into a file and out of it: a module that has all of this. All raise BackupError."""

    def back_up(self, engine: Engine, path: Path, /) -> None:
        """Fill the empty file ``path`` with one state of the database, and check it."""

    def revision(self, path: Path, /) -> str | None:
        """The schema of what is in ``path``, read from end to end; None where it is none of ours."""

    def is_marked(self, path: Path, /) -> bool:
        """Whether what is in ``path`` says itself that it was sealed."""

    def is_used(self, path: Path, /) -> bool:
        """Whether ``path`` became a database that a server had open: from then on a seal says nothing of it."""

    def opened(self, path: Path, revision: str, folder: Path, /) -> AbstractContextManager[tuple[Any, DatabaseSchema]]:
        """A connection to a SQLite database with the rows that are in ``path``, and the schema declared there.

        ``folder`` is for what has to be made for it. Raises Faulty for what can't be in a backup of this revision.
        """

    def put_back(self, engine: Engine, path: Path, steps: RestoreRun, /) -> None:
        """Put ``path`` in the database's place, and call on the way ``keep`` and ``finish``, each once."""

    def file_of(self, url: URL, /) -> Path | None:
        """The database's own file, where it is one."""


DRIVERS: Mapping[str, BackupDriver] = MappingProxyType({"sqlite": sqlite, "postgresql": postgresql, "mysql": mariadb})
"""One for each of ENGINES."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that may be put back. Without a manifest no checksum says that it is as it was made."""

    path: Path
    revision: str
    manifest: Manifest | None


def back_up(database: Database, path: Path) -> None:
    """Write all that the database holds at this moment to ``path``, while others write.

    What was written is read again, as a restore would: what that would refuse is no backup. Raises BackupError.
    """
    copies = DRIVERS[database.name]
    with files.atomic_file(path) as draft:
        copies.back_up(database.reader, draft)
        revision = copies.revision(draft)
        try:
            if revision is None or not _is_known(database, revision):
                raise Faulty(f"this version of offbook knows no schema {revision}")
            rows = _rows(copies, draft, revision)
        except Faulty as fault:
            raise BackupError.of(messages.UNRESTORABLE, reason=str(fault)) from None
        seal.write(draft, Manifest(database.name, revision, rows))


def keep(database: Database, path: Path) -> None:
    """As ``back_up``, of a database that is about to be replaced, whatever is in it."""
    with files.atomic_file(path) as draft:
        DRIVERS[database.name].back_up(database.reader, draft)
        seal.write(draft, Manifest(database.name))


def _rows(copies: BackupDriver, path: Path, revision: str, *, also_records: bool = False) -> Mapping[str, int]:
    """How many rows each table of a backup has, when all that is in it was looked at.

    Raises Faulty, and BackupError where it can't be looked at.
    """
    try:
        with files.workspace(path) as folder, copies.opened(path, revision, folder) as (connection, schema):
            rows = contents.rows_of(connection, schema, revision)
            if also_records:
                contents.check_records(connection, folder)
            return rows
    except (OSError, driver().Error) as error:
        raise BackupError.of(messages.UNREADABLE_BACKUP, path=path, reason=str(error)) from None


def check(database: Database, path: Path) -> Checked:
    """Read the backup in ``path`` to its end. Raises BackupError where it can't be put into this database's place."""
    if not path.is_file():
        raise BackupError.of(messages.NO_BACKUP, path=path)
    if path.resolve() == _file_of(database):
        raise BackupError.of(messages.IS_THE_DATABASE, path=path)
    copies, manifest = DRIVERS[database.name], _manifest(database, path)
    if manifest is not None and manifest.engine != database.name:
        raise BackupError.of(messages.OTHER_ENGINE, path=path, engine=manifest.engine, this=database.name)
    revision = copies.revision(path)
    if revision is None:
        raise BackupError.of(messages.NOT_A_BACKUP, path=path)
    if manifest is None and copies.is_marked(path) and not copies.is_used(path):
        raise BackupError.of(messages.SEAL_LOST, path=path)
    if not _is_known(database, revision):
        raise BackupError.of(messages.NEWER_BACKUP, path=path, revision=revision)
    try:
        rows = _rows(copies, path, revision, also_records=manifest is None)
        if (
            manifest is not None
            and manifest.revision is not None
            and manifest != Manifest(database.name, revision, rows)
        ):
            raise Faulty("it holds other rows than it says")
    except Faulty as fault:
        raise BackupError.of(messages.PARTIAL_BACKUP, path=path, reason=str(fault)) from None
    return Checked(path, revision, manifest)


def restore(database: Database, checked: Checked, folder: Path, now_us: int, new_id: Callable[[], str]) -> Path | None:
    """Put a backup in the database's place, on the schema of this version, in a new epoch.

    Returns where in ``folder`` what was there before is kept, None where there was nothing. Raises BackupError, which
    says how the database is left.
    """
    if _manifest(database, checked.path) != checked.manifest:
        raise BackupError.of(messages.BACKUP_CHANGED, path=checked.path)
    kept = files.before_restore(folder, name_of(database), now_us)

    def keep_it() -> None:
        if holds_rows(database):
            files.made(folder)
            keep(database, kept)

    steps = RestoreRun(database, kept, keep_it, now_us, new_id)
    database.close()
    try:
        DRIVERS[database.name].put_back(database.engine, checked.path, steps)
    except (OffbookError, DBAPIError, CommandError, RuntimeError, OSError, KeyboardInterrupt) as error:
        raise BackupError.of(messages.RESTORE_FAILED, reason=_sentence(error), outcome=steps.outcome()) from None
    return kept if kept.exists() else None


def _manifest(database: Database, path: Path) -> Manifest | None:
    """What the seal says; None where there is none that counts. Raises BackupError."""
    try:
        return None if DRIVERS[database.name].is_used(path) else seal.read(path)
    except OSError as error:
        raise BackupError.of(messages.BACKUP_NOT_READ, path=path, reason=str(error.strerror)) from None


def _sentence(error: BaseException) -> str:
    if isinstance(error, OffbookError):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"The database could not do that ({driver_message(error)})."
    first, _, _ = str(error).strip().partition("\n")
    return f"The restore was stopped ({first.rstrip('.') or 'from outside'})."


def before_migrating(database: Database, connection: Connection, revision: str, now_us: int) -> Path | None:
    """Keep what is there, before a migration in ``connection`` changes it. None where nothing is, or it is no file.

    Raises BackupError, and then nothing should be migrated.
    """
    file = _file_of(database)
    if file is None or not _holds_rows(connection):
        return None
    folder = files.made(file.parent / files.FOLDER)
    path = files.before_upgrade(folder, name_of(database), revision, now_us)
    back_up(database, path)
    files.prune(folder, name_of(database))
    return path


def folder_of(database: Database, otherwise: Path) -> Path:
    """Where what is kept by itself belongs: beside the database, or in ``otherwise`` where that is no file."""
    file = _file_of(database)
    return (otherwise if file is None else file.parent) / files.FOLDER


def name_of(database: Database) -> str:
    """What the database is called in the names of its backups."""
    return Path(database.engine.url.database or "offbook").stem


def holds_rows(database: Database) -> bool:
    """Whether any table has a row. Raises what the driver raises."""
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
    return DRIVERS[database.name].file_of(database.engine.url)


def _is_known(database: Database, revision: str) -> bool:
    return revision in revisions()
