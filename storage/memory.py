"""The executable specification of a store: what storage.sql must do, in the fewest words. It keeps nothing on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace

from offbook.core.cells import Json
from offbook.core.changes import Conflict, Key, Record
from offbook.core.digests import MODULUS, digest_of
from offbook.core.plan import Book, Entry, Plan, Settled
from offbook.core.prune import without_removed
from offbook.core.ranges import Range, Sum
from offbook.core.wire import row_of
from storage import Origin, Past
from storage.locks import FairLock


@dataclass
class Shelf:
    """One book and all that belongs to it. A transaction works on a copy, which takes the original's place."""

    book: Book
    kept: dict[Key, Record] = field(default_factory=dict)
    log: dict[str, Settled] = field(default_factory=dict)
    past: list[tuple[Key, Past]] = field(default_factory=list)
    waiting: list[Conflict] = field(default_factory=list)

    def last_seq(self, up_to: int) -> int:
        return max((one.seq for one in self.log.values() if one.seq is not None and one.seq <= up_to), default=0)

    def rows(self, after: int, up_to: int, limit: int, live_only: bool) -> list[dict[str, Json]]:
        found = [record for record in self.kept.values() if after < record.seq <= up_to]
        found = [record for record in found if not (live_only and record.deleted)]
        return [row_of(record) for record in sorted(found, key=lambda record: record.seq)[:limit]]

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]:
        keys = [(table, record_id) for record_id in ids]
        return {key: self.kept[key] for key in keys if key in self.kept}

    def sums(self, table: str, ranges: Sequence[Range]) -> list[Sum]:
        return [Sum(len(found), sum(found.values()) % MODULUS) for found in self.digests(table, ranges)]

    def digests(self, table: str, ranges: Sequence[Range]) -> list[dict[str, int]]:
        live = {key[1]: record for key, record in self.kept.items() if key[0] == table and not record.deleted}
        return [
            {record_id: digest_of(record) for record_id, record in live.items() if record_id in one} for one in ranges
        ]

    def history(self, table: str, record_id: str) -> list[Past]:
        return [past for key, past in self.past if key == (table, record_id)]

    def conflicts(self) -> list[Conflict]:
        return sorted(self.waiting, key=lambda one: (one.seq, one.cell))

    def settled(self, change_ids: Iterable[str]) -> dict[str, Settled]:
        return {change_id: self.log[change_id] for change_id in change_ids if change_id in self.log}

    def carry_out(self, plan: Plan, origin: Origin, now: int) -> None:
        for key in (*plan.created, *plan.written):
            self.kept[key] = plan.records[key]
        for entry in plan.history:
            self.log[entry.change_id] = Settled(entry.verdict, entry.seq, entry.code, entry.detail)
            if entry.change is not None and entry.code is None:
                self.past.append(((entry.change.table, entry.change.record_id), past_of(entry, origin, now)))
        for conflict in plan.conflicts:
            self.waiting = [one for one in self.waiting if not _is_replaced(one, conflict)] + [conflict]
        self.book = replace(self.book, seq=plan.seq)

    def prune(self, line: int) -> None:
        waiting = {(one.table, one.record_id) for one in self.waiting}
        after = {key: old if key in waiting else without_removed(old, line) for key, old in self.kept.items()}
        self.kept = {key: record for key, record in after.items() if record is not None}
        self.past = [(key, past) for key, past in self.past if (past.seq or past.received_at or 0) > line]
        self.book = replace(self.book, pruned=max(self.book.pruned, line))


def _is_replaced(old: Conflict, new: Conflict) -> bool:
    return _place(old) == _place(new)


def _place(conflict: Conflict) -> tuple[str, str, str, str]:
    return conflict.table, conflict.record_id, conflict.cell, conflict.replica


def past_of(entry: Entry, origin: Origin, now: int) -> Past:
    """A change as the history will tell it. The entry must hold one."""
    change = entry.change
    assert change is not None
    beaten = [
        {"cell": one.cell, "value": one.value, "winner": tuple(one.winner), "rule": one.rule} for one in entry.beaten
    ]
    return Past(
        change.id,
        entry.seq,
        entry.verdict,
        change.operation,
        origin,
        change.replica,
        change.timestamp,
        now,
        change.base,
        change.bases,
        change.cells,
        entry.before,
        beaten,
    )


class MemoryStore:
    """Books by number. One thread writes at a time."""

    def __init__(self) -> None:
        self._shelves: dict[int, Shelf] = {}
        self._turn = FairLock()

    def add_book(self, book: Book) -> None:
        self._shelves[book.id] = Shelf(book)

    @contextmanager
    def reading(self, book_id: int) -> Iterator[Shelf]:
        yield self._shelves[book_id]

    @contextmanager
    def writing(self, book_id: int) -> Iterator[Shelf]:
        with self._turn:
            old = self._shelves[book_id]
            new = replace(old, kept=copy(old.kept), log=copy(old.log), past=copy(old.past), waiting=copy(old.waiting))
            yield new
            self._shelves[book_id] = new
