"""What the desktop example says and what an edit in it changes: values in, values out, without Qt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from examples.desktop.entry_fields import NEW, changed_lines
from examples.desktop.formatting import (
    DetailLine,
    EntryLine,
    cell_label,
    cell_value,
    describe_pending,
    describe_state,
    detail_lines,
    entry_lines,
    format_day,
    format_time,
    link_to,
)
from offbook import Status

HERE = Status("r", "b", "https://example.org", 0, 0, 0, None, None, 0, True, "live", None, None)

ADA: dict[str, Any] = {
    "phone": "1",
    "phone_label": "Home",
    "details": {
        "k2": {"kind": "phone", "value": "3", "position": 2},
        "k1": {"kind": "phone", "value": "2", "label": "Boat", "position": 1},
        "k3": {"kind": "address", "street": "Quay 1", "city": "London"},
    },
}
LINES = [
    EntryLine("phone", "@", "Home", "1"),
    EntryLine("phone", "k1", "Boat", "2"),
    EntryLine("phone", "k2", "", "3"),
    EntryLine("address", "k3", "", "Quay 1\nLondon"),
]


def test_a_form_shows_the_first_phone_and_then_the_others_in_their_order() -> None:
    assert entry_lines(ADA) == LINES


def test_a_form_that_was_not_touched_changes_nothing() -> None:
    assert changed_lines(ADA, LINES) == ({}, {})


def test_only_what_was_touched_is_changed() -> None:
    touched = [LINES[0], LINES[1]._replace(value="22"), LINES[3]._replace(value="Quay 2")]
    assert changed_lines(ADA, touched) == ({}, {"k1": {"value": "22"}, "k2": None, "k3": {"value": "Quay 2"}})


def test_the_first_of_a_kind_lies_in_the_contact_where_that_is_free() -> None:
    fields, details = changed_lines(NEW, [EntryLine("email", "", "Work", "a@b.c"), EntryLine("email", "", "", "d@e.f")])
    assert fields == {"email": "a@b.c", "email_label": "Work"}
    assert list(details.values()) == [{"kind": "email", "position": 1, "label": "", "value": "d@e.f"}]


def test_a_line_without_a_value_is_none() -> None:
    assert changed_lines(ADA, [LINES[0]._replace(value=" "), *LINES[1:], EntryLine("url", "", "Blog")]) == (
        {"phone": None, "phone_label": None},
        {},
    )


@pytest.mark.parametrize(
    ("kind", "value", "leads_to"),
    [
        ("phone", "+1 (202) 555-1234", "tel:+12025551234"),
        ("phone", "none", ""),
        ("email", "ada@example.org", "mailto:ada@example.org"),
        ("email", "ada@example.org?body=x", ""),
        ("url", "example.org/ada", "https://example.org/ada"),
        ("url", "javascript:alert(1)", ""),
        ("custom", "https://example.org", ""),
    ],
)
def test_a_value_leads_to_a_call_a_letter_or_a_page_and_nowhere_else(kind: str, value: str, leads_to: str) -> None:
    assert link_to(kind, value) == leads_to


STATES: dict[str, tuple[dict[str, Any], bool, tuple[str, str]]] = {
    "all is well": ({}, False, ("good", "Live")),
    "by HTTP": ({"link": "polling"}, False, ("good", "Connected")),
    "offline": ({"link": "offline", "pending": 3}, False, ("waiting", "Offline, 3 changes wait")),
    "no token": ({"link": "paused", "pending": 1}, False, ("bad", "Not connected, 1 change waits")),
    "at work": ({"pending": 1_200}, True, ("busy", "Syncing, 1,200 changes wait")),
    "no server": ({"server": None, "link": "offline"}, True, ("waiting", "On this device only")),
}


@pytest.mark.parametrize(("differs", "is_syncing", "expected"), STATES.values(), ids=STATES)
def test_the_state_is_a_few_words(differs: dict[str, Any], is_syncing: bool, expected: tuple[str, str]) -> None:
    assert describe_state(replace(HERE, **differs), is_syncing)[:2] == expected


def test_what_waits_for_a_person_is_counted() -> None:
    assert describe_pending(HERE) == ""
    assert describe_pending(replace(HERE, conflicts=1)) == "1 conflict waits for you"
    expected = "2 conflicts and 1 change that can't be sent wait for you"
    assert describe_pending(replace(HERE, conflicts=2, parked=1)) == expected


def test_a_cell_has_a_name_and_a_value_for_people() -> None:
    assert [cell_label(cell, ADA) for cell in ("phone", "@exists", "details/k3/value", "details/k1/label")] == [
        "Phone",
        "The contact itself",
        "Address",
        "Phone: label",
    ]
    values = [("details/k3/value", ["", "Quay 1", "London"]), ("@exists", False), ("starred", True), ("phone", None)]
    assert [cell_value(cell, value) for cell, value in values] == ["Quay 1\nLondon", "Delete it", "yes", ""]


def test_times_are_said_as_people_say_them() -> None:
    now = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
    assert (format_time(None), format_day("1815-12-10"), format_day("--12-10")) == (
        "never",
        "10 December 1815",
        "10 December",
    )
    assert format_time("2025-01-02T12:00:00.000Z", now).startswith("2 January 2025, ")
    assert len(format_time("2026-11-20T17:00:00.000Z", now)) == len("17:00")


def test_a_detail_of_a_kind_that_only_a_newer_offbook_knows_is_shown_and_not_edited() -> None:
    empty = dict.fromkeys(("department", "nickname", "birthday", "notes"))
    contact = (
        empty | ADA | {"details": {"k9": {"kind": "gift", "value": "@ada"}, "k8": {"kind": "gift", "label": "Matrix"}}}
    )
    expected = list(detail_lines(contact))
    assert DetailLine("Gift", "@ada") in expected
    assert DetailLine("Matrix", "") in expected
    assert cell_label("details/k9/value", contact) == "Gift"
    assert "@ada" not in [line.value for line in entry_lines(contact)]
