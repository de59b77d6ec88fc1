"""Pruning forgets what is gone, and never touches what lives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core import Clock, Record
from offbook.core.prune import without_removed
from tests.core.cases import seen

CELLS = {
    "name": "Ada",
    "details/k1/@exists": False,
    "details/k1/kind": "phone",
    "details/k10/@exists": True,
    "details/k10/kind": "url",
}


def record(seq: int = 20, deleted: bool = False, removed_at: int = 20) -> Record:
    clocks = {"details/k1/@exists": Clock(removed_at, 1, "c", "r"), "details/k1/kind": Clock(11, 1, "b", "r")}
    return Record("contacts", "id", seq, deleted, CELLS, Clock(10, 1, "a", "r"), clocks)


def test_a_tombstone_below_the_line_is_forgotten() -> None:
    assert without_removed(record(deleted=True), 20) is None


def test_a_tombstone_above_the_line_stays_whole() -> None:
    assert without_removed(record(seq=21, deleted=True, removed_at=21), 20) == record(21, True, 21)


def test_an_entry_removed_below_the_line_is_forgotten_with_its_clocks() -> None:
    kept = without_removed(record(), 20)
    assert kept is not None
    assert kept.cells == {"name": "Ada", "details/k10/@exists": True, "details/k10/kind": "url"}
    assert kept.clocks == {}


def test_an_entry_removed_above_the_line_stays() -> None:
    assert without_removed(record(), 19) == record()


@pytest.mark.parametrize("line", [0, 20, 100])
def test_what_shows_is_the_same_after_pruning(line: int) -> None:
    assert seen(without_removed(record(), line)) == seen(record())


@given(st.integers(10, 30), st.integers(10, 30), st.integers(0, 40))
def test_no_line_takes_a_living_record(seq: int, removed_at: int, line: int) -> None:
    alive = record(seq, False, removed_at)
    kept = without_removed(alive, line)
    assert kept is not None and (kept.seq, kept.created) == (alive.seq, alive.created)
