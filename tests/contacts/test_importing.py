"""What an import does about each contact of a file."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.contacts.importing import (
    PROBLEMS_MAX,
    ImportProblem,
    ImportReport,
    OnDuplicate,
    ProblemList,
    has_label,
    label_steps,
    labelled,
    needs_record,
    parse_label,
    steps_of,
    trash_steps,
)
from offbook.contacts.matching import Likeness, Match
from offbook.core.errors import Invalid
from offbook.core.model import Operation

ADA: dict[str, Any] = {"id": "a", "name": "Ada", "details": {"k1": {"kind": "group", "value": "Friends"}}}
NEWER: dict[str, Any] = {"id": "z", "name": "Ada", "company": "Engines", "details": {}}
LABELLED = {"details": {"imported-label": {"kind": "group", "value": "Imported"}}}


def only_step(match: Match, *choice: Any) -> Any:
    (step,) = steps_of([NEWER], [match], {"a": ADA}, *choice)
    return step.operation, step.record_id, dict(step.data)


@pytest.mark.parametrize(
    ("match", "on_duplicate", "label", "step"),
    [
        (Match(Likeness.NEW), "keep", "", ("INSERT", "z", NEWER)),
        (Match(Likeness.NEW), "skip", "Imported", ("INSERT", "z", NEWER | LABELLED)),
        (Match(Likeness.SAME, "a"), "merge", "Imported", (None, "a", {})),
        (Match(Likeness.DELETED, "z"), "merge", "", (None, "z", {})),
        (Match(Likeness.CHANGED, "a"), "skip", "", ("UPDATE", "a", {"company": "Engines"})),
        (Match(Likeness.CHANGED, "a"), "skip", "Imported", ("UPDATE", "a", {"company": "Engines"} | LABELLED)),
        (Match(Likeness.CHANGED, "a"), "skip", " friends", ("UPDATE", "a", {"company": "Engines"})),
        (Match(Likeness.DOUBTFUL, "a"), "keep", "", ("INSERT", "z", NEWER)),
        (Match(Likeness.DOUBTFUL, "a"), "merge", "", ("UPDATE", "a", {"company": "Engines"})),
        (Match(Likeness.DOUBTFUL, "a"), "skip", "", (None, "a", {})),
    ],
)
def test_a_step(match: Match, on_duplicate: str, label: str, step: Any) -> None:
    assert only_step(match, OnDuplicate(on_duplicate), label) == step


@pytest.mark.parametrize(
    ("updated_at", "data"),
    [("2026-11-20T17:00:00.000Z", {"company": "Engines", "phone": None}), ("2026-11-20T18:00:00.000Z", {})],
)
def test_a_row_that_is_read_anew_is_written_to_whom_nobody_has_edited(updated_at: str, data: Any) -> None:
    known = {**ADA, "phone": "555-1", "details": {}, "created_at": "2026-11-20T17:00:00.000Z", "updated_at": updated_at}
    (step,) = steps_of([{**NEWER, "id": "a"}], [Match(Likeness.CHANGED, "a")], {"a": known})
    assert (step.operation, dict(step.data)) == (Operation.UPDATE if data else None, data)


def test_who_changed_and_has_all_of_it_is_there_already() -> None:
    (step,) = steps_of([{**ADA, "id": "z"}], [Match(Likeness.CHANGED, "a")], {"a": ADA})
    report = ImportReport("google")
    report.count(step)
    assert (step.operation, report.already_here, report.changed) == (None, 1, 0)


def test_a_report_counts_every_contact_once_and_the_doubtful_beside() -> None:
    matches = [Match(Likeness.NEW), *(Match(likeness, "a") for likeness in list(Likeness)[1:])]
    report = ImportReport("vcard4", "b", problems=[ImportProblem(3, "TEL", "too_long", "It is too long.", "Ada")])
    for step in steps_of([NEWER] * 5, matches, {"a": ADA}, OnDuplicate.SKIP):
        report.count(step)
    assert report.to_json() == {
        "format": "vcard4",
        "batch": "b",
        "added": 1,
        "changed": 1,
        "already_here": 1,
        "deleted_before": 1,
        "doubtful": 1,
        "problems": [{"row": 3, "column": "TEL", "code": "too_long", "detail": "It is too long."}],
    }


def test_a_label_is_known_however_it_is_spelled() -> None:
    assert has_label(ADA, "FRIENDS ")
    assert not has_label(ADA, "Work")
    assert not has_label({"id": "b", "details": None}, "Work")


@pytest.mark.parametrize("label", ["My Contacts", "* myContacts", " * STARRED ", "x" * 2_001])
def test_what_is_no_label_is_given_to_nobody_and_finds_nobody(label: str) -> None:
    everybody = {**ADA, "details": {"k1": {"kind": "group", "value": label}}}
    assert not has_label(everybody, label)
    for use in (
        parse_label,
        lambda text: labelled([everybody], text),
        lambda text: list(steps_of([], [], {}, label=text)),
    ):
        with pytest.raises(Invalid, match="no such text names a label"):
            use(label)


def test_those_of_a_label_are_told_from_the_others() -> None:
    assert labelled([ADA, NEWER], " friends ") == [ADA]
    assert labelled([ADA, NEWER], " ") == [ADA, NEWER]


# --- the zip of a book -----------------------------------------------------------------------------------------------


def test_contacts_of_a_trash_are_known_by_their_ids_alone() -> None:
    trash = [{"id": id, "name": "Ada"} for id in ("new", "live", "deleted")]
    steps = list(trash_steps(trash, {"live": False, "deleted": True}))
    assert [(step.operation, step.match.likeness) for step in steps] == [
        (Operation.DELETE, Likeness.NEW),
        (None, Likeness.SAME),
        (None, Likeness.DELETED),
    ]
    report = ImportReport("zip")
    for step in steps:
        report.count(step)
    assert (report.added, report.trashed, report.already_here, report.deleted_before) == (0, 1, 1, 1)
    assert report.to_json()["trashed"] == 1


def test_labels_are_new_by_id_and_by_name_and_each_once() -> None:
    names = ("Club", " club", "Friends", "* myContacts", "Was renamed")
    labels = [{"id": str(number), "name": name} for number, name in enumerate(names)]
    steps = list(label_steps(labels, {"4"}, ["friends"]))
    assert [step.data["name"] for step in steps if step.operation is Operation.INSERT] == ["Club"]
    assert len(steps) == len(labels)
    report = ImportReport("zip")
    for step in steps:
        report.count(step)
    assert (report.labels, report.added, report.already_here) == (1, 0, 0)
    assert report.to_json()["labels"] == 1


@pytest.mark.parametrize("more", [0, 1, PROBLEMS_MAX])
def test_of_many_problems_the_first_are_told_and_how_many_more_there_are(more: int) -> None:
    problems = ProblemList()
    for row in range(PROBLEMS_MAX + more):
        problems.add([ImportProblem(row, "Phone", "too_long", "It is too long.")])
    kept = problems.kept()
    assert (problems.count, len(kept)) == (PROBLEMS_MAX + more, PROBLEMS_MAX + bool(more))
    assert [problem.row for problem in kept[:PROBLEMS_MAX]] == list(range(PROBLEMS_MAX))
    assert f"{more:,} more" in kept[-1].detail or not more


def test_a_record_is_read_where_what_is_done_depends_on_it() -> None:
    assert {likeness for likeness in Likeness if needs_record(Match(likeness))} == {
        Likeness.CHANGED,
        Likeness.DOUBTFUL,
    }
