"""``/tables``: which tables the server has, and the records of each of them for plain REST clients.

What is done with a record is the same for all tables (web/api/records.py).
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from offbook.core.schema import Table
from services.records import find_table
from services.sync.tables import declared
from web.api import records
from web.api.describe import AuthKind, documented
from web.api.history import HISTORY_PROBLEMS, HISTORY_QUERY, render_history
from web.api.sync import limited_page_size
from web.auth import current_book_id, current_device, device_required
from web.bodies.compression import render_json
from web.current import services
from web.request_values import query

tables = Blueprint("tables", __name__)
records.answer_changed_records(tables)

RECORDS = "/tables/<table_name>"
RECORD = f"{RECORDS}/<uuid:record_id>"


@tables.get("/tables")
@documented(
    AuthKind.DEVICE_OR_SESSION,
    answers={200: "Tables", 304: ""},
    request_headers=("If-None-Match",),
    response_headers=("ETag",),
)
def declarations() -> Response:
    """Get the declarations of all tables, for a device or for whoever is signed in."""
    body = declared(services().store, current_book_id())
    response = render_json(body)
    response.set_etag(body["shape"])
    response.make_conditional(request)
    return response


@tables.get(RECORDS)
@documented(
    AuthKind.DEVICE,
    answers={200: "Records"},
    problems={400: ("bad_filter", "bad_limit", "bad_place", "bad_search"), 404: ("not_found",)},
    query={**records.LIST_QUERY, **records.FILTERS},
)
@device_required
def index(table_name: str) -> Response:
    """List the records of a table, in its order; ``search`` looks through every text of theirs."""
    filters = {name: texts[0] for name, texts in query.lists().items() if name not in records.LIST_QUERY}
    book_id, search, after = current_device().book_id, records.search_text(), query.text("after", None)
    page, next_after = services().records.page(book_id, table_name, search, filters, after, limited_page_size())
    return render_json({"table": table_name, "records": page, "next": next_after})


@tables.post(RECORDS)
@records.creates("NewRecord", "Record", {404: ("not_found",)})
@device_required
def create(table_name: str) -> Response:
    """Create a record. With an ``id`` of one's own, or a key, the same request may be repeated."""
    return records.create(_table(table_name), f"{request.script_root}/tables/{table_name}")


@tables.get(RECORD)
@records.shows("Record")
@device_required
def show(table_name: str, record_id: UUID) -> Response:
    """Get one record."""
    return records.show(_table(table_name), str(record_id))


@tables.patch(RECORD)
@records.changes("RecordChange", "Record", {409: ("exists",)})
@device_required
def change(table_name: str, record_id: UUID) -> Response:
    """Change the fields that the body names; null empties a field or removes an entry of a map."""
    return records.change(_table(table_name), str(record_id))


@tables.delete(RECORD)
@records.deletes
@device_required
def delete(table_name: str, record_id: UUID) -> Response:
    """Delete a record. It can be restored from its history."""
    return records.delete(_table(table_name), str(record_id))


@tables.get(f"{RECORD}/history")
@documented(AuthKind.DEVICE, answers={200: "History"}, problems=HISTORY_PROBLEMS, query=HISTORY_QUERY)
@device_required
def history(table_name: str, record_id: UUID) -> Response:
    """Tell what happened to a record, the newest change first."""
    return render_history(table_name, str(record_id))


def _table(name: str) -> Table:
    """The table of this name. Raises NotFound."""
    return find_table(services().store, current_device().book_id, name)
