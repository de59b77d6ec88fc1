"""What settles conflicts, one or all alike, on records as they are by now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.conflicts.bulk import (
    BulkResolution,
    CustomValue,
    Rule,
    resolution_patch,
    resolutions_by_rule,
    with_current_value,
)
from offbook.core.conflicts.resolution import Choice
from offbook.core.history.reconstruct import Patch, state_of
from offbook.core.model import Clock, Conflict, Operation, Record, Value

BORN = Clock(10, 1_000, "born", "laptop")
FIRST = Clock(20, 2_000, "first", "laptop")
BOAT: dict[str, Any] = {
    "name": "Ada",
    "details/k1/@exists": True,
    "details/k1/kind": "phone",
    "details/k1/label": "boat",
    "details/k1/value": ("1",) + (None,) * 5,
}


def record(deleted: bool = False, **cells: Value) -> Record:
    cells = {"name": "Ada", **cells}
    return Record(CONTACTS, "ada", 20, deleted, cells, BORN, dict.fromkeys(cells, FIRST))


def conflict(cell: str, ours: Value, theirs: Value, seq: int = 30, change_id: str = "then") -> Conflict:
    return Conflict(f"conflict-{seq}", CONTACTS, "ada", cell, ours, theirs, 10, FIRST, change_id, "phone", seq)


def test_a_conflict_shows_what_stands_by_now() -> None:
    waits = conflict("phone", "1", "2")
    assert with_current_value(waits, record(phone="1"), {"phone": "1"}) is waits
    now = record(phone="9")
    assert with_current_value(waits, now, state_of(now)).ours == "9"
    assert with_current_value(waits, now, {}).ours is None


def test_an_empty_cell_and_a_false_one_are_the_same() -> None:
    waits = conflict("starred", False, True)
    assert with_current_value(waits, record(), {}) is waits


def test_a_choice_or_a_third_value_is_an_ordinary_change() -> None:
    waits = conflict("phone", "1", "2")
    assert resolution_patch(waits, record(phone="1"), Choice.THEIRS) == Patch(Operation.UPDATE, {"phone": "2"})
    assert resolution_patch(waits, record(phone="1"), CustomValue("3")) == Patch(Operation.UPDATE, {"phone": "3"})


@pytest.mark.parametrize(
    ("cell", "gone"),
    [
        ("phone", record(deleted=True, phone="1")),
        ("details/k1/label", record(**BOAT | {"details/k1/@exists": False})),
        ("details/k1/label", Record(CONTACTS, "ada", 20, True, BOAT, BORN, {})),
    ],
)
def test_what_is_kept_in_what_was_deleted_brings_nothing_back(cell: str, gone: Record) -> None:
    assert resolution_patch(conflict(cell, "boat", "ship"), gone, Choice.OURS) == Patch(Operation.UPDATE, {})
    assert resolution_patch(conflict(cell, "boat", "ship"), gone, Choice.THEIRS).cells[cell] == "ship"


def resolutions(rule: Rule, *conflicts: Conflict, have: Record, **times: int) -> list[BulkResolution]:
    return resolutions_by_rule(conflicts, {("contacts", "ada"): have}, times, rule)


@pytest.mark.parametrize(("rule", "phone"), [(Rule.OURS, "1"), (Rule.THEIRS, "3"), (Rule.LATER, "2")])
def test_several_conflicts_about_a_cell_are_one_choice(rule: Rule, phone: str) -> None:
    both = conflict("phone", "1", "2", 30, "late"), conflict("phone", "1", "3", 31, "early")
    (resolution,) = resolutions(rule, *both, have=record(phone="1"), late=9_000, early=3_000)
    assert resolution == BulkResolution(
        ("contacts", "ada"), Patch(Operation.UPDATE, {"phone": phone}), ("conflict-30", "conflict-31")
    )


def test_each_cell_of_each_record_is_a_choice_of_its_own() -> None:
    ada, bob = record(phone="1", email="a"), record(phone="3")._replace(id="bob")
    waits = [conflict("phone", "1", "2", 30), conflict("email", "a", "b", 31), conflict("phone", "1", "9", 32)]
    waits.append(replace(conflict("phone", "3", "4", 33), record_id="bob"))
    records = {("contacts", "ada"): ada, ("contacts", "bob"): bob}
    assert resolutions_by_rule(waits, records, {}, Rule.THEIRS) == [
        BulkResolution(("contacts", "ada"), Patch(Operation.UPDATE, {"phone": "9"}), ("conflict-30", "conflict-32")),
        BulkResolution(("contacts", "ada"), Patch(Operation.UPDATE, {"email": "b"}), ("conflict-31",)),
        BulkResolution(("contacts", "bob"), Patch(Operation.UPDATE, {"phone": "4"}), ("conflict-33",)),
    ]


def test_what_stands_is_later_than_what_came_before_it() -> None:
    (resolution,) = resolutions(Rule.LATER, conflict("phone", "1", "2"), have=record(phone="1"), then=1_500)
    assert resolution.patch.cells == {"phone": "1"}


def test_existence_is_settled_last() -> None:
    waits = [
        conflict("@exists", True, False, 30),
        conflict("details/k1/@exists", True, False, 31),
        conflict("phone", "1", "2", 32),
    ]
    made = resolutions(Rule.THEIRS, *waits, have=record(**BOAT | {"phone": "1"}))
    assert [one.resolves for one in made] == [("conflict-32",), ("conflict-31",), ("conflict-30",)]
    assert made[-1].patch.operation is Operation.DELETE


def test_one_choice_about_an_entry_takes_no_other_back() -> None:
    (resolution,) = resolutions(Rule.THEIRS, conflict("details/k1/label", "boat", "ship"), have=record(**BOAT))
    assert resolution.patch.cells == {"details/k1/label": "ship", "details/k1/@exists": True}
