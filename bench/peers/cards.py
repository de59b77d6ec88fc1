"""Cards: how fast they are read and written, beside vobject, the vCard library that Python programs use most."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec

from bench.statistics import Figure, cpu_seconds, ratios
from offbook.formats.values import Contact
from offbook.formats.vcard.files import read
from offbook.formats.vcard.writing import V3, write_cards

CARDS = 10_000
PART = 500
"""Both take turns, so many cards at a time."""


def figures() -> Iterator[Figure]:
    """None where vobject is not installed (requirements-bench.txt)."""
    if find_spec("vobject") is None:
        return
    parts = [range(start, start + PART) for start in range(0, CARDS, PART)]
    yield ratios(f"{CARDS:,} cards read, as vobject reads them", map(read_both, parts), 5)
    yield ratios(f"{CARDS:,} cards written, as vobject writes them", map(write_both, parts), 3)


def read_both(numbers: Sequence[int]) -> tuple[float, float]:
    """How long vobject and offbook take, in this order."""
    import vobject

    text = "".join(map(card, numbers))
    theirs = cpu_seconds(lambda: exhaust(vobject.readComponents(text)))
    return theirs, cpu_seconds(lambda: exhaust(read(io.BytesIO(text.encode()))))


def write_both(numbers: Sequence[int]) -> tuple[float, float]:
    """The same of writing what both have read."""
    import vobject

    text = "".join(map(card, numbers))
    cards = list(vobject.readComponents(text))
    contacts = contacts_of(text)
    theirs = cpu_seconds(lambda: [card.serialize() for card in cards])
    return theirs, cpu_seconds(partial(write_cards, contacts, V3, lambda _: None))


def contacts_of(text: str) -> list[Contact]:
    """The contacts of cards."""
    return [item.contact for item in read(io.BytesIO(text.encode())) if item.contact]


def exhaust(items: Iterator[object]) -> None:
    """Take all, and keep none."""
    deque(items, maxlen=0)


def card(number: int) -> str:
    """A card as a phone writes one of somebody whom its owner knows well."""
    return CARD.format(number=number, uid=f"{number:08x}-0000-4000-8000-000000000000").replace("\n", "\r\n")


CARD = """\
BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iPhone OS 17.4//EN
N:Lovelace {number};Ada;King;;
FN:Ada King Lovelace {number}
ORG:Analytical Engines {number};Research
TITLE:Analyst
EMAIL;type=INTERNET;type=HOME;type=pref:ada{number}@example.org
EMAIL;type=INTERNET;type=WORK:ada.lovelace{number}@engines.example
TEL;type=CELL;type=VOICE;type=pref:+44 20 7946 {number:04}
TEL;type=WORK;type=VOICE:(020) 7946-{number:04}
item1.ADR;type=HOME;type=pref:;;{number} St James's Square;London;;SW1Y 4LE;United Kingdom
item1.X-ABADR:gb
item2.URL;type=pref:https://example.org/people/{number}
item2.X-ABLabel:_$!<HomePage>!$_
BDAY:1815-12-10
NOTE:Met in London\\, at the engine. The analytical engine weaves algebraic
  patterns just as the loom weaves flowers and leaves. Number {number}.
CATEGORIES:Friends,Engines
UID:{uid}
REV:2026-01-01T00:00:00Z
END:VCARD
"""
