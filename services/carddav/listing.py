"""What has changed since a sync-token: by seq, which orders by commit; and what a device is to be told once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from offbook.contacts.cards.tokens import InvalidToken, SyncToken
from offbook.core.errors import CursorGone
from offbook.core.model import Cursor
from offbook.formats.carddav.serving import CardForm, form_id, listed_etag
from services.carddav.values import CardEntry, ChangesPage
from services.sync.pull import check_cursor
from storage.base import ReadTransaction
from storage.carddav.book_cards import BookCards, CardRow
from storage.carddav.device_cards import DeviceCards


class SeqSpan(NamedTuple):
    """Which seqs are listed. A first listing (``is_first``) is of what is there, without what was deleted; it ends
    where the book stood when it began, and what came since follows."""

    after: int
    up_to: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """What a page has: the cards that changed, those that are listed once more, and where it leaves the device."""

    token: SyncToken | None
    rows: Sequence[CardRow]
    again: Sequence[CardRow]
    cursor: Cursor
    has_more: bool
    is_first: bool
    has_arrived: bool
    deletions: Mapping[str, int]
    """Of contacts that the device has, the states in which they are told as removed."""

    @property
    def arrived(self) -> int:
        """The number of the answer of which the device shows that it arrived."""
        return self.token.listing if self.token else 0

    @property
    def confirmed(self) -> int | None:
        """Up to which seq the device shows that it has what it was served; None where it shows nothing."""
        if self.token is None:
            return None
        return self.token.cursor.seq if self.token.cursor.after is None else self.token.cursor.after

    @property
    def nameless(self) -> list[CardRow]:
        """Cards that have no name yet."""
        return [row for row in self.rows if row.segment is None and not row.deleted]

    def page(self, form: CardForm, names: Mapping[str, str], number: int) -> ChangesPage:
        """The answer. ``names`` are those that nameless cards were given, ``number`` is the answer's own, 0: none."""
        changed, removed = [], []
        for row in (*self.again, *self.rows):
            segment = row.segment or names.get(row.record_id)
            if segment is None:
                continue
            if not row.deleted:
                changed.append(CardEntry(segment, listed_etag(row.seq, form), row.seq))
            elif not self.is_first:
                removed.append(segment)
        token = SyncToken(self.cursor, form_id(form), number)
        return ChangesPage(changed, removed, str(token), self.has_more, self.cursor.after or self.cursor.seq)


def read_listing(
    book: ReadTransaction, cards: BookCards, device: DeviceCards, token: SyncToken | None, limit: int | None
) -> Listing:
    """What a page after this token has. Raises InvalidToken."""
    if token is not None:
        try:
            check_cursor(book, token.cursor)
        except CursorGone as gone:
            raise InvalidToken(gone.reason) from None
    arrived = token.listing if token else 0
    again = device.to_list(arrived)
    has_more = limit is not None and len(again) > limit
    again = again if limit is None else again[:limit]
    place = token.cursor if token else Cursor(book.book.epoch, book.book.seq, 0)
    span = _span(place, book.book.seq)
    rows: Sequence[CardRow] = []
    end = span.after
    if not has_more:
        room = None if limit is None else limit - len(again)
        changed_rows: Sequence[CardRow] = ()
        if span.after < span.up_to:
            changed_rows = cards.changed(span.after, span.up_to, None if room is None else room + 1, span.is_first)
        has_more = room is not None and len(changed_rows) > room
        rows = changed_rows if room is None else changed_rows[:room]
        end = span.up_to if not has_more else rows[-1].seq if rows else span.after
    listed = {row.record_id for row in again}
    deleted = {row.record_id: row.seq for row in (*rows, *again) if row.deleted and not span.is_first}
    held = device.held(sorted(deleted))
    return Listing(
        token,
        [row for row in rows if row.record_id not in listed],
        again,
        _cursor(place, span, end, has_more),
        has_more,
        span.is_first,
        device.has_listed(arrived) if arrived else False,
        {id_: seq for id_, seq in deleted.items() if id_ in held and held[id_].is_new(seq)},
    )


def _span(place: Cursor, head: int) -> SeqSpan:
    if place.after is None:
        return SeqSpan(place.seq, head, is_first=False)
    return SeqSpan(place.after, place.seq, is_first=True)


def _cursor(place: Cursor, span: SeqSpan, end: int, has_more: bool) -> Cursor:
    """Where the device is after a page. A first listing keeps the head of its beginning until it is whole."""
    if span.is_first and has_more:
        return Cursor(place.epoch, place.seq, end)
    return Cursor(place.epoch, end)
