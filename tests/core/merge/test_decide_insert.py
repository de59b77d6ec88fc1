"""What a record holds that an INSERT makes: every cell that says something, and no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core import Change, Create, Operation, decide
from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import parse_cells

ADA = str(UUID(int=7))

DATA: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a true flag is a cell": ({"name": "Ada", "starred": True}, {"name": "Ada", "starred": True}),
    "a false flag is none": ({"name": "Ada", "starred": False}, {"name": "Ada"}),
    "a null is none": ({"name": "Ada", "phone": None, "birthday": None}, {"name": "Ada"}),
    "an empty text is none": ({"name": "Ada", "phone": "", "notes": ""}, {"name": "Ada"}),
    "zero is a number": (
        {"name": "Ada", "details": {"k1": {"kind": "url", "position": 0}}},
        {"name": "Ada", "details/k1/@exists": True, "details/k1/kind": "url", "details/k1/position": 0},
    ),
    "a null in an entry is none": (
        {"name": "Ada", "details": {"k1": {"kind": "url", "label": None, "value": "", "street": None}}},
        {"name": "Ada", "details/k1/@exists": True, "details/k1/kind": "url"},
    ),
    "an entry that is removed never was": ({"name": "Ada", "details": {"k1": None}}, {"name": "Ada"}),
    "no entries are no cells": ({"name": "Ada", "details": None}, {"name": "Ada"}),
}


def created(data: dict[str, Any]) -> Create:
    cells = parse_cells(CONTACTS, data, Operation.INSERT)
    change = Change(str(UUID(int=8)), CONTACTS, ADA, Operation.INSERT, str(UUID(int=9)), 5, 0, cells)
    decision = decide(None, change, "merge", 20)
    assert isinstance(decision, Create)
    return decision


@pytest.mark.parametrize("name", DATA)
def test_a_new_record_holds_what_its_insert_says_and_no_empty_cell(name: str) -> None:
    data, cells = DATA[name]
    record = created(data).record
    assert (record.cells, record.clocks, record.deleted, record.seq) == (cells, {}, False, 20)


def test_a_new_record_shows_its_flags() -> None:
    shown = [
        with_all_fields(CONTACTS, created({"name": "Ada", "starred": flag}).record.cells)["starred"]
        for flag in (True, False)
    ]
    assert shown == [True, False]
