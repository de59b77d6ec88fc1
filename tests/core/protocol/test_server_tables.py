"""What a device pulls again once it knows more than it knew while it pulled."""

from __future__ import annotations

from typing import Any

import pytest

from offbook.core.declaration.codec import schema_to_json
from offbook.core.errors import ServerFault
from offbook.core.protocol.server_tables import (
    Pull,
    ServerTables,
    cell_names,
    names_of_tables,
    parse_server_tables,
    pulls_of,
)
from offbook.core.schema import Field, Map, Schema, Table

TAGS = Map("tags", "notes_tags", "notes_id", (Field("tag"), Field("weight")))
NOTES = Table("notes", (Field("title"), Field("color")), (TAGS,))
BOATS = Table("boats", (Field("name"),))
SINCE = {"notes": 10, "notes.color": 20, "notes.tags": 30, "notes.tags.weight": 40}
SERVER = ServerTables(Schema((NOTES, BOATS)), SINCE, "5")


def test_cells_are_named_by_their_table_and_map() -> None:
    names = ["notes", "notes.title", "notes.color", "notes.tags.tag", "notes.tags.weight", "boats", "boats.name"]
    assert list(cell_names(SERVER.schema)) == names


def test_a_field_is_pulled_from_when_the_server_learnt_it() -> None:
    assert pulls_of(["notes.color"], SERVER) == [Pull(20, ("notes",))]
    assert pulls_of(["notes.tags.weight"], SERVER) == [Pull(40, ("notes",))]


def test_what_came_with_its_table_or_map_is_as_old_as_that() -> None:
    assert pulls_of(["notes.title", "notes.color"], SERVER) == [Pull(10, ("notes",))]
    assert pulls_of(["notes.tags.tag"], SERVER) == [Pull(30, ("notes",))]


def test_what_the_server_has_always_known_is_pulled_from_the_beginning() -> None:
    assert pulls_of(["boats", "boats.name"], SERVER) == [Pull(0, ("boats",))]


def test_tables_of_one_time_are_pulled_together() -> None:
    server = SERVER._replace(since={"notes": 10, "boats": 10, "notes.color": 20})
    assert pulls_of(cell_names(server.schema), server) == [Pull(10, ("boats", "notes"))]
    assert pulls_of(["notes.color", "boats"], server) == [Pull(10, ("boats",)), Pull(20, ("notes",))]


def test_nothing_is_pulled_of_what_the_server_does_not_know_either() -> None:
    assert pulls_of(["notes.size", "trips", "notes.tags.size"], SERVER) == []


def test_what_a_server_says_of_its_tables_is_read() -> None:
    tables = parse_server_tables({"shape": "0" * 16, "tables": schema_to_json(SERVER.schema), "since": SINCE})
    assert (list(tables.schema), tables.since, tables.shape) == (["notes", "boats"], SINCE, "0" * 16)


@pytest.mark.parametrize(
    "more", [{"shape": None}, {"shape": "x"}, {"since": []}, {"since": {"notes": -1}}, {"tables": [{"name": 1}]}]
)
def test_what_says_nothing_of_tables_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ServerFault):
        parse_server_tables({"shape": "0" * 16, "tables": [], "since": {}, **more})


def test_what_a_table_has_is_named_whether_this_version_can_read_it_or_not() -> None:
    newer = {"name": "trips", "fields": [{"name": "way", "type": "line"}], "maps": [{"name": "stops"}]}
    names = names_of_tables([*schema_to_json(SERVER.schema), newer, {"name": "bare"}])
    assert names == {
        "notes": {"title", "color", "tags", "tags.tag", "tags.weight"},
        "boats": {"name"},
        "trips": {"way", "stops"},
        "bare": set(),
    }
