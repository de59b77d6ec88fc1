"""Batches and what undoing one did, as JSON and back; what is none is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from offbook.core.errors import ServerFault
from offbook.core.history.batch_codec import batch_from_json, batch_to_json, undo_from_json, undo_to_json
from offbook.core.history.undo import BatchSummary, KeptCell, UndoReport, undo_id, undoing_change_id
from offbook.core.model import Author

BATCH, UNDO, RECORD = (str(UUID(int=number, version=4)) for number in (1, 2, 3))
SUMMARY = BatchSummary(BATCH, 10, 20, Author("ada", "laptop"), {"contacts": 2, "notes": 1})
REPORT = UndoReport(UNDO, 2, [KeptCell(("notes", RECORD), "title", "changed_since")])


@pytest.mark.parametrize("undone_by", [None, UNDO])
def test_a_batch_comes_back_as_it_was(undone_by: str | None) -> None:
    batch = replace(SUMMARY, undone_by=undone_by)
    assert batch_from_json(batch_to_json(batch)) == batch
    assert batch_to_json(batch)["changes"] == 3


def test_what_an_undo_did_comes_back_as_it_was() -> None:
    assert undo_from_json(undo_to_json(REPORT)) == REPORT


@pytest.mark.parametrize(
    "item", [None, {}, batch_to_json(SUMMARY) | {"id": "x"}, batch_to_json(SUMMARY) | {"tables": {"notes": -1}}]
)
def test_what_is_no_batch_is_refused(item: Any) -> None:
    with pytest.raises(ServerFault):
        batch_from_json(item)


@pytest.mark.parametrize("kept", [None, [None], [{"table": "notes", "record_id": RECORD, "cell": "title"}]])
def test_what_is_no_report_is_refused(kept: Any) -> None:
    with pytest.raises(ServerFault):
        undo_from_json({"batch": UNDO, "undone": 1, "kept": kept})


def test_the_ids_of_an_undo_follow_from_the_batch() -> None:
    assert undo_id(BATCH) == undo_id(BATCH) != undo_id(UNDO)
    assert undoing_change_id(UNDO, ("notes", RECORD)) != undoing_change_id(UNDO, ("notes", BATCH))
