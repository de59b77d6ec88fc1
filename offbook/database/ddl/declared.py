"""Which tables a replica's file has beyond those that every replica has, by the declaration that lies in it.

An app brings a declaration, and the file keeps what all apps that opened it have declared together: so an older one
finds the tables of a newer one, and leaves their triggers in place. A file in which no app has declared anything takes
the server's declaration at its syncs (``tables_from``).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from offbook.core.declaration.codec import canonical_json, table_from_json
from offbook.core.declaration.growth import union
from offbook.core.schema import Schema
from offbook.database.connection import Connection

APP = "app"
SERVER = "server"


class Declared(NamedTuple):
    """What lies in a file: the tables as JSON (None: none), and whether an app or the server declared them."""

    text: str | None
    source: str | None


def read(connection: Connection) -> Declared:
    """What the file says."""
    return Declared(*connection.execute("SELECT tables, tables_from FROM sync_state").fetchone())


def write(connection: Connection, tables: Schema, source: str) -> None:
    """Keep these tables for whoever opens the file."""
    connection.execute("UPDATE sync_state SET tables = ?, tables_from = ?", (canonical_json(tables), source))


@lru_cache(maxsize=64)
def tables_of_text(text: str | None) -> Schema:
    """The tables that the text declares. What a newer version has said of them, and is not known here, is ignored."""
    items = () if text is None else json.loads(text)
    return Schema(table_from_json(item, is_received=True) for item in items)


@lru_cache(maxsize=64)
def all_tables(base: Schema, text: str | None, tables: Schema | None) -> Schema:
    """The schema of a file: the ``base`` that every file has, the tables of its text, and those of an app.

    Raises Invalid where an app declares what does not fit to what the file has.
    """
    if tables is None or declares(text, tables):
        return _joined(base, tables_of_text(text) if tables is None else tables)
    return union(_joined(base, tables_of_text(text)), _joined(base, tables))


@lru_cache(maxsize=64)
def declares(text: str | None, tables: Schema) -> bool:
    """Whether the text declares just these tables."""
    return text == canonical_json(tables)


def _joined(base: Schema, tables: Schema) -> Schema:
    """A table that every file has by now may have been declared before that."""
    own = [table for name, table in tables.items() if name not in base]
    return Schema((*base.values(), *own)) if own else base


def own_tables(base: Schema, schema: Schema) -> Schema:
    """The tables of a schema that are to be declared in the file."""
    return Schema(table for name, table in schema.items() if name not in base)
