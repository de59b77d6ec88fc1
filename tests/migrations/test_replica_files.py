"""A replica's file that the last version made, opened by today's: all stays, and apps may bring tables.

In its files the tables ``notes`` and ``guard`` are offbook's own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from offbook import Replica
from offbook.contacts.table import CONTACTS
from offbook.tables import Integer, Table, Text
from tests.support.other_versions import extract_version

pytestmark = pytest.mark.versions

UNDER_THE_LAST_VERSION = r"""
import json, sys

from offbook import Replica

with Replica(sys.argv[1], "https://contacts.example.org", "token") as book:
    ada = book.contacts.add(name="Ada", phone="1", starred=True, details={"k1": {"kind": "email", "value": "a@b.c"}})
    book.contacts.update(ada, notes="typed")
    book.contacts.add(name="Bob", details=[{"kind": "address", "street": "Quay 1", "city": "London"}])
    book.connection.execute("REPLACE INTO contacts (id, name) VALUES (?, 'Ada L')", (ada,))
    book.connection.execute("INSERT INTO contacts (name, phone) VALUES ('Eve', ?)", ("5" * 500,))
    (eve,) = book.connection.execute("SELECT max(id) FROM change_log").fetchone()
    book.connection.execute("UPDATE change_log SET synced = 2, code = 'too_long', detail = 'why' WHERE id = ?", (eve,))
    book.connection.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY, text TEXT)")
    book.connection.execute("CREATE VIEW broken AS SELECT lost FROM nowhere")
    book.connection.execute(
        "CREATE TRIGGER mine_too AFTER INSERT ON contacts BEGIN INSERT INTO mine (text) VALUES (NEW.name); END"
    )
    book.settings["theme"] = "dark"
    print(json.dumps({
        "ada": ada,
        "contacts": book.contacts.list(),
        "log": book.connection.execute("SELECT * FROM change_log").fetchall(),
        "state": book.connection.execute("SELECT replica, server, token, knew FROM sync_state").fetchone(),
        "parked": [one.change_id for one in book.parked()],
    }))
"""

TABLES = (Table("notes", Text("title", required=True)), Table("guard", Integer("number")))


@pytest.fixture
def before(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the last version knew of the file that it made."""
    code = extract_version(tmp_path_factory.mktemp("last"), "offbook")
    words = [sys.executable, "-c", UNDER_THE_LAST_VERSION, str(tmp_path / "book.db")]
    done = subprocess.run(words, cwd=code, capture_output=True, text=True, env={"PYTHONPATH": str(code)}, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def as_today(contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the fields that contacts had not then, empty."""
    return [dict.fromkeys(CONTACTS.by_name) | contact for contact in contacts]


def logged_since(book: Replica, before: dict[str, Any]) -> list[Any]:
    sql = "SELECT table_name, operation FROM change_log WHERE id > ? ORDER BY id"
    return book.connection.execute(sql, (before["log"][-1][0],)).fetchall()


@pytest.mark.parametrize("tables", [None, TABLES], ids=["contacts alone", "with tables of an app"])
def test_a_file_of_the_last_version_keeps_all_that_it_holds(
    tables: Any, before: dict[str, Any], tmp_path: Path
) -> None:
    with Replica(tmp_path / "book.db", tables=tables) as book:
        assert book.contacts.list() == as_today(before["contacts"])
        columns = len(before["log"][0])
        assert [list(row[:columns]) for row in book.connection.execute("SELECT * FROM change_log")] == before["log"]
        state = book.connection.execute("SELECT replica, server, token, knew FROM sync_state").fetchone()
        assert list(state) == before["state"]
        assert [parked.change_id for parked in book.parked()] == before["parked"]
        assert book.settings["theme"] == "dark"
        book.connection.execute("REPLACE INTO contacts (id, name) VALUES (?, 'Ada')", (before["ada"],))
        book.connection.execute("INSERT INTO contacts (name) VALUES ('Cy')")
        assert logged_since(book, before) == [("contacts", "UPDATE"), ("contacts", "INSERT")]
        assert book.connection.execute("SELECT text FROM mine").fetchall() == [("Ada",), ("Cy",)]


def test_an_app_may_have_tables_of_the_names_that_were_ours(before: dict[str, Any], tmp_path: Path) -> None:
    Replica(tmp_path / "book.db").close()
    with Replica(tmp_path / "book.db", tables=TABLES) as book:
        milk = book.notes.add(title="Milk")
        book.guard.add(number=1)
        book.connection.execute("REPLACE INTO notes (id, title) VALUES (?, 'Bread')", (milk,))
        assert logged_since(book, before) == [("notes", "INSERT"), ("guard", "INSERT"), ("notes", "UPDATE")]
        assert book.contacts.list() == as_today(before["contacts"])
