"""Numbers to geometry: a chart of stacked bars, one per span of time. Pure; the markup is in templates/_bar_chart.html.

Across, places are percents of the plot, so that a chart is as wide as its page and its text stays as large as all text.
Up and down they are pixels from the top. Colours are classes, since the content policy allows no styles in markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

PLOT_HEIGHT = 180
PART_HEIGHT_MIN = 2
"""A few changes on one day show beside thousands on another."""

GAP = 1
BAR_SHARE = 0.72
GRID_LINES = 4
MARK_EVERY = 7
BAND_WIDTH_MIN = 0.4


@dataclass(frozen=True, slots=True)
class Series:
    """What is stacked: a name, the class that colours it, and a value per bar."""

    name: str
    colour: str
    values: Sequence[int]

    @property
    def total(self) -> int:
        """The sum over all bars."""
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class BarPart:
    """One colour of one bar."""

    colour: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class ChartBar:
    """One span: its bar, the column of the plot that it stands in, and what is shown where the pointer is."""

    x: float
    width: float
    column: float
    title: str
    parts: Sequence[BarPart]


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, with its number."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class AxisLabel:
    """A label below the plot, in the middle of its bar."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of time that is marked from top to bottom."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A bar chart, ready to be drawn by `templates/_bar_chart.html`."""

    bars: Sequence[ChartBar]
    ticks: Sequence[Tick]
    marks: Sequence[AxisLabel]
    column_width: float
    height: int = PLOT_HEIGHT


def stacked(
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    nothing: str = "No changes",
    marks: Sequence[str] | None = None,
    mark_every: int = MARK_EVERY,
) -> Chart:
    """A bar per label, the first of the series at the bottom. ``labels`` and all values are of the same spans.

    Below the plot stand the labels, or ``marks`` where they are too long for that.
    """
    step, top = scale_for(
        max((sum(values) for values in zip(*(line.values for line in series), strict=True)), default=0)
    )
    column = 100 / len(labels)
    bars = [_bar(number, label, column, series, top, nothing) for number, label in enumerate(labels)]
    ticks = [Tick(round(PLOT_HEIGHT * (1 - value / top), 2), short(value)) for value in range(0, top + 1, step)]
    return Chart(bars, ticks, list(_marks(marks or labels, column, mark_every)), round(column, 3))


def bands(stretches: Iterable[tuple[int, int]], start: int, end: int) -> list[Band]:
    """Where stretches of time lie on a plot that reaches from ``start`` to ``end``; short ones are widened to show."""
    placed = []
    for began, ended in stretches:
        low, high = max(began, start), min(ended, end)
        if low < high:
            width = max(BAND_WIDTH_MIN, 100 * (high - low) / (end - start))
            placed.append(Band(round(min(100 * (low - start) / (end - start), 100 - width), 3), round(width, 3)))
    return placed


def _bar(number: int, label: str, column: float, series: Sequence[Series], top: int, nothing: str) -> ChartBar:
    values = [line.values[number] for line in series]
    lines = [f"{line.name}: {value:,}" for line, value in zip(series, values, strict=True) if value]
    return ChartBar(
        x=round(column * (number + (1 - BAR_SHARE) / 2), 3),
        width=round(column * BAR_SHARE, 3),
        column=round(column * number, 3),
        title="\n".join((label, *(lines or [nothing]))),
        parts=list(_parts([line.colour for line in series], heights(values, top))),
    )


def _parts(colours: Sequence[str], all_heights: Sequence[float]) -> Iterator[BarPart]:
    """From the bottom up, with a gap between colours where there is room for one."""
    y = float(PLOT_HEIGHT)
    for colour, height in zip(colours, all_heights, strict=True):
        y -= height
        if height:
            gap = GAP if height > PART_HEIGHT_MIN + GAP else 0
            yield BarPart(colour, round(y + gap, 2), round(height - gap, 2))


def heights(values: Sequence[int], top: int) -> list[float]:
    """How high each value stands. What the smallest are raised by is taken off the largest where the plot ends."""
    raised = [max(PART_HEIGHT_MIN, value * PLOT_HEIGHT / top) if value else 0.0 for value in values]
    excess = sum(raised) - PLOT_HEIGHT
    if excess > 0:
        raised[raised.index(max(raised))] -= excess
    return raised


def scale_for(most: int) -> tuple[int, int]:
    """The step between lines of the grid (1, 2 or 5 and zeros), and the value at the top of the plot."""
    step = next(size for size in _round_numbers() if size * GRID_LINES >= most)
    return step, step * max(1, -(-most // step))


def _round_numbers() -> Iterator[int]:
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def short(number: int) -> str:
    """``500``, ``1.5k``, ``20k``, ``2M``: an axis has little room."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:g}{unit}"
    return str(number)


def _marks(labels: Sequence[str], column: float, every: int) -> Iterator[AxisLabel]:
    """Every so many labels, counted back from the last."""
    last = len(labels) - 1
    for number in range(last % every, last + 1, every):
        yield AxisLabel(round(column * (number + 0.5), 3), labels[number])
