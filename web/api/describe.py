"""What a view of the API says about itself, beside the view: what it takes, what it answers, and who may ask.

``@describes`` only takes notes; web/api/openapi.py makes them, the URL map and the schemas into one document. A test
holds every answer of the API against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from offbook.core.codes import Scope, names_by_status, names_in
from web.api.schemas import Schema

View = TypeVar("View", bound=Callable[..., Any])
Codes = tuple[str, ...]


class AuthKind(Enum):
    """Who may ask: the ways by which the view lets someone in. The names are those of the security schemes."""

    ANYONE = ()
    DEVICE = ("token", "password")
    ADMIN = ("token", "password", "session")
    LISTENER = ("token", "password", "session")


@dataclass(frozen=True, slots=True)
class EndpointDoc:
    """``answers`` and ``body`` name schemas; an empty name is no body. ``problems`` are codes by their status."""

    asks: AuthKind
    answers: Mapping[int, str]
    problems: Mapping[int, Codes]
    body: str
    query: Mapping[str, tuple[Schema, str]]
    takes: tuple[str, ...]
    gives: tuple[str, ...]


UNFIT: Mapping[int, Codes] = {422: names_in(Scope.RECORD)}
"""The codes of data that can't be stored, where a request is about one record."""

PUSH: Mapping[int, Codes] = names_by_status(Scope.PUSH)
"""What can be wrong with a push as a whole, besides that it can't be read."""

_notes: dict[tuple[str, str], EndpointDoc] = {}


def documented(
    asks: AuthKind,
    *,
    answers: Mapping[int, str],
    problems: Mapping[int, Codes] | None = None,
    body: str = "",
    query: Mapping[str, tuple[Schema, str]] | None = None,
    takes: tuple[str, ...] = (),
    gives: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Note this about the view. ``takes`` and ``gives`` name headers of the request and of a good answer."""
    scope = Scope.ANY | (Scope.BODY if body else Scope(0)) | (Scope(0) if asks is AuthKind.ANYONE else Scope.SIGNED_IN)
    noted = EndpointDoc(
        asks, answers, merged([names_by_status(scope), problems or {}]), body, query or {}, takes, gives
    )

    def note(view: View) -> View:
        _notes[view.__module__, view.__qualname__] = noted
        return view

    return note


def merged(codes: list[Mapping[int, Codes]]) -> dict[int, Codes]:
    statuses = sorted({status for one in codes for status in one})
    return {status: tuple(sorted({code for one in codes for code in one.get(status, ())})) for status in statuses}


def described(view: Callable[..., Any]) -> EndpointDoc | None:
    """What was noted about a view, however often it was wrapped since."""
    return _notes.get((view.__module__, view.__qualname__))
