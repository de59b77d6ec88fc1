"""Requests that devices and plain programs send a server, each with its answer: recorded once, and asked again.

The last version's own code runs this file, with its own server and its own devices, and prints what it recorded. So
what is here uses only what both versions have. Clock and ids of a server are the same each time. Contacts are given a
name with all of its parts: what is left out of these, a later version derives.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from app import App, create_app
from config import Config
from offbook import Replica, Response
from storage.engines.migrations import upgrade

START_US = 1_795_000_000_000_000
STEP_US = 1_000_000
IDS = UUID("1d000000-0000-4000-8000-000000000000")
DEVICES = ("laptop", "phone", "script")
NOBODY = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2eff"
SETTINGS: Mapping[str, Any] = {
    "secret_key": "a secret of the tests, which is long enough",
    "argon2_time_cost": 1,
    "argon2_memory_kib": 8,
    "argon2_parallelism": 1,
}


class Recorded(NamedTuple):
    """A request and its answer. The bodies are in base 64."""

    device: str
    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int
    answer_headers: dict[str, str]
    answer: str

    @property
    def answer_body(self) -> bytes:
        return base64.b64decode(self.answer)


class FixedServer:
    """The real app with one user and three devices, on a migrated database without rows."""

    def __init__(self, app: App, policy: str) -> None:
        self.now_us = START_US
        self._numbers = count()
        services = app.extensions["offbook"]
        app.extensions["offbook"] = replace(services, clock=lambda: self.now_us, new_id=self.new_id)
        self._client = app.test_client()
        user = services.accounts.add_user("ada", "correct horse battery", False, self.now_us, self.new_id)
        services.accounts.set_policy(user.book_id, policy)
        self._tokens = {
            name: services.accounts.add_device(user.book_id, user.id, name, self.now_us, self.new_id)[1]
            for name in DEVICES
        }

    def new_id(self) -> str:
        """The next id of those that are made in one request."""
        return str(uuid5(IDS, f"{self.now_us}/{next(self._numbers)}"))

    def ask(self, device: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Recorded:
        """One request, a second after the one before, and its answer."""
        self.now_us, self._numbers = self.now_us + STEP_US, count()
        authorized = {**headers, "Authorization": f"Bearer {self._tokens[device]}"}
        answer = self._client.open(path, method=method, headers=authorized, data=body)
        sent, answered = (base64.b64encode(content).decode() for content in (body, answer.data))
        answer_headers = {name: value for name, value in answer.headers.items() if name != "Date"}
        return Recorded(device, method, path, dict(headers), sent, answer.status_code, answer_headers, answered)

    def ask_again(self, recorded: Recorded) -> Recorded:
        """The same request, with what it is answered by now."""
        return self.ask(*recorded[:4], base64.b64decode(recorded.body))


class Conversation:
    """What is asked of a server, in order."""

    def __init__(self, server: FixedServer) -> None:
        self.recorded: list[Recorded] = []
        self._server = server

    def ask(self, device: str, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Recorded:
        self.recorded.append(self._server.ask(device, method, path, headers, body))
        return self.recorded[-1]

    def replica(self, folder: Path, device: str) -> Replica:
        """A device whose requests go to the server."""
        return Replica(folder / f"{device}.db", transport=Way(self, device), clock=lambda: self._server.now_us // 1000)

    def rest(self, method: str, path: str, data: Any = None, **headers: str) -> Any:
        """A plain program's request, and the answer's body."""
        body = b"" if data is None else json.dumps(data).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        made = self.ask("script", method, path, {"Content-Type": "application/json", **named}, body)
        return json.loads(made.answer_body or b"null")


class Way:
    """A device's transport."""

    def __init__(self, conversation: Conversation, device: str) -> None:
        self._conversation = conversation
        self._device = device

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        made = self._conversation.ask(self._device, method, path, headers, body or b"")
        return Response(made.status, made.answer_headers, made.answer_body)


def hold_devices(conversation: Conversation, folder: Path) -> None:
    """Two devices edit, delete, meet in conflicts, compare, and give back what was."""
    with conversation.replica(folder, "laptop") as laptop, conversation.replica(folder, "phone") as phone:
        address = {"kind": "address", "street": "1 Lane", "city": "London", "country": "UK"}
        ada = laptop.contacts.add(
            name="Ada", given_name="Ada", phone="1", notes="Löve\U0001f600", starred=True, details={"k1": address}
        )
        bob = laptop.contacts.add(name="Bob", given_name="Bob", notes="two\nlines", birthday="--12-10")
        groups = {"k2": {"kind": "group", "value": "Friends"}, "k3": {"kind": "group", "value": "* myContacts"}}
        gone = laptop.contacts.add(
            name="Gone", given_name="Gone", details={"k1": {"kind": "email", "value": "a@b.org"}, **groups}
        )
        laptop.sync()
        phone.sync()
        phone.contacts.update(ada, phone="2", details={"k1": {"city": "Bath"}})
        phone.contacts.delete(gone)
        phone.contacts.update(bob, email="b@example.org", details={"k2": {"kind": "phone", "value": "5"}})
        phone.sync()
        laptop.contacts.update(ada, phone="3", details={"k1": {"city": "Rome"}})
        laptop.contacts.update(gone, phone="9")
        laptop.contacts.delete(bob)
        laptop.connection.execute("INSERT INTO contacts (name, phone) VALUES ('Long', ?)", ("5" * 500,))
        laptop.plan()
        laptop.sync()
        phone.sync()
        for conflict in laptop.conflicts():
            laptop.resolve(str(conflict["id"]), "theirs")
        laptop.sync()
        *_, first = phone.history(ada)
        phone.restore(first.id, ada, ["phone"], "after")
        phone.sync()
        laptop.sync()
        laptop.verify()
        laptop.connection.execute("UPDATE server_rows SET seq = seq - 1 WHERE record_id = ?", (ada,))
        laptop.verify()


