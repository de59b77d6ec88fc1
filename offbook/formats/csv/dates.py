"""Dates as address books and spreadsheets write them, and as offbook keeps them: 1815-12-10, or --12-10."""

from __future__ import annotations

import re
from datetime import date

TIME = re.compile(r"[T ]+0{1,2}:00(:00)?(\.0+)?( ?[AaPp]\.?[Mm]\.?|Z)?$")
YEAR_FIRST = re.compile(r"([0-9]{4})([-/.]?)([0-9]{1,2})\2([0-9]{1,2})\.?", re.ASCII)
NO_YEAR = re.compile(r"--([0-9]{2})-?([0-9]{2})", re.ASCII)
DAY_FIRST = re.compile(r"([0-9]{1,2})\. ?([0-9]{1,2})\.(?: ?([0-9]{4}))?\.?", re.ASCII)
EITHER = re.compile(r"([0-9]{1,2})([-/])([0-9]{1,2})(?:\2([0-9]{4}))?", re.ASCII)
NONE = re.compile(r"0{1,4}([-/.])0{1,2}\1(0{1,4})?", re.ASCII)
"""What Outlook writes where there is no date."""


def parse_date(text: str, is_day_first: bool | None) -> str | None:
    """The date in offbook's form; empty where it says that there is none; None where it is no date, or could be two.

    ``is_day_first`` says what 3/4/1980 is, if that is known.
    """
    text = TIME.sub("", text.strip())
    if NONE.fullmatch(text):
        return ""
    if match := YEAR_FIRST.fullmatch(text):
        return None if not match[2] and len(text) != 8 else to_date(match[1], match[3], match[4])
    if match := NO_YEAR.fullmatch(text):
        return to_date("", match[1], match[2])
    if match := DAY_FIRST.fullmatch(text):
        return to_date(match[3] or "", match[2], match[1])
    if match := EITHER.fullmatch(text):
        first, second, year = match[1], match[3], match[4] or ""
        known = shows_order(text)
        if int(first) == int(second):
            known = True
        if known is None:
            known = is_day_first
        if known is not None:
            return to_date(year, second, first) if known else to_date(year, first, second)
    return None


def shows_order(text: str) -> bool | None:
    """Whether a date can only have its day first, or its month; None where it tells neither."""
    match = EITHER.fullmatch(TIME.sub("", text.strip()))
    if match and (int(match[1]) > 12) != (int(match[3]) > 12):
        return int(match[1]) > 12
    return None


def to_date(year: str, month: str, day: str) -> str | None:
    """The date of these numbers, without a year where that is empty; None where there is no such day."""
    numbers = (year or "2000", month, day)
    if not all(number.isascii() and number.isdigit() and len(number) <= 4 for number in numbers):
        return None
    try:
        known = date(*map(int, numbers))
    except ValueError:
        return None
    return known.isoformat() if year else f"-{known.isoformat()[4:]}"
