"""Contacts for people: the list with its search, one contact, its form, the trash.

Every address gives a whole page, and needs no script. A script asks for a part of it (``X-Fragment``) and puts that in
place: ``list`` is lines of the list, ``tools`` what it is narrowed and sorted by, ``pane`` what stands beside it,
``row`` one line, ``news`` what is said above a form that is open while others edit.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from offbook.contacts.labels import FIELDS, KINDS
from offbook.contacts.table import CONTACTS
from offbook.contacts.typed_dates import write_day
from offbook.core.errors import Invalid, NotFound
from offbook.core.formatting import format_count
from offbook.core.merge.retention import DAY_US, TRASH_DAYS, is_purged
from offbook.core.model import Operation, Record
from offbook.core.pictures import PICTURE_BYTES_MAX, photo_name, sha256_of
from offbook.core.protocol import rows
from services.edit import EditRequest, EditResult, concurrent_edits, restore_deleted, save
from services.retention import empty_trash
from storage.values.contacts import ContactRow
from web.auth import session_required
from web.current import services
from web.fragments import requested_fragment
from web.messages import pages as messages
from web.messages.pages import NO_CONTACT
from web.pages.contacts.form import (
    ContactForm,
    EntryRow,
    checked,
    data_of,
    new_form,
    open_form,
    posted_form,
    with_photo,
    with_row,
    without_row,
)
from web.pages.contacts.form_dates import requested_style, with_stored_days, with_typed_days
from web.pages.contacts.form_faults import A_DAY, A_DAY_OF_NO_YEAR
from web.pages.contacts.list_query import LINES, labels_of_book, list_address, list_values, tool_values, whole_values
from web.presenters.edit_feedback import Feedback, author_names, concurrent_edits_notice, feedback_of, foreign_values
from web.presenters.record_words import record_name
from web.request_values import posted, query
from web.server.pools import Pool, runs_in
from web.sessions import current_actor, signed_in_user

contacts = Blueprint("contacts", __name__)


@contacts.get("/")
@session_required
def index() -> ResponseReturnValue:
    """The list, with nothing beside it."""
    if requested_fragment() == "list":
        return render_template("contacts/_list.html", **list_values())
    if requested_fragment() == "tools":
        return render_template("contacts/_list_tools.html", **tool_values(labels_of_book()))
    return render_pane("none")


@contacts.get("/c/<uuid:contact_id>")
@session_required
def show(contact_id: UUID) -> ResponseReturnValue:
    """One contact; where it is deleted, what is left of it."""
    record = get_contact_or_404(contact_id)
    data, held = rows.data_of(record), rows.data_of(record._replace(deleted=False))
    return render_pane(
        "contact",
        record=record,
        contact=data,
        held=held,
        form=open_form(held or {}, record.seq, services().new_id()),
        kinds=KINDS,
        row=row_of(record),
        waits=services().contacts.conflicts(signed_in_user().book_id, record.id),
        purged=is_purged(record),
    )


@contacts.get("/c/new")
@session_required
def new() -> ResponseReturnValue:
    """An empty form."""
    return render_form(new_form(services().new_id()), None)


@contacts.post("/c/new")
@session_required
def create() -> ResponseReturnValue:
    """Add a contact. Its id is the change's: a form that is sent twice makes one contact."""
    form = with_chosen_photo(with_stored_days(posted_form(posted.lists()), requested_style()))
    return refill_form(form, None) or save_form(form, None, Operation.INSERT)


@contacts.get("/c/<uuid:contact_id>/edit")
@session_required
def edit(contact_id: UUID) -> ResponseReturnValue:
    """The form of a contact."""
    record = get_contact_or_404(contact_id)
    if requested_fragment() == "news":
        return render_concurrent_edits(record)
    data = rows.data_of(record)
    if data is None:
        return redirect(url_for("contacts.show", contact_id=contact_id))
    return render_form(open_form(data, record.seq, services().new_id()), record)


