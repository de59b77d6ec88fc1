"""Whether the server can do its work: for what restarts it, and for what sends it requests."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from web.api.describe import AuthKind, documented
from web.current import services

health = Blueprint("health", __name__)


@health.get("/healthz")
@documented(AuthKind.ANYONE, answers={200: "Health"})
def healthz() -> ResponseReturnValue:
    """Tell whether the server is well, and whether it can store changes.

    It reads from the database: a server that can't is not well, and fails here as everywhere. One that can only read
    is well, for to restart it or to send its requests elsewhere would help nobody.
    """
    services().accounts.is_empty()
    refused = services().store.refused()
    if refused is None:
        return jsonify(status="ok", writable=True)
    return jsonify(status="ok", writable=False, code=refused.code, detail=str(refused))
