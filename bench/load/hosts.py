"""The servers of a load: a migrated database, its people, books and devices, and what the processes use meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import select

from bench import process_usage, server
from bench.load.counters import Counters
from bench.load.device import Book, Device
from bench.load.device_roles import PASSWORD
from bench.load.expected_state import History
from bench.load.world import BookPlan
from models import Base
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import Database, open_engines

CHANGES = Base.metadata.tables["changes"]


@dataclass(frozen=True)
class Hosts:
    """Server processes on one database. ``errors`` is what they had to say."""

    urls: Sequence[str]
    pids: Sequence[int]
    database: Database
    errors: Path


@contextmanager
def serving(folder: Path, database_url: str, hosts: int) -> Iterator[Hosts]:
    """So many processes. The database must be empty: what is in it would be no load's."""
    server.flask(folder, "db", "upgrade", database_url=database_url)
    database = open_engines(database_url or f"sqlite:///{folder / 'offbook.db'}")
    if not Accounts(database).is_empty():
        raise SystemExit("This database is in use. Make an empty one for the load.")
    path = folder / "errors.log"
    with ExitStack() as stack:
        stack.callback(database.close)
        errors = stack.enter_context(path.open("ab"))
        served = [stack.enter_context(server.serving(folder, database_url, errors)) for _ in range(hosts)]
        yield Hosts([url for url, _ in served], [pid for _, pid in served], database, path)


def create_devices(hosts: Hosts, plans: Sequence[BookPlan], counters: Counters, seed: int) -> list[list[Device]]:
    """The devices of each book, with an account for each book. What an admin's commands would make in a day."""
    accounts, random, now_us = Accounts(hosts.database, Effort(1, 8, 1)), Random(seed), time.time_ns() // 1000

    def new_id() -> str:
        text = f"{random.getrandbits(128):032x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def devices(number: int, plan: BookPlan) -> Iterator[Device]:
        user = accounts.add_user(f"user {number}", PASSWORD, False, now_us, new_id)
        accounts.set_policy(user.book_id, plan.policy)
        book = Book(user.book_id, accounts.book(user.book_id).uuid, number)
        for place in range(len(plan.roles)):
            added, token = accounts.add_device(user.book_id, user.id, f"device {place}", now_us, new_id)
            yield Device(book, added.uuid, token, hosts.urls, Random(f"{seed} {number} {place}"), counters)

    return [list(devices(number, plan)) for number, plan in enumerate(plans)]


def history(database: Database, book_id: int) -> History:
    columns = CHANGES.c
    query = select(columns.change_id, columns.verdict, columns.seq).where(columns.book_id == book_id)
    with database.read() as connection:
        return {change_id: (verdict, seq) for change_id, verdict, seq in connection.execute(query)}


@dataclass
class MemoryWatch:
    """Memory of the processes every second. ``late`` is how late this process's own loop was each time: so much of a
    latency may be its own."""

    pids: Sequence[int]
    memory: list[tuple[float, float]] = field(default_factory=list)
    late: list[float] = field(default_factory=list)

    async def run(self) -> None:
        """Until cancelled."""
        started = time.monotonic()
        with suppress(asyncio.CancelledError):
            while True:
                at = time.monotonic()
                self.memory.append((at - started, sum(map(process_usage.memory_mb, self.pids))))
                await asyncio.sleep(1)
                self.late.append(time.monotonic() - at - 1)

    def slope(self) -> float:
        """MB a minute over the second half, by least squares."""
        half = self.memory[len(self.memory) // 2 :]
        middle = sum(at for at, _ in half) / len(half)
        spread = sum((at - middle) ** 2 for at, _ in half)
        return 60 * sum((at - middle) * mb for at, mb in half) / spread if spread else 0.0
