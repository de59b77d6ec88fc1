"""Errors on their way out: problem+json (RFC 9457) for programs, a page for people, never a stack trace for either.

A problem's ``code`` is stable and for programs; its ``detail`` says what happened and what to do. Everything that is
raised on purpose below is translated here, once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, get_args

from flask import Flask, Response, current_app, render_template, request
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from offbook.core.errors import Conflicting, CursorGone, Invalid, Malformed, NotFound, NotLetIn, Pruned
from offbook.core.messages import Fault, Message
from storage.errors import RETRY_SECONDS, DatabaseDiskFull, TablesGrown, Unwritable
from web.messages import api as messages

PROBLEM = "application/problem+json"


HEADLINES: Mapping[int, str] = {
    400: "This could not be done",
    401: "You are signed out",
    403: "This is not open to you",
    404: "There is nothing here",
    405: "This address is not for that",
    409: "This does not fit what is stored",
    410: "This is not here any more",
    412: "This has changed meanwhile",
    413: "This is too large",
    421: "The server does not know this name",
    422: "This can’t be stored",
    429: "Too many tries",
    500: "The server failed",
    503: "The server is busy",
    507: "The server is full",
}
"""By status, what a page says above a problem."""


class ApiProblem(Exception):
    """An error with its whole answer. Raised by views; ``more`` joins the body as further members."""

    def __init__(self, status: int, fault: Fault, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(fault.detail)
        self.status = status
        self.fault = fault
        self.headers = headers or {}
        self.more = more

    def body(self) -> bytes:
        """The answer's body."""
        return problem_json(self.status, self.fault, **self.more)


def problem_json(status: int, fault: Fault, **more: Any) -> bytes:
    """A problem as RFC 9457 has it; ``more`` are further members."""
    members = {"type": "about:blank", "title": title_of(status), "status": status}
    return json.dumps(members | {"detail": fault.detail, "code": fault.code} | more, ensure_ascii=False).encode()


def title_of(status: int) -> str:
    """What HTTP calls a status."""
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"


Renderer = Callable[[ApiProblem], Response]

RENDERERS = "PROBLEM_RENDERERS"
"""Where the app's configuration has the renderers of other forms, by blueprint and by the first word of a path."""


def render_by(app: Flask, blueprint: str, segment: str, renderer: Renderer) -> None:
    """Let problems of this blueprint, and of all paths below this segment, be rendered in a form of their own."""
    app.config.setdefault(RENDERERS, {}).update({("blueprint", blueprint): renderer, ("segment", segment): renderer})


def renderer_of(app: Flask, segment: str, blueprint: str = "") -> Renderer | None:
    """What renders the problems of a blueprint and below a segment, where these are neither JSON nor pages."""
    renderers: Mapping[tuple[str, str], Renderer] = app.config.get(RENDERERS, {})
    return renderers.get(("blueprint", blueprint)) or renderers.get(("segment", segment))


def render_problem(problem: ApiProblem) -> Response:
    """The problem in the form that this request's sender reads."""
    own = renderer_of(current_app, request.path.split("/", 2)[1], request.blueprint or "")
    if own is not None:
        return own(problem)
    if wants_json() and not is_shown_to_a_person():
        response = Response(problem.body(), problem.status, content_type=PROBLEM)
    else:
        page = render_template("error.html", title=headline_of(problem.status), problem=problem)
        response = Response(page, problem.status, mimetype="text/html")
    response.headers.extend(problem.headers)
    return response


def headline_of(status: int) -> str:
    """What stands above a problem on a page, in words."""
    return HEADLINES.get(status) or HEADLINES[500 if status >= 500 else 400]


def is_shown_to_a_person() -> bool:
    """Whether a browser asks for a page to show: only browsers say so."""
    return request.headers.get("Sec-Fetch-Dest") == "document" and request_ctx.url_adapter is not None


def wants_json() -> bool:
    """The API speaks JSON to everyone; elsewhere a client that names JSON, and not HTML, gets it."""
    if request_ctx.url_adapter is None:
        return True  # the Host header names no host: a page could not say where anything is
    first = request.path.split("/", 2)[1]
    if first in current_app.config["API_SEGMENTS"]:
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]


def from_http(error: HTTPException) -> ResponseReturnValue:
    """What Flask and werkzeug raise themselves (404, 405, 413, a redirect to the right slash, …)."""
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error
    message = messages.OF_STATUS.get(status) or Message("error", title_of(status))
    allowed = error.valid_methods if isinstance(error, MethodNotAllowed) else None
    return render_problem(
        ApiProblem(status, message.fault(), headers={"Allow": ", ".join(allowed)} if allowed else None)
    )


BUSY_SECONDS = 5
GROWN_SECONDS = 1

Translated = Malformed | NotFound | Pruned | Invalid | Conflicting | NotLetIn | CursorGone | TablesGrown | Unwritable
"""What the core and the stores raise on purpose, and a client is to hear of."""


def problem_of(error: Translated) -> ApiProblem:
    """The problem that an answer has, or a message over a socket."""
    match error:
        case Malformed():
            return ApiProblem(error.status, error.fault)
        case NotFound():
            return ApiProblem(404, error.fault)
        case Pruned():
            return ApiProblem(410, error.fault)
        case Invalid():
            return ApiProblem(422, error.fault)
        case Conflicting():
            return ApiProblem(409, error.fault)
        case NotLetIn():
            return ApiProblem(403, error.fault)
        case CursorGone():
            return ApiProblem(
                410,
                error.fault,
                reason=error.reason,
                kept=error.kept,
                book=error.book,
                takes_history=error.takes_history,
            )
        case TablesGrown():
            return ApiProblem(503, error.fault, headers={"Retry-After": str(GROWN_SECONDS)})
        case Unwritable():
            status = 507 if error.code == DatabaseDiskFull.code else 503
            return ApiProblem(status, error.fault, headers={"Retry-After": str(RETRY_SECONDS)})


def from_offbook(error: Translated) -> Response:
    """The answer with its problem."""
    return render_problem(problem_of(error))


def database_busy() -> ApiProblem:
    """That the database does not answer, or has no time."""
    return ApiProblem(503, messages.DATABASE_BUSY.fault(), headers={"Retry-After": str(BUSY_SECONDS)})


def from_database(_: Exception) -> Response:
    """It can't be reached, or is too busy: that passes. The log has all of it, since it may also be a fault of ours."""
    current_app.log_exception(sys.exc_info())
    return render_problem(database_busy())


def register(app: Flask) -> None:
    """Let the app answer with a problem to whatever is raised."""
    for failure in app.extensions["offbook"].database_failures:
        app.register_error_handler(failure, from_database)
    app.register_error_handler(ApiProblem, render_problem)
    app.register_error_handler(HTTPException, from_http)
    for kind in get_args(Translated):
        app.register_error_handler(kind, from_offbook)
