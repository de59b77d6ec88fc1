"""Contacts for plain REST clients: list, get, create, patch, delete. Each write is a change like any device's.

The ETag of a contact is its seq. With If-Match a write happens only if nothing changed since (else 412); without it the
contact as it is now is the base.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request, url_for

from offbook.core.errors import Invalid, Malformed, NotFound
from offbook.core.messages import CANT_BE_APPLIED
from offbook.core.model import Change, Operation, Record, Value, Verdict
from offbook.core.protocol.requests import BODY_BYTES_MAX, UUID_TEXT
from offbook.core.protocol.rows import data_of
from offbook.core.schema import CONTACTS, Map
from offbook.core.validation import Json, cells_of, with_all_fields
from services.push import apply_batch
from storage.base import ReadTransaction, WriteTransaction
from web.api.describe import UNFIT, AuthKind, documented
from web.api.schemas import TEXT
from web.api.sync import LIMIT, OF_LIMIT, answer, asked_size, origin_of
from web.auth import current_device, device_required
from web.bodies import loads, read_body
from web.current import services
from web.errors import ApiProblem
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
        "limit": (LIMIT, OF_LIMIT),
    },
)
@device_required
def index() -> Response:
    """List contacts, starred first, then by name; ``search`` looks through every field."""
    after = query.text("after", None)
    contacts, next_after = services().contacts.whole_page(current_device().book_id, searched(), after, asked_size())
    return answer({"contacts": contacts, "next": next_after})


@rest.post("/contacts")
@documented(
    AuthKind.DEVICE,
    body="NewContact",
    answers={200: "Contact", 201: "Contact"},
    problems={409: ("exists",), **UNFIT},
    gives=("ETag", "Location"),
)
@device_required
def create() -> Response:
    """Create a contact. With an ``id`` of one's own, the same request may be repeated."""
    data = body_object()
    record_id = id_of(data)
    cells = cells_of(CONTACTS, data, Operation.INSERT)
    with services().store.writing(current_device().book_id) as book:
        found = book.records(CONTACTS.name, [record_id]).get((CONTACTS.name, record_id))
        record = found or write(book, record_id, Operation.INSERT, 0, cells)
    address = url_for("rest.show", contact_id=record_id)
    if found is not None and not is_repeated(found, cells):
        detail = "There is, or was, another contact with this id. PATCH it, or leave the id out."
        raise ApiProblem(409, "exists", detail, headers={"Location": address})
    response = shown(record, 200 if found else 201)
    response.headers["Location"] = address
    return response


@rest.get(CONTACT)
@documented(
    AuthKind.DEVICE,
    answers={200: "Contact", 304: ""},
    problems={404: ("not_found",), 412: ("precondition_failed",)},
    takes=("If-Match", "If-None-Match"),
    gives=("ETag",),
)
@device_required
def show(contact_id: UUID) -> Response:
    """Get one contact."""
    with services().store.reading(current_device().book_id) as book:
        record = require_if_match(book, contact_id)
    response = shown(record)
    response.make_conditional(request)
    return response


@rest.patch(CONTACT)
@documented(
    AuthKind.DEVICE,
    body="ContactChange",
    answers={200: "Contact"},
    problems={404: ("not_found",), 412: ("precondition_failed",), **UNFIT},
    takes=("If-Match",),
    gives=("ETag",),
)
@device_required
def change(contact_id: UUID) -> Response:
    """Change the fields that the body names; null empties a field or removes an entry of ``details``."""
    data = body_object()
    with services().store.writing(current_device().book_id) as book:
        record = require_if_match(book, contact_id)
        cells = cells_of(CONTACTS, with_whole_values(record, data), Operation.UPDATE)
        return shown(write(book, record.id, Operation.UPDATE, record.seq, cells))


@rest.delete(CONTACT)
@documented(
    AuthKind.DEVICE,
    answers={204: ""},
    problems={404: ("not_found",), 412: ("precondition_failed",)},
    takes=("If-Match",),
)
@device_required
def delete(contact_id: UUID) -> Response:
    """Delete a contact. It can be restored from the trash."""
    with services().store.writing(current_device().book_id) as book:
        record = require_if_match(book, contact_id)
        write(book, record.id, Operation.DELETE, record.seq, {})
    return Response(status=204)


def searched() -> str:
    text = query.text("search", "")
    if len(text) > SEARCH_MAX:
        raise Malformed("bad_search", f"A search has {SEARCH_MAX} characters at the most.")
    return text


def body_object() -> dict[str, Json]:
    data = loads(read_body(request, BODY_BYTES_MAX))
    if not isinstance(data, dict):
        raise Malformed("not_an_object", "The body must be an object of the contact's fields.")
    return data


def id_of(data: dict[str, Json]) -> str:
    given = data.get("id")
    if given is None:
        return services().new_id()
    if isinstance(given, str) and UUID_TEXT.fullmatch(given):
        return given.lower()
    raise Invalid("bad_id", "id must be a UUID as text; leave it out to have one made.")


def is_repeated(found: Record, cells: dict[str, Value]) -> bool:
    """Whether these cells are just what is there: the request was sent again, since its answer got lost."""
    return not found.deleted and found.cells == {cell: value for cell, value in cells.items() if value is not None}


def get_contact_or_404(records: dict[tuple[str, str], Record], contact_id: UUID) -> Record:
    record = records.get((CONTACTS.name, str(contact_id)))
    if record is None or record.deleted:
        raise NotFound("There is no contact with this id.")
    return record


def require_if_match(book: ReadTransaction, contact_id: UUID) -> Record:
    """The contact, if it still is what If-Match says."""
    record = get_contact_or_404(book.records(CONTACTS.name, [str(contact_id)]), contact_id)
    if "If-Match" in request.headers and not request.if_match.contains(str(record.seq)):
        raise ApiProblem(
            412, "precondition_failed", "The contact has changed since. Get it again, and repeat the change."
        )
    return record


def write(book: WriteTransaction, record_id: str, operation: Operation, base: int, cells: dict[str, Value]) -> Record:
    """Carry one change out, and give the contact as it is then."""
    login, now = current_device(), services().clock()
    made = Change(
        id=services().new_id(),
        table=CONTACTS.name,
        record_id=record_id,
        operation=operation,
        replica=login.device.uuid,
        timestamp=now // 1000,
        base=base,
        cells=cells,
    )
    pushed = apply_batch(book, origin_of(login), [made], now)
    (outcome,) = pushed.outcomes
    if outcome.verdict is Verdict.REJECTED:
        raise Invalid.from_fault(outcome.fault or CANT_BE_APPLIED.fault())
    return pushed.records[(CONTACTS.name, record_id)]


def with_whole_values(record: Record, data: dict[str, Json]) -> dict[str, Json]:
    """``data`` with the parts of a value that it leaves out as they are: a patch of the city keeps the street."""
    current = with_all_fields(CONTACTS, record.cells)
    whole = dict(data)
    for map_ in CONTACTS.maps:
        if isinstance(entries := data.get(map_.name), dict):
            whole[map_.name] = {key: _whole(map_, current[map_.name].get(key), one) for key, one in entries.items()}
    return whole


def _whole(map_: Map, current: dict[str, Any] | None, entry: Json) -> Json:
    if current is None or not isinstance(entry, dict):
        return entry
    touched = {one.name for names in map_.cells.values() if any(part.name in entry for part in names) for one in names}
    return {**{name: current.get(name) for name in sorted(touched)}, **entry}


def shown(record: Record, status: int = 200) -> Response:
    response = answer(data_of(record), status)
    response.set_etag(str(record.seq))
    return response
