"""What the history tells of a change, and what a record was after it."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.core.errors import Invalid
from offbook.core.history.entry import (
    DiscardedValue,
    HistoryEntry,
    WinningChange,
    restored_values,
    state_after,
    waited,
    with_entries,
    without_removed_entries,
    written,
)
from offbook.core.model import Clock, Record, Value
from offbook.core.schema import CONTACTS
from offbook.core.validation import value_of

KEY = ("contacts", "r")


def past(seq: int | None = 2, operation: str | None = "UPDATE", **more: Any) -> HistoryEntry:
    usual: dict[str, Any] = {
        "id": f"c{seq}",
        "at": "2026-11-20T17:00:00.000000Z",
        "timestamp": "2026-11-20T17:00:00.000Z",
        "verdict": "applied",
        "user": "ada",
        "device": "laptop",
        "replica": "r1",
        "base": 1,
        "bases": {},
        "data": {},
        "before": {},
        "created": False,
    }
    return HistoryEntry(seq=seq, operation=operation, **usual | more)


MADE = past(1, "INSERT", created=True, base=0, data={"name": "Ada", "phone": "1"})
EDIT = past(2, data={"phone": "2", "email": "e"}, before={"phone": "1"})
GONE = past(3, "DELETE", before={"@exists": True})
BACK = past(4, data={"phone": "4"}, before={"phone": "2", "@exists": False})


def record(seq: int, deleted: bool = False, **cells: Value) -> Record:
    return Record(*KEY, seq, deleted, cells, Clock(0, 0, "", ""), {})


def test_a_change_wrote_what_it_replaced_and_nothing_else() -> None:
    assert written(MADE) == {"name": "Ada", "phone": "1", "@exists": True}
    assert written(EDIT) == {"phone": "2"}
    assert written(GONE) == {"@exists": False}
    assert written(BACK) == {"phone": "4", "@exists": True}


def test_a_value_that_was_neither_written_nor_beaten_waited() -> None:
    lost = DiscardedValue("email", "e", "merge", WinningChange("c9", None, None, None))
    change = past(2, verdict="conflict", data={"phone": "2", "email": "e", "name": "A"}, before={"name": "Ada"})
    assert waited(change, "phone")
    assert not waited(change, "name")
    assert not waited(change, "company")
    assert not waited(EDIT, "email")
    assert not waited(past(2, verdict="conflict", data={"email": "e"}, beaten=(lost,)), "email")


def test_a_base_is_that_of_the_cell_where_it_has_its_own() -> None:
    change = past(base=5, bases={"phone": 3})
    assert (change.base_of("phone"), change.base_of("email")) == (3, 5)


@pytest.mark.parametrize(
    ("seq", "cells"),
    [
        (0, {}),
        (1, {"name": "Ada", "phone": "1", "@exists": True}),
        (2, {"name": "Ada", "phone": "2", "@exists": True}),
        (3, {"name": "Ada", "phone": "2", "@exists": False}),
        (9, {"name": "Ada", "phone": "4", "@exists": True}),
    ],
)
def test_a_record_is_followed_from_its_making(seq: int, cells: dict[str, Value]) -> None:
    assert state_after(record(0, True), [BACK, GONE, past(None), EDIT, MADE], seq) == cells


@pytest.mark.parametrize(("seq", "phone"), [(1, "1"), (2, "2"), (4, "4")])
def test_where_its_making_is_not_told_it_is_followed_from_what_is_known(seq: int, phone: str) -> None:
    later = past(4, data={"phone": "4"}, before={"phone": "2"})
    known = record(2, name="Ada", phone="2", company="C")
    cells = state_after(known, [later, EDIT], seq)
    assert cells == {"name": "Ada", "phone": phone, "company": "C", "@exists": True}


def test_what_a_change_replaced_or_said_is_given_back() -> None:
    assert restored_values(EDIT, False, None, "before") == {"phone": "1"}
    assert restored_values(EDIT, False, ["email"], "after") == {"email": "e"}
    assert restored_values(GONE, False, None, "before") == {"@exists": True}
    assert restored_values(GONE, False, None, "after") == {"@exists": False}
    assert restored_values(MADE, True, None, "before") == {"@exists": False}
    assert restored_values(MADE, True, ["phone"], "before") == {"phone": None}
    with pytest.raises(Invalid, match="no value for 'company'"):
        restored_values(EDIT, False, ["company"], "after")


def test_an_entry_comes_back_with_what_was_in_it() -> None:
    known: dict[str, Value] = {"details/k/kind": "url", "details/k/value": "x", "details/l/kind": "url", "phone": "1"}
    back = with_entries({"details/k/@exists": True, "details/k/value": "y"}, known)
    assert back == {"details/k/kind": "url", "details/k/value": "y", "details/k/@exists": True}
    assert with_entries({"details/k/@exists": False}, known) == {"details/k/@exists": False}


def test_what_was_in_a_removed_entry_does_not_stand() -> None:
    cells: dict[str, Value] = {"phone": "1", "details/k/kind": "url", "details/k/@exists": False}
    assert without_removed_entries(cells) == {"phone": "1"}
    assert without_removed_entries({**cells, "details/k/@exists": True}) == {**cells, "details/k/@exists": True}


# --- the value of one cell by itself -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "given", "value"),
    [
        ("phone", "1", "1"),
        ("phone", None, None),
        ("name", None, None),
        ("@exists", False, False),
        ("details/k/@exists", True, True),
        ("details/k/label", "L", "L"),
        ("details/k/value", "x", ("x", None, None, None, None, None)),
        ("details/k/value", ["x", None, "Rome"], ("x", None, "Rome", None, None, None)),
        ("details/k/value", ["", None], None),
    ],
)
def test_a_cell_is_read_by_itself(cell: str, given: Any, value: Value) -> None:
    assert value_of(CONTACTS, cell, given) == value


@pytest.mark.parametrize(
    ("cell", "given"),
    [("no_such", "1"), ("@exists", "yes"), ("phone", 5), ("phone", ["1", "2"]), ("details/k/value", ["1"] * 7)],
)
def test_what_a_cell_can_not_hold_is_refused(cell: str, given: Any) -> None:
    with pytest.raises(Invalid):
        value_of(CONTACTS, cell, given)
