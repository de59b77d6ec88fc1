"""What a store knows of the tables in its database: their statements, and when parts of them became known.

It is read when a store is first used, and again when another process has let the tables grow meanwhile, which every
transaction finds out with the statement that reads its book.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from sqlalchemy import Connection, Table

from models import Base
from offbook.core.declaration.rules import names_of
from offbook.core.merge.batch import BookState
from offbook.core.schema import Schema
from storage.schema.app_tables import app_tables
from storage.schema.declaration import Declaration, built_in_tables, own_tables, read_declaration
from storage.sql.mapping.records import record_mappings
from storage.sql.queries import TableQueries


@dataclass(frozen=True)
class KnownTables:
    """The synced tables of a database, as they were declared when this was read."""

    declaration: Declaration = field(default_factory=Declaration)

    @property
    def schema(self) -> Schema:
        """The tables."""
        return self.declaration.schema

    @cached_property
    def queries(self) -> Mapping[str, TableQueries]:
        """The statements of each table."""
        mappings = record_mappings(self.schema, database_tables(self.schema))
        return {name: TableQueries(mapping) for name, mapping in mappings.items()}

    @cached_property
    def growths(self) -> frozenset[int]:
        """The seqs that all books were given when tables grew."""
        return frozenset(self.declaration.growths)

    def moved_past_growths(self, book: BookState) -> BookState:
        """The book as whoever writes takes it: also in one that was made later, whatever is new has a later seq.

        A clock may have been set back since.
        """
        newest = self.declaration.growths[-1] if self.declaration.growths else 0
        return book if book.seq >= newest else replace(book, seq=newest)


def read_known_tables(connection: Connection) -> KnownTables:
    """What is declared in this transaction."""
    return KnownTables(read_declaration(connection))


@lru_cache(maxsize=8)
def database_tables(schema: Schema) -> Mapping[str, Table]:
    """The database's tables, by the names of the synced tables and of the rows of their maps."""
    tables = {name: Base.metadata.tables[name] for name in names_of(built_in_tables(schema))}
    for table in own_tables(schema):
        tables.update(app_tables(table))
    return tables


def own_database_tables(schema: Schema) -> list[Table]:
    """The database's tables of those that an app brought; what a row refers to comes before it."""
    tables = database_tables(schema)
    return [tables[name] for name in names_of(own_tables(schema))]


def all_database_tables(schema: Schema) -> list[Table]:
    """All tables of a server that has these synced ones; what a row refers to comes before it."""
    return [*Base.metadata.sorted_tables, *own_database_tables(schema)]
