"""Counts, sizes and times in few letters, the same on pages and in terminals."""

from __future__ import annotations

import pytest

from offbook.core.formatting import (
    format_ago,
    format_count,
    format_date,
    format_iso,
    format_moment,
    format_rate,
    format_size,
    format_time,
)

NOW = 1_795_021_600_000_000


@pytest.mark.parametrize(
    ("bytes", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (16_777_216, "16.8 MB"), (3 * 10**12, "3,000.0 GB")],
)
def test_sizes_are_told_in_few_letters(bytes: int, text: str) -> None:
    assert format_size(bytes) == text


@pytest.mark.parametrize(("per_second", "text"), [(0, "0/s"), (0.1, "0.1/s"), (9.96, "10/s"), (20_012.6, "20,013/s")])
def test_rates_are_told_in_few_letters(per_second: float, text: str) -> None:
    assert format_rate(per_second) == text


def test_a_time_of_day_is_in_utc() -> None:
    assert format_time(NOW) == "17:06:40"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "never"), (-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago")],
)
def test_a_time_in_words(seconds: int | None, words: str) -> None:
    assert format_ago(None if seconds is None else NOW - seconds * 1_000_000, NOW) == words


def test_counts_read_well() -> None:
    assert (format_count(1, "contact"), format_count(1234, "contact")) == ("1 contact", "1,234 contacts")
    assert (format_count(1, "entry", "entries"), format_count(2, "entry", "entries")) == ("1 entry", "2 entries")


def test_a_moment_is_in_utc() -> None:
    assert format_iso(NOW) == "2026-11-18T17:06:40Z"
    assert format_date(NOW) == "18 November 2026"
    assert format_moment(NOW) == "18 November 2026, 17:06 UTC"
