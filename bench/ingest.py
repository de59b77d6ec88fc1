"""Streams: how fast messages get on the disk beside a reader, how late the latest is, and what people write first."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from websockets.asyncio import client

from bench.server import ROOT
from bench.statistics import Figure, seconds
from offbook.database.connection import connect

RATE = 20_000
SECONDS = 15.0
FLOOD_SECONDS = 8.0
SINGLES = 500
LOOK_SECONDS = 0.001
READ_SECONDS = 0.05

READS = (
    "SELECT count(*), max(length(payload)) FROM stream_data WHERE id > (SELECT max(id) FROM stream_data) - 10000",
    "SELECT second, messages FROM stream_rate ORDER BY second DESC LIMIT 60",
    "SELECT id, timestamp, payload FROM stream_data ORDER BY id DESC LIMIT 100",
)
"""What the reader asks, twenty times a second, all the time."""


def figures(folder: Path) -> Iterator[Figure]:
    paced = Watch(folder / "paced.db", RATE, SECONDS)
    late = sorted(paced.late)
    yield Figure("ingest of messages of 200 bytes, durable, with a reader", paced.rate, "messages/s", 0.99 * RATE)
    yield Figure("messages of them that are missing", paced.sent - paced.stored, "messages", 0, at_most=True)
    yield Figure("the latest of them, from sending to the disk", late[-1] * 1000, "ms", 100, at_most=True)
    yield Figure("the latest in 99 of 100 commits, the same", late[len(late) * 99 // 100] * 1000, "ms")
    yield Figure("the reader's slowest answer meanwhile", max(paced.read) * 1000, "ms")
    flood = Watch(folder / "flood.db", 0, FLOOD_SECONDS)
    yield Figure("ingest of all that a server can send, with a reader", flood.rate, "messages/s", RATE)
    with feed(0, 3600) as url:
        took = seconds(lambda: asyncio.run(one_by_one(url, folder / "single.db")))
    yield Figure("one connection and one commit per message", SINGLES / took, "messages/s")


@dataclass
class Watch:
    """An ingest of so many messages a second, and a reader beside it.

    ``late`` is, of each commit, by how many seconds its oldest message can be read later than it was sent: what can be
    read is on the disk. ``read`` is how long the reader's own questions took.
    """

    path: Path
    wanted: int
    seconds: float
    late: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        with feed(self.wanted, self.seconds) as url, ingesting(url, self.path) as child:
            assert child.stdout is not None
            events = (json.loads(line) for line in child.stdout)
            next(event for event in events if event["event"] == "connected")
            with closing(connect(self.path)) as connection:
                self._look(connection)
            away = next(event for event in events if event["event"] == "away")
        self.sent = int(away["reason"].rpartition(": ")[2].rstrip("."))
        with closing(connect(self.path)) as connection:
            (self.stored,) = connection.execute("SELECT after_id FROM stream_gaps WHERE id = 1").fetchone()

    @property
    def rate(self) -> float:
        return float(self.stored / self.seconds)

    def _look(self, connection: Any) -> None:
        last, next_read, end = 0, 0.0, time.monotonic() + self.seconds - 0.5
        while (now_seconds := time.monotonic()) < end:
            row = connection.execute("SELECT payload FROM stream_data WHERE id = ?", (last + 1,)).fetchone()
            if row is not None:
                self.late.append(time.time() - json.loads(row[0])["sent_us"] / 1e6)
                (last,) = connection.execute("SELECT max(id) FROM stream_data").fetchone()
            if now_seconds >= next_read:
                self.read.append(seconds(lambda: [connection.execute(sql).fetchall() for sql in READS]))
                next_read = now_seconds + READ_SECONDS
            time.sleep(LOOK_SECONDS)


@contextmanager
def feed(rate: int, for_seconds: float) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.feed_server", str(rate), str(for_seconds)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            assert child.stdout is not None
            yield child.stdout.readline().strip()
        finally:
            child.terminate()


@contextmanager
def ingesting(url: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "offbook", "ingest", url, "--db", str(path), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.terminate()


async def one_by_one(url: str, path: Path) -> None:
    """As it is written first: open, insert, commit, close; and on to the next message."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE stream_data (id INTEGER PRIMARY KEY, timestamp TEXT, payload TEXT)")
    async with client.connect(url, compression=None) as stream:
        for _ in range(SINGLES):
            payload = await stream.recv()
            with closing(sqlite3.connect(path)) as connection:
                row = (datetime.now(UTC).isoformat(), payload)
                connection.execute("INSERT INTO stream_data (timestamp, payload) VALUES (?, ?)", row)
                connection.commit()
