"""What whoever asks is shown of a book: which tables, what of them, and whether with what is empty in a row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from offbook.core import messages
from offbook.core.cells.json_data import filled_fields, with_all_fields
from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed
from offbook.core.model import Cells, Conflict, Value
from offbook.core.schema import Schema, Table


@dataclass(frozen=True)
class View:
    """What is shown of a book: these tables, with the fields that they have here.

    ``is_sparse``: a row leaves out what is empty in it, be it null, false or a map without entries, and what it says
    elsewhere.
    """

    schema: Schema
    is_sparse: bool = False

    def data(self, table: str, cells: Cells) -> dict[str, Json]:
        """The cells of a record of this table as its row shows them."""
        return (filled_fields if self.is_sparse else with_all_fields)(self.schema[table], cells)

    def conflict(self, conflict: Conflict) -> Conflict:
        """A conflict, its values with the parts that the cell has in these tables."""
        table, cell = self.schema.get(conflict.table.name, conflict.table), conflict.cell
        if table is conflict.table:
            return conflict
        ours, theirs, common = (cut(table, cell, value) for value in (conflict.ours, conflict.theirs, conflict.common))
        return replace(conflict, ours=ours, theirs=theirs, common=common)

    def only(self, names: Iterable[str]) -> View:
        """Of these tables alone. Raises Malformed for a name that this view does not have."""
        names = list(dict.fromkeys(names))
        if any(name not in self.schema for name in names):
            raise Malformed.of(messages.UNKNOWN_TABLE, tables=", ".join(self.schema))
        return View(Schema(self.schema[name] for name in names), self.is_sparse)

    def only_of(self, names: Json) -> View:
        """As ``only``, for what a request has there, which should be a list of names. Raises Malformed."""
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise Malformed.of(messages.BAD_ONLY)
        return self.only(names)


def cut(table: Table, cell: str, value: Value) -> Value:
    """A value without the parts that its cell does not have in this declaration: what is new comes last."""
    return value[: len(table.fields_of(cell))] if isinstance(value, tuple) and table.has_cell(cell) else value
