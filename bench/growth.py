"""How each request's cost grows: with the contacts of a book, and with the books of a server.

The figures are CPU milliseconds of the server's process for a request, so that other work of the machine counts little.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from bench import server, sync
from bench.process_usage import TICKS, cpu_seconds
from bench.restore import new_id, now_us
from bench.server import Client, Server
from bench.statistics import Figure
from offbook.core.protocol.json import dumps
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import open_engines

SIZES = (1_000, 10_000, 100_000)
BOOKS = (1, 10, 100, 1_000)
TICKS_MIN = 20
"""A system counts CPU time in ticks of ten milliseconds: requests are repeated until so many have passed."""


def figures(folder: Path) -> Iterator[Figure]:
    """First by contacts in one book, then by books of a hundred contacts."""
    with server.running(folder / "contacts") as running:
        yield from by_contacts(running)
    with server.running(folder / "books") as running:
        yield from by_books(running)


def by_contacts(running: Server) -> Iterator[Figure]:
    """One change, nothing changed, a hundred changed, and a contact pushed in batches, at each size of the book."""
    client, count, first_cost = running.connect(), 0, 0.0
    for size in SIZES:
        began = cpu_seconds([running.pid])
        ids = fill(client, size - count)
        cost = (cpu_seconds([running.pid]) - began) / (size - count) * 1e6
        first_cost = cost if size == 10_000 else first_cost
        count = size
        goal = 1.15 * first_cost if size == SIZES[-1] else None
        yield Figure(f"push in batches to {size:,} contacts, CPU", cost, "us/contact", goal, at_most=True)
        yield from requests(running, client, f"with {size:,} contacts", ids)


def by_books(running: Server) -> Iterator[Figure]:
    """The same with so many books beside."""
    database = open_engines(f"sqlite:///{running.folder / 'offbook.db'}")
    accounts, count = Accounts(database, Effort(1, 8, 1)), 1
    ids = fill(running.connect(), 100)
    for books in BOOKS:
        for number in range(count, books):
            user = accounts.add_user(f"user {number}", "only for the bench", False, now_us(), new_id)
            token = accounts.add_device(user.book_id, user.id, "bench", now_us(), new_id)[1]
            fill(Server(running.url, token, running.pid, running.folder).connect(), 100)
        count = books
        yield from requests(running, running.connect(), f"with {books:,} books", ids)
    database.close()


def requests(running: Server, client: Client, beside: str, ids: list[str]) -> Iterator[Figure]:
    """What a device asks most, in CPU milliseconds for each request."""
    head = dumps({"changes": [], "since": sync.pull_all(client)})

    def change() -> None:
        client.send("POST", "/sync", sync.body([sync.update(ids[0])]))

    yield Figure(f"one change per request {beside}, CPU", cpu_ms(running, change), "ms")
    client.send("POST", "/sync", sync.body([sync.update(record_id) for record_id in ids[:100]]))
    changed = dumps({"changes": [], "since": sync.pull_all(client)})
    yield Figure(f"nothing changed {beside}, CPU", cpu_ms(running, lambda: client.send("POST", "/sync", changed)), "ms")
    yield Figure(f"100 changed {beside}, CPU", cpu_ms(running, lambda: client.send("POST", "/sync", head)), "ms")


def cpu_ms(running: Server, send: Callable[[], object]) -> float:
    """The server's CPU time for a request, in milliseconds."""
    count, began = 0, cpu_seconds([running.pid])
    while (used := cpu_seconds([running.pid]) - began) < TICKS_MIN / TICKS:
        for _ in range(20):
            send()
        count += 20
    return used / count * 1000


def fill(client: Client, count: int) -> list[str]:
    """New contacts in batches; the ids of the last batch."""
    ids: list[str] = []
    for start in range(0, count, sync.BATCH):
        ids = [new_id() for _ in range(min(sync.BATCH, count - start))]
        client.send("POST", "/sync", sync.body([sync.insert(record_id) for record_id in ids]))
    return ids
