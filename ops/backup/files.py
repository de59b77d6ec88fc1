"""Files of backups: what they are called, and how one comes into being. Nothing here knows a database.

A file is written under a temporary name, is on the disk before it gets its own, and takes no other's place. So whatever
has that name is whole; and only its owner may read it, for it holds everyone's contacts.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from offbook.core.errors import OffbookError
from ops import messages

FOLDER = "backups"
"""Beside the database: what is kept of it by itself, before something that can't be undone otherwise."""

KEPT_MAX = 5
"""So many of those made before an upgrade stay."""


class BackupError(OffbookError):
    """A backup could not be made or put back. Says how the database is left, where it is not as it was."""

    code = "backup"


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """An empty file to be filled, which then becomes ``path``; what fails leaves nothing. Raises BackupError."""
    refuse_existing(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 600
    except OSError as error:
        raise BackupError.of(messages.FILE_NOT_MADE, path=path, reason=str(error.strerror)) from None
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        _sync(draft)
        _take_name(draft, path)
        _sync(path.parent)
    except OSError as error:
        raise BackupError.of(messages.FILE_NOT_WRITTEN, path=path, reason=str(error.strerror or error)) from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def workspace(path: Path) -> Iterator[Path]:
    """A folder for what is made of ``path`` and not kept: beside it, where there is room for as much, if that may be.

    For its owner alone, and gone afterwards.
    """
    beside = path.parent if os.access(path.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".offbook-", dir=beside) as folder:
        yield Path(folder)


def refuse_existing(path: Path) -> None:
    """Raise BackupError where there is something already."""
    if os.path.lexists(path):
        raise BackupError.of(messages.FILE_EXISTS, path=path)


def _take_name(draft: Path, path: Path) -> None:
    """The name is taken first, so that of two that come together one is refused. A memory stick may know no links."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        refuse_existing(path)
        raise
    try:
        draft.replace(path)
    except OSError:
        path.unlink()
        raise


def _sync(path: Path) -> None:
    """Wait until the file, or the names in the folder, are on the disk."""
    with suppress(PermissionError):  # some systems open no folder
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


# --- what is kept by itself ----------------------------------------------------------------------------------------


def before_upgrade(folder: Path, name: str, revision: str, now_us: int) -> Path:
    """Where the backup goes that is taken before the schema leaves ``revision``."""
    return folder / f"{name}-{_stamp(now_us)}-{revision}.backup"


def before_restore(folder: Path, name: str, now_us: int) -> Path:
    """Never pruned: it is how a mistaken restore is undone."""
    return folder / f"{name}-before-restore-{_stamp(now_us)}.backup"


def made(folder: Path) -> Path:
    """The folder, made where it is not there: for its owner alone. Raises BackupError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BackupError.of(messages.FOLDER_NOT_MADE, folder=folder, reason=str(error.strerror)) from None
    return folder


def prune(folder: Path, name: str) -> None:
    """Leave the newest of those that were made before an upgrade."""
    backups = sorted(folder.glob(f"{name}-[0-9]*T[0-9]*Z-*.backup"))
    for old in backups[:-KEPT_MAX]:
        old.unlink(missing_ok=True)


def _stamp(now_us: int) -> str:
    """The time (microseconds) for the name of a file: sorts as time does."""
    return datetime.fromtimestamp(now_us / 1_000_000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
