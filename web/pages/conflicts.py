"""The inbox: conflicts that wait for a person, each with both versions side by side, and forms that resolve them.

Nothing here blocks or asks back: a choice is made at once, a sentence says what became of it, and it can be undone. A
form is a replica of its own, named by its change's id, as in services.edit.
"""

from __future__ import annotations

import re
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.conflicts.bulk import CustomValue, Rule
from offbook.core.conflicts.resolution import Choice
from offbook.core.errors import Invalid
from offbook.core.formatting import format_count
from offbook.core.messages import Fault
from offbook.core.model import Verdict
from offbook.core.schema import EXISTS
from services.conflicts import (
    RecordConflicts,
    ResolvedConflict,
    read_inbox,
    resolve_all,
    resolve_conflict,
    undo_resolution,
)
from services.restore import Actor
from web.auth import session_required
from web.current import services
from web.messages import pages as messages
from web.messages.pages import NO_CHOICE, NO_VALUE
from web.presenters.conflict_diff import (
    cell_title,
    conflict_diff,
    describe_fault,
    quote_lines,
    value_lines,
)
from web.presenters.record_words import record_name, table_heading
from web.request_values import posted, query
from web.server.pools import Pool, runs_in
from web.sessions import current_actor, signed_in_user

inbox = Blueprint("inbox", __name__)

CARDS = 50

SETTLED = {Rule.OURS: messages.SETTLED_OURS, Rule.THEIRS: messages.SETTLED_THEIRS, Rule.LATER: messages.SETTLED_LATER}


@inbox.get("/inbox")
@session_required
def index() -> ResponseReturnValue:
    """What needs a decision, some records at a time."""
    return render_inbox()


@inbox.post("/inbox/<uuid:conflict_id>")
@session_required
def settle(conflict_id: UUID) -> ResponseReturnValue:
    """Resolve one conflict; what can't be stored is said where it was typed."""
    try:
        resolved = resolve_conflict(
            services().store,
            signed_in_user().book_id,
            actor(),
            str(conflict_id),
            posted_choice(),
            posted.number("base", 0),
            services().clock(),
        )
    except Invalid as invalid:
        return render_inbox(refused=(str(conflict_id), invalid.fault)), 422
    flash_resolved(resolved, str(conflict_id))
    return redirect(url_for("inbox.index", start=start() or None, _anchor=posted.text("next", "") or None), 303)


@inbox.post("/inbox/<uuid:conflict_id>/undo")
@session_required
def undo(conflict_id: UUID) -> ResponseReturnValue:
    """Undo a choice."""
    store, book_id, now_us = services().store, signed_in_user().book_id, services().clock()
    try:
        undone = undo_resolution(store, book_id, actor(), str(conflict_id), now_us)
    except Invalid as invalid:
        flash(str(invalid), "warn")
    else:
        flash(messages.CHOICE_UNDONE.sentence(record=record_name(undone.record)), "ok")
    return redirect(url_for("inbox.index"), 303)


@inbox.post("/inbox/all")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def settle_all() -> ResponseReturnValue:
    """Resolve all conflicts that the page counted by one rule."""
    try:
        rule = Rule(posted.text("rule", ""))
    except ValueError:
        return render_inbox(error=messages.NO_RULE.sentence()), 422
    store, book_id, up_to = services().store, signed_in_user().book_id, posted.number("seq", 0)
    resolved = resolve_all(store, book_id, actor(), rule, up_to, services().clock())
    flash(SETTLED[rule].sentence(conflicts=format_count(resolved, "conflict")))
    return redirect(url_for("inbox.index"), 303)


# --- what a form says ----------------------------------------------------------------------------------------------


def actor() -> Actor:
    """Whoever is signed in. A page that is sent without an id of its own is nobody's retry."""
    return current_actor(posted.uuid("change_id", "") or services().new_id())


