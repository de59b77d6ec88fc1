"""The history of a record as JSON, and giving back what is in it. A restore is a change like any device's."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, request

from offbook.core.errors import Invalid, Malformed
from offbook.core.history.codec import entry_to_json
from offbook.core.model import Record
from offbook.core.protocol.requests import BODY_BYTES_MAX, INTEGER_MAX
from offbook.core.protocol.rows import data_of
from offbook.core.schema import CONTACTS
from offbook.core.validation import Json
from services.history import history_page
from services.restore import Actor, restore_values, restore_version
from web.api.describe import UNFIT, AuthKind, documented
from web.api.schemas.basics import SEQ
from web.api.sync import LIMIT, LIMIT_DOC, origin_of, page_limit
from web.auth import current_device, device_required
from web.bodies import loads, read_body, render_json
from web.current import services
from web.request_values import query

history = Blueprint("history", __name__)

GIVING_BACK = {400: ("unknown_key",), 404: ("not_found",), 422: (*UNFIT[422], "bad_base", "too_old")}
"""What can be wrong with asking for what was."""


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
    changes = [entry_to_json(entry) for entry in page.entries]
    return render_json({"table": key[0], "record_id": key[1], "changes": changes, "next": page.next})


@history.post("/history/<uuid:change_id>/restore")
@documented(AuthKind.DEVICE, body="Restore", answers={200: "Restored"}, problems=GIVING_BACK)
@device_required
def give_back(change_id: UUID) -> Response:
    """Give back the values from before or after a change: of some cells, or of all that it named."""
    asked = body_object("cells", "to")
    cells, to = asked.get("cells"), asked.get("to", "before")
    if to not in ("before", "after"):
        raise Invalid("bad_choice", 'to must be "before" or "after" the change.')
    if cells is not None and not (isinstance(cells, list) and all(isinstance(cell, str) for cell in cells)):
        raise Invalid("wrong_type", "cells must be a list of names of cells; leave it out for all of the change's.")
    store, now = services().store, services().clock()
    return restored(restore_values(store, current_device().book_id, by_device(), str(change_id), cells, to, now))


@history.post("/history/<uuid:record_id>/version")
@documented(AuthKind.DEVICE, body="Version", answers={200: "Restored"}, problems=GIVING_BACK)
@device_required
def give_version_back(record_id: UUID) -> Response:
    """Make a record what it was right after a seq."""
    seq = body_object("seq").get("seq")
    if type(seq) is not int or not 0 <= seq <= INTEGER_MAX:
        raise Invalid("bad_base", "seq must be the seq of a change in the record's history.")
    key, now = (CONTACTS.name, str(record_id)), services().clock()
    return restored(restore_version(services().store, current_device().book_id, by_device(), key, seq, now))


def by_device() -> Actor:
    login = current_device()
    return Actor(origin_of(login), login.device.uuid, services().new_id())


def restored(record: Record) -> Response:
    return render_json({"record": data_of(record), "seq": record.seq})


def body_object(*keys: str) -> dict[str, Json]:
    data = loads(read_body(request, BODY_BYTES_MAX))
    if not isinstance(data, dict):
        raise Malformed("not_an_object", f"The body must be an object with {' and '.join(keys)}.")
    if unknown := data.keys() - set(keys):
        raise Malformed("unknown_key", f"The request has an unknown key: {min(unknown)[:80]!a}.")
    return data
