"""The executable specification of a store: what storage.sql.store must do, in the fewest words. It keeps nothing on
disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from offbook.contacts.table import BUILT_IN
from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import Json
from offbook.core.declaration.growth import grow
from offbook.core.history.bursts import ChangeMarker
from offbook.core.history.entry import HistoryEntry, HistoryStep, discarded_values, seq_of_effect
from offbook.core.history.reconstruct import common_of
from offbook.core.history.undo import BatchSummary, ExistenceStep, undo_id
from offbook.core.merge.batch import BookState, Plan, RecordedVerdict
from offbook.core.merge.retention import PurgedRows, RetentionLimits, count_purged, prune
from offbook.core.model import Author, Change, Conflict, DiscardedWrite, Key, Operation, Record, Value, Verdict
from offbook.core.protocol.rows import iso_micros, iso_millis, row_of
from offbook.core.protocol.view import View
from offbook.core.schema import EXISTS, NamingMap, Reference, Schema
from offbook.core.verify.digests import digest_of
from offbook.core.verify.ranges import Range, Sum, sum_of
from storage.base import ChangeOrigin, DigestMaker, HistoryPage, PageSize
from storage.engines.fair_lock import FairLock


class Line(NamedTuple):
    """A change of the history as it was decided, from where, and when it came; ``position`` numbers them."""

    position: int
    origin: ChangeOrigin
    received_at_us: int
    seq: int | None
    verdict: Verdict
    change: Change
    before: Mapping[str, Value]
    beaten: tuple[DiscardedWrite, ...]

    @property
    def key(self) -> Key:
        return self.change.key

    @property
    def effect_seq(self) -> int | None:
        return seq_of_effect(self.verdict, self.seq)


@dataclass
class Shelf:
    """One book and all that belongs to it. A transaction works on a copy, which takes the original's place."""

    book: BookState
    schema: Schema
    kept: dict[Key, Record] = field(default_factory=dict)
    log: dict[str, RecordedVerdict] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    every_conflict: dict[str, tuple[Conflict, str | None]] = field(default_factory=dict)
    """By its id, each with the change that closed it."""
    seqs: dict[str, list[int]] = field(default_factory=dict)
    """By batch the seqs of its changes: not pruned."""
    growths: tuple[int, ...] = ()
    """The seqs that all books were given when tables grew."""

    @property
    def batches(self) -> ShelfBatches:
        return ShelfBatches(self)

    def last_seq_at_or_before(self, up_to: int) -> int:
        if up_to in self.growths:
            return up_to
        return max((one.seq for one in self.log.values() if one.seq is not None and one.seq <= up_to), default=0)

    def rows(
        self, after: int, up_to: int, size: PageSize, live_only: bool, view: View | None = None
    ) -> tuple[list[dict[str, Json]], bool]:
        found = [record for record in self.kept.values() if after < record.seq <= up_to]
        found = [record for record in found if view is None or record.table.name in view.schema]
        found = [record for record in found if not (live_only and record.deleted)]
        found.sort(key=lambda record: record.seq)
        count = _fitting(found, size)
        return [row_of(record, view) for record in found[:count]], len(found) > count

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]:
        keys = [(table, record_id) for record_id in ids]
        return {key: self.kept[key] for key in keys if key in self.kept}

    def referring(self, reference: Reference, ids: Iterable[str]) -> list[str]:
        live = [record for (table, _), record in self.kept.items() if table == reference.table.name]
        return [record.id for record in live if not record.deleted and set(ids) & set(_targets(record, reference))]

    def key_texts(self, table: str) -> dict[str, str]:
        records = self._of(table)
        return {record.id: str(record.cells[key]) for record in records if (key := record.table.key) in record.cells}

    def named_texts(self, place: NamingMap) -> dict[str, int]:
        return Counter(text for record in self._of(place.table.name) for text in set(_named(record, place)))

    def naming(self, place: NamingMap, texts: Iterable[str]) -> list[str]:
        wanted = set(texts)
        return sorted(record.id for record in self._of(place.table.name) if wanted & set(_named(record, place)))

    def _of(self, table: str) -> list[Record]:
        return [record for key, record in self.kept.items() if key[0] == table and not record.deleted]

    def entry_counts(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        found = {key: self.kept[key].cells for key in keys if key in self.kept}
        return {key: sum(cell.endswith(f"/{EXISTS}") for cell in cells) for key, cells in found.items()}

    def rows_of(self, table: str, ids: Iterable[str], view: View | None = None) -> dict[str, dict[str, Json]]:
        return {record.id: row_of(record, view) for record in self.records(table, ids).values()}

    def sums(self, table: str, ranges: Sequence[Range], made_by: DigestMaker | None = None) -> list[Sum]:
        return [sum_of(digests.values()) for digests in self.digests(table, ranges, made_by)]

    def digests(self, table: str, ranges: Sequence[Range], made_by: DigestMaker | None = None) -> list[dict[str, int]]:
        live = {key[1]: record for key, record in self.kept.items() if key[0] == table and not record.deleted}
        make = made_by or digest_of
        return [
            {record_id: make(record) for record_id, record in live.items() if record_id in range_} for range_ in ranges
        ]

    def history(self, table: str, record_id: str) -> list[HistoryEntry]:
        return [self._entry_of(line) for line in self.lines if line.key == (table, record_id)]

    def history_page(
        self, key: Key, limit: int, before: int | None = None, skip: int = 0, with_noise: bool = True
    ) -> HistoryPage:
        lines = [line for line in self.lines[::-1] if line.key == key and (before is None or line.position < before)]
        shown = [line for line in lines if with_noise or _did_something(self._entry_of(line))][skip:]
        next_ = shown[limit - 1].position if len(shown) > limit else None
        return HistoryPage([self._entry_of(line) for line in shown[:limit]], next_)

    def log_page(self, after: int, limit: int) -> HistoryPage:
        lines = sorted((line for line in self.lines if (line.seq or 0) > after), key=lambda line: line.seq or 0)
        next_ = lines[limit - 1].seq if len(lines) >= limit else None
        return HistoryPage([self._entry_of(line) for line in lines[:limit]], next_)

    def history_entry(self, change_id: str) -> HistoryEntry | None:
        return next((self._entry_of(line) for line in self.lines if line.change.id == change_id), None)

    def _entry_of(self, line: Line) -> HistoryEntry:
        record = self.kept.get(line.key)
        return HistoryEntry(
            key=line.key,
            id=line.change.id,
            seq=line.effect_seq,
            at=iso_micros(line.seq or line.received_at_us),
            timestamp=iso_millis(line.change.timestamp),
            operation=line.change.operation,
            verdict=line.verdict,
            user=None,
            device=None,
            replica=line.change.replica,
            base=line.change.base,
            bases=line.change.bases,
            data=line.change.cells,
            before=line.before,
            created=record is not None and record.created.change_id == line.change.id,
            beaten=discarded_values(line.beaten, {}),
            batch=line.change.batch,
        )

    def discarded_writes(self, key: Key) -> list[tuple[str, list[DiscardedWrite]]]:
        return [(line.change.replica, list(line.beaten)) for line in self.lines if line.key == key and line.beaten]

    def steps_since(self, seq: int, key: Key | None = None) -> list[HistoryStep]:
        lines = [line for line in self.lines if (line.effect_seq or 0) > seq]
        steps = [HistoryStep(line.key, line.seq or 0, line.before, line.change.batch, line.change.id) for line in lines]
        return [step for step in steps if key is None or step.key == key]

    def change_markers(self, after: int, most: int) -> list[ChangeMarker]:
        lines = [line for line in self.lines if (line.effect_seq or 0) > after]
        markers = [ChangeMarker(line.seq or 0, line.change.id, line.origin) for line in lines]
        return sorted(markers, reverse=True, key=lambda marker: marker.seq)[:most]

    def conflicts(self, key: Key | None = None) -> list[Conflict]:
        conflicts = [conflict for conflict, is_open in self.conflicts_between(0, self.book.seq) if is_open]
        return [conflict for conflict in conflicts if key in (None, conflict.key)]

    def conflicts_between(self, after: int, up_to: int) -> list[tuple[Conflict, bool]]:
        conflicts = [(conflict, closed_by is None) for conflict, closed_by in self.every_conflict.values()]
        conflicts = [pair for pair in conflicts if after < pair[0].seq <= up_to]
        return sorted(conflicts, key=lambda pair: (pair[0].seq, pair[0].cell, pair[0].id))

    def authors(self, change_ids: Iterable[str]) -> Mapping[str, Author]:
        """When, and no names: who an origin is, is not kept here."""
        wanted = set(change_ids)
        return {line.change.id: Author(at=line.change.timestamp) for line in self.lines if line.change.id in wanted}

    def open_conflict_keys(self, conflict_ids: Iterable[str]) -> dict[str, Key]:
        conflicts = [self.every_conflict[id] for id in conflict_ids if id in self.every_conflict]
        return {conflict.id: conflict.key for conflict, closed_by in conflicts if closed_by is None}

    def find_conflict(self, conflict_id: str) -> tuple[Conflict, str | None] | None:
        return self.every_conflict.get(conflict_id)

    def recorded_verdicts(self, change_ids: Iterable[str]) -> dict[str, RecordedVerdict]:
        return {change_id: self.log[change_id] for change_id in change_ids if change_id in self.log}

    def apply_plan(self, plan: Plan, origin: ChangeOrigin, now: int) -> None:
        for key in (*plan.created, *plan.written):
            self.kept[key] = plan.records[key]
        for entry in plan.history:
            self.log[entry.change_id] = RecordedVerdict(entry.verdict, entry.seq, entry.fault)
            if entry.change is not None and entry.fault is None:
                line = Line(
                    len(self.log), origin, now, entry.seq, entry.verdict, entry.change, entry.before, entry.discarded
                )
                self.lines.append(line)
                if line.effect_seq is not None and entry.change.batch is not None:
                    seqs = self.seqs.get(entry.change.batch, [])
                    self.seqs[entry.change.batch] = [*seqs, line.effect_seq]
        for conflict_id, entry in plan.closed.items():
            self._close(conflict_id, entry.seq, entry.change_id)
        for conflict in plan.open_conflicts():
            self._open(conflict)
        self.book = replace(self.book, seq=plan.seq)

    def _open(self, conflict: Conflict) -> None:
        for old, closed_by in list(self.every_conflict.values()):
            if closed_by is None and _place(old) == _place(conflict):
                self._close(old.id, conflict.seq, conflict.change_id)
        steps = self.steps_since(conflict.base, conflict.key)
        common = common_of(conflict, self.kept.get(conflict.key), steps)
        self.every_conflict[conflict.id] = replace(conflict, common=common), None

    def _close(self, conflict_id: str, seq: int | None, change_id: str) -> None:
        conflict, _ = self.every_conflict[conflict_id]
        self.every_conflict[conflict_id] = replace(conflict, seq=seq or 0), change_id

    def prune(self, lines: RetentionLimits, tables: Collection[str] | None = None) -> PurgedRows:
        waiting = {one.key for one in self.conflicts()}
        spared = {key for key in self.kept if tables is not None and key[0] not in tables}
        after = {key: old if key in waiting | spared else prune(old, lines) for key, old in self.kept.items()}
        forgotten = count_purged((self.kept[key], record) for key, record in after.items())
        kept = [line for line in self.lines if (line.seq or line.received_at_us) > lines.history]
        conflicts = {
            id: pair for id, pair in self.every_conflict.items() if pair[1] is None or pair[0].seq > lines.history
        }
        changes, closed = len(self.lines) - len(kept), len(self.every_conflict) - len(conflicts)
        forgotten = replace(forgotten, changes=changes, conflicts=closed)
        self.kept = {key: record for key, record in after.items() if record is not None}
        self.lines, self.every_conflict = kept, conflicts
        self.book = replace(self.book, pruned=max(self.book.pruned, lines.history))
        return forgotten


class ShelfBatches:
    """The batches of a book."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def page(self, limit: int, before: int | None = None) -> list[BatchSummary]:
        pruned = self._shelf.book.pruned
        batches = [self._summary(batch) for batch, seqs in self._shelf.seqs.items() if seqs[-1] > pruned]
        shown = [batch for batch in batches if before is None or batch.last < before]
        return sorted(shown, key=lambda batch: -batch.last)[:limit]

    def summary(self, batch: str) -> BatchSummary | None:
        return self._summary(batch) if batch in self._shelf.seqs else None

    def _summary(self, batch: str) -> BatchSummary:
        lines, seqs, undo = self._lines(batch), self._shelf.seqs[batch], undo_id(batch)
        author = Author(at=lines[-1].change.timestamp) if lines else Author()
        counts = Counter(line.key[0] for line in lines)
        return BatchSummary(batch, seqs[0], seqs[-1], author, counts, undo if undo in self._shelf.seqs else None)

    def _lines(self, batch: str) -> list[Line]:
        return [line for line in self._shelf.lines if line.effect_seq is not None and line.change.batch == batch]

    def keys(self, batch: str) -> list[Key]:
        return sorted({line.key for line in self._lines(batch)})

    def steps(self, keys: Iterable[Key], after: int) -> dict[Key, list[HistoryStep]]:
        return {key: self._shelf.steps_since(after, key) for key in keys}

    def of_changes(self, seqs: Collection[int]) -> Mapping[int, str]:
        lines = [line for line in self._shelf.lines if line.effect_seq in seqs]
        return {line.effect_seq: line.change.batch for line in lines if line.effect_seq and line.change.batch}

    def existence(self, table: str, ids: Iterable[str]) -> dict[str, list[ExistenceStep]]:
        steps: dict[str, list[ExistenceStep]] = {}
        keys = {(table, record_id) for record_id in ids}
        for line in self._shelf.lines:
            exists = line.change.operation is not Operation.DELETE
            if line.key in keys and (not exists or (line.change.batch and line.effect_seq)):
                steps.setdefault(line.key[1], []).append(ExistenceStep(exists, line.change.batch))
        return steps


def _targets(record: Record, reference: Reference) -> Iterator[Value]:
    """What a record refers to by this reference."""
    if reference.map is None:
        yield record.cells.get(reference.field.name)
        return
    entries = with_all_fields(record.table, record.cells)[reference.map.name]
    yield from (entry.get(reference.field.name) for entry in entries.values())


def _named(record: Record, place: NamingMap) -> Iterator[str]:
    """What the entries of a record name, to the letter."""
    for entry in with_all_fields(record.table, record.cells)[place.map.name].values():
        text = entry[place.naming.attribute]
        if entry[place.naming.kind] == place.naming.of and text is not None:
            yield text


def _did_something(entry: HistoryEntry) -> bool:
    return entry.seq is not None or bool(entry.beaten)


def _fitting(records: Sequence[Record], size: PageSize) -> int:
    """How many of these records a page holds."""
    left = size.entries
    for place, record in enumerate(records[: size.rows]):
        left -= len([cell for cell, value in record.cells.items() if value is True and cell.endswith(f"/{EXISTS}")])
        if left < 0:
            return max(place, 1)
    return min(len(records), size.rows)


def _place(conflict: Conflict) -> tuple[str, str, str, str]:
    return *conflict.key, conflict.cell, conflict.replica


class MemoryStore:
    """Books by number. One thread writes at a time."""

    def __init__(self, schema: Schema = BUILT_IN) -> None:
        self.schema = schema
        self.since: Mapping[str, int] = {}
        self._shelves: dict[int, Shelf] = {}
        self._turn = FairLock()
        self._growths: tuple[int, ...] = ()

    def add_book(self, book: BookState) -> None:
        self._shelves[book.id] = Shelf(book, self.schema, growths=self._growths)

    def grow(self, wanted: Schema, now: int) -> None:
        """What ops.grow does to a database."""
        growth = grow(self.schema, wanted)
        if not growth.steps:
            return
        with self._turn:
            seqs = [*self._growths, *(shelf.book.seq for shelf in self._shelves.values())]
            seq = max(now, *(seq + 1 for seq in seqs)) if seqs else now
            self.schema, self._growths = growth.schema, (*self._growths, seq)
            self.since = {**self.since, **dict.fromkeys(growth.learnt, seq)}
            self._shelves = {number: self._grown(shelf, seq) for number, shelf in self._shelves.items()}

    def _grown(self, shelf: Shelf, seq: int) -> Shelf:
        kept = {key: record._replace(table=self.schema[key[0]]) for key, record in shelf.kept.items()}
        book = replace(shelf.book, seq=seq)
        return replace(shelf, book=book, schema=self.schema, kept=kept, growths=self._growths)

    @contextmanager
    def reading(self, book_id: int) -> Iterator[Shelf]:
        yield self._shelves[book_id]

    @contextmanager
    def writing(self, book_id: int) -> Iterator[Shelf]:
        with self._turn:
            old = self._shelves[book_id]
            new = replace(
                old,
                book=replace(old.book, seq=max(old.book.seq, *self._growths, 0)),
                kept=copy(old.kept),
                log=copy(old.log),
                lines=copy(old.lines),
                every_conflict=copy(old.every_conflict),
                seqs=copy(old.seqs),
            )
            yield new
            self._shelves[book_id] = new
