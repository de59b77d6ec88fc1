"""The app as `flask backup` and `flask restore` find it: with an instance folder, on a database of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import App
from storage.engines.database import Database
from tests.support.browser import app_on


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[App]:
    made = app_on(database_url, instance_path=tmp_path)
    yield made
    made.extensions["database"].close()


@pytest.fixture
def database(app: App) -> Database:
    database: Database = app.extensions["database"]
    return database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the test's backup goes."""
    return tmp_path / "offbook.backup"
