"""Fresh, migrated databases for tests: one per test, and a real file, since locks show in nothing less.

Migrating takes far longer than copying, so one is migrated per session and copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from storage.engines import open_engines
from storage.migrating import upgrade


def sqlite_template(folder: Path) -> Path:
    """A migrated file without rows. Closing it leaves no WAL beside it, so that it may be copied."""
    path = folder / "template.db"
    database = open_engines(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    assert not path.with_name("template.db-wal").exists()
    return path


def sqlite_copy(template: Path, folder: Path) -> str:
    """A copy in ``folder``, in the place of one that is there. Whoever still has that one open keeps the old file."""
    path = folder / "server.db"
    for old in (path, *folder.glob("server.db-*")):
        old.unlink(missing_ok=True)
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


def sqlite_kept(folder: Path, name: str) -> Path:
    """What the copy in ``folder`` holds by now, as a template. Nobody may have it open."""
    return Path(shutil.copyfile(folder / "server.db", folder / name))


@dataclass(frozen=True)
class Maker:
    """How a test gets a database of one engine: a migrated ``template`` per session, and a ``copy`` of it.

    ``kept`` makes a template of a copy, for tests that all begin with the same rows.
    """

    template: Callable[[Path], Path]
    copy: Callable[[Path, Path], str]
    kept: Callable[[Path, str], Path]


MAKERS: dict[str, Maker] = {"sqlite": Maker(sqlite_template, sqlite_copy, sqlite_kept)}
"""One for each of ENGINES."""
