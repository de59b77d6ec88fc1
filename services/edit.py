"""An edit made on a page, as a change like any device's: checked, pushed, and told in words.

A page is a replica of its own, named by the change's id: it has seen what it was opened with, and nothing since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offbook.core.merge.decide import concurrent_cells
from offbook.core.model import Change, Operation, Record, Rejection, Verdict
from offbook.core.protocol.requests import change_of
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import CONTACTS
from offbook.core.validation import Json
from services.container import services
from services.push import push
from storage.base import ChangeOrigin
from web.presenters.edit_feedback import Feedback, concurrent_edits_notice, feedback_of
from web.sessions import signed_in_user


@dataclass(frozen=True, slots=True)
class EditRequest:
    """What a page asks for. ``base`` is the seq of the record that the page was made from."""

    operation: Operation
    record_id: str
    change_id: str
    base: int
    data: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class EditResult:
    """What became of it. ``rejected`` says why nothing did."""

    told: Feedback
    record: Record | None = None
    rejected: str = ""


def save(edit: EditRequest) -> EditResult:
    user, now = signed_in_user(), services().clock()
    item = change_of(_wire(edit, now), edit.change_id)
    if isinstance(item, Rejection):
        return EditResult(Feedback(item.detail, False), rejected=item.detail)
    before = services().contacts.get(user.book_id, item.record_id)
    pushed = push(services().store, user.book_id, ChangeOrigin(user_id=user.id), [item], now)
    outcome = pushed.outcomes[0]
    after = pushed.records.get((item.table, item.record_id))
    if outcome.verdict is Verdict.REJECTED:
        return EditResult(Feedback(outcome.detail or "", False), after, outcome.detail or "")
    return EditResult(feedback_of(outcome.verdict, item, before, after, _names(user.book_id, before, item)), after)


def concurrent_edits(record: Record, base: int, change_id: str) -> str:
    """What others did since a form was opened at ``base``, in words; empty where it is nothing that the form shows."""
    nothing = Change(change_id, record.table, record.id, Operation.UPDATE, change_id, 0, base, {})
    with services().store.reading(signed_in_user().book_id) as book:
        policy = book.book.policy
    return concurrent_edits_notice(nothing, record, _names(signed_in_user().book_id, record, nothing), policy)


def _wire(edit: EditRequest, now: int) -> dict[str, Json]:
    item: dict[str, Json] = {
        "id": edit.change_id,
        "table": CONTACTS.name,
        "record_id": edit.record_id,
        "operation": edit.operation.value,
        "timestamp": iso_millis(now // 1000),
        "base": edit.base,
    }
    return item if edit.data is None else {**item, "data": edit.data}


def _names(book_id: int, record: Record | None, change: Change) -> dict[str, str]:
    """Who made the changes that this one met."""
    met = {write.change_id for write in concurrent_cells(record, change).values()} if record else set()
    if not met:
        return {}
    authors = services().contacts.authors(book_id, met)
    return {change_id: author.device or _person(author.user) for change_id, author in authors.items()}


def _person(name: str | None) -> str:
    if name is None:
        return "someone"
    return "you, on another page," if name == signed_in_user().name else f"{name} in the browser"
