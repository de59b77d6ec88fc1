"""The history of a contact as a page: what can be restored, and the forms that do it.

A restore is a change like any other, made in the browser: the flash that follows undoes it.
"""

from __future__ import annotations

from itertools import groupby
from uuid import UUID, uuid5

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid
from offbook.core.formatting import format_date
from offbook.core.history.entry import AFTER, BEFORE
from offbook.core.model import Record
from offbook.core.protocol.requests import INTEGER_MAX
from services.history import record_history
from services.restore import RestoredRecord, restore_values, restore_version
from web.auth import session_required
from web.current import services
from web.messages import pages as messages
from web.messages.pages import NO_VERSION
from web.pages.contacts.views import get_contact_or_404, redirect_to, render_pane, row_of
from web.presenters.history_text import history_events
from web.presenters.record_words import record_name
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
        days=[(day, list(some)) for day, some in groupby(events, lambda event: format_date(event.at_us))],
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
    cell, side = posted.text("cell", None), posted.text("to", BEFORE)
    cells, to = None if cell is None else [cell], AFTER if side == AFTER else BEFORE
    form_id = posted.uuid("form_id", "") or derive_change_id(change_id, "undo")
    actor = current_actor(derive_change_id(form_id, f"{change_id} {cell} {side}"))
    store, book_id, now_us = services().store, signed_in_user().book_id, services().clock()
    try:
        restored = restore_values(store, book_id, actor, change_id, cells, to, now_us, record.key)
    except Invalid as invalid:
        return refuse(record, invalid)
    text = messages.VALUE_RESTORED.sentence(contact=record_name(record)) if cell else messages.UNDONE.sentence()
    return show_restored(restored, actor.id, text)


@contact_history.post("/c/<uuid:contact_id>/history/version")
@session_required
def restore_to_version(contact_id: UUID) -> ResponseReturnValue:
    """Make the contact what it was right after a change."""
    record, seq = get_contact_or_404(contact_id), posted.number("seq", -1)
    actor = current_actor(derive_change_id(posted.uuid("form_id", ""), f"version {seq}"))
    store, book_id, now_us = services().store, signed_in_user().book_id, services().clock()
    try:
        if not 0 <= seq <= INTEGER_MAX:
            raise Invalid.of(NO_VERSION)
        restored = restore_version(store, book_id, actor, record.key, seq, now_us)
    except Invalid as invalid:
        return refuse(record, invalid)
    return show_restored(restored, actor.id, messages.VERSION_RESTORED.sentence(contact=record_name(record)))


def derive_change_id(form_id: str, what: str) -> str:
    """The change's id: the same for the same button of the same page, so that a double click makes one change."""
    try:
        return str(uuid5(UUID(form_id), what))
    except ValueError:
        return services().new_id()


def show_restored(restored: RestoredRecord, change_id: str, text: str) -> ResponseReturnValue:
    """The history again, with what was done and how it is undone."""
    if restored.is_logged:
        undo = url_for("contact_history.restore_value", contact_id=restored.record.id, change=change_id)
        flash({"text": text, "undo": undo}, "undo")  # type: ignore[arg-type]
    else:
        flash(messages.NOTHING_TO_RESTORE.sentence())
    return redirect_to("contact_history.index", contact_id=restored.record.id)


def refuse(record: Record, invalid: Invalid) -> ResponseReturnValue:
    """The history again, with why nothing was restored."""
    flash(str(invalid), "warn")
    return redirect_to("contact_history.index", contact_id=record.id)
