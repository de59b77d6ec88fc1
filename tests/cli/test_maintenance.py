"""Looking after a server: what `flask doctor` finds and says to do, `flask vacuum`, and a log that stays short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import Event

import pytest
from click.testing import Result
from sqlalchemy import inspect, text

from app import App
from cli.maintenance import (
    LATE_US,
    check_clock,
    check_disk_space,
    check_exposure,
    check_limits,
    check_log_length,
    check_secrets,
    check_users,
)
from config import Config
from models import Base
from offbook.core.accounts.users import UserAction, kept_until
from offbook.tables import Map, Ref, Table, Text
from ops.doctor import UserCounts
from ops.grow import grow
from ops.query_plans import full_scans, index_checks
from ops.schema_check import Finding
from storage.engines import postgresql_maintenance, sqlite_maintenance
from storage.engines.database import Database
from storage.engines.sqlite_maintenance import LOG_BYTES_MAX, length
from storage.schema.known_tables import KnownTables, read_known_tables
from storage.values.databases import DatabaseSize, LogSize
from tests.support.api_client import caller, change
from tests.support.app_schemas import of_app
from tests.support.browser import add_user, app_on, parts_of

MB = 10**6
DAY_US = 86_400 * MB
INDEXES = {str(index.name): index for index in Base.metadata.tables["contacts"].indexes}


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    app = app_on(database_url, secret_key="x" * 64, instance_path=tmp_path)
    yield app
    app.extensions["database"].close()


def run(app: App, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words))


def filled(app: App, contacts: int = 300) -> Database:
    """A book with contacts, each with a detail."""
    device = caller(app, "ada")
    entry = {"kind": "phone", "value": "555-1234"}
    data = [{"name": f"Person {n}", "notes": token_hex(1_500), "details": {"k1": entry}} for n in range(contacts)]
    device.synced(*(change(data=fields) for fields in data))
    database: Database = app.extensions["database"]
    return database


# --- the doctor ------------------------------------------------------------------------------------------------------


def test_the_doctor_tells_versions_index_use_log_disk_and_clock_in_sentences(app: App) -> None:
    filled(app, 1)
    looked = run(app, "doctor")
    assert looked.exit_code == 0, looked.output
    for words in (
        "offbook 0.1.0 on Python 3.",
        "find their rows by their indexes",
        "The database takes ",
        "clock agrees",
        "The secrets",
    ):
        assert words in looked.stdout
    assert all(line.strip().endswith(".") for line in looked.stdout.splitlines())


@pytest.mark.engines("sqlite")
def test_the_doctor_tells_how_much_room_the_disk_has_and_how_long_the_log_is(app: App) -> None:
    looked = run(app, "doctor").stdout
    assert " free." in looked
    assert "The log of the database (WAL) has " in looked


def test_the_doctor_looks_at_a_database_before_its_migration(tmp_path: Path) -> None:
    app = app_on(f"sqlite:///{tmp_path}/new.db", secret_key="x" * 64, instance_path=tmp_path)
    looked = run(app, "doctor")
    assert looked.exit_code == 1
    assert "! The schema is missing" in looked.stdout
    assert "The database is whole." in looked.stdout
    app.extensions["database"].close()


@pytest.mark.parametrize("command", ["doctor", "vacuum"])
def test_a_database_that_can_not_be_read_is_told_in_a_sentence(tmp_path: Path, command: str) -> None:
    (tmp_path / "junk.db").write_text("no database at all" * 100)
    app = app_on(f"sqlite:///{tmp_path}/junk.db", secret_key="x" * 64, instance_path=tmp_path)
    looked = run(app, command)
    assert looked.exit_code == 1
    assert "The database can't be read (file is not a database): check DATABASE_URL" in looked.output
    assert "Traceback" not in looked.output
    app.extensions["database"].close()


@contextmanager
def without_indexes(database: Database, *names: str) -> Iterator[None]:
    """A server's database is emptied for the next test, and not made anew."""
    with database.write() as connection:
        for name in names:
            INDEXES[name].drop(connection)
    database.close()  # a connection explains what it explained before, and a command has one of its own
    yield
    with database.write() as connection:
        for name in names:
            INDEXES[name].create(connection, checkfirst=True)


NOTEBOOKS = Table("notebooks", Text("name", required=True))
NOTES = Table("notes", Ref("notebook", "notebooks", gone="clear"), Map("links", Ref("to", "notebooks", gone="clear")))


def test_the_doctor_finds_an_index_that_is_missing_and_says_how_to_make_it(app: App) -> None:
    database = filled(app, 1)
    with without_indexes(database, "ix_contacts_list"):
        looked = run(app, "doctor")
        assert looked.exit_code == 1
        (line,) = [line for line in looked.stdout.splitlines() if line.startswith("!")]
        assert line.startswith(
            "! The index ix_contacts_list is missing: run `CREATE INDEX ix_contacts_list ON contacts ("
        )
        with database.write() as connection:
            connection.exec_driver_sql(line.split("`")[1])
        assert run(app, "doctor").exit_code == 0


