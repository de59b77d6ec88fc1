"""The triggers that clear references: whoever deletes a record empties what points to it in other records.

It is no foreign key. What is emptied is an edit like any other, logged by the triggers of its own table. When a server
says that a record is deleted, nothing is cleared here: whoever deleted it did that, and what refers to it since is left
as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from offbook.core.schema import Field, Gone, Schema, Type
from offbook.database.ddl.synced_tables import tables_of
from offbook.database.ddl.triggers import NOT_APPLYING, is_replaced, trigger


def reference_triggers(schema: Schema) -> Iterator[str]:
    """A trigger for each reference that is cleared, on the table that it points to."""
    for table in schema.values():
        for rows, _, fields in tables_of(table):
            for field in fields:
                if is_cleared(field) and field.target in schema:
                    yield _on_delete_of_target(rows, field)


def is_cleared(field: Field) -> bool:
    """Whether a deletion empties what points to the deleted record. What must not be empty stays as it is."""
    return field.type is Type.REF and field.gone is Gone.CLEAR and not field.required


def _on_delete_of_target(rows: str, field: Field) -> str:
    when = f"{NOT_APPLYING} AND NOT {is_replaced(field.target, 'OLD', ('id',))}"
    clear = f'UPDATE "{rows}" SET "{field.name}" = NULL WHERE "{field.name}" = OLD.id'
    return trigger(field.target, f"clear/{rows}/{field.name}", "AFTER DELETE", when, clear)
