"""Databases to migrate."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import MetaData, insert

from models import Base, Book, Contact, ContactDetail
from offbook.contacts.table import BUILT_IN, CONTACTS
from storage.engines.database import Database
from storage.schema.revisions import MIGRATIONS
from storage.sql.mapping.records import record_mappings
from storage.sql.prepared import Rows
from tests.conftest import BOOK
from tests.migrations.sample_data import RECORDS


@pytest.fixture
def empty(database: Database) -> Database:
    """A database without a schema."""
    with database.migrate() as connection:
        found = MetaData()
        found.reflect(connection)
        for table in reversed(found.sorted_tables):
            table.drop(connection)
    return database


@pytest.fixture
def filled(database: Database) -> Database:
    """A migrated database with two contacts, written as the store writes them."""
    layout = record_mappings(BUILT_IN, Base.metadata.tables)["contacts"]
    (details,) = CONTACTS.maps
    with database.write() as connection:
        connection.execute(insert(Book), BOOK)
        connection.execute(insert(Contact), layout.whole_rows(1, RECORDS).named())
        entries = [row for record in RECORDS for row in layout.entry_rows(details, 1, record).values()]
        connection.execute(insert(ContactDetail), Rows(layout.entry_columns(details), entries).named())
    return database


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the migrations, to which a test adds its own."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__")))
