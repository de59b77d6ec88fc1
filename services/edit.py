"""An edit made on a page, as a change like any device's: checked and pushed, and what it met.

A page is a replica of its own, named by the change's id: it has seen what it was opened with, and nothing since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json
from offbook.core.merge.decide import concurrent_cells
from offbook.core.model import Author, Change, Operation, Record, Rejection, Verdict
from offbook.core.protocol.requests import build_change
from services.references import apply_and_clear, clear_ahead
from services.restore import Actor
from services.sync.push import Turns
from storage.base import Store


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What a page asks for. ``base`` is the seq of the record that the page was made from."""

    operation: Operation
    record_id: str
    base: int
    data: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class EditResult:
    """What became of an edit: its verdict, the record before and after it, and the change as it was understood.

    ``authors`` are those of the concurrent changes that it met, by the changes' ids. ``rejected`` says why nothing was
    changed; it is empty where something was.
    """

    verdict: Verdict
    change: Change | None = None
    before: Record | None = None
    record: Record | None = None
    authors: Mapping[str, Author] = field(default_factory=dict)
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class ConcurrentEdits:
    """What others did since a form was opened: ``opened`` is an edit of nothing, as if made with the form.

    ``authors`` are those of the changes that the form has not seen, ``policy`` is the book's.
    """

    opened: Change
    policy: str
    authors: Mapping[str, Author]


def save(store: Store, book_id: int, actor: Actor, edit: EditRequest, now_us: int) -> EditResult:
    """Push the edit as one change, of ``actor``'s id and replica; what became of it."""
    change = build_change(
        actor.id, CONTACTS, edit.record_id, edit.operation, actor.replica, now_us // 1000, edit.base, edit.data
    )
    if isinstance(change, Rejection):
        return EditResult(Verdict.REJECTED, rejected=change.fault.detail)
    with Turns(store, book_id) as turns:
        clear_ahead(turns, actor.origin, [change], now_us)
        records = turns.book.records(change.table.name, [change.record_id])
        pushed = apply_and_clear(turns.book, actor.origin, [change], now_us, records)
    (outcome,) = pushed.outcomes
    before, after = records.get(change.key), pushed.records.get(change.key)
    if outcome.fault is not None:
        return EditResult(outcome.verdict, change, before, after, rejected=outcome.fault.detail)
    return EditResult(outcome.verdict, change, before, after, _authors_met(store, book_id, before, change))


def restore_deleted(store: Store, book_id: int, actor: Actor, record: Record, now_us: int) -> EditResult:
    """Bring a deleted contact back, by a change that says it exists: its values are still there."""
    edit = EditRequest(Operation.INSERT, record.id, record.seq, {"name": record.cells.get("name")})
    return save(store, book_id, actor, edit, now_us)


def concurrent_edits(store: Store, book_id: int, record: Record, base: int, change_id: str) -> ConcurrentEdits:
    """What others did to ``record`` since a form for it was opened at ``base``."""
    opened = Change(change_id, record.table, record.id, Operation.UPDATE, change_id, 0, base, {})
    with store.reading(book_id) as book:
        policy = book.book.policy
    return ConcurrentEdits(opened, policy, _authors_met(store, book_id, record, opened))


def _authors_met(store: Store, book_id: int, record: Record | None, change: Change) -> Mapping[str, Author]:
    """Who made the changes that this one met."""
    met = {write.change_id for write in concurrent_cells(record, change).values()} if record else set()
    if not met:
        return {}
    with store.reading(book_id) as book:
        return book.authors(met)
