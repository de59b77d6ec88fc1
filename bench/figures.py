"""A measured figure, and how it is shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``goal`` is the least that is wanted, or where ``at_most`` the most."""

    name: str
    value: float
    unit: str
    goal: float
    at_most: bool = False


def show(figure: Figure) -> None:
    bound = "at most" if figure.at_most else "at least"
    met = figure.value <= figure.goal if figure.at_most else figure.value >= figure.goal
    mark = "" if met else "   <- falls short"
    print(f"{figure.name:<52} {figure.value:>10,.2f} {figure.unit:<12} ({bound} {figure.goal:,g}){mark}", flush=True)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def median(runs: Iterable[float]) -> float:
    return statistics.median(list(runs))
