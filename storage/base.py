"""Where books are kept, and the two things that happen to them: a push and a pull.

Every store does the same few steps; what they mean is decided in offbook.core. tests/support/memory_store.py is
the executable specification, storage/sql the real one, and one contract (tests/storage) holds them together.

The book's lock is held from ``writing()`` to its end: seq is handed out under it, so that no reader can pass a seq that
commits later. Whatever is asked of a store names a book, and sees nothing of any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from offbook.core.conflicts.resolution import conflict_row
from offbook.core.errors import CursorGone
from offbook.core.history.bursts import ChangeMarker
from offbook.core.history.entry import HistoryEntry, HistoryStep
from offbook.core.history.reconstruct import state_at
from offbook.core.merge.batch import BookState, Outcome, Plan, RecordedVerdict, incomplete, plan_batch
from offbook.core.merge.retention import PurgedRows, RetentionLimits
from offbook.core.model import (
    Author,
    Change,
    Conflict,
    Cursor,
    DiscardedWrite,
    Key,
    Record,
    Rejection,
)
from offbook.core.protocol.requests import PAGE_MAX
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS, TABLES
from offbook.core.validation import Json, with_all_fields
from offbook.core.verify.ranges import Range, Sum


@dataclass(frozen=True, slots=True)
class ChangeOrigin:
    """Who pushes: the device and the user as the store numbers them, where there are any."""

    device_id: int | None = None
    user_id: int | None = None


class HistoryPage(NamedTuple):
    """Some changes of a record, the newest first. ``next`` is where the older ones begin, None where there are none."""

    entries: list[HistoryEntry]
    next: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a book by seq, each at most once, as they go over the wire; and where they leave the reader."""

    book: str
    changes: list[dict[str, Json]]
    cursor: Cursor
    more: bool


class PageSize(NamedTuple):
    """How long a page may be: in rows, and in entries of their maps. Where there is a row, a page has one at least."""

    rows: int
    entries: int = 6_000
    """As much work as a thousand rows. A thousand contacts of forty details would keep others waiting for a tenth of a
    second: these are seven pages."""


WHOLE_PAGE = PageSize(PAGE_MAX)

SHORT_PAGE = PageSize(200, 500)
"""For a time when many wait: it takes a few milliseconds, not much more than all else that its request does."""


@dataclass(frozen=True, slots=True)
class PushedBatch:
    """The answers to a batch, the records that they show, as they are now, and the book's seq after it."""

    book: BookState
    head: int
    outcomes: list[Outcome]
    records: Mapping[Key, Record]


