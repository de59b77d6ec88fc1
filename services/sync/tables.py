"""What is told of the tables that a server has: the answer of ``GET /tables``."""

from __future__ import annotations

from offbook.core.cells.validation import Json
from offbook.core.declaration.codec import schema_to_json
from storage.base import Store


def declared(store: Store, book_id: int) -> dict[str, Json]:
    """The declarations of all tables with their shape, and since when parts of them are known."""
    with store.reading(book_id):  # by which a process learns what another one let grow
        schema, since = store.schema, store.since
    return {"shape": schema.shape, "tables": schema_to_json(schema), "since": dict(since)}
