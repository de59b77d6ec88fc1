"""What an edit changed: the values that differ from those that the form was opened with, and no others. Pure.

So two people who edit one contact touch each other's values no more than they mean to.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from examples.desktop.formatting import OWN, Contact, EntryLine, entry_lines

NEW: Contact = {"details": {}}
"""What a new contact begins with."""

Changes = dict[str, Any]


def changed_fields(contact: Contact, fields: Mapping[str, str]) -> Changes:
    """The fields whose text is another one than the contact's, as update() takes them."""
    return {name: text or None for name, text in fields.items() if text != (contact.get(name) or "")}


def changed_lines(contact: Contact, lines: Iterable[EntryLine]) -> tuple[Changes, Changes]:
    """The contact's own fields, and its details, as update() takes them. A line without a value is removed."""
    kept = [line for line in lines if line.value.strip()]
    own, entries = _own_first(kept)
    fields: Changes = {}
    for kind, (value, label) in OWN.items():
        line = own.get(kind, EntryLine(kind))
        fields |= changed_fields(contact, {value: line.value, label: line.label})
    return fields, _changed_details(contact, entries)


def _own_first(lines: list[EntryLine]) -> tuple[dict[str, EntryLine], list[EntryLine]]:
    """The first phone, e-mail and website lie in fields of the contact, where these are free."""
    own = {line.kind: line for line in lines if line.key == "@"}
    rest = []
    for line in lines:
        if not line.key and line.kind in OWN and line.kind not in own:
            own[line.kind] = line
        elif line.key != "@":
            rest.append(line)
    return own, rest


def _changed_details(contact: Contact, lines: list[EntryLine]) -> Changes:
    before = {line.key: line for line in entry_lines(contact) if line.key != "@"}
    details: Changes = dict.fromkeys(before.keys() - {line.key for line in lines})
    last = max((entry.get("position") or 0 for entry in contact["details"].values()), default=0)
    for line in lines:
        values = {"label": line.label, "value": line.value}
        if line.key:
            old = before[line.key]._asdict()
            differs = {name: text or None for name, text in values.items() if text != old[name]}
            details |= {line.key: differs} if differs else {}
        else:
            last += 1
            details[uuid.uuid4().hex[:16]] = {"kind": line.kind, "position": last} | values
    return details
