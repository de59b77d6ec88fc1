"""Contacts of a database of before learn what phones know of a person, and devices hear since when."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import insert, select, update

from models import Book, ContactDetail
from offbook.contacts.table import BUILT_IN, CONTACTS, FIRST_ATTRIBUTES, FIRST_FIELDS
from offbook.tables import Table, Text
from ops.grow import grow
from storage.engines.database import Database
from storage.engines.migrations import downgrade, upgrade
from storage.schema.declaration import SETTINGS, read_declaration
from storage.sql.store import SqlStore
from tests.support.app_schemas import of_app

BEFORE = "0014"
NEW = {
    *(f"contacts.{name}" for name in CONTACTS.by_name if name not in FIRST_FIELDS),
    *(f"contacts.details.{name}" for name in CONTACTS.maps[0].by_name if name not in FIRST_ATTRIBUTES),
}
NOW_US = 1_900_000_000_000_000


def seqs(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(select(Book.seq)))


def test_devices_pull_what_is_new_from_the_upgrade_on(filled: Database) -> None:
    downgrade(filled, BEFORE)
    before = max(seqs(filled))
    upgrade(filled)
    with filled.read() as connection:
        declared = read_declaration(connection)
    assert set(declared.since) == NEW
    (seq,) = set(declared.since.values())
    assert before < seq <= min(seqs(filled))
    assert seq in declared.growths
    assert declared.schema == BUILT_IN


def test_a_database_without_books_has_nothing_to_say_of_the_time_before(empty: Database) -> None:
    upgrade(empty)
    with empty.read() as connection:
        assert read_declaration(connection).since == {}


def test_tables_of_an_app_stay_declared(filled: Database) -> None:
    grow(filled, of_app(Table("notes", Text("title"))), NOW_US)
    with filled.read() as connection:
        before = read_declaration(connection)
    downgrade(filled, BEFORE)
    upgrade(filled)
    with filled.read() as connection:
        after = read_declaration(connection)
    assert after.schema == before.schema
    assert after.since.items() >= {"notes": before.since["notes"]}.items()
    assert min(after.since[name] for name in NEW) > before.growths[-1]


def test_a_server_that_runs_meanwhile_reads_the_declaration_anew(filled: Database) -> None:
    downgrade(filled, BEFORE)
    store = SqlStore(filled)
    assert store.since == {}
    upgrade(filled)
    with store.reading(1):
        assert store.since.keys() == NEW


def test_going_back_cuts_what_an_older_version_has_no_room_for(filled: Database) -> None:
    long = "x" * 60_000
    row: dict[str, Any] = {"book_id": 1, "contact_id": "ada", "entry_id": "long", "kind": "property", "value": long}
    with filled.write() as connection:
        connection.execute(insert(ContactDetail).values(**row))
    downgrade(filled, BEFORE)
    upgrade(filled)
    with filled.read() as connection:
        query = select(ContactDetail.value).where(ContactDetail.entry_id == "long")
        assert connection.scalar(query) == long[:2_000]


def test_a_declaration_that_says_nothing_of_growths_is_none_after_going_back(filled: Database) -> None:
    downgrade(filled, BEFORE)
    with filled.read() as connection:
        assert connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.name == "tables")) is None
    with filled.write() as connection:
        connection.execute(update(Book).values(seq=5))
    upgrade(filled)
    downgrade(filled, BEFORE)
    with filled.read() as connection:
        text = connection.scalar(select(SETTINGS.c.value).where(SETTINGS.c.name == "tables"))
    assert json.loads(text or "{}")["since"] == {}
