"""Carrying out what a person chose between two versions of a cell."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offbook.core.changes import Change, Conflict, Record, Rejection, Value, Verdict
from offbook.core.errors import Invalid, NotFound
from offbook.core.resolving import Choice, chosen, typed
from storage import Store, take
from storage.restoring import By, change_for


@dataclass(frozen=True, slots=True)
class Chosen:
    """One of the versions; or, where ``choice`` is None, a value that a person typed."""

    choice: Choice | None = None
    value: Value = None


def settle(store: Store, book_id: int, by: By, conflict_id: str, choice: Chosen, now: int) -> Record:
    """Settle one open conflict. Raises NotFound where it is not open (any more), Invalid for what can't be chosen."""
    with store.writing(book_id) as book:
        conflict = next((one for one in book.conflicts() if one.id == conflict_id), None)
        if conflict is None:
            raise NotFound("This conflict is not open: it was settled already, or it never was.")
        record = book.records(conflict.table, [conflict.record_id])[conflict.key]
        change = settling(record, conflict, choice, by, now)
        pushed = take(book, by.origin, [change], now)
        (outcome,) = pushed.outcomes
        if outcome.verdict is Verdict.REJECTED:
            raise Invalid(outcome.code or "rejected", outcome.detail or "The change can't be applied.")
        return pushed.records[conflict.key]


def settling(record: Record, conflict: Conflict, choice: Chosen, by: By, now: int) -> Change | Rejection:
    """The change that makes this choice stand. Raises Invalid."""
    wish = (
        typed(conflict, record.cells, choice.value)
        if choice.choice is None
        else chosen(conflict, record.cells, choice.choice)
    )
    made = change_for(record, wish, by, by.id, now)
    return replace(made, resolves=(conflict.id,)) if isinstance(made, Change) else made
