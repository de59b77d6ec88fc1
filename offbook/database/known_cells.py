"""Which cells this version knows, and which the file's rows were pulled with.

A version that does not know a cell drops it from the rows that it pulls, and moves the cursor past them. So the file
notes what was known to everybody who brought its cursor to where it is (``sync_state.knew``), in the statement that
moves the cursor. Whoever opens it and knows more takes the book anew, once. A version from before these notes moves
the cursor without one, and a trigger then takes the note away (offbook.database.schema).

A choice or a limit is no cell: what a server says is held without knowing them (offbook.core.lenient_validation).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from offbook.core.schema import Schema
from offbook.database.connection import Connection


def cells_of(schema: Schema) -> Iterator[str]:
    """The tables, their fields and their maps' attributes, by name."""
    for table in schema.values():
        yield table.name
        yield from (f"{table.name}/{field.name}" for field in table.fields)
        for map_ in table.maps:
            yield from (f"{table.name}/{map_.name}/{attribute.name}" for attribute in map_.attributes)


@lru_cache(maxsize=64)
def note_of(schema: Schema) -> str:
    """What a version with this schema knows, as it is noted in a file."""
    return json.dumps(sorted(cells_of(schema)))


def covers(note: str | None, other: str) -> bool:
    """Whether all that is in the other note is in this. Without a note, nothing is known to be."""
    return note == other or (note is not None and set(json.loads(note)) >= set(json.loads(other)))


def note_own_cells(connection: Connection) -> None:
    """Note before a pull that from here on no more is known than this version knows."""
    connection.execute("UPDATE sync_state SET knew = ?", (note_of(connection.schema),))


def restart_pull(connection: Connection) -> None:
    """Nothing is pulled yet of what comes from now on, so that nothing of it was passed over.

    The cursor is kept until the first page is here, even one that the server could not serve: it alone tells a server
    that is restored until then, perhaps once more, from this device, and what it lost.
    """
    connection.execute(
        "UPDATE sync_state SET cursor = NULL, cursor_before = coalesce(cursor, cursor_before),"
        " knew = ?, knew_at = NULL",
        (note_of(connection.schema),),
    )


def move_cursor(connection: Connection, cursor: str, book: str, now_ms: int) -> None:
    """A page was applied. Where somebody noted something else meanwhile, nothing is known any more."""
    connection.execute(
        "UPDATE sync_state SET cursor = ?1, knew_at = ?1, knew = CASE knew WHEN ?2 THEN knew END, book = ?3,"
        " last_success_ms = ?4, cursor_before = NULL",
        (cursor, note_of(connection.schema), book, now_ms),
    )
