"""Texts that an older version folded are made anew in steps, while servers go on, and whatever stops it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from models import Base
from ops.grow import grow
from ops.search_texts import count_old_search_texts, rewrite_search_texts
from storage.engines.database import Database
from storage.engines.migrations import downgrade, upgrade
from storage.repositories.contact_queries import ContactQueries
from storage.schema.known_tables import database_tables
from storage.sql.store import SqlStore
from tests.ops.test_grow import V1, killed_while
from tests.storage.library import START, Desk, Library, change
from tests.support.samples import steps_to_stop_at

CONTACTS = Base.metadata.tables["contacts"]
DERIVED = ("search", "search_name", "sort_name", "sort_first", "sort_last", "sort_key")
PERSON: dict[str, Any] = {"name": "Søren Ørsted", "given_name": "Søren", "family_name": "Ørsted"}
PERSON["phone"] = "+49 (0)30 1234567"


@pytest.fixture
def desk(database: Database) -> Desk:
    """Twelve contacts, one of them deleted, and records of an app's table."""
    grow(database, V1, START)
    desk = Library(SqlStore(database), database).desk()
    desk.push(
        *(change(number, "INSERT", number, **PERSON, notes=f"Nr. {number}") for number in range(1, 13)),
        change(101, "INSERT", 1, table="notes", title="Øl", tags={"t1": {"tag": "shop"}}),
    )
    desk.push(change(103, "DELETE", 1, base=0))
    return desk


def derived(database: Database) -> list[dict[str, Any]]:
    """What is stored of every record. The lines of a text may come in any order."""
    with database.read() as connection:
        return [
            {
                name: sorted(value.split("\n")) if name == "search" else value
                for name, value in row._mapping.items()
                if name in DERIVED
            }
            for rows in database_tables(SqlStore(database).schema).values()
            if "search" in rows.c
            for row in connection.execute(select(rows).order_by(rows.c.id))
        ]


def store_old_texts(database: Database) -> None:
    """As the last version left them, behind the migration."""
    with database.write() as connection:
        for rows in database_tables(SqlStore(database).schema).values():
            if "search" in rows.c:
                connection.execute(update(rows).values(search="søren ørsted\n+49 (0)30 1234567"))
        old = {"sort_name": "søren ørsted", "sort_first": "søren ørsted", "sort_last": "søren ørsted"}
        connection.execute(update(CONTACTS).values(search_name=None, **old))


def test_what_is_written_is_of_todays_form(database: Database, desk: Desk) -> None:
    assert count_old_search_texts(database) == rewrite_search_texts(database) == 0


def test_texts_of_before_are_made_anew_once(database: Database, desk: Desk) -> None:
    today = derived(database)
    store_old_texts(database)
    assert count_old_search_texts(database) == 13
    assert rewrite_search_texts(database) == 13
    assert derived(database) == today
    assert count_old_search_texts(database) == rewrite_search_texts(database) == 0


def test_contacts_are_found_as_before_until_then(database: Database, desk: Desk) -> None:
    store_old_texts(database)
    contacts = ContactQueries(database, SqlStore(database))
    for search in ("Søren", "ørsted", "1234567"):
        assert contacts.page(desk.book_id, search).total == 11, search
    assert [len(contacts.page(desk.book_id, sort=sort).rows) for sort in ("first", "last")] == [11, 11]
    rewrite_search_texts(database)
    assert contacts.page(desk.book_id, "soren 030 1234567").total == 11


def test_an_upgraded_database_is_made_anew(database: Database, desk: Desk) -> None:
    today = derived(database)
    downgrade(database, "0016")
    upgrade(database)
    with database.read() as connection:
        assert set(connection.scalars(select(CONTACTS.c.sort_last))) == {"soren orsted"}
    assert rewrite_search_texts(database) == 12
    assert derived(database) == today


@pytest.mark.proof
@pytest.mark.kills
def test_whatever_is_killed_before_any_statement_goes_on_with_what_is_left(
    database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("ops.rewrite.FIRST_STEP_ROWS", 5)
    monkeypatch.setattr("ops.rewrite.STEP_ROWS_MAX", 5)
    today, left = derived(database), set[int]()
    for statements in steps_to_stop_at(request):
        store_old_texts(database)
        was_killed = killed_while(database, statements, rewrite_search_texts)
        left.add(count_old_search_texts(database))
        rewrite_search_texts(database)
        assert derived(database) == today
        if not was_killed:
            break
    assert len(left) > 2
