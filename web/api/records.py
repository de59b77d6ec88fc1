"""Records of any table for plain REST clients: get, create, patch, delete. Each write is a change like any device's.

The ETag of a record is its seq. With If-Match a write happens only if nothing changed since (else 412); without it the
record as it is now is the base. The addresses are those of web/api/tables.py, and of tables that have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from flask import Blueprint, Response, request

from offbook.core.cells.validation import UUID_TEXT, Json
from offbook.core.errors import Invalid, Malformed
from offbook.core.model import Record
from offbook.core.protocol.requests import BODY_BYTES_MAX
from offbook.core.protocol.rows import data_of
from offbook.core.schema import Table
from services.records import RecordChanged, RecordExists, create_record, delete_record, get_record, update_record
from web.api.describe import UNFIT, AuthKind, Codes, View, documented
from web.api.schemas.basics import TEXT, JsonSchema
from web.api.sync import LIMIT, LIMIT_DOC
from web.auth import current_device, device_actor
from web.bodies.compression import loads, read_body, render_json
from web.current import services
from web.errors import ApiProblem, render_problem
from web.messages import api as messages
from web.request_values import query

NO_CODES: Mapping[int, Codes] = MappingProxyType({})
NO_QUERY: Mapping[str, tuple[JsonSchema, str]] = MappingProxyType({})

SEARCH_MAX = 200
"""A pattern of LIKE may have 50,000 bytes in SQLite, and folding can make text 18 times as long."""

LIST_QUERY = {
    "search": (TEXT | {"maxLength": SEARCH_MAX}, "Words that all must occur."),
    "after": (TEXT, "`next` of the page before."),
    "limit": (LIMIT, LIMIT_DOC),
}
"""What a list of records takes."""

FILTERS = {
    "filters": (
        {"type": "object", "additionalProperties": TEXT},
        "Fields by their names, each with the value that it is to have; empty text asks for those without a value. "
        "Fields that are called like another parameter can't be asked for.",
    )
}
"""The parameters of a list that are named like the fields of its table."""


# --- what is said of the views ---------------------------------------------------------------------------------------


def lists(
    answer: str, more: Sequence[str] = (), more_query: Mapping[str, tuple[JsonSchema, str]] = NO_QUERY
) -> Callable[[View], View]:
    """Document a view that lists the records of a table that is always there, and what else it takes."""
    problems = {400: ("bad_limit", "bad_place", "bad_search", *more)}
    return documented(AuthKind.DEVICE, answers={200: answer}, problems=problems, query={**LIST_QUERY, **more_query})


def shows(answer: str) -> Callable[[View], View]:
    """Document a view that gets a record."""
    return documented(
        AuthKind.DEVICE,
        answers={200: answer, 304: ""},
        problems={404: ("not_found",), 412: ("precondition_failed",)},
        request_headers=("If-Match", "If-None-Match"),
        response_headers=("ETag",),
    )


def creates(body: str, answer: str, more: Mapping[int, Codes] = NO_CODES) -> Callable[[View], View]:
    """Document a view that creates a record, with what ``more`` can be wrong."""
    return documented(
        AuthKind.DEVICE,
        body=body,
        answers={200: answer, 201: answer},
        problems={409: ("exists",), **UNFIT, **more},
        response_headers=("ETag", "Location"),
    )


def changes(body: str, answer: str, more: Mapping[int, Codes] = NO_CODES) -> Callable[[View], View]:
    """Document a view that changes a record, with what ``more`` can be wrong."""
    return documented(
        AuthKind.DEVICE,
        body=body,
        answers={200: answer},
        problems={404: ("not_found",), 412: ("precondition_failed",), **UNFIT, **more},
        request_headers=("If-Match",),
        response_headers=("ETag",),
    )


def deletes(view: View) -> View:
    """Document a view that deletes a record."""
    note = documented(
        AuthKind.DEVICE,
        answers={204: ""},
        problems={404: ("not_found",), 412: ("precondition_failed",)},
        request_headers=("If-Match",),
    )
    return note(view)


# --- what the views do -----------------------------------------------------------------------------------------------


def create(table: Table, prefix: str) -> Response:
    """Create the record of the body below the address ``prefix``. Raises ApiProblem, Malformed, Invalid."""
    data = _body_object(table)
    record_id, actor, server = _own_id(data), device_actor(), services()
    try:
        record, is_new = create_record(
            server.store, current_device().book_id, actor, table, record_id, data, server.new_id(), server.clock()
        )
    except RecordExists as error:
        raise ApiProblem(409, error.fault, headers=_address(prefix, error.record_id)) from None
    response = _render(record, 201 if is_new else 200)
    response.headers.extend(_address(prefix, record.id))
    return response


def _address(prefix: str, record_id: str) -> dict[str, str]:
    return {"Location": f"{prefix}/{record_id}"}


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
        raise Malformed.of(messages.SEARCH_TOO_LONG, limit=SEARCH_MAX)
    return text


def _body_object(table: Table) -> dict[str, Json]:
    data = loads(read_body(request, BODY_BYTES_MAX))
    if not isinstance(data, dict):
        raise Malformed.of(messages.RECORD_NOT_AN_OBJECT, noun=table.singular)
    return data


def _own_id(data: dict[str, Json]) -> str | None:
    """The id that the client chose for its record; None where it leaves that to the server. Raises Invalid."""
    record_id = data.get("id")
    if record_id is None:
        return None
    if isinstance(record_id, str) and UUID_TEXT.fullmatch(record_id):
        return record_id.lower()
    raise Invalid.of(messages.BAD_RECORD_ID)


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
    return render_problem(ApiProblem(412, error.fault))


def answer_changed_records(blueprint: Blueprint) -> None:
    """Let the views of a blueprint answer 412 where a record is not what If-Match says."""
    blueprint.register_error_handler(RecordChanged, _precondition_failed)
