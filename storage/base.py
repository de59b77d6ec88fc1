"""What a store of books can do, as Protocols, and the values that it takes and gives.

What a push, a pull and all else do with a store is in services, and what they mean is decided in offbook.core.
tests/support/memory_store.py is the executable specification of a store, storage/sql the real one, and one contract
(tests/storage) holds them together.

The book's lock is held from ``writing()`` to its end: seq is handed out under it, so that no reader can pass a seq that
commits later. Every call names a book, and sees nothing of any other.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from offbook.core.cells.validation import Json
from offbook.core.history.bursts import ChangeMarker
from offbook.core.history.entry import HistoryEntry, HistoryStep
from offbook.core.history.undo import BatchSummary, ExistenceStep
from offbook.core.merge.batch import BookState, Outcome, Plan, RecordedVerdict
from offbook.core.merge.retention import PurgedRows, RetentionLimits
from offbook.core.model import Author, Conflict, Cursor, DiscardedWrite, Key, Record
from offbook.core.protocol.requests import PAGE_MAX
from offbook.core.protocol.view import View
from offbook.core.schema import NamingMap, Reference, Schema
from offbook.core.verify.ranges import Range, Sum

DigestMaker = Callable[[Record], int]
"""What makes the digest of a record."""


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


class Batches(Protocol):
    """What acts wrote to a book: the changes that share a batch. Those that changed nothing are not counted."""

    def page(self, limit: int, before: int | None = None) -> list[BatchSummary]:
        """Some batches, the newest first: those whose last seq is below ``before``. What was pruned is not there."""
        ...

    def summary(self, batch: str) -> BatchSummary | None:
        """One batch, pruned or not; None where there is none."""
        ...

    def keys(self, batch: str) -> list[Key]:
        """The records that a batch wrote to, in order."""
        ...

    def steps(self, keys: Iterable[Key], after: int) -> dict[Key, list[HistoryStep]]:
        """What was written to each of these records after this seq, in that order."""
        ...

    def of_changes(self, seqs: Collection[int]) -> Mapping[int, str]:
        """The batches of the changes that took these seqs, by seq; of those that are of none nothing."""
        ...

    def existence(self, table: str, ids: Iterable[str]) -> dict[str, list[ExistenceStep]]:
        """Per record of a table the deletions of it and what batches wrote to it, in order, as far as that is known."""
        ...


class ReadTransaction(Protocol):
    """One consistent view of a book. ``schema`` are its synced tables."""

    book: BookState
    schema: Schema

    @property
    def batches(self) -> Batches:
        """The batches of the book."""
        ...

    def last_seq_at_or_before(self, up_to: int) -> int:
        """The newest seq of the book's log that is not above ``up_to``; 0 where there is none."""
        ...

    def rows(
        self, after: int, up_to: int, size: PageSize, live_only: bool, view: View | None = None
    ) -> tuple[list[dict[str, Json]], bool]:
        """Rows with ``after < seq <= up_to``, by seq, in wire form, as many as fit; and whether there are more.

        They are those of every table, whole, or as the view shows them.
        """
        ...

    def rows_of(self, table: str, ids: Iterable[str], view: View | None = None) -> dict[str, dict[str, Json]]:
        """Rows by their ids, in wire form, whole or as the view shows them; of those that are not there none."""
        ...

    def records(self, table: str, ids: Iterable[str]) -> dict[Key, Record]:
        """Records with all their cells, by table and id; of those that are not there none."""
        ...

    def referring(self, reference: Reference, ids: Iterable[str]) -> list[str]:
        """The ids of records that are not deleted and refer to one of ``ids`` by this reference."""
        ...

    def key_texts(self, table: str) -> dict[str, str]:
        """The keys of all records of a table with a text as key, by the records' ids; not of those that are deleted."""
        ...

    def named_texts(self, place: NamingMap) -> dict[str, int]:
        """What the entries of records name that are not deleted, each text with the number of these records."""
        ...

    def naming(self, place: NamingMap, texts: Iterable[str]) -> list[str]:
        """The ids of records that are not deleted and name one of these texts, to the letter, in order."""
        ...

    def entry_counts(self, keys: Iterable[Key]) -> Mapping[Key, int]:
        """How many entries each of these records has, the removed ones too; those that are not there are left out."""
        ...

    def recorded_verdicts(self, change_ids: Iterable[str]) -> dict[str, RecordedVerdict]:
        """The verdicts of those of these changes that were pushed before, by the changes' ids."""
        ...

    def open_conflict_keys(self, conflict_ids: Iterable[str]) -> dict[str, Key]:
        """The records of those of these conflicts that are open, by the conflicts' ids."""
        ...

    def sums(self, table: str, ranges: Sequence[Range], made_by: DigestMaker | None = None) -> list[Sum]:
        """What each of these ranges holds. Tombstones are not there.

        What is stored of each record is its digest 2, of all that the table has. Another one is made from the rows.
        """
        ...

    def digests(self, table: str, ranges: Sequence[Range], made_by: DigestMaker | None = None) -> list[dict[str, int]]:
        """Per range, each record's digest by its id."""
        ...

    def history(self, table: str, record_id: str) -> list[HistoryEntry]:
        """The record's changes, oldest first."""
        ...

    def history_page(
        self, key: Key, limit: int, before: int | None = None, skip: int = 0, with_noise: bool = True
    ) -> HistoryPage:
        """``limit`` changes of a record from the newest on, or from ``before`` (the ``next`` of a page) on.

        ``skip`` leaves out so many more; without noise, changes are not there that changed nothing and lost nothing.
        """
        ...

    def log_page(self, after: int, limit: int) -> HistoryPage:
        """``limit`` changes of the book behind this seq, of all tables, in the order of their seqs: what did something,
        or has lost. What was pruned is not there. ``next`` is the seq behind which the later ones are."""
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

    def change_markers(self, after: int, most: int) -> list[ChangeMarker]:
        """When changes were made after this seq, and by whom (an Origin): the newest first."""
        ...

    def conflicts(self, key: Key | None = None) -> list[Conflict]:
        """The open ones, of one record or of all, oldest first."""
        ...

    def find_conflict(self, conflict_id: str) -> tuple[Conflict, str | None] | None:
        """One conflict, open or not, and the id of the change that closed it."""
        ...

    def conflicts_between(self, after: int, up_to: int) -> list[tuple[Conflict, bool]]:
        """Those with ``after < seq <= up_to``, by seq, and whether each is open."""
        ...

    def authors(self, change_ids: Iterable[str]) -> Mapping[str, Author]:
        """Who made these changes; what was pruned is left out."""
        ...


