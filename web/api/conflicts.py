"""Open conflicts as JSON, and a person's choice between their versions: an ordinary change that settles them."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from offbook.core.cells.validation import Json
from offbook.core.conflicts.bulk import CustomValue
from offbook.core.conflicts.codec import conflict_to_json
from offbook.core.conflicts.resolution import Choice
from offbook.core.errors import Invalid, NotFound
from offbook.core.protocol.requests import INTEGER_MAX
from services.conflicts import open_conflicts, resolve_conflict
from web.api.describe import UNFIT, AuthKind, documented
from web.api.history import render_record
from web.auth import current_device, device_actor, device_required
from web.bodies.compression import read_object, render_json
from web.current import services
from web.messages import api as messages
from web.schema_header import shown_view

conflicts = Blueprint("conflicts", __name__)


@conflicts.get("/conflicts")
@documented(AuthKind.DEVICE, answers={200: "Conflicts"})
@device_required
def index() -> Response:
    """List what waits for a person to decide, oldest first."""
    views = open_conflicts(services().store, current_device().book_id)
    shown = shown_view()
    views = [view._replace(conflict=shown.conflict(view.conflict)) for view in views]
    return render_json({"conflicts": [conflict_to_json(view) for view in views]})


@conflicts.post("/conflicts/<uuid:conflict_id>")
@documented(
    AuthKind.DEVICE,
    body="Choice",
    answers={200: "Restored"},
    problems={400: ("unknown_key",), 404: ("not_found",), **UNFIT},
)
@device_required
def choose(conflict_id: UUID) -> Response:
    """Settle a conflict: keep one version, the other, both where there is room, or a value of one's own."""
    choice, store, book_id = parse_choice(read_object("choice", "value")), services().store, current_device().book_id
    actor, now_us = device_actor(), services().clock()
    resolved = resolve_conflict(store, book_id, actor, str(conflict_id), choice, INTEGER_MAX, now_us)
    if resolved.verdict is None:
        raise NotFound.of(messages.CONFLICT_SETTLED)
    return render_record(resolved.record)


def parse_choice(body: dict[str, Json]) -> Choice | CustomValue:
    """The version that was chosen, or the value of one's own. Raises Invalid."""
    if len(body) != 1:
        raise Invalid.of(messages.NO_CHOICE)
    if "value" in body:
        value = body["value"]
        return CustomValue(tuple(value) if isinstance(value, list) else value)
    if body["choice"] not in list(Choice):
        raise Invalid.of(messages.BAD_CHOICE, choices=", ".join(Choice))
    return Choice(body["choice"])
