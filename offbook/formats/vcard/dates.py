"""Dates of a card and dates as offbook keeps them: 1815-12-10, or --12-10 where the year is not known.

A card of 4.0 has 18151210 and --1210 (RFC 6350, section 4.3.1), one of 3.0 has 1815-12-10 (RFC 2426, section 3.1.5)
and knows no date without a year: Apple writes one of the year 1604 then, and says so in a parameter.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

NO_YEAR = "1604"
OMIT_YEAR = "X-APPLE-OMIT-YEAR"

DATE = re.compile(r"([0-9]{4}-?|--)([0-9]{2})-?([0-9]{2})(?:[T ](.+))?", re.ASCII)
MIDNIGHT = re.compile(r"00(:?00){0,2}(\.0+)?(Z|[+-]00(:?00)?)?")


class CardDate(NamedTuple):
    """A date in offbook's form, and the time of day that a card has with it; mostly none."""

    day: str
    time: str = ""


def parse_date(value: str, omitted_year: str = "") -> CardDate | None:
    """The date of a value; None where it is none. ``omitted_year`` is the year that stands for none."""
    match = DATE.fullmatch(value.strip())
    if not match:
        return None
    year = match[1].strip("-")
    if year == omitted_year:
        year = ""
    try:
        date(int(year or "2000"), int(match[2]), int(match[3]))
    except ValueError:
        return None
    time = match[4] or ""
    return CardDate(f"{year or '-'}-{match[2]}-{match[3]}", "" if MIDNIGHT.fullmatch(time) else time)


def has_year(day: str) -> bool:
    """Whether the year of a date in offbook's form is known."""
    return not day.startswith("-")


def basic_date(day: str) -> str:
    """A date as 4.0 has it."""
    return day.replace("-", "") if has_year(day) else f"--{day[2:].replace('-', '')}"


def extended_date(day: str) -> str:
    """A date as 3.0 has it. One without a year also needs the parameter OMIT_YEAR."""
    return day if has_year(day) else NO_YEAR + day[1:]
