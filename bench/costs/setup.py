"""The server whose costs are told, and its meters."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench import process_usage, sync
from bench.load.hosts import Hosts
from bench.server import Client, Server
from bench.statistics import Figure
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import Database

ROUNDS = 5
OTHERS, OTHERS_HOLD = 100, 200
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Cost(NamedTuple):
    """CPU, in ms."""

    server: float
    database: float


@dataclass(frozen=True)
class Place:
    """Where a measurement happens: the hosts with their shared database, and a folder for files."""

    hosts: Hosts
    folder: Path

    @property
    def database(self) -> Database:
        return self.hosts.database

    @property
    def pid(self) -> int:
        return self.hosts.pids[0]

    @property
    def url(self) -> str:
        return self.hosts.urls[0]

    def new_book(self, devices: int = 1) -> list[str]:
        """The tokens of the devices of a new book."""
        accounts, now_us = Accounts(self.database, Effort(1, 8, 1)), time.time_ns() // 1000
        user = accounts.add_user(f"user {uuid.uuid4()}", "only for the bench", False, now_us, new_id)
        return [accounts.add_device(user.book_id, user.id, "device", now_us, new_id)[1] for _ in range(devices)]

    def fill(self) -> None:
        """Others' books, and what is known of them: a database chooses its plans by that."""
        for _ in range(OTHERS):
            client = self.connect(self.new_book()[0])
            client.send("POST", "/sync", sync.body([sync.insert(new_id()) for _ in range(OTHERS_HOLD)]))
        self.database.vacuum()

    def connect(self, token: str) -> Client:
        return Server(self.url, token, self.pid, self.folder).connect()

    def of(self, count: int, work: Callable[[], object]) -> Cost:
        """What one costs of the ``count`` things that ``work`` does: the median of some rounds, after a first one."""
        work()
        rounds = [self._once(work) for _ in range(ROUNDS)]
        return Cost(*(median(values) * 1000 / count for values in zip(*rounds, strict=True)))

    def _once(self, work: Callable[[], object]) -> tuple[float, float]:
        server, backends = process_usage.cpu_seconds([self.pid]), self.backends()
        work()
        after = self.backends()
        return (
            process_usage.cpu_seconds([self.pid]) - server,
            sum(used - backends.get(pid, 0.0) for pid, used in after.items()),
        )

    def backends(self) -> dict[int, float]:
        """PostgreSQL's processes that serve this database, and what each has used."""
        if self.database.name != "postgresql":
            return {}
        with self.database.read() as connection:
            pids = connection.exec_driver_sql(BACKENDS).scalars().all()
        return {pid: process_usage.cpu_seconds([pid]) for pid in pids}


def figures(name: str, cost: Cost) -> list[Figure]:
    figures = [Figure(f"{name}, server", cost.server, "ms CPU")]
    return [*figures, Figure(f"{name}, database", cost.database, "ms CPU")] if cost.database else figures


def new_id() -> str:
    return str(uuid.uuid4())
