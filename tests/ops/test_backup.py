"""`flask backup` and `flask restore`, as they are typed, on every engine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import URL, func, insert, inspect, make_url, select, text

from app import App
from models import Base, Book, Membership, User
from offbook.core.errors import Invalid
from offbook.core.pictures import sha256_of
from ops.backup import backup, client_programs, files, mariadb, postgresql
from ops.backup import schema as backup_schema
from ops.backup.backup import DRIVERS
from ops.backup.files import BackupError
from ops.backup.restore import RestoreRun
from ops.schema_check import check_schema
from storage.engines.adapter import ENGINES
from storage.engines.database import Database, open_engines
from storage.engines.migrations import count_rows, downgrade, upgrade
from storage.engines.read_only_mode import ReadOnlyMode
from storage.schema.revisions import MIGRATIONS
from tests.cli.test_accounts import run
from tests.support.api_client import caller
from tests.support.browser import COOKIE, add_user, app_on, parts_of, signed_in
from tests.support.cookies import cookie_of, copied, earlier_cookie, is_in
from tests.support.pictures import picture

LIMIT_SECONDS = 30
HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()


def people(app: App) -> list[str]:
    return [user.name for user in parts_of(app).accounts.users()]


def epochs(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(select(Book.epoch).order_by(Book.id)))


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
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
    assert asked.exit_code == 1, asked.output
    assert asked.stderr.startswith("Error: "), asked.output
    assert len(asked.stderr.splitlines()) == 1
    assert (everything(app.extensions["database"]), kept_in(app)) == (before, files)
    return asked.stderr


def test_every_engine_has_its_backups() -> None:
    assert set(DRIVERS) == set(ENGINES)


# --- backup ----------------------------------------------------------------------------------------------------------


def keep_photos(app: App) -> None:
    """One with all bytes there are, in several chunks, one without a thumbnail, and one that can't be decoded."""
    blobs, whole = parts_of(app).blobs, picture("PNG").ljust(10_000, b"\\") + bytes(range(256)) * 5_000
    for content in (whole, picture(), picture("PNG")[:40]):
        blobs.put(1, sha256_of(content), content, parts_of(app).clock())
    blobs.shown(1, sha256_of(whole), 96)
    with pytest.raises(Invalid):
        blobs.shown(1, sha256_of(picture("PNG")[:40]), 96)


def test_a_backup_holds_everything_for_its_owner_alone(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    keep_photos(app)
    caller(app, "ada").add(details={"k": {"kind": "property", "label": "X-LONG", "value": "\u0142" * 5_000}})
    before = everything(database)
    assert before["blob_chunks"]
    backed_up(app, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.glob("*.backup*")] == [file.name]
    add_user(app, "bob")
    restored(app, file)
    after = everything(database)
    (old,), (new,) = before.pop("books"), after.pop("books")
    (was,), (is_now,) = before.pop("users"), after.pop("users")
    assert after == before
    assert was[:-1] == is_now[:-1], "only that all were signed out is another"
    assert (was[-1] or 0) < is_now[-1]
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
            connection.execute(select(func.count()).select_from(model)).scalar_one()
            for model in (User, Book, Membership)
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
    with pytest.raises(ZeroDivisionError), files.atomic_file(file) as draft:
        draft.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(BackupError, match="is there already"), files.atomic_file(file):
        file.write_text("of another")
    assert file.read_text() == "of another"
    assert [path.name for path in file.parent.iterdir() if file.name in path.name] == [file.name]


def test_a_backup_is_on_the_disk_before_it_has_its_name(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, bytes | None]] = []
    fsync = os.fsync

    def spy(handle: int) -> None:
        fsync(handle)
        synced.append((os.fstat(handle).st_ino, file.read_bytes() if file.exists() else None))

    monkeypatch.setattr(os, "fsync", spy)
    with files.atomic_file(file) as draft:
        draft.write_text("whole")
    assert synced == [(file.stat().st_ino, None), (file.parent.stat().st_ino, b"whole")]


@pytest.mark.engines("postgresql", "mysql")
def test_a_program_that_is_not_installed_is_named(app: App, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(file.parent))
    assert re.search(r"is not installed: install the package \w+-client", refused(app, "backup", str(file)))
    assert not file.exists()


