"""The app with the tables of a drawn schema, and devices of it in this process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from app import App
from offbook import Replica, Response, SyncReport
from offbook.contacts.table import BUILT_IN
from offbook.core.schema import Schema, Table
from ops.grow import grow
from tests.support.browser import Stage, add_device, add_user, bearer

GROWN_US = count(1_795_000_000_000_000)
"""When tables grew: at other times, since a backup is named after them, and backups stay beside the database."""

SYNCS_MAX = 5


class AppTransport:
    """A device's way to the app. What fails there fails in the test."""

    def __init__(self, app: App, token: str) -> None:
        self._client = app.test_client()
        self._headers = bearer(token)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        answer = self._client.open(path, method=method, data=body, headers=self._headers | dict(headers))
        return Response(answer.status_code, dict(answer.headers), answer.data)


class ServedSchema:
    """An app that has the tables of one schema, with a user, ada; and as many devices as a test wants."""

    def __init__(self, app: App, schema: Schema, folder: Path, opened: ExitStack) -> None:
        self.app = app
        self.schema = schema
        self._folder = folder
        self._opened = opened
        add_user(app, "ada")
        grow(app.extensions["database"], schema, next(GROWN_US))

    def token(self, name: str = "laptop") -> str:
        """That of a new device."""
        return add_device(self.app, "ada", name)[1]

    def device(self, name: str, **options: Any) -> Replica:
        """A new device, which knows no tables but the server's where it is given none."""
        transport = AppTransport(self.app, self.token(name))
        return self._opened.enter_context(Replica(self._folder / f"{name}.db", transport=transport, **options))


@contextmanager
def served(stage: Stage, schema: Schema, folder: Path) -> Iterator[ServedSchema]:
    """The app on a database of its own. Closes all devices in the end."""
    with stage.set() as app, ExitStack() as opened:
        yield ServedSchema(app, schema, folder, opened)


def own_tables(schema: Schema) -> list[Table]:
    """The tables of an app, without those that everybody has."""
    return [table for table in schema.values() if table.name not in BUILT_IN]


def come_to_rest(*devices: Replica) -> None:
    """Let all devices sync until nothing moves any more."""
    for _ in range(SYNCS_MAX):
        reports = [device.sync() for device in devices]
        if all(report == SyncReport() for report in reports):
            return
    raise AssertionError(f"after {SYNCS_MAX} syncs something still moves")


def shown(device: Replica, schema: Schema) -> dict[str, list[dict[str, Any]]]:
    """Every record that a device shows, by table."""
    return {name: sorted(device.table(name).list(), key=lambda record: str(record["id"])) for name in schema}
