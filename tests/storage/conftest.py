"""Every store there is: memory, and SQL on every engine of storage.engines.database."""

from __future__ import annotations

from collections.abc import Iterator
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


def a_library(name: str, folder: Path, schema: Schema, table: str) -> Library:
    if name == MEMORY:
        return memory_library(schema, table)
    return sql_library(available(name), folder, schema, table)


@pytest.fixture(scope="session", params=STORES)
def store_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session", params=[CONTACTS.name, PEOPLE.name])
def library(
    store_name: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    """Each store in turn, with contacts and with a table like it that an app brought."""
    schema = BUILT_IN if request.param in BUILT_IN else OF_APP
    made = a_library(store_name, tmp_path_factory.mktemp(store_name), schema, request.param)
    yield made
    made.close()


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
