"""Days as people type them, in the order of their own language, with a year or without. Pure.

A day is stored as ``1815-12-10``, or ``--12-10`` where its year is not known; what is typed in that form is always
understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import NamedTuple


class DateStyle(NamedTuple):
    """The order in which day (d), month (m) and year (y) are written, and what stands between them."""

    order: str = "ymd"
    separator: str = "-"


ISO = DateStyle()

DOTS, SLASHES = DateStyle("dmy", "."), DateStyle("dmy", "/")
WITH_DOTS = "bg cs da de et fi hr is lv mk nb nn no pl ro ru sk sl sr tr uk"
WITH_SLASHES = "ar ca el en-au en-gb en-ie en-in en-nz en-za es fr ga he hi id it ms pt th vi"
STYLES: Mapping[str, DateStyle] = MappingProxyType(
    {
        **dict.fromkeys(WITH_DOTS.split(), DOTS),
        **dict.fromkeys(WITH_SLASHES.split(), SLASHES),
        "nl": DateStyle("dmy", "-"),
        "en-us": DateStyle("mdy", "/"),
        **dict.fromkeys(("ja", "zh"), DateStyle("ymd", "/")),
        **dict.fromkeys(("en", "en-ca", "fr-ca", "lt", "sv"), ISO),
        **dict.fromkeys(("hu", "ko"), DateStyle("ymd", ".")),
    }
)
"""By language, and by language and region where these differ. English of no country has no order of its own."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NUMBERS = re.compile(r"(\d{1,4})\s*[./-]\s*(\d{1,2})(?:\s*[./-]\s*(\d{1,4}))?\s*\.?")
DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?([a-z]{3,9})\.?,?(?:\s+(\d{4}))?")
MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?")
LEAP_YEAR = 2000


def style_of(language: str) -> DateStyle:
    """How days are written in a language, by its tag (``en-GB``); as they are stored where that is not known."""
    tag = language.lower()
    return STYLES.get(tag) or STYLES.get(tag.partition("-")[0], ISO)


def write_day(day: str, style: DateStyle) -> str:
    """A stored day as its reader writes one; what is none stays as it is."""
    match = re.fullmatch(r"(\d{4}|-)-(\d\d)-(\d\d)", day)
    if match is None or style == ISO:
        return day
    year, month, number = match.groups()
    parts = {"d": number, "m": month, "y": "" if year == "-" else year}
    text = style.separator.join(parts[part] for part in style.order if parts[part])
    return f"{text}{style.separator}" if style == DOTS and not parts["y"] else text


def read_day(text: str, style: DateStyle) -> str | None:
    """The day that was typed, as it is stored; None for what is none, and for a year of two digits."""
    typed = text.strip().lower()
    if typed.startswith("--"):
        return _stored(*typed[2:].partition("-")[::2], "")
    if match := NUMBERS.fullmatch(typed):
        first, second, third = match.groups("")
        return _of_numbers(first, second, third, style)
    if match := DAY_FIRST.fullmatch(typed):
        number, name, year = match.groups("")
    elif match := MONTH_FIRST.fullmatch(typed):
        name, number, year = match.groups("")
    else:
        return None
    month = MONTHS.index(name[:3]) + 1 if name[:3] in MONTHS else 0
    return _stored(str(month), number, year)


def _of_numbers(first: str, second: str, third: str, style: DateStyle) -> str | None:
    if len(first) == 4:
        return _stored(second, third, first) if third else None
    if not third:
        return _stored(second, first, "") if style.order == "dmy" else _stored(first, second, "")
    month, day = (first, second) if style.order == "mdy" else (second, first)
    return _stored(month, day, third) if len(third) == 4 else None


def _stored(month: str, day: str, year: str) -> str | None:
    if not (month.isdecimal() and day.isdecimal()):
        return None
    try:
        day_of_year = date(int(year) if year else LEAP_YEAR, int(month), int(day))
    except ValueError:
        return None
    return day_of_year.isoformat() if year else f"--{day_of_year:%m-%d}"
