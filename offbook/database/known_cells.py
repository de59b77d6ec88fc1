"""Which cells this version knows, which the file's rows were pulled with, and what is pulled again because of it.

A version that does not know a cell drops it from the rows that it pulls, and moves the cursor past them. So the file
notes what was known to everybody who brought its cursor to where it is (``sync_state.knew``), in the statement that
moves the cursor. Whoever opens it and knows more pulls again, once, what may hold it (``sync_state.repulls``): the
tables that have grown, from the seq at which the server learnt of it up to the cursor, which stays where it is. From
a server that does not tell when that was, it takes the book anew. A version from before these notes moves the cursor
without one, and a trigger then takes the note away (offbook.database.schema).

A choice or a limit is no cell: what a server says is held without knowing them (offbook.core.cells.lenient_validation).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from offbook.core.model import Cursor
from offbook.core.protocol.server_tables import Pull, cell_names
from offbook.core.schema import Schema
from offbook.database.connection import Connection


class Repull(NamedTuple):
    """Tables that are pulled again, and the cursor of their next page."""

    since: str
    tables: tuple[str, ...]


@lru_cache(maxsize=64)
def note_of(schema: Schema) -> str:
    """What a version with this schema knows, as it is noted in a file."""
    return json.dumps(sorted(name.replace(".", "/") for name in cell_names(schema)))


def covers(note: str | None, other: str) -> bool:
    """Whether all that is in the other note is in this. Without a note, nothing is known to be."""
    return note == other or (note is not None and set(json.loads(note)) >= set(json.loads(other)))


def is_of_newer_version(connection: Connection, table: str) -> bool:
    """Whether a table that is not known here is one of a version that made the file's triggers."""
    if table in connection.schema:
        return False
    (knows,) = connection.execute("SELECT knows FROM sync_state").fetchone()
    note = (knows or "").partition(" ")[2]
    return bool(note) and table in json.loads(note)


def learnt_cells(note: str, schema: Schema) -> set[str]:
    """The cells of a schema that are not in a note, as they are named on the wire."""
    noted = {name.replace("/", ".") for name in json.loads(note)}
    return set(cell_names(schema)) - noted


def cells_of_tables(schema: Schema, tables: Collection[str]) -> set[str]:
    """All cells of some tables, as they are named on the wire."""
    return {name for name in cell_names(schema) if name.partition(".")[0] in tables}


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
        " knew = ?, knew_at = NULL, repulls = NULL",
        (note_of(connection.schema),),
    )


def move_cursor(connection: Connection, cursor: str, book: str, now_ms: int) -> None:
    """A page was applied. Where somebody noted something else meanwhile, nothing is known any more."""
    connection.execute(
        "UPDATE sync_state SET cursor = ?1, knew_at = ?1, knew = CASE knew WHEN ?2 THEN knew END, book = ?3,"
        " last_success_ms = ?4, cursor_before = NULL",
        (cursor, note_of(connection.schema), book, now_ms),
    )


# --- what is pulled again --------------------------------------------------------------------------------------------


def repulls_of(text: str | None) -> list[Repull]:
    """What ``sync_state.repulls`` says, the next first."""
    return [] if text is None else [Repull(since, tuple(tables)) for since, tables in json.loads(text)]


def repulls_up_to(cursor: Cursor, pulls: Iterable[Pull]) -> list[Repull]:
    """Pull again what these say, up to a cursor.

    Its pages are those of a snapshot that ends there: they hold what lives and was written in between. What was deleted
    until then is known here already, or never was here.
    """
    return [Repull(str(cursor._replace(after=pull.after)), pull.tables) for pull in pulls if pull.after < cursor.seq]


def begin_repulls(connection: Connection, repulls: list[Repull]) -> None:
    """Pull these again; and note that from here on as much is known as this version knows."""
    connection.execute("UPDATE sync_state SET knew = ?, repulls = ?", (note_of(connection.schema), text_of(repulls)))


def move_repull(connection: Connection, repulls: str | None, cursor: str, more: bool) -> None:
    """A page was applied of the first of these ``repulls``."""
    connection.execute("UPDATE sync_state SET repulls = ?", (moved(repulls, cursor, more),))


def moved(repulls: str | None, cursor: str, more: bool) -> str | None:
    """These ``repulls`` after a page of the first of them: it goes on at the cursor where there is more."""
    first, *others = repulls_of(repulls)
    return text_of([first._replace(since=cursor), *others] if more else others)


def of_tables(repulls: str | None, tables: Collection[str]) -> str | None:
    """These ``repulls`` without any other tables."""
    kept = [(since, tuple(name for name in names if name in tables)) for since, names in repulls_of(repulls)]
    return text_of([Repull(since, names) for since, names in kept if names])


def text_of(repulls: list[Repull]) -> str | None:
    """What ``sync_state.repulls`` says of these."""
    return json.dumps(repulls) if repulls else None
