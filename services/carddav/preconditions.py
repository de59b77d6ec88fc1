"""What If-Match and If-None-Match say of a card (RFC 9110, section 13.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from offbook.formats.carddav.serving import ETag, parse_etag
from services import messages
from services.carddav.errors import PreconditionFailed
from storage.carddav.book_cards import CardRow

ANY = "*"


class Preconditions(NamedTuple):
    """The two headers of a request, as they came."""

    if_match: str | None = None
    if_none_match: str | None = None

    def state(self, row: CardRow | None, refuses_stale: bool) -> ETag | None:
        """The state of its card that a client names, None where it names none. Raises PreconditionFailed.

        A state that is not the present one is no reason to refuse a card, which is merged then, unless that
        ``refuses_stale``. ``row`` is the contact of this name, None where there never was one.
        """
        is_live = row is not None and not row.deleted
        if is_live and self.if_none_match is not None and _names(self.if_none_match, row):
            raise PreconditionFailed.of(messages.CARD_EXISTS)
        if self.if_match is None:
            return None
        if row is None or (self.if_match.strip() == ANY and not is_live):
            raise PreconditionFailed.of(messages.CARD_NEVER_WAS)
        if self.if_match.strip() == ANY:
            return None
        etags = _etags(self.if_match)
        if not etags:
            raise PreconditionFailed.of(messages.CARD_CHANGED)
        named = next((etag for etag in etags if etag.seq == row.seq), max(etags))
        if refuses_stale and (row.deleted or named.seq != row.seq):
            raise PreconditionFailed.of(messages.CARD_CHANGED)
        return named


def _names(header: str, row: CardRow | None) -> bool:
    return header.strip() == ANY or (row is not None and row.seq in [etag.seq for etag in _etags(header)])


def _etags(header: str) -> Sequence[ETag]:
    return [etag for text in header.split(",") if (etag := parse_etag(text)) is not None]