ELSEWHERE = "://ada:secret@example.org:1234/book"
"""A server that nothing is to be done to."""


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (postgresql._place, "postgresql+psycopg" + ELSEWHERE),
        (postgresql._place, "postgresql+psycopg://example.org:1234/book?user=ada&password=secret"),
        (mariadb._place, "mysql+pymysql" + ELSEWHERE),
    ],
)
def test_no_password_stands_among_a_programs_arguments(place: Callable[[URL], list[str]], url: str) -> None:
    words = " ".join(place(make_url(url)))
    assert "secret" not in words
    assert all(word in words for word in ("ada", "example.org", "1234", "book"))


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("host=db.example&port=99", "user=ada dbname=book host=db.example port=99"),
        ("host=/run/postgresql", "user=ada dbname=book host=/run/postgresql port=1234"),
        ("host=one:5&host=two:6", "user=ada dbname=book host=one,two port=5,6"),
        ("sslmode=verify-full", "user=ada dbname=book host=example.org port=1234 sslmode=verify-full"),
        ("options=-csearch_path%3Dx&prepare_threshold=0", "user=ada dbname=book host=example.org port=1234"),
    ],
)
def test_postgresql_s_programs_go_where_the_server_goes(query: str, meant: str) -> None:
    """Whose options are its own: what a URL has of them, the server does not pass on."""
    option, place = postgresql._place(make_url(f"postgresql+psycopg{ELSEWHERE}?{query}"))
    assert option == "--no-password"
    name, _, found = place.partition("=")
    assert (name, sorted(found.replace("'", "").split())) == ("--dbname", sorted(meant.split()))


@pytest.mark.engines("postgresql")
def test_a_name_of_any_letters_is_passed_on(database: Database) -> None:
    name = "o'b\\ook = x"
    words = postgresql._place(database.engine.url.set(database=name))
    with pytest.raises(BackupError, match=re.escape(f'database "{name}" does not exist')):
        client_programs.run(["psql", *words], "postgresql-client", {})


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("charset=utf8mb4", "--host=example.org --port=1234 --protocol=tcp"),
        ("host=db.example&port=99", "--host=db.example --port=99 --protocol=tcp"),
        ("unix_socket=/run/db.sock", "--socket=/run/db.sock --protocol=socket"),
        ("ssl_ca=/ca.pem", "--host=example.org --port=1234 --protocol=tcp --ssl-ca=/ca.pem --ssl-verify-server-cert"),
        ("ssl_ca=/c&ssl_check_hostname=no", "--host=example.org --port=1234 --protocol=tcp --ssl-ca=/c"),
    ],
)
def test_mariadb_s_programs_go_where_the_server_goes(query: str, meant: str) -> None:
    *options, name = mariadb._place(make_url(f"mysql+pymysql{ELSEWHERE}?{query}"))
    assert (sorted(options), name) == (sorted(["--user=ada", *meant.split()]), "book")


@pytest.mark.parametrize(
    ("place", "url"),
    [
        (postgresql._place, "postgresql+psycopg://h/book?sslpassword=secret"),
        (mariadb._place, "mysql+pymysql://h/book?db=other"),
        (mariadb._place, "mysql+pymysql://h/book?read_default_file=/etc/other.cnf"),
    ],
)
def test_an_option_that_no_program_can_be_given_is_refused(place: Callable[[URL], list[str]], url: str) -> None:
    name = url.partition("?")[2].partition("=")[0]
    with pytest.raises(BackupError, match=f"^The option {name} of DATABASE_URL can't be given to "):
        place(make_url(url))


# --- restore ---------------------------------------------------------------------------------------------------------