def test_a_statement_that_reads_too_much_is_found(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_maintenance, "SMALL_ROWS", 100)
    database = filled(app)
    database.vacuum()
    assert full_scans(database) == []
    with without_indexes(database, *INDEXES):
        assert {question.name for question in full_scans(database)} == {"the list of contacts"}
    assert {check.table for check in index_checks(KnownTables())} >= {"contacts", "contact_details", "changes"}


def test_the_doctor_looks_after_the_indexes_of_an_app_s_tables(app: App) -> None:
    database = filled(app, 1)
    grow(database, of_app(NOTEBOOKS, NOTES), parts_of(app).clock())
    with database.read() as connection:
        checks = index_checks(read_known_tables(connection))
    questions = {check.table for check in checks if check.name == "what refers to notebooks"}
    assert questions == {"app_notes", "app_notes_links"}
    assert run(app, "doctor").exit_code == 0
    with database.write() as connection:
        names = {index["name"] for table in sorted(questions) for index in inspect(connection).get_indexes(table)}
        (index,) = [name for name in names if name and name.startswith("ix_app_notes_links_to")]
        connection.exec_driver_sql(f"DROP INDEX {index}{' ON app_notes_links' * (database.name == 'mysql')}")
    assert f"! The index {index} is missing" in run(app, "doctor").stdout


def test_the_doctor_finds_seqs_that_lie_in_the_future_and_says_by_how_much(app: App) -> None:
    database = filled(app, 1)
    with database.write() as connection:
        books = Base.metadata.tables["books"]
        connection.execute(books.update().values(seq=parts_of(app).clock() + 3 * DAY_US))
    looked = run(app, "doctor")
    assert looked.exit_code == 1
    assert "! What was stored last is 2 days in the future" in looked.stdout
    assert "NTP" in looked.stdout


def test_the_doctor_tells_who_is_let_in_and_who_is_not(app: App) -> None:
    parts = parts_of(app)
    assert "can sign in" not in run(app, "doctor").stdout
    for name in ("ada", "bob", "dan", "eve"):
        add_user(app, name, admin=name == "ada")
    parts.user_rights.act(parts.accounts.user_named("bob").id, parts.clock(), UserAction.DISABLE)
    parts.user_rights.act(parts.accounts.user_named("eve").id, parts.clock(), UserAction.REMOVE)
    looked = run(app, "doctor")
    assert looked.exit_code == 0
    assert "2 users can sign in, 1 of them as admin; 1 disabled, 1 in the trash." in looked.stdout


def test_the_doctor_finds_somebody_whom_no_purge_has_deleted(app: App) -> None:
    parts, eve = parts_of(app), add_user(app, "eve")
    parts.user_rights.act(eve, parts.clock() - 33 * DAY_US, UserAction.REMOVE)
    looked = run(app, "doctor")
    assert looked.exit_code == 1
    assert "! Somebody is in the trash since" in looked.stdout
    assert "run `flask book prune` once a day" in looked.stdout
    run(app, "book", "prune")
    assert run(app, "doctor").exit_code == 0


def test_a_purge_may_be_a_day_late_and_a_server_without_admins_is_told_how_to_make_one() -> None:
    counts = UserCounts(let_in=1, admins=0, disabled=0, removed=1, first_removed_at=0)
    (finding,) = check_users(counts, kept_until(0) + LATE_US)
    assert not finding.bad
    assert "flask user admin NAME" in finding.sentence
    assert check_users(counts, kept_until(0) + LATE_US + 1)[1].bad


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        (check_clock(10**15 + 3_600 * MB, 10**15), "1 hour in the future"),
        (check_disk_space(DatabaseSize(400 * MB, folder=Path("/")), 700 * MB, 2), "make room for 800.0 MB"),
        (check_disk_space(DatabaseSize(1_000, folder=Path("/")), 5 * MB, 2), "make room for 100.0 MB"),
        (check_log_length(LogSize(200 * MB, 150 * MB, 32 * MB)), "find and end it"),
        (check_log_length(LogSize(200 * MB, 0, 32 * MB)), "run `flask vacuum`"),
        (check_limits(Config(threads=0, waiting_max=0)), "with threads, waiting_max at 0"),
        (check_exposure(Config(host="0.0.0.0")), "put a proxy in front"),
        (check_secrets(Config(secret_key="short", instance_path=Path("/none"))), "choose a longer one"),
        (
            check_secrets(Config(secret_key="x" * 64, metrics_token="a", instance_path=Path("/none"))),
            "METRICS_TOKEN is shorter",
        ),
    ],
)
def test_what_is_bad_is_told_with_what_to_do(findings: list[Finding], words: str) -> None:
    (finding,) = findings
    assert finding.bad
    assert words in finding.sentence


