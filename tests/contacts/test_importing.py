"""What an import does about each contact of a file."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.contacts.importing import (
    ImportProblem,
    ImportReport,
    OnDuplicate,
    has_label,
    labelled,
    parse_label,
    steps_of,
)
from offbook.contacts.matching import Likeness, Match
from offbook.core.errors import Invalid

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
