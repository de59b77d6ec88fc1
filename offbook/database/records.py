"""How a record lies in the replica's tables: its own row, and one row per entry of its maps.

The SQL is made once per table, from its declaration. Nothing here knows of the log or of the server: what is
written within change_log.without_logging() is not logged, what is written outside is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from offbook.core.schema import Map, Table, Type
from offbook.core.validation import Json
from offbook.database.connection import Connection

Data = Mapping[str, Json]
"""A record as the wire has it: its fields, and per map an object of entries."""


class RecordTable:
    """A synced table in the replica's file."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = tuple(field.name for field in table.fields)
        self.flags = tuple(field.name for field in table.fields if field.type is Type.FLAG)

    # --- writing ---

    @cached_property
    def _entry_inserts(self) -> Mapping[str, str]:
        return {map_.name: _insert_entry_sql(map_) for map_ in self.table.maps}

    def put(self, connection: Connection, rows: Iterable[tuple[str, Data]]) -> None:
        """Make these records be as given, whatever stood there. ``created_at`` and ``updated_at`` are in their data.

        Never by REPLACE, which deletes the row first and takes along what hangs on it.
        """
        rows = list(rows)
        self._put_fields(connection, rows)
        ids = json.dumps([record_id for record_id, _ in rows])
        for map_ in self.table.maps:
            connection.execute(
                f'DELETE FROM "{map_.rows}" WHERE "{map_.owner}" IN (SELECT value FROM json_each(?))', (ids,)
            )
            entries = [entry for record_id, data in rows for entry in _entry_rows(map_, record_id, data)]
            connection.executemany(self._entry_inserts[map_.name], entries)

    def _put_fields(self, connection: Connection, rows: Sequence[tuple[str, Data]]) -> None:
        """A field that none of them has is not bound at all: it becomes what it is in a new row, which is empty."""
        used = {name for _, data in rows for name, value in data.items() if value}.union(self.table.required)
        columns = [*(name for name in self.names if name in used), "created_at", "updated_at"]
        whole = ", ".join(f'"{name}" = excluded."{name}"' for name in (*self.names, "created_at", "updated_at"))
        insert = _fast_insert_sql(self.table.name, ("id", *columns), self.table.required)
        connection.executemany(f"{insert} ON CONFLICT (id) DO UPDATE SET {whole}", self._values(columns, rows))

    def _values(self, columns: Sequence[str], rows: Sequence[tuple[str, Data]]) -> list[list[Any]]:
        rows_of_values = [[record_id, *[data.get(name) or "" for name in columns]] for record_id, data in rows]
        for place in [1 + columns.index(name) for name in self.flags if name in columns]:
            for row in rows_of_values:
                row[place] = 1 if row[place] else 0
        return rows_of_values

    def remove(self, connection: Connection, record_ids: Iterable[str]) -> None:
        """Delete these records; a trigger takes their entries along."""
        connection.executemany(
            f'DELETE FROM "{self.table.name}" WHERE id = ?', [(record_id,) for record_id in record_ids]
        )

    def add(self, connection: Connection, record_id: str, data: Data) -> None:
        """A new record, with what the schema fills in left to it."""
        values = {"id": record_id, **self._column_values(data)}
        connection.execute(_insert_sql(self.table.name, tuple(values)), list(values.values()))
        for map_ in self.table.maps:
            connection.executemany(self._entry_inserts[map_.name], _entry_rows(map_, record_id, data))

    def add_all(self, connection: Connection, rows: Sequence[tuple[str, Data]]) -> None:
        """New records, as add() makes them, with as few statements as there are tables."""
        used = {name for _, data in rows for name, value in data.items() if value}
        columns = [name for name in self.names if name in used]
        insert = _fast_insert_sql(self.table.name, ("id", *columns), self.table.required)
        connection.executemany(insert, self._values(columns, rows))
        for map_ in self.table.maps:
            entries = [entry for record_id, data in rows for entry in _entry_rows(map_, record_id, data)]
            connection.executemany(self._entry_inserts[map_.name], entries)

    def change(self, connection: Connection, record_id: str, data: Data) -> None:
        """Write what ``data`` names, and nothing else."""
        values = self._column_values(data)
        if values:
            assignments = ", ".join(f'"{name}" = ?' for name in values)
            sql = f'UPDATE "{self.table.name}" SET {assignments} WHERE id = ?'
            connection.execute(sql, [*values.values(), record_id])
        for map_ in self.table.maps:
            for key, entry in (data.get(map_.name) or {}).items():
                _change_entry(connection, map_, record_id, key, entry)

    def _column_values(self, data: Data) -> dict[str, Any]:
        values = {name: data[name] for name in self.names if name in data}
        values.update((name, bool(values[name])) for name in self.flags if name in values)
        values.update((name, "") for name in self.table.required if name in values and values[name] is None)
        return values

    # --- reading ---

    def get(self, connection: Connection, record_id: str) -> dict[str, Json] | None:
        """The record as it shows; None where it does not."""
        return next(iter(self._read(connection, "WHERE id = ?", "WHERE {owner} = ?", record_id)), None)

    def all(self, connection: Connection) -> list[dict[str, Json]]:
        """All records as they show, in no order."""
        return self._read(connection, "", "")

    def _read(self, connection: Connection, where: str, where_of_map: str, *parameters: str) -> list[dict[str, Json]]:
        columns = ("id", *self.names, "created_at", "updated_at")
        rows = connection.execute(f'SELECT {_list(columns)} FROM "{self.table.name}" {where}', parameters)
        records = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
        for record in records.values():
            record.update((name, bool(record[name])) for name in self.flags)
            record.update((map_.name, {}) for map_ in self.table.maps)
        for map_ in self.table.maps:
            where_owner = where_of_map.format(owner=f'"{map_.owner}"')
            sql = f'SELECT {_list(_entry_columns(map_))} FROM "{map_.rows}" {where_owner}'
            for owner, key, *values in connection.execute(sql, parameters):
                if owner in records:
                    records[owner][map_.name][key] = _entry(map_, values)
        return list(records.values())


