"""The history of a contact as a page: what can be restored, and the forms that do it.

A restore is a change like any other, made in the browser: the flash that follows undoes it.
"""

from __future__ import annotations

from itertools import groupby
from uuid import UUID, uuid5

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid, NotFound
from offbook.core.formatting import format_date
from offbook.core.model import Key, Record
from offbook.core.protocol.requests import INTEGER_MAX
from services.history import record_history
from services.restore import Actor, restore_values, restore_version
from web.auth import session_required
from web.current import services
from web.pages.contacts import get_contact_or_404, name_of, redirect_to, render_pane, row_of
from web.presenters.history_text import history_events
from web.request_values import posted, posted_or_query, query
from web.sessions import current_actor, signed_in_user

contact_history = Blueprint("contact_history", __name__)

EVENTS_AT_ONCE = 25


@contact_history.get("/c/<uuid:contact_id>/history")
@session_required
def index(contact_id: UUID) -> ResponseReturnValue:
    """A page of changes. ``skip`` is in addresses that were stored before a page was found by its key."""
    record, before, skip = get_contact_or_404(contact_id), query.number("before", None), query.number("skip", 0)
    page = record_history(services().store, signed_in_user().book_id, record, EVENTS_AT_ONCE, before, skip)
    events = history_events(page, record, is_newest=before is None and skip == 0)
    return render_pane(
        "history",
        record=record,
        row=row_of(record),
        days=[(day, list(some)) for day, some in groupby(events, lambda event: format_date(event.at))],
        older=page.next,
        whole=any(entry.created for entry in page.entries),
        form_id=services().new_id(),
        deleted=record.deleted,
    )


@contact_history.post("/c/<uuid:contact_id>/history/restore")
@session_required
def restore_value(contact_id: UUID) -> ResponseReturnValue:
    """Give back one value of a change; without a cell, all that it replaced, which undoes it."""
    record, change_id = get_contact_or_404(contact_id), posted_or_query.uuid("change", "")
    cell, side = posted.text("cell", None), posted.text("to", "before")
    form_id = posted.uuid("form_id", "") or derived(change_id, "undo")
    with services().store.reading(signed_in_user().book_id) as book:
        entry = book.history_entry(change_id)
    if entry is None or entry.key != record.key:
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
        happened = book.history_entry(by.id) is not None
    if happened:
        undo = url_for("contact_history.restore_value", contact_id=record.id, change=by.id)
        flash({"text": text, "undo": undo}, "undo")  # type: ignore[arg-type]
    else:
        flash("It is so already: nothing had to be changed.")
    return redirect_to("contact_history.index", contact_id=record.id)


def said_no(record: Record, error: Invalid) -> ResponseReturnValue:
    flash(str(error), "warn")
    return redirect_to("contact_history.index", contact_id=record.id)
