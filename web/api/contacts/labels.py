"""Labels of contacts for plain REST clients: list, add, rename, delete, for all contacts that have one; and give one
to many contacts, or take it from them.

A label is a record like any other (web/api/records.py). Contacts name theirs in details of the kind group; whoever
renames or deletes a label changes those, as one batch.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from offbook.contacts.table import BUILT_IN, LABELS
from offbook.core.model import Record
from offbook.core.protocol.members import parse_members
from offbook.core.protocol.requests import BODY_BYTES_MAX
from services.naming.members import change_members
from services.naming.renaming import count_by_record
from services.records import fetch_record
from storage.base import ReadTransaction
from web.api import records
from web.api.describe import AuthKind, documented
from web.api.sync import limited_page_size
from web.auth import current_device, device_actor, device_required
from web.bodies.compression import loads, read_body, render_json
from web.current import services
from web.request_values import query

labels = Blueprint("labels", __name__)
records.answer_changed_records(labels)

LABEL = "/labels/<uuid:label_id>"

(HAVING,) = BUILT_IN.naming_maps
"""Where it stands which labels a contact has."""


@labels.get("/labels")
@records.lists("Labels")
@device_required
def index() -> Response:
    """List labels by name, each with the number of contacts that have it."""
    book_id, search, after = current_device().book_id, records.search_text(), query.text("after", None)
    page, next_after = services().records.page(book_id, LABELS.name, search, {}, after, limited_page_size())
    counts = count_by_record(services().store, book_id, LABELS, page)
    rows = [{**label, "contacts": counts[label["id"]]} for label in page]
    return render_json({"labels": rows, "next": next_after})


@labels.post("/labels")
@records.creates("NewLabel", "Label")
@device_required
def create() -> Response:
    """Add a label. One that there is already, however it is written, is answered as it is."""
    return records.create(LABELS, f"{request.script_root}/tables/{LABELS.name}")


@labels.patch(LABEL)
@records.changes("LabelChange", "Label", {409: ("exists",)})
@device_required
def change(label_id: UUID) -> Response:
    """Rename a label, in all contacts that have it: one batch."""
    return records.change(LABELS, str(label_id))


@labels.delete(LABEL)
@records.deletes
@device_required
def delete(label_id: UUID) -> Response:
    """Delete a label, and take it from all contacts that have it: one batch."""
    return records.delete(LABELS, str(label_id))


@labels.post(f"{LABEL}/contacts")
@documented(
    AuthKind.DEVICE,
    body="LabelMembers",
    answers={200: "LabelledContacts"},
    problems={400: ("bad_ids", "unknown_key"), 404: ("not_found",)},
)
@device_required
def change_contacts(label_id: UUID) -> Response:
    """Give a label to contacts, and take it from others: one batch."""
    members = parse_members(loads(read_body(request, BODY_BYTES_MAX)))

    def fetch(book: ReadTransaction) -> Record:
        return fetch_record(book, LABELS, str(label_id))

    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    report = change_members(store, book_id, device_actor(), HAVING, fetch, members, now_us)
    rejected = [{"id": id_, "code": fault.code, "detail": fault.detail} for id_, fault in report.rejected.items()]
    counts = {"added": report.added, "removed": report.removed}
    return render_json({"batch": report.written_batch, **counts, "unknown": report.unknown, "rejected": rejected})
