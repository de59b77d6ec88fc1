"""The inbox: conflicts that wait for a person, each with both versions side by side, and forms that settle them.

Nothing here blocks or asks back: a choice is made at once, told in a sentence, and can be undone. A form is a replica
of its own, named by its change's id, as in services.edit.
"""

from __future__ import annotations

from typing import Any
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
from services import conflicts as store
from services.conflicts import Card, ResolvedConflict
from services.restore import Actor
from web.auth import session_required
from web.current import services
from web.pages.contacts import name_of
from web.presenters.conflict_diff import comparison, custom_value_field, describe_fault, lines_of, quoted, title
from web.request_values import posted, query
from web.server.pools import Pool, runs_in
from web.sessions import current_actor, is_signed_in, signed_in_user

inbox = Blueprint("inbox", __name__)

CARDS = 50

KEPT = "What was not chosen is in the contact’s history."
RULES = {
    Rule.OURS: "What stands was kept",
    Rule.THEIRS: "What came was taken",
    Rule.LATER: "The later version was taken",
}


@inbox.app_context_processor
def waiting() -> dict[str, Any]:
    """The count in the navigation, asked only where a page has one."""
    return {
        "conflicts_waiting": lambda: services().contacts.conflicts(signed_in_user().book_id) if is_signed_in() else 0
    }


@inbox.get("/inbox")
@session_required
def index() -> ResponseReturnValue:
    return page()


@inbox.post("/inbox/<uuid:conflict_id>")
@session_required
def settle(conflict_id: UUID) -> ResponseReturnValue:
    here = str(conflict_id)
    try:
        done = store.resolve_conflict(
            services().store, signed_in_user().book_id, by(), here, picked(), base(), services().clock()
        )
    except Invalid as invalid:
        return page(refused=(here, invalid.fault)), 422
    tell(done, here)
    return redirect(url_for("inbox.index", start=place() or None, _anchor=posted.text("next", "") or None), 303)


@inbox.post("/inbox/<uuid:conflict_id>/undo")
@session_required
def undo(conflict_id: UUID) -> ResponseReturnValue:
    try:
        done = store.undo(services().store, signed_in_user().book_id, by(), str(conflict_id), services().clock())
    except Invalid as flaw:
        flash(str(flaw), "warn")
    else:
        flash(f"Undone. {name_of(done.record)} is as before; what was chosen is in the history.", "ok")
    return redirect(url_for("inbox.index"), 303)


@inbox.post("/inbox/all")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def settle_all() -> ResponseReturnValue:
    try:
        rule = Rule(posted.text("rule", ""))
    except ValueError:
        return page(error="Choose how all conflicts are to be settled."), 422
    up_to = posted.number("seq", 0)
    settled = store.resolve_all(services().store, signed_in_user().book_id, by(), rule, up_to, services().clock())
    flash(f"Settled {format_count(settled, 'conflict')}. {RULES[rule]}; what was not is in each contact’s history.")
    return redirect(url_for("inbox.index"), 303)


# --- what a form says ----------------------------------------------------------------------------------------------


def by() -> Actor:
    """A page that is sent without an id of its own is nobody's retry."""
    return current_actor(posted.uuid("change_id", "") or services().new_id())


def picked() -> Choice | CustomValue:
    choice = posted.text("choice", "")
    if choice != "typed":
        return a_choice(choice)
    text = posted.text("value", "")
    if not text.strip():
        raise Invalid("empty", "Type a value first, or keep one of the two.")
    return custom_value_field(posted.text("cell", ""), text)


def a_choice(choice: str) -> Choice:
    try:
        return Choice(choice)
    except ValueError:
        raise Invalid("bad_choice", "Choose one of the two, or type another value.") from None


def base() -> int:
    """The seq of the record that the page showed."""
    return posted.number("base", 0)


def place() -> int:
    return query.number("start", 0)


# --- what a page says ----------------------------------------------------------------------------------------------


def page(error: str = "", refused: tuple[str, Fault] | None = None) -> str:
    """``refused`` is a choice that can't be stored, by its conflict, with the reason: shown where it was typed."""
    first = query.text("contact", None)
    found = store.inbox(services().store, signed_in_user().book_id, place(), CARDS, first)
    cards = [
        (card.record, [comparison(one, card.record, signed_in_user().name) for one in card.waiting])
        for card in found.cards
    ]
    ids = [one.id for _, comparisons in cards for one in comparisons]
    return render_template(
        "conflicts/index.html",
        inbox=found,
        cards=cards,
        following=dict(zip(ids, ids[1:] + ids[:1], strict=True)) if len(ids) > 1 else {},
        errors=errors_of(found.cards, *refused) if refused else {},
        error=refused[1].detail if refused and refused[0] not in ids else error,
        typed=posted.text("value", ""),
        new_id=services().new_id,
        start=place(),
        now=services().clock(),
    )


def errors_of(cards: list[Card], conflict_id: str, fault: Fault) -> dict[str, str]:
    return {
        one.conflict.id: describe_fault(one.conflict, card.record, fault)
        for card in cards
        for one in card.waiting
        if one.conflict.id == conflict_id
    }


def tell(done: ResolvedConflict, conflict_id: str) -> None:
    """Say what became of a choice, with an undo where it changed something."""
    if done.verdict is None:
        flash(already_resolved(done), "warn")
    elif done.verdict is Verdict.CONFLICT:
        flash(f"{name_of(done.record)} was changed again meanwhile, so it waits once more: look at what came.", "warn")
    elif done.wrote:
        undone = url_for("inbox.undo", conflict_id=conflict_id)
        flash({"text": f"{is_current(done)} {KEPT}", "undo": undone}, "undo")  # type: ignore[arg-type]
    else:
        flash(f"{is_current(done)} {KEPT}", "ok")


def already_resolved(done: ResolvedConflict) -> str:
    who = done.by.device or ("you" if done.by.user == signed_in_user().name else done.by.user) or "someone"
    typed = posted.text("value", "").strip() if posted.text("choice", "") == "typed" else ""
    unused = f" You typed {quoted([typed])}, which was not used." if typed else ""
    return f"Settled already, by {who}. {is_current(done)}{unused}"


def is_current(done: ResolvedConflict) -> str:
    """What there is by now in the cell that was settled."""
    conflict, record = done.conflict, done.record
    name = name_of(record)
    if record.deleted:
        return f"{name} is deleted."
    if conflict.cell == EXISTS:
        return f"{name} stays."
    if conflict.cell.endswith(EXISTS):
        return f"{title(conflict, record)} of {name} {'stays' if record.cells.get(conflict.cell) else 'is removed'}."
    value = quoted(lines_of(conflict, record, record.cells.get(conflict.cell)))
    return f"{title(conflict, record)} of {name} is {value}."
