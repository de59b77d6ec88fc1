"""Bodies of requests: read within bounds, and refused with the condition that they fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import request

from web.bodies.compression import read_body
from web.carddav.problems import DavProblem
from web.carddav.xml.filters import UnsupportedCollation, UnsupportedFilter
from web.carddav.xml.names import card, dav
from web.carddav.xml.reader import MULTIGET_BYTES_MAX, Node, TooManyHrefs, XmlRefused, XmlTooLarge, parse_xml
from web.carddav.xml.requests import UnsupportedData, UnsupportedReport
from web.carddav.xml.writer import element

T = TypeVar("T")

REFUSALS: tuple[tuple[type[XmlRefused], tuple[int, bytes]], ...] = (
    (XmlTooLarge, (413, b"")),
    (TooManyHrefs, (507, element(dav("number-of-matches-within-limits")))),
    (UnsupportedFilter, (403, element(card("supported-filter")))),
    (UnsupportedCollation, (403, element(card("supported-collation")))),
    (UnsupportedData, (403, element(card("supported-address-data")))),
    (UnsupportedReport, (403, element(dav("supported-report")))),
    (XmlRefused, (400, b"")),
)
"""What a refusal is answered with: status and condition. The first that fits counts."""


def read_xml(parse: Callable[[Node | None], T]) -> T:
    """The value of the request's XML. ``parse`` is given None where there is no body. Raises DavProblem."""
    body = read_body(request, MULTIGET_BYTES_MAX)
    try:
        return parse(parse_xml(body) if body.strip() else None)
    except XmlRefused as refusal:
        status, condition = next(rest for kind, rest in REFUSALS if isinstance(refusal, kind))
        raise DavProblem(status, refusal.fault, condition) from None
