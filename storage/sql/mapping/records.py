"""Records as rows and back: how a synced table lies in the database. Pure but for the table's metadata.

A record is one row, each entry of its maps one row of the map's own table. Rows of removed entries and of tombstones
keep their values until they are pruned. ``clocks`` is JSON on the record, with the creation's under ``@created``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

import orjson
from sqlalchemy import Row, Table

from offbook.contacts.derived_texts import DERIVED_TEXTS, DerivedTexts
from offbook.core.cells.json_data import entry_values
from offbook.core.cells.validation import Json
from offbook.core.listing import sort_fields
from offbook.core.model import Cells, Clock, Record, Value
from offbook.core.protocol.rows import row, sparse_row
from offbook.core.schema import EXISTS, Map, Schema
from offbook.core.schema import Table as Synced
from storage.sql.mapping.derived_columns import search_text, sort_key, unsearched_cells
from storage.sql.mapping.stored_digests import stored_digest
from storage.sql.prepared import Rows

CREATED = "@created"
NO_TEXTS = DerivedTexts((), lambda cells: ())

PageEntries = dict[str, dict[str, dict[str, dict[str, Json]]]]
"""Entries in wire form: by record, by map, by key. Absent levels are made on access; none is empty."""


def dump(value: Json) -> str:
    """A value as JSON text."""
    return orjson.dumps(value).decode()


@dataclass(frozen=True)
class RecordMapping:
    """A synced table and the database's tables that it lies in.

    What a list is sorted by is the column ``sort_key``, or ``sort_name``.
    """

    synced: Synced
    rows: Table
    entries: Mapping[str, Table]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the synced fields, in their order."""
        return tuple(field.name for field in self.synced.fields)

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        return tuple(self.rows.c.keys())

    @cached_property
    def entry_names(self) -> Mapping[str, tuple[str, ...]]:
        """Per map, the columns of the rows that hold its entries, in their order."""
        return {name: tuple(table.c.keys()) for name, table in self.entries.items()}

    def has_all(self, table: Synced) -> bool:
        """Whether there is a column for all that this declaration of the table has."""
        entries = {map_.name: set(self.entries[map_.name].c.keys()) for map_ in self.synced.maps}
        columns = set(self.rows.c.keys())
        return table.by_name.keys() <= columns and all(
            map_.by_name.keys() <= entries.get(map_.name, set()) for map_ in table.maps
        )

    # --- writing ---

    def new_rows(self, book_id: int, records: Sequence[Record]) -> Rows:
        """The own rows of records that were not there before, without the columns that none of them fills."""
        used = set().union(*[record.cells for record in records])
        return self._rows(book_id, records, used | {"deleted"} if any(record.deleted for record in records) else used)

    def whole_rows(self, book_id: int, records: Sequence[Record]) -> Rows:
        """The own rows of records, with every column."""
        return self._rows(book_id, records, {*self.names, "deleted"})

    def status_rows(self, book_id: int, records: Sequence[Record]) -> Rows:
        """The own rows of records whose cells are stored already, with the columns that may differ nevertheless."""
        columns = {**_status_columns(book_id, records), "deleted": [record.deleted for record in records]}
        return Rows(tuple(columns), list(zip(*columns.values(), strict=True)))

    def _rows(self, book_id: int, records: Sequence[Record], used: Container[str]) -> Rows:
        _, _, _, deleted, cells, _, _, _ = zip(*records, strict=True)
        columns = _status_columns(book_id, records)
        columns.update(zip(self._derived_names, zip(*map(self._derive, cells), strict=True), strict=True))
        for name in self.names:
            if name in used:
                empty = False if name in self.synced.flags else None
                columns[name] = [record.get(name, empty) for record in cells]
        if "deleted" in used:
            columns["deleted"] = deleted
        return Rows(tuple(columns), list(zip(*columns.values(), strict=True)))

    def derived_columns(self, cells: Cells) -> dict[str, str]:
        """The columns that are made of a record's cells for searching and sorting."""
        return dict(zip(self._derived_names, self._derive(cells), strict=True))

    @cached_property
    def _derived_names(self) -> tuple[str, ...]:
        sorted_by = "sort_name" if "sort_name" in self.rows.c else "sort_key"
        return ("search", sorted_by, *DERIVED_TEXTS.get(self.synced.name, NO_TEXTS).columns)

    @cached_property
    def _derive(self) -> Callable[[Cells], tuple[str, ...]]:
        unsearched, fields = unsearched_cells(self.synced), sort_fields(self.synced)
        make = DERIVED_TEXTS.get(self.synced.name, NO_TEXTS).make
        return lambda cells: (search_text(cells, unsearched), sort_key(fields, cells), *make(cells))

    def entry_columns(self, map_: Map) -> tuple[str, ...]:
        """What ``entry_rows`` fill."""
        return ("book_id", map_.owner, "entry_id", *map_.by_name, "removed")

    def entry_rows(self, map_: Map, book_id: int, record: Record) -> dict[str, tuple[Any, ...]]:
        """The rows of a map's entries by their keys, the removed ones too."""
        prefix, suffix = f"{map_.name}/", f"/{EXISTS}"
        rows: dict[str, tuple[Any, ...]] = {}
        for cell, value in record.cells.items():
            if type(value) is bool and cell.startswith(prefix) and cell.endswith(suffix):
                key = cell[len(prefix) : -len(suffix)]
                have = entry_values(map_, record.cells, f"{prefix}{key}/").get
                rows[key] = (book_id, record.id, key, *map(have, map_.by_name), value is False)
        return rows

    # --- reading ---

    def record_of(self, row: Row[Any], entries: Iterable[tuple[Map, Row[Any]]]) -> Record:
        """A record from its row and its entries' rows."""
        have = dict(zip(self._columns, row, strict=True))
        cells: dict[str, Value] = {
            name: value for name in self.names if (value := have[name]) is not None and value is not False
        }
        for map_, entry in entries:
            cells.update(_entry_cells(map_, dict(zip(self.entry_names[map_.name], entry, strict=True))))
        clocks, others = clocks_of(have["clocks"])
        created = clocks.pop(CREATED)
        return Record(self.synced, have["id"], have["seq"], bool(have["deleted"]), cells, created, clocks, others)

    def page_rows(self, rows: Iterable[Sequence[Any]], entries: PageEntries, is_sparse: bool) -> list[dict[str, Json]]:
        """Rows of a page, straight from what ``page_columns`` select: no record is built on the way.

        Sparse ones leave out what is empty in them, or stands in them already.
        """
        make, data_of = (sparse_row, self._filled_fields) if is_sparse else (row, self._all_fields)
        return [
            make(self.synced.name, values[0], values[-2], values[-1], None if values[-3] else data_of(values, entries))
            for values in rows
        ]

    def _all_fields(self, values: Sequence[Any], entries: PageEntries) -> dict[str, Json]:
        data: dict[str, Json] = dict(zip(self._shown, values, strict=False))
        for name in self.synced.flags:
            data[name] = bool(data[name])
        for name in self.synced.json_names:
            data[name] = None if data[name] is None else orjson.loads(data[name])
        for map_ in self.synced.maps:
            data[map_.name] = entries[data["id"]][map_.name] if data["id"] in entries else {}
        return data

    def _filled_fields(self, values: Sequence[Any], entries: PageEntries) -> dict[str, Json]:
        record_id, *columns = values
        pairs = zip(self.names, columns, strict=False)
        data: dict[str, Json] = {name: value for name, value in pairs if value is not None}
        for name in self.synced.flags:
            if data.pop(name, False):
                data[name] = True
        for name in self.synced.json_names:
            if name in data:
                data[name] = orjson.loads(data[name])
        if record_id in entries:
            data.update(entries[record_id])
        return data

    @cached_property
    def page_columns(self) -> list[Any]:
        """The columns that ``page_rows`` take, in their order: the id is the first, the seq the last."""
        columns = self.rows.c
        return [*(columns[name] for name in self._shown), columns.deleted, columns.created_at, columns.seq]

    @cached_property
    def _shown(self) -> tuple[str, ...]:
        """The columns that a page shows as they are, the flags as truths."""
        return ("id", *self.names)


