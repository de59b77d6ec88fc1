"""A measured figure, and how it is shown."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """What this machine itself does of the same kind, in the unit of the figure beside which it stands."""

    name: str
    value: float


@dataclass(frozen=True)
class Figure:
    """``goal`` is the least that is wanted, or where ``at_most`` the most; without one it is there to compare with.

    ``aim`` is what would be as good as the best programs of this kind. ``interval`` is the one in which the median lies
    with 95 %, where ``value`` is the median of several runs. ``limit`` was measured in the same run.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False
    interval: tuple[float, float] | None = None
    aim: float | None = None
    limit: Limit | None = None

    @property
    def is_met(self) -> bool:
        """Whether the goal is met, where there is one."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    @property
    def bound(self) -> str:
        """The goal in words, empty without one."""
        return "" if self.goal is None else f"{'at most' if self.at_most else 'at least'} {self.goal:,g}"


def show(figure: Figure) -> None:
    within = "" if figure.interval is None else "({:,.2f} to {:,.2f}) ".format(*figure.interval)
    beside = "" if figure.limit is None else f"[{figure.limit.name}: {figure.limit.value:,.2f}] "
    verdict = f"({figure.bound}){'' if figure.is_met else '   <- falls short'}" if figure.bound else ""
    print(f"{figure.name:<54} {figure.value:>10,.2f} {figure.unit:<10} {within}{beside}{verdict}".rstrip(), flush=True)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def cpu_seconds(run: Callable[[], object]) -> float:
    """What this process worked meanwhile: what others do on the machine counts less than with a clock."""
    start = time.process_time()
    run()
    return time.process_time() - start


def ratios(name: str, pairs: Iterable[tuple[float, float]], goal: float | None, at_most: bool = False) -> Figure:
    """The first of each pair of times by the second, each pair measured in one moment: the median of the ratios."""
    sorted_ratios = sorted(first / second for first, second in pairs)
    interval = median_interval(sorted_ratios)
    return Figure(name, statistics.median(sorted_ratios), "times", goal, at_most, interval)


def median_interval(values: Iterable[float]) -> tuple[float, float]:
    """The narrowest two of the values, as far from both ends, between which the median lies with 95 % at least; the
    least and the greatest of few values. Whatever their distribution is: each value is above the median or below it.
    """
    ordered = sorted(values)
    count, outside, skipped = len(ordered), 0.0, 0
    while skipped < (count - 1) // 2:
        outside += 2 * math.comb(count, skipped) / 2**count
        if outside > 0.05:
            break
        skipped += 1
    first = max(skipped - 1, 0)
    return ordered[first], ordered[-1 - first]


def median(runs: Iterable[float]) -> float:
    return statistics.median(list(runs))
