"""Open conflicts as JSON, and a person's choice between their versions: an ordinary change that settles them."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response

from offbook.core.conflicts.bulk import CustomValue
from offbook.core.conflicts.resolution import Choice, conflict_data
from offbook.core.errors import Invalid, NotFound
from offbook.core.protocol.requests import INTEGER_MAX
from offbook.core.validation import Json
from services.conflicts import resolve_conflict
from web.api.describe import UNFIT, AuthKind, documented
from web.api.history import body_object, by_device, restored
from web.auth import current_device, device_required
from web.bodies import render_json
from web.current import services

conflicts = Blueprint("conflicts", __name__)


@conflicts.get("/conflicts")
@documented(AuthKind.DEVICE, answers={200: "Conflicts"})
@device_required
def index() -> Response:
    """List what waits for a person to decide, oldest first."""
    with services().store.reading(current_device().book_id) as book:
        found = book.conflicts()
        authors = book.authors({id for one in found for id in (one.change_id, one.winner.change_id)})
    return render_json({"conflicts": [conflict_data(one, authors) for one in found]})


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
    pick, store, book_id = choice_of(body_object("choice", "value")), services().store, current_device().book_id
    settled = resolve_conflict(store, book_id, by_device(), str(conflict_id), pick, INTEGER_MAX, services().clock())
    if settled.verdict is None:
        raise NotFound("This conflict is not open: it was settled already.")
    return restored(settled.record)


def choice_of(asked: dict[str, Json]) -> Choice | CustomValue:
    if len(asked) != 1:
        raise Invalid("missing", 'Say either the "choice" (ours, theirs or both) or a "value" that is to stand.')
    if "value" in asked:
        value = asked["value"]
        return CustomValue(tuple(value) if isinstance(value, list) else value)
    if asked["choice"] not in list(Choice):
        raise Invalid("bad_choice", f"choice must be one of {', '.join(Choice)}.")
    return Choice(asked["choice"])
