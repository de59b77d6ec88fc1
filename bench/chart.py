"""A chart of figures beside what must be reached: a bar each, as SVG in the reader's light or dark colours."""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from xml.sax.saxutils import escape

from bench.statistics import Figure

WIDTH, ROW, NAMES, VALUES = 960, 26, 380, 110
SPAN = 3.0
"""Bars reach from an eighth of the goal to eight times it: each doubling is as long as the other."""

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.value { text-anchor: end; font-variant-numeric: tabular-nums; }
.met { fill: #2a7d4f; } .short { fill: #b35900; } .goal { stroke: #1f2328; stroke-width: 2; }
.aim { stroke: #6e7781; stroke-dasharray: 2 3; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } .met { fill: #57ab7d; } .short { fill: #d98c3f; }
.goal { stroke: #e6edf3; } .aim { stroke: #8b949e; } }
"""


def chart(figures: Sequence[Figure]) -> str:
    """An SVG with a bar for each figure that has a goal; the line in the middle is the goal, dashed ones are aims."""
    rows = [figure for figure in figures if figure.goal is not None and figure.value > 0]
    height = ROW * len(rows) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Figures beside their goals</title>",
        f"<style>{STYLE}</style>",
        f'<text x="{x_of(1)}" y="16" text-anchor="middle">goal</text>',
        f'<text x="{x_of(4)}" y="16" text-anchor="middle">four times as good</text>',
        *(bar(figure, 28 + number * ROW) for number, figure in enumerate(rows)),
        f'<line class="goal" x1="{x_of(1)}" x2="{x_of(1)}" y1="24" y2="{height - 8}"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def bar(figure: Figure, y: int) -> str:
    """A figure's name, its bar, its value and its aim."""
    assert figure.goal is not None
    end = x_of(goodness(figure, figure.goal))
    kind = "met" if figure.is_met else "short"
    value = f"{figure.value:,.0f}" if figure.value >= 100 else f"{figure.value:.3g}"
    aim = "" if figure.aim is None else x_of(goodness(figure, figure.goal) / goodness(figure, figure.aim))
    aim_line = f'<line class="aim" x1="{aim}" x2="{aim}" y1="{y}" y2="{y + ROW - 6}"/>' if aim else ""
    return (
        f'<text x="0" y="{y + 15}">{escape(figure.name)}</text>'
        f'<rect class="{kind}" x="{NAMES}" y="{y + 3}" width="{end - NAMES:.0f}" height="{ROW - 10}" rx="2"/>{aim_line}'
        f'<text class="value" x="{WIDTH}" y="{y + 15}">{value} {escape(figure.unit)}</text>'
    )


def goodness(figure: Figure, goal: float) -> float:
    """How many times as good as the goal."""
    return goal / figure.value if figure.at_most else figure.value / goal


def x_of(times: float) -> float:
    """Where so many times as good as the goal lies."""
    part = (min(max(log2(times), -SPAN), SPAN) + SPAN) / (2 * SPAN)
    return round(NAMES + part * (WIDTH - NAMES - VALUES), 1)
