"""What the server is known to know, and the pending lines that wait until it knows more.

The server's own declaration is kept as it came (``sync_state.server_tables``), under the shape that its answers name. A
line that names what is not in it is *held*, and so are the later lines of its record: they are neither sent nor parked,
and are looked at again whenever the server's shape is another one (offbook.core.protocol.held says what is unknown).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import NamedTuple

from offbook.core.cells.validation import Json
from offbook.core.model import Key
from offbook.core.protocol.held import is_ahead, unknown_to
from offbook.core.protocol.server_tables import ServerTables, names_of_tables, parse_server_tables
from offbook.core.schema import Schema
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.server_rows import server_row

BEHIND = ""
"""Why a line is held that names nothing unknown: an earlier one of its record is."""

HELD = "INDEXED BY change_log_pending WHERE synced = 0 AND held IS NOT NULL"

BEHIND_HELD = f"""SELECT id FROM change_log AS line {change_log.PENDING} AND id >= (
  SELECT min(first.id) FROM change_log AS first INDEXED BY change_log_unsettled
  WHERE first.synced <> 1 AND first.synced = 0 AND first.held IS NOT NULL
  AND first.table_name = line.table_name AND first.record_id = line.record_id) ORDER BY id"""
"""What is held, and what was written to the same records later and not looked at yet."""


class Held(NamedTuple):
    """How many lines wait for the server to be upgraded, and for which of its tables and cells."""

    lines: int
    cells: tuple[str, ...]


# --- what the server knows -------------------------------------------------------------------------------------------


def server_tables(connection: Connection) -> ServerTables | None:
    """What the server last said of its tables; None where it has not, or is too old to."""
    (text,) = connection.execute("SELECT server_tables FROM sync_state").fetchone()
    return None if text is None else _parsed(text)


def server_schema(connection: Connection) -> Schema:
    """The tables that the server is known to know."""
    known = server_tables(connection)
    return connection.first_schema if known is None else known.schema


def server_names(connection: Connection) -> Mapping[str, frozenset[str]] | None:
    """What each table of the server has, by name: fields, maps and attributes, those too that only a newer version can
    read. None where the server has not said."""
    (text,) = connection.execute("SELECT server_tables FROM sync_state").fetchone()
    return None if text is None else names_of_tables(json.loads(text)["tables"])


@lru_cache(maxsize=8)
def _parsed(text: str) -> ServerTables:
    return parse_server_tables(json.loads(text))


def store_server_tables(connection: Connection, shape: str | None, body: Json) -> None:
    """Keep what the server says of its tables; None where it says nothing. Whatever was held is to be looked at again.

    Within a transaction.
    """
    text = None if body is None else json.dumps(body, separators=(",", ":"))
    connection.execute("UPDATE sync_state SET server_shape = ?, server_tables = ?", (shape, text))
    ids = [id for (id,) in connection.execute(BEHIND_HELD).fetchall()]
    connection.execute("UPDATE change_log SET held = NULL WHERE synced = 0 AND held IS NOT NULL")
    change_log.move_to_end(connection, ids)


# --- what waits for it -----------------------------------------------------------------------------------------------


class Holder:
    """Finds out, for one line after the other in log order, whether it is to be held.

    ``keys`` are the records of which earlier lines are.
    """

    def __init__(self, connection: Connection, server: Schema, keys: Iterable[Key] = ()) -> None:
        self.server = server
        self._connection = connection
        self._keys = set(keys)

    def is_behind(self, line: LogLine) -> bool:
        """Whether an earlier line of its record is held."""
        return (line.table, line.record_id) in self._keys

    def reason(self, line: LogLine) -> str | None:
        """What ``held`` is to say of a line; None where it can be sent. One of a table that is unknown here can't."""
        if self.is_behind(line):
            return BEHIND
        names = unknown_to(
            self.server, self._connection.schema, line.table, line.operation, line.data, partial(self._has, line)
        )
        if not names:
            return None
        self._keys.add((line.table, line.record_id))
        return ", ".join(names)

    def _has(self, line: LogLine, cell: str) -> bool:
        """Whether the record, as the server last gave it, has something in a cell."""
        row = server_row(self._connection, (line.table, line.record_id))
        return row is not None and bool(row.cells.get(cell))


def holder_of_queue(connection: Connection) -> Holder:
    """One for the lines that are next to be sent, by what the server is known to know."""
    keys = connection.execute(f"SELECT DISTINCT table_name, record_id FROM change_log {HELD}")
    return Holder(connection, server_schema(connection), keys.fetchall())


def hold(connection: Connection, reasons: Mapping[int, str]) -> None:
    """Note that these lines are held. One that was taken out of the queue meanwhile stays as it is."""
    sql = "UPDATE change_log SET held = ? WHERE id = ? AND synced = 0"
    connection.executemany(sql, [(reason, id) for id, reason in reasons.items()])


@lru_cache(maxsize=8)
def _is_ahead(known: Schema, server: Schema) -> bool:
    return is_ahead(known, server)


def summary(connection: Connection) -> Held:
    """What is held now, the lines included that nobody has tried to send since they were written."""
    texts = [text for (text,) in connection.execute(f"SELECT held FROM change_log {HELD}")]
    server = server_schema(connection)
    if _is_ahead(connection.schema, server):
        holder = holder_of_queue(connection)
        reasons = [holder.reason(line) for line in change_log.sendable_lines(connection)]
        texts += [reason for reason in reasons if reason is not None]
    return Held(len(texts), tuple(sorted({name for text in texts for name in text.split(", ") if name})))
