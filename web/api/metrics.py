"""``GET /metrics``: the meters, for whoever has the token of METRICS_TOKEN; without that setting there is nothing."""

from __future__ import annotations

from hmac import compare_digest

from flask import Blueprint, Response

from web.current import meters, services
from web.errors import CODES, ApiProblem
from web.request_values import authorization

metrics = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


@metrics.get("/metrics")
def show() -> Response:
    """How the server does, as Prometheus reads it."""
    readings = meters()
    if readings is None:
        raise ApiProblem(404, *CODES[404])
    header = authorization()
    token = header.token if header is not None and header.type == "bearer" else None
    if not compare_digest((token or "").encode("utf-8", "surrogatepass"), services().config.metrics_token.encode()):
        detail = "The token is missing or wrong. It is the server's setting METRICS_TOKEN."
        raise ApiProblem(401, "not_authorized", detail, headers={"WWW-Authenticate": 'Bearer realm="offbook metrics"'})
    return Response(readings.read(), content_type=CONTENT_TYPE)
