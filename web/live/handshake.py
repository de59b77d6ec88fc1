"""``GET /live``: who may listen to which book, and from where. What follows is the business of web/live/connections.py.

A page begins to listen where its book was before the page was made, so that nothing in between is missed.

The handshake of a WebSocket is a request like any other: it comes through Flask, with the same tokens and sessions, the
same proxies and the same problems. Whom it lets in is left to web/server/wsgi_bridge.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, g, request

from offbook.core.model import Cursor
from offbook.core.protocol.requests import parse_cursor
from services.sync.pull import require_servable
from storage.base import ChangeOrigin
from storage.values.accounts import DeviceInfo, Session
from web import schema_header
from web.api.describe import AuthKind, documented
from web.api.schemas.basics import TEXT
from web.api.sync import SYNC_HEADERS, require_known_protocol
from web.auth import authenticate_device, origin_of
from web.current import services
from web.errors import ApiProblem
from web.messages import api as messages
from web.request_values import authorization, query
from web.schema_header import Sender, sender
from web.server.wsgi_bridge import HANDSHAKE
from web.sessions import current_session, is_signed_in, signed_in_user

live = Blueprint("live", __name__)


@dataclass(slots=True, eq=False)
class Subscriber:
    """Who listens: a device, or a person's page, which only listens. ``since`` is None for a snapshot.

    ``sender`` is what it may write to and is shown. ``device`` is the device as it was noted last, ``session`` what the
    page's browser is signed in by.
    """

    book_id: int
    since: Cursor | None
    origin: ChangeOrigin
    sender: Sender
    device: DeviceInfo | None = None
    session: Session | None = None

    @property
    def name(self) -> tuple[str, int | None]:
        """What sockets are counted by."""
        return ("device", self.origin.device_id) if self.device else ("person", self.origin.user_id)


live.before_request(require_known_protocol)
schema_header.register(live)


@live.get("/live")
@live.get("/live", websocket=True)
@documented(
    AuthKind.DEVICE_OR_SESSION,
    answers={101: ""},
    problems={
        400: ("bad_cursor", "bad_schema", "unknown_protocol"),
        403: ("wrong_origin",),
        410: ("cursor_gone",),
        426: ("upgrade_required",),
        429: ("too_many_sockets",),
    },
    query={"since": (TEXT, "A cursor that the server gave; without one, a snapshot comes first.")},
    request_headers=SYNC_HEADERS,
)
def listen() -> Response:
    """Open a WebSocket on which pages come the moment they exist, and over which a device may push."""
    text = query.text("since", None)
    since = None if text is None else parse_cursor(text)
    subscriber = device_subscriber(since) if authorization() or not is_signed_in() else page_subscriber(since)
    if since is not None:
        require_servable(services().store, subscriber.book_id, since)
    handshake = request.environ.get(HANDSHAKE)
    if handshake is None:
        raise ApiProblem(426, messages.WEBSOCKET_ONLY.fault(), headers={"Upgrade": "websocket"})
    handshake.subscriber = subscriber
    return Response()


def device_subscriber(since: Cursor | None) -> Subscriber:
    """The device whose token the handshake shows. Raises ApiProblem."""
    login = authenticate_device()
    device = services().accounts.record_seen(login.device, services().clock())
    return Subscriber(login.book_id, since, origin_of(login), sender(), device)


def page_subscriber(since: Cursor | None) -> Subscriber:
    """A page of ours: a browser sends its cookie with every page's sockets, so that only Origin tells which it is.

    A plain request opens nothing and has no Origin. By it a page learns why it got no socket: browsers don't say.
    """
    if HANDSHAKE in request.environ and request.headers.get("Origin") != request.host_url.rstrip("/"):
        raise ApiProblem(403, messages.WRONG_ORIGIN.fault())
    user = signed_in_user()
    return Subscriber(user.book_id, since, ChangeOrigin(user_id=user.id), sender(), session=current_session())


def note_cursor() -> None:
    """Note where the book is, before a page reads anything of it."""
    if is_signed_in():
        book_id = signed_in_user().book_id
        epoch, seq = services().store.latest_seqs([book_id])[book_id]
        g.cursor = Cursor(epoch, seq)


@live.app_context_processor
def cursor() -> dict[str, Any]:
    """What templates know: the cursor that their page listens from."""
    return {"cursor": g.get("cursor")}
