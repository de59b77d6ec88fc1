"""Tables that an app brings: what they cost beside contacts, what ten of them cost when nothing changes, and growth."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import sync
from bench.peers import last_version
from bench.process_usage import TICKS, cpu_seconds
from bench.restore import new_book, new_id, now_us
from bench.server import Client, Server, flask, running
from bench.statistics import Figure, ratios, seconds
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.codec import table_to_json
from offbook.core.declaration.rules import app_schema
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import parse_change
from offbook.core.schema import Table as Declared
from offbook.tables import Date, Flag, Integer, Table, Text
from ops.backup.backup import back_up
from ops.grow import grow
from services.accounts.accounts import Accounts
from services.sync.push import apply_batch
from storage.base import ChangeOrigin
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.sql.store import SqlStore

BEFORE = "78f2304"
"""The commit before apps had tables."""

GROWN = 100_000
ROUNDS = 15
PULLS, BATCHES = 200, 3
"""So many requests are a turn: a system counts CPU time in hundredths of a second."""

NOTES = Table(
    "notes", Text("title", required=True), Text("body", limit=10_000), Flag("done"), Date("due"), Integer("n")
)
OTHERS = tuple(replace(NOTES, name=f"notes_{number}") for number in range(2, 10))
"""With contacts and notes these are ten tables."""


def figures(folder: Path) -> Iterator[Figure]:
    folder.joinpath("tables").mkdir()
    folder.joinpath("ten").mkdir()
    with running(folder / "tables") as server, running(folder / "ten") as with_ten:
        yield pushes(server)
        yield idle_pulls(server, with_ten)
    yield from growths(folder)
    goals = dict.fromkeys(last_version.GOALS, 1.03)
    names = {operation: (name, goals[operation]) for operation, (name, _) in last_version.GOALS.items()}
    yield from last_version.beside(folder / "before", BEFORE, "before tables", names)


def pushes(server: Server, rounds: int = ROUNDS) -> Figure:
    """As many records of an app's table as contacts, in turns, each into a table that was empty."""
    shape = declare(server, NOTES)
    of_contacts, of_notes = server.connect(), replace(server.connect(), shape=shape)
    pairs = []
    for turn in range(rounds):
        ids = [str(uuid.uuid4()) for _ in range(BATCHES * sync.BATCH)]
        push_contacts = partial(push, of_contacts, bodies(map(sync.insert, ids)))
        push_notes = partial(push, of_notes, bodies(map(note, ids)))
        pairs.append(in_turns(server, push_contacts, server, push_notes, turn))
    count = rounds * BATCHES * sync.BATCH
    return ratios(f"a push of {count:,} records of five fields, in contacts", pairs, 1)


def bodies(changes: Iterable[dict[str, object]]) -> list[bytes]:
    """Requests of a thousand changes each."""
    items = list(changes)
    return [sync.body(items[start : start + sync.BATCH]) for start in range(0, len(items), sync.BATCH)]


def idle_pulls(server: Server, with_ten: Server, rounds: int = ROUNDS) -> Figure:
    """Nothing changed in ten tables, and in the two that everybody has and one of the app's."""
    few = replace(server.connect(), shape=declare(server, NOTES))
    many = replace(with_ten.connect(), shape=declare(with_ten, NOTES, *OTHERS))
    ask_many, ask_few = idle(many), idle(few)
    pairs = [in_turns(with_ten, ask_many, server, ask_few, turn) for turn in range(rounds)]
    return ratios("nothing changed in ten tables, in one", pairs, 1.3, at_most=True)


def in_turns(
    first: Server, run: Callable[[], object], other: Server, run_other: Callable[[], object], turn: int
) -> tuple[float, float]:
    """The CPU seconds that both take of their servers; the other one goes first in every second turn."""
    if turn % 2:
        theirs = server_seconds(other, run_other)
        return server_seconds(first, run), theirs
    return server_seconds(first, run), server_seconds(other, run_other)


def server_seconds(server: Server, run: Callable[[], object]) -> float:
    """What the server worked meanwhile: a clock would count what others do on the machine. A tick at the least."""
    before = cpu_seconds([server.pid])
    run()
    return max(cpu_seconds([server.pid]) - before, 1 / TICKS)


def idle(client: Client) -> Callable[[], object]:
    """What asks some times whether anything has changed."""
    body = dumps({"changes": [], "since": sync.pull_all(client)})
    return lambda: [client.send("POST", "/sync", body) for _ in range(PULLS)]


def push(client: Client, requests: Iterable[bytes]) -> None:
    for body in requests:
        client.send("POST", "/sync", body)


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


def note(record_id: str) -> dict[str, object]:
    values = {"title": f"Note {record_id[:8]}", "body": "Buy milk and bread", "due": "2026-12-01", "n": 7}
    return {**sync.change(record_id, "INSERT", 0, values), "table": NOTES.name}
