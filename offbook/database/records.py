"""How a record lies in the replica's tables: its own row, and one row per entry of its maps.

The SQL is made once per table, from its declaration. Nothing here knows of the log or of the server: what is
written within change_log.without_logging() is not logged, what is written outside is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from offbook.core.cells.validation import LENIENT, Json, check, is_empty
from offbook.core.model import NO_CELLS, Cells
from offbook.core.schema import Field, Map, Table, Type
from offbook.database.connection import Connection

Data = Mapping[str, Json]
"""A record as the wire has it: its fields, and per map an object of entries."""


Store = Callable[[Json], Any]
"""Gives the value that a column takes for a value as the wire has it; empty text where it is to be null."""


class RecordTable:
    """A synced table in the replica's file."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.names = tuple(field.name for field in table.fields)
        self.flags = table.flags
        self._stores = _stores(table.fields)
        self._zeros = tuple(name for name in self._stores if name not in table.flags)
        self._required_texts = _required_texts(table.fields)

    # --- writing ---

    @cached_property
    def _entry_tables(self) -> Mapping[str, EntryTable]:
        return {map_.name: EntryTable(map_) for map_ in self.table.maps}

    def put(self, connection: Connection, rows: Iterable[tuple[str, Data]]) -> None:
        """Make these records be as given, whatever stood there. ``created_at`` and ``updated_at`` are in their data.

        Never by REPLACE, which deletes the row first and takes along what hangs on it.
        """
        rows = list(rows)
        self._put_fields(connection, rows)
        ids = json.dumps([record_id for record_id, _ in rows])
        for entries in self._entry_tables.values():
            map_ = entries.map_
            of_records = f'"{map_.owner}" IN (SELECT value FROM json_each(?))'
            if connection.is_of_newer_version:
                entries.put(connection, rows, of_records, ids)
                continue
            connection.execute(f'DELETE FROM "{map_.rows}" WHERE {of_records}', (ids,))
            entries.insert(connection, rows)

    def _put_fields(self, connection: Connection, rows: Sequence[tuple[str, Data]]) -> None:
        """A field that none of them has is not bound at all: it becomes what it is in a new row, which is empty."""
        columns = [*self._used_columns(rows, self._required_texts), "created_at", "updated_at"]
        whole = ", ".join(f'"{name}" = excluded."{name}"' for name in (*self.names, "created_at", "updated_at"))
        insert = _fast_insert_sql(self.table.name, ("id", *columns), self._required_texts)
        connection.executemany(f"{insert} ON CONFLICT (id) DO UPDATE SET {whole}", self._values(columns, rows))

    def _used_columns(self, rows: Iterable[tuple[str, Data]], needed: Iterable[str] = ()) -> list[str]:
        used = {name for _, data in rows for name, value in data.items() if value}.union(needed)
        used.update(name for name in self._zeros if any(data.get(name) is not None for _, data in rows))
        return [name for name in self.names if name in used]

    def _values(self, columns: Sequence[str], rows: Sequence[tuple[str, Data]]) -> list[list[Any]]:
        rows_of_values = [[record_id, *[data.get(name) or "" for name in columns]] for record_id, data in rows]
        for name, store in self._stores.items():
            if name in columns:
                place = 1 + columns.index(name)
                for values, (_, data) in zip(rows_of_values, rows, strict=True):
                    values[place] = store(data.get(name))
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
        for entries in self._entry_tables.values():
            entries.insert(connection, [(record_id, data)])

    def add_all(self, connection: Connection, rows: Sequence[tuple[str, Data]]) -> None:
        """New records, as add() makes them, with as few statements as there are tables."""
        columns = self._used_columns(rows)
        insert = _fast_insert_sql(self.table.name, ("id", *columns), self._required_texts)
        connection.executemany(insert, self._values(columns, rows))
        for entries in self._entry_tables.values():
            entries.insert(connection, rows)

    def change(self, connection: Connection, record_id: str, data: Data) -> None:
        """Write what ``data`` names, and nothing else."""
        values = self._column_values(data)
        if values:
            assignments = ", ".join(f'"{name}" = ?' for name in values)
            sql = f'UPDATE "{self.table.name}" SET {assignments} WHERE id = ?'
            connection.execute(sql, [*values.values(), record_id])
        for name, entries in self._entry_tables.items():
            for key, entry in (data.get(name) or {}).items():
                entries.change(connection, record_id, key, entry)

    def _column_values(self, data: Data) -> dict[str, Any]:
        values = {name: data[name] for name in self.names if name in data}
        values.update((name, store(values[name])) for name, store in self._stores.items() if name in values)
        return _with_nulls(values, self._required_texts)

    # --- reading ---

    def get(self, connection: Connection, record_id: str) -> dict[str, Json] | None:
        """The record as it shows; None where it does not."""
        return next(iter(self._read(connection, "WHERE id = ?", "WHERE {owner} = ?", (record_id,))), None)

    def some(self, connection: Connection, record_ids: Sequence[str]) -> list[dict[str, Json]]:
        """Those of these records that show, in no order."""
        some = "IN (SELECT value FROM json_each(?))"
        return self._read(connection, f"WHERE id {some}", f"WHERE {{owner}} {some}", (json.dumps(record_ids),))

    def all(self, connection: Connection, cells: Cells = NO_CELLS) -> list[dict[str, Json]]:
        """All records as they show, or those that have just these values in these fields; in no order."""
        if not cells:
            return self._read(connection, "", "")
        where, parameters = self._where(cells)
        of_map = f'WHERE {{owner}} IN (SELECT id FROM "{self.table.name}" {where})'
        return self._read(connection, where, of_map, parameters)

    def ids_after(self, connection: Connection, record_id: str, count: int) -> list[str]:
        """The ids of the next records, so many at the most, in the order of their ids."""
        sql = f'SELECT id FROM "{self.table.name}" WHERE id > ? ORDER BY id LIMIT ?'
        return [next_id for (next_id,) in connection.execute(sql, (record_id, count))]

    def columns(self, connection: Connection, names: Sequence[str], cells: Cells) -> list[dict[str, Json]]:
        """These fields and the id of each record that has just these values, as they lie in the file; in no order."""
        where, parameters = self._where(cells)
        rows = connection.execute(f'SELECT {_list(("id", *names))} FROM "{self.table.name}" {where}', parameters)
        return [dict(zip(("id", *names), row, strict=True)) for row in rows]

    def _where(self, cells: Cells) -> tuple[str, list[Any]]:
        terms = [self._term(name, is_empty(value)) for name, value in cells.items()]
        values = [value for value in cells.values() if not is_empty(value)]
        return f"WHERE {' AND '.join(terms)}" if terms else "", values

    def _term(self, name: str, is_empty: bool) -> str:
        """That a field has a value, or none: in files of older versions, empty text stands for that."""
        if not is_empty:
            return f'"{name}" = ?'
        if name in self.flags:
            return f'"{name}" = 0'
        return f'"{name}" IS NULL' if name in self._stores else f"""coalesce("{name}", '') = ''"""

    def _read(
        self, connection: Connection, where: str, where_of_map: str, parameters: Sequence[Any] = ()
    ) -> list[dict[str, Json]]:
        columns = ("id", *self.names, "created_at", "updated_at")
        rows = connection.execute(f'SELECT {_list(columns)} FROM "{self.table.name}" {where}', parameters)
        records = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
        for record in records.values():
            record.update((name, bool(record[name])) for name in self.flags)
            record.update((name, value_of_text(record[name])) for name in self.table.json_names)
            record.update((map_.name, {}) for map_ in self.table.maps)
        for entries in self._entry_tables.values():
            where_owner = where_of_map.format(owner=f'"{entries.map_.owner}"')
            for owner, key, entry in entries.read(connection, where_owner, parameters):
                if owner in records:
                    records[owner][entries.map_.name][key] = entry
        return list(records.values())


