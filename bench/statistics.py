"""A measured figure, and how it is shown."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``goal`` is the least that is wanted, or where ``at_most`` the most; without one it is there to compare with.

    ``interval`` is the one in which the median lies with 95 %, where ``value`` is the median of several runs.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False
    interval: tuple[float, float] | None = None


def show(figure: Figure) -> None:
    within = "" if figure.interval is None else "({:,.2f} to {:,.2f}) ".format(*figure.interval)
    line = f"{figure.name:<54} {figure.value:>10,.2f} {figure.unit:<10} {within}{_verdict(figure)}"
    print(line.rstrip(), flush=True)


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    met = figure.value <= figure.goal if figure.at_most else figure.value >= figure.goal
    bound = "at most" if figure.at_most else "at least"
    return f"({bound} {figure.goal:,g}){'' if met else '   <- falls short'}"


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
