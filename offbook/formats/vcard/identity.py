"""By what a contact of a card is known: its name where the card says none, its id, and what a group calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import UUID_TEXT
from offbook.formats.vcard.lines import RawCard

NAMESPACE = uuid5(NAMESPACE_URL, "https://offbook.invalid/vcard")
NAMESPACE_BYTES = NAMESPACE.bytes
VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""Of a UUID of version 5, which is made here without its class (RFC 9562, section 5.5): one for each card of a file."""

ABOUT_CARD = re.compile("(?:REV|PRODID)[;:]", re.IGNORECASE)
UNNAMED = "(no name)"


def shown_name(fields: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> str:
    """The name of a card that says none: its parts, else what else it is known by."""
    order = ("prefix", "given_name", "middle_name", "family_name", "suffix")
    parts = " ".join(" ".join(fields.get(part) or "" for part in order).split())
    known_by = [fields.get(field) or "" for field in ("company", "email", "phone")]
    reach = [entry.get("value", "") for kind in ("email", "phone") for entry in entries if entry["kind"] == kind]
    names = (parts, *known_by, *reach, fields.get("nickname") or "", UNNAMED)
    name: str = next(name for name in names if name.strip())
    return name[: CONTACTS.by_name["name"].limit]


def id_of_uid(uid: str) -> str:
    """The id of the contact of a UID."""
    plain = plain_uid(uid)
    return plain.lower() if UUID_TEXT.fullmatch(plain) else str(uuid5(NAMESPACE, f"uid:{plain}"))


def id_of_lines(card: RawCard) -> str:
    """The id of the contact of a card without a UID: the same for the same lines in any file, whatever is read in them
    one day, and whatever is said of the card itself."""
    texts = [text for _, text in card.lines if text and (text[0] not in "RrPp" or not ABOUT_CARD.match(text))]
    texts.sort()
    digest = sha1(NAMESPACE_BYTES + "\n".join(texts).encode(), usedforsecurity=False).hexdigest()
    variant = VARIANTS[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def member_key(uid: str) -> str:
    """What is equal for the UID of a card and for the member of a group that means it."""
    return plain_uid(uid.strip()).lower()


def plain_uid(uid: str) -> str:
    """A UID without the scheme that a UUID may have (RFC 6350, section 6.7.6)."""
    return uid[9:] if uid[:9].lower() == "urn:uuid:" else uid
