"""Text as search and sorting see it, and as it may be shown; lists, lengths of time and a clock's offset in words.

What is folded is compared and never shown. Nothing here depends on a language or on the machine's locale, so that a
server and all its devices fold alike.

No clock can lose anything, and none stops a sync. A wrong one only makes edits count as older or newer than they are
where two are truly concurrent; so its owner is advised to set it, and nothing else is done about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from itertools import chain, count
from unicodedata import combining, normalize

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a cursor, colours or reorders text, or is no text at all."""

UNITS = ((31_557_600, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))

CLOCK_RIGHT_MS = 2_000
"""A clock that is off by less is right: the rest is the network, and the whole seconds of an answer's date."""

CLOCK_WRONG_MS = 60_000
"""From here on somebody should set it right."""


LETTERS_FOLDED = str.maketrans(
    {
        **{"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"},
        **dict.fromkeys("‘’‚‛′ʹʻʼʽˈ‵", "'"),
        **dict.fromkeys("“”„‟«»″‶", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys(
            "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ),
    }
)
"""What no decomposition takes apart but people type otherwise; what joins, parts or turns text unseen is left out."""

ACUTE = "\u00b4"
"""Typed for an apostrophe; decomposition would make a space of it."""


def normalize_for_search(text: str) -> str:
    """``text`` without case and accents: ``Ångström`` and ``ANGSTROM`` fold to the same. Folding twice changes nothing.

    So do ``Søren`` and ``Soren``, ``O’Brien`` and ``O'Brien``, and words with and without a soft hyphen.
    Decomposed again after the case is gone, since some small letters (``ΐ``) come with accents of their own.
    """
    if text.isascii():
        return text.lower()
    folded = normalize("NFKD", normalize("NFKD", text.replace(ACUTE, "'")).casefold()).translate(LETTERS_FOLDED)
    return "".join(letter for letter in folded if not combining(letter))


def fold_key(text: str) -> str:
    """``text`` as a key is compared: without case, width and the like, and each gap in it one space.

    Accents count: ``resume`` and ``résumé`` are two keys. Folding twice changes nothing.
    """
    return " ".join(normalize("NFKC", normalize("NFKC", text).casefold()).split())


def without_control_characters(line: str) -> str:
    """One line, with nothing in it that a terminal would obey, or that would reorder the text around it on a page."""
    return UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), line)


def join_with_and(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``: each once, in order. There must be one at least."""
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} and {last}" if most else last


def with_article(noun: str) -> str:
    """``a record``, ``an entry``."""
    return f"{'an' if noun[:1] in tuple('aeio') else 'a'} {noun}"


def describe_duration(seconds: int) -> str:
    """A length of time in its largest unit: 3 minutes, 1 day, 10 years."""
    for size, unit in UNITS:
        count = seconds // size
        if count:
            return f"{count} {unit}" if count == 1 else f"{count:,} {unit}s"
    return "0 seconds"


def describe_clock_offset(ahead_ms: int | None) -> str:
    """Where a clock is that goes so far ahead: right, 3 hours behind; or that this is not known yet."""
    if ahead_ms is None:
        return "not known yet"
    off_ms = abs(ahead_ms)
    if off_ms < CLOCK_RIGHT_MS:
        return "right"
    if off_ms >= CLOCK_WRONG_MS:
        off_ms += CLOCK_RIGHT_MS  # an hour, measured as a moment less, is not 59 minutes
    return f"{describe_duration(off_ms // 1000)} {'ahead' if ahead_ms > 0 else 'behind'}"


def clock_advice(ahead_ms: int | None) -> str:
    """What to make of a clock that is wrong; empty for one that is not, or not known."""
    if ahead_ms is None or abs(ahead_ms) < CLOCK_WRONG_MS:
        return ""
    seems = "newer" if ahead_ms > 0 else "older"
    return f"Nothing is lost by that; set it right, so that this device's edits do not count as {seems} than they are."


def status_phrase(status: int) -> str:
    """The name of an HTTP status with a space before it, to follow its number; empty where it has none (RFC 9110)."""
    return f" {HTTPStatus(status).phrase}" if status in HTTPStatus._value2member_map_ else ""


def distinct_name(name: str, others: Iterable[str]) -> str:
    """The name, with a number behind it where another one is spelled so: ``Laptop``, ``Laptop 2``."""
    taken = {fold_key(other) for other in others}
    numbered = (f"{name} {number}" for number in count(2))
    return next(text for text in chain([name], numbered) if fold_key(text) not in taken)
