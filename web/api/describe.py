"""What a view of the API says about itself, beside the view: what it takes, what it answers, and who may call it.

``@documented`` only takes notes; web/api/openapi.py makes them, the URL map and the schemas into one document. A test
holds every answer of the API against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from offbook.core.codes import Scope, names_by_status, names_in
from web.api.schemas.basics import JsonSchema

View = TypeVar("View", bound=Callable[..., Any])
Codes = tuple[str, ...]


class AuthKind(Enum):
    """Who may call a view: the ways by which it lets someone in. The names are those of the security schemes."""

    ANYONE = ()
    DEVICE = ("token", "password")
    ADMIN = ("token", "password", "session")
    DEVICE_OR_SESSION = ("token", "password", "session")


@dataclass(frozen=True, slots=True)
class EndpointDoc:
    """What is said of a view. ``answers`` and ``body`` name schemas; an empty name is no body.

    ``body_types`` and ``answer_types`` are what a body, or that of the answer 200, is instead of JSON.

    ``problems`` are codes by their status, ``query`` has each parameter's schema and description.
    """

    auth: AuthKind
    answers: Mapping[int, str]
    problems: Mapping[int, Codes]
    body: str
    query: Mapping[str, tuple[JsonSchema, str]]
    request_headers: tuple[str, ...]
    response_headers: tuple[str, ...]
    body_types: tuple[str, ...]
    answer_types: tuple[str, ...]


UNFIT: Mapping[int, Codes] = {422: names_in(Scope.RECORD)}
"""The codes of data that can't be stored, where a request is about one record."""

PUSH: Mapping[int, Codes] = names_by_status(Scope.PUSH)
"""What can be wrong with a push as a whole, besides that it can't be read."""

_docs: dict[tuple[str, str], EndpointDoc] = {}


def documented(
    auth: AuthKind,
    *,
    answers: Mapping[int, str],
    problems: Mapping[int, Codes] | None = None,
    body: str = "",
    query: Mapping[str, tuple[JsonSchema, str]] | None = None,
    request_headers: tuple[str, ...] = (),
    response_headers: tuple[str, ...] = (),
    body_types: tuple[str, ...] = (),
    answer_types: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Note this about the view; the problems that any such request can have are added."""
    scope = Scope.ANY
    if body or body_types:
        scope |= Scope.BODY
    if auth is not AuthKind.ANYONE:
        scope |= Scope.SIGNED_IN
    codes = _merge_codes([names_by_status(scope), problems or {}])
    doc = EndpointDoc(
        auth, answers, codes, body, query or {}, request_headers, response_headers, body_types, answer_types
    )

    def note(view: View) -> View:
        _docs[view.__module__, view.__qualname__] = doc
        return view

    return note


def _merge_codes(groups: Iterable[Mapping[int, Codes]]) -> dict[int, Codes]:
    merged: dict[int, set[str]] = {}
    for group in groups:
        for status, codes in group.items():
            merged.setdefault(status, set()).update(codes)
    return {status: tuple(sorted(merged[status])) for status in sorted(merged)}


def doc_of(view: Callable[..., Any]) -> EndpointDoc | None:
    """What was noted about a view, however often it was wrapped since."""
    return _docs.get((view.__module__, view.__qualname__))
