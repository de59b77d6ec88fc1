"""Every store there is: memory, and SQL on every engine of storage.engines.database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.schema import Schema
from storage.engines.adapter import ENGINES
from tests.conftest import available
from tests.storage.library import Desk, Library, memory_library, sql_library
from tests.support.app_schemas import PEOPLE, of_app

MEMORY = "memory"
STORES = (MEMORY, *ENGINES)
OF_APP = of_app(PEOPLE)
TABLES = (CONTACTS.name, PEOPLE.name)
STORIES = [(store, table) for store in STORES for table in TABLES if store in (MEMORY, "sqlite") or table in BUILT_IN]


def a_library(name: str, folder: Path, schema: Schema, table: str) -> Library:
    if name == MEMORY:
        return memory_library(schema, table)
    return sql_library(available(name), folder, schema, table)


@pytest.fixture(scope="session", params=STORES)
def store_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=TABLES)
def library(
    store_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """Each store in turn, with contacts and with a table like it that an app brought."""
    with closing(library_of(store_name, request.param, tmp_path_factory)) as made:
        yield made


@pytest.fixture(scope="session", params=STORIES, ids="-".join)
def story_library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """What drawn stories are played in. A database server takes long, and has the same tables for both."""
    store_name, table = request.param
    with closing(library_of(store_name, table, tmp_path_factory)) as made:
        yield made


def library_of(store_name: str, table: str, folders: pytest.TempPathFactory) -> Library:
    return a_library(store_name, folders.mktemp(store_name), BUILT_IN if table in BUILT_IN else OF_APP, table)


@pytest.fixture(scope="session", params=list(ENGINES))
def sql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Each database in turn."""
    made = sql_library(available(request.param), tmp_path_factory.mktemp(request.param))
    yield made
    made.close()


@pytest.fixture
def desk(library: Library) -> Desk:
    """A new book with the policy merge."""
    return library.desk()
