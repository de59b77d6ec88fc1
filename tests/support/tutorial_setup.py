"""A book on a real database, tutorial clients that sync with it without HTTP, and a device of the ordinary form."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_OID, uuid5

import orjson

from offbook.contacts.table import CONTACTS
from offbook.contacts.tutorial import format_time
from offbook.core.errors import Malformed
from offbook.core.merge.batch import Outcome
from offbook.core.merge.retention import RetentionLimits
from offbook.core.model import Change, Operation
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from services.contacts.tutorial import Tutorial
from services.retention import prune
from services.sync.pull import pull
from storage.base import ChangeOrigin, PageSize
from storage.engines.database import Database
from storage.repositories.tutorial import TutorialRows
from storage.sql.store import SqlStore
from storage.values.accounts import DeviceLogin
from tests.support.pushes import push
from tests.support.tutorial_client import TutorialClient
from web.api import tutorial
from web.bodies.compression import loads

SECOND = 1_000_000


class House:
    """One book, of a user of its own. Its clock moves by a second with every look at it."""

    def __init__(self, database: Database, folder: Path, now: int, user_name: str = "ada") -> None:
        self.database, self.folder, self.now = database, folder, now
        self.store = SqlStore(database)
        self.accounts = Accounts(database, Effort(time_cost=1, memory_kib=8, parallelism=1))
        self.tutorial = Tutorial(self.store, TutorialRows(database))
        self._user_name, self._ids = user_name, itertools.count(1)
        user = self.accounts.add_user(user_name, "correct horse battery", False, now, self.new_id)
        self.book_id, self.user_id = user.book_id, user.id
        self.clients: list[TutorialClient] = []

    def new_id(self) -> str:
        return str(uuid5(NAMESPACE_OID, f"{self._user_name} {next(self._ids)}"))

    def clock(self) -> int:
        self.now += SECOND
        return self.now

    def login(self, name: str) -> DeviceLogin:
        _, token = self.accounts.add_device(self.book_id, self.user_id, name, self.now, self.new_id)
        login = self.accounts.device_by_token(token)
        assert login is not None
        return login

    def client(self, name: str, ahead_seconds: int = 0) -> TutorialClient:
        """An app with a device of its own, whose clock is this much ahead."""
        wire = Wire(self, self.login(name))
        made = TutorialClient(
            self.folder / f"{name}.db", wire.get, wire.post, lambda: format_time(self.clock() + ahead_seconds * SECOND)
        )
        self.clients.append(made)
        return made

    def other(self, name: str = "laptop", ahead_seconds: int = 0) -> Other:
        return Other(self, self.login(name), ahead_seconds)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Every live record as the server has it."""
        page = pull(self.store, self.book_id, None, PageSize(100_000))
        return {row["record_id"]: row["data"] | {"seq": row["seq"]} for row in page.changes}

    def contents(self) -> list[tuple[str, ...]]:
        """The same, as a tutorial client would show it."""
        rows = self.rows().values()
        return sorted(tuple(row[cell] or "" for cell in ("name", "email", "phone")) for row in rows)

    def record_id(self, name: str) -> str:
        (found,) = (record_id for record_id, row in self.rows().items() if row["name"] == name)
        return found

    def history(self, record_id: str) -> list[Any]:
        with self.store.reading(self.book_id) as reading:
            return reading.history("contacts", record_id)

    def prune(self) -> None:
        """Forget all that is deleted by now."""
        prune(self.store, self.book_id, RetentionLimits(self.now, self.now))

    def close(self) -> None:
        for client in self.clients:
            client.close()


class Wire:
    """The network of one client: the views' functions, between JSON that is written and read as on the real one."""

    def __init__(self, house: House, login: DeviceLogin) -> None:
        self.house, self.login = house, login

    def get(self, path: str) -> tuple[int, Any]:
        since = parse_qs(urlsplit(path).query, keep_blank_values=True)["since"][0]
        assert tutorial.is_tutorial_since(since)
        return 200, orjson.loads(orjson.dumps(tutorial.pull(self.house.tutorial, self.login, since)))

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        assert path == "/sync"
        envelope = loads(json.dumps(body).encode())
        assert tutorial.is_tutorial_push(envelope)
        try:
            return 200, orjson.loads(
                orjson.dumps(tutorial.push(self.house.tutorial, self.login, envelope, self.house.clock()))
            )
        except Malformed as error:
            return error.status, {"code": error.code}


class Other:
    """A device of the ordinary form, that knows of each record what it saw last (``see``)."""

    def __init__(self, house: House, login: DeviceLogin, ahead_seconds: int) -> None:
        self.house, self.login, self.ahead_seconds = house, login, ahead_seconds
        self.seen: dict[str, int] = {}

    def see(self) -> None:
        self.seen = {record_id: row["seq"] for record_id, row in self.house.rows().items()}

    def add(self, name: str, **cells: Any) -> str:
        record_id = self.house.new_id()
        self._push(record_id, Operation.INSERT, {"name": name, **cells})
        return record_id

    def edit(self, record_id: str, **cells: Any) -> Outcome:
        return self._push(record_id, Operation.UPDATE, cells)

    def delete(self, record_id: str) -> Outcome:
        return self._push(record_id, Operation.DELETE, {})

    def _push(self, record_id: str, operation: Operation, cells: dict[str, Any]) -> Outcome:
        now = self.house.clock()
        change = Change(
            self.house.new_id(),
            CONTACTS,
            record_id,
            operation,
            self.login.device.uuid,
            now // 1000 + 1000 * self.ahead_seconds,
            self.seen.get(record_id, 0),
            {cell: value or None for cell, value in cells.items()},
        )
        origin = ChangeOrigin(self.login.device.id, self.login.user_id)
        pushed = push(self.house.store, self.house.book_id, origin, [change], now)
        if (record := pushed.records.get(("contacts", record_id))) is not None:
            self.seen[record_id] = record.seq
        return pushed.outcomes[0]
