"""The device's part: what a pull costs to store, and what capturing a write costs beside doing it by hand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from sqlite3 import Connection

from bench.server import Server
from bench.statistics import Figure, median, seconds
from offbook import HTTP, Replica, Response, Transport
from offbook.database.connection import connect

WRITES = 1_000
RAW = """
CREATE TABLE contacts (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, email TEXT, updated_at TEXT);
CREATE TABLE change_log (id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT, record_id TEXT, operation TEXT,
  timestamp TEXT, synced INTEGER DEFAULT 0, change_id TEXT, base INTEGER, data TEXT);
"""


class Recording:
    """The server, and all that it answered."""

    def __init__(self, server: Server) -> None:
        self.answers: list[Response] = []
        self._http = HTTP(server.url, server.token)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self.answers.append(self._http.send(method, path, body, headers))
        return self.answers[-1]


class Replaying:
    """The same answers once more, at once: what is left is the device's own part."""

    def __init__(self, answers: list[Response]) -> None:
        self._answers = iter(answers)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        return next(self._answers)


def pull_figures(server: Server, folder: Path) -> Iterator[Figure]:
    def pull(name: str, transport: Transport) -> float:
        """Contacts a second."""
        with Replica(folder / name, transport=transport) as book:
            took = seconds(book.sync)
            return book.contacts.count() / took

    recording = Recording(server)
    whole = pull("pulled.db", recording)
    stored = median(pull(f"stored-{run}.db", Replaying(recording.answers)) for run in range(5))
    yield Figure("pull to an empty device, stored in a replica", stored, "contacts/s", 25_000)
    yield Figure("the same, with the server and the network", whole, "contacts/s")


def write_figures(folder: Path) -> Iterator[Figure]:
    """The same insert with its log line: by raw sqlite3 by hand, by SQL with triggers, and by the Python API."""
    raw = connect(folder / "raw.db")
    raw.executescript(RAW)
    with Replica(folder / "captured.db") as book:
        plain = connect(folder / "captured.db")
        ratios = [one_round(raw, plain, book) for _ in range(5)]
        plain.close()
    raw.close()
    yield Figure("a local write by SQL, as a part of raw sqlite3's speed", median(sql for sql, _ in ratios), "×", 0.5)
    yield Figure(
        "a local write by Python, as a part of raw sqlite3's", median(python for _, python in ratios), "×", 0.5
    )


def one_round(raw: Connection, plain: Connection, book: Replica) -> tuple[float, float]:
    def all_by_hand() -> None:
        for _ in range(WRITES):
            write_by_hand(raw)

    by_hand = seconds(all_by_hand)
    by_sql = seconds(lambda: [plain.execute(INSERT, ("Ada Lovelace", "555-1234")) for _ in range(WRITES)])
    by_python = seconds(lambda: [book.contacts.add(name="Ada Lovelace", phone="555-1234") for _ in range(WRITES)])
    return by_hand / by_sql, by_hand / by_python


INSERT = "INSERT INTO contacts (name, phone) VALUES (?, ?)"


def write_by_hand(raw: Connection) -> None:
    execute = raw.execute
    record_id, data = str(uuid.uuid4()), {"name": "Ada Lovelace", "phone": "555-1234"}
    execute("BEGIN IMMEDIATE")
    execute("INSERT INTO contacts (id, name, phone) VALUES (?, ?, ?)", (record_id, data["name"], data["phone"]))
    execute(
        "INSERT INTO change_log (table_name, record_id, operation, timestamp, change_id, base, data)"
        " VALUES ('contacts', ?, 'INSERT', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?, 0, ?)",
        (record_id, str(uuid.uuid4()), json.dumps(data)),
    )
    execute("COMMIT")
