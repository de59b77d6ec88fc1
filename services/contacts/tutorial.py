"""The tutorial form of the sync API: one change a request, and what a device of it is to do to its rows.

Translation is offbook.contacts.tutorial's, decisions are the planner's; this reads, calls them and writes down, each
request in one transaction with the book's lock, but for a deletion of what very many records refer to
(services.references). Only a pull that finds nothing to say gets by with a read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from offbook.contacts import tutorial
from offbook.contacts.tutorial import TABLE, TutorialChange, TutorialStep
from offbook.core.cells.validation import Json
from offbook.core.merge.batch import RecordedVerdict
from offbook.core.model import Change, Key, Record, Rejection
from services.references import apply_and_clear, clear_ahead
from services.sync.push import Turns
from storage.base import ChangeOrigin, WriteTransaction
from storage.repositories.tutorial import TutorialNotes, TutorialRows
from storage.sql.store import SqlReadTransaction, SqlStore
from storage.values.accounts import DeviceLogin

POLICY = "last-write-wins"
"""These clients know nothing finer."""


class Tutorial:
    """The tutorial form of the sync API, on the books of a store."""

    def __init__(self, store: SqlStore, rows: TutorialRows) -> None:
        self._store = store
        self._rows = rows

    def push(self, login: DeviceLogin, item: TutorialChange, now_us: int) -> RecordedVerdict | None:
        """Take one change, and answer with its verdict; None where it had nothing to say."""
        with Turns(self._store, login.book_id) as turns:
            recorded = turns.book.recorded_verdicts([item.change_id]).get(item.change_id)
            if recorded is not None:
                return recorded
            origin = ChangeOrigin(login.device.id, login.user_id)
            planned = _plan_item(turns.book, self._notes(turns.book, login), item)
            if planned is not None and clear_ahead(turns, origin, [planned.change], now_us):
                planned = _plan_item(turns.book, self._notes(turns.book, login), item)
            return None if planned is None else _apply_item(turns.book, origin, planned, item, now_us)

    def _notes(self, book: WriteTransaction, login: DeviceLogin) -> TutorialNotes:
        assert isinstance(book, SqlReadTransaction)
        return self._rows.notes(book, login)

    def pull(self, login: DeviceLogin, since: int) -> list[dict[str, Json]]:
        """What the device is to do to its rows, given the last timestamp (in microseconds) that it knows."""
        since = max(since, 0)
        with self._store.reading(login.book_id) as seen:
            notes = self._rows.notes(seen, login)
            if since <= seen.book.seq and notes.has_nothing_after(since, seen.book.pruned):
                return []
        with self._store.writing(login.book_id) as book:
            return _answer(self._rows.notes(book, login), since, book.book.seq)


class PlannedItem(NamedTuple):
    """What an item does: the change, whose record was ``touched``, and whether its number is new to the device."""

    notes: TutorialNotes
    is_new: bool
    step: TutorialStep | Rejection
    touched: dict[Key, Record]

    @property
    def change(self) -> Change | Rejection:
        """The change, or why there is none."""
        return self.step if isinstance(self.step, Rejection) else self.step.change


def _plan_item(book: WriteTransaction, notes: TutorialNotes, item: TutorialChange) -> PlannedItem | None:
    """What the item does, in the transaction that is open; None where it has nothing to say."""
    noted = notes.known(item.number) if item.table == TABLE else None
    if noted is not None and item.number >= 0 and item.operation == "INSERT" and noted.is_gone:
        # A table without AUTOINCREMENT gives the number of a deleted row to the next one: another person.
        notes.take_number_from(noted.record_id)
        noted = None
    step = tutorial.plan_step(item, noted, notes.login.device.uuid)
    if step is None:
        return None
    book.book = replace(book.book, policy=POLICY)
    touched: dict[Key, Record] = {}
    if isinstance(step, TutorialStep):
        touched = book.records(TABLE, [step.change.record_id])
        step = tutorial.with_whole_row(step, touched.get(step.change.key))
    return PlannedItem(notes, noted is None, step, touched)


def _apply_item(
    book: WriteTransaction, origin: ChangeOrigin, planned: PlannedItem, item: TutorialChange, now_us: int
) -> RecordedVerdict:
    step = planned.step
    pushed = apply_and_clear(book, origin, [planned.change], now_us, planned.touched)
    outcome = pushed.outcomes[0]
    if isinstance(step, TutorialStep) and outcome.fault is None:
        record = pushed.records.get((TABLE, step.change.record_id))
        known = tutorial.known_after(step, outcome.verdict, outcome.seq, record)
        planned.notes.keep(item.number, planned.is_new, known)
    return RecordedVerdict(outcome.verdict, outcome.seq, outcome.fault)


def _answer(notes: TutorialNotes, since: int, head: int) -> list[dict[str, Json]]:
    if since > head:
        # The book was put back from a backup: nothing is known of what this device has but what was noted by then.
        since = 0
    elif since == 0:
        notes.start_over()
    else:
        notes.confirm(since)
    again, fresh = list(notes.again(since)), list(notes.fresh(since))
    stamps = tutorial.repeated_stamps(since, len(again))
    marker = tutorial.confirming_seq(since, fresh[0].seq if fresh else max(stamps, default=since))
    notes.offer([*((row, marker) for row in again), *((row, row.seq) for row in fresh)])
    pairs = [*zip(again, stamps, strict=True), *((row, row.seq) for row in fresh)]
    return [
        tutorial.render_entry(row.number or 0, since == 0 or row.known.held is None, stamp, row.seq, row.row)
        for row, stamp in pairs
    ]
