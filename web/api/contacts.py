"""Contacts for plain REST clients: list, get, create, patch, delete. Each write is a change like any device's.

The ETag of a contact is its seq. With If-Match a write happens only if nothing changed since (else 412); without it the
contact as it is now is the base.
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request, url_for

from offbook.core.errors import Conflicting, Invalid, Malformed
from offbook.core.model import Record
from offbook.core.protocol.requests import BODY_BYTES_MAX
from offbook.core.protocol.rows import data_of
from offbook.core.validation import UUID_TEXT, Json
from services.contacts import ContactChanged, create_contact, delete_contact, get_contact, update_contact
from web.api.describe import UNFIT, AuthKind, documented
from web.api.schemas.basics import TEXT
from web.api.sync import LIMIT, LIMIT_DOC, limited_page_size
from web.auth import current_device, device_actor, device_required
from web.bodies import loads, read_body, render_json
from web.current import services
from web.errors import ApiProblem, render_problem
from web.request_values import query

rest = Blueprint("rest", __name__)

CONTACT = "/contacts/<uuid:contact_id>"

SEARCH_MAX = 200
"""A pattern of LIKE may have 50,000 bytes in SQLite, and folding can make text 18 times as long."""


@rest.get("/contacts")
@documented(
    AuthKind.DEVICE,
    answers={200: "Contacts"},
    problems={400: ("bad_limit", "bad_place", "bad_search")},
    query={
        "search": (TEXT | {"maxLength": SEARCH_MAX}, "Words that all must occur."),
        "after": (TEXT, "`next` of the page before."),
        "limit": (LIMIT, LIMIT_DOC),
    },
)
@device_required
def index() -> Response:
    """List contacts, starred first, then by name; ``search`` looks through every field."""
    after, size = query.text("after", None), limited_page_size()
    contacts, next_after = services().contacts.whole_page(current_device().book_id, search_text(), after, size)
    return render_json({"contacts": contacts, "next": next_after})


@rest.post("/contacts")
@documented(
    AuthKind.DEVICE,
    body="NewContact",
    answers={200: "Contact", 201: "Contact"},
    problems={409: ("exists",), **UNFIT},
    response_headers=("ETag", "Location"),
)
@device_required
def create() -> Response:
    """Create a contact. With an ``id`` of one's own, the same request may be repeated."""
    data = body_object()
    contact_id = id_of(data)
    address = {"Location": url_for("rest.show", contact_id=contact_id)}
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    try:
        record, is_new = create_contact(store, book_id, device_actor(), contact_id, data, now_us)
    except Conflicting as error:
        raise ApiProblem(409, error.code, str(error), headers=address) from None
    response = render_contact(record, 201 if is_new else 200)
    response.headers.extend(address)
    return response


@rest.get(CONTACT)
@documented(
    AuthKind.DEVICE,
    answers={200: "Contact", 304: ""},
    problems={404: ("not_found",), 412: ("precondition_failed",)},
    request_headers=("If-Match", "If-None-Match"),
    response_headers=("ETag",),
)
@device_required
def show(contact_id: UUID) -> Response:
    """Get one contact."""
    record = get_contact(services().store, current_device().book_id, str(contact_id), is_expected)
    response = render_contact(record)
    response.make_conditional(request)
    return response


@rest.patch(CONTACT)
@documented(
    AuthKind.DEVICE,
    body="ContactChange",
    answers={200: "Contact"},
    problems={404: ("not_found",), 412: ("precondition_failed",), **UNFIT},
    request_headers=("If-Match",),
    response_headers=("ETag",),
)
@device_required
def change(contact_id: UUID) -> Response:
    """Change the fields that the body names; null empties a field or removes an entry of ``details``."""
    data, store, book_id, now_us = body_object(), services().store, current_device().book_id, services().clock()
    return render_contact(update_contact(store, book_id, device_actor(), str(contact_id), data, is_expected, now_us))


@rest.delete(CONTACT)
@documented(
    AuthKind.DEVICE,
    answers={204: ""},
    problems={404: ("not_found",), 412: ("precondition_failed",)},
    request_headers=("If-Match",),
)
@device_required
def delete(contact_id: UUID) -> Response:
    """Delete a contact. It can be restored from the trash."""
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    delete_contact(store, book_id, device_actor(), str(contact_id), is_expected, now_us)
    return Response(status=204)


def search_text() -> str:
    """What is searched for. Raises Malformed where it is too long."""
    text = query.text("search", "")
    if len(text) > SEARCH_MAX:
        raise Malformed("bad_search", f"A search has {SEARCH_MAX} characters at the most.")
    return text


def body_object() -> dict[str, Json]:
    """The body, as the fields of a contact. Raises Malformed."""
    data = loads(read_body(request, BODY_BYTES_MAX))
    if not isinstance(data, dict):
        raise Malformed("not_an_object", "The body must be an object of the contact's fields.")
    return data


def id_of(data: dict[str, Json]) -> str:
    """The id that a contact is to have: the client's own, or a new one. Raises Invalid."""
    contact_id = data.get("id")
    if contact_id is None:
        return services().new_id()
    if isinstance(contact_id, str) and UUID_TEXT.fullmatch(contact_id):
        return contact_id.lower()
    raise Invalid("bad_id", "id must be a UUID as text; leave it out to have one made.")


def is_expected(seq: int) -> bool:
    """Whether the client means a contact as it is at this seq: without If-Match it means any."""
    return "If-Match" not in request.headers or request.if_match.contains(str(seq))


@rest.errorhandler(ContactChanged)
def precondition_failed(error: ContactChanged) -> Response:
    """The answer where a contact is not what If-Match says."""
    return render_problem(ApiProblem(412, error.code, str(error)))


def render_contact(record: Record, status: int = 200) -> Response:
    """A contact in wire form, with its seq as ETag."""
    response = render_json(data_of(record), status)
    response.set_etag(str(record.seq))
    return response
