"""A conflict as JSON, and what a device makes of JSON that is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from offbook.contacts.table import BUILT_IN
from offbook.core.cells.validation import value_of
from offbook.core.conflicts.codec import conflict_from_json, conflict_to_json, conflict_to_row, conflict_view
from offbook.core.errors import Invalid, ServerFault
from offbook.core.model import Author
from offbook.core.schema import Schema
from offbook.tables import Json, Map, Table, Text
from tests.core.conflicts.test_resolution import HOME, ID, a_conflict

VIEW = conflict_view(a_conflict(), {})


def test_a_conflict_tells_both_versions_and_who_brought_them() -> None:
    authors = {str(UUID(int=8)): Author("ada", "laptop", 2_000), str(UUID(int=9)): Author("ada", None, None)}
    assert set(a_conflict().change_ids) == authors.keys()
    data = conflict_to_json(conflict_view(a_conflict(common="0"), authors))
    assert (data["common"], data["ours"], data["theirs"]) == ("0", "1", "2")
    assert data["ours_by"] == {"user": "ada", "device": "laptop", "at": "1970-01-01T00:00:02.000Z"}
    assert data["theirs_by"] == {"user": "ada", "device": None, "at": None}


def test_what_is_known_of_a_writer_whose_change_was_pruned_is_the_time() -> None:
    assert conflict_to_json(VIEW)["ours_by"] == {
        "user": None,
        "device": None,
        "at": "1970-01-01T00:00:01.000Z",
    }


def test_a_conflict_goes_over_the_wire_as_a_row_while_it_waits_and_as_gone_when_it_is_settled() -> None:
    row = {"table": "conflicts", "record_id": ID, "seq": 6, "timestamp": "1970-01-01T00:00:00.000006Z"}
    waits = {**row, "operation": "INSERT", "data": conflict_to_json(VIEW)}
    assert conflict_to_row(VIEW, is_open=True) == waits
    assert conflict_to_row(VIEW, is_open=False) == {**row, "operation": "DELETE", "data": None}


@pytest.mark.parametrize(
    ("cell", "ours", "theirs"),
    [("phone", "1", None), ("details/k1/value", HOME, None), ("@exists", True, False), ("odd_cell", "a", "b")],
)
def test_a_device_reads_what_a_server_wrote(cell: str, ours: Any, theirs: Any) -> None:
    authors = {str(UUID(int=8)): Author("ada", "laptop", 2_000), str(UUID(int=9)): Author("bob", None, None)}
    sent = conflict_view(a_conflict(cell, ours, theirs), authors)
    data = conflict_to_json(sent)
    data |= {name: list(value) for name, value in data.items() if isinstance(value, tuple)}
    read = conflict_from_json(BUILT_IN, ID, 6, data)
    assert (read.ours_by, read.theirs_by) == (sent.ours_by, sent.theirs_by)
    assert conflict_to_json(read) == {**conflict_to_json(sent), "base": 0}


@pytest.mark.parametrize(("ours", "theirs"), [({"a": [1]}, None), ([1, 2], "text"), (5, {})])
@pytest.mark.parametrize("cell", ["extra", "tags/k1/extra"])
def test_json_is_a_value_on_the_wire(cell: str, ours: Any, theirs: Any) -> None:
    table = Table("notes", Text("title"), Json("extra"), Map("tags", Json("extra")))
    held = {name: value_of(table, cell, value) for name, value in (("ours", ours), ("theirs", theirs))}
    data = conflict_to_json(conflict_view(replace(a_conflict(cell, **held), table=table), {}))
    assert (data["ours"], data["theirs"], data["common"]) == (ours, theirs, None)
    read = conflict_from_json(Schema([table]), ID, 6, data)
    assert (read.conflict.ours, read.conflict.theirs) == (held["ours"], held["theirs"])


def test_what_is_only_shown_may_be_missing_or_odd() -> None:
    data = conflict_to_json(VIEW) | {"ours_by": {"user": 5, "device": "d", "at": "soon"}, "theirs_by": None}
    read = conflict_from_json(BUILT_IN, ID, 6, data)
    assert (read.ours_by, read.theirs_by) == (Author(None, "d"), Author())


@pytest.mark.parametrize(
    "lie",
    [{"table": "nobodys"}, {"cell": ""}, {"cell": 5}, {"cell": "a" * 201}, {"record_id": "x"}, {"ours": {}}],
    ids=str,
)
def test_what_is_no_conflict_is_refused(lie: dict[str, Any]) -> None:
    with pytest.raises((ServerFault, Invalid)):
        conflict_from_json(BUILT_IN, ID, 6, conflict_to_json(VIEW) | lie)
