"""What a program of CardDAV is told of what can't be done: a DAV:error with the condition that failed (RFC 4918, 16).

Where no standard has a condition for it, the code of the problem stands in its place, in a namespace of our own.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from offbook.core.messages import Fault
from web.carddav.xml.names import OFFBOOK, card, dav
from web.carddav.xml.writer import element, error_document
from web.errors import ApiProblem
from web.messages import carddav as messages

XML = "application/xml; charset=utf-8"

CONDITIONS: Mapping[str, bytes] = {
    "book_full": element(dav("quota-not-exceeded")),
    "disk_full": element(dav("sufficient-disk-space")),
    "body_too_large": element(card("max-resource-size")),
}
"""By code: the conditions of problems that other parts of the server raise (RFC 4331, 6; RFC 6352, 6.3.2.1)."""


class DavProblem(ApiProblem):
    """A problem whose condition a standard has: an element as bytes."""

    def __init__(
        self, status: int, fault: Fault, condition: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, fault, headers=headers)
        self.condition = condition


def render_dav_problem(problem: ApiProblem) -> Response:
    """A problem as a program of CardDAV reads it."""
    condition = problem.condition if isinstance(problem, DavProblem) else CONDITIONS.get(problem.fault.code, b"")
    words = {f"{{{OFFBOOK}}}code": problem.fault.code, f"{{{OFFBOOK}}}detail": problem.fault.detail}
    response = Response(error_document([condition], words), problem.status, content_type=XML)
    response.headers.extend(problem.headers)
    return response


def not_found() -> DavProblem:
    """The problem of an address where this user has nothing."""
    return DavProblem(404, messages.NOTHING_HERE.fault())
