"""What whoever asks is shown of a book, and rows with and without what is empty."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN, FIRST_SCHEMA
from offbook.core.errors import Malformed
from offbook.core.model import Clock, Record
from offbook.core.protocol.rows import iso_micros, row_of
from offbook.core.protocol.view import View
from offbook.core.schema import Field, Map, Schema, Table, Type
from tests.core.conflicts.test_resolution import a_conflict

TAGS = Map("tags", "notes_tags", "notes_id", (Field("tag"), Field("used", Type.FLAG)))
NOTES = Table("notes", (Field("title"), Field("done", Type.FLAG)), (TAGS,))
BOATS = Table("boats", (Field("name", required=True, default="?"),))
SCHEMA = Schema((NOTES, BOATS))
SPARSE = View(SCHEMA, is_sparse=True)


def record(seq: int, deleted: bool = False) -> Record:
    return Record(NOTES, "a", seq, deleted, {"title": "Milk"}, Clock(1, 0, "c", "r"), {})


def test_a_sparse_row_leaves_out_what_is_empty_and_what_it_says_elsewhere() -> None:
    assert row_of(record(1), SPARSE)["data"] == {"title": "Milk"}
    assert row_of(record(2), SPARSE)["data"] == {"title": "Milk", "created_at": iso_micros(1)}
    assert row_of(record(2, deleted=True), SPARSE)["data"] is None
    assert "timestamp" not in row_of(record(2), SPARSE)


def test_a_whole_row_has_every_field() -> None:
    assert row_of(record(1), View(SCHEMA))["data"] == row_of(record(1))["data"]
    assert View(SCHEMA).data("notes", {"title": "Milk"}) == {"title": "Milk", "done": False, "tags": {}}
    assert SPARSE.data("notes", {"title": "Milk"}) == {"title": "Milk"}


def test_a_view_of_some_tables_has_these_alone() -> None:
    assert list(SPARSE.only(["boats", "boats"]).schema) == ["boats"]
    assert SPARSE.only_of(["notes"]).is_sparse


@pytest.mark.parametrize("names", [None, [], [1], "notes", ["trips"]])
def test_other_tables_are_refused(names: Any) -> None:
    with pytest.raises(Malformed):
        SPARSE.only_of(names)


def test_a_table_knows_its_flags_and_defaults() -> None:
    assert (NOTES.flags, TAGS.flags) == (("done",), ("used",))
    assert (NOTES.has_defaults, BOATS.has_defaults) == (False, True)
    assert hash(SCHEMA) == hash(Schema((NOTES, BOATS)))


def test_a_conflict_is_shown_with_the_parts_that_its_cell_had_at_first() -> None:
    address = ("1 Elm", None, "Rome", None, None, None, "7", None)
    conflict = a_conflict("details/k1/value", address, None)
    assert View(FIRST_SCHEMA).conflict(conflict).ours == address[:6]
    assert View(BUILT_IN).conflict(conflict) is conflict
    assert SPARSE.conflict(conflict) is conflict
    assert View(FIRST_SCHEMA).conflict(a_conflict("@exists", True, False)).ours is True
