"""The history of a record as JSON, and giving back what is in it. A restore is a change like any device's."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from offbook.contacts.table import BUILT_IN
from offbook.core.errors import Invalid
from offbook.core.history.codec import as_shown, entry_to_json
from offbook.core.model import Record
from offbook.core.protocol.requests import INTEGER_MAX
from offbook.core.protocol.rows import data_of
from services.history import history_page
from services.records import find_table
from services.restore import restore_values, restore_version
from web.api.describe import UNFIT, AuthKind, documented
from web.api.schemas.basics import SEQ, TEXT
from web.api.sync import LIMIT, LIMIT_DOC, page_limit
from web.auth import current_device, device_actor, device_required
from web.bodies.compression import read_object, render_json
from web.current import services
from web.messages import api as messages
from web.request_values import query
from web.schema_header import shown_view

history = Blueprint("history", __name__)

RESTORE_PROBLEMS = {400: ("unknown_key",), 404: ("not_found",), 422: (*UNFIT[422], "bad_base", "too_old")}
"""What a restore can be refused for."""

HISTORY_PROBLEMS = {400: ("bad_limit", "bad_place"), 404: ("not_found",)}
"""What the question for a history can be refused for."""

HISTORY_QUERY = {"before": (SEQ, "`next` of the page before."), "limit": (LIMIT, LIMIT_DOC)}
"""What a page of a history takes."""

FIRST_TABLE = next(iter(BUILT_IN))
"""The table of a record whose table is not named."""

OF_TABLE = {"table": (TEXT, f"The table of the record: {FIRST_TABLE}, where it is left out.")}


@history.get("/history/<uuid:record_id>")
@documented(
    AuthKind.DEVICE,
    answers={200: "History"},
    problems=HISTORY_PROBLEMS,
    query={**HISTORY_QUERY, **OF_TABLE},
)
@device_required
def show(record_id: UUID) -> Response:
    """Tell what happened to a record, the newest change first."""
    return render_history(query.text("table", FIRST_TABLE), str(record_id))


@history.post("/history/<uuid:change_id>/restore")
@documented(AuthKind.DEVICE, body="Restore", answers={200: "Restored"}, problems=RESTORE_PROBLEMS)
@device_required
def give_back(change_id: UUID) -> Response:
    """Give back the values from before or after a change: of some cells, or of all that it named."""
    body = read_object("cells", "to")
    cells, to = body.get("cells"), body.get("to", "before")
    if to not in ("before", "after"):
        raise Invalid.of(messages.BAD_SIDE)
    if cells is not None and not (isinstance(cells, list) and all(isinstance(cell, str) for cell in cells)):
        raise Invalid.of(messages.BAD_CELLS)
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    return render_record(restore_values(store, book_id, device_actor(), str(change_id), cells, to, now_us).record)


@history.post("/history/<uuid:record_id>/version")
@documented(AuthKind.DEVICE, body="Version", answers={200: "Restored"}, problems=RESTORE_PROBLEMS, query=OF_TABLE)
@device_required
def give_version_back(record_id: UUID) -> Response:
    """Make a record what it was right after a seq."""
    seq = read_object("seq").get("seq")
    if type(seq) is not int or not 0 <= seq <= INTEGER_MAX:
        raise Invalid.of(messages.BAD_SEQ)
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    key = (find_table(store, book_id, query.text("table", FIRST_TABLE)).name, str(record_id))
    return render_record(restore_version(store, book_id, device_actor(), key, seq, now_us).record)


def render_history(table: str, record_id: str) -> Response:
    """A page of the history of a record of this table. Raises NotFound, Malformed."""
    store, book_id, before = services().store, current_device().book_id, query.number("before", None, code="bad_place")
    synced = find_table(store, book_id, table)
    page = history_page(store, book_id, (synced.name, record_id), before, page_limit())
    shown = shown_view().schema.get(table, synced)
    changes = [entry_to_json(synced, as_shown(entry, shown)) for entry in page.entries]
    return render_json({"table": table, "record_id": record_id, "changes": changes, "next": page.next})


def render_record(record: Record) -> Response:
    """A record as it is after a restore or a choice."""
    shown = shown_view()
    data = data_of(record, shown if record.table.name in shown.schema else None)
    return render_json({"record": data, "seq": record.seq})
