"""Where the values of a contact lead: the number that is dialled, the links within a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote

EXTENSION = re.compile(r"(?i)[\s,;]*(?:\bext(?:ension)?\b\.?|\bx\.?|\bdw\b\.?|durchwahl|#)\s*:?\s*(\d{1,7})\s*$")
"""How people write the number within a house, behind the number of the house."""

TRUNK = re.compile(r"\(0\)")
"""What is dialled within a country alone, where it stands beside the country's code."""

KEYPAD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "22233344455566677778889999")
VANITY = re.compile(r"\+?[\d\s().-]*\d[A-Z\d\s().-]*[A-Z]{3,}[A-Z\d\s().-]*")
"""A number of which some digits are written as the capitals of a keypad: 1-800-FLOWERS."""

DIALLED = frozenset("0123456789*,;")
"""What may follow a plus: digits, the star, and the pauses that phones know. A # ends a URI, and is escaped."""

IN_TEXT = re.compile(r"""\bhttps?://[^\s<>"]+|\bwww\.[^\s<>"]+\.[^\s<>"]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+""")
BEHIND_LINKS = ".,;:!?)]}’”'"
"""What belongs to the sentence, and not to the link that it follows."""


class Piece(NamedTuple):
    """A part of a text, and where it leads; empty where it leads nowhere."""

    text: str
    href: str = ""


def dialled(text: str) -> str | None:
    """The ``tel:`` URI of a number as it is meant (RFC 3966): without the (0) that is dialled within its country alone,
    its extension as one. None for what has no digit."""
    number, extension = text.strip(), ""
    if match := EXTENSION.search(number):
        number, extension = number[: match.start()], f";ext={match[1]}"
    if number.startswith(("+", "00")):
        number = TRUNK.sub("", number)
    if VANITY.fullmatch(number):
        number = number.translate(KEYPAD)
    plus = "+" if number.startswith("+") else ""
    rest = "".join("%23" if letter == "#" else letter for letter in number if letter in DIALLED or letter == "#")
    return f"tel:{plus}{rest}{extension}" if any(letter.isdigit() for letter in rest) else None


def linked(text: str) -> Iterator[Piece]:
    """The text in pieces: links to pages and mail addresses, and what stands between them."""
    done = 0
    for match in IN_TEXT.finditer(text):
        words = match[0].rstrip(BEHIND_LINKS)
        if "(" in words and match[0].startswith(words + ")"):
            words += ")"
        yield Piece(text[done : match.start()])
        yield Piece(words, _address_of(words))
        done = match.start() + len(words)
    yield Piece(text[done:])


def _address_of(words: str) -> str:
    if words.startswith(("http://", "https://")):
        return words
    return f"https://{words}" if words.startswith("www.") else "mailto:" + quote(words, safe="@+")


def map_address(lines: str) -> str:
    """Where a map shows an address."""
    return "https://www.openstreetmap.org/search?query=" + quote(", ".join(lines.splitlines()))