@pytest.mark.parametrize(
    "findings",
    [
        check_clock(0, 10**15),
        check_clock(10**15 + MB // 2, 10**15),
        check_disk_space(DatabaseSize(400 * MB, folder=Path("/")), 900 * MB, 2),
        check_disk_space(DatabaseSize(400 * MB), None, 2),
        check_log_length(LogSize(60 * MB, 0, 32 * MB)),
        check_limits(Config(trusted_proxies=0, port=0)),
        check_exposure(Config(host="0.0.0.0", trusted_proxies=1)),
        check_secrets(Config(secret_key="x" * 64, instance_path=Path("/none"))),
    ],
)
def test_what_is_well_is_told_as_well(findings: list[Finding]) -> None:
    assert [finding.bad for finding in findings] == [False]


# --- vacuum ----------------------------------------------------------------------------------------------------------


def test_a_vacuum_gives_back_the_space_of_what_was_deleted_and_tells_both_sizes(app: App) -> None:
    database = filled(app)
    database.vacuum()  # some databases know their size only since they counted
    with database.write() as connection:
        for table in ("changes", "contact_details", "contacts"):
            connection.execute(text(f"DELETE FROM {table}"))
    before = database.size().data
    done = run(app, "vacuum")
    assert done.exit_code == 0, done.output
    after = database.size().data
    assert after < (before / 2 if database.name == "sqlite" else before)
    waits, sizes = done.stdout.splitlines()
    assert waits == database.adapter.MAINTENANCE.VACUUM_LOCK_NOTICE
    assert sizes.startswith("The database takes ")
    assert "; before it took " in sizes
    assert "!" not in run(app, "doctor").stdout


def test_a_vacuum_changes_nothing_else_and_every_question_still_has_its_index(app: App) -> None:
    database = filled(app)
    add_user(app, "bob")
    device = caller(app, "ada", "phone")
    before = device.synced(since=None)
    assert run(app, "vacuum").exit_code == 0
    assert device.synced(since=None) == before
    database.close()
    assert full_scans(database) == []


def test_a_vacuum_lets_readers_read_and_makes_writers_wait(app: App) -> None:
    database = filled(app)
    with ThreadPoolExecutor(2) as pool, database.read() as connection:
        count = text("SELECT count(*) FROM contacts")
        assert connection.execute(count).scalar_one() == 300
        vacuumed = pool.submit(database.vacuum)
        assert connection.execute(count).scalar_one() == 300
        connection.commit()
        vacuumed.result(30)
    caller(app, "ada", "phone").add(name="Grace")


@pytest.mark.engines("sqlite")
def test_a_vacuum_is_refused_where_the_disk_has_no_room_for_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_maintenance, "VACUUM_SPACE_FACTOR", 10**15)
    refused = run(app, "vacuum")
    assert refused.exit_code == 1
    assert "make room there first" in refused.stderr


# --- the log of SQLite -----------------------------------------------------------------------------------------------

COMMIT_BYTES = 1_000_000
READERS, WRITERS = 4, 2


@pytest.fixture
def long(app: App) -> tuple[Database, Callable[[], None], Callable[[], int]]:
    """The database, what commits a megabyte to it, and how long its log is."""
    database: Database = app.extensions["database"]
    with database.write() as connection:
        connection.execute(text("CREATE TABLE filler (id INTEGER PRIMARY KEY, filling BLOB)"))

    def commit() -> None:
        with database.write() as connection:
            connection.execute(text(f"REPLACE INTO filler VALUES (1, zeroblob({COMMIT_BYTES}))"))

    return database, commit, lambda: length(f"{database.engine.url.database}-wal")


@pytest.mark.engines("sqlite")
def test_readers_that_overlap_without_a_gap_do_not_make_the_log_grow(
    long: tuple[Database, Callable[[], None], Callable[[], int]],
) -> None:
    database, commit, log = long
    done, longest = Event(), [0]

    def read() -> None:
        while not done.is_set():
            with database.read() as connection:
                connection.execute(text("SELECT sum(length(filling)) FROM filler")).all()

    def write() -> None:
        for _ in range(60):
            commit()
            longest[0] = max(longest[0], log())

    with ThreadPoolExecutor(READERS + WRITERS) as pool:
        reading = [pool.submit(read) for _ in range(READERS)]
        writing = [pool.submit(write) for _ in range(WRITERS)]
        try:
            for future in writing:
                future.result(60)
        finally:
            done.set()
        for future in reading:
            future.result(60)
    assert longest[0] <= 2 * LOG_BYTES_MAX


@pytest.mark.engines("sqlite")
def test_the_log_comes_down_again_when_a_reader_that_stayed_has_ended(
    long: tuple[Database, Callable[[], None], Callable[[], int]],
) -> None:
    database, commit, log = long
    with database.read() as stays:
        stays.execute(text("SELECT count(*) FROM filler"))
        while log() < 2 * LOG_BYTES_MAX:
            commit()
        size = database.log()
        assert size is not None
        assert size.held_bytes > LOG_BYTES_MAX
    most = 3 * LOG_BYTES_MAX // COMMIT_BYTES
    while log() > LOG_BYTES_MAX:
        commit()
        most -= 1
        assert most, "the log stays as long as it is"
    size = database.log()
    assert size is not None
    assert size.held_bytes == 0
