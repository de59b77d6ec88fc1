"""The load of bench/load: what a server says wrong is seen, and a small load of a real server passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.load.device import is_later
from bench.load.editor import Editor
from bench.load.expected_state import ExpectedState, Write
from bench.load.world import draw_books

ROOT = Path(__file__).parents[2]
RECORD = "a1"


def change(id: str, operation: str = "UPDATE", **data: str) -> dict[str, Any]:
    return {"id": id, "record_id": RECORD, "operation": operation, "data": data}


def row(**data: str) -> dict[tuple[str, str], dict[str, Any]]:
    return {("contacts", RECORD): {"seq": 9, "data": data}}


def state_of(*verdicts: tuple[dict[str, Any], str]) -> ExpectedState:
    state = ExpectedState()
    for item, verdict in verdicts:
        assert list(state.acknowledge(item, {"id": item["id"], "verdict": verdict})) == []
    return state


FIRST, SECOND, GONE = change("first", phone="v1"), change("second", phone="v2"), change("gone", "DELETE")
HISTORY = {"first": ("applied", 1), "second": ("applied", 2), "gone": ("applied", 3)}


def test_what_was_acknowledged_last_must_show() -> None:
    expected = state_of((SECOND, "applied"), (FIRST, "applied"))
    assert list(expected.missing(HISTORY, row(phone="v2"))) == []
    assert list(expected.missing(HISTORY, row(phone="v1"))) == ["A cell does not hold what was acknowledged last."]
    assert list(expected.missing(HISTORY, {})) == ["A contact is gone that nobody deleted."]


def test_what_met_another_edit_may_show_or_not() -> None:
    expected = state_of((FIRST, "applied"), (SECOND, "merged"))
    history = HISTORY | {"second": ("merged", 2)}
    assert [list(expected.missing(history, row(phone=value))) for value in ("v1", "v2")] == [[], []]
    assert list(expected.missing(history, row(phone="v3"))) == ["A cell does not hold what was acknowledged last."]


def test_a_deletion_that_was_acknowledged_last_must_show() -> None:
    expected = state_of((FIRST, "applied"), (GONE, "applied"))
    assert list(expected.missing(HISTORY, {})) == []
    assert list(expected.missing(HISTORY, row(phone="v1"))) == ["A contact is there that was deleted last."]


@pytest.mark.parametrize("history", [{}, {"first": ("rejected", None)}])
def test_an_acknowledged_change_must_be_in_the_history_with_its_verdict(history: dict[str, Any]) -> None:
    faults = list(state_of((FIRST, "superseded")).missing(history, {}))
    assert faults == ["A change is not in the history with the verdict that it was given."]


def test_a_write_by_rest_must_be_in_the_history_by_its_seq() -> None:
    expected = ExpectedState()
    expected.plain.append((RECORD, Write(7, True, "UPDATE", {"phone": "v7"})))
    assert list(expected.missing({"any": ("applied", 7)}, row(phone="v7"))) == []
    assert list(expected.missing({}, row(phone="v7"))) == ["A write by REST is not in the history."]


def test_the_same_change_must_get_the_same_verdict() -> None:
    expected = state_of((FIRST, "applied"))
    faults = list(expected.acknowledge(FIRST, {"id": "first", "verdict": "merged"}))
    assert faults == ["The same change again got another verdict."]


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [
        (None, "e.5", True),
        ("e.5", "e.5", True),
        ("e.5", "e.4", False),
        ("e.5", "f.6", False),
        ("e.5.2", "e.5.3", True),
        ("e.5.3", "e.5.2", False),
        ("e.5.3", "e.5", True),
        ("e.5", "e.5.3", False),
    ],
)
def test_a_cursor_only_goes_forward(before: str | None, after: str, may: bool) -> None:
    assert is_later(before, after) is may


def test_the_same_seed_gives_the_same_world_and_the_same_devices() -> None:
    assert draw_books(50, 3) == draw_books(50, 3) != draw_books(50, 4)
    assert sum(len(book.roles) for book in draw_books(50, 3)) == 50
    ids = [Editor(Random(1), "a replica").insert()["id"] for _ in range(2)]
    assert ids[0] == ids[1]


@pytest.mark.loads
def test_a_small_load_ends_without_a_fault() -> None:
    command = [sys.executable, "-m", "bench.load", "--devices", "12", "--minutes", "0.04", "--seed", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "faults: 0\n" in done.stdout
