"""Records of any table for plain REST clients: get, create, patch, delete. Each write is a change like any device's.

The ETag of a record is its seq. With If-Match a write happens only if nothing changed since (else 412); without it the
record as it is now is the base. The addresses are in web/api/contacts.py and web/api/tables.py.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from offbook.core.errors import Conflicting, Invalid, Malformed
from offbook.core.model import Record
from offbook.core.protocol.requests import BODY_BYTES_MAX
from offbook.core.protocol.rows import data_of
from offbook.core.schema import Table
from offbook.core.validation import UUID_TEXT, Json
from services.records import RecordChanged, create_record, delete_record, get_record, update_record
from web.api.schemas.basics import TEXT
from web.api.sync import LIMIT, LIMIT_DOC
from web.auth import current_device, device_actor
from web.bodies import loads, read_body, render_json
from web.current import services
from web.errors import ApiProblem, render_problem
from web.request_values import query

SEARCH_MAX = 200
"""A pattern of LIKE may have 50,000 bytes in SQLite, and folding can make text 18 times as long."""

LIST_QUERY = {
    "search": (TEXT | {"maxLength": SEARCH_MAX}, "Words that all must occur."),
    "after": (TEXT, "`next` of the page before."),
    "limit": (LIMIT, LIMIT_DOC),
}
"""What a list of records takes."""


def create(table: Table, prefix: str) -> Response:
    """Create the record of the body below the address ``prefix``. Raises ApiProblem, Malformed, Invalid."""
    data = _body_object(table)
    record_id = _id_of(data)
    address = {"Location": f"{prefix}/{record_id}"}
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    try:
        record, is_new = create_record(store, book_id, device_actor(), table, record_id, data, now_us)
    except Conflicting as error:
        raise ApiProblem(409, error.code, str(error), headers=address) from None
    response = _render(record, 201 if is_new else 200)
    response.headers.extend(address)
    return response


def show(table: Table, record_id: str) -> Response:
    """The record, or 304 where the client has it. Raises NotFound, RecordChanged."""
    record = get_record(services().store, current_device().book_id, table, record_id, _is_expected)
    response = _render(record)
    response.make_conditional(request)
    return response


def change(table: Table, record_id: str) -> Response:
    """Change the fields that the body names. Raises NotFound, RecordChanged, Malformed, Invalid."""
    data, store, book_id, now_us = _body_object(table), services().store, current_device().book_id, services().clock()
    return _render(update_record(store, book_id, device_actor(), table, record_id, data, _is_expected, now_us))


def delete(table: Table, record_id: str) -> Response:
    """Move the record to the trash. Raises NotFound, RecordChanged."""
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    delete_record(store, book_id, device_actor(), table, record_id, _is_expected, now_us)
    return Response(status=204)


def search_text() -> str:
    """What is searched for. Raises Malformed where it is too long."""
    text = query.text("search", "")
    if len(text) > SEARCH_MAX:
        raise Malformed("bad_search", f"A search has {SEARCH_MAX} characters at the most.")
    return text


def _body_object(table: Table) -> dict[str, Json]:
    data = loads(read_body(request, BODY_BYTES_MAX))
    if not isinstance(data, dict):
        raise Malformed("not_an_object", f"The body must be an object of the {table.singular}'s fields.")
    return data


def _id_of(data: dict[str, Json]) -> str:
    """The id that the record is to have: the client's own, or a new one. Raises Invalid."""
    record_id = data.get("id")
    if record_id is None:
        return services().new_id()
    if isinstance(record_id, str) and UUID_TEXT.fullmatch(record_id):
        return record_id.lower()
    raise Invalid("bad_id", "id must be a UUID as text; leave it out to have one made.")


def _is_expected(seq: int) -> bool:
    """Whether the client means a record as it is at this seq: without If-Match it means any."""
    return "If-Match" not in request.headers or request.if_match.contains(str(seq))


def _render(record: Record, status: int = 200) -> Response:
    """A record in wire form, with its seq as ETag."""
    response = render_json(data_of(record), status)
    response.set_etag(str(record.seq))
    return response


def _precondition_failed(error: RecordChanged) -> Response:
    """The answer where a record is not what If-Match says."""
    return render_problem(ApiProblem(412, error.code, str(error)))


def answer_changed_records(blueprint: Blueprint) -> None:
    """Let the views of a blueprint answer 412 where a record is not what If-Match says."""
    blueprint.register_error_handler(RecordChanged, _precondition_failed)
