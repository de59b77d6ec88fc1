"""The server's part: pushes and pulls over HTTP, with bodies that were made before the clock starts."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from bench.limits import bare_answer, bare_commit, bare_process, plain_read, plain_write
from bench.server import Client, Server
from bench.statistics import Figure, Limit, median, seconds
from offbook.core.protocol.json import dumps

BATCH = 1_000
SINGLES = 1_000
TIME = "2026-11-20T17:00:00.000Z"


def batches(server: Server, ids: list[str]) -> Iterator[Figure]:
    """Contacts by the thousand: these ids, into an empty book and out of it again."""
    client = server.connect()
    bodies = [body([insert(record_id) for record_id in ids[i : i + BATCH]]) for i in range(0, len(ids), BATCH)]
    pushed = sum(seconds(partial(client.send, "POST", "/sync", batch)) for batch in bodies)
    file = server.folder / "offbook.db"
    plain = plain_write(file, file.with_suffix(".copy"), time.perf_counter, BATCH)
    written = Limit("raw executemany", len(ids) / plain)
    name = f"push of {len(ids):,} contacts in batches of {BATCH:,}"
    yield Figure(name, len(ids) / pushed, "contacts/s", 26_000, aim=40_000, limit=written)
    pulled = median(seconds(lambda: pull_all(client)) for _ in range(3))
    read = Limit("raw SELECT, as JSON", len(ids) / median(plain_read(file) for _ in range(3)))
    name = f"pull of {len(ids):,} contacts, out of the server"
    yield Figure(name, len(ids) / pulled, "contacts/s", 110_000, aim=150_000, limit=read)


def requests(server: Server, ids: list[str]) -> Iterator[Figure]:
    """Little at a time, on the book that holds these ids."""
    asgi, flask = bare_answer("asgi"), bare_answer("flask")
    durable = Limit("a bare ASGI answer and a raw FULL commit", 1 / (bare_commit(server.folder) + asgi.value / 1000))
    client = server.connect()
    single = singles(client)
    yield Figure("one change per request, one after the other", single, "requests/s", 1_500, aim=2_270, limit=durable)
    yield Figure("the same, from eight devices at once", at_once(server, 8), "requests/s", 3 * single, aim=5 * single)
    client = server.connect()  # the one before has rested meanwhile, and may be closed
    head = dumps({"changes": [], "since": pull_all(client)})
    idle = median(seconds(lambda: client.send("POST", "/sync", head)) for _ in range(200)) * 1000
    yield Figure("nothing changed", idle, "ms", 0.5, at_most=True, aim=2 * asgi.value, limit=flask)
    client.send("POST", "/sync", body([update(record_id) for record_id in ids[:100]]))
    partly = median(seconds(lambda: client.send("POST", "/sync", head)) for _ in range(50)) * 1000
    yield Figure(f"100 changed of {len(ids):,}", partly, "ms", 2.2, at_most=True, aim=1.5, limit=flask)
    bare = bare_process()
    held = server.memory_mb("VmRSS")
    yield Figure("server's memory after all that", held, "MB", bare.value + 30, at_most=True, aim=80, limit=bare)


def eight_devices(server: Server) -> Iterator[Figure]:
    """Eight connections, each of which sends batches of its own at once, into an empty book."""
    batch_bodies = [[body([insert(new_id()) for _ in range(BATCH)]) for _ in range(3)] for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        clients = [server.connect() for _ in batch_bodies]

        def send_all(client: Client, bodies: list[bytes]) -> None:
            for batch in bodies:
                client.send("POST", "/sync", batch)

        took = seconds(lambda: list(pool.map(send_all, clients, batch_bodies)))
    yield Figure("eight devices at once, in batches", 8 * 3 * BATCH / took, "contacts/s", 30_000, aim=45_000)


def singles(client: Client) -> float:
    bodies = [body([insert(new_id())]) for _ in range(SINGLES)]
    return SINGLES / seconds(lambda: [client.send("POST", "/sync", body) for body in bodies])


def at_once(server: Server, connections: int) -> float:
    with ThreadPoolExecutor(connections) as pool:
        clients = [server.connect() for _ in range(connections)]
        took = seconds(lambda: list(pool.map(singles, clients)))
    return connections * SINGLES / took


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
    return change(record_id, "UPDATE", 0, {"phone": f"555-{new_id()[:6]}"})


def change(record_id: str, operation: str, base: int, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": new_id(),
        "table": "contacts",
        "record_id": record_id,
        "operation": operation,
        "timestamp": TIME,
        "base": base,
        "data": data,
    }


def new_id() -> str:
    """A random id."""
    return str(uuid.uuid4())
