"""``GET /metrics``: the meters, for whoever has the token of METRICS_TOKEN; without that setting there is nothing."""

from __future__ import annotations

from hmac import compare_digest

from flask import Blueprint, Response

from web.current import meters, services
from web.errors import ApiProblem
from web.messages import api as messages
from web.request_values import authorization

metrics = Blueprint("metrics", __name__)

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


@metrics.get("/metrics")
def show() -> Response:
    """How the server does, as Prometheus reads it."""
    readings = meters()
    if readings is None:
        raise ApiProblem(404, messages.OF_STATUS[404].fault())
    header = authorization()
    token = header.token if header is not None and header.type == "bearer" else None
    if not compare_digest((token or "").encode("utf-8", "surrogatepass"), services().config.metrics_token.encode()):
        fault = messages.WRONG_METRICS_TOKEN.fault()
        raise ApiProblem(401, fault, headers={"WWW-Authenticate": 'Bearer realm="offbook metrics"'})
    return Response(readings.read(), content_type=CONTENT_TYPE)
