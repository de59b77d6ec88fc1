"""Who is who on an import: which contact of a book a contact of a file is, by rules that join no two people.

A contact is the *same* by its id, which follows from what a row says, by its uid, or where it says nothing else than
one that is there. By its name together with an e-mail address or a number, which stand once on each side, it is one
that *changed*. By its name or its number alone it may be somebody else, and is *doubtful*: a person decides.

Pure: contacts in wire form in, matches out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from unicodedata import decimal

from offbook.contacts.table import CONTACTS
from offbook.core.search import LAST_DIGITS, phone_key
from offbook.core.text import fold_key, normalize_for_search

Contact = Mapping[str, Any]


class Likeness(StrEnum):
    """What a contact of a file is to the book."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    DOUBTFUL = "doubtful"
    DELETED = "deleted"


class Match(NamedTuple):
    """What a contact of a file is, and the id of the one in the book that it is, or may be; None where it is new."""

    likeness: Likeness
    record_id: str | None = None


def match_contacts(
    incoming: Sequence[Contact],
    existing: Iterable[Contact],
    deleted: Collection[str],
    carried: Callable[[Contact], Contact],
) -> list[Match]:
    """A match for each contact of a file, in order.

    ``deleted`` are ids of records that the book has no more; ``carried`` leaves of a contact what the file's format can
    say of one. Time and memory are linear in both sides.
    """
    book = _Book(existing, carried)
    seen = defaultdict[Hashable, int](int)
    for contact in incoming:
        for key in _strong_keys(contact):
            seen[key] += 1
    return [_match(contact, book, deleted, carried, seen) for contact in incoming]


class _Book:
    """A book's contacts, by all that one may be known by."""

    def __init__(self, existing: Iterable[Contact], carried: Callable[[Contact], Contact]) -> None:
        self.ids = set[str]()
        self.by_uid: dict[str, str] = {}
        self.by_content: dict[str, str] = {}
        self.by_strong = defaultdict[Hashable, list[str]](list)
        self.by_weak: dict[Hashable, str] = {}
        for contact in existing:
            record_id = contact["id"]
            self.ids.add(record_id)
            self.by_uid.setdefault(contact.get("uid") or record_id, record_id)
            self.by_content.setdefault(content_of(carried(contact)), record_id)
            for key in _strong_keys(contact):
                self.by_strong[key].append(record_id)
            for key in _weak_keys(contact):
                self.by_weak.setdefault(key, record_id)


def _match(
    contact: Contact,
    book: _Book,
    deleted: Collection[str],
    carried: Callable[[Contact], Contact],
    seen: Mapping[Hashable, int],
) -> Match:
    record_id = contact["id"]
    if record_id in deleted:
        return Match(Likeness.DELETED, record_id)
    if record_id in book.ids:
        return Match(Likeness.SAME, record_id)
    same = book.by_uid.get(contact.get("uid") or "") or book.by_content.get(content_of(carried(contact)))
    if same:
        return Match(Likeness.SAME, same)
    candidates = {id for key in _strong_keys(contact) if seen[key] == 1 for id in book.by_strong.get(key, ())}
    if len(candidates) == 1:
        return Match(Likeness.CHANGED, candidates.pop())
    doubtful = next((book.by_weak[key] for key in _weak_keys(contact) if key in book.by_weak), None)
    return Match(Likeness.NEW) if doubtful is None else Match(Likeness.DOUBTFUL, doubtful)


# --- what a contact is known by --------------------------------------------------------------------------------------


def content_of(contact: Contact) -> str:
    """All that a contact says, as text: two that say the same have the same, in whatever order their details stand."""
    fields = {name: contact[name] for name in CONTACTS.by_name if contact.get(name)}
    fields.pop("uid", None)
    details = sorted(
        json.dumps({name: value for name, value in entry.items() if value and name != "position"}, sort_keys=True)
        for entry in (contact.get("details") or {}).values()
    )
    return json.dumps([fields, details], sort_keys=True)


def _strong_keys(contact: Contact) -> set[Hashable]:
    name = _folded_name(contact)
    return {(name, *reach) for reach in _reaches(contact)} if name else set()


def _weak_keys(contact: Contact) -> Iterator[Hashable]:
    if name := _folded_name(contact):
        yield name
    yield from (reach for reach in _reaches(contact) if reach[0] == "phone")


def _folded_name(contact: Contact) -> str:
    return fold_key(normalize_for_search(contact.get("name") or ""))


def _reaches(contact: Contact) -> Iterator[tuple[str, str]]:
    """E-mail addresses and numbers, in the form in which they are compared."""
    entries = (contact.get("details") or {}).values()
    for kind in ("email", "phone"):
        for value in (contact.get(kind), *(entry.get("value") for entry in entries if entry.get("kind") == kind)):
            if value and (text := _email(value) if kind == "email" else number_key(value)):
                yield kind, text


def _email(value: str) -> str:
    return fold_key(value) if "@" in value else ""


def number_key(value: str) -> str:
    """The digits at a number's end by which it is known, however it begins: with a country's code, with an area's, or
    not. Empty for what has fewer, and for what is no number as a whole; an extension is no part of it."""
    key = phone_key("".join(str(decimal(letter)) if letter.isdecimal() else letter for letter in value)) or ""
    return key[-LAST_DIGITS:] if len(key.removeprefix("+")) >= LAST_DIGITS else ""


# --- what an update writes -------------------------------------------------------------------------------------------


OWN_VALUES = {"email": "email", "phone": "phone", "url": "website"}
"""The kinds whose first value is a field of the contact."""


def updating_data(existing: Contact, incoming: Contact) -> dict[str, Any]:
    """What a change writes so that a contact of the book has what one of a file says of the same person.

    Nothing is taken away: fields that the file fills are written, details that are not there yet are added; so is an
    address, a number or a site that is another than the contact's first.
    """
    data: dict[str, Any] = {
        name: incoming[name]
        for name in CONTACTS.by_name
        if incoming.get(name) and incoming[name] != existing.get(name) and name != "uid"
    }
    entries: Mapping[str, Mapping[str, Any]] = existing.get("details") or {}
    said = {_said(entry) for entry in entries.values()}
    values = {(entry.get("kind"), entry.get("value")) for entry in entries.values()}
    own = {(kind, existing[field]) for kind, field in OWN_VALUES.items() if existing.get(field)}
    added: dict[str, Any] = {}
    for key, entry in (incoming.get("details") or {}).items():
        if _said(entry) not in said and (entry.get("kind"), entry.get("value")) not in own:
            added[_free_key(key, entries.keys() | added.keys())] = dict(entry)
    for kind, field in OWN_VALUES.items():
        if existing.get(field) and field in data:
            value, label, _ = (data.pop(name, None) for name in (field, f"{field}_label", f"{field}_params"))
            if (kind, value) not in values:
                entry = {"kind": kind, "value": value} | ({"label": label} if label else {})
                added[_free_key(f"{kind}-1", entries.keys() | added.keys())] = entry
    return data | ({"details": added} if added else {})


def _said(entry: Mapping[str, Any]) -> Hashable:
    return tuple(sorted((name, value) for name, value in entry.items() if value and name != "position"))


def _free_key(key: str, used: Collection[str]) -> str:
    return next(name for name in (key, *(f"{key}-{number}" for number in range(2, len(used) + 3))) if name not in used)
