"""Answers are read whole, and the database let go, before the first byte leaves.

A reader that stays open while a slow client takes its answer keeps the WAL from being written back, so that it grows
without end; and a few such clients use up all connections.
"""

from __future__ import annotations

import pytest

from app import App
from storage.engines.database import Database
from tests.support.api_client import caller
from tests.support.browser import signed_in

PAGES = ("/", "/trash", "/devices", "/settings", "/export.csv")
API = ("/changes", "/contacts", "/users", "/healthz")


def held(app: App) -> int:
    database: Database = app.extensions["database"]
    return sum(engine.pool.checkedout() for engine in (database.engine, database.reader))  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", API)
def test_no_answer_to_a_device_holds_a_connection_while_it_is_sent(app: App, path: str) -> None:
    device = caller(app, "ada", admin=True)
    device.add(name="Ada")
    answer = device.ask("GET", path)
    assert (answer.status_code, held(app)) == (200, 0)
    answer.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_holds_a_connection_while_it_is_sent(app: App, path: str) -> None:
    caller(app, "ada").add(name="Ada")
    answer = signed_in(app, "ada").client.get(path, buffered=False)
    assert (answer.status_code, held(app)) == (200, 0)
    answer.close()


def test_a_failed_request_holds_no_connection(app: App) -> None:
    device = caller(app, "ada")
    assert device.sync("no change", since="gone.1").status_code == 410
    assert held(app) == 0
