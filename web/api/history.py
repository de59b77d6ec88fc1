"""The history of a record as JSON, and giving back what is in it. A restore is a change like any device's."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from offbook.contacts.table import CONTACTS
from offbook.core.errors import Invalid
from offbook.core.history.codec import entry_to_json
from offbook.core.model import Record
from offbook.core.protocol.requests import INTEGER_MAX
from offbook.core.protocol.rows import data_of
from services.history import history_page
from services.restore import restore_values, restore_version
from web.api.describe import UNFIT, AuthKind, documented
from web.api.schemas.basics import SEQ
from web.api.sync import LIMIT, LIMIT_DOC, page_limit
from web.auth import current_device, device_actor, device_required
from web.bodies import read_object, render_json
from web.current import services
from web.request_values import query

history = Blueprint("history", __name__)

RESTORE_PROBLEMS = {400: ("unknown_key",), 404: ("not_found",), 422: (*UNFIT[422], "bad_base", "too_old")}
"""What a restore can be refused for."""


@history.get("/history/<uuid:record_id>")
@documented(
    AuthKind.DEVICE,
    answers={200: "History"},
    problems={400: ("bad_limit", "bad_place"), 404: ("not_found",)},
    query={"before": (SEQ, "`next` of the page before."), "limit": (LIMIT, LIMIT_DOC)},
)
@device_required
def show(record_id: UUID) -> Response:
    """Tell what happened to a record, the newest change first."""
    key = (CONTACTS.name, str(record_id))
    before = query.number("before", None, code="bad_place")
    page = history_page(services().store, current_device().book_id, key, before, page_limit())
    changes = [entry_to_json(CONTACTS, entry) for entry in page.entries]
    return render_json({"table": key[0], "record_id": key[1], "changes": changes, "next": page.next})


@history.post("/history/<uuid:change_id>/restore")
@documented(AuthKind.DEVICE, body="Restore", answers={200: "Restored"}, problems=RESTORE_PROBLEMS)
@device_required
def give_back(change_id: UUID) -> Response:
    """Give back the values from before or after a change: of some cells, or of all that it named."""
    body = read_object("cells", "to")
    cells, to = body.get("cells"), body.get("to", "before")
    if to not in ("before", "after"):
        raise Invalid("bad_choice", 'to must be "before" or "after" the change.')
    if cells is not None and not (isinstance(cells, list) and all(isinstance(cell, str) for cell in cells)):
        raise Invalid("wrong_type", "cells must be a list of names of cells; leave it out for all of the change's.")
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    return render_record(restore_values(store, book_id, device_actor(), str(change_id), cells, to, now_us).record)


@history.post("/history/<uuid:record_id>/version")
@documented(AuthKind.DEVICE, body="Version", answers={200: "Restored"}, problems=RESTORE_PROBLEMS)
@device_required
def give_version_back(record_id: UUID) -> Response:
    """Make a record what it was right after a seq."""
    seq = read_object("seq").get("seq")
    if type(seq) is not int or not 0 <= seq <= INTEGER_MAX:
        raise Invalid("bad_base", "seq must be the seq of a change in the record's history.")
    key, now_us = (CONTACTS.name, str(record_id)), services().clock()
    store, book_id = services().store, current_device().book_id
    return render_record(restore_version(store, book_id, device_actor(), key, seq, now_us).record)


def render_record(record: Record) -> Response:
    """A record as it is after a restore or a choice."""
    return render_json({"record": data_of(record), "seq": record.seq})
