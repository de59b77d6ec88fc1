"""Fresh, migrated databases for tests: one per test, and a real file, since locks show in nothing less.

Migrating takes far longer than copying, so one is migrated per session and copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
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
    path = folder / "server.db"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


MAKERS: dict[str, tuple[Callable[[Path], Path], Callable[[Path, Path], str]]] = {
    "sqlite": (sqlite_template, sqlite_copy),
}
"""How a test gets a database of each of ENGINES: a template per session, and the URL of a copy of it."""
