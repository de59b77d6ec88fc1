"""A measured figure, and how it is shown."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``goal`` is the least that is wanted, or where ``at_most`` the most; without one it is there to compare with."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_most: bool = False


def show(figure: Figure) -> None:
    print(f"{figure.name:<54} {figure.value:>10,.2f} {figure.unit:<10} {_verdict(figure)}".rstrip(), flush=True)


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


def median(runs: Iterable[float]) -> float:
    return statistics.median(list(runs))
