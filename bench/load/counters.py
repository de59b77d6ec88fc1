"""What was counted: how long each kind of thing took, what was done how often, and every fault in a sentence."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from statistics import quantiles


class Counters:
    """Faults count always, all else while ``counting``: neither the filling of books nor the end is a load.

    ``verdicts`` are those of changes; ``lost`` counts requests whose answer was not waited for.
    """

    def __init__(self) -> None:
        self.counting = False
        self.took: dict[str, list[float]] = defaultdict(list)
        self.verdicts: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()
        self.lost = 0
        self.rows = 0

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Only what ends well counts."""
        began = time.monotonic()
        yield
        self.record(kind, time.monotonic() - began)

    def record(self, kind: str, seconds: float) -> None:
        if self.counting:
            self.took[kind].append(seconds)

    def check(self, holds: bool, sentence: str) -> None:
        """``sentence`` is the fault where it does not hold."""
        if not holds:
            self.add_faults([sentence])

    def add_faults(self, sentences: Iterable[str]) -> None:
        self.faults.update(sentences)


def percentile_ms(seconds: list[float], which: int) -> float:
    if len(seconds) == 1:
        return seconds[0] * 1000
    return quantiles(seconds, n=100, method="inclusive")[which - 1] * 1000
