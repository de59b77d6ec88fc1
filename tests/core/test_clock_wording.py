"""What people are told about a clock that is off."""

from __future__ import annotations

import pytest

from offbook.core.clock_wording import advice, offset, span

HOUR_MS = 3_600_000
YEAR_MS = 8_766 * HOUR_MS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59, "59 seconds"),
        (3 * 60, "3 minutes"),
        (86_399, "23 hours"),
        (86_400, "1 day"),
        (365 * 86_400, "365 days"),
        (366 * 86_400, "1 year"),
        (2 * 366 * 86_400, "2 years"),
        (10_000 * 31_557_600, "10,000 years"),
    ],
)
def test_a_length_of_time_is_told_in_its_largest_unit(seconds: int, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize(
    ("ahead_ms", "words"),
    [(0, "right"), (-1999, "right"), (2000, "2 seconds ahead"), (-3 * HOUR_MS + 900, "3 hours behind")],
)
def test_a_clock_is_told_by_how_far_it_is_off(ahead_ms: int, words: str) -> None:
    assert offset(ahead_ms) == words
    assert offset(10 * YEAR_MS) == "10 years ahead"


def test_a_clock_that_is_a_minute_off_is_to_be_set_right() -> None:
    assert advice(None) == advice(0) == advice(59_999) == advice(-59_999) == ""
    assert "Nothing is lost" in advice(60_000)
    assert "newer than they are" in advice(60_000)
    assert "Nothing is lost" in advice(-60_000)
    assert "older than they are" in advice(-60_000)
