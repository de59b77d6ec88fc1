"""`flask backup` and `flask restore`, as they are typed, on every engine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import func, select, text

from app import App
from models import Base, Book, Membership, User
from storage import backup_files, backups
from storage.backup_files import BackupError
from storage.doctor import schema
from storage.engines import Database
from storage.migrating import MIGRATIONS, downgrade, upgrade
from tests.browser import add_user, app_on, parts_of
from tests.test_cli_server import run

LIMIT_SECONDS = 30
HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    made = app_on(database_url, instance_path=tmp_path)
    yield made
    made.extensions["database"].close()


@pytest.fixture
def database(app: App) -> Database:
    found: Database = app.extensions["database"]
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the test's backup goes."""
    return tmp_path / "offbook.backup"


def people(app: App) -> list[str]:
    return [user.name for user in parts_of(app).accounts.users()]


def epochs(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(Book.epoch).order_by(Book.id)))


def everything(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


def kept_in(app: App) -> list[Path]:
    return sorted(parts_of(app).config.instance_path.glob("backups/*"))


def backed_up(app: App, file: Path) -> Path:
    made = run(app, "backup", str(file))
    assert made.exit_code == 0, made.output
    return file


def restored(app: App, file: Path) -> None:
    done = run(app, "restore", "--yes", str(file))
    assert done.exit_code == 0, done.output


def refused(app: App, *words: str) -> str:
    """What a command says that does nothing: one sentence."""
    before, files = everything(app.extensions["database"]), kept_in(app)
    asked = run(app, *words)
    assert asked.exit_code == 1 and asked.stderr.startswith("Error: "), asked.output
    assert len(asked.stderr.splitlines()) == 1
    assert (everything(app.extensions["database"]), kept_in(app)) == (before, files)
    return asked.stderr


# --- backup ----------------------------------------------------------------------------------------------------------


def test_a_backup_holds_everything_for_its_owner_alone(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    before = everything(database)
    backed_up(app, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.glob("*.backup*")] == [file.name]
    add_user(app, "bob")
    restored(app, file)
    after = everything(database)
    (old,), (new,) = before.pop("books"), after.pop("books")
    assert after == before
    assert sum(one != other for one, other in zip(old, new, strict=True)) == 1, "only the epoch is another"


def test_a_backup_is_one_moment_while_others_write(app: App, database: Database, file: Path) -> None:
    """Each person has a book, and a membership in it, from the same transaction."""
    stop, wrote = Event(), Event()

    def write() -> None:
        for number in range(10_000):
            if stop.is_set():
                return
            add_user(app, f"person {number}")
            wrote.set()

    writer = Thread(target=write)
    writer.start()
    try:
        assert wrote.wait(LIMIT_SECONDS)
        backed_up(app, file)
        wrote.clear()
        assert wrote.wait(LIMIT_SECONDS), "nobody wrote meanwhile"
    finally:
        stop.set()
        writer.join()
    total = len(people(app))
    restored(app, file)
    with database.read() as connection:
        users, books, members = (
            connection.scalar(select(func.count()).select_from(one)) for one in (User, Book, Membership)
        )
    assert 0 < users == books == members < total


def test_a_file_that_is_there_is_not_overwritten(app: App, file: Path) -> None:
    file.write_text("dear")
    assert "is there already" in refused(app, "backup", str(file))
    assert file.read_text() == "dear"
    file.unlink()
    file.symlink_to(file.parent / "nowhere")
    assert "is there already" in refused(app, "backup", str(file))


def test_a_folder_that_is_not_there_is_told_in_a_line(app: App, tmp_path: Path) -> None:
    assert "can't be written" in refused(app, "backup", str(tmp_path / "nowhere" / "x"))


def test_a_backup_that_fails_leaves_nothing_behind(file: Path) -> None:
    """Nor does one whose name is taken while it is made."""
    with pytest.raises(ZeroDivisionError), backup_files.aside(file) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(BackupError, match="is there already"), backup_files.aside(file):
        file.write_text("of another")
    assert file.read_text() == "of another"
    assert [path.name for path in file.parent.iterdir() if file.name in path.name] == [file.name]


# --- restore ---------------------------------------------------------------------------------------------------------


def test_a_restored_server_begins_a_new_epoch_in_every_book(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    add_user(app, "bob")
    backed_up(app, file)
    before = epochs(database)
    restored(app, file)
    assert len({*before, *epochs(database)}) == 4


def test_a_mistaken_restore_is_undone_with_what_was_kept(app: App, file: Path) -> None:
    add_user(app, "ada")
    backed_up(app, file)
    add_user(app, "bob")
    restored(app, file)
    assert people(app) == ["ada"]
    (kept,) = kept_in(app)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    restored(app, kept)
    assert people(app) == ["ada", "bob"]


def test_a_restore_asks_first(app: App, file: Path) -> None:
    backed_up(app, file)
    add_user(app, "ada")
    declined = run(app, "restore", str(file), typed="n\n")
    assert (declined.exit_code, people(app), kept_in(app)) == (1, ["ada"], [])
    agreed = run(app, "restore", str(file), typed="y\n")
    assert (agreed.exit_code, people(app)) == (0, [])


def test_a_backup_of_an_older_offbook_is_upgraded(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    downgrade(database, "-1")
    with database.read() as connection:
        old = connection.scalar(text("SELECT version_num FROM alembic_version"))
    backups.back_up(database, file)
    upgrade(database)
    restored(app, file)
    assert backups.check(database, file) == old
    assert [finding.bad for finding in schema(database)] == [False]
    assert people(app) == ["ada"]


def test_a_backup_of_a_newer_offbook_is_refused(app: App, database: Database, file: Path) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backups.back_up(database, file)
    with database.write() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))
    assert "newer offbook (schema 9999): update offbook" in refused(app, "restore", "--yes", str(file))


@pytest.mark.parametrize("content", [b"", b"words", b"SQLite format 3\0" + b"\1" * 500, os.urandom(5000), b"PGDMP\1\1"])
def test_what_is_no_backup_is_refused(app: App, file: Path, content: bytes) -> None:
    add_user(app, "ada")
    file.write_bytes(content)
    assert "is no backup" in refused(app, "restore", "--yes", str(file))


def test_a_backup_that_was_cut_off_is_refused(app: App, file: Path) -> None:
    add_user(app, "ada")
    backed_up(app, file)
    whole = file.read_bytes()
    for length in (len(whole) // 2, len(whole) - 10):
        file.write_bytes(whole[:length])
        refused(app, "restore", "--yes", str(file))


def test_a_file_that_is_not_there_is_told_in_a_line(app: App, tmp_path: Path) -> None:
    assert "There is no file" in refused(app, "restore", "--yes", str(tmp_path / "nowhere"))
    assert "There is no file" in refused(app, "restore", "--yes", str(tmp_path))
