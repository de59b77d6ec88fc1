"""The headings of a list of contacts: the letters with which their sort keys begin.

Which letters there are follows from the book: an alphabet is whatever its people are called in. Keys are folded and are
compared code point by code point, so each letter is one run of the list. What begins with no letter stands under one
sign, and so do names in Chinese characters, of which nearly each would have a heading of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

STARRED = "★"
NO_LETTER = "#"
IDEOGRAPHS = "漢"

IDEOGRAPH = re.compile("[々〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

FIRST_JAMO = 0x1100
JAMO = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
"""The consonants that a folded Korean name begins with, as they are shown alone."""


class Section(NamedTuple):
    """A heading of the list, and the position of the first contact below it; positions begin at 0."""

    heading: str
    start: int


def heading_of(letter: str) -> str:
    """The heading under which keys stand that begin with this character; an empty text is that of an empty key."""
    if not letter.isalpha():
        return NO_LETTER
    if IDEOGRAPH.match(letter):
        return IDEOGRAPHS
    jamo = ord(letter) - FIRST_JAMO
    return JAMO[jamo] if 0 <= jamo < len(JAMO) else letter.title()


def sections_of(starred: int, counts: Iterable[tuple[str, int]]) -> tuple[list[Section], int]:
    """The headings of a list, and how many contacts it has.

    ``starred`` of them come first; ``counts`` are the first characters of the other keys, each with its number of
    contacts, in any order.
    """
    sections = [Section(STARRED, 0)] if starred else []
    position = starred
    for letter, count in sorted(counts):
        heading = heading_of(letter)
        if count and (not sections or sections[-1].heading != heading):
            sections.append(Section(heading, position))
        position += count
    return sections, position


def headings_on(sections: Sequence[Section], start: int, count: int) -> Mapping[int, str]:
    """The headings between ``count`` contacts from a position on, by the positions that they stand above.

    The first contact has one in any case: that of the section which it is in.
    """
    end = start + count
    before = [section.heading for section in sections if section.start <= start]
    within = {section.start: section.heading for section in sections if start < section.start < end}
    return {start: before[-1], **within} if before else within
