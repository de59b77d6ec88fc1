"""Pruning forgets what is gone, and never touches what lives."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core import Clock, Record
from offbook.core.errors import Invalid
from offbook.core.merge.retention import (
    DAY_US,
    PurgedRows,
    RetentionLimits,
    count_purged,
    is_purged,
    limits_at,
    prune,
    total,
)
from offbook.core.model import Value
from offbook.core.schema import EXISTS
from tests.core.merge.cases import seen

CELLS: dict[str, Value] = {
    "name": "Ada",
    "details/k1/@exists": False,
    "details/k1/kind": "phone",
    "details/k10/@exists": True,
    "details/k10/kind": "url",
}
CREATED = Clock(10, 1, "a", "r")


def record(seq: int = 20, deleted: bool = False, removed_at: int = 20) -> Record:
    clocks = {"details/k1/@exists": Clock(removed_at, 1, "c", "r"), "details/k1/kind": Clock(11, 1, "b", "r")}
    clocks |= {EXISTS: Clock(seq, 1, "d", "r")} if deleted else {}
    return Record(CONTACTS, "id", seq, deleted, CELLS, CREATED, clocks)


TOMBSTONE = record(deleted=True)
BARE = Record(CONTACTS, "id", 20, True, {}, CREATED, {EXISTS: Clock(20, 1, "d", "r")})
WITHOUT_K1 = Record(
    CONTACTS, "id", 20, False, {"name": "Ada", "details/k10/@exists": True, "details/k10/kind": "url"}, CREATED, {}
)


@dataclass(frozen=True)
class Case:
    name: str
    before: Record
    lines: RetentionLimits
    after: Record | None
    forgotten: PurgedRows = PurgedRows()


CASES = [
    Case(
        "a tombstone that the history line reached", TOMBSTONE, RetentionLimits(20, 20), None, PurgedRows(tombstones=1)
    ),
    Case("a bare one that the history line reached", BARE, RetentionLimits(20, 30), None, PurgedRows(tombstones=1)),
    Case("a tombstone above both lines", TOMBSTONE, RetentionLimits(0, 19), TOMBSTONE),
    Case(
        "a tombstone that only the trash line reached", TOMBSTONE, RetentionLimits(0, 20), BARE, PurgedRows(emptied=1)
    ),
    Case("a bare one that the trash line reached again", BARE, RetentionLimits(19, 25), BARE),
    Case(
        "an entry that the history line reached", record(), RetentionLimits(20, 20), WITHOUT_K1, PurgedRows(entries=1)
    ),
    Case("an entry that only the trash line reached", record(), RetentionLimits(19, 30), record()),
    Case("a contact with nothing removed", WITHOUT_K1, RetentionLimits(99, 99), WITHOUT_K1),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert prune(case.before, case.lines) == case.after
    assert count_purged([(case.before, case.after)]) == case.forgotten


def test_what_was_forgotten_adds_up() -> None:
    parts = [PurgedRows(tombstones=1, changes=2), PurgedRows(tombstones=3, entries=4)]
    assert total(parts) == PurgedRows(tombstones=4, entries=4, changes=2)
    assert total([]) == PurgedRows()


def test_only_a_tombstone_without_what_a_record_must_have_is_bare() -> None:
    assert is_purged(BARE)
    assert not any(map(is_purged, (TOMBSTONE, record(), WITHOUT_K1)))


@pytest.mark.parametrize("line", [0, 20, 100])
def test_what_shows_is_the_same_after_pruning(line: int) -> None:
    assert seen(prune(record(), RetentionLimits(line, line))) == seen(record())


SEQS = st.integers(10, 30)
LINES = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: RetentionLimits(*sorted(pair)))


@given(SEQS, SEQS, LINES)
def test_no_line_takes_a_living_record(seq: int, removed_at: int, lines: RetentionLimits) -> None:
    alive = record(seq, False, removed_at)
    kept = prune(alive, lines)
    assert kept is not None
    assert seen(kept) == seen(alive)
    assert (kept.seq, kept.deleted, kept.created) == (alive.seq, False, alive.created)


@given(st.builds(record, SEQS, st.booleans(), SEQS), LINES)
def test_pruning_twice_is_pruning_once(before: Record, lines: RetentionLimits) -> None:
    once = prune(before, lines)
    assert once is None or prune(once, lines) is once


@given(st.builds(record, SEQS, st.just(True), SEQS), LINES)
def test_a_tombstone_that_stays_keeps_its_place_and_its_causality(before: Record, lines: RetentionLimits) -> None:
    after = prune(before, lines)
    assert after is None or (after.seq, after.deleted, after.clock(EXISTS)) == (before.seq, True, before.clock(EXISTS))


# --- where the lines lie -------------------------------------------------------------------------------------------

NOW = 1_000 * DAY_US


def test_the_lines_lie_so_many_days_back() -> None:
    assert limits_at(NOW, 365, 30) == RetentionLimits(635 * DAY_US, 970 * DAY_US)
    assert limits_at(NOW, 0, 0) == RetentionLimits(NOW, NOW)
    assert limits_at(NOW, 10**9, 10**9) == RetentionLimits(0, 0)


@pytest.mark.parametrize(
    ("history", "trash", "why"),
    [
        (-1, 0, "counted back from now"),
        (365, -1, "counted back from now"),
        (10, 30, "can't be kept longer \\(30 days\\) than the history \\(10 days\\)"),
    ],
)
def test_days_that_make_no_sense_are_refused_with_the_reason(history: int, trash: int, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        limits_at(NOW, history, trash)
    assert refused.value.code == "bad_days"
