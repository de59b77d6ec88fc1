"""The triggers that clear references: whoever deletes a record empties what points to it in other records.

It is no foreign key. What is emptied is an edit like any other, logged by the triggers of its own table. When a server
says that a record is deleted, nothing is cleared here: whoever deleted it did that, and what refers to it since is left
as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from offbook.core.schema import Field, Gone, Schema, Table, Type
from offbook.database.ddl.triggers import NOT_APPLYING, is_replaced, trigger


def reference_triggers(schema: Schema) -> Iterator[str]:
    """A trigger for each reference that is cleared, on the table that it points to."""
    for table in schema.values():
        for rows, field in references_of(table):
            if field.gone is Gone.CLEAR and not field.required and field.target in schema:
                yield _on_delete_of_target(rows, field)


def references_of(table: Table) -> Iterator[tuple[str, Field]]:
    """The references of a table and of its maps, each with the name of the table in the file that has its column."""
    yield from ((table.name, field) for field in table.fields if field.type is Type.REF)
    for map_ in table.maps:
        yield from ((map_.rows, field) for field in map_.attributes if field.type is Type.REF)


def targets_of(table: Table) -> set[str]:
    """The names of the tables that a table refers to."""
    return {field.target for _, field in references_of(table)}


def _on_delete_of_target(rows: str, field: Field) -> str:
    when = f"{NOT_APPLYING} AND NOT {is_replaced(field.target, 'OLD', ('id',))}"
    clear = f'UPDATE "{rows}" SET "{field.name}" = NULL WHERE "{field.name}" = OLD.id'
    return trigger(field.target, f"clear/{rows}/{field.name}", "AFTER DELETE", when, clear)
