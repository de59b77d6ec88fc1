"""Two phones and a replica on one book, over a network that fails: in the end all hold the same, nothing that was typed
is lost, nothing is doubled, and nothing is written any more.

Each world comes from its seed. A phone works like DAVx5 (it names the state that it edits) or like Thunderbird (it
never does): it sends what was edited, one card after the other, and then takes what has changed, but for cards that
wait to be sent. A world that fails prints what happened in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

from offbook import Offline, Replica, Response
from offbook.core.errors import NotFound
from services.carddav.errors import PreconditionFailed
from storage.engines.database import Database
from tests.support.phone import PROPERTIES, CardHouse, Phone, card, with_line
from tests.worlds.server import Server

SEEDS = range(12)
STEPS = 40
FATES = {"arrives": 80, "lost": 8, "answer lost": 12}
POLICIES = ("merge", "merge", "last-write-wins", "ask")


class PhoneApp:
    """The program on a phone, with edits that wait to be sent."""

    def __init__(self, world: World, phone: Phone) -> None:
        self.world, self.phone = world, phone
        self.waiting: set[str] = set()
        self.new: set[str] = set()
        self.deleted: dict[str, str] = {}
        self.unlisted: set[str] = set()
        """Cards that a first list has not told of yet."""

    def edit(self) -> None:
        world, cards = self.world, self.phone.cards
        name = world.random.choice([*sorted(cards), ""])
        if not name:
            uid = str(UUID(int=world.random.getrandbits(128), version=4))
            name = f"{uid}.vcf"
            cards[name] = card(world.typed(), uid=uid)
            self.new.add(name)
            world.added += 1
        elif world.random.random() < 0.1 and name not in self.new:
            self.deleted[name] = self.phone.etags.get(name, "")
            del cards[name]
            self.waiting.discard(name)
            return
        else:
            cards[name] = with_line(cards[name], world.random.choice(PROPERTIES), world.typed())
        self.waiting.add(name)

    def sync(self) -> None:
        try:
            self._send()
            self._take()
        except Offline:
            assert not self.world.is_calm

    def _send(self) -> None:
        phone = self.phone
        for name in sorted(self.waiting):
            states = phone.etags.get(name) if phone.names_states else None
            text = phone.cards[name]
            fate = self.world.fate(f"{phone.login.device.name} puts {name} {states} {text!r}")
            if_none_match = "*" if name in self.new else None
            try:
                taken = phone.book.put(
                    *(phone.login, name, text.encode(), states or None, if_none_match, phone.form),
                    self.world.house.clock(),
                )
            except PreconditionFailed:  # its own card: the answer was lost, and it is sent again with the next sync
                assert name in self.new
                self.new.discard(name)
                self.world.log[-1] = f"refused: {name}"
                continue
            if fate == "answer lost":
                raise Offline(fate)
            phone.etags[name] = taken.etag or ""
            self.waiting.discard(name)
            self.new.discard(name)
        for name, etag in sorted(self.deleted.items()):
            fate = self.world.fate(f"{phone.login.device.name} deletes {name}")
            if_match = etag or None if phone.names_states else None
            with suppress(NotFound, PreconditionFailed):
                phone.book.delete(phone.login, name, if_match, self.world.house.clock())
            if fate == "answer lost":
                raise Offline(fate)
            del self.deleted[name]
            phone.etags.pop(name, None)

    def _take(self) -> None:
        phone = self.phone
        if not phone.token:
            self.unlisted = set(phone.cards) - self.waiting
        while True:
            fate = self.world.fate(f"{phone.login.device.name} pulls {phone.token}")
            page = phone.changes()
            if fate == "answer lost":
                raise Offline(fate)
            new = [
                entry.segment
                for entry in page.changed
                if entry.segment not in self.waiting and phone.etags.get(entry.segment) != entry.etag
            ]
            fate = self.world.fate(f"{phone.login.device.name} reads {new}")
            if fate == "answer lost":
                list(phone.book.read(phone.login, new, phone.form))
                raise Offline(fate)
            phone.fetch(*new)
            self.unlisted -= {entry.segment for entry in page.changed}
            gone = [*page.removed, *([] if page.has_more else self.unlisted)]
            for name in gone:
                if name not in self.waiting:
                    phone.cards.pop(name, None)
                    phone.etags.pop(name, None)
            phone.token = page.token
            if not page.has_more:
                self.unlisted = set()
                return


class Laptop:
    """A replica."""

    def __init__(self, world: World) -> None:
        self.world = world
        house = world.house
        self.server = Server(house.store, house.book_id, house.book_id, 1000, 1000)
        self.replica = Replica(
            house.folder / "laptop.db",
            transport=self,
            clock=lambda: house.clock() // 1000,
            new_id=house.new_id,
            rng=world.random,
        )

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        assert body is not None
        fate = self.world.fate(f"laptop {body.decode()}")
        self.server.now = self.world.house.clock()
        response = self.server.answer(body)
        if fate == "answer lost":
            raise Offline(fate)
        return response

    def edit(self) -> None:
        world = self.world
        row: dict[str, Any] = world.random.choice([*self.replica.contacts.list(), {}])
        if not row:
            self.replica.contacts.add(name=world.typed())
            world.added += 1
        elif world.random.random() < 0.1:
            self.replica.contacts.delete(row["id"])
        else:
            field = world.random.choice(["phone", "email", "notes", "title"])
            self.replica.contacts.update(row["id"], **{field: world.typed()})

    def sync(self) -> None:
        try:
            self.replica.sync()
        except Offline:
            assert not self.world.is_calm


class World:
    """All that happens comes from its seed."""

    def __init__(self, database: Database, folder: Path, now: int, seed: int) -> None:
        self.log: list[str] = []
        self.random = Random(f"phone world {seed}")
        self.house = CardHouse(database, folder, now, f"user {seed}")
        self.house.policy(POLICIES[seed % len(POLICIES)])
        self.is_calm = False
        self.added = 0
        self.texts: list[str] = []
        limit = self.random.choice([None, 2])
        self.phones = [
            PhoneApp(self, self.house.phone("davx5", limit)),
            PhoneApp(self, self.house.phone("thunderbird", limit, names_states=False)),
        ]
        self.laptop = Laptop(self)
        self.all: list[PhoneApp | Laptop] = [*self.phones, self.laptop]

    def typed(self) -> str:
        """A text that nobody typed before."""
        self.texts.append(f"t{len(self.texts)}x")
        return self.texts[-1]

    def fate(self, request: str) -> str:
        """What becomes of a request. Raises Offline where it does not arrive."""
        fate = "arrives" if self.is_calm else self.random.choices([*FATES], [*FATES.values()])[0]
        self.log.append(f"{fate}: {request}")
        if fate == "lost":
            raise Offline(fate)
        return fate

    def run(self) -> None:
        for _ in range(STEPS):
            device = self.random.choice(self.all)
            if self.random.random() < 0.6:
                device.edit()
            else:
                device.sync()
        self.is_calm = True
        for _ in range(4):
            for device in self.all:
                device.sync()

    def check(self) -> None:
        house = self.house
        rows = {id_: row for id_, row in house.rows().items() if "details" in row}  # those of conflicts have none
        for app in self.phones:
            served = {card.segment: card.content for card in self._served(app.phone)}
            assert {name: text.encode() for name, text in app.phone.cards.items()} == served
            assert len(served) == len(rows)
        shown = {row["id"]: row for row in self.laptop.replica.contacts.list()}
        for field in ("name", "phone", "email", "notes", "title"):
            assert {id_: row[field] for id_, row in shown.items()} == {id_: row[field] for id_, row in rows.items()}
        with house.store.reading(house.book_id) as book:
            entries = book.log_page(0, 100_000).entries
        created = {entry.key for entry in entries}
        assert len([key for key in created if key[0] == "contacts"]) <= self.added
        told = json.dumps([[entry.data, entry.before, [lost.value for lost in entry.beaten]] for entry in entries])
        waiting = json.dumps([self._conflicts(), *(app.phone.cards for app in self.phones)])
        lost = [text for text in self.texts if text not in told + waiting]
        assert [text for text in lost if any(text in line for line in self.log if not line.startswith("lost"))] == []
        head = self.house.cards.state(self.phones[0].phone.login).head
        for device in self.all:
            device.sync()
            device.sync()
        assert self.house.cards.state(self.phones[0].phone.login).head == head, "something is written again and again"
        assert [app.phone.sync() for app in self.phones] == [[], []]

    def _served(self, phone: Phone) -> list[Any]:
        entries = list(phone.book.entries(phone.login, phone.form))
        return list(phone.book.read(phone.login, [entry.segment for entry in entries], phone.form))

    def _conflicts(self) -> list[Any]:
        with self.house.store.reading(self.house.book_id) as book:
            return [[conflict.ours, conflict.theirs] for conflict in book.conflicts()]


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.engines("sqlite")
def test_phones_and_a_replica_end_with_the_same(database: Database, tmp_path: Path, now: int, seed: int) -> None:
    world = World(database, tmp_path, now, seed)
    try:
        world.run()
        world.check()
    except BaseException:
        print("\n".join(world.log))
        raise
    finally:
        world.laptop.replica.close()
        world.house.close()
