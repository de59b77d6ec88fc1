"""What a record was after a change, by the history that a device was sent."""

from __future__ import annotations

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.history.reconstruct import state_after, with_entries, without_removed_entries
from offbook.core.model import Clock, Record, Value
from tests.core.history.test_entry import BACK, EDIT, GONE, KEY, MADE, make_entry


def record(seq: int, deleted: bool = False, **cells: Value) -> Record:
    return Record(CONTACTS, KEY[1], seq, deleted, cells, Clock(0, 0, "", ""), {})


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
    assert state_after(record(0, True), [BACK, GONE, make_entry(None), EDIT, MADE], seq) == cells


@pytest.mark.parametrize(("seq", "phone"), [(1, "1"), (2, "2"), (4, "4")])
def test_where_its_making_is_not_told_it_is_followed_from_what_is_known(seq: int, phone: str) -> None:
    later = make_entry(4, data={"phone": "4"}, before={"phone": "2"})
    current = record(2, name="Ada", phone="2", company="C")
    cells = state_after(current, [later, EDIT], seq)
    assert cells == {"name": "Ada", "phone": phone, "company": "C", "@exists": True}


def test_an_entry_comes_back_with_what_was_in_it() -> None:
    cells: dict[str, Value] = {"details/k/kind": "url", "details/k/value": "x", "details/l/kind": "url", "phone": "1"}
    back = with_entries({"details/k/@exists": True, "details/k/value": "y"}, cells)
    assert back == {"details/k/kind": "url", "details/k/value": "y", "details/k/@exists": True}
    assert with_entries({"details/k/@exists": False}, cells) == {"details/k/@exists": False}


def test_what_was_in_a_removed_entry_does_not_stand() -> None:
    cells: dict[str, Value] = {"phone": "1", "details/k/kind": "url", "details/k/@exists": False}
    assert without_removed_entries(cells) == {"phone": "1"}
    assert without_removed_entries({**cells, "details/k/@exists": True}) == {**cells, "details/k/@exists": True}
