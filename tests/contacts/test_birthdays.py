"""When a birthday comes next."""

from __future__ import annotations

from datetime import date

import pytest

from offbook.contacts.birthdays import NextBirthday, next_birthday

TODAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("text", "today", "expected"),
    [
        ("1978-12-10", TODAY, NextBirthday(12, 48)),
        ("1978-11-28", TODAY, NextBirthday(0, 48)),
        ("1978-11-27", TODAY, NextBirthday(364, 49)),
        ("--12-10", TODAY, NextBirthday(12, None)),
        ("--01-02", TODAY, NextBirthday(35, None)),
        ("2000-02-29", date(2026, 2, 27), NextBirthday(2, 26)),
        ("--02-29", date(2027, 3, 1), NextBirthday(0, None)),
        ("2000-02-29", date(2028, 1, 1), NextBirthday(59, 28)),
        ("2030-01-01", TODAY, None),
        ("soon", TODAY, None),
        ("1978-02-30", TODAY, None),
    ],
)
def test_the_next_birthday_is_found(text: str, today: date, expected: NextBirthday | None) -> None:
    assert next_birthday(text, today) == expected
