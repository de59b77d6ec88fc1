"""Devices over HTTP as plain programs speak it, and what the server's database holds after they spoke."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Table, select
from werkzeug.test import TestResponse

from app import App
from models import Base
from offbook.core.protocol.rows import iso_millis
from storage.engines.database import Database
from tests.support.browser import add_device, add_user, bearer
from tests.support.openapi_checks import hold

NOON = iso_millis(1_795_021_600_000)
"""2026-11-18T17:06:40.000Z: before any clock of a test, so that a change of this time is never from the future."""


def new_id() -> str:
    return str(uuid.uuid4())


def change(operation: str = "INSERT", **more: Any) -> dict[str, Any]:
    """A good change, as it goes over the wire; ``more`` says what is different about it."""
    made: dict[str, Any] = {
        "id": new_id(),
        "table": "contacts",
        "record_id": new_id(),
        "operation": operation,
        "timestamp": NOON,
    }
    if operation == "INSERT":
        made["data"] = {"name": "Ada Lovelace"}
    return made | more


class Caller:
    """A device with its token; its requests are those of a test client."""

    def __init__(self, app: App, token: str) -> None:
        self.app = app
        self.client = app.test_client()
        self.token = token

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """The answer, which is as /openapi.json describes it."""
        answer = self.client.open(path, method=method, headers=bearer(self.token) | (headers or {}), **options)
        hold(self.app, method, path, answer)
        return answer

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> TestResponse:
        return self.ask("GET", path, headers, query_string=query)

    def sync(self, *changes: Any, **envelope: Any) -> TestResponse:
        return self.ask("POST", "/sync", json={"changes": list(changes), **envelope})

    def synced(self, *changes: Any, **envelope: Any) -> dict[str, Any]:
        """The answer of a sync that goes well."""
        answer = self.sync(*changes, **envelope)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def verdicts(self, *changes: Any) -> list[str]:
        return [one["verdict"] for one in self.synced(*changes)["results"]]

    def add(self, **data: Any) -> dict[str, Any]:
        """A contact, made by REST."""
        answer = self.ask("POST", "/contacts", json={"name": "Ada Lovelace"} | data)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.get_json()
        return found


def caller(app: App, user: str, device: str = "laptop", *, admin: bool = False) -> Caller:
    """A device of a user, who is made where there is none of that name."""
    add_missing_user(app, user, admin=admin)
    return Caller(app, add_device(app, user, device)[1])


def add_missing_user(app: App, name: str, *, admin: bool = False) -> None:
    """Make a user of this name, where there is none."""
    if name not in {user.name for user in app.extensions["offbook"].accounts.users()}:
        add_user(app, name, admin=admin)


def seq_of(answer: TestResponse) -> int:
    """The seq that an answer's ETag names."""
    return int(answer.headers["ETag"].strip('"'))


def contents(app: App, *left_out: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that holds what people typed, save the tables ``left_out``."""
    database: Database = app.extensions["database"]
    tables: list[Table] = [table for table in Base.metadata.sorted_tables if table.name not in left_out]
    with database.read() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables}


def typed(app: App) -> dict[str, list[tuple[Any, ...]]]:
    """All that a bad request must leave as it was. A rejected change's verdict may stay: it holds no text."""
    found = contents(app, "devices", "attempts", "settings")
    verdict = Base.metadata.tables["changes"].c.keys().index("verdict")
    found["changes"] = [row for row in found["changes"] if row[verdict] != "rejected"]
    return found
