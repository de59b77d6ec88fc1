"""A backup that is not what was written is refused, with what is wrong, before anything is touched: on every engine.

Three hands alter it here: chance, which knows no checksum; somebody who makes the checksum anew; and somebody who takes
it away, so that the file passes for one of an older version, which had none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from app import App
from models import Base, Setting
from ops.backup import backup, contents, mariadb_dump, postgresql_dump
from ops.backup import seal as backup_seal
from ops.backup.client_programs import run as run_program
from ops.backup.contents import Faulty, Loader
from ops.backup.files import BackupError
from ops.backup.schema import differences, expected_at, of_sqlite, scratch_at
from ops.backup.seal import Manifest
from storage.engines.database import Database
from storage.engines.migrations import downgrade
from storage.engines.sqlite import driver
from storage.schema.declaration import SHAPE, TABLES
from tests.cli.test_accounts import run
from tests.ops.test_backup import HEAD, everything, people, refused, restored
from tests.support.api_client import Caller
from tests.support.browser import add_user, app_on

UNSEALED_HEAD = "0006"
"""The schema of an early version, whose backups have no checksum."""


@pytest.fixture
def file(app: App, database: Database, laptop: Caller, tmp_path: Path) -> Path:
    """A backup of a server with a person, a device and a contact."""
    laptop.add(name="Lovelace")
    path = tmp_path / "offbook.backup"
    backup.back_up(database, path)
    return path


def why_refused(database: Database, path: Path) -> str:
    with pytest.raises(BackupError) as refusal:
        backup.check(database, path)
    assert "\n" not in str(refusal.value)
    assert list(path.parent.glob(".offbook-*")) == [], "what was made for the look is gone"
    return str(refusal.value)


def manifest_of(database: Database, path: Path) -> Manifest | None:
    return backup.check(database, path).manifest


def unseal(path: Path) -> Path:
    os.truncate(path, backup_seal.content_bytes(path))
    return path


def flip(path: Path, offset: int, bits: int = 0x10) -> None:
    with path.open("r+b") as stream:
        stream.seek(offset)
        (byte,) = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte ^ bits]))


# --- by chance -------------------------------------------------------------------------------------------------------


@pytest.mark.engines("sqlite")
def test_a_backup_is_refused_whichever_byte_is_flipped(database: Database, laptop: Caller, file: Path) -> None:
    """In pages that are free, in the header, in the seal: and the server goes on with what it has."""
    before, size = everything(database), file.stat().st_size
    seal = backup_seal.content_bytes(file)
    for offset in {*range(100), *range(0, size, 1_499), *range(seal, size, 7), size - 1}:
        flip(file, offset)
        assert why_refused(database, file).startswith(str(file)), offset
        flip(file, offset)
    assert everything(database) == before
    assert laptop.get("/contacts").status_code == 200
    assert backup.check(database, file).manifest is not None


@pytest.mark.engines("postgresql", "mysql")
def test_a_dump_is_refused_whichever_byte_is_flipped(app: App, database: Database, file: Path) -> None:
    before, size = everything(database), file.stat().st_size
    seal = backup_seal.content_bytes(file)
    for offset in {0, 5, *range(10, seal, seal // 200), *range(seal, size, 80), size - 65, size - 1}:
        flip(file, offset)
        why_refused(database, file)
        flip(file, offset)
    assert everything(database) == before
    restored(app, file)


def test_a_backup_is_refused_wherever_it_is_cut_and_when_it_grew(app: App, database: Database, file: Path) -> None:
    whole, seal = file.read_bytes(), backup_seal.content_bytes(file)
    for length in (0, 1, 100, seal // 2, *range(seal - 100, seal + 101, 50), seal - 1, seal + 1, *range(-100, 0, 33)):
        file.write_bytes(whole[:length])
        why_refused(database, file)
    for surplus in (b"\n", b"x", b"\0" * 4096, whole[seal:], whole):
        file.write_bytes(whole + surplus)
        why_refused(database, file)
    file.write_bytes(whole[:seal])
    assert "lost its end, where its checksum was" in refused(app, "restore", "--yes", str(file))
    file.write_bytes(whole[:-100])
    assert re.search("lost its end, where its checksum was|is cut off", why_refused(database, file))
    file.write_bytes(whole[:-1000] + bytes([whole[-1000] ^ 1]) + whole[-999:])
    assert "another checksum" in refused(app, "restore", "--yes", str(file))


@given(st.binary(max_size=300), st.data())
def test_no_other_bytes_have_the_seal_of_these(content: bytes, data: st.DataObject) -> None:
    manifest = Manifest("sqlite", "0001", {"books": 1})
    with TemporaryDirectory() as folder:
        path = Path(folder, "sealed")
        path.write_bytes(content)
        backup_seal.write(path, manifest)
        assert (backup_seal.read(path), backup_seal.content_bytes(path)) == (manifest, len(content))
        flip(path, data.draw(st.integers(0, path.stat().st_size - 1)), 1 << data.draw(st.integers(0, 7)))
        with suppress(BackupError):
            assert backup_seal.read(path) is None


def test_a_backup_of_another_engine_is_named(app: App, file: Path, database: Database) -> None:
    other = "postgresql" if database.name == "sqlite" else "sqlite"
    backup_seal.write(unseal(file), Manifest(other, HEAD, {}))
    assert f"is a backup of {other}, and this database is {database.name}" in refused(app, "restore", str(file))


# --- by hand, in a SQLite file ---------------------------------------------------------------------------------------

BY_HAND = {
    "CREATE TRIGGER evil AFTER INSERT ON changes BEGIN DELETE FROM contacts; END": "the trigger evil",
    "CREATE VIEW spy AS SELECT * FROM contacts": "the view spy",
    "CREATE TABLE extra (id INTEGER)": "the table extra",
    "CREATE INDEX slow ON contacts (notes)": "the index slow",
    "DROP INDEX ix_contacts_list": "contacts has lost the index ix_contacts_list",
    "DROP TABLE devices": "the table devices is missing",
    "DROP TABLE tutorial_rows": "the table tutorial_rows is missing",
    "ALTER TABLE users ADD COLUMN extra TEXT": "the column extra",
    "ALTER TABLE users DROP COLUMN admin": "users has lost the column admin",
    "ALTER TABLE users ADD COLUMN computed TEXT AS (name)": "the column computed",
    "UPDATE books SET seq = 'soon'": "books.seq holds something else than a number",
    "UPDATE books SET seq = 1.5": "books.seq holds something else than a number",
    "UPDATE users SET admin = 7": "users.admin holds something else than a flag",
    "UPDATE contacts SET name = x'4142'": "contacts.name holds something else than a text",
    "UPDATE contacts SET name = CAST(x'FF41' AS TEXT)": "contacts holds bytes that are no text",
    "UPDATE sqlite_sequence SET seq = 'soon'": "sqlite_sequence.seq holds something else than a number",
    "UPDATE devices SET user_id = 99": "devices refers to what is not there",
    "PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = replace(sql, 'name VARCHAR(200)', 'name VARCHAR(9)') "
    "WHERE name = 'books'": "books has the column name otherwise",
    "PRAGMA writable_schema = 1; UPDATE sqlite_master SET sql = replace(sql, 'BIGINT NOT NULL,', "
    "'BIGINT NOT NULL CHECK (seq < 9),') WHERE name = 'books'": "books",
}


def alter(path: Path, sql: str, application_id: int | None = None) -> None:
    """As somebody does who knows SQLite."""
    with closing(driver().connect(path)) as connection:
        connection.executescript(f"PRAGMA foreign_keys = OFF; {sql}")
        if application_id is not None:
            connection.execute(f"PRAGMA application_id = {application_id}")


def with_its_seal_left(path: Path, sql: str) -> None:
    whole = path.read_bytes()
    alter(unseal(path), sql)
    path.write_bytes(path.read_bytes() + whole[backup_seal.content_bytes(path) :])


def with_a_new_seal(path: Path, sql: str) -> None:
    manifest = backup_seal.read(path)
    assert manifest is not None
    alter(unseal(path), sql)
    backup_seal.write(path, manifest)


def without_a_seal(path: Path, sql: str) -> None:
    alter(unseal(path), sql, application_id=0)


@pytest.mark.engines("sqlite")
def test_a_file_that_was_altered_by_hand_is_refused(database: Database, file: Path) -> None:
    before, whole = everything(database), file.read_bytes()
    for sql, what in BY_HAND.items():
        file.write_bytes(whole)
        with_its_seal_left(file, sql)
        why_refused(database, file)
        for altered in (with_a_new_seal, without_a_seal):
            file.write_bytes(whole)
            altered(file, sql)
            assert what in why_refused(database, file), sql
    assert everything(database) == before


@pytest.mark.engines("sqlite")
def test_a_row_that_was_changed_is_refused_by_the_checksum(app: App, database: Database, file: Path) -> None:
    with_its_seal_left(file, "UPDATE contacts SET phone = '666'")
    refused(app, "restore", "--yes", str(file))


@pytest.mark.engines("sqlite")
def test_rows_that_were_taken_away_are_missed_by_their_number(app: App, database: Database, file: Path) -> None:
    with_a_new_seal(file, "DELETE FROM changes")
    assert "it holds other rows than it says" in refused(app, "restore", "--yes", str(file))


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("sql", ["UPDATE contacts SET name = 'Eve'", "UPDATE contacts SET clocks = 'x'"])
def test_a_record_that_was_changed_in_a_file_without_a_checksum_is_refused(
    database: Database, file: Path, sql: str
) -> None:
    without_a_seal(file, sql)
    assert re.search("(contacts are not those|some records can't be read)", why_refused(database, file))


@pytest.mark.engines("sqlite")
def test_a_copied_database_without_a_checksum_is_restored_with_a_warning(
    app: App, database: Database, file: Path, tmp_path: Path
) -> None:
    """As cp makes it of a stopped server's: one that began as a copied backup, too, and grew over its seal."""
    shutil.copyfile(file, tmp_path / "copied.db")
    copied = app_on(f"sqlite:///{tmp_path / 'copied.db'}", instance_path=tmp_path)
    add_user(copied, "bob")
    copied_database: Database = copied.extensions["database"]
    copied_database.close()
    assert manifest_of(database, tmp_path / "copied.db") is None
    with copied_database.write() as connection:
        connection.execute(insert(Setting), {"name": "long", "value": "x" * 50_000})
    assert copied_database.faults() == []
    copied_database.close()
    done = run(app, "restore", "--yes", str(tmp_path / "copied.db"))
    assert done.exit_code == 0, done.output
    assert "has no checksum" in done.stderr
    assert people(app) == ["ada", "bob"]
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA application_id").scalar() == 0, "what is restored is no backup"


