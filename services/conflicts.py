"""The conflicts that wait for a person: listed with all that a page shows of them, settled one by one or all alike.

A choice is a change like any other, which names what it settles; so it is in the history, reaches every device, and can
be taken back. What it says is decided in offbook.core.conflicts.bulk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid5

from offbook.core.conflicts.bulk import (
    BulkResolution,
    CustomValue,
    Rule,
    resolution_patch,
    resolutions_by_rule,
    with_current_value,
)
from offbook.core.conflicts.resolution import Choice
from offbook.core.errors import Invalid, NotFound
from offbook.core.history.reconstruct import Patch, state_at, state_of, to_values
from offbook.core.merge.batch import Outcome
from offbook.core.messages import CANT_BE_APPLIED
from offbook.core.model import Author, Change, Conflict, Key, Record, Rejection, Verdict
from offbook.core.protocol.requests import CHANGES_MAX
from services.restore import Actor, change_for
from services.sync.push import apply_batch
from storage.base import ReadTransaction, WriteTransaction
from storage.sql import conflicts
from storage.sql.store import SqlStore, SqlWriting

NOBODY = Author()


@dataclass(frozen=True, slots=True)
class ConflictView:
    """One comparison: the conflict with what stands in its cell today, and who brought each version."""

    conflict: Conflict
    ours_by: Author
    theirs_by: Author


@dataclass(frozen=True, slots=True)
class Card:
    """A record with all of its open conflicts."""

    record: Record
    waiting: list[ConflictView]


@dataclass(frozen=True, slots=True)
class Inbox:
    """Some records with what waits, oldest first. ``seq`` is the book's: whatever opens later was not shown.

    ``total`` counts all open conflicts, ``next`` says from which record the following page begins (0: there is none).
    """

    cards: list[Card]
    total: int
    seq: int
    next: int


@dataclass(frozen=True, slots=True)
class ResolvedConflict:
    """What became of a choice: ``wrote`` says whether it changed anything.

    ``verdict`` is None where the conflict was settled before, and then ``by`` says by whom.
    """

    conflict: Conflict
    record: Record
    verdict: Verdict | None
    wrote: bool = False
    by: Author = NOBODY


# --- looking -------------------------------------------------------------------------------------------------------


def inbox(store: SqlStore, book_id: int, start: int, limit: int, first: str | None = None) -> Inbox:
    """``limit`` records from the one at ``start`` on; the record ``first``, where there is one, before all others."""
    with store.reading(book_id) as book:
        conflicts = book.conflicts()
        keys = list(dict.fromkeys(one.key for one in conflicts))
        keys.sort(key=lambda key: key[1] != first)
        shown = keys[start : start + limit]
        more = start + limit if len(keys) > start + limit else 0
        return Inbox(_cards(book, conflicts, shown), len(conflicts), book.book.seq, more)


def _cards(book: ReadTransaction, conflicts: Iterable[Conflict], shown: list[Key]) -> list[Card]:
    records = _records(book, shown)
    mine: dict[Key, list[Conflict]] = {key: [] for key in shown}
    for one in conflicts:
        if one.key in mine:
            mine[one.key].append(with_current_value(one, records[one.key], state_of(records[one.key])))
    changes = {id for group in mine.values() for one in group for id in (one.change_id, one.winner.change_id)}
    authors = book.authors(changes) if changes else {}
    return [Card(records[key], [_waiting(one, authors) for one in group]) for key, group in mine.items()]


def _waiting(conflict: Conflict, authors: Mapping[str, Author]) -> ConflictView:
    ours, theirs = (authors.get(one, NOBODY) for one in (conflict.winner.change_id, conflict.change_id))
    return ConflictView(conflict, ours, theirs)


def _records(book: ReadTransaction, keys: Iterable[Key]) -> dict[Key, Record]:
    by_table: dict[str, list[str]] = {}
    for table, record_id in keys:
        by_table.setdefault(table, []).append(record_id)
    found: dict[Key, Record] = {}
    for table, ids in by_table.items():
        for start in range(0, len(ids), CHANGES_MAX):
            found.update(book.records(table, ids[start : start + CHANGES_MAX]))
    return found


# --- settling ------------------------------------------------------------------------------------------------------


def resolve_conflict(
    store: SqlStore, book_id: int, by: Actor, conflict_id: str, pick: Choice | CustomValue, base: int, now: int
) -> ResolvedConflict:
    """Settle a conflict for someone who saw the record as it was at ``base``. The same choice again does nothing.

    Raises NotFound, and Invalid where the value can't be stored.
    """
    with store.writing(book_id) as book:
        conflict, closed_by = _found(book, conflict_id)
        record = _record(book, conflict)
        if closed_by is not None:
            return _resolved_before(book, conflict, record, closed_by, by)
        base = max(min(base, record.seq), record.created.seq)
        conflict = with_current_value(conflict, record, state_at(record, book.steps_since(base, conflict.key), base))
        wish = resolution_patch(conflict, record, pick)
        change = _change(record, wish, by, by.id, now)._replace(base=base, resolves=(conflict.id,))
        outcome, after = _push(book, by, change, now)
        return ResolvedConflict(conflict, after, outcome.verdict, _wrote(after, by.id))


def _found(book: SqlWriting, conflict_id: str) -> tuple[Conflict, str | None]:
    found = conflicts.fetch_conflict(book.connection, book.book.id, conflict_id)
    if found is None:
        raise NotFound("There is no such conflict in your book. It was settled long ago.")
    return found


def _record(book: ReadTransaction, conflict: Conflict) -> Record:
    record = book.records(conflict.table, [conflict.record_id]).get(conflict.key)
    if record is None:
        raise NotFound("This contact is not there any more: it was deleted long ago.")
    return record


def _resolved_before(
    book: ReadTransaction, conflict: Conflict, record: Record, closed_by: str, by: Actor
) -> ResolvedConflict:
    shown = with_current_value(conflict, record, state_of(record))
    if closed_by == by.id:
        return ResolvedConflict(shown, record, Verdict.APPLIED, _wrote(record, by.id))
    return ResolvedConflict(shown, record, None, by=book.authors([closed_by]).get(closed_by, NOBODY))


def _wrote(record: Record, change_id: str) -> bool:
    return any(clock.change_id == change_id for clock in record.clocks.values())


def _change(record: Record, wish: Patch, by: Actor, change_id: str, now: int) -> Change:
    change = change_for(record, wish, by, change_id, now)
    if isinstance(change, Rejection):
        raise Invalid.from_fault(change.fault)
    return change


def _push(book: WriteTransaction, by: Actor, change: Change, now: int) -> tuple[Outcome, Record]:
    pushed = apply_batch(book, by.origin, [change], now)
    (outcome,) = pushed.outcomes
    if outcome.verdict is Verdict.REJECTED:
        raise Invalid.from_fault(outcome.fault or CANT_BE_APPLIED.fault())
    return outcome, pushed.records[change.key]


def undo(store: SqlStore, book_id: int, by: Actor, conflict_id: str, now: int) -> ResolvedConflict:
    """Give back what stood before a choice was made. Raises Invalid where someone changed it again since."""
    with store.writing(book_id) as book:
        conflict, closed_by = _found(book, conflict_id)
        record, choice = _record(book, conflict), book.history_entry(closed_by or "")
        before = {} if choice is None else choice.before
        if any(record.clock(cell).change_id != closed_by for cell in before):
            raise Invalid("changed_since", "This was changed again meanwhile. Its history has every version.")
        wish = to_values(record, before)
        if wish is not None:
            _, record = _push(book, by, _change(record, wish, by, by.id, now), now)
        return ResolvedConflict(with_current_value(conflict, record, state_of(record)), record, Verdict.APPLIED)


def resolve_all(store: SqlStore, book_id: int, by: Actor, rule: Rule, up_to: int, now: int) -> int:
    """Settle all conflicts that opened until ``up_to`` alike: all of them, or none. Returns how many there were."""
    with store.writing(book_id) as book:
        conflicts = [one for one in book.conflicts() if one.seq <= up_to]
        records = _records(book, dict.fromkeys(one.key for one in conflicts))
        authors = book.authors({one.change_id for one in conflicts}) if rule is Rule.LATER else {}
        times = {change_id: author.at or 0 for change_id, author in authors.items()}
        made = [
            _resolve_next(records[one.key], one, by, now)
            for one in resolutions_by_rule(conflicts, records, times, rule)
        ]
        for start in range(0, len(made), CHANGES_MAX):
            apply_batch(book, by.origin, made[start : start + CHANGES_MAX], now)
        return len(conflicts)


def _resolve_next(record: Record, one: BulkResolution, by: Actor, now: int) -> Change:
    """All come from one replica: none of them meets another of the same record as something that it had not seen."""
    change_id = str(uuid5(UUID(by.id), one.resolves[0]))
    return _change(record, one.wish, by, change_id, now)._replace(resolves=one.resolves)
