"""Pushes and pulls of one book, one after the other; bytes on the wire; bytes of the write-ahead log."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from websockets.sync.client import connect

from bench import sync
from bench.costs.setup import Place, figures
from bench.server import Client
from bench.statistics import Figure
from bench.verify import relay
from offbook import HTTP, Replica

SINGLES = 200
BATCHES = {10: 30, 100: 10, 1_000: 3}
PAGES = {1: 200, 100: 60, 1_000: 15}
HELD = 2_000
"""Contacts of the book."""


def all_figures(place: Place) -> Iterator[Figure]:
    (token,) = place.new_book()
    client, ids = place.connect(token), [str(uuid.uuid4()) for _ in range(HELD)]
    for start in range(0, HELD, sync.BATCH):
        client.send(
            "POST", "/sync", sync.body([sync.insert(record_id) for record_id in ids[start : start + sync.BATCH]])
        )
    place.database.vacuum()
    yield from pushes(place, place.connect(token), ids)
    yield from live_pushes(place, token, ids)
    yield from pulls(place, place.connect(token))
    yield from wire(place, token, ids)
    yield from log_bytes(place, place.connect(token), ids)


def pushes(place: Place, client: Client, ids: list[str]) -> Iterator[Figure]:
    cost = place.of(SINGLES, lambda: [send(client, [sync.insert(str(uuid.uuid4()))]) for _ in range(SINGLES)])
    yield from figures("push of one new contact, HTTP", cost)
    cost = place.of(SINGLES, lambda: [send(client, [sync.update(record_id)]) for record_id in ids[:SINGLES]])
    yield from figures("push of one edit, HTTP", cost)
    for size, times in BATCHES.items():
        cost = place.of(size * times, batches(client, ids, size, times))
        yield from figures(f"an edit in a batch of {size:,}", cost)


def batches(client: Client, ids: list[str], size: int, times: int) -> Callable[[], object]:
    return lambda: [send(client, [sync.update(record_id) for record_id in ids[:size]]) for _ in range(times)]


def send(client: Client, changes: list[dict[str, object]]) -> bytes:
    return client.send("POST", "/sync", sync.body(changes))


def live_pushes(place: Place, token: str, ids: list[str]) -> Iterator[Figure]:
    address = place.url.replace("http", "ws", 1) + f"/live?since={sync.pull_all(place.connect(token))}"
    headers = {"Authorization": f"Bearer {token}"}

    def one_by_one(together: int) -> None:
        """A push holds one edit, and so many are on their way at once. Its own page comes back, too."""
        bodies = [
            json.dumps({"push": n, "changes": [sync.update(record_id)]}) for n, record_id in enumerate(ids[:SINGLES])
        ]
        for start in range(0, SINGLES, together):
            for body in bodies[start : start + together]:
                socket.send(body)
            answers = 0
            while answers < together:
                answers += str(socket.recv(timeout=60)).startswith('{"push"')

    with connect(address, additional_headers=headers, compression=None, max_size=None) as socket:
        yield from figures("push of one edit, live, and its page", place.of(SINGLES, lambda: one_by_one(1)))
        yield from figures("the same, ten at once in one commit", place.of(SINGLES, lambda: one_by_one(10)))


def get_often(client: Client, path: str, times: int) -> None:
    for _ in range(times):
        client.send("GET", path)


def pulls(place: Place, client: Client) -> Iterator[Figure]:
    head = json.dumps({"changes": [], "since": sync.pull_all(client)}).encode()
    cost = place.of(SINGLES, lambda: [client.send("POST", "/sync", head) for _ in range(SINGLES)])
    yield from figures("a sync in which nothing is new", cost)
    for size, times in PAGES.items():
        cost = place.of(times, partial(get_often, client, f"/changes?limit={size}", times))
        yield from figures(f"a page of {size:,}", cost)


def wire(place: Place, token: str, ids: list[str]) -> Iterator[Figure]:
    """By a real replica over HTTP, headers and gzip included; over the socket, the messages with their frames."""
    (own,) = place.new_book()
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        counted: list[int] = []
        with (
            relay(place.url, counted) as url,
            closing(HTTP(url, own)) as transport,
            Replica(Path(folder) / "one.db", transport=transport) as book,
        ):
            record_id = book.contacts.add(
                name="Ada Lovelace", phone="555-1234", email="ada@example.org", company="Engines"
            )
            book.sync()
            works: dict[str, Callable[[], object]] = {
                "a sync of one edit, HTTP, both ways": lambda: book.contacts.update(record_id, phone="555-9"),
                "a sync in which nothing is new, both ways": lambda: None,
                "a sync of 1,000 new contacts, both ways": lambda: fill(book),
            }
            for name, work in works.items():
                work()
                before = sum(counted)
                book.sync()
                yield Figure(f"on the wire: {name}", sum(counted) - before, "bytes")
    client = place.connect(token)
    push = len(json.dumps({"push": 1, "changes": [sync.update(ids[0])]})) + 8
    answer, page = send(client, [sync.update(ids[0])]), client.send("GET", "/changes?limit=1")
    yield Figure("on the wire: push of one edit, live, with its answer", push + len(answer) + 4, "bytes")
    yield Figure("on the wire: its page, to each listener", len(page) + 4, "bytes")


def fill(book: Replica) -> None:
    for number in range(1_000):
        book.contacts.add(name=f"Ada Lovelace {number}", phone="555-1234", email=f"{number}@example.org")


def log_bytes(place: Place, client: Client, ids: list[str]) -> Iterator[Figure]:
    """What a commit of one edit, and an edit in a commit of 100, write to the log of the database."""
    for name, size, times in (("a push of one edit", 1, SINGLES), ("an edit in a batch of 100", 100, 10)):
        before = written(place)
        batches(client, ids, size, times)()
        yield Figure(f"written by {name}", (written(place) - before) / size / times, "bytes")


def written(place: Place) -> int:
    """Bytes so far: of PostgreSQL's WAL, which others on that server write to; of SQLite all that the process wrote."""
    if place.database.name == "postgresql":
        with place.database.read() as connection:
            return int(connection.exec_driver_sql("SELECT pg_current_wal_insert_lsn() - '0/0'").scalar_one())
    lines = Path(f"/proc/{place.pid}/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])
