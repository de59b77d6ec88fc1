"""The sync API: ``POST /sync`` and ``GET /changes``, and how a device compares: ``POST /verify`` and ``POST /rows``.

Bytes in, one call of a service, bytes out.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from offbook.core.cells.validation import Json
from offbook.core.protocol.requests import (
    BODY_BYTES_MAX,
    INTEGER_MAX,
    PAGE_MAX,
    PROTOCOL,
    SCHEMA_HEADER,
    Push,
    parse_cursor,
)
from offbook.core.protocol.view import View
from offbook.core.verify.ranges import parse_compare, parse_fetch
from services.sync.responses import changes, dry_run, sync
from services.sync.verify import compare, fetch
from storage.base import SHORT_PAGE, WHOLE_PAGE, PageSize
from web import schema_header
from web.api import tutorial
from web.api.describe import PUSH, AuthKind, documented
from web.api.schemas.basics import TEXT, JsonSchema
from web.api.schemas.sync import TABLES_TEXT
from web.auth import current_device, device_required, origin_of, report_device
from web.bodies.compression import loads, read_body, render_json
from web.current import services
from web.errors import ApiProblem
from web.messages import api as messages
from web.request_values import query
from web.schema_header import read_push, sender
from web.server.wsgi_bridge import CROWD
from web.telemetry.events import PushedChanges, note_sync

api = Blueprint("api", __name__)

LIMIT: JsonSchema = {"type": "integer", "minimum": 1, "maximum": INTEGER_MAX, "default": PAGE_MAX}

LIMIT_DOC = f"The longest page wanted. No page has more than {PAGE_MAX}."

ONLY_DOC = "The tables that the page is to have, by their names, with commas between. All, where it is left out."

SYNC_HEADERS = ("Offbook-Protocol", SCHEMA_HEADER)

PUSH_PROBLEMS = {**PUSH, 400: (*PUSH[400], "unknown_table")}

COMPARE_PROBLEMS = (
    *("bad_digest", "bad_ranges", "bad_schema", "bad_without", "unknown_key", "unknown_protocol", "unknown_table"),
)

CROWD_MIN = 4
"""As many requests at a time as make a crowd: Python runs one thread after the other."""

COMPARE_BYTES_MAX = 1024 * 1024
"""Far above what a question that names a page of ids takes."""


@api.before_request
def require_known_protocol() -> None:
    """A device that speaks a later protocol must hear so, and not be half understood."""
    spoken = request.headers.get("Offbook-Protocol", PROTOCOL)
    if spoken != PROTOCOL:
        raise ApiProblem(400, messages.UNKNOWN_PROTOCOL.fault(protocol=PROTOCOL, spoken=spoken[:20]))


schema_header.register(api)


@api.post("/sync", endpoint="sync")
@documented(
    AuthKind.DEVICE,
    body="PushOrTutorialChange",
    answers={200: "SyncedOrTutorialResult"},
    problems=PUSH_PROBLEMS,
    request_headers=SYNC_HEADERS,
)
@device_required
def push_and_pull() -> Response:
    """Push changes and pull what is new, in one request."""
    server, login, envelope = services(), current_device(), loads(read_body(request, BODY_BYTES_MAX))
    now_us = server.clock()
    if tutorial.is_tutorial_push(envelope):
        result = tutorial.push(server.tutorial, login, envelope, now_us)
        note_sync(PushedChanges("tutorial", login.book_id, login.device.id, [result]))
        return render_json(result)
    push = read_push(sender(), envelope, login.device.uuid)
    report_device(**device_report(push, now_us))
    result = sync(server.store, login.book_id, origin_of(login), push, now_us, page_size())
    if push.asks:
        report_cursor(result, is_single=len(push.batch) == 1)
    note_sync(PushedChanges("http", login.book_id, login.device.id, result["results"], len(result.get("changes", ()))))
    return render_json(result)


@api.post("/plan")
@documented(
    AuthKind.DEVICE,
    body="Push",
    answers={200: "Synced"},
    problems=PUSH_PROBLEMS,
    request_headers=SYNC_HEADERS,
)
@device_required
def plan() -> Response:
    """Tell what a sync with this body would do, and do nothing."""
    login = current_device()
    envelope = loads(read_body(request, BODY_BYTES_MAX))
    push = read_push(sender(), envelope, login.device.uuid)
    return render_json(dry_run(services().store, login.book_id, push, services().clock()))


@api.get("/changes", endpoint="changes")
@documented(
    AuthKind.DEVICE,
    answers={200: "PageOrTutorialRows"},
    problems={
        400: ("bad_cursor", "bad_limit", "bad_only", "bad_schema", "unknown_protocol", "unknown_table"),
        410: ("cursor_gone",),
    },
    query={
        "since": (TEXT, "A cursor that the server gave, or a time."),
        "limit": (LIMIT, LIMIT_DOC),
        "only": (TABLES_TEXT, ONLY_DOC),
    },
    request_headers=SYNC_HEADERS,
)
@device_required
def pull_changes() -> Response:
    """Pull a page of what is new since a cursor; without one, a snapshot."""
    login, since = current_device(), query.text("since", None)
    if since is not None and tutorial.is_tutorial_since(since):
        return render_json(tutorial.pull(services().tutorial, login, since))
    cursor = None if since is None else parse_cursor(since)
    page = changes(services().store, login.book_id, cursor, limited_page_size(), view_of_page())
    report_cursor(page)
    note_sync(PushedChanges("http", login.book_id, login.device.id, (), len(page["changes"])))
    return render_json(page)


@api.post("/verify")
@documented(
    AuthKind.DEVICE,
    body="Compare",
    answers={200: "Compared"},
    problems={400: COMPARE_PROBLEMS},
    request_headers=SYNC_HEADERS,
)
@device_required
def verify() -> Response:
    """Compare ranges of records by their digests."""
    body = loads(read_body(request, COMPARE_BYTES_MAX))
    request_body = parse_compare(services().store.schema, sender().shown_as_at_first, body)
    return render_json(compare(services().store, current_device().book_id, request_body))


@api.post("/rows")
@documented(
    AuthKind.DEVICE,
    body="Fetch",
    answers={200: "Fetched"},
    problems={400: ("bad_ids", "bad_schema", "unknown_key", "unknown_protocol", "unknown_table")},
    request_headers=SYNC_HEADERS,
)
@device_required
def rows() -> Response:
    """Get some records as they are now, by their ids."""
    request_body = parse_fetch(sender().view.schema, loads(read_body(request, COMPARE_BYTES_MAX)))
    return render_json(fetch(services().store, current_device().book_id, request_body, sender().view))


def view_of_page() -> View:
    """What the sender is shown, narrowed to the tables that ``only`` of the query names. Raises Malformed."""
    only = query.text("only", None)
    return sender().view if only is None else sender().view.only_of(only.split(","))


def device_report(push: Push, now_us: int) -> dict[str, Any]:
    """What a push says about its device, as ``report_device`` takes it: its clock's offset, and what it had to park."""
    offset = None if push.sent_at_ms is None else push.sent_at_ms - now_us // 1000
    return {"clock_offset_ms": offset, "parked": push.parked}


def report_cursor(page: dict[str, Json], is_single: bool = False) -> None:
    """Note how far this page brings the device; while it is in the middle of a snapshot, it is nowhere.

    The last page is worth a commit: a device may be gone for long after it. The answer to a single change is not, for
    whoever types sends the next one soon.
    """
    cursor = parse_cursor(page["cursor"])
    if cursor.after is None:
        report_device(cursor_seq=cursor.seq, at_once=not (page["more"] or is_single))


def page_limit() -> int:
    """``limit`` of the query, of which a page takes PAGE_MAX at the most; raises Malformed where it is no number."""
    return min(query.number("limit", PAGE_MAX, 1, code="bad_limit"), PAGE_MAX)


def limited_page_size() -> PageSize:
    """As ``page_size``, with no more rows than the query's ``limit``."""
    size = page_size()
    return size._replace(rows=min(page_limit(), size.rows))


def page_size() -> PageSize:
    """How long a page may be at this moment: in a crowd, each request waits for all pages that are made before."""
    crowd = request.environ.get(CROWD)
    return WHOLE_PAGE if crowd is None or crowd() < CROWD_MIN else SHORT_PAGE