def _entry(map_: Map, values: list[Any]) -> dict[str, Json]:
    return {
        attribute.name: value for attribute, value in zip(map_.attributes, values, strict=True) if value is not None
    }


def _entry_columns(map_: Map) -> tuple[str, ...]:
    return (map_.owner, "entry_id", *(attribute.name for attribute in map_.attributes))


def _entry_rows(map_: Map, record_id: str, data: Data) -> list[tuple[Any, ...]]:
    names = [attribute.name for attribute in map_.attributes]
    entries = data.get(map_.name) or {}
    return [
        (record_id, key, *["" if (value := entry.get(name)) is None else value for name in names])
        for key, entry in entries.items()
        if entry is not None
    ]


def _change_entry(connection: Connection, map_: Map, record_id: str, key: str, entry: Data | None) -> None:
    """A part of an address that is named brings the whole address: the parts left out become empty."""
    where = f'"{map_.owner}" = ? AND entry_id = ?'
    if entry is None:
        connection.execute(f'DELETE FROM "{map_.rows}" WHERE {where}', (record_id, key))
        return
    if not connection.execute(f'SELECT 1 FROM "{map_.rows}" WHERE {where}', (record_id, key)).fetchone():
        (row,) = _entry_rows(map_, record_id, {map_.name: {key: entry}})
        connection.execute(_insert_entry_sql(map_), row)
        return
    cells = [cell for cell in map_.cells.values() if any(attribute.name in entry for attribute in cell)]
    values = {attribute.name: entry.get(attribute.name) for cell in cells for attribute in cell}
    if values:
        assignments = ", ".join(f'"{name}" = ?' for name in values)
        connection.execute(f'UPDATE "{map_.rows}" SET {assignments} WHERE {where}', [*values.values(), record_id, key])


def _list(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _insert_sql(rows: str, columns: tuple[str, ...]) -> str:
    return f'INSERT INTO "{rows}" ({_list(columns)}) VALUES ({", ".join("?" * len(columns))})'


def _insert_entry_sql(map_: Map) -> str:
    return _fast_insert_sql(map_.rows, _entry_columns(map_), map_.required)


def _fast_insert_sql(rows: str, columns: tuple[str, ...], needed: tuple[str, ...]) -> str:
    """Takes empty text where null is meant: to bind a None costs Python ten times as much as to bind text.

    What is ``needed`` is empty text, where a server says that it is empty: no column of these takes null.
    """
    values = ", ".join("?" if name in needed else "nullif(?, '')" for name in columns)
    return f'INSERT INTO "{rows}" ({_list(columns)}) VALUES ({values})'


@lru_cache(maxsize=256)
def record_table(table: Table) -> RecordTable:
    """How a table lies in the file. It is put together once, however many files have it."""
    return RecordTable(table)
