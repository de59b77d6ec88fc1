"""A device's part of a comparison, and the server's: a book that agrees, and one in which a single record differs."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

from bench import server, sync
from bench.server import Client, Server
from bench.statistics import Figure, median, seconds
from offbook import HTTP, Replica
from offbook.contacts.table import CONTACTS
from offbook.database.local_changes import change_log
from offbook.verify.digest_form import DigestForm
from offbook.verify.local_digests import local_digests

RECORDS = 100_000
WHOLE = json.dumps({"table": "contacts", "ranges": [["", None]], "digest": 2}).encode()
ONE = "SELECT id FROM contacts LIMIT 1"


def figures(folder: Path) -> Iterator[Figure]:
    with server.running(folder / "compared") as running, Replica(folder / "compared.db") as book:
        fill(running.connect())
        book.set_server(running.url, running.token)
        book.sync()
        yield from agreeing(running, book)
        yield from differing(running, book)


def fill(client: Client) -> None:
    for _ in range(0, RECORDS, sync.BATCH):
        client.send("POST", "/sync", sync.body([sync.insert(str(uuid.uuid4())) for _ in range(sync.BATCH)]))


def agreeing(running: Server, book: Replica) -> Iterator[Figure]:
    name = f"verify {RECORDS:,} contacts that agree"
    yield Figure(name, median(seconds(book.verify) for _ in range(5)), "s", 1, at_most=True)
    yield Figure(
        "the same, on the wire with headers, both ways", bytes_of(running, book) / 1000, "kB", 10, at_most=True
    )
    own = median(seconds(lambda: local_digests(book.connection, DigestForm(CONTACTS, 2))) for _ in range(5))
    yield Figure("of it, the device's digests", own, "s")
    plain = median(seconds(lambda: book.connection.execute("SELECT * FROM contacts").fetchall()) for _ in range(5))
    yield Figure("to compare with, SELECT * of the same rows", plain, "s")
    client = running.connect()  # not before: the server closes a connection that rests
    summed = median(seconds(lambda: client.send("POST", "/verify", WHOLE)) for _ in range(5))
    yield Figure("of it, the server's sum", summed * 1000, "ms")


def differing(running: Server, book: Replica) -> Iterator[Figure]:
    name = f"one that differs of {RECORDS:,}, found and mended"
    yield Figure(name, median(seconds(book.verify) for _ in range(5) if damage(book)), "s")
    damage(book)
    yield Figure("the same, on the wire with headers, both ways", bytes_of(running, book) / 1000, "kB")


def damage(book: Replica) -> bool:
    with change_log.without_logging(book.connection):
        book.connection.execute(f"UPDATE contacts SET phone = phone || '0' WHERE id = ({ONE})")
        deleted = book.connection.execute("DELETE FROM change_log WHERE synced = 2")
    return deleted.rowcount >= 0


def bytes_of(running: Server, book: Replica) -> int:
    """What a verification, the sync before it included, sends and receives as TCP carries it."""
    counted: list[int] = []
    with (
        relay(running.url, counted) as url,
        closing(HTTP(url, running.token)) as transport,
        Replica(book.path, transport=transport) as through,
    ):
        through.verify()
    return sum(counted)


@contextmanager
def relay(url: str, counted: list[int]) -> Iterator[str]:
    """A way to the server that counts the bytes of one connection."""
    split = urlsplit(url)
    with (
        socket.create_server(("127.0.0.1", 0)) as door,
        socket.create_connection((split.hostname or "", split.port or 0)) as inside,
    ):
        thread = Thread(target=carry_both, args=(door, inside, counted))
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        thread.join()


def carry_both(door: socket.socket, inside: socket.socket, counted: list[int]) -> None:
    with door.accept()[0] as outside:
        back = Thread(target=carry, args=(inside, outside, counted))
        back.start()
        carry(outside, inside, counted)
        back.join()


def carry(source: socket.socket, target: socket.socket, counted: list[int]) -> None:
    with suppress(OSError):
        while part := source.recv(1 << 16):
            counted.append(len(part))
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
