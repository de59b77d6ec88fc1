"""Fresh, migrated databases for tests, of every engine: real ones, since locks show in nothing less.

Migrating takes far longer than copying. So a SQLite file is migrated once per process and copied for each test; a
server's databases are migrated once per process and emptied for each (tests.support.database_servers).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from tests.support.database_servers import MARIADB, POSTGRESQL, Emptied


class Maker(Protocol):
    """How a test gets a database of one engine. A template is what it holds at first."""

    def missing(self) -> str:
        """Why there are no databases of this engine here, and how to get them; empty where there are."""

    def template(self, folder: Path) -> Path:
        """One without rows."""

    def copy(self, template: Path, folder: Path) -> str:
        """The URL of a database of one's own, in the place of an older one of the same ``folder``."""

    def kept(self, folder: Path, name: str) -> Path:
        """What the copy of ``folder`` holds by now, as a template. Nobody may have it open."""

    def free(self, folder: Path) -> None:
        """The copy of ``folder`` is not needed any more."""


@cache
def empty_file() -> bytes:
    """A migrated SQLite database without rows. Closing it leaves no WAL beside it, so that it may be copied."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "empty.db")
        database = open_engines(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        assert not path.with_name("empty.db-wal").exists()
        return path.read_bytes()


class Files:
    """SQLite."""

    def missing(self) -> str:
        return ""

    def template(self, folder: Path) -> Path:
        path = folder / "template.db"
        path.write_bytes(empty_file())
        return path

    def copy(self, template: Path, folder: Path) -> str:
        """Whoever still has an older one open keeps the old file."""
        path = folder / "server.db"
        for old in (path, *folder.glob("server.db-*")):
            old.unlink(missing_ok=True)
        shutil.copyfile(template, path)
        return f"sqlite:///{path}"

    def kept(self, folder: Path, name: str) -> Path:
        return Path(shutil.copyfile(folder / "server.db", folder / name))

    def free(self, folder: Path) -> None:
        """pytest removes the folder."""


MAKERS: Mapping[str, Maker] = {"sqlite": Files(), "postgresql": Emptied(POSTGRESQL), "mysql": Emptied(MARIADB)}
"""One for each of ENGINES."""