def _status_columns(book_id: int, records: Sequence[Record]) -> dict[str, Iterable[Any]]:
    """The columns that say which record a row is of, and who wrote it when."""
    _, ids, seqs, _, _, created, clocks, others = zip(*records, strict=True)
    return {
        "book_id": repeat(book_id, len(records)),
        "id": ids,
        "created_at": [clock.seq for clock in created],
        "updated_at": seqs,
        "seq": seqs,
        "clocks": map(clocks_json, created, clocks, others),
        "digest": map(stored_digest, records),
    }


def record_mappings(schema: Schema, metadata_tables: Mapping[str, Table]) -> dict[str, RecordMapping]:
    """How every table of the schema lies in the database."""
    return {
        name: RecordMapping(
            table, metadata_tables[name], {map_.name: metadata_tables[map_.rows] for map_ in table.maps}
        )
        for name, table in schema.items()
    }


def clocks_json(created: Clock, clocks: Mapping[str, Clock], others: Mapping[str, Clock]) -> str:
    """The clock of each cell, as a list; behind it the latest write by another replica, where there was one."""
    written = {CREATED: tuple(created), **{cell: tuple(clock) for cell, clock in clocks.items()}}
    written.update((cell, (*clocks[cell], *clock)) for cell, clock in others.items())
    return dump(written)


def clocks_of(text: str) -> tuple[dict[str, Clock], dict[str, Clock]]:
    """What clocks_json() wrote: the clocks, the creation's among them, and the latest writes by others."""
    clocks: dict[str, Clock] = {}
    others: dict[str, Clock] = {}
    for cell, parts in orjson.loads(text).items():
        clocks[cell] = Clock(*parts[:4])
        if len(parts) > 4:
            others[cell] = Clock(*parts[4:])
    return clocks, others


def _entry_cells(map_: Map, row: Mapping[str, Any]) -> dict[str, Value]:
    prefix = f"{map_.name}/{row['entry_id']}/"
    cells: dict[str, Value] = {prefix + EXISTS: not row["removed"]}
    for cell, attributes in map_.cells.items():
        if len(attributes) == 1:
            if (value := row[attributes[0].name]) is not None:
                cells[prefix + cell] = value
        elif (parts := tuple([row[attribute.name] for attribute in attributes])) != (None,) * len(parts):
            cells[prefix + cell] = parts
    return cells
