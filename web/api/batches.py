"""What acts wrote to the book as JSON, and undoing it: an undo is changes like any device's, and a batch itself."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from offbook.core.history.batch_codec import batch_to_json, undo_to_json
from services.batches import list_batches, read_batch, undo_batch
from web.api.describe import AuthKind, documented
from web.api.schemas.basics import SEQ
from web.api.sync import LIMIT, LIMIT_DOC, page_limit
from web.auth import current_device, device_actor, device_required
from web.bodies.compression import render_json
from web.current import services
from web.request_values import query

batches = Blueprint("batches", __name__)

UNKNOWN = {404: ("not_found",), 410: ("pruned",)}


@batches.get("/batches")
@documented(
    AuthKind.DEVICE,
    answers={200: "Batches"},
    problems={400: ("bad_limit", "bad_place")},
    query={"before": (SEQ, "`next` of the page before."), "limit": (LIMIT, LIMIT_DOC)},
)
@device_required
def index() -> Response:
    """List what imports, restores and other acts wrote together, the newest first."""
    limit, before = page_limit(), query.number("before", None, code="bad_place")
    page = list_batches(services().store, current_device().book_id, limit + 1, before)
    shown = page[:limit]
    next_ = shown[-1].last if len(page) > limit else None
    return render_json({"batches": [batch_to_json(batch) for batch in shown], "next": next_})


@batches.get("/batches/<uuid:batch_id>")
@documented(AuthKind.DEVICE, answers={200: "Batch"}, problems=UNKNOWN)
@device_required
def show(batch_id: UUID) -> Response:
    """Tell about one of them."""
    return render_json(batch_to_json(read_batch(services().store, current_device().book_id, str(batch_id))))


@batches.post("/batches/<uuid:batch_id>/undo")
@documented(AuthKind.DEVICE, answers={200: "Undone"}, problems=UNKNOWN)
@device_required
def undo(batch_id: UUID) -> Response:
    """Take back what it wrote, where nobody wrote since. Asked for twice, it is done once."""
    store, book_id, now_us = services().store, current_device().book_id, services().clock()
    report = undo_batch(store, book_id, device_actor(), str(batch_id), now_us)
    return render_json(undo_to_json(report))
