"""Contacts for people: the list with its search, one contact, its form, the trash.

Every address gives a whole page, and needs no script. A script asks for a part of it (``X-Fragment``) and puts that in
place: ``list`` is lines of the list, ``pane`` what stands beside it, ``row`` one line, ``news`` what is said above a
form that is open while others edit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.contacts.labels import FIELDS, KINDS
from offbook.core.errors import NotFound
from offbook.core.merge.retention import is_purged
from offbook.core.model import Operation, Record
from offbook.core.protocol.rows import data_of as wire_data
from services.edit import EditRequest, EditResult, concurrent_edits, save
from storage.values import ContactRow
from web.auth import session_required
from web.current import services
from web.fragments import fragment
from web.pages.contact_form import (
    ContactForm,
    EntryRow,
    checked,
    data_of,
    new_form,
    open_form,
    posted_form,
    with_row,
    without_row,
)
from web.presenters.edit_feedback import Feedback, author_names, concurrent_edits_notice, feedback_of
from web.request_values import posted, query
from web.sessions import current_actor, signed_in_user

pages = Blueprint("pages", __name__)

LINES = 100
LINES_MAX = 1000
SEARCH_MAX = 200


@pages.get("/")
@session_required
def index() -> ResponseReturnValue:
    if fragment() == "list":
        return render_template("contacts/_list.html", **listing())
    return show("none")


@pages.get("/c/<uuid:contact_id>")
@session_required
def contact(contact_id: UUID) -> ResponseReturnValue:
    return show("contact", **shown(get_contact_or_404(contact_id)))


@pages.get("/c/new")
@session_required
def new() -> ResponseReturnValue:
    return show_form(new_form(services().new_id()), None)


@pages.post("/c/new")
@session_required
def create() -> ResponseReturnValue:
    """The record's id is the change's: a form that is sent twice makes one contact."""
    form = posted_form(posted.lists())
    return refilled(form, None) or save_form(form, None, Operation.INSERT)


@pages.get("/c/<uuid:contact_id>/edit")
@session_required
def edit(contact_id: UUID) -> ResponseReturnValue:
    record = get_contact_or_404(contact_id)
    if fragment() == "news":
        return show_news(record)
    data = wire_data(record)
    if data is None:
        return redirect(url_for("pages.contact", contact_id=contact_id))
    return show_form(open_form(data, record.seq, services().new_id()), record)


@pages.post("/c/<uuid:contact_id>/edit")
@session_required
def update(contact_id: UUID) -> ResponseReturnValue:
    record = get_contact_or_404(contact_id)
    form = posted_form(posted.lists(), record.cells)
    return refilled(form, record) or save_form(form, record, Operation.UPDATE)


@pages.post("/c/<uuid:contact_id>/star")
@session_required
def star(contact_id: UUID) -> ResponseReturnValue:
    record = get_contact_or_404(contact_id)
    base = query.number("base", record.seq)
    data = {"starred": posted.text("starred", "") == "1"}
    saved = save_edit(EditRequest(Operation.UPDATE, record.id, base, data))
    if fragment() == "row" and saved.record is not None:
        return render_template("contacts/_row.html", row=row_of(saved.record), q=search())
    if query.text("from", "") == "list":
        return to("pages.index")
    return to("pages.contact", contact_id=contact_id)


@pages.post("/c/<uuid:contact_id>/delete")
@session_required
def delete(contact_id: UUID) -> ResponseReturnValue:
    record = get_contact_or_404(contact_id)
    base = posted.number("base", record.seq)
    saved = save_edit(EditRequest(Operation.DELETE, record.id, base), posted.uuid("change_id", ""))
    if saved.record is None or not saved.record.deleted:
        flash(feedback(saved).text, "warn")
        return to("pages.contact", contact_id=contact_id)
    undo = url_for("pages.restore", contact_id=contact_id)
    flash({"text": f"Deleted {name_of(record)}.", "undo": undo}, "undo")  # type: ignore[arg-type]
    return to("pages.index")


@pages.post("/c/<uuid:contact_id>/restore")
@session_required
def restore(contact_id: UUID) -> ResponseReturnValue:
    """A change that says the contact exists: its values are still there."""
    record = get_contact_or_404(contact_id)
    if is_purged(record):
        flash("This contact was deleted long ago, and its values are gone: add it again.", "warn")
        return to("pages.contact", contact_id=contact_id)
    data = {"name": record.cells.get("name")}
    saved = save_edit(EditRequest(Operation.INSERT, record.id, record.seq, data))
    flash(saved.rejected or f"Restored {name_of(record)}.", "warn" if saved.rejected else "ok")
    return to("pages.contact", contact_id=contact_id)


@pages.get("/trash")
@session_required
def trash() -> ResponseReturnValue:
    after = query.text("after", None)
    page = services().contacts.trash(signed_in_user().book_id, after, LINES)
    return render_template("contacts/trash.html", page=page, after=after, now=services().clock())


# --- what a page shows ---------------------------------------------------------------------------------------------


def search() -> str:
    return query.text("q", "").strip()[:SEARCH_MAX]


def listing() -> dict[str, Any]:
    after = query.text("after", None)
    return {
        "page": services().contacts.page(signed_in_user().book_id, search(), after, lines()),
        "q": search(),
        "after": after,
    }


def lines() -> int:
    """How many lines a script has loaded, and wants anew."""
    return max(LINES, min(query.number("lines", LINES), LINES_MAX))


def show(view: str, status: int = 200, **values: Any) -> ResponseReturnValue:
    """The pane of this view, alone or beside the list."""
    if fragment() == "pane":
        return render_template("contacts/_pane_fragment.html", view=view, q=search(), **values), status
    return render_template("contacts/index.html", view=view, **listing(), **values), status


def shown(record: Record) -> dict[str, Any]:
    data = wire_data(record)
    form = open_form(data or {}, record.seq, services().new_id())
    waits = services().contacts.conflicts(signed_in_user().book_id, record.id)
    found = {"record": record, "contact": data, "form": form, "kinds": KINDS, "row": row_of(record)}
    return {**found, "waits": waits, "bare": is_purged(record)}


def show_form(form: ContactForm, record: Record | None, status: int = 200, added: str = "") -> ResponseReturnValue:
    row = row_of(record) if record else None
    return show(
        "form", status, form=form, record=record, row=row, kinds=KINDS, labels=FIELDS, added=added, blank=EntryRow
    )


def show_news(record: Record) -> ResponseReturnValue:
    """For a form that was opened at ``base`` and is still open."""
    base, change_id = query.number("base", record.seq), query.uuid("change_id", "")
    edits = concurrent_edits(services().store, signed_in_user().book_id, record, base, change_id)
    names = author_names(edits.authors, signed_in_user().name)
    text = concurrent_edits_notice(edits.opened, record, names, edits.policy)
    return render_template("contacts/_concurrent_edits.html", record=record, text=text)


def get_contact_or_404(contact_id: UUID) -> Record:
    record = services().contacts.get(signed_in_user().book_id, str(contact_id))
    if record is None:
        raise NotFound("There is no such contact in your book. It may have been deleted long ago.")
    return record


def row_of(record: Record) -> ContactRow:
    texts = (record.cells.get(name) for name in ("email", "phone", "company"))
    email, phone, company = (None if text is None else str(text) for text in texts)
    return ContactRow(record.id, name_of(record), email, phone, company, bool(record.cells.get("starred")), record.seq)


def name_of(record: Record) -> str:
    return str(record.cells.get("name") or "a contact without a name")


# --- what was sent -------------------------------------------------------------------------------------------------


def refilled(form: ContactForm, record: Record | None) -> ResponseReturnValue | None:
    """The form with all that was typed, where a button asked for that: as it is, or with a row more or less."""
    if posted.text("show", ""):
        return show_form(form, record)
    if kind := posted.text("add", ""):
        return show_form(with_row(form, kind), record, added=kind)
    if place := posted.text("remove", ""):
        return show_form(without_row(form, place), record)
    return None


def save_form(form: ContactForm, record: Record | None, operation: Operation) -> ResponseReturnValue:
    data = data_of(form)
    form = checked(form, data, operation)
    if form.errors:
        return show_form(form, record, 422)
    record_id = record.id if record else form.change_id
    if data or operation is Operation.INSERT:
        saved = save_edit(EditRequest(operation, record_id, form.base, data), form.change_id)
        if saved.rejected:
            return show_form(refused(form, saved), record, 422)
        said = feedback(saved)
        flash(said.text, "ok" if said.well else "warn")
    return to("pages.contact", contact_id=record_id)


def save_edit(edit: EditRequest, change_id: str = "") -> EditResult:
    """Save it as this change, or as a new one."""
    actor = current_actor(change_id or services().new_id())
    return save(services().store, signed_in_user().book_id, actor, edit, services().clock())


def feedback(saved: EditResult) -> Feedback:
    if saved.rejected or saved.change is None:
        return Feedback(saved.rejected, False)
    names = author_names(saved.authors, signed_in_user().name)
    return feedback_of(saved.verdict, saved.change, saved.before, saved.record, names)


def refused(form: ContactForm, saved: EditResult) -> ContactForm:
    return replace(form, errors={"": saved.rejected})


def to(endpoint: str, **values: Any) -> ResponseReturnValue:
    """Go there after a form; the search stays as it was."""
    return redirect(url_for(endpoint, q=search() or None, **values), 303)
