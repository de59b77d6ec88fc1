"""What processes tell one another and the database beside changes: messages of commits, and notes of who is here."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlalchemy import select

from bench.costs.read_requests import written
from bench.costs.setup import Place
from bench.statistics import Figure
from models import Device
from services.accounts.accounts import Accounts
from storage.commit_notifications import PostgresNotify

MESSAGES = 1_000
LISTENERS = 9


def all_figures(place: Place) -> Iterator[Figure]:
    if place.database.name == "postgresql":
        yield from messages(place)
    yield from notes(place)


def messages(place: Place) -> Iterator[Figure]:
    """NOTIFY from one process to so many others, each message by itself."""
    mouth, *ears = (
        PostgresNotify(place.database.adapter.engine(place.database.engine.url)) for _ in range(1 + LISTENERS)
    )

    def tell() -> None:
        for book in range(MESSAGES):
            mouth.publish([book])

    try:
        began = time.monotonic()
        tell()
        took, hearing = (time.monotonic() - began) / MESSAGES, sum(map(heard, ears)) / LISTENERS
        cost = place.of(MESSAGES, tell)
        yield Figure(f"a message to {LISTENERS} other processes, database", cost.database, "ms CPU")
        yield Figure("messages that one process sends, one by one", 1 / took, "a second")
        yield Figure("hearing one, in each other process", hearing * 1e6, "µs CPU")
    finally:
        for listener in (mouth, *ears):
            listener.close()


def heard(ear: PostgresNotify) -> float:
    """CPU seconds for one message, of those that came by now."""
    before, books = time.process_time(), set[int]()
    while len(books) < MESSAGES:
        books.update(ear.poll() or ())
    return (time.process_time() - before) / MESSAGES


def notes(place: Place) -> Iterator[Figure]:
    """As the live channel makes them, all in one transaction. This process does the part of the server."""
    accounts = Accounts(place.database)
    place.new_book(1_000)
    with place.database.read() as connection:
        ids = connection.execute(select(Device.id)).scalars().all()
    noted = [0]

    def note() -> None:
        noted[0] += 1
        accounts.record_cursors(dict.fromkeys(ids, noted[0]), time.time_ns() // 1000)

    own, size = time.process_time(), written(place)
    cost = place.of(len(ids), note)
    own = (time.process_time() - own) / 6 / len(ids)
    yield Figure("a note that a device is here, server", own * 1e6, "µs CPU")
    if place.database.name == "postgresql":
        yield Figure("the same, database", cost.database * 1000, "µs CPU")
        yield Figure("written by it", (written(place) - size) / 6 / len(ids), "bytes")
