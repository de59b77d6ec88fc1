"""How long to wait after a row of failures."""

from __future__ import annotations

import pytest

from offbook.core.backoff import backoff_seconds, with_jitter


@pytest.mark.parametrize(
    ("failures", "least", "most"),
    [
        (1, 0.125, 0.25),
        (2, 0.25, 0.5),
        (3, 0.5, 1.0),
        (4, 1.0, 2.0),
        (5, 2.0, 4.0),
        (6, 4.0, 8.0),
        (7, 8.0, 16.0),
        (8, 15.0, 30.0),
        (9, 15.0, 30.0),
        (100_000, 15.0, 30.0),
    ],
)
def test_each_failure_in_a_row_waits_twice_as_long_up_to_half_a_minute(
    failures: int, least: float, most: float
) -> None:
    assert backoff_seconds(failures, 0.0, first_seconds=0.25, seconds_max=30.0) == least
    assert backoff_seconds(failures, 1.0, first_seconds=0.25, seconds_max=30.0) == most


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 2.0), (0.5, 6.0), (1.0, 10.0)])
def test_chance_decides_between_the_least_share_and_all_of_a_wait(chance: float, seconds: float) -> None:
    assert with_jitter(10.0, chance, least_share=0.2) == pytest.approx(seconds)
