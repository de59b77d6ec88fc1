"""Runs of the bench that are kept: a line of JSON each, and docs/performance.md with its chart, made of the newest.

A figure that has a limit of the machine beside it is compared with earlier runs by its part of that limit; others are
shown and not compared, since machines differ, and one machine from hour to hour.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.chart import chart
from bench.server import ROOT
from bench.statistics import Figure, Limit

RUNS = ROOT / "bench" / "runs.jsonl"
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- the bench writes from here -->", "<!-- to here -->"
WORSE = 1.15
"""So many times as slow, by its part of the limit, a figure is told of."""


def keep(figures: Sequence[Figure]) -> None:
    """Add a run to those that are kept, and make page and chart anew."""
    earlier = kept()
    run = {
        "at": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    with RUNS.open("a") as file:
        file.write(json.dumps({**run, "figures": [asdict(figure) for figure in figures]}) + "\n")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    picture = f"![Figures beside their goals]({CHART.name})"
    PAGE.write_text(f"{before}{BEGIN}\n\n{picture}\n\n{page(run, figures, earlier)}\n{END}{after}")
    CHART.write_text(chart(figures))


def kept() -> list[dict[str, Figure]]:
    """The figures of each earlier run, by name; the oldest run first."""
    lines = RUNS.read_text().splitlines() if RUNS.exists() else []
    return [{item["name"]: figure_of(item) for item in json.loads(line)["figures"]} for line in lines]


def figure_of(item: Mapping[str, Any]) -> Figure:
    """A figure from its line."""
    limit, interval = item["limit"], item["interval"]
    values = {**item, "limit": Limit(**limit) if limit else None, "interval": tuple(interval) if interval else None}
    return Figure(**values)


def commit() -> str:
    """The version that is measured, as git names it; empty where there is no git."""
    words = ["git", "describe", "--always", "--dirty"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def page(run: Mapping[str, object], figures: Sequence[Figure], earlier: Sequence[Mapping[str, Figure]]) -> str:
    """The table of a run, in Markdown."""
    head = "Measured {at} at {commit}, Python {python}, {cores} cores.".format(**run)
    lines = ["| figure | measured | the machine itself | must | aim |", "|---|---|---|---|---|"]
    lines += [row(figure) for figure in figures]
    slower = [line for figure in figures if (line := fallen_back(figure, earlier))]
    fallen = (
        ["", "Slower than in earlier runs, by its part of what the machine itself does:", "", *slower] if slower else []
    )
    return "\n".join([head, "", *lines, *fallen, ""])


def row(figure: Figure) -> str:
    """A line of the table."""
    limit = f"{number(figure.limit.value)} ({figure.limit.name})" if figure.limit else ""
    value = f"{number(figure.value)} {figure.unit}"
    if figure.interval:
        value += f" ({number(figure.interval[0])} to {number(figure.interval[1])})"
    aim = "" if figure.aim is None else number(figure.aim)
    return f"| {figure.name} | {value if figure.is_met else f'**{value}**'} | {limit} | {figure.bound} | {aim} |"


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def fallen_back(figure: Figure, earlier: Sequence[Mapping[str, Figure]]) -> str:
    """A line about a figure that is slower than the middle of the earlier runs; empty where it is not."""
    parts = [cost(run[figure.name]) for run in earlier if figure.name in run and run[figure.name].limit]
    if figure.limit is None or not parts or cost(figure) <= (usual := statistics.median(parts)) * WORSE:
        return ""
    return f"- {figure.name}: {cost(figure) / usual:.2f} times the usual"


def cost(figure: Figure) -> float:
    """How much worse a figure is than the machine's own: 1 is as good."""
    assert figure.limit is not None
    ratio = figure.value / figure.limit.value
    return ratio if figure.at_most else 1 / ratio
