"""What a record was, and what takes it back there: cases as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import common_of, state_at, to_state, to_values
from offbook.core.model import Clock, Conflict, Operation, Record

CREATED = Clock(10, 0, "made", "one")
STANDS = {"details/k/@exists": True, "details/k/kind": "phone", "details/k/value": "1"}
REMOVED = {**STANDS, "details/k/@exists": False}


def step(seq: int, before: Mapping[str, Any]) -> HistoryStep:
    return HistoryStep(("contacts", "r"), seq, before)


def record(cells: Mapping[str, Any] = {}, deleted: bool = False) -> Record:  # noqa: B006
    return Record(CONTACTS, "r", 40, deleted, {"name": "Ada", **cells}, CREATED, {})


STATES: Mapping[str, tuple[Record, list[HistoryStep], int, dict[str, Any]]] = {
    "before it was made": (record(), [], 9, {}),
    "as it is": (record(), [], 40, {"name": "Ada", "@exists": True}),
    "deleted as it is": (record(deleted=True), [], 40, {"name": "Ada", "@exists": False}),
    "before it was deleted": (
        record(deleted=True),
        [step(40, {"@exists": True})],
        39,
        {"name": "Ada", "@exists": True},
    ),
    "two steps back, in any order": (
        record({"phone": "3"}),
        [step(20, {"phone": None}), step(30, {"phone": "2"})],
        10,
        {"name": "Ada", "@exists": True},
    ),
    "one step back": (
        record({"phone": "3"}),
        [step(30, {"phone": "2"}), step(20, {"phone": "1"})],
        20,
        {"name": "Ada", "phone": "2", "@exists": True},
    ),
}


@pytest.mark.parametrize("name", STATES)
def test_what_a_record_was(name: str) -> None:
    have, steps, seq, then = STATES[name]
    assert state_at(have, steps, seq) == then


ALIVE = {"name": "Ada", "@exists": True}
WHOLES: Mapping[str, tuple[Record, dict[str, Any], tuple[str, dict[str, Any]] | None]] = {
    "is so already": (record(), ALIVE, None),
    "a false flag is an empty one": (record({"starred": None}), {**ALIVE, "starred": False}, None),
    "an old value": (record({"phone": "2"}), {**ALIVE, "phone": "1"}, ("UPDATE", {"phone": "1"})),
    "an empty value": (record({"phone": "2"}), ALIVE, ("UPDATE", {"phone": None})),
    "a zero is not empty": (
        record({**STANDS, "details/k/position": None}),
        {**ALIVE, **STANDS, "details/k/position": 0},
        ("UPDATE", {"details/k/position": 0}),
    ),
    "was not there": (record(), {}, ("DELETE", {})),
    "is gone and was": (record(deleted=True), {}, None),
    "comes back": (record(deleted=True), {**ALIVE, "phone": "1"}, ("INSERT", {"name": "Ada", "phone": "1"})),
    "an entry is taken out whole": (record(STANDS), ALIVE, ("UPDATE", {"details/k/@exists": False})),
    "an entry stands again": (record(REMOVED), {**ALIVE, **STANDS}, ("UPDATE", {"details/k/@exists": True})),
    "an entry that was removed then too": (record(REMOVED), {**ALIVE, **REMOVED}, None),
}


@pytest.mark.parametrize("name", WHOLES)
def test_what_takes_a_record_back(name: str) -> None:
    have, wanted, then = WHOLES[name]
    wish = to_state(have, wanted)
    assert (wish and (wish.operation.value, dict(wish.cells))) == then


VALUES: Mapping[str, tuple[Record, dict[str, Any], dict[str, Any], tuple[str, dict[str, Any]] | None]] = {
    "is so already": (record(), {"name": "Ada"}, {}, None),
    "a value": (record(), {"phone": "1"}, {}, ("UPDATE", {"phone": "1"})),
    "a value of a deleted record": (
        record(deleted=True),
        {"phone": "1"},
        {},
        ("INSERT", {"name": "Ada", "phone": "1"}),
    ),
    "nothing of a deleted record": (record(deleted=True), {"phone": None}, {}, None),
    "existence": (record(deleted=True), {"@exists": True}, {}, ("INSERT", {"name": "Ada"})),
    "existence where it is": (record(), {"@exists": True}, {}, None),
    "no existence": (record(), {"@exists": False}, {}, ("DELETE", {})),
    "no existence where there is none": (record(deleted=True), {"@exists": False}, {}, None),
    "a value of a removed entry": (
        record(REMOVED),
        {"details/k/value": "2"},
        {"details/k/kind": "email"},
        ("UPDATE", {"details/k/@exists": True, "details/k/value": "2"}),
    ),
    "a value of an entry that is not known any more": (
        record(),
        {"details/k/value": "2"},
        {**STANDS, "details/j/value": "other", "phone": "9"},
        ("UPDATE", {"details/k/@exists": True, "details/k/kind": "phone", "details/k/value": "2"}),
    ),
    "an entry that is not to stand": (
        record(STANDS),
        {"details/k/@exists": None},
        {},
        ("UPDATE", {"details/k/@exists": False}),
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_gives_values_back(name: str) -> None:
    have, values, known, then = VALUES[name]
    wish = to_values(have, values, lambda: known)
    assert (wish and (wish.operation.value, dict(wish.cells))) == then


def test_what_both_writers_of_a_conflict_began_with() -> None:
    asked = Conflict("c", CONTACTS, "r", "phone", "3", "4", 20, CREATED, "x", "two", 30)
    assert common_of(asked, record({"phone": "3"}), [step(30, {"phone": "2"})]) == "2"
    assert common_of(asked, None, []) is None


def test_what_is_wished_for_is_an_operation() -> None:
    wish = to_state(record(), {})
    assert wish is not None
    assert wish.operation is Operation.DELETE
