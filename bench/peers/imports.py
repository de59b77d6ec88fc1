"""An import of a file of cards, on a server and on a device, beside plain SQLite that writes the same rows.

What plain SQLite writes are all rows that the import wrote, contacts, entries and log, into the same tables with the
same indexes, by executemany() in one transaction. It reads no file, checks nothing and looks for nobody.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

from bench.limits import plain_write
from bench.peers.cards import card
from bench.restore import new_book, new_id, now_us
from bench.statistics import Figure, cpu_seconds, ratios
from offbook import Replica
from offbook.cli.parser import parse
from services.accounts.accounts import Accounts
from services.blobs import Blobs
from services.contacts.import_run import import_contacts
from services.contacts.importing import read_file
from storage.base import ChangeOrigin
from storage.blobs.decoder import Decoder
from storage.blobs.rows import BlobRows
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade
from storage.repositories.contact_queries import ContactQueries
from storage.sql.store import SqlStore, SqlWriteTransaction

CONTACTS = 10_000
MANY = 25_000
WAIT_SECONDS_MAX = 0.2
PAUSE_SECONDS = 0.005
ROUNDS = 6

Import = Callable[[Path, Path], float]


def figures(folder: Path) -> Iterator[Figure]:
    cards = folder / "cards.vcf"
    cards.write_text("".join(map(card, range(CONTACTS))))
    imports: dict[str, Import] = {"a server": on_server, "a device": on_device}
    for place, import_cards in imports.items():
        files = (folder / f"{place}-{number}.db" for number in range(ROUNDS))
        pairs = (beside_plain(import_cards, cards, file) for file in files)
        yield ratios(f"{CONTACTS:,} cards imported on {place}, to plain SQLite", pairs, 0.25)
    yield from others_wait(folder)


def others_wait(folder: Path) -> Iterator[Figure]:
    """While many are imported: the longest transaction in CPU seconds, and the longest that another writer waits."""
    database = open_engines(f"sqlite:///{folder / 'many.db'}")
    upgrade(database)
    store, book_id = TimedStore(database), new_book(Accounts(database))
    queries, blobs = ContactQueries(database, store), Blobs(BlobRows(database), Decoder(), 0)
    file = io.BytesIO("".join(map(card, range(MANY))).encode())

    def run() -> None:
        read = read_file(store, queries, book_id, file)
        import_contacts(store, blobs, book_id, ChangeOrigin(), read, now_us(), new_id)

    importing, waits = Thread(target=run), [0.0]
    importing.start()
    while importing.is_alive():
        begun = time.perf_counter()
        with SqlStore.writing(store, book_id):
            pass
        waits.append(time.perf_counter() - begun)
        time.sleep(PAUSE_SECONDS)
    assert queries.count(book_id) == MANY
    database.close()
    name = f"{MANY:,} cards imported on a server"
    for words, value, unit in (("longest transaction", store.longest_seconds, "CPU s"), ("wait", max(waits), "s")):
        yield Figure(f"{name}, {words}", value, unit, WAIT_SECONDS_MAX, at_most=True)


class TimedStore(SqlStore):
    """A store that knows how long its longest transaction worked, its commit included."""

    longest_seconds = 0.0

    @contextmanager
    def writing(self, book_id: int) -> Iterator[SqlWriteTransaction]:
        with super().writing(book_id) as book:
            begun = time.thread_time()
            yield book
        self.longest_seconds = max(self.longest_seconds, time.thread_time() - begun)


def beside_plain(import_cards: Import, cards: Path, file: Path) -> tuple[float, float]:
    """How long plain SQLite takes to write what an import wrote, and the import, in CPU seconds."""
    imported = import_cards(cards, file)
    plain = plain_write(file, file.with_suffix(".plain"), time.process_time)
    return plain, imported


def on_server(cards: Path, file: Path) -> float:
    database = open_engines(f"sqlite:///{file}")
    upgrade(database)
    store, book_id = SqlStore(database), new_book(Accounts(database))
    queries, blobs = ContactQueries(database, store), Blobs(BlobRows(database), Decoder(), 0)

    def run() -> None:
        read = read_file(store, queries, book_id, io.BytesIO(cards.read_bytes()))
        import_contacts(store, blobs, book_id, ChangeOrigin(), read, now_us(), new_id)

    took = cpu_seconds(run)
    assert queries.count(book_id) == CONTACTS
    database.close()
    return took


def on_device(cards: Path, file: Path) -> float:
    arguments = parse(["import", str(cards)])
    with Replica(file) as book:
        took = cpu_seconds(partial(arguments.run, book, arguments))
        assert book.contacts.count() == CONTACTS
    return took
