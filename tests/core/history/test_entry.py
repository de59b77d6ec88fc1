"""What the history tells of a change, and what a record was after it."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import value_of
from offbook.core.errors import Invalid
from offbook.core.history.entry import (
    DiscardedValue,
    HistoryEntry,
    WinningChange,
    discarded_values,
    restored_values,
    seq_of_effect,
    was_deferred,
    written,
)
from offbook.core.model import Author, Clock, DiscardedWrite, Operation, Value, Verdict

KEY = ("contacts", "r")


def make_entry(seq: int | None = 2, operation: str = "UPDATE", **more: Any) -> HistoryEntry:
    usual: dict[str, Any] = {
        "key": KEY,
        "id": f"c{seq}",
        "at": "2026-11-20T17:00:00.000000Z",
        "timestamp": "2026-11-20T17:00:00.000Z",
        "verdict": Verdict.APPLIED,
        "user": "ada",
        "device": "laptop",
        "replica": "r1",
        "base": 1,
        "bases": {},
        "data": {},
        "before": {},
        "created": False,
    }
    return HistoryEntry(seq=seq, operation=Operation(operation), **usual | more)


MADE = make_entry(1, "INSERT", created=True, base=0, data={"name": "Ada", "phone": "1"})
EDIT = make_entry(2, data={"phone": "2", "email": "e"}, before={"phone": "1"})
GONE = make_entry(3, "DELETE", before={"@exists": True})
BACK = make_entry(4, data={"phone": "4"}, before={"phone": "2", "@exists": False})


def test_a_change_wrote_what_it_replaced_and_nothing_else() -> None:
    assert written(MADE) == {"name": "Ada", "phone": "1", "@exists": True}
    assert written(EDIT) == {"phone": "2"}
    assert written(GONE) == {"@exists": False}
    assert written(BACK) == {"phone": "4", "@exists": True}


def test_a_value_that_was_neither_written_nor_beaten_was_deferred() -> None:
    lost = DiscardedValue("email", "e", "merge", WinningChange("c9", None, None, None))
    change = make_entry(2, verdict="conflict", data={"phone": "2", "email": "e", "name": "A"}, before={"name": "Ada"})
    assert was_deferred(change, "phone")
    assert not was_deferred(change, "name")
    assert not was_deferred(change, "company")
    assert not was_deferred(EDIT, "email")
    assert not was_deferred(make_entry(2, verdict="conflict", data={"email": "e"}, beaten=(lost,)), "email")


def test_a_base_is_that_of_the_cell_where_it_has_its_own() -> None:
    change = make_entry(base=5, bases={"phone": 3})
    assert (change.base_of("phone"), change.base_of("email")) == (3, 5)


def test_a_discarded_value_names_its_winner() -> None:
    lost = discarded_values(
        [DiscardedWrite("phone", "3", Clock(5, 7, "c9", "r"), "merge")], {"c9": Author("ada", "mac")}
    )
    assert lost[0].winner == WinningChange("c9", "ada", "mac", "1970-01-01T00:00:00.007Z", 5)


def test_what_a_change_replaced_or_said_is_given_back() -> None:
    assert restored_values(EDIT, None, "before") == {"phone": "1"}
    assert restored_values(EDIT, ["email"], "after") == {"email": "e"}
    assert restored_values(GONE, None, "before") == {"@exists": True}
    assert restored_values(GONE, None, "after") == {"@exists": False}
    assert restored_values(MADE, None, "before") == {"@exists": False}
    assert restored_values(MADE, ["phone"], "before") == {"phone": None}
    with pytest.raises(Invalid, match="no value for 'company'"):
        restored_values(EDIT, ["company"], "after")


def test_what_is_one_value_is_given_back_as_a_whole() -> None:
    renamed = make_entry(before={"name": "Ada", "given_name": "Ada", "phone": "1"}, data={"name": "Bea"})
    assert restored_values(renamed, ["name"], "before", {"name", "given_name"}) == {"name": "Ada", "given_name": "Ada"}
    assert restored_values(renamed, ["phone"], "before", {"name", "given_name"}) == {"phone": "1"}


def test_what_stays_as_it_was_is_not_among_what_was_written_and_was_decided_all_the_same() -> None:
    before, data = {"name": "Ada", "given_name": "Ada"}, {"name": "Ada K.", "given_name": "Ada", "phone": "1"}
    renamed = make_entry(before=before, data=data, verdict=Verdict.CONFLICT)
    assert written(renamed) == {"name": "Ada K."}
    assert [cell for cell in data if was_deferred(renamed, cell)] == ["phone"]


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
        ("details/k/value", "x", ("x", *[None] * 7)),
        ("details/k/value", ["x", None, "Rome"], ("x", None, "Rome", *[None] * 5)),
        ("details/k/value", ["", None], None),
    ],
)
def test_a_cell_is_read_by_itself(cell: str, given: Any, value: Value) -> None:
    assert value_of(CONTACTS, cell, given) == value


@pytest.mark.parametrize(
    ("cell", "given"),
    [("no_such", "1"), ("@exists", "yes"), ("phone", 5), ("phone", ["1", "2"]), ("details/k/value", ["1"] * 9)],
)
def test_what_a_cell_can_not_hold_is_refused(cell: str, given: Any) -> None:
    with pytest.raises(Invalid):
        value_of(CONTACTS, cell, given)


def test_what_has_lost_has_no_effect_at_its_seq() -> None:
    assert seq_of_effect(Verdict.SUPERSEDED, 5) is None
    assert seq_of_effect(Verdict.MERGED, 5) == 5
