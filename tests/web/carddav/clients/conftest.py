"""The server of all programs: each test has a user of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.web.carddav.clients.programs import Server, dav_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with dav_server(tmp_path_factory.mktemp("server")) as server:
        yield server
