"""What a person is told after saving: what others changed, what stands, what lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN
from offbook.core.merge.decide import Create, NoChange, Reject, Write, decide
from offbook.core.merge.policy_wording import wording_of
from offbook.core.model import Change, Record, Verdict
from offbook.core.protocol.requests import parse_change
from web.presenters.edit_feedback import Feedback, concurrent_edits_notice, feedback_of, foreign_values, quote_value

RECORD = "00000000-0000-4000-8000-000000000001"


def change(number: int, base: int, data: Mapping[str, Any] | None, at: int = 0, operation: str = "UPDATE") -> Change:
    item = {
        "id": f"00000000-0000-4000-9000-{number:012}",
        "table": "contacts",
        "record_id": RECORD,
        "operation": operation,
        "base": base,
        "timestamp": f"2026-11-20T17:{at:02}:00.000Z",
    }
    made = parse_change(
        BUILT_IN, item | ({} if data is None else {"data": data}), f"00000000-0000-4000-a000-{number:012}"
    )
    assert isinstance(made, Change)
    return made


def after(record: Record | None, one: Change, seq: int, policy: str = "merge") -> tuple[Verdict, Record]:
    match decide(record, one, policy, seq):
        case Create(made):
            return Verdict.APPLIED, made
        case Write(verdict, made):
            return verdict, made
        case NoChange(verdict):
            assert record is not None
            return verdict, record
        case Reject(code):
            raise AssertionError(code)


ADA = after(None, change(1, 0, {"name": "Ada", "phone": "1", "company": "A"}, operation="INSERT"), 10)[1]


def meeting(
    theirs: Mapping[str, Any] | None,
    mine: Mapping[str, Any] | None,
    *,
    mine_at: int = 5,
    policy: str = "merge",
) -> Feedback:
    """Both changed the record as it was at seq 10; theirs, made in minute 4, was there first."""
    there = change(2, 10, theirs, 4, "DELETE" if theirs is None else "UPDATE")
    here = change(3, 10, mine, mine_at, "DELETE" if mine is None else "UPDATE")
    before = after(ADA, there, 20, policy)[1]
    verdict, record = after(before, here, 30, policy)
    return feedback_of(verdict, here, before, record, {there.id: "Bob's phone"})


def test_an_edit_that_met_nobody_is_just_saved() -> None:
    edit = change(3, 10, {"phone": "2"})
    verdict, record = after(ADA, edit, 20)
    assert feedback_of(verdict, edit, ADA, record, {}) == Feedback("Saved.")
    assert feedback_of(Verdict.APPLIED, edit, None, record, {}) == Feedback("Saved.")


def test_different_fields_are_both_kept() -> None:
    expected = "Saved. Meanwhile Bob's phone changed the company and notes; both are kept."
    assert meeting({"company": "B", "notes": "n"}, {"phone": "2"}) == Feedback(expected)


def test_a_value_that_was_replaced_unseen_is_told() -> None:
    assert meeting({"phone": "9"}, {"phone": "2"}) == Feedback(
        "Saved. Meanwhile Bob's phone set the phone to “9”: yours is later and stays, theirs is in the history."
    )


def test_an_edit_that_lost_in_one_field_says_which_and_where_it_is() -> None:
    assert meeting({"phone": "9"}, {"phone": "2", "company": "C"}, mine_at=3) == Feedback(
        "Saved. But Bob's phone changed the phone later, and that stays. Yours (“2”) is in the history.", False
    )


def test_an_edit_that_lost_whole_was_not_saved() -> None:
    assert meeting({"phone": "9"}, {"phone": "2"}, mine_at=3) == Feedback(
        "Not saved: Bob's phone changed this contact later, and that stays. Yours (“2”) is in the history.", False
    )


def test_what_waits_for_a_person_is_told() -> None:
    assert meeting({"phone": "9"}, {"phone": "2", "company": "C"}, policy="ask") == Feedback(
        "Saved. But Bob's phone changed the phone too: it stays as it is, until someone chooses.", False
    )


def test_an_edit_of_what_was_deleted_meanwhile_brings_it_back() -> None:
    expected = "Saved. Meanwhile Bob's phone had deleted this contact: your edit brought it back."
    assert meeting(None, {"phone": "2"}) == Feedback(expected)


def test_a_delete_of_what_was_edited_meanwhile_is_not_done() -> None:
    assert meeting({"phone": "9"}, None) == Feedback(
        "Not deleted: meanwhile Bob's phone changed this contact. Look at it, and delete it again.", False
    )


def test_the_same_edit_twice_is_no_quarrel() -> None:
    assert meeting({"phone": "2"}, {"phone": "2"}).is_good


def test_a_detail_is_called_by_its_kind() -> None:
    detail = {"details": {"k1": {"kind": "email", "label": "Work", "value": "a@b.example"}}}
    expected = "Saved. Meanwhile Bob's phone changed the e-mail; both are kept."
    assert meeting(detail, {"phone": "2"}).text == expected


# --- while a form is open --------------------------------------------------------------------------------------------


def above_a_form(theirs: Mapping[str, Any] | None, policy: str = "merge") -> str:
    """What is said above a form that was opened at seq 10, since when theirs came."""
    there = change(2, 10, theirs, 4, "DELETE" if theirs is None else "UPDATE")
    return concurrent_edits_notice(change(3, 10, {}), after(ADA, there, 20)[1], {there.id: "Bob's phone"}, policy)


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ({"company": "B", "notes": "n"}, "the company and notes"),
        ({"details": {"k1": {"kind": "email", "label": "Work", "value": "a@b.example"}}}, "the e-mail"),
        (dict.fromkeys(("company", "notes", "phone", "suffix", "title"), "x"), "the company, notes, phone and more"),
    ],
)
def test_whoever_has_a_form_open_is_told_who_changed_what_and_what_saving_does(theirs: Any, words: str) -> None:
    assert above_a_form(theirs) == f"Meanwhile Bob's phone changed {words}. {wording_of('merge').saving_a_changed}"


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("merge", "yours is the later and shows, and theirs is in the history."),
        ("last-write-wins", "What you save is the later edit and shows; what it replaces is in the history."),
        ("ask", "theirs stays, and the inbox asks which of them stands."),
    ],
)
def test_what_saving_does_is_told_by_the_policy(policy: str, words: str) -> None:
    assert above_a_form({"company": "B"}, policy).endswith(words)


def test_what_others_saved_stands_at_its_input() -> None:
    there = change(2, 10, {"company": "B", "starred": True}, 4)
    record = after(ADA, there, 20)[1]
    values = foreign_values(change(3, 10, {}), record, {there.id: "Bob's phone"})
    assert values == [("company", "Saved meanwhile by Bob's phone: “B”")]
    gone = after(ADA, change(2, 10, None, 4, "DELETE"), 20)[1]
    assert foreign_values(change(3, 10, {}), gone, {}) == []


def test_a_detail_that_was_removed_is_told() -> None:
    with_phone = after(ADA, change(2, 10, {"details": {"k1": {"kind": "phone", "value": "2"}}}), 20)[1]
    without = after(with_phone, change(4, 20, {"details": {"k1": None}}), 30)[1]
    assert "changed the phone." in concurrent_edits_notice(change(3, 20, {}), without, {}, "merge")


def test_whoever_has_a_form_open_of_what_was_deleted_is_told_what_saving_does() -> None:
    assert above_a_form(None) == "Meanwhile Bob's phone deleted this contact. Saving brings it back."
    assert above_a_form(None, "ask").endswith("Save, and the inbox asks whether it comes back.")


def test_what_a_form_does_not_show_is_not_told_above_it() -> None:
    assert above_a_form({"starred": True}) == ""


def test_a_form_s_own_change_is_nobody_else_s() -> None:
    saved = change(3, 10, {"phone": "2"})
    assert concurrent_edits_notice(change(3, 10, {}), after(ADA, saved, 20)[1], {}, "merge") == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (False, "nothing"),
        ("a\nb", "“a b”"),
        (("1 Street", None, "Town"), "“1 Street, Town”"),
        ("x" * 61, f"“{'x' * 59}…”"),
    ],
)
def test_values_are_quoted_short(value: Any, words: str) -> None:
    assert quote_value(value) == words
