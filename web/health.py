"""Whether the server can do its work: for what restarts it, and for what sends it requests."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from web import parts
from web.describe import Asks, describes

health = Blueprint("health", __name__)


@health.get("/healthz")
@describes(Asks.ANYONE, answers={200: "Health"})
def healthz() -> ResponseReturnValue:
    """Tell whether the server is well.

    It reads from the database: a server that can't is not well, and fails here as everywhere.
    """
    parts().accounts.is_empty()
    return jsonify(status="ok")
