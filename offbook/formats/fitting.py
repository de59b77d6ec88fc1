"""What a file says of a contact beyond what a record may hold: its largest details are left out, each told by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offbook.contacts.table import CONTACTS
from offbook.core.merge.record_size import KB, bytes_of
from offbook.formats import messages
from offbook.formats.values import ContactRead, Problem

FEW, FEW_CHARACTERS = 10, 10_000
SMALL_CHARACTERS = CONTACTS.bytes_max // 8
"""A contact of fewer letters, with all that is between them, fits whatever letters these are."""


def fitted(item: ContactRead) -> ContactRead:
    """The contact as a record can hold it. What is left out is told; that the rest is still too large is not said here:
    whoever stores it refuses it."""
    contact = item.contact
    if contact is None or _is_small(contact.get("details") or {}) or len(str(contact)) <= SMALL_CHARACTERS:
        return item
    excess = bytes_of(contact) - CONTACTS.bytes_max
    if excess <= 0:
        return item
    details = dict(contact.get("details") or {})
    sizes = {key: bytes_of({key: entry}) for key, entry in details.items()}
    problems = []
    for key in sorted(details, key=lambda key: (-sizes[key], key)):
        if excess <= 0:
            break
        entry = details.pop(key)
        excess -= sizes[key] - 1
        fault = messages.DETAIL_LEFT_OUT.fault(limit=CONTACTS.bytes_max // KB, size=-(-sizes[key] // KB))
        problems.append(Problem(item.row, _named(entry), fault))
    return item._replace(contact={**contact, "details": details}, problems=(*item.problems, *problems))


def _is_small(details: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a contact fits with these, as nearly all do: its fields alone always would."""
    return len(details) < FEW and sum(len(entry.get("value") or "") for entry in details.values()) < FEW_CHARACTERS


def _named(entry: Mapping[str, Any]) -> str:
    kind, label = str(entry.get("kind")), entry.get("label")
    return f"{kind} {label}" if label else kind
