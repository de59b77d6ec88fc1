"""A database of a newer version is called that, by whatever meets it, and is left as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from click.testing import Result
from sqlalchemy import text

from app import App
from ops.move.move import Unmovable, begin
from ops.schema_check import check_schema
from storage.engines.database import Database
from storage.engines.migrations import config_for
from tests.support.api_client import caller
from tests.support.browser import PASSWORD, app_on, parts_of
from tests.support.live_server import ROOT, migrated

SENTENCE = (
    "The database was made by a newer offbook (schema 9999, which this version does not know): "
    "update this program, or restore a backup of this version."
)


NEWER = "9999"


def set_revision(database: Database, number: str) -> None:
    with database.write_while_closed() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})


def head(database: Database) -> str:
    """The schema of this version."""
    return str(ScriptDirectory.from_config(config_for(database)).get_current_head())


def revision(database: Database) -> str:
    with database.read() as connection:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


@pytest.fixture
def newer(database_url: str, tmp_path: Path) -> Iterator[App]:
    app = app_on(database_url, secret_key="x" * 64, instance_path=tmp_path)
    caller(app, "ada").add(name="Ada")
    database = app.extensions["database"]
    today = revision(database)
    set_revision(database, NEWER)
    yield app
    set_revision(database, today)
    database.close()


def run(app: App, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words), input=PASSWORD + "\n")


COMMANDS = [
    ("user", "list"),
    ("user", "add", "bob", "--password-stdin"),
    ("device", "list"),
    ("book", "prune"),
    ("stream", "list"),
    ("backup", "nothing.backup"),
    ("move", "--to", "sqlite:////nowhere/offbook.db"),
    ("vacuum",),
    ("db", "upgrade"),
    ("db", "downgrade", "0001"),
    ("db", "stamp", "head"),
    ("db", "current"),
    ("db", "check"),
]


def test_every_command_says_so_and_leaves_it(newer: App) -> None:
    for words in COMMANDS:
        told = run(newer, *words)
        assert (told.exit_code, told.output.removeprefix("Error: ")) == (1, SENTENCE + "\n"), words
        assert isinstance(told.exception, SystemExit), words
    assert revision(newer.extensions["database"]) == NEWER


def test_doctor_says_so_and_looks_at_the_rest(newer: App) -> None:
    looked = run(newer, "doctor")
    assert looked.exit_code == 1
    assert f"! {SENTENCE}" in looked.stdout
    assert "flask db upgrade" not in looked.stdout
    assert "The database is whole." in looked.stdout


def test_a_backup_of_this_version_takes_its_place(newer: App, tmp_path: Path) -> None:
    """As the sentence says. What was there is kept, for the newer version."""
    database, file = newer.extensions["database"], tmp_path / "good.backup"
    set_revision(database, head(database))
    assert run(newer, "backup", str(file)).exit_code == 0
    set_revision(database, NEWER)
    put_back = run(newer, "restore", "--yes", str(file))
    assert put_back.exit_code == 0, put_back.output
    assert run(newer, "user", "list").stdout.startswith("ada")
    (kept,) = tmp_path.glob("backups/*before-restore*")
    refused = run(newer, "restore", "--yes", str(kept))
    assert refused.exit_code == 1
    assert "from a newer offbook (schema 9999)" in refused.stderr


def test_nothing_moves_into_it(newer: App, tmp_path: Path) -> None:
    """Nor into an empty one, that a newer version has only made ready."""
    database = newer.extensions["database"]
    source = migrated(tmp_path / "source")
    with database.write() as connection:
        for table in ("changes", "contacts", "attempts", "devices", "memberships", "books", "users", "settings"):
            connection.execute(text(f"DELETE FROM {table}"))
    with pytest.raises(Unmovable, match="The target can't be made ready. The database was made by a newer offbook"):
        begin(source, database, parts_of(newer).new_id)
    with source.write():
        pass
    source.close()


@pytest.mark.processes
@pytest.mark.engines("sqlite")
def test_a_server_does_not_start_on_it(newer: App, tmp_path: Path) -> None:
    environ = os.environ | {"DATABASE_URL": str(newer.extensions["database"].engine.url), "PORT": "0"}
    environ |= {"INSTANCE_PATH": str(tmp_path)}
    started = subprocess.run(
        [sys.executable, "asgi.py"], cwd=ROOT, env=environ, text=True, capture_output=True, timeout=60, check=False
    )
    assert (started.returncode, started.stderr.splitlines()) == (1, [SENTENCE])


def test_a_schema_that_is_older_still_asks_for_its_migration(database: Database) -> None:
    today = head(database)
    set_revision(database, "0005")
    (finding,) = check_schema(database)
    set_revision(database, today)
    assert finding.bad
    assert f"The schema is 0005 and should be {today}: run `flask db upgrade`" in finding.sentence