class ReadTransaction(Protocol):
    """One consistent view of a book."""

    book: BookState

    def last_seq(self, up_to: int) -> int:
        """The newest seq of the book's log that is not above ``up_to``; 0 where there is none."""
        ...

    def rows(self, after: int, up_to: int, size: PageSize, live_only: bool) -> tuple[list[dict[str, Json]], bool]:
        """Rows with ``after < seq <= up_to``, by seq, in wire form, as many as fit; and whether there are more."""
        ...

    def rows_of(self, table: str, ids: Iterable[str]) -> dict[str, dict[str, Json]]:
        """Rows by their ids, in wire form; of those that are not there none."""
        ...

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]: ...

    def entry_counts(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """How many entries each of these records has, the removed ones too; those that are not there are left out."""
        ...

    def settled(self, change_ids: Iterable[str]) -> dict[str, RecordedVerdict]: ...

    def waiting(self, conflict_ids: Iterable[str]) -> dict[str, Key]:
        """Those of these conflicts that are open, with their records."""
        ...

    def sums(self, table: str, ranges: Sequence[Range]) -> list[Sum]:
        """What each of these ranges holds. Tombstones are not there."""
        ...

    def digests(self, table: str, ranges: Sequence[Range]) -> list[dict[str, int]]:
        """Per range, each record's digest by its id."""
        ...

    def history(self, table: str, record_id: str) -> list[HistoryEntry]:
        """The record's changes, oldest first."""
        ...

    def history_page(
        self, key: Key, limit: int, before: int | None = None, skip: int = 0, with_noise: bool = True
    ) -> HistoryPage:
        """``limit`` changes of a record from the newest on, or from ``before`` (the ``next`` of a page) on.

        ``skip`` leaves out so many more; without noise, changes that did nothing (HistoryEntry.is_noise) are not there.
        """
        ...

    def history_entry(self, change_id: str) -> HistoryEntry | None:
        """One accepted change; None where there is none, or it was pruned."""
        ...

    def discarded_writes(self, key: Key) -> list[tuple[str, list[DiscardedWrite]]]:
        """Per change of the record that lost something, its replica and what it lost: oldest first."""
        ...

    def steps_since(self, seq: int, key: Key | None = None) -> list[HistoryStep]:
        """What was written after this seq, in that order: to any record, or to one."""
        ...

    def marks(self, after: int, most: int) -> list[ChangeMarker]:
        """When changes were made after this seq, and by whom (an Origin): the newest first."""
        ...

    def conflicts(self, key: Key | None = None) -> list[Conflict]:
        """The open ones, of one record or of all, oldest first."""
        ...

    def conflicts_between(self, after: int, up_to: int) -> list[tuple[Conflict, bool]]:
        """Those with ``after < seq <= up_to``, by seq, and whether each is open."""
        ...

    def authors(self, change_ids: Iterable[str]) -> Mapping[str, Author]:
        """Who made these changes; what was pruned is left out."""
        ...


class WriteTransaction(ReadTransaction, Protocol):
    """A transaction with the book's lock. Commits when its ``with`` ends well, else leaves nothing behind."""

    def carry_out(self, plan: Plan, origin: ChangeOrigin, now: int) -> None: ...

    def prune(self, lines: RetentionLimits) -> PurgedRows: ...


class Store(Protocol):
    """Opens transactions on a book."""

    def reading(self, book_id: int) -> AbstractContextManager[ReadTransaction]: ...

    def writing(self, book_id: int) -> AbstractContextManager[WriteTransaction]: ...


def push(
    store: Store,
    book_id: int,
    origin: ChangeOrigin,
    batch: Sequence[Change | Rejection],
    now: int,
    since: Cursor | None = None,
    seen: int = 0,
) -> PushedBatch:
    """Decide a batch and carry it out in one transaction. ``now`` is in microseconds.

    Raises CursorGone, and applies nothing, where ``since`` can't be served: a device that is to take a snapshot first
    must know so before its changes count.
    """
    with store.writing(book_id) as book:
        if since is not None:
            check(book, since, seen)
        return take(book, origin, batch, now)


def take(
    book: WriteTransaction,
    origin: ChangeOrigin,
    batch: Sequence[Change | Rejection],
    now: int,
    touched: Mapping[Key, Record] | None = None,
) -> PushedBatch:
    """Decide a batch and carry it out, inside a transaction that the caller has begun.

    ``touched`` are the batch's records, where the caller has read them in this transaction.
    """
    result = planned(book, batch, now, touched)
    if result.history:
        book.carry_out(result, origin, now)
    return PushedBatch(book.book, result.seq, result.outcomes, result.records)


def planned(
    book: ReadTransaction,
    batch: Sequence[Change | Rejection],
    now: int,
    touched: Mapping[Key, Record] | None = None,
) -> Plan:
    """What a batch would do to the book as it is: the plan, carried out by nobody."""
    settled = book.settled([item.id for item in batch if item.id])
    named = [one for item in batch if isinstance(item, Change) for one in item.resolves]
    records = _touched(book, batch) if touched is None else touched
    waiting = book.waiting(named) if named else {}
    result = plan_batch(book.book, records, settled, batch, now, waiting)
    if keys := incomplete(result):
        discarded = ((key, replica, writes) for key in keys for replica, writes in book.discarded_writes(key))
        result = plan_batch(book.book, records, settled, batch, now, waiting, discarded)
    return result


def _touched(book: ReadTransaction, batch: Sequence[Change | Rejection]) -> dict[Key, Record]:
    keys = {key for item in batch if (key := item.key) is not None}
    found: dict[Key, Record] = {}
    for name in {table for table, _ in keys}:
        found.update(book.records(name, [record_id for table, record_id in keys if table == name]))
    return found


def pull(store: Store, book_id: int, since: Cursor | None, size: PageSize = WHOLE_PAGE) -> Page:
    """The page after ``since``; None asks for a snapshot, which serves live rows only. Raises CursorGone."""
    with store.reading(book_id) as reading:
        return page(reading, since, size)


def page(
    reading: ReadTransaction, since: Cursor | None, size: PageSize, seen: int = 0, kept: int | None = None
) -> Page:
    """The page after ``since``, inside a view that the caller has begun. Raises CursorGone.

    With ``kept``, a device asks that knew this server before it was restored: see ``_with_former_rows``.
    """
    if since is not None:
        check(reading, since, seen)
    found = _page(reading, since, size, with_gone=kept is not None)
    if kept is not None:
        _with_former_rows(reading, found, kept)
    return found


def _with_former_rows(reading: ReadTransaction, found: Page, kept: int) -> None:
    """Tell of each record of the page that was changed after ``kept`` what it was then (null: it was not there).

    And of what was deleted since, when that was by the deleter's time. So a device finds out what was lost with the
    restore, and what is new.
    """
    newer = {(row["table"], row["record_id"]): row for row in found.changes if row["seq"] > kept}
    steps: dict[Key, list[HistoryStep]] = {}
    for done in reading.steps_since(kept) if newer else ():
        steps.setdefault(done.key, []).append(done)
    for name in TABLES:
        for key, record in reading.records(name, [id for table, id in newer if table == name]).items():
            cells = state_at(record, steps.get(key, ()), kept)
            newer[key]["then"] = with_all_fields(TABLES[name], cells) if cells.get(EXISTS) else None
            if record.deleted:
                newer[key]["deleted_at"] = iso_millis(record.clock(EXISTS).timestamp)


def _page(reading: ReadTransaction, since: Cursor | None, size: PageSize, with_gone: bool) -> Page:
    """A snapshot ends where the book stood when it began: what came since follows as an ordinary page."""
    book = reading.book
    place = since or Cursor(book.epoch, book.seq, 0)
    snapshot = place.after is not None
    after, up_to = (place.after or 0, place.seq) if snapshot else (place.seq, book.seq)
    if after >= up_to:
        return Page(book.uuid, [], Cursor(book.epoch, up_to), False)
    rows, more = reading.rows(after, up_to, size, live_only=snapshot and not with_gone)
    last = rows[-1]["seq"] if more else up_to
    changes = [*rows, *_conflict_rows(reading, after, last, open_only=snapshot)]
    if not more:
        return Page(book.uuid, changes, Cursor(book.epoch, up_to), False)
    return Page(book.uuid, changes, Cursor(book.epoch, place.seq, last) if snapshot else Cursor(book.epoch, last), True)


def _conflict_rows(reading: ReadTransaction, after: int, up_to: int, open_only: bool) -> list[dict[str, Json]]:
    """Conflicts come with the page of their records, beyond its limit: both have the seq of the same change."""
    found = [(one, is_open) for one, is_open in reading.conflicts_between(after, up_to) if is_open or not open_only]
    if not found:
        return []
    authors = reading.authors({id for one, _ in found for id in (one.change_id, one.winner.change_id)})
    return [conflict_row(one, is_open, authors) for one, is_open in found]


def check(reading: ReadTransaction, since: Cursor, seen: int = 0) -> None:
    """Raise CursorGone where this cursor can't be served: pruned, of another epoch, or not of this book's log.

    A cursor that this log never gave is from before a restore, and so is a seq that a device has ``seen``: of a change
    that was taken after the page of its cursor was made. What a restored server takes in since then has later seqs than
    either, for seq is the time: so up to the newest seq that is not above them it still is what it was.
    """
    book, place = reading.book, max(since.seq, seen)
    kept = place if place == book.seq else reading.last_seq(place)
    if since.epoch != book.epoch:
        raise CursorGone("epoch", kept, book.uuid)
    if place != kept:  # even where it is pruned: a device must hear that something was lost
        raise CursorGone("unknown", kept, book.uuid)
    if since.seq < book.pruned:
        raise CursorGone("pruned", book.seq, book.uuid)


class _Undone(Exception):
    """Raised to leave nothing behind."""


def prune(store: Store, book_id: int, lines: RetentionLimits, dry_run: bool = False) -> PurgedRows:
    """Forget what is old (offbook.core.merge.retention), and tell how much; ``dry_run`` takes all of it back at the
    end.

    What lives stays as it is, and so does all of a record with an open conflict.
    """
    forgotten = PurgedRows()
    with suppress(_Undone), store.writing(book_id) as book:
        forgotten = book.prune(RetentionLimits(*(min(line, book.book.seq) for line in lines)))
        if dry_run:
            raise _Undone
    return forgotten