# --- by hand, in a database that is then dumped -----------------------------------------------------------------------

TRIGGER = {
    "sqlite": ["CREATE TRIGGER evil AFTER INSERT ON changes BEGIN DELETE FROM contacts; END"],
    "postgresql": [
        "CREATE FUNCTION boom() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER evil AFTER INSERT ON changes FOR EACH ROW EXECUTE FUNCTION boom()",
    ],
    "mysql": ["CREATE TRIGGER evil AFTER INSERT ON changes FOR EACH ROW DELETE FROM contacts"],
}
NO_TRIGGER = {
    "sqlite": ["DROP TRIGGER evil"],
    "postgresql": ["DROP FUNCTION boom CASCADE"],
    "mysql": ["DROP TRIGGER evil"],
}
NO_INDEX = {"mysql": ["DROP INDEX slow ON contacts"]}
NO_FOLDED = {"mysql": ["DROP INDEX ix_users_folded ON users"]}
FOLDED = ["CREATE UNIQUE INDEX ix_users_folded ON users (folded)"]


def in_the_database(engine: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """What is wrong then, how it comes there, and how it goes away again."""
    yield "the trigger evil", TRIGGER[engine], NO_TRIGGER[engine]
    yield "the view spy", ["CREATE VIEW spy AS SELECT * FROM contacts"], ["DROP VIEW spy"]
    yield "the table extra", ["CREATE TABLE extra (id BIGINT PRIMARY KEY)"], ["DROP TABLE extra"]
    yield "the index slow", ["CREATE INDEX slow ON contacts (company)"], NO_INDEX.get(engine, ["DROP INDEX slow"])
    yield "the unique columns of users", NO_FOLDED.get(engine, ["DROP INDEX ix_users_folded"]), FOLDED
    yield "the column extra", ["ALTER TABLE users ADD COLUMN extra BIGINT"], ["ALTER TABLE users DROP COLUMN extra"]
    yield "the table tutorial_rows is missing", ["DROP TABLE tutorial_rows"], []


def test_what_no_migration_made_is_refused_when_it_is_saved_and_when_it_is_restored(
    app: App, database: Database, tmp_path: Path
) -> None:
    """``keep`` seals whatever is there, as somebody would who makes the checksum anew."""
    add_user(app, "ada")
    for what, plant, pull in in_the_database(database.name):
        execute(database, plant)
        failed = run(app, "backup", str(tmp_path / "refused"))
        assert failed.exit_code == 1, failed.output
        assert re.search(f"could not be restored: .*{what}", failed.stderr), failed.output
        assert list(tmp_path.glob("*refused*")) == []
        backup.keep(database, tmp_path / what)
        assert what in why_refused(database, tmp_path / what)
        execute(database, pull)


def execute(database: Database, statements: list[str]) -> None:
    with database.migrate() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


CONTACT_COLUMNS = len(Base.metadata.tables["contacts"].c)
ONE_TOO_MANY = f"a row of contacts has {CONTACT_COLUMNS + 1} values for {CONTACT_COLUMNS} columns"

EDITS = [
    (rb"(INSERT INTO `books` VALUES\n\()(\d+)", rb"\1'soon'", "books.id holds something else than a number"),
    (
        rb"'Lovelace'",
        b"'Lovelace',1",
        ONE_TOO_MANY,
    ),
    (rb"'Lovelace'", b"sleep(9)", "neither a number nor a text"),
    (rb"'Lovelace'", b"'" + b"x" * 301 + b"'", "a text of more than 300 characters"),
    (rb"'Lovelace'", b"'\xff'", "bytes that are no text"),
    (rb"'ada'(,.*\);\n)", rb"'ada'\1DROP TABLE users;\n", "the statement 'DROP TABLE users;'"),
    (rb"(INSERT INTO `memberships` VALUES\n\()\d+", rb"\g<1>99", "memberships refers to what is not there"),
    (rb"(INSERT INTO `users` VALUES\n)(\(.*\));\n", rb"\1\2,\n\2;\n", "a row of users can't be stored .UNIQUE"),
    (rb"`seq` bigint\(20\) NOT NULL DEFAULT 0", b"`seq` text NOT NULL DEFAULT 0", "column seq otherwise"),
    (rb"\n  PRIMARY KEY \(`id`\),", b"", "the primary key of attempts"),
    (rb"ENGINE=InnoDB", b"ENGINE=MEMORY", "declared otherwise"),
]
"""In a dump of MariaDB's: what is there, what takes its place, and what is wrong then."""


@pytest.mark.engines("mysql")
def test_a_dump_that_was_edited_is_refused_with_what_is_wrong(app: App, database: Database, file: Path) -> None:
    whole = unseal(file).read_bytes()
    for before, after, what in EDITS:
        edited, times = re.subn(before, after, whole, count=1)
        assert times == 1, before
        file.write_bytes(edited)
        why_refused(database, file)
        backup_seal.write(file, Manifest(database.name, HEAD, {}))
        assert re.search(what, why_refused(database, file))
    refused(app, "restore", "--yes", str(file))


EXTENSION = """
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
COMMENT ON EXTENSION pg_stat_statements IS 'track planning and execution statistics';
"""
"""What the owner of a database server adds to each database, and no backup is refused for."""

PG_EDITS = [
    (r"(COPY public.books .*\n)\d+", r"\1soon", "books.id holds something else than a number"),
    (
        r"\tLovelace\t",
        r"\tLovelace\t1\t",
        ONE_TOO_MANY,
    ),
    (r"CREATE INDEX ix_contacts_list", "CREATE INDEX ix_contacts_other", "the index ix_contacts_other"),
    (r"(?s)\bCREATE TABLE public.users \(.*?\);", "", "there is the table users, which|the table users is missing"),
    (r"\n    created_at bigint NOT NULL\n\);", "\n    created_at text NOT NULL\n);", "created_at otherwise"),
    (r"COMMENT ON SCHEMA", "DROP DATABASE x; COMMENT ON SCHEMA", "the database x"),
    (r"CREATE TABLE public.books", "\\\\! id\nCREATE TABLE public.books", "."),
]
"""In what pg_restore makes of a dump, without the quotes around names."""


@pytest.mark.engines("postgresql")
def test_what_a_dump_would_run_is_read_before(file: Path) -> None:
    words = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--no-acl", "--file=-", str(file)]
    text = re.sub(r'"(\w+)"', r"\1", run_program(words, "postgresql-client", {}))
    assert wrong_with(text.replace("SET default_tablespace", EXTENSION + "SET default_tablespace")) is None
    for before, after, what in PG_EDITS:
        edited, times = re.subn(before, after, text, count=1)
        assert times == 1, before
        assert re.search(what, wrong_with(edited) or "nothing")


def wrong_with(text: str) -> str | None:
    """What is wrong with a dump of PostgreSQL, in its own words; in parts, as they come."""
    parts = (text[place : place + 999].encode() for place in range(0, len(text), 999))
    with TemporaryDirectory() as folder, scratch_at(HEAD or "", Path(folder)) as scratch:
        loader = Loader(scratch, expected_at(HEAD or ""))
        try:
            schema = postgresql_dump.read(parts, loader)
            loader.finish()
            contents.rows_of(scratch, schema, HEAD or "")
        except Faulty as fault:
            return str(fault)
    return None


TEXT = st.one_of(st.none(), st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), TEXT, TEXT), min_size=1, max_size=5))
def test_mariadb_s_rows_are_read_as_they_were_written(rows: list[tuple[int, str | None, str | None]]) -> None:
    """As mariadb-dump writes them: https://mariadb.com/kb/en/string-literals/."""

    def written(value: int | str | None) -> str:
        if value is None or isinstance(value, int):
            return "NULL" if value is None else str(value)
        for letter, name in (("\\", "\\\\"), ("'", "\\'"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\x1a", "\\Z")):
            value = value.replace(letter, name)
        return f"'{value}'"

    ends = [",\n"] * (len(rows) - 1) + [";\n"]
    lines = [f"({','.join(map(written, row))}){end}" for row, end in zip(rows, ends, strict=True)]
    for statement in (["\n", *lines], ["".join(line.replace("),\n", "),") for line in lines)]):
        actual = list(mariadb_dump._rows(statement[0], iter(statement[1:])))
        assert actual == [[str(number), *texts] for number, *texts in rows]


# --- of an older version ---------------------------------------------------------------------------------------------


BACK_UP = """
import sys
from pathlib import Path
from storage import backups, engines
backups.back_up(engines.open_engines(sys.argv[1]), Path(sys.argv[2]))
"""
"""What `flask backup` does in that version, without the second that Flask takes to start."""


def backed_up_by(early_version: Path, database: Database, path: Path) -> Path:
    url = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", BACK_UP, url, str(path)]
    subprocess.run(command, cwd=early_version, env=os.environ | {"PYTHONPATH": str(early_version)}, check=True)
    return path


@pytest.mark.versions
def test_a_backup_of_an_early_version_is_restored_with_a_warning(
    app: App, database: Database, laptop: Caller, early_version: Path, tmp_path: Path
) -> None:
    laptop.add(name="Lovelace")
    downgrade(database, UNSEALED_HEAD)
    path = backed_up_by(early_version, database, tmp_path / "old.backup")
    run(app, "db", "upgrade")
    before = everything(database)
    add_user(app, "bob")
    done = run(app, "restore", "--yes", str(path))
    assert done.exit_code == 0, done.output
    assert f"Warning: {path} has no checksum" in done.stderr
    after = everything(database)
    assert after.pop("books") != before.pop("books"), "another epoch"
    assert [row[:-1] for row in after.pop("users")] == [row[:-1] for row in before.pop("users")], "signed out"
    for rows in (before, after):  # when the tables grew is when this database was upgraded
        rows["settings"] = [row for row in rows["settings"] if row[0] not in (TABLES, SHAPE)]
    assert after == before


@pytest.mark.versions
@pytest.mark.engines("sqlite")
def test_a_flipped_letter_in_a_backup_of_an_early_version_is_noticed(
    app: App, database: Database, laptop: Caller, early_version: Path, tmp_path: Path
) -> None:
    laptop.add(name="Lovelace")
    downgrade(database, UNSEALED_HEAD)
    path = backed_up_by(early_version, database, tmp_path / "old.backup")
    run(app, "db", "upgrade")
    whole = path.read_bytes()
    (record, *_) = (match.start() for match in re.finditer(b"Lovelace", whole))
    flip(path, record)
    why_refused(database, path)
    for length in (len(whole) - 100, len(whole) - 4096):
        path.write_bytes(whole[:length])
        why_refused(database, path)
    path.write_bytes(whole + b"\n")
    assert "bytes stand after its end" in why_refused(database, path)


# --- what is compared ------------------------------------------------------------------------------------------------


def test_the_schema_that_is_expected_has_every_table_of_the_models() -> None:
    assert set(expected_at(HEAD or "").tables) == {*Base.metadata.tables, backup.VERSIONS}


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("revision", ["0001", "0003", UNSEALED_HEAD])
def test_a_database_that_went_back_has_the_schema_of_one_that_never_went_further(
    database: Database, revision: str
) -> None:
    downgrade(database, revision)
    raw: Any = database.reader.raw_connection()
    try:
        assert list(differences(of_sqlite(raw.driver_connection), expected_at(revision))) == []
    finally:
        raw.close()
