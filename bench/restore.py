"""The book as it was: how long it takes to see what would change, and to take the book back there."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench import sync
from bench.statistics import Figure, seconds
from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import parse_change
from services.accounts.accounts import Accounts
from services.restore import Actor, preview, restore_book_to
from services.sync.push import apply_batch
from storage.base import ChangeOrigin
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.sql.store import SqlStore

CONTACTS = 10_000


def figures(folder: Path) -> Iterator[Figure]:
    database = open_engines(f"sqlite:///{folder / 'returned.db'}")
    upgrade(database)
    store, book_id = SqlStore(database), new_book(Accounts(database))
    ids = [str(uuid.uuid4()) for _ in range(CONTACTS)]
    for start in range(0, CONTACTS, sync.BATCH):
        send(store, book_id, [sync.insert(record_id) for record_id in ids[start : start + sync.BATCH]])
    with store.reading(book_id) as book:
        moment = book.book.seq
    for start in range(0, CONTACTS, sync.BATCH):
        send(
            store,
            book_id,
            [{**sync.update(record_id), "base": moment} for record_id in ids[start : start + sync.BATCH]],
        )
    looked = seconds(lambda: preview(store, book_id, moment))
    by = Actor(ChangeOrigin(), new_id(), new_id())
    taken = seconds(lambda: restore_book_to(store, book_id, by, moment, now_us()))
    database.close()
    yield Figure(f"what taking {CONTACTS:,} contacts back would do", looked, "s")
    yield Figure(f"a book of {CONTACTS:,} contacts, all edited, taken back", taken, "s", 2, at_most=True)


def new_book(accounts: Accounts) -> int:
    return accounts.add_user("bench", "only for the bench", True, now_us(), new_id).book_id


def send(store: SqlStore, book_id: int, items: list[dict[str, object]]) -> None:
    with store.writing(book_id) as book:
        apply_batch(book, ChangeOrigin(), [parse_change(BUILT_IN, item, new_id()) for item in items], now_us())


def now_us() -> int:
    return time.time_ns() // 1000


def new_id() -> str:
    return str(uuid.uuid4())
