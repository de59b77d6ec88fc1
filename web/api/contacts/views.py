"""Contacts for plain REST clients: list, get, create, patch, delete, as records of any table (web/api/records.py)."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from offbook.contacts.table import CONTACTS
from storage.values.contacts import BY_NAME, SORTS
from web.api import records
from web.api.schemas.basics import TEXT
from web.api.sync import limited_page_size
from web.auth import current_device, device_required
from web.bodies.compression import render_json
from web.current import services
from web.request_values import query

rest = Blueprint("rest", __name__)
records.answer_changed_records(rest)

SORT_DOC = "By the name that is shown, by first or by last name, or what was changed last first."

CONTACT = "/contacts/<uuid:contact_id>"


@rest.get("/contacts")
@records.lists("Contacts", ("bad_sort",), {"sort": (TEXT | {"enum": list(SORTS)}, SORT_DOC)})
@device_required
def index() -> Response:
    """List contacts, starred first, then by ``sort``; ``search`` looks through every field, and finds names first."""
    after, size, sort = query.text("after", None), limited_page_size(), query.text("sort", BY_NAME)
    book_id, search = current_device().book_id, records.search_text()
    contacts, next_after = services().contacts.whole_page(book_id, search, after, size, sort)
    return render_json({"contacts": contacts, "next": next_after})


@rest.post("/contacts")
@records.creates("NewContact", "Contact")
@device_required
def create() -> Response:
    """Create a contact. With an ``id`` of one's own, the same request may be repeated."""
    return records.create(CONTACTS, f"{request.script_root}/contacts")


@rest.get(CONTACT)
@records.shows("Contact")
@device_required
def show(contact_id: UUID) -> Response:
    """Get one contact."""
    return records.show(CONTACTS, str(contact_id))


@rest.patch(CONTACT)
@records.changes("ContactChange", "Contact")
@device_required
def change(contact_id: UUID) -> Response:
    """Change the fields that the body names; null empties a field or removes an entry of ``details``."""
    return records.change(CONTACTS, str(contact_id))


@rest.delete(CONTACT)
@records.deletes
@device_required
def delete(contact_id: UUID) -> Response:
    """Delete a contact. It can be restored from the trash."""
    return records.delete(CONTACTS, str(contact_id))