@contacts.post("/c/<uuid:contact_id>/edit")
@session_required
def update(contact_id: UUID) -> ResponseReturnValue:
    """Save what the form changed."""
    record = get_contact_or_404(contact_id)
    form = with_chosen_photo(with_stored_days(posted_form(posted.lists(), record.cells), requested_style()))
    return refill_form(form, record) or save_form(form, record, Operation.UPDATE)


@contacts.post("/c/<uuid:contact_id>/star")
@session_required
def star(contact_id: UUID) -> ResponseReturnValue:
    """Star a contact, or take its star away."""
    record = get_contact_or_404(contact_id)
    base = query.number("base", record.seq)
    edit = EditRequest(Operation.UPDATE, record.id, base, {"starred": posted.text("starred", "") == "1"})
    saved = save_edit(edit, services().new_id())
    if requested_fragment() == "row" and saved.record is not None:
        return render_template("contacts/_row.html", row=row_of(saved.record), within=list_address())
    if query.text("from", "") == "list":
        return redirect_to("contacts.index")
    return redirect_to("contacts.show", contact_id=contact_id)


@contacts.post("/c/<uuid:contact_id>/delete")
@session_required
def delete(contact_id: UUID) -> ResponseReturnValue:
    """Move a contact to the trash, unless somebody edited it since it was shown."""
    record = get_contact_or_404(contact_id)
    base = posted.number("base", record.seq)
    change_id = posted.uuid("change_id", "") or services().new_id()
    saved = save_edit(EditRequest(Operation.DELETE, record.id, base), change_id)
    if saved.record is None or not saved.record.deleted:
        flash(feedback_on(saved).text, "warn")
        return redirect_to("contacts.show", contact_id=contact_id)
    undo = url_for("contacts.restore", contact_id=contact_id)
    flash({"text": messages.CONTACT_DELETED.sentence(contact=record_name(record)), "undo": undo}, "undo")  # type: ignore[arg-type]
    return redirect_to("contacts.index")


@contacts.post("/c/<uuid:contact_id>/restore")
@session_required
def restore(contact_id: UUID) -> ResponseReturnValue:
    """Bring a contact back from the trash."""
    record = get_contact_or_404(contact_id)
    if is_purged(record):
        flash(messages.CONTACT_PURGED.sentence(), "warn")
        return redirect_to("contacts.show", contact_id=contact_id)
    actor = current_actor(services().new_id())
    saved = restore_deleted(services().store, signed_in_user().book_id, actor, record, services().clock())
    flash(
        saved.rejected or messages.CONTACT_RESTORED.sentence(contact=record_name(record)),
        "warn" if saved.rejected else "ok",
    )
    return redirect_to("contacts.show", contact_id=contact_id)


@contacts.get("/trash")
@session_required
def trash() -> ResponseReturnValue:
    """The deleted contacts, the last deleted first."""
    after = query.text("after", None)
    page = services().contacts.trash(signed_in_user().book_id, after, LINES)
    return render_template(
        "contacts/trash.html", page=page, after=after, now=services().clock(), days=TRASH_DAYS, day_us=DAY_US
    )


@contacts.post("/trash/empty")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def empty() -> ResponseReturnValue:
    """Forget what the deleted contacts held. The page has asked, once."""
    count = empty_trash(services().store, signed_in_user().book_id, CONTACTS)
    flash(messages.TRASH_EMPTIED.sentence(contacts=format_count(count, CONTACTS.singular)))
    return redirect_to("contacts.trash")


# --- what a page shows ---------------------------------------------------------------------------------------------


def render_pane(view: str, status: int = 200, **values: Any) -> ResponseReturnValue:
    """The pane of this view, alone or beside the list."""
    if requested_fragment() == "pane":
        return render_template("contacts/_pane_fragment.html", view=view, within=list_address(), **values), status
    return render_template("contacts/index.html", view=view, **{**whole_values(), **values}), status


def render_form(form: ContactForm, record: Record | None, status: int = 200, added: str = "") -> ResponseReturnValue:
    """A form; ``added`` is the kind of the row that was just added to it."""
    style = requested_style()
    return render_pane(
        "form",
        status,
        form=with_typed_days(form, style),
        style=style,
        days=[write_day(day, style) for day in (A_DAY, A_DAY_OF_NO_YEAR)],
        record=record,
        row=row_of(record) if record else None,
        kinds=KINDS,
        names=FIELDS,
        choices=form.label_choices(services().contacts.label_names(signed_in_user().book_id)),
        added=added,
        blank=EntryRow,
    )


