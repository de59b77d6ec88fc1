"""Sync-tokens (RFC 6578): how far a device is in a book, and in which form it is served cards.

A token is that of a cursor, so that it orders by commit and outlives a restart. Where an answer lists again what lies
behind the cursor, the token has a number of its own: that it comes back shows that the answer arrived.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from offbook.core.errors import Malformed, OffbookError
from offbook.core.messages import TOKEN_GONE
from offbook.core.model import Cursor
from offbook.core.protocol.requests import parse_cursor

PREFIX = "urn:offbook:"
TOKEN = re.compile(r"urn:offbook:([0-9A-Za-z.-]{1,120})(?:~([0-9]{1,9}))?:([0-9a-f]{8})", re.ASCII)


class InvalidToken(OffbookError):
    """A sync-token that can't be served. The device is to list all cards anew.

    ``reason`` is ``form`` (cards were served in another form), ``unreadable`` (it is none of ours), or as that of
    CursorGone: ``epoch``, ``pruned``, ``unknown``.
    """

    code = "invalid_sync_token"

    def __init__(self, reason: str) -> None:
        super().__init__(TOKEN_GONE.fault(reason=reason))
        self.reason = reason


class SyncToken(NamedTuple):
    """``form`` is what tells a form of cards from all others. ``listing`` is the number of the answer that listed cards
    once more, 0 where none did."""

    cursor: Cursor
    form: str
    listing: int = 0

    def __str__(self) -> str:
        again = f"~{self.listing}" if self.listing else ""
        return f"{PREFIX}{self.cursor}{again}:{self.form}"


def parse_token(text: str, form: str) -> SyncToken | None:
    """The token that a device of this form sent; None for an empty one. Raises InvalidToken."""
    if not text.strip():
        return None
    match = TOKEN.fullmatch(text.strip())
    if match is None:
        raise InvalidToken("unreadable")
    if match[3] != form:
        raise InvalidToken("form")
    try:
        return SyncToken(parse_cursor(match[1]), form, int(match[2] or 0))
    except Malformed:
        raise InvalidToken("unreadable") from None
