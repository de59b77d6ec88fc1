"""What a card has said beside a contact's values, in words: parameters of phones and the like, and properties that no
field holds. What only programs read has no words, and is shown to nobody. Pure: stored texts in, words out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

PARAMETERS: Mapping[str, str] = {
    "TYPE": "",
    "LANGUAGE": "language",
    "PREF": "preference",
    "SERVICE-TYPE": "service",
    "X-SERVICE-TYPE": "service",
    "SORT-AS": "sorted as",
    "TZ": "time zone",
    "GEO": "place",
    "CC": "country",
    "X-ABADR": "country",
    "LEVEL": "level",
    "@MORE": "",
    "@TIME": "time",
}
"""The parameters that say something about a person (RFC 6350, section 5), and what stands before their values. Those
with an @ are none of a card's (offbook.formats.vcard.properties)."""

SILENT_TYPES = frozenset({"voice", "internet", "pref"})
"""Nearly every phone and every address has one of these."""

PROPERTIES: Mapping[str, str] = {
    "AGENT": "Agent",
    "CALADRURI": "Calendar for invitations",
    "CALURI": "Calendar",
    "CLASS": "Access",
    "EXPERTISE": "Expertise",
    "FBURL": "Free and busy times",
    "GENDER": "Gender",
    "GEO": "Place",
    "HOBBY": "Hobby",
    "INTEREST": "Interest",
    "KEY": "Key",
    "LANG": "Language",
    "LOGO": "Logo",
    "MAILER": "Mail program",
    "NICKNAME": "Nickname",
    "NOTE": "Note",
    "SORT-STRING": "Sorted as",
    "SOUND": "Sound",
    "SOURCE": "Source",
    "TZ": "Time zone",
    "X-ABLABEL": "Label",
    "X-GENDER": "Gender",
}
"""Properties that have a name for people; others are called as their card does."""

OF_PROGRAMS = frozenset({"CLIENTPIDMAP", "UID", "X-ABUID", "X-IMAGEHASH", "X-IMAGETYPE", "X-SHARED-PHOTO-DISPLAY-PREF"})

ESCAPED = re.compile(r"\\(.)", re.DOTALL)
BYTES = re.compile(r"(?:data:[^,]{0,200},)?[A-Za-z0-9+/=]{200,}")
LONGEST = 400


class CardWords(NamedTuple):
    """A property as people read it."""

    name: str
    text: str


def property_words(name: str | None, value: str | None) -> CardWords | None:
    """A property that a contact keeps; None where it says nothing to people. Values are escaped as in a card (RFC 6350,
    section 3.4)."""
    if not name or not value or name.upper() in OF_PROGRAMS:
        return None
    if BYTES.fullmatch(value):
        text = f"{len(value):,} characters of data"
    else:
        plain = ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)
        text = plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}…"
    return CardWords(PROPERTIES.get(name.upper(), name), text)


def params_words(stored: object) -> str:
    """Parameters, of the JSON that a contact keeps them as; empty where they say nothing to people. What is no such
    JSON is given as it is."""
    if not isinstance(stored, str):
        return ""
    try:
        params = json.loads(stored or "[]")
        return "; ".join(text for name, values in params for text in _param(name, values))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return stored


def _param(name: str, values: list[str]) -> Iterator[str]:
    before = PARAMETERS.get(name)
    if before is None:
        return
    texts = [text.lower() if name == "TYPE" else text for text in values if text.strip()]
    if text := ", ".join(text for text in texts if name != "TYPE" or text not in SILENT_TYPES):
        yield f"{before} {text}".strip()
