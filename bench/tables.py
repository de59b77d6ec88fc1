"""Tables that an app brings: what they cost beside contacts, what ten of them cost when nothing changes, and growth."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import sync
from bench.restore import new_book, new_id, now_us
from bench.server import Client, Server, flask, running
from bench.statistics import Figure, median, seconds
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.codec import table_to_json
from offbook.core.declaration.rules import app_schema
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import parse_change
from offbook.core.schema import Table as Declared
from offbook.tables import Date, Flag, Integer, Table, Text
from ops.backup.backup import back_up
from ops.grow import grow
from services.accounts import Accounts
from services.sync.push import apply_batch
from storage.base import ChangeOrigin
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.sql.store import SqlStore

RECORDS = 10_000
GROWN = 100_000
PULLS = 300

NOTES = Table(
    "notes", Text("title", required=True), Text("body", limit=10_000), Flag("done"), Date("due"), Integer("n")
)
OTHERS = tuple(replace(NOTES, name=f"notes_{number}") for number in range(2, 10))
"""With contacts and notes these are ten tables."""


def figures(folder: Path) -> Iterator[Figure]:
    folder.joinpath("tables").mkdir()
    with running(folder / "tables") as server:
        ids = [str(uuid.uuid4()) for _ in range(RECORDS)]
        yield from pushes(server, ids)
        yield from idle_pulls(server)
    yield from growths(folder)


def pushes(server: Server, ids: list[str]) -> Iterator[Figure]:
    """As many records of an app's table as contacts, each into a table that is empty."""
    contacts = push(server.connect(), [sync.insert(record_id) for record_id in ids])
    shape = declare(server, NOTES)
    client = replace(server.connect(), shape=shape)
    notes = push(client, [note(record_id) for record_id in ids])
    name = f"push of {RECORDS:,} records of five fields, in contacts"
    yield Figure(name, contacts / notes, "times", 1)


def idle_pulls(server: Server) -> Iterator[Figure]:
    """Nothing changed: with the tables that there are, and with ten."""
    few = idle(server.connect())
    shape = declare(server, *OTHERS)
    many = idle(replace(server.connect(), shape=shape))
    yield Figure("nothing changed in ten tables, in one", many / few, "times", 1.3, at_most=True)


def idle(client: Client) -> float:
    cursor = sync.pull_all(client)
    body = dumps({"changes": [], "since": cursor})
    return median(seconds(lambda: client.send("POST", "/sync", body)) for _ in range(PULLS))


def growths(folder: Path) -> Iterator[Figure]:
    """A book of many records whose table gets one more field."""
    database = open_engines(f"sqlite:///{folder / 'grown.db'}")
    upgrade(database)
    grow(database, app_schema([NOTES], BUILT_IN), now_us())
    store, book_id = SqlStore(database), new_book(Accounts(database))
    for _ in range(GROWN // sync.BATCH):
        items = [note(str(uuid.uuid4())) for _ in range(sync.BATCH)]
        with store.writing(book_id) as book:
            apply_batch(book, ChangeOrigin(), [parse_change(store.schema, item, new_id()) for item in items], now_us())
    wider = replace(NOTES, fields=(*NOTES.fields, Text("color")))
    kept = seconds(partial(back_up, database, folder / "grown.backup"))
    took = seconds(partial(grow, database, app_schema([wider], BUILT_IN), now_us()))
    database.close()
    yield Figure(f"a backup of {GROWN:,} records, which growing makes", kept, "s")
    yield Figure(f"{GROWN:,} records grown by a field, but for that", took - kept, "s", 1, at_most=True)


def declare(server: Server, *tables: Declared) -> str:
    """Let the running server's tables grow; the shape of its schema then."""
    file = server.folder / "tables.json"
    file.write_text(json.dumps([table_to_json(table) for table in tables]))
    flask(server.folder, "tables", "grow", "--yes", str(file))
    return str(json.loads(server.connect().send("GET", "/tables"))["shape"])


def push(client: Client, changes: list[dict[str, object]]) -> float:
    bodies = [sync.body(changes[start : start + sync.BATCH]) for start in range(0, len(changes), sync.BATCH)]
    return sum(seconds(partial(client.send, "POST", "/sync", body)) for body in bodies)


def note(record_id: str) -> dict[str, object]:
    values = {"title": f"Note {record_id[:8]}", "body": "Buy milk and bread", "due": "2026-12-01", "n": 7}
    return {**sync.change(record_id, "INSERT", 0, values), "table": NOTES.name}
