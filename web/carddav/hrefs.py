"""Addresses below ``/dav/``: made of names, percent-encoded once, and read back, compared decoded.

They are paths without a host, so that they are right behind every proxy; what stands before them is the request's
SCRIPT_NAME. The name of a user may have a slash in it, so that a path is read with its user in mind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, unquote_to_bytes, urlsplit

DAV = "dav"
BOOK = "contacts"
SEGMENT_BYTES_MAX = 255
SEGMENT = re.compile(f"[^/\0-\x1f\x7f\ud800-\udfff\ufffd]{{1,{SEGMENT_BYTES_MAX}}}")
"""No slash, no control characters, no lone surrogates, and not what stands for bytes that are no text."""


class Kind(Enum):
    """What a path leads to."""

    ROOT = "root"
    PRINCIPAL = "principal"
    BOOK = "book"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class DavResource:
    """Where a path leads to; a card by its segment."""

    kind: Kind
    segment: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one user's resources. ``prefix`` is what stands before all paths, as ``/contacts``."""

    prefix: str
    user: str

    @property
    def root(self) -> str:
        """Of what is above all users."""
        return f"{quote(self.prefix)}/{DAV}/"

    @property
    def principal(self) -> str:
        """Of the user, which is also the home of the book."""
        return f"{self.root}{quote(self.user, safe='')}/"

    @property
    def book(self) -> str:
        """Of the book."""
        return f"{self.principal}{BOOK}/"

    def card(self, segment: str) -> str:
        """Of a card."""
        return self.book + quote(segment, safe="")

    def of(self, place: DavResource) -> str:
        """Of a place, with the slash at the end that collections have."""
        match place.kind:
            case Kind.ROOT:
                return self.root
            case Kind.PRINCIPAL:
                return self.principal
            case Kind.BOOK:
                return self.book
            case Kind.CARD:
                return self.card(place.segment)

    def place(self, path: str) -> DavResource | None:
        """Where a decoded path leads to that follows ``/dav/``; None where this user has nothing."""
        if not path:
            return DavResource(Kind.ROOT)
        if path in (self.user, f"{self.user}/"):
            return DavResource(Kind.PRINCIPAL)
        book = f"{self.user}/{BOOK}"
        if path in (book, f"{book}/"):
            return DavResource(Kind.BOOK)
        segment = path.removeprefix(f"{book}/")
        return DavResource(Kind.CARD, segment) if segment != path and is_segment(segment) else None

    def segment(self, href: str) -> str | None:
        """The card that an href of a request names: an absolute URL, a path, or a path that begins at the book. None
        where it can name no card of this user."""
        try:
            path = urlsplit(href).path
            decoded = unquote_to_bytes(path).decode()
        except ValueError:  # no URL, or no UTF-8
            return None
        if not path.startswith("/"):
            place = DavResource(Kind.CARD, decoded) if is_segment(decoded) else None
        else:
            place = self.place(decoded.removeprefix(self.prefix).removeprefix(f"/{DAV}/"))
        return place.segment if place and place.kind is Kind.CARD else None


def is_segment(text: str) -> bool:
    """Whether a card may be called so: a visible name that leads nowhere else, and comes back as it was."""
    if text in (".", "..") or SEGMENT.fullmatch(text) is None:
        return False
    return text.isascii() or len(text.encode()) <= SEGMENT_BYTES_MAX
