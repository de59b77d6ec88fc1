"""What a synced table costs: of an app its declaration; a built-in one a model and a migration, which are named here
where they are missing."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import String

from models import Base
from offbook.contacts.table import BUILT_IN
from offbook.core.schema import Field, Type
from tests.storage.library import memory_library, sql_library
from tests.support.second_table import SCHEMA, story

OWN_COLUMNS = {"book_id", "id", "created_at", "updated_at", "seq", "deleted", "clocks", "digest"}


def flaw(table: str, field: Field) -> str | None:
    """What models.py lacks for this field."""
    column = Base.metadata.tables[table].c.get(field.name)
    if column is None:
        return f"{table}.{field.name} has no column in models.py"
    if field.type in (Type.TEXT, Type.DATE, Type.CHOICE) and type(column.type) is String:
        return None if (column.type.length or 0) >= field.limit else f"{table}.{field.name} is shorter than its limit"
    return None


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_synced_field_has_a_column_that_is_long_enough(name: str) -> None:
    table = BUILT_IN[name]
    assert name in Base.metadata.tables, f"models.py has no table {name}"
    places = [(name, field) for field in table.fields]
    for map_ in table.maps:
        assert map_.rows in Base.metadata.tables, f"models.py has no table {map_.rows}"
        places += [(map_.rows, attribute) for attribute in map_.attributes]
    assert [found for place in places if (found := flaw(*place))] == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_synced_table_has_the_columns_that_every_one_has(name: str) -> None:
    assert set(Base.metadata.tables[name].c.keys()) >= OWN_COLUMNS
    for map_ in BUILT_IN[name].maps:
        assert set(Base.metadata.tables[map_.rows].c.keys()) >= {"book_id", map_.owner, "entry_id", "removed"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What both stores make of a made-up table beside contacts."""
    library = sql_library("sqlite", tmp_path_factory.mktemp("boats"), SCHEMA)
    stories = {"memory": story(memory_library(SCHEMA)), "sql": story(library)}
    library.close()
    return stories


def test_a_second_table_costs_its_declaration(told: Any) -> None:
    made = told["sql"]
    assert made["verdicts"] == [*["applied"] * 3, "missing", "missing", "applied", "applied", "merged", "applied"]
    assert (
        made["boat"].items() >= {"order": 4, "afloat": True, "crew": {"k1": {"role": "cook", "from": "1830"}}}.items()
    )


def test_records_of_two_tables_share_a_book_and_its_pages(told: Any) -> None:
    made = told["sql"]
    assert made["rows"] == [["contacts", "Ada"], ["contacts", "Bob, under a boat's id"], ["boats", "Beagle"]]
    assert made["same_in_pages"]
    assert made["same_after_pruning"]


def test_both_stores_take_a_second_table_alike(told: Any) -> None:
    assert told["memory"] == told["sql"]


def test_records_of_a_second_table_are_compared_as_well(told: Any) -> None:
    contacts, boats = told["sql"]["compared"]
    assert [contacts["ranges"][0]["count"], boats["ranges"][0]["count"]] == [2, 1]
    assert contacts["digest"] == boats["digest"] == 2
    assert told["sql"]["compared_after_pruning"]


def test_a_view_shows_its_tables_and_what_it_has_of_their_fields(told: Any) -> None:
    contacts, boats, narrow = (told["sql"]["views"][name] for name in ("contacts", "boats", "narrow"))
    assert [row[0] for row in contacts] == ["contacts", "conflicts"]
    assert contacts[1] == ["conflicts", "contacts"]
    erebus = {"name": "Erebus", "afloat": True, "order": 0, "crew": {"k1": {"role": "cook", "from": "1831"}}}
    assert boats == [["boats", {"name": "Wager 1"}], ["boats", erebus], ["conflicts", "boats"]]
    ids = [row[1]["id"] for row in narrow if row[0] == "boats"]
    assert narrow[:2] == [
        ["boats", {"id": ids[0], "name": "Wager 1", "crew": {}}],
        ["boats", {"id": ids[1], "name": "Erebus", "crew": {"k1": {"role": "cook"}}}],
    ]
