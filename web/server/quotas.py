"""Quotas: what many share, so that nobody's part of it grows at the cost of those who come later."""

from __future__ import annotations

from collections.abc import Hashable


class Quota:
    """``size`` units, of which nobody may hold more than are free.

    So one alone gets half of them, two get a third each, and whoever comes next always finds as much as any other has.
    These are the dynamic thresholds of Choudhury and Hahne (IEEE/ACM Transactions on Networking 6, 1998), with a factor
    of one: no part lies idle that somebody wants, and nobody has to be named beforehand.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._held: dict[Hashable, int] = {}

    def take(self, owner: Hashable, units: int) -> bool:
        """Whether ``owner`` gets so many more. Without an effect where not."""
        held = self._held.get(owner, 0) + units
        if held > self._free:
            return False
        self._held[owner] = held
        self._free -= units
        return True

    def give_back(self, owner: Hashable, units: int) -> None:
        """Let others have so many units of this owner's."""
        self._free += units
        held = self._held.pop(owner, 0) - units
        if held:
            self._held[owner] = held
