"""What is measured of one version, in a process of its own: ``python -P bench/peers/one_version.py FOLDER``.

Its modules are those that PYTHONPATH leads to, this version's or an earlier one's, so that nothing is used here that
not both have. It makes its files in FOLDER and says that it is ready. Then it reads names of OPERATIONS, a line each,
and answers each with the CPU seconds that it took.
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from offbook import Replica
from offbook.core.protocol.json import dumps, loads
from offbook.core.protocol.requests import Push, parse_push
from services.sync.responses import sync
from storage.base import ChangeOrigin
from storage.engines.database import Database, open_engines
from storage.engines.migrations import upgrade
from storage.repositories.contact_queries import ContactQueries
from storage.sql.store import SqlStore

CONTACTS = 25_000
BATCH = 1_000
ADDED = 200
LISTS, SEARCHES = 100, 5
TIME = "2026-11-20T17:00:00.000Z"


class Version:
    """A server's book of many contacts, and a device's file."""

    def __init__(self, folder: Path) -> None:
        database = open_engines(f"sqlite:///{folder / 'server.db'}")
        upgrade(database)
        account = accounts_of(database).add_user("bench", "only for the bench", False, now_us(), new_id)
        self._book_id = account.book_id
        self._store = SqlStore(database)
        self._contacts = ContactQueries(database, self._store)
        self._read = reader(self._store)
        self._device = Replica(folder / "device.db")
        self._count = 0
        for _ in range(CONTACTS // BATCH):
            self.push()()

    def push(self) -> Callable[[], object]:
        """A thousand new contacts, sent by a device."""
        start, self._count = self._count, self._count + BATCH
        body = dumps({"changes": [insert(contact(number)) for number in range(start, start + BATCH)]})
        return partial(self._sync, body)

    def pull(self) -> Callable[[], object]:
        """The whole book, to a device that is new."""
        return self._pull_all

    def add(self) -> Callable[[], object]:
        """Contacts, one after the other, on a device."""
        values = [contact(number) for number in range(ADDED)]
        return lambda: [self._device.contacts.add(**data) for data in values]

    def list(self) -> Callable[[], object]:
        """The first page."""
        return partial(self._page, "", LISTS)

    def search(self, text: str) -> Callable[[], object]:
        """The first page of those that hold the text."""
        return partial(self._page, text, SEARCHES)

    def _page(self, search: str, times: int) -> None:
        for _ in range(times):
            self._contacts.page(self._book_id, search)

    def _pull_all(self) -> None:
        body = dumps({"changes": [], "since": None})
        while (page := self._sync(body))["more"]:
            body = dumps({"changes": [], "since": page["cursor"]})

    def _sync(self, body: bytes) -> dict[str, Any]:
        answer = sync(self._store, self._book_id, ChangeOrigin(), self._read(loads(body)), now_us())
        dumps(answer)
        return answer


def accounts_of(database: Database) -> Any:
    """The accounts, which had no folder before."""
    folder = "services.accounts" if find_spec("services.passwords") is None else "services"
    accounts, passwords = import_module(f"{folder}.accounts"), import_module(f"{folder}.passwords")
    return accounts.Accounts(database, passwords.Effort(1, 8, 1))


def reader(store: SqlStore) -> Callable[[Any], Push]:
    """How a version reads a request. Before apps had tables, no store had a schema."""
    try:
        from offbook.core.protocol.view import View
    except ModuleNotFoundError:
        return lambda data: parse_push(data, REPLICA)  # type: ignore[call-arg]
    view = View(store.schema, is_sparse=True)
    return lambda data: parse_push(store.schema, data, REPLICA, view)


OPERATIONS: Mapping[str, Callable[[Version], Callable[[], object]]] = {
    "push": Version.push,
    "pull": Version.pull,
    "add": Version.add,
    "list": Version.list,
    "search for a word": lambda version: version.search("lovelace 24"),
    "search for a number": lambda version: version.search("555-024999"),
    "search in vain": lambda version: version.search("no such person"),
}
"""What can be measured: each makes ready what it needs, and gives what is to be timed."""

REPLICA = "d0000000-0000-4000-8000-000000000001"


def contact(number: int) -> dict[str, Any]:
    """A contact of fields that both versions have."""
    return {
        "name": f"Ada Lovelace {number}",
        "phone": f"555-{number:06d}",
        "email": f"ada{number}@example.org",
        "company": "Analytical Engines",
        "details": {"a1": {"kind": "address", "value": f"{number} Long Street, London", "city": "London"}},
    }


def insert(data: dict[str, Any]) -> dict[str, Any]:
    """The change that adds a contact."""
    ids = {"id": new_id(), "record_id": new_id()}
    return {**ids, "table": "contacts", "operation": "INSERT", "timestamp": TIME, "base": 0, "data": data}


def measured(version: Version, names: Iterator[str]) -> Iterator[float]:
    """How many CPU seconds each of these operations takes."""
    for name in names:
        run = OPERATIONS[name](version)
        start = time.process_time()
        run()
        yield time.process_time() - start


def now_us() -> int:
    """The time, in microseconds."""
    return time.time_ns() // 1000


def new_id() -> str:
    """A random id."""
    return str(uuid.uuid4())


def main(words: Sequence[str]) -> None:
    """Measure what standard input names."""
    version = Version(Path(words[0]))
    print("ready", flush=True)
    for took in measured(version, (line.strip() for line in sys.stdin)):
        print(took, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