def posted_choice() -> Choice | CustomValue:
    """The version that was chosen, or the value that was typed. Raises Invalid."""
    choice, text = posted.text("choice", ""), posted.text("value", "")
    if choice in list(Choice):
        return Choice(choice)
    if choice != "typed":
        raise Invalid.of(NO_CHOICE)
    if not text.strip():
        raise Invalid.of(NO_VALUE)
    return CustomValue(re.sub(r"\r\n?", "\n", text).strip())


def start() -> int:
    """Which of the records with conflicts is the first of the page."""
    return query.number("start", 0)


# --- what a page says ----------------------------------------------------------------------------------------------


def render_inbox(error: str = "", refused: tuple[str, Fault] | None = None) -> str:
    """``refused`` is a choice that can't be stored, by its conflict, with the reason: shown where it was typed."""
    first = query.text("contact", None)
    page = read_inbox(services().store, signed_in_user().book_id, start(), CARDS, first)
    cards = [
        (
            card.record,
            table_heading(card.record.table),
            [conflict_diff(view, card.record, signed_in_user().name) for view in card.conflicts],
        )
        for card in page.cards
    ]
    ids = [diff.id for *_, diffs in cards for diff in diffs]
    return render_template(
        "conflicts/index.html",
        inbox=page,
        cards=cards,
        following=dict(zip(ids, ids[1:] + ids[:1], strict=True)) if len(ids) > 1 else {},
        errors=errors_by_conflict(page.cards, *refused) if refused else {},
        error=refused[1].detail if refused and refused[0] not in ids else error,
        typed=posted.text("value", ""),
        new_id=services().new_id,
        start=start(),
        now=services().clock(),
    )


def errors_by_conflict(cards: list[RecordConflicts], conflict_id: str, fault: Fault) -> dict[str, str]:
    """The sentence about the value that was refused, by the id of its conflict where the page has that."""
    return {
        view.conflict.id: describe_fault(view.conflict, card.record, fault)
        for card in cards
        for view in card.conflicts
        if view.conflict.id == conflict_id
    }


def flash_resolved(resolved: ResolvedConflict, conflict_id: str) -> None:
    """Say what became of a choice, with an undo where it changed something."""
    noun = resolved.record.table.singular
    chosen = messages.CHOSEN_BOTH if posted.text("choice", "") == Choice.BOTH else messages.CHOSEN
    text = chosen.sentence(current=describe_current(resolved), noun=noun)
    if resolved.verdict is None:
        flash(describe_resolved_before(resolved), "warn")
    elif resolved.verdict is Verdict.CONFLICT:
        name = record_name(resolved.record)
        flash(messages.CONFLICT_AGAIN.sentence(name=name), "warn")
    elif resolved.has_written:
        undo_url = url_for("inbox.undo", conflict_id=conflict_id)
        flash({"text": text, "undo": undo_url}, "undo")  # type: ignore[arg-type]
    else:
        flash(text, "ok")


def describe_resolved_before(resolved: ResolvedConflict) -> str:
    """By whom it had been resolved before, and what became of a value that was typed."""
    author = resolved.resolved_by
    who = author.device or ("you" if author.user == signed_in_user().name else author.user) or "someone"
    typed = posted.text("value", "").strip() if posted.text("choice", "") == "typed" else ""
    unused = f" You typed {quote_lines([typed])}, which was not used." if typed else ""
    return f"Settled already, by {who}. {describe_current(resolved)}{unused}"


def describe_current(resolved: ResolvedConflict) -> str:
    """What there is by now in the cell that was decided about."""
    conflict, record = resolved.conflict, resolved.record
    name = record_name(record)
    if record.deleted:
        return f"{name} is deleted."
    if conflict.cell == EXISTS:
        return f"{name} stays."
    if conflict.cell.endswith(EXISTS):
        state = "stays" if record.cells.get(conflict.cell) else "is removed"
        return f"{cell_title(conflict, record)} of {name} {state}."
    value = quote_lines(value_lines(conflict, record, record.cells.get(conflict.cell)))
    return f"{cell_title(conflict, record)} of {name} is {value}."
