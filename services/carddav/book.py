"""The book of a device as cards: listed, read, and what has changed.

What a device is served is noted before it is: which states of each contact it may have decides what a card that it
sends changes (offbook.contacts.cards.held). Bytes are made outside of transactions, some hundred cards at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from offbook.contacts.cards.tokens import parse_token
from offbook.contacts.table import CONTACTS
from offbook.core.merge.retention import DAY_US
from offbook.core.model import Verdict
from offbook.core.pictures import photo_name
from offbook.formats.carddav.serving import CardForm, etag, form_id, listed_etag, serve
from services.blobs import Blobs
from services.carddav.listing import Listing, read_listing
from services.carddav.photos import card_photo
from services.carddav.preconditions import Preconditions
from services.carddav.values import CardBookState, CardEntry, ChangesPage, PutResult, ServedCard
from services.carddav.versions import NO_PHOTO
from services.carddav.writing import CardReceiver
from storage.carddav.book_cards import CardRow, CardRows
from storage.carddav.device_cards import DeviceCardRows
from storage.carddav.programs import CardPrograms
from storage.errors import Unwritable
from storage.sql.store import SqlStore
from storage.values.accounts import CardProgramInfo, DeviceLogin

CARDS_AT_ONCE = 500
"""So many cards are read in one transaction, and noted in one."""

PHOTO_WAIT_US = DAY_US
"""So long after a change that names a photo, its card is read again and again until the photo is there. A book's seq is
its time."""

NAMES_AT_ONCE = 2_000
"""So many contacts get their names in one transaction."""


class CardBook:
    """The cards of all books. Safe to share between threads.

    ``login`` is a device that showed its token, ``form`` how cards are written for it; ``segment`` is the last part of
    a card's path, decoded.
    """

    def __init__(
        self,
        store: SqlStore,
        blobs: Blobs,
        cards: CardRows,
        devices: DeviceCardRows,
        programs: CardPrograms,
        *,
        refuses_stale: bool = False,
    ) -> None:
        """``refuses_stale``: a card that was made from an older state than the present one is refused, not merged."""
        self._store = store
        self._blobs = blobs
        self._cards = cards
        self._devices = devices
        self._programs = programs
        self._writer = CardReceiver(store, blobs, cards, devices, programs, refuses_stale)

    def state(self, login: DeviceLogin) -> CardBookState:
        """The book as it is now."""
        with self._store.reading(login.book_id) as book:
            return CardBookState(self._cards.of(book).book_name(), book.book.seq, book.book.epoch)

    def confirm_served(self, login: DeviceLogin) -> None:
        """The device looks what has changed, without a sync-token, and so has all that it was served: what it lacks, it
        reads before it does anything else."""
        self._devices.confirm(login, self.state(login).head)

    def entries(
        self, login: DeviceLogin, form: CardForm, segments: Iterable[str] | None = None, *, with_length: bool = False
    ) -> Iterator[CardEntry]:
        """All cards, or those of these names that there are: in any order, each once.

        ``with_length`` makes every card, to count its bytes; nothing is noted as served.
        """
        with self._store.reading(login.book_id) as book:
            cards = self._cards.of(book)
            rows = cards.live() if segments is None else _renamed(cards.named(segments))
        rows = [row for row in rows if not row.deleted]
        names = self._assign(login, [row for row in rows if row.segment is None])
        named = [row._replace(segment=row.segment or names.get(row.record_id)) for row in rows]
        there = [row for row in named if row.segment is not None]
        if not with_length:
            return (CardEntry(str(row.segment), listed_etag(row.seq, form), row.seq) for row in there)
        return self._with_lengths(login, form, there)

    def _with_lengths(self, login: DeviceLogin, form: CardForm, rows: Sequence[CardRow]) -> Iterator[CardEntry]:
        for start in range(0, len(rows), CARDS_AT_ONCE):
            part = {str(row.segment): row for row in rows[start : start + CARDS_AT_ONCE]}
            with self._store.reading(login.book_id) as book:
                contacts = book.rows_of(CONTACTS.name, [row.record_id for row in part.values()])
            for segment, row in part.items():
                contact = contacts.get(row.record_id)
                if contact is not None and contact["data"] is not None:
                    content = self._content(login, contact["data"], form)
                    yield CardEntry(segment, listed_etag(contact["seq"], form), contact["seq"], len(content))

    def read(
        self,
        login: DeviceLogin,
        segments: Iterable[str],
        form: CardForm,
        *,
        is_served: bool = True,
        in_report: bool = True,
    ) -> Iterator[ServedCard]:
        """The cards of these names, each once, in their order; one that is not there is told as such.

        Without ``is_served`` they are looked at, and not given to the device. ``in_report`` their ETags are those that
        lists have, and else of these very bytes. Raises Unwritable where nothing can be
        written for so long that what is served can't be kept in mind either.
        """
        wanted = list(dict.fromkeys(segments))
        for start in range(0, len(wanted), CARDS_AT_ONCE):
            yield from self._read_some(login, wanted[start : start + CARDS_AT_ONCE], form, is_served, in_report)

    def _read_some(
        self, login: DeviceLogin, segments: Sequence[str], form: CardForm, is_served: bool, in_report: bool
    ) -> Iterator[ServedCard]:
        with self._store.reading(login.book_id) as book:
            named = self._cards.of(book).named(segments)
            ids = {segment: row.record_id for segment, row in named.items() if not row.deleted}
            rows = book.rows_of(CONTACTS.name, ids.values())
            held = self._devices.of(book, login).held(sorted(rows))
            head = book.book.seq
        new = {id_: row["seq"] for id_, row in rows.items() if id_ not in held or held[id_].is_new(row["seq"])}
        unfinished = self._without_photos(login, rows.values(), head)
        if (new or unfinished) and is_served:
            self._devices.offer(login, new, unfinished)
        without_photo = form._replace(photos=NO_PHOTO)
        for segment in segments:
            row = rows.get(ids.get(segment, ""))
            if row is None or row["data"] is None:
                yield ServedCard(segment, None, None)
            else:
                content = self._content(login, row["data"], form)
                served_form = without_photo if row["record_id"] in unfinished else form
                name = listed_etag if in_report else etag
                yield ServedCard(segment, name(row["seq"], served_form), content, row["seq"])

    def _without_photos(self, login: DeviceLogin, rows: Iterable[dict[str, Any]], head: int) -> Collection[str]:
        """The ids of those of these contacts whose photos are on their way."""
        recent = {row["record_id"]: row["data"] for row in rows if row["data"] and head - row["seq"] < PHOTO_WAIT_US}
        photos = {id_: photo for id_, data in recent.items() if (photo := photo_name(data.get("photo")))}
        lacking = self._blobs.lacking(login.book_id, set(photos.values()))
        return [id_ for id_, photo in photos.items() if photo in lacking]

    def _content(self, login: DeviceLogin, contact: dict[str, Any], form: CardForm) -> bytes:
        return serve(contact, form, partial(card_photo, self._blobs, login.book_id))

    def changes(self, login: DeviceLogin, token: str, limit: int | None, form: CardForm) -> ChangesPage:
        """What has changed since a sync-token, at most ``limit`` cards; all cards, and no removed ones, where it is
        empty. Raises InvalidToken."""
        since = parse_token(token, form_id(form))
        with self._store.reading(login.book_id) as book:
            device = self._devices.of(book, login)
            listing = read_listing(book, self._cards.of(book), device, since, limit)
            confirms = listing.confirmed is not None and device.has_offered(listing.confirmed)
        if listing.confirmed is not None and confirms:
            self._devices.confirm(login, listing.confirmed)
        names = self._assign(login, listing.nameless)
        if listing.deletions:
            self._devices.offer(login, listing.deletions)
        return listing.page(form, names, self._number(login, listing))

    def _number(self, login: DeviceLogin, listing: Listing) -> int:
        """The number of an answer that lists cards once more."""
        if not listing.again and not listing.has_arrived:
            return 0
        try:
            with self._store.writing(login.book_id) as book:
                device = self._devices.of(book, login)
                return device.list_once_more([row.record_id for row in listing.again], listing.arrived)
        except Unwritable:  # without a number the answer after it lists them again
            return 0

    def _assign(self, login: DeviceLogin, rows: Sequence[CardRow]) -> Mapping[str, str]:
        """Give names to contacts that have none; the names by the contacts' ids."""
        names: dict[str, str] = {}
        for start in range(0, len(rows), NAMES_AT_ONCE):
            part = rows[start : start + NAMES_AT_ONCE]
            try:
                with self._store.writing(login.book_id) as book:
                    names |= self._cards.of(book).assign(part)
            except Unwritable:
                with self._store.reading(login.book_id) as book:
                    defaults = self._cards.of(book).default_names(part)
                if len(defaults) < len(part):  # a card that is not listed was deleted, to a program
                    raise
                names |= defaults
        return names

    def put(
        self,
        login: DeviceLogin,
        segment: str,
        body: bytes,
        if_match: str | None,
        if_none_match: str | None,
        form: CardForm,
        now_us: int,
    ) -> PutResult:
        """Take a card, as one change. ``if_match`` and ``if_none_match`` are the headers as they came, None: absent.

        Raises PreconditionFailed, UidTaken, Conflicting (``uid_changed``: another person's card under this name),
        Malformed where it is no card that can be read or is too large, Invalid where it can't be stored, Unwritable.
        The last but one are remembered of the device.
        """
        return self._writer.put(login, segment, body, Preconditions(if_match, if_none_match), form, now_us)

    def delete(self, login: DeviceLogin, segment: str, if_match: str | None, now_us: int) -> Verdict:
        """Move a contact to the trash, where nobody wrote to it what the device has not seen: else it stays, and the
        card is listed once more. Raises NotFound, PreconditionFailed, Unwritable."""
        return self._writer.delete(login, segment, if_match, now_us)

    def note_program(self, login: DeviceLogin, program: str) -> None:
        """Note by what program the device syncs, as it calls itself. Never fails."""
        self._programs.note_program(login, program)

    def programs(self, device_ids: Iterable[int]) -> Mapping[int, CardProgramInfo]:
        """What is known of devices that sync by CardDAV, by their numbers: the program, and cards that were refused."""
        return self._programs.of_devices(list(device_ids))


def _renamed(rows: Mapping[str, CardRow]) -> list[CardRow]:
    """Contacts by the names that they were asked for by."""
    return [row._replace(segment=segment) for segment, row in rows.items()]
