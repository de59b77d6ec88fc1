"""Labels of contacts for plain REST clients: list, add, rename, delete, for all contacts that have one.

A label is a record like any other (web/api/records.py). Contacts name theirs in details of the kind group; whoever
renames or deletes a label changes those, as one batch.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from offbook.contacts.table import LABELS
from services.naming.renaming import count_by_record
from web.api import records
from web.api.sync import limited_page_size
from web.auth import current_device, device_required
from web.bodies import render_json
from web.current import services
from web.request_values import query

labels = Blueprint("labels", __name__)
records.answer_changed_records(labels)

LABEL = "/labels/<uuid:label_id>"


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
