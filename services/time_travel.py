"""Moments of a book worth a look when something went wrong: before its last big changes, and some times ago."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from offbook.core.history.bursts import ChangeBurst, find_bursts
from offbook.core.merge.retention import DAY_US
from offbook.core.model import Author
from storage.base import Store

REACH_US = 30 * DAY_US
"""Bursts that are older are not suggested."""

MARKERS_MAX = 50_000
BURST_PAUSE_US = 60_000_000
BURST_CHANGES_MIN = 20
BURSTS_MAX = 3


class SuggestedMoments(NamedTuple):
    """The newest big bursts, each with its author (None where that was pruned), and the ages that can be reached."""

    bursts: list[tuple[ChangeBurst, Author | None]]
    ages_us: list[int]


def suggest_moments(store: Store, book_id: int, ages_us: Iterable[int], now_us: int) -> SuggestedMoments:
    """The moments to choose from. Of the ages, those at which there was something in the book."""
    with store.reading(book_id) as book:
        pruned = book.book.pruned
        markers = book.change_markers(max(now_us - REACH_US, pruned), MARKERS_MAX)
        big = find_bursts(markers, BURST_PAUSE_US, BURST_CHANGES_MIN)[:BURSTS_MAX]
        authors = book.authors(burst.change_id for burst in big)
        reached = [age for age in ages_us if now_us - age >= pruned and book.last_seq_at_or_before(now_us - age)]
    return SuggestedMoments([(burst, authors.get(burst.change_id)) for burst in big], reached)
