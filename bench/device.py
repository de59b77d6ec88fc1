"""The device's part: what a pull costs to store, and what capturing a write costs beside doing it by hand."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, median, seconds
from bench.server import Server
from bench.sync import CONTACTS
from offbook import Replica
from offbook.sqlite import connect

WRITES = 1_000
RAW = """
CREATE TABLE contacts (id TEXT PRIMARY KEY, name TEXT NOT NULL, phone TEXT, email TEXT, updated_at TEXT);
CREATE TABLE change_log (id INTEGER PRIMARY KEY AUTOINCREMENT, table_name TEXT, record_id TEXT, operation TEXT,
  timestamp TEXT, synced INTEGER DEFAULT 0, change_id TEXT, base INTEGER, data TEXT);
"""


def pull_figures(server: Server, folder: Path) -> Iterator[Figure]:
    def pull(path: Path) -> float:
        with Replica(path, server=server.url, token=server.token) as book:
            return seconds(book.sync)

    whole = median(pull(folder / f"device-{run}.db") for run in range(3))
    yield Figure(f"pull of {CONTACTS:,} contacts, stored in a replica", CONTACTS / whole, "contacts/s", 25_000)


def write_figures(folder: Path) -> Iterator[Figure]:
    """The same insert with its log line: by raw sqlite3 by hand, by SQL with triggers, and by the Python API."""
    raw = connect(folder / "raw.db")
    raw.executescript(RAW)
    with Replica(folder / "captured.db") as book:
        plain = connect(folder / "captured.db")
        ratios = [one_round(raw, plain, book) for _ in range(5)]
        plain.close()
    raw.close()
    yield Figure("a local write by SQL, as a part of raw sqlite3's speed", median(one for one, _ in ratios), "×", 0.5)
    yield Figure("a local write by Python, as a part of raw sqlite3's", median(one for _, one in ratios), "×", 0.5)


def one_round(raw: object, plain: object, book: Replica) -> tuple[float, float]:
    by_hand = seconds(lambda: [write_by_hand(raw) for _ in range(WRITES)])
    by_sql = seconds(lambda: [plain.execute(INSERT, ("Ada Lovelace", "555-1234")) for _ in range(WRITES)])  # type: ignore[attr-defined]
    by_python = seconds(lambda: [book.contacts.add(name="Ada Lovelace", phone="555-1234") for _ in range(WRITES)])
    return by_hand / by_sql, by_hand / by_python


INSERT = "INSERT INTO contacts (name, phone) VALUES (?, ?)"


def write_by_hand(raw: object) -> None:
    execute = raw.execute  # type: ignore[attr-defined]
    record_id, data = str(uuid.uuid4()), {"name": "Ada Lovelace", "phone": "555-1234"}
    execute("BEGIN IMMEDIATE")
    execute("INSERT INTO contacts (id, name, phone) VALUES (?, ?, ?)", (record_id, data["name"], data["phone"]))
    execute(
        "INSERT INTO change_log (table_name, record_id, operation, timestamp, change_id, base, data)"
        " VALUES ('contacts', ?, 'INSERT', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?, 0, ?)",
        (record_id, str(uuid.uuid4()), json.dumps(data)),
    )
    execute("COMMIT")
