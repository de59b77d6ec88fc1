"""What is true of SQLite whoever uses it."""

from __future__ import annotations

import pytest

from offbook.core.sqlite_facts import has_wal_reset_race


@pytest.mark.parametrize(
    ("version", "races"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 53, 4), False),
    ],
)
def test_the_versions_that_can_damage_a_file_are_known(version: tuple[int, ...], races: bool) -> None:
    assert has_wal_reset_race(version) is races
