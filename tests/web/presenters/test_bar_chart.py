"""The geometry of charts: pure cases."""

from __future__ import annotations

import pytest

from web.presenters.bar_chart import PART_HEIGHT_MIN, PLOT_HEIGHT, Series, heights, scale_for, short, stacked

LABELS = [f"day {number}" for number in range(30)]


def series(name: str, *last: int) -> Series:
    """Values of the last days; nothing on those before."""
    return Series(name, name, [0] * (len(LABELS) - len(last)) + list(last))


@pytest.mark.parametrize(
    ("most", "step", "top"),
    [(0, 1, 1), (1, 1, 1), (4, 1, 4), (5, 2, 6), (9, 5, 10), (10_000, 5_000, 10_000), (1_234_567, 500_000, 1_500_000)],
)
def test_the_grid_has_round_numbers_and_reaches_the_highest_bar(most: int, step: int, top: int) -> None:
    assert scale_for(most) == (step, top)


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (500, "500"), (1_000, "1k"), (1_500, "1.5k"), (20_000, "20k"), (2_500_000, "2.5M")]
)
def test_numbers_of_the_axis_are_short(number: int, text: str) -> None:
    assert short(number) == text


def test_a_few_changes_show_beside_thousands() -> None:
    assert heights([3, 0], 10_000) == [PART_HEIGHT_MIN, 0]


def test_no_bar_is_higher_than_the_plot() -> None:
    found = heights([1, 9_990, 1, 1], 10_000)
    assert sum(found) == pytest.approx(PLOT_HEIGHT)
    assert min(found) == PART_HEIGHT_MIN


def test_a_bar_is_stacked_from_the_bottom_without_overlaps() -> None:
    bar = stacked(LABELS, [series("laptop", 6), series("phone", 2), series("tablet", 0)]).bars[-1]
    low, high = bar.parts
    assert (low.colour, high.colour) == ("laptop", "phone")
    assert low.y + low.height == PLOT_HEIGHT
    assert 0 <= high.y < high.y + high.height <= low.y


def test_bars_stand_side_by_side_inside_the_plot() -> None:
    chart = stacked(LABELS, [series("laptop", 1, 2, 3)])
    ends = [(bar.x, bar.x + bar.width) for bar in chart.bars]
    assert all(end < start for (_, end), (start, _) in zip(ends, ends[1:], strict=False))
    assert ends[0][0] > 0
    assert ends[-1][1] < 100


def test_a_day_tells_its_numbers_where_the_pointer_is() -> None:
    bars = stacked(LABELS, [series("Laptop", 0, 12_345), series("Phone", 0, 0)]).bars
    assert bars[-1].title == "day 29\nLaptop: 12,345"
    assert bars[-2].title == "day 28\nNo changes"


def test_the_last_day_is_marked_and_every_seventh_before_it() -> None:
    marks = stacked(LABELS, [series("laptop", 1)]).marks
    assert [mark.text for mark in marks] == ["day 1", "day 8", "day 15", "day 22", "day 29"]


def test_the_grid_runs_from_the_bottom_to_the_top() -> None:
    ticks = stacked(LABELS, [series("laptop", 7)]).ticks
    assert [tick.text for tick in ticks] == ["0", "2", "4", "6", "8"]
    assert (ticks[0].y, ticks[-1].y) == (PLOT_HEIGHT, 0)
