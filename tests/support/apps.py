"""Apps with tables of their own, for tests: a declaration that has grown since its first version."""

from __future__ import annotations

from typing import Any

from offbook import Replica
from offbook.core import schema as core
from offbook.tables import Choice, Flag, Map, Table, Text

NOTES = Table("notes", Text("title", required=True, limit=10), Flag("done"), Choice("kind", ("a", "b")))
"""Notes, as the first version of the app has them."""

GROWN = Table(
    "notes",
    Text("title", limit=20),
    Flag("done"),
    Choice("kind", ("a", "b", "c")),
    Text("color"),
    Map("tags", Text("tag")),
)
"""Notes of a later version: with more fields, and with wider ones."""

TAGGED = Table("notes", *GROWN.fields, Map("tags", Text("tag"), Text("by")))
"""Notes of a version that is later still: a map's entries have grown."""

BOATS = Table("boats", Text("name", required=True))


class App(Replica):
    """A replica of an app with these tables."""

    def __init__(self, path: Any, *tables: core.Table, **options: Any) -> None:
        super().__init__(path, tables=tables, **options)
