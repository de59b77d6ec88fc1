"""What `make bench` keeps and draws: a table that can be read, and a word about what became slower."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.chart import chart, goodness
from bench.runs import fallen_back, page
from bench.statistics import Figure, Limit

RUN = {"at": "2026-11-20", "commit": "abc", "python": "3.11", "cores": 2}


def idle(value: float, limit: float = 0.5) -> Figure:
    return Figure("nothing changed", value, "ms", 0.5, at_most=True, aim=0.3, limit=Limit("a bare view", limit))


def pushed(value: float) -> Figure:
    return Figure("push", value, "contacts/s", 100, limit=Limit("executemany", 400))


def test_a_row_says_what_was_measured_beside_the_machine_and_its_bound() -> None:
    text = page(RUN, [idle(0.25), pushed(90)], [])
    assert "Measured 2026-11-20 at abc, Python 3.11, 2 cores." in text
    assert "| nothing changed | 0.25 ms | 0.5 (a bare view) | at most 0.5 | 0.3 |" in text
    assert "| push | **90 contacts/s** | 400 (executemany) | at least 100 |  |" in text
    assert "Slower" not in text


def test_what_fell_back_is_named_by_its_part_of_the_machine_s_own() -> None:
    earlier = [{"nothing changed": idle(0.25)}, {"nothing changed": idle(0.25)}]
    assert fallen_back(idle(0.5), earlier) == "- nothing changed: 2.00 times the usual"
    assert fallen_back(idle(0.5, limit=1.0), earlier) == ""
    assert fallen_back(idle(0.25), []) == ""
    assert fallen_back(pushed(50), [{"push": pushed(100)}]) == "- push: 2.00 times the usual"


def test_the_chart_is_an_image_of_all_that_has_a_goal() -> None:
    drawn = ElementTree.fromstring(chart([idle(0.25), pushed(90), Figure("memory", 90, "MB")]))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "nothing changed" in texts
    assert "memory" not in texts
    bars = [float(bar.get("width", "0")) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(bars) == 2
    assert bars[0] > bars[1]


@pytest.mark.parametrize(("figure", "times"), [(idle(0.25), 2.0), (pushed(50), 0.5)])
def test_twice_as_good_is_twice_the_goal_whichever_way_it_counts(figure: Figure, times: float) -> None:
    assert figure.goal is not None
    assert goodness(figure, figure.goal) == times
