"""Bursts of changes: an import, a sync after a long time, somebody clearing up. Before one is where to go back to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple


class ChangeMarker(NamedTuple):
    """That a change was made: its seq, its id, and whoever made it."""

    seq: int
    change_id: str
    maker: Hashable


class ChangeBurst(NamedTuple):
    """Changes by one maker in quick succession: the first seq and the last, how many, and the id of one."""

    first: int
    last: int
    size: int
    change_id: str


def find_bursts(markers: Iterable[ChangeMarker], pause_us: int, size_min: int) -> list[ChangeBurst]:
    """The bursts of at least so many changes, the newest first. ``markers`` come newest first.

    Two of a burst are no further apart than ``pause_us``; what others did in between does not end it.
    """
    bursts: list[ChangeBurst] = []
    newest: dict[Hashable, int] = {}
    for seq, change_id, maker in markers:
        place = newest.get(maker)
        if place is None or bursts[place].first - seq > pause_us:
            newest[maker] = len(bursts)
            bursts.append(ChangeBurst(seq, seq, 1, change_id))
        else:
            bursts[place] = bursts[place]._replace(first=seq, size=bursts[place].size + 1)
    return [burst for burst in bursts if burst.size >= size_min]
