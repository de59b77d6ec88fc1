"""Why a cell has its value, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.core.history.entry import DiscardedValue, HistoryEntry, WinningChange
from offbook.core.history.explain import CompetingWrite, ExplainedEdit, explain_cell, quote_value, who
from tests.core.history.test_entry import make_entry

EARLY, LATE = "2026-11-20T17:01:00.000Z", "2026-11-20T17:05:00.000Z"
MADE = make_entry(1, "INSERT", created=True, base=0, data={"name": "Ada", "phone": "1"}, timestamp=EARLY)


def when(iso: str) -> str:
    return iso[11:16]


def why(*history: HistoryEntry, cell: str = "phone", **more: Any) -> list[str]:
    return explain_cell(cell, history, more.get("edits", ()), more.get("rivals", ()), when, "contact")


def edit(seq: int, value: Any = "2", **more: Any) -> HistoryEntry:
    usual: dict[str, Any] = {"device": "phone", "replica": "r2", "timestamp": LATE, "before": {"phone": "1"}}
    return make_entry(seq, **usual | {"data": {"phone": value}} | more)


def test_what_was_there_from_the_start_is_said_so() -> None:
    assert why(MADE) == ["laptop (ada) added the contact with “1” at 17:01."]


def test_what_the_history_does_not_tell_is_said_so() -> None:
    assert why(MADE, cell="email") == ["The server's history does not tell who wrote it."]


def test_what_had_been_seen_was_replaced_whatever_the_clocks_say() -> None:
    assert why(edit(2), MADE) == [
        "phone (ada) changed it from “1” to “2” at 17:05.",
        "Its writer had seen the contact as of 00:00, and so “1” from laptop (ada) (17:01): it counts whatever the "
        "clocks say.",
    ]


def test_ones_own_value_is_replaced_whatever_the_clocks_say() -> None:
    _, reason = why(edit(2, replica="r1", base=0), MADE)
    assert reason == "The same device had written what it replaced: it counts whatever the clocks say."


@pytest.mark.parametrize(
    ("timestamp", "reason"),
    [(LATE, "its time is the later one"), (EARLY, "both have the same time, and then the larger id wins")],
)
def test_what_had_not_been_seen_lost_to_the_later_time(timestamp: str, reason: str) -> None:
    _, told = why(edit(2, base=0, timestamp=timestamp), MADE)
    assert told == f"Its writer had not seen “1” from laptop (ada) (17:01): {reason}."


def test_an_edit_brings_back_what_was_deleted_unseen() -> None:
    gone = make_entry(2, "DELETE", before={"@exists": True})
    back = edit(3, before={"phone": "1", "@exists": False}, base=1)
    wrote, reason = why(back, gone, MADE, cell="@exists")
    assert wrote == "phone (ada) changed it from “deleted” to “there” at 17:05."
    assert reason.endswith("(17:00): an edit beats a deletion that it had not seen.")


def test_a_pruned_change_tells_no_reason() -> None:
    assert why(edit(2, base=None, timestamp=None), MADE) == ["phone (ada) changed it from “1” to “2” at 17:00."]


@pytest.mark.parametrize(
    ("cell", "rule", "reason"),
    [
        ("phone", "merge", "of two edits that had not seen each other, the later one shows"),
        ("phone", "last-write-wins", "in this book the later change counts as a whole"),
        ("phone", "mine", "that is the book's policy, “mine”"),
        ("@exists", "merge", "an edit beats a deletion that it had not seen"),
    ],
)
def test_what_it_won_over_is_told_with_the_rule(cell: str, rule: str, reason: str) -> None:
    won = WinningChange("c1", "ada", "laptop", EARLY)
    lost = DiscardedValue(cell, "3" if cell == "phone" else False, rule, won)
    other = DiscardedValue("email", "e", rule, won)
    elsewhere = DiscardedValue(cell, "4", rule, WinningChange("c8", None, None, None))
    beaten = edit(5, before={}, beaten=(other, elsewhere, lost))
    value = "“3”" if cell == "phone" else "“deleted”"
    assert why(beaten, MADE, cell=cell)[-1] == (
        f"It won over {value} from phone (ada) (17:05), which had not seen it: {reason}."
    )


def test_a_persons_choice_is_told() -> None:
    left = edit(2, "3", before={}, verdict="conflict")
    chosen = edit(3, "3", replica="r1", device="laptop")
    late = edit(4, "4", before={}, verdict="conflict")
    told = why(late, chosen, left, MADE)
    assert told[1] == "A person has decided between that and “3” from phone (ada)."
    assert len(told) == 3


def test_what_is_not_sent_comes_first_and_what_waits_last() -> None:
    told = why(
        MADE, edits=[ExplainedEdit(LATE, "9"), ExplainedEdit(EARLY, None)], rivals=[CompetingWrite("8", None, "tablet")]
    )
    assert told[:2] == [
        "This device changed it to “9” at 17:05; that is not sent yet.",
        "This device changed it to nothing at 17:01; that is not sent yet.",
    ]
    assert told[-1] == "“8” from tablet waits for a person to decide."


@pytest.mark.parametrize(
    ("user", "device", "told"),
    [("ada", "x", "x (ada)"), (None, "x", "x"), ("ada", None, "ada"), (None, None, "somebody")],
)
def test_people_and_devices_are_told_as_far_as_they_are_known(user: Any, device: Any, told: str) -> None:
    assert who(WinningChange("c", user, device, None)) == told


def test_a_value_of_several_parts_is_said_in_one() -> None:
    assert quote_value("details/k/value", ("1 Elm", None, "Rome")) == "“1 Elm, Rome”"