class EntryTable:
    """The table in the replica's file that holds the entries of a map."""

    def __init__(self, map_: Map) -> None:
        self.map_ = map_
        self._stores = {name: store for name, store in _stores(map_.attributes).items() if store is not _store_number}
        self._required_texts = _required_texts(map_.attributes)
        self._columns = (map_.owner, "entry_id", *map_.by_name)
        self._insert = _fast_insert_sql(map_.rows, self._columns, self._required_texts)

    def insert(self, connection: Connection, rows: Iterable[tuple[str, Data]]) -> None:
        """Add the entries of these records."""
        connection.executemany(self._insert, [row for record_id, data in rows for row in self._rows(record_id, data)])

    def put(self, connection: Connection, rows: Sequence[tuple[str, Data]], of_records: str, ids: str) -> None:
        """Make these the entries of these records, and leave in each what only a newer version knows of it."""
        owner = f'"{self.map_.owner}"'
        entries = [row for record_id, data in rows for row in self._rows(record_id, data)]
        keys = json.dumps([entry[:2] for entry in entries])
        connection.execute(
            f'DELETE FROM "{self.map_.rows}" WHERE {of_records} AND ({owner}, entry_id) NOT IN'
            " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))",
            (ids, keys),
        )
        whole = ", ".join(f'"{name}" = excluded."{name}"' for name in self.map_.by_name)
        connection.executemany(f"{self._insert} ON CONFLICT ({owner}, entry_id) DO UPDATE SET {whole}", entries)

    def _rows(self, record_id: str, data: Data) -> Iterator[tuple[Any, ...]]:
        names = [attribute.name for attribute in self.map_.attributes]
        for key, entry in (data.get(self.map_.name) or {}).items():
            if entry is None:
                continue
            values = ["" if (value := entry.get(name)) is None else value for name in names]
            for name, store in self._stores.items():
                values[names.index(name)] = store(entry.get(name))
            yield record_id, key, *values

    def change(self, connection: Connection, record_id: str, key: str, entry: Data | None) -> None:
        """Write what ``entry`` names; None removes it.

        A part of an address that is named brings the whole address: the parts left out become empty.
        """
        map_ = self.map_
        where = f'"{map_.owner}" = ? AND entry_id = ?'
        if entry is None:
            connection.execute(f'DELETE FROM "{map_.rows}" WHERE {where}', (record_id, key))
            return
        if not connection.execute(f'SELECT 1 FROM "{map_.rows}" WHERE {where}', (record_id, key)).fetchone():
            self.insert(connection, [(record_id, {map_.name: {key: entry}})])
            return
        cells = [cell for cell in map_.cells.values() if any(attribute.name in entry for attribute in cell)]
        values = {attribute.name: entry.get(attribute.name) for cell in cells for attribute in cell}
        values.update((name, store(values[name])) for name, store in self._stores.items() if name in values)
        values = _with_nulls(values, self._required_texts)
        if values:
            assignments = ", ".join(f'"{name}" = ?' for name in values)
            sql = f'UPDATE "{map_.rows}" SET {assignments} WHERE {where}'
            connection.execute(sql, [*values.values(), record_id, key])

    def read(
        self, connection: Connection, where: str, parameters: Sequence[Any]
    ) -> Iterator[tuple[str, str, dict[str, Json]]]:
        """The entries of these records: the record's id, the key, and what the entry holds."""
        sql = f'SELECT {_list(self._columns)} FROM "{self.map_.rows}" {where}'
        names = tuple(self.map_.by_name)
        for owner, key, *values in connection.execute(sql, parameters):
            entry = {name: value for name, value in zip(names, values, strict=True) if value is not None}
            yield owner, key, self._shown(entry) if self._stores else entry

    def _shown(self, entry: dict[str, Json]) -> dict[str, Json]:
        """An entry as the wire has it: without flags that are not set, and with what JSON stands for."""
        for name in self.map_.flags:
            entry[name] = bool(entry[name])
        for name in self.map_.json_names & entry.keys():
            entry[name] = value_of_text(entry[name])
        return {name: value for name, value in entry.items() if value is not False or name not in self.map_.flags}