def render_concurrent_edits(record: Record) -> str:
    """What others did since a form was opened that is still open."""
    base, change_id = query.number("base", record.seq), query.uuid("change_id", "")
    edits = concurrent_edits(services().store, signed_in_user().book_id, record, base, change_id)
    names = author_names(edits.authors, signed_in_user().name)
    text = concurrent_edits_notice(edits.opened, record, names, edits.policy)
    values = foreign_values(edits.opened, record, names)
    return render_template("contacts/_concurrent_edits.html", record=record, text=text, values=values)


def get_contact_or_404(contact_id: UUID) -> Record:
    """One contact of the book, a deleted one too. Raises NotFound."""
    record = services().contacts.get(signed_in_user().book_id, str(contact_id))
    if record is None:
        raise NotFound.of(NO_CONTACT)
    return record


def row_of(record: Record) -> ContactRow:
    """A contact as a line of the list."""
    texts = (record.cells.get(name) for name in ("email", "phone", "company"))
    email, phone, company = (None if text is None else str(text) for text in texts)
    return ContactRow(
        record.id,
        record_name(record),
        email,
        phone,
        company,
        bool(record.cells.get("starred")),
        record.seq,
        photo_name(record.cells.get("photo")),
    )


# --- what was sent -------------------------------------------------------------------------------------------------


def refill_form(form: ContactForm, record: Record | None) -> ResponseReturnValue | None:
    """The form with all that was typed, where a button asked for that: as it is, or with a row more or less."""
    if posted.text("show", ""):
        return render_form(form, record)
    if kind := posted.text("add", ""):
        return render_form(with_row(form, kind), record, added=kind)
    if place := posted.text("remove", ""):
        return render_form(without_row(form, place), record)
    return None


def with_chosen_photo(form: ContactForm) -> ContactForm:
    """The form with the photo that was chosen with it, which is kept at once: a form that is shown again has it."""
    if posted.text("photo_remove", ""):
        return with_photo(form, "")
    file = request.files.get("photo_file")
    if file is None or not file.filename:
        return form
    with closing(file):
        content = file.stream.read(PICTURE_BYTES_MAX + 1)
    try:
        services().blobs.put(signed_in_user().book_id, sha256_of(content), content, services().clock())
    except Invalid as error:
        return replace(form, errors={**form.errors, "photo": str(error)})
    return with_photo(form, sha256_of(content))


def save_form(form: ContactForm, record: Record | None, operation: Operation) -> ResponseReturnValue:
    """Save what a form changed and show the contact; or the form again, with what can't be saved."""
    data = data_of(form)
    form = checked(form, data, operation, requested_style())
    if form.errors:
        return render_form(form, record, 422)
    contact_id = record.id if record else form.change_id
    if data or operation is Operation.INSERT:
        saved = save_edit(EditRequest(operation, contact_id, form.base, data), form.change_id)
        if saved.rejected:
            return render_form(replace(form, errors={"": saved.rejected}), record, 422)
        feedback = feedback_on(saved)
        flash(feedback.text, "ok" if feedback.is_good else "warn")
    return redirect_to("contacts.show", contact_id=contact_id)


def save_edit(edit: EditRequest, change_id: str) -> EditResult:
    """Save it as this change."""
    server = services()
    return save(server.store, signed_in_user().book_id, current_actor(change_id), edit, server.clock())


def feedback_on(saved: EditResult) -> Feedback:
    """What became of an edit, in words."""
    if saved.rejected or saved.change is None:
        return Feedback(saved.rejected, False)
    names = author_names(saved.authors, signed_in_user().name)
    return feedback_of(saved.verdict, saved.change, saved.before, saved.record, names)


def redirect_to(endpoint: str, **values: Any) -> ResponseReturnValue:
    """Go there after a form; the list stays as it was."""
    return redirect(url_for(endpoint, **{**list_address(), **values}), 303)
