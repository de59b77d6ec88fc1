"""The tables that hold an app's records and their entries, made from their declarations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from offbook.core.schema import Field, Gone, Map, Table, Type
from offbook.database.ddl.own_tables import UUID
from offbook.database.ddl.triggers import NOW, PREFIX

AFFINITY: Mapping[Type, str] = {
    Type.FLAG: "INTEGER NOT NULL DEFAULT 0",
    Type.INTEGER: "INTEGER",
    Type.NUMBER: "REAL",
}
"""The types of columns that are not TEXT. Affinity takes in any value, so that what is wrong can be logged and told."""


def tables_of(table: Table) -> Iterator[tuple[str, str, tuple[Field, ...]]]:
    """Each table in the file that a synced table takes: its name, the statement that makes it, and its columns."""
    sql = create_sql(table)
    yield table.name, next(sql), table.fields
    for map_, create in zip(table.maps, sql, strict=True):
        yield map_.rows, create, map_.attributes


def create_sql(table: Table) -> Iterator[str]:
    """The statements that make a synced table: its own, and one for the entries of each of its maps."""
    own = (
        f"id TEXT NOT NULL PRIMARY KEY DEFAULT ({UUID}) {_no_bytes_sql('id')}",
        *map(column_sql, table.fields),
        f"created_at TEXT NOT NULL DEFAULT ({NOW})",
        f"updated_at TEXT NOT NULL DEFAULT ({NOW})",
    )
    yield _create_table_sql(table.name, own)
    for map_ in table.maps:
        yield _create_table_sql(map_.rows, _entry_columns(map_)) + " WITHOUT ROWID"


def index_sql(table: Table) -> Iterator[str]:
    """An index of each column that a deletion elsewhere clears (offbook.database.ddl.reference_triggers)."""
    for rows, _, fields in tables_of(table):
        for field in fields:
            if field.type is Type.REF and field.gone is Gone.CLEAR:
                yield (
                    f'CREATE INDEX IF NOT EXISTS "{PREFIX}{rows}/{field.name}" ON "{rows}" ("{field.name}")'
                    f' WHERE "{field.name}" IS NOT NULL'
                )


def _entry_columns(map_: Map) -> tuple[str, ...]:
    return (
        f'"{map_.owner}" TEXT NOT NULL',
        f"entry_id TEXT NOT NULL DEFAULT (lower(hex(randomblob(8)))) {_no_bytes_sql('entry_id')}",
        *map(column_sql, map_.attributes),
        f'PRIMARY KEY ("{map_.owner}", entry_id)',
    )


def _create_table_sql(name: str, columns: Iterable[str]) -> str:
    return f'CREATE TABLE "{name}" (\n  ' + ",\n  ".join(columns) + "\n)"


def column_sql(field: Field) -> str:
    """The column of a field or an attribute.

    Bytes are refused at once, by the field's name: JSON has no form for them, so no line of the log could say them.
    That a field is required is a trigger's to say: a column could not take that back, and a declaration can.
    """
    return f'"{field.name}" {AFFINITY.get(field.type, "TEXT")} {_no_bytes_sql(field.name)}'


def _no_bytes_sql(column: str) -> str:
    return f"""CONSTRAINT "{column} holds text or numbers, not bytes" CHECK (typeof("{column}") <> 'blob')"""
