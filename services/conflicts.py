"""The conflicts that wait for a person: listed with all that a page shows of them, resolved one by one or all alike.

A choice is a change like any other, which names what it resolves; so it is in the history, reaches every device, and
can be undone. What it says is decided in offbook.core.conflicts.bulk.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from offbook.core.conflicts.codec import ConflictView, conflict_view
from offbook.core.conflicts.resolution import Choice
from offbook.core.errors import Invalid, NotFound
from offbook.core.history.entry import NOBODY
from offbook.core.history.reconstruct import state_at, state_of, to_values
from offbook.core.model import Author, Change, Conflict, Key, Record, Verdict
from offbook.core.protocol.requests import CHANGES_MAX
from services import messages
from services.references import apply_and_clear, apply_change_and_clear, clear_ahead, decide_and_clear_ahead
from services.restore import Actor, change_for
from services.sync.push import Turns, read_records
from storage.base import ReadTransaction, Store, WriteTransaction


@dataclass(frozen=True, slots=True)
class RecordConflicts:
    """A record with all of its open conflicts."""

    record: Record
    conflicts: list[ConflictView]


@dataclass(frozen=True, slots=True)
class Inbox:
    """Some records with their conflicts, oldest first. ``seq`` is the book's: what opens later was not shown.

    ``total`` counts all open conflicts, ``next`` says from which record the following page begins (0: there is none).
    """

    cards: list[RecordConflicts]
    total: int
    seq: int
    next: int


@dataclass(frozen=True, slots=True)
class ResolvedConflict:
    """What became of a choice: ``has_written`` says whether it changed anything.

    ``verdict`` is None where the conflict had been resolved before, and then ``resolved_by`` says by whom.
    """

    conflict: Conflict
    record: Record
    verdict: Verdict | None
    has_written: bool = False
    resolved_by: Author = NOBODY


# --- reading -------------------------------------------------------------------------------------------------------


def open_conflicts(store: Store, book_id: int) -> list[ConflictView]:
    """All that are open, oldest first, as they opened."""
    with store.reading(book_id) as book:
        conflicts = book.conflicts()
        authors = book.authors({id for conflict in conflicts for id in conflict.change_ids})
    return [conflict_view(conflict, authors) for conflict in conflicts]


def read_inbox(store: Store, book_id: int, start: int, limit: int, first: str | None = None) -> Inbox:
    """``limit`` records from the one at ``start`` on; the record ``first``, where there is one, before all others."""
    with store.reading(book_id) as book:
        conflicts = book.conflicts()
        keys = list(dict.fromkeys(conflict.key for conflict in conflicts))
        keys.sort(key=lambda key: key[1] != first)
        next_ = start + limit if len(keys) > start + limit else 0
        cards = _cards(book, conflicts, keys[start : start + limit])
        return Inbox(cards, len(conflicts), book.book.seq, next_)


def _cards(book: ReadTransaction, conflicts: Iterable[Conflict], keys: list[Key]) -> list[RecordConflicts]:
    records = dict(read_records(book, keys))
    groups: dict[Key, list[Conflict]] = {key: [] for key in keys}
    for conflict in conflicts:
        if conflict.key in groups:
            record = records[conflict.key]
            groups[conflict.key].append(with_current_value(conflict, record, state_of(record)))
    ids = {id for group in groups.values() for conflict in group for id in conflict.change_ids}
    # Of a writer whose change was pruned a page shows no time either.
    authors = {**dict.fromkeys(ids, NOBODY), **(book.authors(ids) if ids else {})}
    return [
        RecordConflicts(records[key], [conflict_view(conflict, authors) for conflict in group])
        for key, group in groups.items()
    ]


# --- resolving -----------------------------------------------------------------------------------------------------


def resolve_conflict(
    store: Store, book_id: int, actor: Actor, conflict_id: str, choice: Choice | CustomValue, base: int, now_us: int
) -> ResolvedConflict:
    """Resolve a conflict for someone who saw the record as it was at ``base``. The same choice again does nothing.

    Raises NotFound, and Invalid where the value can't be stored.
    """
    with Turns(store, book_id) as turns:
        conflict, change = _decide(turns.book, actor, conflict_id, choice, base, now_us)
        if change is not None and clear_ahead(turns, actor.origin, [change], now_us):
            conflict, change = _decide(turns.book, actor, conflict_id, choice, base, now_us)
        if change is None:
            return _resolved_before(turns.book, conflict, actor)
        outcome, after = apply_change_and_clear(turns.book, actor.origin, change, now_us)
        return ResolvedConflict(conflict, after, outcome.verdict, _has_written(after, actor.id))


def _decide(
    book: ReadTransaction, actor: Actor, conflict_id: str, choice: Choice | CustomValue, base: int, now_us: int
) -> tuple[Conflict, Change | None]:
    """The conflict as it was at ``base``, and the change that resolves it; none where it has been resolved."""
    conflict, resolving_id = _fetch_conflict(book, conflict_id)
    record = _fetch_record(book, conflict)
    if resolving_id is not None:
        return conflict, None
    base = max(min(base, record.seq), record.created.seq)
    conflict = with_current_value(conflict, record, state_at(record, book.steps_since(base, conflict.key), base))
    patch = resolution_patch(conflict, record, choice)
    change = change_for(record, patch, actor, actor.id, now_us)
    return conflict, change._replace(base=base, resolves=(conflict.id,))


def undo_resolution(store: Store, book_id: int, actor: Actor, conflict_id: str, now_us: int) -> ResolvedConflict:
    """Restore what stood before a choice was made. Raises NotFound, and Invalid where it was changed again since."""

    def decide(book: WriteTransaction) -> Change | ResolvedConflict:
        conflict, resolving_id = _fetch_conflict(book, conflict_id)
        record, entry = _fetch_record(book, conflict), book.history_entry(resolving_id or "")
        before = {} if entry is None else entry.before
        if any(record.clock(cell).change_id != resolving_id for cell in before):
            raise Invalid.of(messages.CHANGED_AGAIN)
        patch = to_values(record, before)
        if patch is not None:
            return change_for(record, patch, actor, actor.id, now_us)
        return ResolvedConflict(with_current_value(conflict, record, state_of(record)), record, Verdict.APPLIED)

    with Turns(store, book_id) as turns:
        decided = decide_and_clear_ahead(turns, actor.origin, decide, now_us)
        if isinstance(decided, ResolvedConflict):
            return decided
        _, record = apply_change_and_clear(turns.book, actor.origin, decided, now_us)
        conflict, _ = _fetch_conflict(turns.book, conflict_id)
        return ResolvedConflict(with_current_value(conflict, record, state_of(record)), record, Verdict.APPLIED)


def resolve_all(store: Store, book_id: int, actor: Actor, rule: Rule, up_to: int, now_us: int) -> int:
    """Resolve all conflicts that opened until ``up_to`` alike: all of them, or none. Returns how many there were."""
    with Turns(store, book_id) as turns:
        count, changes = _bulk_changes(turns.book, actor, rule, up_to, now_us)
        if clear_ahead(turns, actor.origin, changes, now_us):
            count, changes = _bulk_changes(turns.book, actor, rule, up_to, now_us)
        for start in range(0, len(changes), CHANGES_MAX):
            apply_and_clear(turns.book, actor.origin, changes[start : start + CHANGES_MAX], now_us)
        return count


def _bulk_changes(book: ReadTransaction, actor: Actor, rule: Rule, up_to: int, now_us: int) -> tuple[int, list[Change]]:
    """How many conflicts opened until ``up_to``, and the changes that resolve them alike."""
    conflicts = [conflict for conflict in book.conflicts() if conflict.seq <= up_to]
    keys = dict.fromkeys(conflict.key for conflict in conflicts)
    records = dict(read_records(book, keys))
    authors = book.authors({conflict.change_id for conflict in conflicts}) if rule is Rule.LATER else {}
    times = {change_id: author.at or 0 for change_id, author in authors.items()}
    resolutions = resolutions_by_rule(conflicts, records, times, rule)
    return len(conflicts), [
        _bulk_change(records[resolution.key], resolution, actor, now_us) for resolution in resolutions
    ]


def _bulk_change(record: Record, resolution: BulkResolution, actor: Actor, now_us: int) -> Change:
    """All come from one replica: none of them meets another of the same record as something that it had not seen."""
    change_id = str(uuid5(UUID(actor.id), resolution.resolves[0]))
    change = change_for(record, resolution.patch, actor, change_id, now_us)
    return change._replace(resolves=resolution.resolves, batch=actor.id)


def _fetch_conflict(book: ReadTransaction, conflict_id: str) -> tuple[Conflict, str | None]:
    """The conflict, and the id of the change that resolved it."""
    pair = book.find_conflict(conflict_id)
    if pair is None:
        raise NotFound.of(messages.NO_CONFLICT)
    return pair


def _fetch_record(book: ReadTransaction, conflict: Conflict) -> Record:
    record = book.records(conflict.table.name, [conflict.record_id]).get(conflict.key)
    if record is None:
        raise NotFound.of(messages.RECORD_GONE, noun=conflict.table.singular)
    return record


def _resolved_before(book: ReadTransaction, conflict: Conflict, actor: Actor) -> ResolvedConflict:
    _, resolving_id = _fetch_conflict(book, conflict.id)
    record = _fetch_record(book, conflict)
    conflict = with_current_value(conflict, record, state_of(record))
    if resolving_id == actor.id:
        return ResolvedConflict(conflict, record, Verdict.APPLIED, _has_written(record, actor.id))
    resolved_by = book.authors([resolving_id]).get(resolving_id, NOBODY) if resolving_id else NOBODY
    return ResolvedConflict(conflict, record, None, resolved_by=resolved_by)


def _has_written(record: Record, change_id: str) -> bool:
    return any(clock.change_id == change_id for clock in record.clocks.values())
