"""``GET /tables``: which tables the server has, as they are declared, and since when parts of them are there."""

from __future__ import annotations

from flask import Blueprint, Response, request

from services.sync.tables import declared
from web.api.describe import AuthKind, documented
from web.auth import current_book_id
from web.bodies import render_json
from web.current import services

tables = Blueprint("tables", __name__)


@tables.get("/tables")
@documented(
    AuthKind.DEVICE_OR_SESSION,
    answers={200: "Tables", 304: ""},
    request_headers=("If-None-Match",),
    response_headers=("ETag",),
)
def declarations() -> Response:
    """Get the declarations of all tables, for a device or for whoever is signed in."""
    told = declared(services().store, current_book_id())
    response = render_json(told)
    response.set_etag(told["shape"])
    response.make_conditional(request)
    return response
