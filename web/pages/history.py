"""The history of a contact as a page: what can be restored, and the forms that do it.

A restore is a change like any other, made in the browser: the flash that follows undoes it.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid, NotFound
from offbook.core.history.reconstruct import state_of
from offbook.core.model import Key, Record
from offbook.core.protocol.requests import INTEGER_MAX
from services.restore import Actor, restore_values, restore_version
from storage.base import ReadTransaction
from web.auth import session_required
from web.current import services
from web.pages.contacts import get_contact_or_404, name_of, row_of, show, to
from web.presenters.formatting import format_date
from web.presenters.history_text import HistoryEvent, history_events, is_noise, moments
from web.request_values import posted, posted_or_query, query
from web.sessions import current_actor, signed_in_user

contact_history = Blueprint("contact_history", __name__)

AT_ONCE = 25


@contact_history.get("/c/<uuid:contact_id>/history")
@session_required
def index(contact_id: UUID) -> ResponseReturnValue:
    record = get_contact_or_404(contact_id)
    skip = query.number("skip", 0)
    with services().store.reading(signed_in_user().book_id) as book:
        events, more, whole = page_of(book, record, skip)
    days = [(day, list(some)) for day, some in groupby(events, lambda event: format_date(event.at))]
    older = skip + AT_ONCE if more else None
    values: dict[str, Any] = {
        "record": record,
        "row": row_of(record),
        "days": days,
        "older": older,
        "skip": skip,
        "whole": whole,
    }
    return show("history", **values, form_id=services().new_id(), deleted=record.deleted)


def page_of(book: ReadTransaction, record: Record, skip: int) -> tuple[list[HistoryEvent], bool, bool]:
    """Some events, whether there are older ones, and whether the history reaches back to the contact's making."""
    past = book.history(record.table, record.id)
    waiting = {one.change_id for one in book.conflicts()}
    found = [one for one in moments(record, past, waiting) if not is_noise(one.past)]
    shown = found[skip : skip + AT_ONCE]
    met = {str(one["winner"][2]) for moment in shown for one in moment.past.beaten}
    met |= {clock.change_id for moment in shown for clock in moment.wrote.values()}
    authors = book.authors({moment.past.change_id for moment in shown} | met)
    now = state_of(record)
    events = [history_events(moment, now, authors, moment is found[0]) for moment in shown]
    whole = any(one.change_id == record.created.change_id for one in past)
    return events, len(found) > skip + AT_ONCE, whole


@contact_history.post("/c/<uuid:contact_id>/history/restore")
@session_required
def restore_value(contact_id: UUID) -> ResponseReturnValue:
    """Give back one value of a change; without a cell, all that it replaced, which undoes it."""
    record, change_id = get_contact_or_404(contact_id), posted_or_query.uuid("change", "")
    cell, side = posted.text("cell", None), posted.text("to", "before")
    form_id = posted.uuid("form_id", "") or derived(change_id, "undo")
    with services().store.reading(signed_in_user().book_id) as book:
        past = book.past(change_id)
    if past is None or past.key != (record.table, record.id):
        raise NotFound("There is no such change in this contact's history. It may be too old to be kept.")
    cells = None if cell is None else [cell]
    by, now = current_actor(derived(form_id, f"{change_id} {cell} {side}")), services().clock()
    try:
        restore_values(
            services().store,
            signed_in_user().book_id,
            by,
            change_id,
            cells,
            "after" if side == "after" else "before",
            now,
        )
    except Invalid as error:
        return said_no(record, error)
    return given(record, by, f"Restored a value of {name_of(record)}." if cell else "Undone.")


@contact_history.post("/c/<uuid:contact_id>/history/version")
@session_required
def restore_to_version(contact_id: UUID) -> ResponseReturnValue:
    record, seq = get_contact_or_404(contact_id), posted.number("seq", -1)
    by = current_actor(derived(posted.uuid("form_id", ""), f"version {seq}"))
    try:
        if not 0 <= seq <= INTEGER_MAX:
            raise Invalid("bad_base", "There is no such version of this contact.")
        key: Key = record.table, record.id
        restore_version(services().store, signed_in_user().book_id, by, key, seq, services().clock())
    except Invalid as error:
        return said_no(record, error)
    return given(record, by, f"Restored {name_of(record)} as it was.")


def derived(form_id: str, what: str) -> str:
    """The change's id: the same for the same button of the same page, so that a double click makes one change."""
    try:
        return str(uuid5(UUID(form_id), what))
    except ValueError:
        return services().new_id()


def given(record: Record, by: Actor, text: str) -> ResponseReturnValue:
    with services().store.reading(signed_in_user().book_id) as book:
        happened = book.past(by.id) is not None
    if happened:
        undo = url_for("contact_history.restore_value", contact_id=record.id, change=by.id)
        flash({"text": text, "undo": undo}, "undo")  # type: ignore[arg-type]
    else:
        flash("It is so already: nothing had to be changed.")
    return to("contact_history.index", contact_id=record.id)


def said_no(record: Record, error: Invalid) -> ResponseReturnValue:
    flash(str(error), "warn")
    return to("contact_history.index", contact_id=record.id)
