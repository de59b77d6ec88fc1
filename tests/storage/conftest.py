"""Every store there is: memory, and SQL on every engine of storage.engines.database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.engines.adapter import ENGINES
from tests.conftest import available
from tests.storage.library import Desk, Library, memory_library, sql_library

MEMORY = "memory"


def a_library(name: str, folder: Path) -> Library:
    return memory_library() if name == MEMORY else sql_library(available(name), folder)


@pytest.fixture(scope="session", params=[MEMORY, *ENGINES])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Each store in turn."""
    made = a_library(request.param, tmp_path_factory.mktemp(request.param))
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