# --- values --------------------------------------------------------------------------------------------------------


ANY_JSON = Field("value", Type.JSON)


def _store_flag(value: Json) -> int:
    return 1 if value else 0


def _store_number(value: Json) -> Json:
    return "" if value is None else value


def _store_json(value: Json) -> str:
    return "" if value is None else str(check(ANY_JSON, ANY_JSON.name, value, LENIENT))


STORES: Mapping[Type, Store] = {
    Type.FLAG: _store_flag,
    Type.INTEGER: _store_number,
    Type.NUMBER: _store_number,
    Type.JSON: _store_json,
}
"""Of the types whose values are stored in another form, or may be 0, false or [] and not be empty."""


def _stores(fields: Iterable[Field]) -> Mapping[str, Store]:
    return {field.name: STORES[field.type] for field in fields if field.type in STORES}


def _required_texts(fields: Iterable[Field]) -> tuple[str, ...]:
    """The columns that take no null in files of older versions: empty text stands for it there."""
    return tuple(field.name for field in fields if field.is_needed and field.type not in STORES)


def _with_nulls(values: dict[str, Any], required: Iterable[str]) -> dict[str, Any]:
    """Values as they are bound one by one, where null is null."""
    nulls = {name: None for name, value in values.items() if value == ""}
    return {**values, **nulls, **{name: "" for name in required if name in values and not values[name]}}


def value_of_text(text: Any) -> Json:
    """What the text in a column of JSON stands for: the text itself, where a tool wrote what is no JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (RecursionError, ValueError):
        return text


# --- statements ----------------------------------------------------------------------------------------------------


def _list(columns: Iterable[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _insert_sql(rows: str, columns: tuple[str, ...]) -> str:
    return f'INSERT INTO "{rows}" ({_list(columns)}) VALUES ({", ".join("?" * len(columns))})'


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
