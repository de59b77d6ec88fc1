"""The server's part: pushes and pulls over HTTP, with bodies that were made before the clock starts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from bench.server import Client, Server
from bench.statistics import Figure, median, seconds
from offbook.core.protocol.json import dumps
from offbook.database.connection import connect

BATCH = 1_000
SINGLES = 1_000
TIME = "2026-11-20T17:00:00.000Z"


def batches(server: Server, ids: list[str]) -> Iterator[Figure]:
    """Contacts by the thousand: these ids, into an empty book and out of it again."""
    client = server.connect()
    bodies = [body([insert(record_id) for record_id in ids[i : i + BATCH]]) for i in range(0, len(ids), BATCH)]
    pushed = sum(seconds(partial(client.send, "POST", "/sync", batch)) for batch in bodies)
    yield Figure(f"push of {len(ids):,} contacts in batches of {BATCH:,}", len(ids) / pushed, "contacts/s", 20_000)
    pulled = median(seconds(lambda: pull_all(client)) for _ in range(3))
    yield Figure(f"pull of {len(ids):,} contacts, out of the server", len(ids) / pulled, "contacts/s", 80_000)


def requests(server: Server, ids: list[str]) -> Iterator[Figure]:
    """Little at a time, on the book that holds these ids."""
    client = server.connect()
    yield Figure("a bare commit on this disk, nine pages", median(bare_commits(server.folder)) * 1000, "ms")
    yield Figure("one change per request, one after the other", singles(client), "requests/s", 700)
    yield Figure("the same, from four connections at once", at_once(server, 4), "requests/s")
    head = dumps({"changes": [], "since": pull_all(client)})
    idle = median(seconds(lambda: client.send("POST", "/sync", head)) for _ in range(200))
    yield Figure("nothing changed", idle * 1000, "ms", 2, at_most=True)
    client.send("POST", "/sync", body([update(record_id) for record_id in ids[:100]]))
    partly = median(seconds(lambda: client.send("POST", "/sync", head)) for _ in range(50))
    yield Figure(f"100 changed of {len(ids):,}", partly * 1000, "ms", 5, at_most=True)
    yield Figure("server's memory after all that", server.memory_mb("VmRSS"), "MB", 150, at_most=True)


def singles(client: Client) -> float:
    bodies = [body([insert(str(uuid.uuid4()))]) for _ in range(SINGLES)]
    return SINGLES / seconds(lambda: [client.send("POST", "/sync", body) for body in bodies])


def at_once(server: Server, connections: int) -> float:
    with ThreadPoolExecutor(connections) as pool:
        clients = [server.connect() for _ in range(connections)]
        took = seconds(lambda: list(pool.map(singles, clients)))
    return connections * SINGLES / took


def bare_commits(folder: Path) -> list[float]:
    """What one durable commit costs here, with as many pages as a change touches: no request can be faster."""
    connection = connect(folder / "bare.db")
    for number in range(9):
        connection.execute(f"CREATE TABLE t{number} (text)")

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        for number in range(9):
            connection.execute(f"INSERT INTO t{number} VALUES ('some text of a contact')")
        connection.execute("COMMIT")

    took = [seconds(commit) for _ in range(200)]
    connection.close()
    return took


def pull_all(client: Client) -> str:
    """Take a snapshot, page by page; the cursor at its end. Only the cursor is read of each answer."""
    cursor = ""
    while True:
        page = client.send("GET", f"/changes?since={cursor}" if cursor else "/changes")
        tail = json.loads(b"{" + page[page.rindex(b'"cursor"') :])
        cursor = tail["cursor"]
        if not tail["more"]:
            return str(cursor)


def body(changes: list[dict[str, Any]]) -> bytes:
    return dumps({"changes": changes})


def insert(record_id: str) -> dict[str, Any]:
    data = {
        "name": f"Ada Lovelace {record_id[:8]}",
        "phone": "555-1234",
        "email": f"{record_id[:8]}@example.org",
        "company": "Analytical Engines",
    }
    return change(record_id, "INSERT", 0, data)


def update(record_id: str) -> dict[str, Any]:
    return change(record_id, "UPDATE", 0, {"phone": f"555-{uuid.uuid4().hex[:6]}"})


def change(record_id: str, operation: str, base: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "table": "contacts",
        "record_id": record_id,
        "operation": operation,
        "timestamp": TIME,
        "base": base,
        "data": data,
    }
