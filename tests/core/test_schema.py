"""A schema as a value: what is in it, by name, and what makes two of them one."""

from __future__ import annotations

import pytest

from offbook.core.schema import Field, Schema, Table

NOTES, TASKS = Table("notes", (Field("title"),)), Table("tasks", (Field("title"),))


def test_a_schema_holds_tables_by_name() -> None:
    schema = Schema((NOTES, TASKS))
    assert (len(schema), list(schema), schema["tasks"]) == (2, ["notes", "tasks"], TASKS)
    assert schema.get("none") is None
    assert str(NOTES) == "notes"


def test_two_schemas_of_equal_tables_are_one() -> None:
    assert {Schema((NOTES, TASKS)): "same"}[Schema((NOTES, Table("tasks", (Field("title"),))))] == "same"
    assert Schema((NOTES,)) != Schema((NOTES, TASKS))


def test_no_two_tables_have_one_name() -> None:
    with pytest.raises(ValueError, match="Two tables are called notes"):
        Schema((NOTES, Table("notes", (Field("body"),))))
