"""`flask tables`: as it is typed, from a file to tables that devices sync."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from app import App
from ops.grow import table_sizes
from storage.engines.database import Database
from tests.cli.test_accounts import run

FIRST = """
from offbook.tables import Flag, Table, Text

TABLES = (Table("notes", Text("title", required=True), Flag("done")),)
"""
SECOND = FIRST.replace("Flag, ", "Choice, Flag, ").replace(
    'Flag("done")', 'Flag("done"), Choice("priority", ("low", "high"))'
)

pytestmark = pytest.mark.engines("sqlite")


@pytest.fixture
def database(app: App) -> Database:
    """The app's, which is another one's in each test."""
    database: Database = app.extensions["database"]
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tables.py"
    path.write_text(FIRST)
    return path


def said(app: App, *words: str, typed: str = "") -> str:
    done = app.test_cli_runner().invoke(args=["tables", *words], input=typed)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(app: App, *words: str) -> str:
    """The one line that a command says which does nothing."""
    asked = run(app, "tables", *words)
    assert asked.exit_code == 1, asked.output
    (line,) = asked.stderr.splitlines()
    return line.removeprefix("Error: ")


def names(database: Database) -> list[str]:
    return [size.name for size in table_sizes(database)]


def test_a_file_is_shown_and_done_when_it_is_agreed_to(app: App, database: Database, file: Path) -> None:
    assert said(app, "grow", str(file), "--dry-run") == "notes: new, 2 columns\n"
    denied = app.test_cli_runner().invoke(args=["tables", "grow", str(file)], input="n\n")
    assert denied.exit_code == 1
    assert names(database) == ["contacts", "labels"]
    asked = said(app, "grow", str(file), typed="y\n")
    assert asked.startswith("notes: new, 2 columns\nDo it? [y/N]: y\nDone.")
    assert names(database) == ["contacts", "labels", "notes"]
    assert "nothing is to be done" in said(app, "grow", str(file))
    file.write_text(SECOND)
    assert said(app, "grow", str(file), "--yes").startswith("notes.priority: new column\nDone.")


def test_tables_are_listed_with_how_much_they_hold_and_since_when(app: App, file: Path) -> None:
    assert said(app) == "contacts\t0 records\t31 columns\talways\nlabels\t0 records\t1 column\talways\n"
    said(app, "grow", str(file), "--yes")
    contacts, _, notes = said(app).splitlines()
    assert contacts.endswith("always")
    assert notes.startswith("notes\t0 records\t2 columns\tsince ")


def test_what_a_file_declares_is_printed_as_json_which_is_taken_as_well(
    app: App, database: Database, file: Path
) -> None:
    text = said(app, "json", str(file))
    (table,) = json.loads(text)
    assert table["name"] == "notes"
    path = file.with_suffix(".json")
    path.write_text(text)
    assert said(app, "json", str(path)) == text
    path.write_text(json.dumps({"shape": "0" * 16, "tables": [{"name": "contacts", "fields": []}, table]}))
    assert said(app, "grow", str(path), "--yes").startswith("notes: new, 2 columns\n")


def test_a_module_is_found_by_its_name(app: App, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = file.parent / "someones_app"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "tables.py").write_text(FIRST)
    monkeypatch.chdir(file.parent)
    before = list(sys.path)
    assert said(app, "grow", "someones_app.tables", "--dry-run") == "notes: new, 2 columns\n"
    assert sys.path == before
    for name in ("someones_app", "someones_app.tables"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("words", [["grow"], ["json"]])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no TABLES: put all tables into it, as in TABLES = (notebooks, notes)."),
        ("TABLES = 7", "TABLES of {file} holds what is no table ('7')."),
        ("TABLES = ['notes']", "holds what is no table"),
        ("x = 1\nx.y", "{file} fails in line 2: AttributeError: 'int' object has no attribute 'y'"),
        ("x = (", "{file} fails in line 1: SyntaxError"),
        ("raise SystemExit(3)", "{file} fails in line 1: SystemExit: 3"),
        ("import no_such_module", "{file} fails in line 1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("from offbook.tables import Table\nTable('Notes')", "Notes"),
        ("from offbook.tables import *\nTABLES = [Table('notes', Ref('to', 'nowhere'))]", "nowhere"),
        ("from offbook.contacts.table import CONTACTS\nTABLES = [CONTACTS]", "contacts"),
    ],
)
def test_what_declares_no_tables_is_refused_in_a_sentence(
    app: App, file: Path, words: list[str], text: str, sentence: str
) -> None:
    file.write_text(text)
    assert sentence.format(file=file) in refused(app, *words, str(file))


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("missing.py", None, "There is no file {file}."),
        ("missing.json", None, "There is no file {file}."),
        ("broken.json", "[", "{file} is no JSON ("),
        ("other.json", '{"a": 1}', "{file} holds no list of tables: `flask tables json` prints one."),
        ("wrong.json", "[7]", "."),
        ("deep.json", "[" * 100_000, "{file} is no JSON ("),
        ("latin.json", b'["\xe4"]', "{file} is not UTF-8."),
    ],
)
def test_a_file_that_can_not_be_read_is_refused_in_a_sentence(
    app: App, tmp_path: Path, name: str, text: str | bytes | None, sentence: str
) -> None:
    file = tmp_path / name
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert sentence.format(file=file) in refused(app, "grow", str(file))


@pytest.mark.parametrize("name", ["no_such_app.tables", "no such file", "tables/none", "json.no_such_part"])
def test_a_module_that_is_not_there_is_refused_in_a_sentence(app: App, name: str) -> None:
    assert refused(app, "grow", name).startswith(f"There is no file {name}")


def test_what_is_no_growth_is_refused_in_a_sentence(app: App, file: Path) -> None:
    said(app, "grow", str(file), "--yes")
    file.write_text(FIRST.replace("Flag(", "Text("))
    assert "notes.done" in refused(app, "grow", str(file), "--yes")


def test_migrations_leave_the_tables_of_an_app_alone(app: App, file: Path) -> None:
    said(app, "grow", str(file), "--yes")
    checked = run(app, "db", "check")
    assert checked.exit_code == 0, checked.output
