"""A phone that syncs a book by CardDAV, without HTTP: what a client does with sync-tokens, ETags and cards."""

from __future__ import annotations

from pathlib import Path

from offbook.contacts.cards.tokens import InvalidToken
from offbook.formats.carddav.serving import CardForm
from services.blobs import Blobs
from services.carddav.book import CardBook
from services.carddav.values import ChangesPage
from storage.blobs.decoder import Decoder
from storage.blobs.rows import BlobRows
from storage.carddav.book_cards import CardRows
from storage.carddav.device_cards import DeviceCardRows
from storage.carddav.programs import CardPrograms
from storage.engines.database import Database
from tests.support.tutorial_setup import House

MIB = 1024**2


class CardHouse(House):
    """A book with phones."""

    def __init__(self, database: Database, folder: Path, now: int, user_name: str = "ada") -> None:
        super().__init__(database, folder, now, user_name)
        self.blobs = Blobs(BlobRows(database), Decoder(), 100 * MIB)
        self.cards = CardBook(
            self.store, self.blobs, CardRows(database), DeviceCardRows(database), CardPrograms(database)
        )

    def phone(self, name: str = "phone", limit: int | None = None) -> Phone:
        return Phone(self, name, limit)


class Phone:
    """A client with all cards, by their names; ``token`` is the last that it was given."""

    def __init__(self, house: CardHouse, name: str, limit: int | None) -> None:
        self.house, self.limit = house, limit
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

    def find(self, text: str) -> str:
        """The name of the only card with this text."""
        (name,) = (name for name, card in self.cards.items() if text in card)
        return name
