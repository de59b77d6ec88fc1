"""The pages' part: the list, a contact and a search over every field of many contacts, as their views make them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from bench.restore import new_id, now_us
from bench.statistics import Figure, Limit, median, seconds
from config import Config
from offbook.contacts.table import CONTACTS
from offbook.core.model import Change, Operation, Value
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from services.container import Services
from services.sync.push import apply_batch
from storage.base import ChangeOrigin
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.repositories.contact_queries import ContactQueries
from storage.sql.store import SqlStore

ADDED = 25_000
RUNS = 15
WORDS = ("", "a", "ada", "lovelace 24999", "no such person", "example.org", "street 777")
NAME, PASSWORD = "bench", "only for the bench"


def figures(folder: Path) -> Iterator[Figure]:
    """Searches by their queries alone, then pages as a browser is given them, without the network."""
    url = f"sqlite:///{folder / 'pages.db'}"
    shown_id = fill(url)
    app = create_app(Config(instance_path=folder, database_url=url))
    services: Services = app.extensions["offbook"]
    book_id = services.accounts.user_named(NAME).book_id
    worst = max(median(seconds(partial(services.contacts.page, book_id, word)) for _ in range(5)) for word in WORDS)
    yield Figure(f"the slowest of {len(WORDS)} searches in {ADDED:,} contacts", worst * 1000, "ms", 50, at_most=True)
    client = signed_in(app)
    bare = Limit("a page without contacts", milliseconds(client, "/settings"))
    pages = {"the list": ("/", 25), "a contact": (f"/contacts/{shown_id}", 15), "a search": ("/?q=lovelace+24999", 20)}
    for name, (path, goal) in pages.items():
        took = milliseconds(client, path)
        yield Figure(f"{name} of {ADDED:,}, a page", took, "ms", goal, at_most=True, aim=goal / 2, limit=bare)


def fill(url: str) -> str:
    """A migrated database with a user who has so many contacts; the id of one of them."""
    database = open_engines(url)
    upgrade(database)
    user = Accounts(database, Effort(1, 8, 1)).add_user(NAME, PASSWORD, False, now_us(), new_id)
    store = SqlStore(database)
    for start in range(0, ADDED, 1000):
        with store.writing(user.book_id) as book:
            apply_batch(book, ChangeOrigin(), [contact(start + index) for index in range(1000)], now_us())
    shown = ContactQueries(database, store).page(user.book_id, "lovelace 24999")
    database.close()
    return str(shown.rows[0].id)


def signed_in(app: Flask) -> FlaskClient:
    """A browser that is signed in."""
    client = app.test_client()
    token = re.search('name="csrf_token" value="([^"]+)"', client.get("/login").text)
    assert token is not None
    answer = client.post("/login", data={"name": NAME, "password": PASSWORD, "csrf_token": token[1]})
    assert answer.status_code == 302, answer.text
    return client


def milliseconds(client: FlaskClient, path: str) -> float:
    """How long a page takes, in milliseconds of this process."""
    assert client.get(path).status_code == 200
    return median(cpu_milliseconds(client, path) for _ in range(RUNS))


def cpu_milliseconds(client: FlaskClient, path: str) -> float:
    """How long a page takes once."""
    began = time.process_time()
    client.get(path)
    return (time.process_time() - began) * 1000


def contact(index: int) -> Change:
    """The change that adds a contact with an address."""
    cells: dict[str, Value] = {
        "name": f"Ada Lovelace {index}",
        "phone": f"555-{index:06d}",
        "email": f"ada{index}@example.org",
        "company": "Analytical Engines",
        "details/a1/@exists": True,
        "details/a1/kind": "address",
        "details/a1/value": (f"{index} Long Street {index}, London", None, "London", None, None, None),
    }
    change_id = new_id()
    return Change(change_id, CONTACTS, new_id(), Operation.INSERT, change_id, 0, 0, cells)