def hold_rest(conversation: Conversation) -> None:
    """A plain program reads and writes contacts, their history and conflicts, and asks what it may not."""
    rest = conversation.rest
    ids = [str(uuid5(IDS, f"person {number}")) for number in range(9)]
    for number, record_id in enumerate(ids):
        rest("POST", "/contacts", {"id": record_id, **person(number)})
    first, second, *_ = ids
    rest("POST", "/contacts", {"id": first, **person(0)})
    rest("POST", "/contacts", {"id": first, "name": "Another"})
    rest("GET", f"/contacts/{first}")
    rest("PATCH", f"/contacts/{first}", {"phone": "10", "details": {"k1": {"kind": "url", "value": "a.org"}}})
    rest("PATCH", f"/contacts/{first}", {"phone": "11"}, If_Match='"1"')
    rest("DELETE", f"/contacts/{second}")
    refused: list[Any] = [{"notes": "1"}, {"name": "x" * 5_000}, {"name": "Ada", "nothing": 1}, {"name": 5}, []]
    for bad in refused:
        rest("POST", "/contacts", bad)
    for path in ("/contacts", "/contacts?limit=3", "/contacts?search=person+4", "/contacts?limit=x", "/conflicts"):
        rest("GET", path)
    for path in (f"/contacts/{second}", f"/contacts/{NOBODY}", f"/history/{first}", f"/history/{first}?limit=1"):
        rest("GET", path)
    newest = rest("GET", f"/history/{first}")["changes"][0]
    rest("POST", f"/history/{newest['id']}/restore", {"cells": ["phone"]})
    rest("POST", f"/history/{NOBODY}/restore", {})
    for conflict in rest("GET", "/conflicts")["conflicts"]:
        rest("POST", f"/conflicts/{conflict['id']}", {"choice": "theirs"})
        rest("POST", f"/conflicts/{conflict['id']}", {"choice": "mine"})
    cursor = rest("GET", "/changes?limit=4")["cursor"]
    for path in (f"/changes?limit=4&since={cursor}", "/changes?since=other.5", "/changes?since=", "/changes?limit=0"):
        rest("GET", path)
    rest("GET", "/changes?since=2020-01-01T00:00:00Z")
    rest("POST", "/rows", {"table": "contacts", "ids": [first, second, NOBODY]})
    rest("POST", "/rows", {"table": "boats", "ids": [first]})
    rest("POST", "/verify", {"table": "contacts", "ranges": [["", "8"], ["8", None]], "records": True})
    rest("POST", "/verify", {"table": "contacts", "ranges": [["", None]], "nothing": 1})
    for envelope in bad_pushes(first):
        rest("POST", "/sync", envelope)
        if "kept" not in envelope:  # no device rehearses what it does after a restore
            rest("POST", "/plan", envelope)
    rest("GET", "/changes", Offbook_Protocol="2")
    rest("GET", "/contacts/none")


def person(number: int) -> dict[str, str]:
    """One of some contacts."""
    return {"name": f"Person {number}", "given_name": "Person", "family_name": str(number), "phone": str(number)}


def bad_pushes(record_id: str) -> Iterator[dict[str, Any] | list[Any]]:
    """What a push should not be; and what is rejected in one that is."""
    change = {
        "id": str(uuid5(IDS, "change")),
        "table": "contacts",
        "record_id": record_id,
        "operation": "UPDATE",
        "timestamp": "2026-11-18T17:06:40.000Z",
        "base": 1,
        "data": {"phone": "12"},
    }
    changes: list[Any] = [
        {**change, "table": "boats"},
        {**change, "table": "conflicts"},
        {**change, "data": {"wings": "2"}},
        {**change, "data": {"phone": "5" * 500}},
        {**change, "data": {"details": {"k1": {"kind": "wings"}}}},
        {**change, "operation": "UPSERT"},
        {**change, "base": None},
        {**change, "nothing": 1},
        {**change, "resolves": [NOBODY]},
        {**change, "record_id": NOBODY},
        {**change, "id": "x"},
        5,
        change,
        change,
    ]
    yield {"changes": changes, "since": None}
    yield {"changes": changes[-1:], "seen": 1}
    yield {"changes": [], "since": "other.5"}
    yield {"changes": {}, "since": None}
    yield {"changes": [], "nothing": 1}
    yield {"changes": [], "kept": 1_795_000_000_000_001, "since": None}
    yield {"table": "contacts", "operation": "UPDATE", "data": {"id": 1, "name": "x"}}
    yield []


def record(folder: Path, policy: str) -> list[Recorded]:
    """All that is asked of a server of the version that runs this, and its answers."""
    app = create_app(Config(database_url=f"sqlite:///{folder}/server.db", instance_path=folder, **SETTINGS))
    upgrade(app.extensions["database"])
    conversation = Conversation(FixedServer(app, policy))
    hold_devices(conversation, folder)
    hold_rest(conversation)
    app.extensions["database"].close()
    return conversation.recorded


if __name__ == "__main__":
    json.dump(record(Path(sys.argv[1]), sys.argv[2]), sys.stdout)
