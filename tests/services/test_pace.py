"""How much an import writes at once."""

from __future__ import annotations

from services.contacts.pace import CHANGES_FIRST, CHANGES_MAX, CHANGES_MIN, LONG_SECONDS, SHORT_SECONDS, Pace


def test_a_busy_host_gets_shorter_transactions_and_a_quick_one_longer() -> None:
    pace = Pace()
    assert pace.changes == CHANGES_FIRST
    pace.note(LONG_SECONDS * 2)
    assert pace.changes == CHANGES_FIRST // 2
    pace.note(LONG_SECONDS)
    assert pace.changes == CHANGES_FIRST // 2
    for _ in range(9):
        pace.note(LONG_SECONDS * 2)
    assert pace.changes == CHANGES_MIN
    for _ in range(9):
        pace.note(SHORT_SECONDS / 2)
    assert pace.changes == CHANGES_MAX
