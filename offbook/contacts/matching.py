"""Who is who on an import: which contact of a book a contact of a file is, by rules that join no two people.

A contact is the *same* by its id, which follows from what a row says, by its uid, or where it says nothing else than
one that is there. By its name together with an e-mail address or a number, which stand once on each side, it is one
that *changed*. By its name or its number alone it may be somebody else, and is *doubtful*: a person decides.

Pure: contacts in wire form in, matches out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple
from unicodedata import decimal

from offbook.contacts.labels import with_site_labels
from offbook.contacts.table import CONTACTS
from offbook.core.cells.json_data import change_data
from offbook.core.merge.composite import completed_data
from offbook.core.model import Record
from offbook.core.schema import EXISTS
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


NEW = Match(Likeness.NEW)

LABEL_KEY = "imported-label"
"""The key of the entry by which an import gives a contact its label."""

NAME_PARTS = ("prefix", "given_name", "middle_name", "family_name", "suffix")


class Matcher:
    """Who the contacts of a file are, which are shown one at a time. Of neither side more is kept than keys.

    Where what a row means is up to a mapping (``is_mapped``), a contact that an import added and nobody has changed
    since *changes* when its row is read otherwise now.
    """

    def __init__(
        self, existing: Iterable[Contact], carried: Callable[[Contact], Contact], is_mapped: bool = False
    ) -> None:
        self._carried = carried
        self._is_mapped = is_mapped
        self._unchanged: dict[str, bytes] = {}
        self._ids: dict[str, bool] = {}  # and whether it has no uid, so that its id is one
        self._by_uid: dict[str, str] = {}
        self._by_content: dict[bytes, str] = {}
        self._by_strong: dict[int, str | None] = {}  # None where several have it
        self._by_weak: dict[int, str] = {}
        self._seen = defaultdict[int, int](int)
        self._matches: list[Match] = []
        self._candidates: dict[int, tuple[int, ...]] = {}  # by the place of the match that they may change
        for contact in existing:
            self._add(contact)

    def _add(self, contact: Contact) -> None:
        record_id = contact["id"]
        self._ids[record_id] = not contact.get("uid")
        if not self._ids[record_id]:
            self._by_uid.setdefault(contact["uid"], record_id)
        self._by_content.setdefault(self._content(contact), record_id)
        if self._is_mapped and is_unchanged(contact):
            self._unchanged[record_id] = _digest(_said_by_row(self._carried(contact)))
        for key in map(hash, _strong_keys(contact)):
            self._by_strong[key] = None if key in self._by_strong else record_id
        for key in map(hash, _weak_keys(contact)):
            self._by_weak.setdefault(key, record_id)

    def look_at(self, contact: Contact, is_deleted: bool) -> None:
        """The next contact of the file, and whether the book had it and has deleted it."""
        keys = tuple(key for key in map(hash, _strong_keys(contact)) if key in self._by_strong)
        for key in keys:
            self._seen[key] += 1
        match = self._certain(contact, is_deleted)
        if match is None:
            if keys:
                self._candidates[len(self._matches)] = keys
            match = self._doubtful(contact)
        self._matches.append(match)

    def matches(self) -> list[Match]:
        """A match for each contact that was looked at, once all are."""
        for place, keys in self._candidates.items():
            ids = {self._by_strong[key] for key in keys if self._seen[key] == 1}
            if len(ids) == 1 and (record_id := ids.pop()) is not None:
                self._matches[place] = Match(Likeness.CHANGED, record_id)
        return self._matches

    def _certain(self, contact: Contact, is_deleted: bool) -> Match | None:
        record_id, uid = contact["id"], contact.get("uid") or ""
        if is_deleted:
            return Match(Likeness.DELETED, record_id)
        if record_id in self._ids:
            before = self._unchanged.get(record_id)
            is_read_otherwise = before is not None and before != _digest(_said_by_row(self._carried(contact)))
            return Match(Likeness.CHANGED if is_read_otherwise else Likeness.SAME, record_id)
        same = self._by_uid.get(uid) or (uid if self._ids.get(uid) else None)
        if same is None and self._by_content:
            same = self._by_content.get(self._content(contact))
        return Match(Likeness.SAME, same) if same else None

    def _doubtful(self, contact: Contact) -> Match:
        keys = (key for key in map(hash, _weak_keys(contact)) if key in self._by_weak)
        doubtful = next((self._by_weak[key] for key in keys), None)
        return NEW if doubtful is None else Match(Likeness.DOUBTFUL, doubtful)

    def _content(self, contact: Contact) -> bytes:
        return _digest(content_of(self._carried(contact)))


def is_read_anew(contact: Contact, match: Match) -> bool:
    """Whether a contact of a file is the one of the same row, read by another mapping."""
    return match == Match(Likeness.CHANGED, contact["id"])


def is_unchanged(contact: Contact) -> bool:
    """Whether nothing was written to a contact of a book since it was added."""
    return contact.get("created_at") is not None and contact["created_at"] == contact.get("updated_at")


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16).digest()


def _said_by_row(contact: Contact) -> str:
    """What a contact says of what its row may have said: parts that follow from a name are none of it, nor is the label
    that an import gave it."""
    details = {key: entry for key, entry in (contact.get("details") or {}).items() if key != LABEL_KEY}
    return content_of({**contact, **dict.fromkeys(NAME_PARTS), "details": details})


# --- what a contact is known by --------------------------------------------------------------------------------------


def content_of(contact: Contact) -> str:
    """All that a contact says, as text: two that say the same have the same, in whatever order their details stand."""
    contact = with_site_labels(contact)
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
    if not value.isascii():
        value = "".join(str(decimal(letter)) if letter.isdecimal() else letter for letter in value)
    key = phone_key(value) or ""
    return key[-LAST_DIGITS:] if len(key.removeprefix("+")) >= LAST_DIGITS else ""


# --- what an update writes -------------------------------------------------------------------------------------------


OWN_VALUES = {"email": "email", "phone": "phone", "url": "website"}
"""The kinds whose first value is a field of the contact."""


def updating_data(existing: Contact, incoming: Contact) -> dict[str, Any]:
    """What a change writes so that a contact of the book has what one of a file says of the same person.

    Nothing is taken away: fields that the file fills are written, details that are not there yet are added; so is an
    address, a number or a site that is another than the contact's first.
    """
    existing, incoming = with_site_labels(existing), with_site_labels(incoming)
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


def rereading_data(existing: Contact, incoming: Contact) -> dict[str, Any]:
    """What a change writes so that a contact that a row made says what the row says when it is read anew."""
    fields = {name for name in CONTACTS.by_name if existing.get(name) or incoming.get(name)}
    data: dict[str, Any] = {name: incoming.get(name) for name in fields if incoming.get(name) != existing.get(name)}
    nothing = dict.fromkeys(CONTACTS.maps_by_name["details"].by_name)
    gone = {key: None for key in existing.get("details") or {} if key != LABEL_KEY}
    details = gone | {key: {**nothing, **entry} for key, entry in (incoming.get("details") or {}).items()}
    return data | ({"details": details} if details else {})


def replacing_data(before: Record, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a change writes so that a deleted record comes back as ``data`` says, without anything else that it held.

    Whatever ``data`` lacks is emptied. Of what is one value all is said, as it follows of a record that is new.
    """
    table = before.table
    emptied = change_data(table, {cell: None for cell in before.cells if not cell.endswith(EXISTS)})
    emptied |= dict.fromkeys(table.composite_cells)
    replaced = {**emptied, **completed_data(table, data, {})}
    for map_ in table.maps:
        entries = data.get(map_.name) or {}
        held = emptied.get(map_.name) or {}
        kept = {key: {**held.get(key, {}), **entry} for key, entry in entries.items()}
        if held or entries:
            replaced[map_.name] = dict.fromkeys(held) | kept
    return replaced


def _said(entry: Mapping[str, Any]) -> Hashable:
    return tuple(sorted((name, value) for name, value in entry.items() if value and name != "position"))


def _free_key(key: str, used: Collection[str]) -> str:
    return next(name for name in (key, *(f"{key}-{number}" for number in range(2, len(used) + 3))) if name not in used)