def test_a_restored_server_begins_a_new_epoch_in_every_book(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    add_user(app, "bob")
    backed_up(app, file)
    before = epochs(database)
    restored(app, file)
    assert len({*before, *epochs(database)}) == 4


def test_a_restored_backup_lets_no_session_in_that_was_ended_after_it_was_made(app: App, file: Path) -> None:
    """Nor any other, since the backup does not know which those are; nor one that nothing was stored of."""
    add_user(app, "ada")
    ada, other, carried = signed_in(app, "ada"), signed_in(app, "ada"), earlier_cookie(app, csrf_token="c" * 40)
    cookies = [cookie_of(browser) for browser in (ada, other)] + [carried]
    backed_up(app, file)
    ada.post("/logout", "/devices")
    assert [is_in(copied(app, cookie)) for cookie in cookies] == [False, True, True]
    restored(app, file)
    assert [is_in(copied(app, cookie)) for cookie in cookies] == [False, False, False]
    assert is_in(signed_in(app, "ada"))
    assert parts_of(app).accounts.sessions(1, parts_of(app).clock()) != []


@pytest.mark.parametrize("revision", ["0008", "0001"])
def test_a_restored_backup_of_an_older_offbook_does_not_either(
    app: App, database: Database, file: Path, revision: str
) -> None:
    add_user(app, "ada")
    downgrade(database, revision)
    backup.back_up(database, file)
    upgrade(database)
    earlier = earlier_cookie(app, csrf_token="c" * 40)
    browser = copied(app, earlier)
    browser.post("/logout", "/devices")
    restored(app, file)
    assert not is_in(copied(app, earlier))


@pytest.mark.engines("sqlite")
def test_without_the_secret_of_the_instance_folder_everybody_signs_in_again(app: App, database_url: str) -> None:
    """It is in no backup. All else is there."""
    add_user(app, "ada")
    cookie = signed_in(app, "ada").client.get_cookie(COOKIE)
    assert cookie is not None
    elsewhere = app_on(database_url, secret_key="of another folder, and long enough too")
    client = elsewhere.test_client()
    client.set_cookie(COOKIE, cookie.value)
    assert "/login" in client.get("/").headers["Location"]
    assert signed_in(elsewhere, "ada").get("/").status_code == 200
    elsewhere.extensions["database"].close()


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


def test_a_table_that_the_backup_did_not_know_is_gone(app: App, database: Database, file: Path) -> None:
    """As one that a later migration added: the upgrade that follows would find it there."""
    add_user(app, "ada")
    backed_up(app, file)
    with database.migrate() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE later (id BIGINT PRIMARY KEY, user_id BIGINT, FOREIGN KEY (user_id) REFERENCES users (id))"
        )
        connection.exec_driver_sql("INSERT INTO later (id, user_id) SELECT id, id FROM users")
    restored(app, file)
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) == {*Base.metadata.tables, backup.VERSIONS}
    assert people(app) == ["ada"]


@pytest.mark.parametrize("revision", ["-1", "0001"])
def test_a_backup_of_an_older_offbook_is_upgraded(app: App, database: Database, file: Path, revision: str) -> None:
    add_user(app, "ada")
    downgrade(database, revision)
    with database.read() as connection:
        old = connection.scalar(text("SELECT version_num FROM alembic_version"))
    backup.back_up(database, file)
    upgrade(database)
    restored(app, file)
    assert backup.check(database, file).revision == old
    assert [finding.bad for finding in check_schema(database)] == [False]
    assert people(app) == ["ada"]


def test_a_backup_of_a_newer_offbook_is_refused(app: App, database: Database, file: Path) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    backup.keep(database, file)
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


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file that can't be read, by nobody, is Linux's")
def test_a_file_that_can_not_be_read_is_told_in_a_line(app: App) -> None:
    assert "can't be read: Input/output error" in refused(app, "restore", "--yes", "/proc/self/mem")


@pytest.mark.engines("postgresql", "mysql")
def test_a_database_that_is_not_there_is_told_in_a_line(app: App, database: Database, file: Path) -> None:
    backed_up(app, file)
    away = app_on(database.engine.url.set(port=1).render_as_string(hide_password=False), instance_path=file.parent)
    for command in (["backup", str(file) + "2"], ["restore", "--yes", str(file)]):
        asked = run(away, *command)
        assert (asked.exit_code, len(asked.stderr.splitlines())) == (1, 1), asked.output
        assert asked.stderr.startswith("Error: The database c")
        assert "refused" in asked.stderr


def test_a_name_of_a_file_that_is_no_text_is_told_in_a_line(app: App) -> None:
    asked = run(app, "restore", "--yes", "\udcff")
    assert asked.exit_code == 1
    assert "is not UTF-8" in asked.stderr


