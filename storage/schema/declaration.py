"""Which synced tables a database has: the built-in ones, and those of its declaration, which lies in ``settings``.

The declaration is there once ``flask tables grow`` has made tables (ops.grow). Its shape lies beside it in a row of its
own, which every transaction on a book reads along, to find out whether what a process knows still is so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, literal_column, select

from models import Base
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.codec import table_from_json, table_to_json
from offbook.core.declaration.rules import app_schema
from offbook.core.schema import Schema, Table

SETTINGS = Base.metadata.tables["settings"]

TABLES = "tables"
"""The name of the row in settings that holds the declaration."""

SHAPE = "tables_shape"
"""That of the row with the shape of all tables as they were when they last grew."""

GROWING = "tables_growing"
"""That of the declaration that a growth is to lead to, while it is under way."""

CURRENT_SHAPE = select(SETTINGS.c.value).where(SETTINGS.c.name == literal_column(f"'{SHAPE}'")).scalar_subquery()

NOTHING_LEARNT: Mapping[str, int] = MappingProxyType({})


class Declaration(NamedTuple):
    """The synced tables of a database. ``shape`` is what its row says, None where no table ever grew.

    ``since`` are the seqs at which parts of tables became known, by their names (``notes``, ``notes.color``,
    ``notes.tags.tag``): every value of theirs has a later one. What is not named was there from the beginning.
    ``growths`` are the seqs that all books were given when tables grew.
    """

    schema: Schema = BUILT_IN
    since: Mapping[str, int] = NOTHING_LEARNT
    growths: tuple[int, ...] = ()
    shape: str | None = None


def built_in_tables(schema: Schema) -> list[Table]:
    """Those of the tables that every server has."""
    return [table for name, table in schema.items() if name in BUILT_IN]


def own_tables(schema: Schema) -> list[Table]:
    """Those of the tables that an app brought."""
    return [table for name, table in schema.items() if name not in BUILT_IN]


def read_declaration(connection: Connection) -> Declaration:
    """The declaration as it is in this transaction."""
    values = _settings(connection, TABLES, SHAPE)
    if TABLES not in values:
        return Declaration()
    return parse_declaration(values[TABLES])._replace(shape=values.get(SHAPE))


def read_intent(connection: Connection) -> Schema | None:
    """All tables as a growth that did not come to its end was to make them; None where there is no such growth."""
    values = _settings(connection, GROWING)
    return parse_declaration(values[GROWING]).schema if values else None


def _settings(connection: Connection, *names: str) -> dict[str, str]:
    query = select(SETTINGS.c.name, SETTINGS.c.value).where(SETTINGS.c.name.in_(names))
    return {row.name: row.value for row in connection.execute(query)}


@lru_cache(maxsize=8)
def parse_declaration(text: str) -> Declaration:
    """A declaration as its row holds it. Raises Invalid, or ValueError, for what is none."""
    value: dict[str, Any] = json.loads(text)
    schema = app_schema(map(table_from_json, value["tables"]), BUILT_IN)
    return Declaration(schema, value["since"], tuple(value["growths"]))


def declaration_text(declaration: Declaration) -> str:
    """What a row holds of a declaration. The built-in tables are left out."""
    tables = [table_to_json(table) for table in own_tables(declaration.schema)]
    value = {"tables": tables, "since": dict(declaration.since), "growths": declaration.growths}
    return json.dumps(value, ensure_ascii=False)
