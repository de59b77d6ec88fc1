"""How much an import writes in one transaction: less where the host is busy, so that others wait no longer for it."""

from __future__ import annotations

CHANGES_MAX = 100
CHANGES_MIN = 10
CHANGES_FIRST = 25

LONG_SECONDS = 0.1
"""A transaction that takes longer is followed by one of half as much: who waits for it waits as long."""

SHORT_SECONDS = 0.045
"""One that takes less is followed by one of twice as much, which is still not long."""


class Pace:
    """How many changes the next transaction has, by how long those before it took."""

    def __init__(self) -> None:
        self.changes = CHANGES_FIRST

    def note(self, seconds: float) -> None:
        """How long the last transaction was open."""
        if seconds > LONG_SECONDS:
            self.changes = max(self.changes // 2, CHANGES_MIN)
        elif seconds < SHORT_SECONDS:
            self.changes = min(self.changes * 2, CHANGES_MAX)
