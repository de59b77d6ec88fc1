"""What a device is told of the cards of a book."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from offbook.contacts.cards.tokens import SyncToken
from offbook.core.model import Cursor, Verdict
from offbook.formats.carddav.serving import CardForm, form_id


class CardBookState(NamedTuple):
    """A book as it is now: its name, the newest seq, and its epoch."""

    name: str
    head: int
    epoch: str

    def sync_token(self, form: CardForm) -> str:
        """The sync-token of now, for a device that is served this form; it is the collection's CTag too."""
        return str(SyncToken(Cursor(self.epoch, self.head), form_id(form)))


class CardEntry(NamedTuple):
    """A card in a list: its name in the path, its ETag with quotes, and when it changed.

    ``length`` are the bytes of the card, None where they were not asked for.
    """

    segment: str
    etag: str
    updated_us: int
    length: int | None = None


class ServedCard(NamedTuple):
    """A card with its bytes. Where there is no such card, ``etag`` and ``content`` are None."""

    segment: str
    etag: str | None
    content: bytes | None
    updated_us: int = 0


class ChangesPage(NamedTuple):
    """What has changed since a sync-token, and the token that goes on from there. ``head`` is its seq.

    ``has_more``: there is more than the limit that was asked for.
    """

    changed: Sequence[CardEntry]
    removed: Sequence[str]
    token: str
    has_more: bool
    head: int


class PutResult(NamedTuple):
    """What became of a card that was sent. ``etag`` is None where the card is served as other bytes than these."""

    is_created: bool
    etag: str | None
    verdict: Verdict
