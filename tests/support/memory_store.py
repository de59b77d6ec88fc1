"""The executable specification of a store: what storage.sql.store must do, in the fewest words. It keeps nothing on
disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace

from offbook.core.history.reconstruct import ChangeMarker, common_of
from offbook.core.merge.batch import BookState, Entry, Plan, RecordedVerdict
from offbook.core.merge.retention import PurgedRows, RetentionLimits, count, pruned
from offbook.core.model import Author, Conflict, Key, Record
from offbook.core.protocol.rows import row_of
from offbook.core.schema import EXISTS
from offbook.core.validation import Json
from offbook.core.verify.digests import MODULUS, digest_of
from offbook.core.verify.ranges import Range, Sum
from storage.base import ChangeEntry, ChangeOrigin, HistoryStep, PageSize
from storage.engines.fair_lock import FairLock


@dataclass
class Shelf:
    """One book and all that belongs to it. A transaction works on a copy, which takes the original's place."""

    book: BookState
    kept: dict[Key, Record] = field(default_factory=dict)
    log: dict[str, RecordedVerdict] = field(default_factory=dict)
    told: list[ChangeEntry] = field(default_factory=list)
    asked: dict[str, tuple[Conflict, bool]] = field(default_factory=dict)
    """Every conflict by its id, and whether it is open."""

    def last_seq(self, up_to: int) -> int:
        return max((one.seq for one in self.log.values() if one.seq is not None and one.seq <= up_to), default=0)

    def rows(self, after: int, up_to: int, size: PageSize, live_only: bool) -> tuple[list[dict[str, Json]], bool]:
        found = [record for record in self.kept.values() if after < record.seq <= up_to]
        found = [record for record in found if not (live_only and record.deleted)]
        found.sort(key=lambda record: record.seq)
        count = _fitting(found, size)
        return [row_of(record) for record in found[:count]], len(found) > count

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]:
        keys = [(table, record_id) for record_id in ids]
        return {key: self.kept[key] for key in keys if key in self.kept}

    def entry_counts(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        found = {key: self.kept[key].cells for key in keys if key in self.kept}
        return {key: sum(cell.endswith(f"/{EXISTS}") for cell in cells) for key, cells in found.items()}

    def rows_of(self, table: str, ids: Iterable[str]) -> dict[str, dict[str, Json]]:
        return {record.id: row_of(record) for record in self.records(table, ids).values()}

    def sums(self, table: str, ranges: Sequence[Range]) -> list[Sum]:
        return [Sum(len(found), sum(found.values()) % MODULUS) for found in self.digests(table, ranges)]

    def digests(self, table: str, ranges: Sequence[Range]) -> list[dict[str, int]]:
        live = {key[1]: record for key, record in self.kept.items() if key[0] == table and not record.deleted}
        return [
            {record_id: digest_of(record) for record_id, record in live.items() if record_id in one} for one in ranges
        ]

    def history(self, table: str, record_id: str) -> list[ChangeEntry]:
        return [past for past in self.told if past.key == (table, record_id)]

    def past(self, change_id: str) -> ChangeEntry | None:
        return next((past for past in self.told if past.change_id == change_id), None)

    def since(self, seq: int) -> list[HistoryStep]:
        return [HistoryStep(one.key, one.seq, one.before) for one in self.told if one.seq is not None and one.seq > seq]

    def marks(self, after: int, most: int) -> list[ChangeMarker]:
        found = [ChangeMarker(one.seq, one.change_id, one.origin) for one in self.told if one.seq and one.seq > after]
        return sorted(found, reverse=True, key=lambda mark: mark.seq)[:most]

    def conflicts(self) -> list[Conflict]:
        return [one for one, is_open in self.conflicts_between(0, self.book.seq) if is_open]

    def conflicts_between(self, after: int, up_to: int) -> list[tuple[Conflict, bool]]:
        found = [(one, is_open) for one, is_open in self.asked.values() if after < one.seq <= up_to]
        return sorted(found, key=lambda pair: (pair[0].seq, pair[0].cell, pair[0].id))

    def authors(self, change_ids: Iterable[str]) -> Mapping[str, Author]:
        """When, and no names: who an origin is, is not kept here."""
        wanted = set(change_ids)
        return {past.change_id: Author(at=past.timestamp) for past in self.told if past.change_id in wanted}

    def waiting(self, conflict_ids: Iterable[str]) -> dict[str, Key]:
        found = [self.asked[one] for one in conflict_ids if one in self.asked]
        return {one.id: one.key for one, is_open in found if is_open}

    def settled(self, change_ids: Iterable[str]) -> dict[str, RecordedVerdict]:
        return {change_id: self.log[change_id] for change_id in change_ids if change_id in self.log}

    def carry_out(self, plan: Plan, origin: ChangeOrigin, now: int) -> None:
        for key in (*plan.created, *plan.written):
            self.kept[key] = plan.records[key]
        for entry in plan.history:
            self.log[entry.change_id] = RecordedVerdict(entry.verdict, entry.seq, entry.fault)
            if entry.change is not None and entry.fault is None:
                self.told.append(past_of(entry, origin, now))
        for conflict_id, entry in plan.closed.items():
            self._close(conflict_id, entry.seq)
        for conflict in plan.asked():
            self._ask(conflict)
        self.book = replace(self.book, seq=plan.seq)

    def _ask(self, conflict: Conflict) -> None:
        for old, is_open in list(self.asked.values()):
            if is_open and _place(old) == _place(conflict):
                self._close(old.id, conflict.seq)
        steps = [past for past in self.told if past.key == conflict.key]
        common = common_of(conflict, self.kept.get(conflict.key), steps)
        self.asked[conflict.id] = replace(conflict, common=common), True

    def _close(self, conflict_id: str, seq: int | None) -> None:
        conflict, _ = self.asked[conflict_id]
        self.asked[conflict_id] = replace(conflict, seq=seq or 0), False

    def prune(self, lines: RetentionLimits) -> PurgedRows:
        waiting = {one.key for one in self.conflicts()}
        after = {key: old if key in waiting else pruned(old, lines) for key, old in self.kept.items()}
        forgotten = count((self.kept[key], record) for key, record in after.items())
        told = [past for past in self.told if (past.seq or past.received_at or 0) > lines.history]
        asked = {id: (one, is_open) for id, (one, is_open) in self.asked.items() if is_open or one.seq > lines.history}
        forgotten = replace(forgotten, changes=len(self.told) - len(told), conflicts=len(self.asked) - len(asked))
        self.kept = {key: record for key, record in after.items() if record is not None}
        self.told, self.asked = told, asked
        self.book = replace(self.book, pruned=max(self.book.pruned, lines.history))
        return forgotten


def _fitting(records: Sequence[Record], size: PageSize) -> int:
    """How many of these records a page holds."""
    left = size.entries
    for place, record in enumerate(records[: size.rows]):
        left -= len([cell for cell, value in record.cells.items() if value is True and cell.endswith(f"/{EXISTS}")])
        if left < 0:
            return max(place, 1)
    return min(len(records), size.rows)


def _place(conflict: Conflict) -> tuple[str, str, str, str]:
    return conflict.table, conflict.record_id, conflict.cell, conflict.replica


def past_of(entry: Entry, origin: ChangeOrigin, now: int) -> ChangeEntry:
    """A change as the history will tell it. The entry must hold one."""
    change = entry.change
    assert change is not None
    beaten = [
        {"cell": one.cell, "value": one.value, "winner": tuple(one.winner), "rule": one.rule} for one in entry.beaten
    ]
    return ChangeEntry(
        change.key,
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

    def add_book(self, book: BookState) -> None:
        self._shelves[book.id] = Shelf(book)

    @contextmanager
    def reading(self, book_id: int) -> Iterator[Shelf]:
        yield self._shelves[book_id]

    @contextmanager
    def writing(self, book_id: int) -> Iterator[Shelf]:
        with self._turn:
            old = self._shelves[book_id]
            new = replace(old, kept=copy(old.kept), log=copy(old.log), told=copy(old.told), asked=copy(old.asked))
            yield new
            self._shelves[book_id] = new