def test_a_backup_goes_back_into_a_database_without_a_schema(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    backed_up(app, file)
    downgrade(database, "base")
    assert "run `flask db upgrade`" in run(app, "backup", str(file) + "2").stderr
    restored(app, file)
    assert people(app) == ["ada"]


@pytest.mark.engines("postgresql", "mysql")
def test_a_restore_is_refused_while_a_server_has_the_database_open(
    app: App, database: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite copes: see tests/services/test_restored_server.py."""
    monkeypatch.setattr(client_programs, "CLOSING_SECONDS", 0.1)
    backed_up(app, file)
    server = open_engines(database.engine.url)
    with server.read():
        assert "1 other connection has the database open: stop the server" in refused(
            app, "restore", "--yes", str(file)
        )
    server.close()


def closed_to(database: Database) -> bool:
    """Whether somebody who comes now may not write."""
    other = open_engines(database.engine.url)
    try:
        with other.write():
            return False
    except ReadOnlyMode:
        return True
    finally:
        other.close()


class Meddled(RestoreRun):
    """A restore in which something happens when the old database was kept and is there still."""

    def __init__(self, app: App, meddle: Callable[[], object]) -> None:
        database, instance = app.extensions["database"], parts_of(app).config.instance_path
        super().__init__(database, instance / "kept", lambda: backup.back_up(database, self.kept), 0, lambda: "new")
        self.meddle = meddle
        database.close()

    def keep(self) -> None:
        super().keep()
        self.meddle()


@pytest.mark.engines("postgresql", "mysql")
def test_nobody_writes_from_before_a_restore_to_the_new_epochs(app: App, database: Database, file: Path) -> None:
    """Though a server is started meanwhile. SQLite's is one transaction."""
    add_user(app, "ada")
    backed_up(app, file)
    seen: list[bool] = []

    def new_id() -> str:
        seen.append(closed_to(database))
        return "new"

    backup.restore(database, backup.check(database, file), parts_of(app).config.instance_path, 0, new_id)
    DRIVERS[database.name].put_back(database.engine, file, Meddled(app, lambda: seen.append(closed_to(database))))
    assert seen == [True, True]
    assert (epochs(database), closed_to(database)) == (["new"], False)


@pytest.mark.engines("postgresql", "mysql")
def test_a_restore_that_fails_before_anything_is_replaced_changes_nothing(
    app: App, database: Database, file: Path
) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    add_user(app, "ada")
    backed_up(app, file)
    before, steps = everything(database), Meddled(app, fail)
    with pytest.raises(KeyboardInterrupt):
        DRIVERS[database.name].put_back(database.engine, file, steps)
    assert (everything(database), closed_to(database)) == (before, False)
    assert steps.outcome() == f"The database is as it was, and {steps.kept} holds it too."


@pytest.mark.engines("postgresql")
def test_a_program_that_fails_after_its_commit_leaves_a_closed_database(app: App, database: Database) -> None:
    """What was put back has the epochs of before still."""
    steps = Meddled(app, lambda: None)
    with pytest.raises(KeyboardInterrupt), steps.closed():
        with database.write_while_closed() as connection:
            connection.exec_driver_sql(postgresql.CLOSE.decode())
        raise KeyboardInterrupt
    assert closed_to(database)
    assert "takes no changes" in steps.outcome()


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("share", [0.9, 0])
def test_a_file_that_ends_while_it_is_restored_changes_nothing(
    app: App, database: Database, file: Path, share: float
) -> None:
    add_user(app, "ada")
    backed_up(app, file)
    before, length = everything(database), int(file.stat().st_size * share)
    with pytest.raises(BackupError, match="^pg_restore failed"):
        DRIVERS[database.name].put_back(database.engine, file, Meddled(app, lambda: os.truncate(file, length)))
    assert (everything(database), closed_to(database)) == (before, False)


@pytest.mark.engines("mysql")
def test_a_dump_that_fails_half_way_leaves_a_closed_database(app: App, database: Database, file: Path) -> None:
    """Which no upgrade takes for an empty one either."""
    add_user(app, "ada")
    backed_up(app, file)
    steps = Meddled(app, lambda: file.write_text("nonsense;\n"))
    with pytest.raises(BackupError, match="^mariadb failed"):
        DRIVERS[database.name].put_back(database.engine, file, steps)
    assert closed_to(database)
    assert run(app, "db", "upgrade").exit_code != 0
    assert f"`flask restore {steps.kept}` puts back what was there" in steps.outcome()
    restored(app, steps.kept)
    assert (people(app), closed_to(database)) == (["ada"], False)


@pytest.mark.engines("postgresql", "mysql")
def test_a_restore_that_is_not_finished_says_so_and_how_to_go_back(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    backed_up(app, file)
    add_user(app, "bob")
    too_long = "x" * 1000
    with pytest.raises(BackupError, match="could not do that .*is not whole, and takes no changes") as failed:
        backup.restore(database, backup.check(database, file), parts_of(app).config.instance_path, 0, lambda: too_long)
    assert "\n" not in str(failed.value)
    told = run(app, "doctor")
    assert told.exit_code == 1
    assert "A restore of this database is not finished" in told.output
    assert "A restore of this database is not finished" in run(app, "move", "--back").stderr
    found = re.search("`flask restore (.+)` puts back what was there", str(failed.value))
    assert found
    assert closed_to(database)
    restored(app, Path(found[1]))
    assert (people(app), closed_to(database)) == (["ada", "bob"], False)


@pytest.mark.engines("sqlite")
def test_a_restore_goes_on_when_a_writer_is_done(app: App, database: Database, file: Path) -> None:
    """And loses nothing of what was written until then: it is in what is kept."""
    backed_up(app, file)
    other = open_engines(database.engine.url)
    with other.write() as connection:
        restoring = Thread(target=restored, args=(app, file))
        restoring.start()
        connection.execute(insert(User), {"name": "late", "password_hash": "x", "created_at": 0})
    restoring.join()
    assert people(app) == []
    (kept,) = kept_in(app)
    restored(app, kept)
    with database.read() as connection:
        assert connection.scalars(select(User.name)).all() == ["late"]
    other.close()


@pytest.mark.engines("sqlite")
def test_a_damaged_database_stays_until_it_is_moved_away(app: App, database: Database, file: Path) -> None:
    add_user(app, "ada")
    backed_up(app, file)
    database.close()
    live = Path(str(database.engine.url.database))
    live.write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    asked = run(app, "restore", "--yes", str(file))
    assert asked.exit_code == 1
    assert f"If {live} is damaged, move it away first" in asked.stderr
    database.close()
    for part in live.parent.glob(live.name + "*"):
        part.unlink()
    restored(app, file)
    assert (people(app), kept_in(app)) == (["ada"], [])


@pytest.mark.engines("sqlite")
def test_the_database_itself_is_no_backup_of_it(app: App, database: Database) -> None:
    assert "is the database itself" in refused(app, "restore", "--yes", str(database.engine.url.database))


# --- before an upgrade -----------------------------------------------------------------------------------------------


def upgraded(app: App) -> str:
    done = run(app, "db", "upgrade")
    assert done.exit_code == 0, done.output
    return done.stderr


@pytest.mark.engines("sqlite")
def test_what_is_there_is_kept_before_an_upgrade(app: App, database: Database) -> None:
    add_user(app, "ada")
    downgrade(database, "-1")
    before = everything_named(database)
    for known in (backup_schema.template, backup_schema.expected_at):
        known.cache_clear()  # as in a new process: the schema of before is made in the middle of the migration
    said = upgraded(app)
    (kept,) = kept_in(app)
    assert str(kept) in said
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    copy = open_engines(f"sqlite:///{kept}")
    assert everything_named(copy) == before
    copy.close()


def everything_named(database: Database) -> list[tuple[str, int]]:
    with database.read() as connection:
        return sorted(count_rows(connection).items())


@pytest.mark.engines("sqlite")
def test_nothing_is_kept_where_nothing_is_migrated(app: App, database: Database) -> None:
    add_user(app, "ada")
    upgraded(app)
    assert run(app, "db", "current").exit_code == run(app, "db", "check").exit_code == 0
    assert kept_in(app) == []


@pytest.mark.engines("sqlite")
def test_nothing_is_kept_of_a_database_without_rows(app: App, database: Database) -> None:
    downgrade(database, "-1")
    upgraded(app)
    assert kept_in(app) == []


@pytest.mark.engines("sqlite")
def test_an_upgrade_of_what_no_migration_made_does_not_happen(app: App, database: Database) -> None:
    """What is kept before it is looked at like any other backup: one that can't be restored is no way back."""
    add_user(app, "ada")
    downgrade(database, "-1")
    with database.write() as connection:
        connection.execute(text("CREATE TRIGGER mine AFTER INSERT ON users BEGIN SELECT 1; END"))
    failed = run(app, "db", "upgrade")
    assert failed.exit_code == 1
    assert "there is the trigger mine, which no migration makes" in failed.output
    assert kept_in(app) == []


@pytest.mark.engines("sqlite")
def test_an_upgrade_without_a_backup_does_not_happen(app: App, database: Database, tmp_path: Path) -> None:
    add_user(app, "ada")
    downgrade(database, "-1")
    (tmp_path / "backups").write_text("no folder")
    failed = run(app, "db", "upgrade")
    assert failed.exit_code == 1
    assert "Nothing was migrated, since no backup could be made first." in failed.output + failed.stderr
    assert [finding.bad for finding in check_schema(database)] == [True]


def test_the_last_few_are_kept_and_those_of_restores_all(tmp_path: Path, now: int) -> None:
    made = [files.before_upgrade(tmp_path, "offbook", "0005", now + number * 10**9) for number in range(8)]
    others = [
        files.before_restore(tmp_path, "offbook", now),
        tmp_path / "mine",
        tmp_path / "other-1-0005.backup",
    ]
    for path in (*made, *others):
        path.touch()
    files.prune(tmp_path, "offbook")
    assert sorted(tmp_path.iterdir()) == sorted([*made[-5:], *others])
