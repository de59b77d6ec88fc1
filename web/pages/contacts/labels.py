"""The labels of a book as a page: each with its number of contacts, and the forms that add, rename and remove them.

Whoever renames or removes a label does so in all contacts that have it: one batch, which the flash that follows undoes.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.contacts.table import LABELS
from offbook.core.errors import Conflicting, Invalid, NotFound, Pruned
from offbook.core.model import Record
from services.batches import read_batch, undo_batch
from services.records import create_record, delete_record, get_record, update_record
from services.restore import Actor
from storage.values.accounts import Account
from storage.values.imports import JobState
from web.auth import session_required
from web.current import services
from web.messages import pages as messages
from web.messages.pages import NO_LABEL
from web.request_values import posted
from web.server.pools import Pool, runs_in
from web.sessions import current_actor, signed_in_user

UNDONE_AT_ONCE = 500
"""So many changes are taken back in a fraction of a second."""

contact_labels = Blueprint("contact_labels", __name__)


@contact_labels.get("/c/labels")
@session_required
def index() -> ResponseReturnValue:
    """The page."""
    return render_page()


@contact_labels.post("/c/labels")
@session_required
def create() -> ResponseReturnValue:
    """Add a label. One that there is already, however it is written, stays as it is."""
    name, actor, server = posted.text("name", "").strip(), new_actor(), services()
    try:
        label, is_new = create_record(
            server.store, signed_in_user().book_id, actor, LABELS, None, {"name": name}, server.new_id(), server.clock()
        )
    except (Invalid, Conflicting) as error:
        return render_page(sentence(error), name), 422
    message = messages.LABEL_ADDED if is_new else messages.LABEL_EXISTS
    flash(message.sentence(name=name_of(label)))
    return redirect(url_for("contact_labels.index"), 303)


@contact_labels.post("/c/labels/<uuid:label_id>/rename")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def rename(label_id: UUID) -> ResponseReturnValue:
    """Rename a label in all contacts that have it."""
    name, actor = posted.text("name", "").strip(), new_actor()
    before = fetch_label(label_id)
    store, book_id, now_us = services().store, signed_in_user().book_id, services().clock()
    if name == before.cells["name"]:
        return redirect(url_for("contact_labels.index"), 303)
    try:
        update_record(store, book_id, actor, LABELS, str(label_id), {"name": name}, is_any, now_us)
    except (Invalid, Conflicting) as error:
        return render_page(sentence(error)), 422
    flash_undo(messages.LABEL_RENAMED.sentence(before=name_of(before), name=name), actor.id)
    return redirect(url_for("contact_labels.index"), 303)


@contact_labels.post("/c/labels/<uuid:label_id>/remove")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def remove(label_id: UUID) -> ResponseReturnValue:
    """Delete a label, and take it from all contacts that have it."""
    actor, label = new_actor(), fetch_label(label_id)
    delete_record(services().store, signed_in_user().book_id, actor, LABELS, str(label_id), is_any, services().clock())
    flash_undo(messages.LABEL_REMOVED.sentence(name=name_of(label)), actor.id)
    return redirect(url_for("contact_labels.index"), 303)


@contact_labels.post("/c/labels/undo/<uuid:batch_id>")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def undo(batch_id: UUID) -> ResponseReturnValue:
    """Take back what a rename or a removal wrote, where nobody wrote since; in very many contacts beside requests."""
    server, user, batch = services(), signed_in_user(), str(batch_id)
    try:
        summary = read_batch(server.store, user.book_id, batch)
        if sum(summary.changes.values()) > UNDONE_AT_ONCE:
            return undo_beside_requests(user, batch)
        report = undo_batch(server.store, user.book_id, new_actor(), batch, server.clock())
    except Pruned as error:
        flash(str(error), "warn")
    else:
        flash(messages.UNDONE_IN_PART.sentence() if report.kept else messages.UNDONE.sentence())
    return redirect(url_for("contact_labels.index"), 303)


def undo_beside_requests(user: Account, batch: str) -> ResponseReturnValue:
    """Begin to undo it, and show how far that is; where something else goes on, it can be asked for again."""
    imports = services().imports
    job = imports.current(user.id, user.book_id)
    if job is not None and job.state is JobState.RUNNING and job.undoes != batch:
        flash_undo(messages.UNDO_WAITS.sentence(), batch)
        return redirect(url_for("contact_labels.index"), 303)
    imports.start_undo(user.id, user.book_id, batch, "the change of labels")
    return redirect(url_for("import_export.progress"), 303)


def is_any(seq: int) -> bool:
    """A person means the label as it is."""
    return True


def new_actor() -> Actor:
    """Who is signed in, for a batch of changes."""
    return current_actor(services().new_id())


def fetch_label(label_id: UUID) -> Record:
    """A label of the book. Raises NotFound."""
    try:
        return get_record(services().store, signed_in_user().book_id, LABELS, str(label_id), is_any)
    except NotFound:
        raise NotFound.of(NO_LABEL) from None


def name_of(label: Record) -> str:
    """What a label is called."""
    return str(label.cells["name"])


def sentence(error: Invalid | Conflicting) -> str:
    """Why a label can't be called so."""
    return f"The name {error.reason}" if isinstance(error, Invalid) and error.field else str(error)


def flash_undo(text: str, batch: str) -> None:
    """Say what was done, beside a button that takes it back."""
    undo_address = url_for("contact_labels.undo", batch_id=batch)
    flash({"text": text, "undo": undo_address, "whole": True}, "undo")  # type: ignore[arg-type]


def render_page(error: str = "", name: str = "") -> str:
    """The page, with what was wrong with the name that was sent."""
    labels = services().contacts.labels(signed_in_user().book_id)
    return render_template("contacts/labels.html", labels=labels, error=error, name=name)
