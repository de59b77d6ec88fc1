"""When a birthday comes next, and how old its person is then. Pure: today is an argument."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class NextBirthday(NamedTuple):
    """In how many days, and the age that is turned; None where the year of birth is not known."""

    days: int
    turns: int | None


def next_birthday(text: str, today: date) -> NextBirthday | None:
    """The next birthday of who was born on this day (``1815-12-10``, or ``--12-10``), today's too.

    None for what is no date, and for a day that is still to come. The 29th of February counts as the 1st of March where
    there is none.
    """
    is_yearless = text.startswith("--")
    try:
        born = date.fromisoformat(text.replace("--", "2000-", 1) if is_yearless else text)
    except ValueError:
        return None
    if born > today and not is_yearless:
        return None
    day = next(day for year in (today.year, today.year + 1) if (day := _in_year(born, year)) >= today)
    return NextBirthday((day - today).days, None if is_yearless else day.year - born.year)


def _in_year(born: date, year: int) -> date:
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)
