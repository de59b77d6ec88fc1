"""Books to test stores with, in memory and in every engine's database; and a desk at which a test works on one of them.

A library keeps as many books as a test wants. Books see nothing of each other, so tests share a library and take a new
book each.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from models import Book
from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.conflicts.codec import CONFLICTS
from offbook.core.history.entry import HistoryEntry
from offbook.core.merge.batch import BookState
from offbook.core.merge.retention import PurgedRows, RetentionLimits
from offbook.core.protocol.requests import parse_cursor, parse_push
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import Schema
from offbook.core.verify.ranges import WHOLE, split
from ops.grow import grow
from services.retention import prune
from services.sync.responses import changes, sync
from storage.base import ChangeOrigin, PageSize, ReadTransaction, Store
from storage.engines.database import Database, open_engines
from storage.sql.store import SqlStore
from tests.support.databases import MAKERS
from tests.support.memory_store import MemoryStore

Json = Any
START = 1_795_000_000_000_000
"""The beginning of the devices' times, in microseconds. The server's begins LATER, so that no time need be clamped."""
TICK = 1_000_000
LATER = START + 1_000 * TICK
NOTHING: Mapping[str, Json] = MappingProxyType({})
ORIGIN = ChangeOrigin(device_id=1, user_id=1)


class Library:
    """A store and a way to put books into it. ``table`` is the one whose records a desk is about."""

    def __init__(self, store: Store, database: Database | None = None, table: str = CONTACTS.name) -> None:
        self.store = store
        self.database = database
        self.table = table
        self._numbers = itertools.count(1)

    def add_book(self, policy: str = "merge") -> int:
        number = next(self._numbers)
        book = BookState(number, uuid(900_000 + number), policy, uuid(800_000 + number), 0, 0)
        if isinstance(self.store, MemoryStore):
            self.store.add_book(book)
            return number
        assert self.database is not None
        with self.database.write() as connection:
            row = {"id": number, "uuid": book.uuid, "name": "", "policy": policy, "epoch": book.epoch}
            connection.execute(insert(Book).values(**row, created_at=LATER))
        return number

    def desk(self, policy: str = "merge") -> Desk:
        return Desk(self.store, self.add_book(policy), self.table)

    def grow(self, wanted: Schema, now: int = LATER) -> None:
        """Let the tables grow, as another process would."""
        if isinstance(self.store, MemoryStore):
            self.store.grow(wanted, now)
            return
        assert self.database is not None
        grow(self.database, wanted, now)

    def close(self) -> None:
        if self.database is not None:
            self.database.close()


def memory_library(schema: Schema = BUILT_IN, table: str = CONTACTS.name) -> Library:
    return Library(MemoryStore(schema), None, table)


def sql_library(engine: str, folder: Path, schema: Schema = BUILT_IN, table: str = CONTACTS.name) -> Library:
    """An empty database that the migrations made, with the tables of this schema."""
    maker = MAKERS[engine]
    database = open_engines(maker.copy(maker.template(folder), folder))
    grow(database, schema, START)
    return Library(SqlStore(database), database, table)


def uuid(number: int) -> str:
    return str(UUID(int=number))


def change(
    number: int,
    operation: str,
    record: int = 1,
    *,
    by: int = 1,
    base: int | None = None,
    at: int = 0,
    bases: Mapping[str, int] | None = None,
    table: str = CONTACTS.name,
    **data: Json,
) -> Json:
    """A change as the wire has it. ``at`` are seconds since START."""
    item = {
        "id": uuid(number),
        "table": table,
        "record_id": uuid(record),
        "operation": operation,
        "replica": uuid(by),
        "timestamp": iso_millis(START // 1000 + at * 1000),
        "base": base if base is not None or operation != "INSERT" else 0,
        "bases": dict(bases or {}),
    }
    return item if operation == "DELETE" else {**item, "data": data}


class Desk:
    """One book, and what tests do with it. Each push comes a second after the one before.

    What is pushed as a contact becomes a record of ``table``.
    """

    def __init__(self, store: Store, book_id: int, table: str = CONTACTS.name) -> None:
        self.store = store
        self.book_id = book_id
        self.table = table
        self.now = LATER

    def sync(self, *batch: Json, since: str | None = None, limit: int = 1000, asks: bool = True) -> Json:
        """What ``POST /sync`` answers."""
        self.now += TICK
        envelope = {"changes": list(map(self.of_table, batch))} | ({"since": since} if asks else {})
        push = parse_push(self.store.schema, envelope, uuid(1))
        return sync(self.store, self.book_id, ORIGIN, push, self.now, PageSize(limit))

    def of_table(self, item: Json) -> Json:
        """A change of a contact as one of a record of this desk's table."""
        return item | {"table": self.table} if item.get("table") == CONTACTS.name else item

    def push(self, *batch: Json) -> list[Json]:
        results: list[Json] = self.sync(*batch, asks=False)["results"]
        return results

    def verdicts(self, *batch: Json) -> list[str]:
        return [result["verdict"] for result in self.push(*batch)]

    def seq(self, item: Json) -> int:
        """Push one change that takes a seq."""
        (result,) = self.push(item)
        seq = result["seq"]
        assert isinstance(seq, int), result
        return seq

    def pull(self, since: str | None = None, limit: int = 1000) -> Json:
        return changes(self.store, self.book_id, None if since is None else parse_cursor(since), PageSize(limit))

    def pages(self, since: str | None = None, limit: int = 1000) -> list[Json]:
        """All pages up to where there are no more."""
        found = [self.pull(since, limit)]
        while found[-1]["more"]:
            found.append(self.pull(found[-1]["cursor"], limit))
        return found

    def follow(self, done: Event) -> list[int]:
        """The seqs that a device is given which goes on from its cursor, until it has all that was there at the end."""
        cursor, seen = f"{self.pull()['cursor'].split('.')[0]}.0", list[int]()
        while True:
            last = done.is_set()
            page = self.pull(cursor, 7)
            cursor, seen = page["cursor"], [*seen, *(row["seq"] for row in page["changes"])]
            if last and not page["more"]:
                return seen

    def live(self, limit: int = 1000) -> dict[str, Json]:
        """What a device holds after a snapshot."""
        return rows_of(self.pages(None, limit))

    def prune(self, line: int, trash: int = 0, dry_run: bool = False) -> PurgedRows:
        return prune(self.store, self.book_id, RetentionLimits(line, max(line, trash)), dry_run)

    def head(self) -> int:
        with self.store.reading(self.book_id) as book:
            return book.book.seq

    def history(self, record: int = 1) -> list[HistoryEntry]:
        with self.store.reading(self.book_id) as book:
            return book.history(self.table, uuid(record))

    def whole(self, records: Sequence[int] = range(1, 10)) -> Json:
        """All that can be asked about a book, to compare."""
        with self.store.reading(self.book_id) as book:
            return everything(book, self.table, [uuid(record) for record in records])


def rows_of(pages: Sequence[Json], before: Mapping[str, Json] = NOTHING) -> dict[str, Json]:
    """Records of pages laid over each other, and over what was there before, as a device does it; no conflicts."""
    held = dict(before)
    for page in pages:
        for row in page["changes"]:
            if row["table"] == CONFLICTS:
                continue
            if row["data"] is None:
                held.pop(row["record_id"], None)
            else:
                held[row["record_id"]] = row["data"]
    return held


def everything(reading: ReadTransaction, table: str, ids: Sequence[str]) -> Json:
    return {
        "book": reading.book,
        "rows": reading.rows(0, reading.book.seq, PageSize(10_000), live_only=False),
        "live": reading.rows(0, reading.book.seq, PageSize(10_000), live_only=True),
        "records": reading.records(table, ids),
        "sums": reading.sums(table, [WHOLE, *split(WHOLE)]),
        "digests": reading.digests(table, [WHOLE]),
        "history": {record_id: reading.history(table, record_id) for record_id in ids},
        "conflicts": reading.conflicts(),
        "asked": reading.conflicts_between(0, reading.book.seq),
        "written": reading.steps_since(0),
    }
