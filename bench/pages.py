"""The pages' part: a search over every field of many contacts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.statistics import Figure, median, seconds
from offbook.contacts.table import CONTACTS
from offbook.core.model import Change, Operation, Value
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from services.sync.push import apply_batch
from storage.base import ChangeOrigin
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.repositories.contact_queries import ContactQueries
from storage.sql.store import SqlStore

ADDED = 25_000


def figures(folder: Path) -> Iterator[Figure]:
    database = open_engines(f"sqlite:///{folder / 'search.db'}")
    upgrade(database)
    now_us = time.time_ns() // 1000
    user = Accounts(database, Effort(1, 8, 1)).add_user(
        "bench", "only for the bench", False, now_us, lambda: str(uuid.uuid4())
    )
    store = SqlStore(database)
    contacts = ContactQueries(database, store)
    for start in range(0, ADDED, 1000):
        with store.writing(user.book_id) as book:
            apply_batch(book, ChangeOrigin(), [contact(start + index) for index in range(1000)], now_us)
    worst = max(median(seconds(partial(contacts.page, user.book_id, word)) for _ in range(5)) for word in WORDS)
    yield Figure(f"the slowest of {len(WORDS)} searches in {ADDED:,} contacts", worst * 1000, "ms", 50, at_most=True)
    database.close()


WORDS = ("", "a", "ada", "lovelace 24999", "no such person", "example.org", "street 777")


def contact(index: int) -> Change:
    cells: dict[str, Value] = {
        "name": f"Ada Lovelace {index}",
        "phone": f"555-{index:06d}",
        "email": f"ada{index}@example.org",
        "company": "Analytical Engines",
        "details/a1/@exists": True,
        "details/a1/kind": "address",
        "details/a1/value": (f"{index} Long Street {index}, London", None, "London", None, None, None),
    }
    change_id = str(uuid.uuid4())
    return Change(change_id, CONTACTS, str(uuid.uuid4()), Operation.INSERT, change_id, 0, 0, cells)
