"""A phone that syncs a book by CardDAV, without HTTP: what a client does with sync-tokens, ETags and cards."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import update

from models import Book
from offbook.contacts.cards.tokens import InvalidToken
from offbook.core.model import Verdict
from offbook.formats.carddav.serving import CardForm
from services.blobs import Blobs
from services.carddav.book import CardBook
from services.carddav.values import ChangesPage, PutResult
from storage.blobs.decoder import Decoder
from storage.blobs.rows import BlobRows
from storage.carddav.book_cards import CardRows
from storage.carddav.device_cards import DeviceCardRows
from storage.carddav.programs import CardPrograms
from storage.engines.database import Database
from tests.support.tutorial_setup import House

MIB = 1024**2

PROPERTIES = ("TEL", "EMAIL", "NOTE", "TITLE")
LINE = re.compile(rf"^(?P<name>{'|'.join(PROPERTIES)})[;:][^\r]*\r\n", re.MULTILINE)
"""A line of one of these, which is not folded."""


class CardHouse(House):
    """A book with phones."""

    def __init__(self, database: Database, folder: Path, now: int, user_name: str = "ada") -> None:
        super().__init__(database, folder, now, user_name)
        self.blobs = Blobs(BlobRows(database), Decoder(), 100 * MIB)
        self.cards = self.card_book()

    def card_book(self) -> CardBook:
        """A new one, as a server has that begins to run."""
        rows, devices = CardRows(self.database), DeviceCardRows(self.database)
        return CardBook(self.store, self.blobs, rows, devices, CardPrograms(self.database))

    def phone(self, name: str = "phone", limit: int | None = None, names_states: bool = True) -> Phone:
        return Phone(self, name, limit, names_states)

    def policy(self, name: str) -> None:
        with self.database.write() as connection:
            connection.execute(update(Book).values(policy=name))

    def values(self, record_id: str, kind: str) -> list[str]:
        """A contact's details of a kind, with the first in its column."""
        row = self.rows()[record_id]
        others = [entry["value"] for entry in row["details"].values() if entry["kind"] == kind]
        return sorted([*([row[kind]] if row.get(kind) else []), *others])


class Phone:
    """A client with all cards, by their names; ``token`` is the last that it was given. It ``names_states``: sends
    If-Match, as most programs do; Thunderbird never does."""

    def __init__(self, house: CardHouse, name: str, limit: int | None, names_states: bool) -> None:
        self.house, self.limit, self.names_states = house, limit, names_states
        self.login = house.login(name)
        self.book = house.cards
        self.form = CardForm()
        self.token = ""
        self.cards: dict[str, str] = {}
        self.etags: dict[str, str] = {}

    def changes(self) -> ChangesPage:
        return self.book.changes(self.login, self.token, self.limit, self.form)

    def sync(self) -> list[str]:
        """Take all that has changed; the names of cards that were told of, in order."""
        names: list[str] = []
        try:
            page = self.changes()
        except InvalidToken:
            self.token, self.etags = "", {}
            page = self.changes()
            names = self._take(page)
            for name in self.cards.keys() - names:
                del self.cards[name]
            return names
        names += self._take(page)
        while page.has_more:
            page = self.changes()
            names += self._take(page)
        return names

    def _take(self, page: ChangesPage) -> list[str]:
        new = [entry.segment for entry in page.changed if self.etags.get(entry.segment) != entry.etag]
        self.fetch(*new)
        for name in page.removed:
            self.cards.pop(name, None)
            self.etags.pop(name, None)
        self.token = page.token
        return [*(entry.segment for entry in page.changed), *page.removed]

    def fetch(self, *names: str) -> None:
        for card in self.book.read(self.login, names, self.form):
            if card.content is None:
                self.cards.pop(card.segment, None)
                self.etags.pop(card.segment, None)
            else:
                self.cards[card.segment] = card.content.decode()
                self.etags[card.segment] = card.etag or ""

    def put(self, name: str, card: str, if_match: str | None = None, if_none_match: str | None = None) -> PutResult:
        """Send a card, as it is held from then on."""
        now = self.house.clock()
        result = self.book.put(self.login, name, card.encode(), if_match, if_none_match, self.form, now)
        self.cards[name] = card
        self.etags[name] = result.etag or ""
        return result

    def edit(self, name: str, old: str, new: str) -> PutResult:
        """Change a text in a card, and send the whole."""
        assert old in self.cards[name]
        if_match = self.etags[name] if self.names_states else None
        return self.put(name, self.cards[name].replace(old, new), if_match or None)

    def delete(self, name: str) -> Verdict:
        if_match = self.etags[name] if self.names_states else None
        verdict = self.book.delete(self.login, name, if_match, self.house.clock())
        del self.cards[name], self.etags[name]
        return verdict

    def find(self, text: str) -> str:
        """The name of the only card with this text."""
        (name,) = (name for name, card in self.cards.items() if text in card)
        return name


def card(name: str, *lines: str, uid: str = "", version: str = "3.0") -> str:
    """The text of a card."""
    of_uid = [f"UID:{uid}"] if uid else []
    body = ["BEGIN:VCARD", f"VERSION:{version}", *of_uid, f"N:{name};;;;", f"FN:{name}", *lines, "END:VCARD", ""]
    return "\r\n".join(body)


def with_line(text: str, name: str, value: str) -> str:
    """The card with another value of this property, or with a new one."""
    places = [match for match in LINE.finditer(text) if match["name"] == name]
    if places:
        return text[: places[0].start()] + f"{name}:{value}\r\n" + text[places[0].end() :]
    return text.replace("END:VCARD", f"{name}:{value}\r\nEND:VCARD")
