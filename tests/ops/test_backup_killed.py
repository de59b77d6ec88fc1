"""A restore that is killed, by a signal that nothing can catch: all of the old is there, or all of the new."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing, suppress
from math import ceil
from pathlib import Path

import pytest

from app import App
from models import Base
from ops.backup import mariadb, postgresql, sqlite
from ops.backup.client_programs import feed
from ops.backup.files import BackupError
from ops.move.closed_marker import RESTORE, set_mark
from storage.engines.database import Database
from tests.ops.test_backup import backed_up, closed_to, everything, people, restored
from tests.support.browser import add_user
from tests.support.live_server import ROOT
from tests.support.polling import wait_until

pytestmark = pytest.mark.kills

SETTINGS = Base.metadata.tables["settings"].name


@pytest.fixture
def file(app: App, tmp_path: Path) -> Path:
    """A backup in which there is one person less than in the database."""
    add_user(app, "ada")
    path = backed_up(app, tmp_path / "offbook.backup")
    add_user(app, "bob")
    return path


def killed(database: Database, file: Path, *points: str) -> list[str]:
    """The points at which a restore was killed: see tests.support.restore_killer."""
    database.close()
    url = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.support.restore_killer", url, str(file), *points]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def page_count(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


@pytest.mark.engines("sqlite")
def test_a_restore_that_is_killed_leaves_the_old_database_or_the_new_one(
    app: App, database: Database, file: Path
) -> None:
    before = everything(database)
    last_step = ceil(page_count(database) / sqlite.PAGES_AT_ONCE) - 1
    early = ["restore:finish:0", "restore:keep:0", f"sqlite:step:{last_step - 1}"]
    assert killed(database, file, *early) == early
    assert everything(database) == before
    assert database.faults() == []
    assert not closed_to(database)
    late = [f"sqlite:step:{last_step}"]
    assert killed(database, file, *late) == late
    assert people(app) == ["ada"]
    assert database.faults() == []


@pytest.mark.engines("postgresql")
def test_a_dump_that_ends_because_the_restore_was_killed_is_not_committed(
    app: App, database: Database, file: Path
) -> None:
    """psql goes on alone with what it got. The database stays closed, and says what to do."""
    before = everything(database)
    assert killed(database, file, "client_programs:read:1")
    with database.engine.connect() as connection:
        apart = connection.execution_options(isolation_level="AUTOCOMMIT")
        wait_until(lambda: apart.scalar(postgresql.OTHERS) == 0)
    after = everything(database)
    assert [name for name in before if before[name] != after[name]] == [SETTINGS]
    assert closed_to(database)
    database.close()
    restored(app, file)
    assert (people(app), closed_to(database)) == (["ada"], False)


@pytest.mark.engines("mysql")
def test_a_dump_that_ends_anywhere_leaves_a_closed_database(app: App, database: Database, file: Path) -> None:
    """Also where it replaces the table with the mark: MariaDB takes nothing back."""
    with closing(file.open("rb")) as dump:
        lines = list(mariadb.closing(dump, replaces=True))
    first = next(number for number, line in enumerate(lines) if mariadb.NEW.encode() in line)
    last = next(number for number, line in enumerate(lines) if b"RENAME TABLE" in line)
    with database.exclusive() as connection:
        set_mark(connection, RESTORE)
    database.close()
    run_client(database, lines[:first])
    for end in range(first, last + 2):
        with suppress(BackupError):  # within a statement it complains of its end
            run_client(database, lines[first:end])
        assert closed_to(database), lines[end - 1]
        database.close()
    run_client(database, lines)
    assert closed_to(database)
    database.close()
    restored(app, file)
    assert (people(app), closed_to(database)) == (["ada"], False)


def run_client(database: Database, lines: list[bytes]) -> None:
    url = database.engine.url
    words = ["mariadb", *mariadb._place(url)]
    feed(words, mariadb.PACKAGE, mariadb._secrets(url), lines)