class WriteTransaction(ReadTransaction, Protocol):
    """A transaction with the book's lock. Commits when its ``with`` ends well, else leaves nothing behind."""

    def apply_plan(self, plan: Plan, origin: ChangeOrigin, now_us: int) -> None:
        """Write what was planned: records, history, conflicts, the book's seq."""
        ...

    def prune(self, lines: RetentionLimits, tables: Collection[str] | None = None) -> PurgedRows:
        """Forget what lies below these seqs, and count it: of these tables' records; None: of all."""
        ...


class Store(Protocol):
    """Opens transactions on a book. ``schema`` are the synced tables that it holds."""

    @property
    def schema(self) -> Schema:
        """As far as it is known: another process may let the tables grow, and each transaction has those of then."""

    @property
    def since(self) -> Mapping[str, int]:
        """At which seq parts of the tables became known, by their names; the others were there from the beginning."""

    def reading(self, book_id: int) -> AbstractContextManager[ReadTransaction]:
        """A view of the book. Raises NotLetIn where the book was purged."""
        ...

    def writing(self, book_id: int) -> AbstractContextManager[WriteTransaction]:
        """The book with its lock. Raises as ``reading``, and Unwritable where nothing can be stored."""
        ...


class LiveStore(Store, Protocol):
    """A store whose commits others may follow."""

    on_commit: Callable[[int, int], None] | None
    """Called after each commit of this process that gave a book a later seq, with both, in the thread that wrote."""

    def latest_seqs(self, book_ids: Iterable[int]) -> dict[int, tuple[str, int]]:
        """The epoch and the newest seq of each of these books; those that are not there are left out."""
        ...


class CommitNotifications(Protocol):
    """Not for several threads at once; ``publish`` may be called beside the others."""

    poll_seconds: float
    """How often all books are to be looked at."""

    needs_publish: bool
    """Whether anything comes of ``publish``: else it need not be called."""

    def poll(self) -> Collection[int] | None:
        """The books in which other processes may have committed since the last poll; None: in any.

        Takes microseconds. Raises where nothing can be received any more; then close it and open another.
        """

    def publish(self, books: Iterable[int]) -> None:
        """Say that this process has committed in these books. May take as long as the network."""

    def close(self) -> None:
        """Let go of what was opened."""
