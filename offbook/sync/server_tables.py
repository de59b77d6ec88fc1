"""What the server says of its tables: fetched when its answers name another shape than the one that is known here.

What follows from it follows in the transaction that keeps it: held lines may go out, what was rejected as unknown goes
out once more, a file that no app has declared takes the server's tables, and of what is known here since, the rows that
were pulled without it are pulled again (offbook.database.known_cells).
"""

from __future__ import annotations

from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed
from offbook.core.model import Cursor
from offbook.core.protocol.requests import PROTOCOL, parse_cursor
from offbook.core.protocol.server_tables import ServerTables, parse_server_tables, pulls_of
from offbook.core.schema import Schema
from offbook.database import known_cells, schema, sync_state
from offbook.database.connection import Connection
from offbook.database.known_cells import Repull
from offbook.database.local_changes import held
from offbook.database.local_changes.change_log import without_logging
from offbook.database.local_changes.parked import resend_known
from offbook.database.sync_state import SyncState
from offbook.sync import snapshot
from offbook.sync.http.errors import json_of_answer
from offbook.sync.http.transport import Transport

PATH = "/tables"
NOT_MODIFIED = 304


def fetch(transport: Transport, known_shape: str | None) -> Json | None:
    """The body of the answer to ``GET /tables``; None where the server's shape still is the known one. Raises
    SyncError."""
    headers = {"Offbook-Protocol": PROTOCOL}
    if known_shape is not None:
        headers["If-None-Match"] = f'"{known_shape}"'
    response = transport.send("GET", PATH, None, headers)
    return None if response.status == NOT_MODIFIED else json_of_answer(response)


def take(connection: Connection, body: Json | None, now_ms: int) -> None:
    """Keep what the server says of its tables, and do what follows; None where it says nothing of them.

    Raises ServerFault for what can't be understood, and changes nothing then.
    """
    tables = None if body is None else parse_server_tables(body)
    try:
        with without_logging(connection):
            held.store_server_tables(connection, None if tables is None else tables.shape, body)
            if tables is not None:
                _follow_server(connection, tables, now_ms)
    except BaseException:
        schema.follow(connection)
        raise


def _follow_server(connection: Connection, server: ServerTables, now_ms: int) -> None:
    schema.adopt_tables(connection, server.schema)
    resend_known(connection, server.schema, server.shape, now_ms)
    # a server that was restored may have forgotten a table
    repulls = known_cells.of_tables(sync_state.read(connection).repulls, server.schema)
    sync_state.write(connection, repulls=repulls)
    learn(connection, server)


def learn(connection: Connection, server: ServerTables) -> None:
    """Begin to pull again what was pulled without cells that are known here by now. Within without_logging()."""
    state = sync_state.read(connection)
    if not state.is_behind(connection.schema):
        return
    if state.cursor is None:
        known_cells.note_own_cells(connection)
    elif state.snapshot:
        snapshot.begin(connection)
    elif (repulls := repulls_to_learn(state, connection.schema, server)) is not None:
        known_cells.begin_repulls(connection, repulls)


def repulls_to_learn(state: SyncState, known: Schema, server: ServerTables) -> list[Repull] | None:
    """What is to be pulled again, so that a replica in this state holds all of this schema; None where only a snapshot
    brings that."""
    cursor = _cursor_of(state.cursor)
    if state.knew is None or cursor is None:
        return None
    begun = {table for repull in known_cells.repulls_of(state.repulls) for table in repull.tables}
    learnt = known_cells.learnt_cells(state.knew, known) | known_cells.cells_of_tables(known, begun)
    return known_cells.repulls_up_to(cursor, pulls_of(learnt, server))


def _cursor_of(text: str | None) -> Cursor | None:
    try:
        cursor = None if text is None else parse_cursor(text)
    except Malformed:
        return None
    return cursor if cursor is not None and cursor.after is None else None
