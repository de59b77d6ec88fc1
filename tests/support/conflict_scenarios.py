"""Two devices of one person that edit the same contact offline, under ``ask``: whatever both touched waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.model import Conflict, Record
from offbook.core.protocol.requests import CHANGES_MAX, parse_change
from storage.base import ChangeOrigin
from storage.sql.store import SqlReadTransaction
from tests.support.api_client import Caller, change
from tests.support.browser import add_device, add_user, parts_of
from tests.support.pushes import push

BORN = "2026-11-18T17:00:00.000Z"
EARLY = "2026-11-18T17:06:40.000Z"
LATE = "2026-11-18T17:20:00.000Z"

HOME = {"kind": "address", "label": "Home", "value": "1 Long Street\nTown", "city": "Town"}
BOAT = {"kind": "phone", "label": "boat", "value": "555-2"}


@dataclass
class Pair:
    """A book with two devices; the laptop is always the first to sync."""

    app: App
    book: int
    laptop: Caller
    phone: Caller

    def add(self, **data: Any) -> tuple[str, int]:
        """A contact that both know: its id and seq."""
        made = change(data={"name": "Ada Lovelace"} | data, timestamp=BORN)
        return made["record_id"], self.laptop.synced(made)["results"][0]["seq"]

    def meet(
        self, contact: tuple[str, int], one: dict[str, Any] | None, other: dict[str, Any] | None, **more: Any
    ) -> None:
        """Both edit the contact as they know it (None: delete it), the laptop first."""
        for device, data, at in ((self.laptop, one, EARLY), (self.phone, other, LATE)):
            device.synced(self.edit(contact, data, timestamp=at, **more))

    def edit(self, contact: tuple[str, int], data: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        what: dict[str, Any] = {"operation": "DELETE"} if data is None else {"operation": "UPDATE", "data": data}
        return change(record_id=contact[0], base=contact[1], **what | more)

    def conflict(self, **data: Any) -> tuple[str, Conflict]:
        """A contact of which the devices set these cells to (first, then)."""
        contact = self.add()
        self.meet(contact, *({name: pair[side] for name, pair in data.items()} for side in (0, 1)))
        return contact[0], self.open()[-1]

    def open(self) -> list[Conflict]:
        with parts_of(self.app).store.reading(self.book) as book:
            assert isinstance(book, SqlReadTransaction)
            return book.conflicts()

    def record(self, contact: str) -> Record:
        found = parts_of(self.app).contacts.get(self.book, contact)
        assert found is not None
        return found


def pair(app: App, name: str = "ada") -> Pair:
    parts = parts_of(app)
    if name not in {user.name for user in parts.accounts.users()}:
        add_user(app, name)
    user = parts.accounts.user_named(name)
    parts.accounts.set_policy(user.book_id, "ask")
    laptop, phone = (Caller(app, add_device(app, name, device)[1]) for device in ("Laptop", "Phone"))
    return Pair(app, user.book_id, laptop, phone)


def every_kind(two: Pair) -> None:
    """A conflict of each kind that there is."""
    fields = two.add(phone="555-0100", notes="Met at the fair.", starred=False, title="Countess")
    two.meet(
        fields,
        {"phone": "555-0142", "notes": "Met at the fair.\nLikes looms.", "title": None},
        {"phone": "555-0199", "notes": "Met at the fair.\nWrites programs.", "title": "Analyst"},
    )
    work = {"kind": "email", "label": "Work", "value": "grace@navy.example"}
    entries = two.add(name="Grace Hopper", details={"k1": HOME, "k2": BOAT, "k3": work})
    first = {"k1": {"value": "2 Short Lane\nArlington"}, "k2": {"value": "555-0123"}, "k3": None}
    then = {"k1": {"value": "2 Short Lane\nAlexandria"}, "k2": {"value": "555-0124"}, "k3": {"label": "Yale"}}
    two.meet(entries, {"details": first}, {"details": then})
    two.meet(two.add(name="Charles Babbage", company="Engines"), None, {"company": "Engines Ltd", "phone": "555-7"})
    two.meet(two.add(name="Mary Somerville", company="Royal Society"), {"birthday": "1780-12-26"}, None)
    two.meet(two.add(name="Alan Turing", birthday="1912-06-23"), {"birthday": "1912-06-24"}, {"birthday": "--06-23"})


def many(two: Pair, number: int) -> None:
    """That many contacts with a conflict about the phone each, without a thousand requests."""
    made = [change(data={"name": f"Person {place:04}", "phone": "1"}, timestamp=BORN) for place in range(number)]
    results = push_all(two, made, "Laptop")
    seen = [(one["record_id"], seq) for one, seq in zip(made, results, strict=True)]
    for device, phone, at in (("Laptop", "2", EARLY), ("Phone", "3", LATE)):
        push_all(two, [two.edit(one, {"phone": phone}, timestamp=at) for one in seen], device)


def push_all(two: Pair, items: list[dict[str, Any]], name: str) -> list[int]:
    """Push as a device does, straight into the store. Returns the seqs."""
    parts = parts_of(two.app)
    user = parts.accounts.user_named("ada")
    device = next(one for one in parts.accounts.devices(user.id) if one.name == name)
    changes = [parse_change(BUILT_IN, item, device.uuid) for item in items]
    seqs: list[int] = []
    for start in range(0, len(changes), CHANGES_MAX):
        batch, origin = changes[start : start + CHANGES_MAX], ChangeOrigin(device.id, user.id)
        seqs += [one.seq or 0 for one in push(parts.store, two.book, origin, batch, parts.clock()).outcomes]
    return seqs
