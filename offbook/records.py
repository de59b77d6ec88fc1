"""The records of a table on this device: adding, reading, changing and deleting. Nothing here waits for a network.

Values are checked by the rules that the server has, so that what is refused is refused while its writer is there. Each
call is one transaction, and one change of each record that it writes to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Generic, TypeVar

from offbook import messages
from offbook.core.cells.json_data import change_data, with_defaults
from offbook.core.cells.validation import LENIENT, STRICT, UUID_TEXT, Json, check, parse_cells
from offbook.core.errors import Invalid, NotFound
from offbook.core.history.entry import BEFORE, HistoryEntry
from offbook.core.listing import Place, is_searched_for, place_in_list, sort_fields
from offbook.core.merge.naming import names_in_entries
from offbook.core.merge.rebase import LineState
from offbook.core.messages import BAD_ID, KEY_EXISTS, TABLE_LEFT_OUT, UNKNOWN_FIELD
from offbook.core.model import Operation, Value
from offbook.core.schema import Composite, Table, record_id_of_key
from offbook.core.search import search_terms
from offbook.core.text import fold_key, normalize_for_search
from offbook.database.connection import Connection, bindable, reading
from offbook.database.ddl.triggers import whole_is_alone
from offbook.database.local_changes import change_log
from offbook.database.local_changes.checked_data import check_data
from offbook.database.records import record_table
from offbook.database.server_rows import change_of_line, dump, server_row
from offbook.database.visible_rows import visible_record

Record = dict[str, Json]
"""A record with every field, its times, and per map its entries by their keys."""

R = TypeVar("R")

FEW_RECORDS = 500
"""So many are looked up one by one."""


class RecordBook(ABC):
    """What records need of the replica that holds them."""

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """The calling thread's connection."""

    @abstractmethod
    def history(self, record_id: str, *, table: str = ...) -> list[HistoryEntry]:
        """What happened to a record, the newest change first."""

    @abstractmethod
    def restore(
        self,
        change_id: str,
        record_id: str | None = None,
        cells: Iterable[str] | None = None,
        to: str = BEFORE,
        *,
        table: str = ...,
    ) -> str | None:
        """Give back what a change replaced."""


class Records(Generic[R]):
    """The records of one table of a replica, each read as an ``R``: a Record, or an instance of a class of the app.

    Entries of a map are given by their keys, where None removes one; or as a list of new ones.
    """

    def __init__(self, book: RecordBook, name: str, new_id: Callable[[], str], make: Callable[[Record], R]) -> None:
        self._book = book
        self._name = name
        self._new_id = new_id
        self._make = make

    @property
    def declaration(self) -> Table:
        """The table as it is declared."""
        return self._open()[1]

    # --- writing ---

    def add(self, /, **values: Json) -> str:
        """Add a record and return its id. Raises Invalid and says which value can't be stored.

        In a table with a key the id follows from its value, and one that is there already is refused: put() changes it.
        """
        connection, table = self._open()
        data = check_data(table, self._with_keys(table, values), Operation.INSERT, {})
        with change_log.coalesce_changes(connection):
            record_id = self._id_of_new(connection, table, data)
            record_table(table).add(connection, record_id, data)
            self._add_names(connection, table, data)
        return record_id

    def update(self, record_id: str, /, **values: Json) -> None:
        """Change the fields and entries that are named, and nothing else. Raises NotFound or Invalid."""
        connection, table = self._open()
        with change_log.coalesce_changes(connection):
            before = _get(connection, table, record_id)
            data = check_data(table, self._with_keys(table, values), Operation.UPDATE, before)
            record_table(table).change(connection, record_id, data)
            if any(data.get(place.map.name) for place in connection.schema.naming_maps):
                self._add_names(connection, table, _get(connection, table, record_id))

    def put(self, id_or_key: str | int, /, **values: Json) -> str:
        """Change the record of this id, or of this value of the table's key; or add it. Returns its id.

        Raises Invalid.
        """
        connection, table = self._open()
        with change_log.coalesce_changes(connection):
            record_id = _id_of(connection, table, id_or_key)
            if record_id is not None:
                self.update(record_id, **values)
                return record_id
            if table.key and table.key not in values:
                return self.add(**values, **{table.key: id_or_key})
            if not (isinstance(id_or_key, str) and UUID_TEXT.fullmatch(id_or_key)):
                raise Invalid.of(BAD_ID, field="id")
            data = check_data(table, self._with_keys(table, values), Operation.INSERT, {})
            record_table(table).add(connection, id_or_key.lower(), data)
            self._add_names(connection, table, data)
        return id_or_key.lower()

    def delete(self, record_id: str, /) -> None:
        """Delete a record; what refers to it is emptied where that is declared so. Raises NotFound."""
        connection, table = self._open()
        with change_log.coalesce_changes(connection):
            _get(connection, table, record_id)
            record_table(table).remove(connection, [record_id])

    def put_back(self, record: Mapping[str, Json], /) -> None:
        """Add a record that was deleted here again: the same one, as get() gave it. One that is there stays as it is.

        Raises Invalid.
        """
        connection, table = self._open()
        record_id = str(record["id"])
        values = {name: record[name] for name in (*table.by_name, *table.maps_by_name) if name in record}
        data = change_data(table, parse_cells(table, values, Operation.INSERT, LENIENT))
        with change_log.coalesce_changes(connection, typed=False):
            if record_table(table).get(connection, record_id) is None:
                record_table(table).add(connection, record_id, data)
                self._add_names(connection, table, data)

    def _add_names(self, connection: Connection, table: Table, data: Mapping[str, Json]) -> None:
        """Add the records that entries of a record with this data name by a text, where they are not here."""
        for place in connection.schema.naming_maps:
            if place.table.name == table.name and data.get(place.map.name):
                entries = {key: entry for key, entry in data[place.map.name].items() if entry is not None}
                for text in names_in_entries(place.naming, entries).values():
                    add_named(connection, place.target, text, self._new_id)

    def _id_of_new(self, connection: Connection, table: Table, data: Mapping[str, Json]) -> str:
        """The id that follows from the key; of one's own where another record has it, which was renamed since."""
        if not table.key:
            return self._new_id()
        key = data[table.key]
        if _id_of_key(connection, table, key) is not None:
            raise Invalid.of(KEY_EXISTS, table=table.name, noun=table.singular, field=table.key, value=str(key)[:80])
        record_id = record_id_of_key(table, key)
        return self._new_id() if record_table(table).get(connection, record_id) else record_id

    def _with_keys(self, table: Table, values: Mapping[str, Json]) -> dict[str, Json]:
        lists = {name: values[name] for name in table.maps_by_name.keys() & values if _is_list(values[name])}
        maps = {
            name: {self._new_id().replace("-", "")[:16]: entry for entry in entries} for name, entries in lists.items()
        }
        return {**values, **maps}

    # --- reading ---

    def get(self, record_id: str, /) -> R:
        """A record with every field, and its entries by key. Raises NotFound."""
        connection, table = self._open()
        with reading(connection):
            return self._shown(table, _get(connection, table, record_id))

    def count(self) -> int:
        """How many records there are."""
        connection, table = self._open()
        (count,) = connection.execute(f'SELECT count(*) FROM "{table.name}"').fetchone()
        return int(count)

    def history(self, record_id: str, /) -> Sequence[HistoryEntry]:
        """What happened to a record, the newest change first; the server knows. Raises NotFound, and SyncError."""
        return self._book.history(record_id, table=self._name)

    def restore(
        self, change_id: str, record_id: str | None = None, cells: Iterable[str] | None = None, to: str = BEFORE
    ) -> str | None:
        """Give back what a change replaced, as Replica.restore() does."""
        return self._book.restore(change_id, record_id, cells, to, table=self._name)

    def list(self, /, search: str = "", limit: int | None = None, **equal: Json) -> list[R]:
        """The records that hold each word of ``search`` somewhere, and that have just these values in these fields.

        They come in the order that is declared, the first of them where there is a ``limit``. Raises Invalid for an
        unknown field.
        """
        connection, table = self._open()
        layout, cells, terms = record_table(table), _cells_of(table, equal), search_terms(search)
        with reading(connection):
            if limit is None or terms:
                records = [record for record in layout.all(connection, cells) if is_searched_for(table, record, terms)]
            else:
                first = self._sorted(table, layout.columns(connection, self._sort_names(table), cells))[:limit]
                records = layout.some(connection, [str(record["id"]) for record in first])
            records = _with_whole_values(connection, table, records)
        return [self._shown(table, record) for record in self._sorted(table, records)[:limit]]

    def portions(self, /, size: int = 500) -> Iterator[Sequence[R]]:
        """All records, so many at a time, in the order of their ids: for a table that is too long to be held at once.

        Each portion is as it is when it is read.
        """
        connection, table = self._open()
        layout, last_id = record_table(table), ""
        while True:
            with reading(connection):
                ids = layout.ids_after(connection, last_id, size)
                records = _with_whole_values(connection, table, layout.some(connection, ids))
            if not ids:
                return
            last_id = ids[-1]
            yield [self._shown(table, record) for record in records]

    def _sorted(self, table: Table, records: Iterable[Record]) -> Sequence[Record]:
        return sorted(records, key=lambda record: self._place(table, record))

    def _sort_names(self, table: Table) -> Sequence[str]:
        return [field.name for field in sort_fields(table)]

    def _place(self, table: Table, record: Record) -> Place:
        return place_in_list(table, record)

    def _shown(self, table: Table, record: Record) -> R:
        return self._make(with_defaults(table, record) if table.has_defaults else record)

    def _open(self) -> tuple[Connection, Table]:
        connection = self._book.connection
        if (table := connection.schema.get(self._name)) is None:
            raise Invalid.of(TABLE_LEFT_OUT, name=self._name)
        return connection, table


class ContactRecords(Records[Record]):
    """``book.contacts``: starred ones come first, then they go by name."""

    def _sort_names(self, table: Table) -> Sequence[str]:
        return ["starred", "name"]

    def _place(self, table: Table, record: Record) -> Place:
        return not record["starred"], normalize_for_search(str(record["name"])), record["id"]


def same_record(record: Record) -> Record:
    """A record as it is."""
    return record


def instances_of(make: Callable[..., R], table: Table) -> Callable[[Record], R]:
    """A function that makes an instance of a dataclass of a record. Raises Invalid for a field that records lack."""
    names = [field.name for field in fields(make) if field.init]  # type: ignore[arg-type]
    known = {"id", "created_at", "updated_at", *table.by_name, *table.maps_by_name}
    if unknown := [name for name in names if name not in known]:
        raise Invalid.of(UNKNOWN_FIELD, table=table.name, name=unknown[0])
    return lambda record: make(**{name: record[name] for name in names})


# --- records that are named by a text --------------------------------------------------------------------------------


def named_id(connection: Connection, target: Table, text: str) -> str | None:
    """The id of the record that this text names; None where there is none here."""
    rows = record_table(target).columns(connection, [target.key], {})
    return next((str(row["id"]) for row in rows if fold_key(str(row[target.key])) == fold_key(text)), None)


def add_named(connection: Connection, target: Table, text: str, new_id: Callable[[], str]) -> str:
    """The id of the record that this text names, which is added where it is not here."""
    if (known := named_id(connection, target, text)) is not None:
        return known
    record_id = record_id_of_key(target, text)
    if record_table(target).get(connection, record_id) is not None:  # it was renamed since
        record_id = new_id()
    record_table(target).add(connection, record_id, {target.key: text})
    return record_id


# --- records by their ids and keys -----------------------------------------------------------------------------------


def _get(connection: Connection, table: Table, record_id: str) -> Record:
    if (record := record_table(table).get(connection, bindable(str(record_id)))) is None:
        noun = table.singular if table.singular != Table("", ()).singular else f"record of {table.name}"
        raise NotFound.of(messages.NO_RECORD, noun=noun, id=record_id)
    (whole,) = _with_whole_values(connection, table, [record])
    return whole


def _with_whole_values(connection: Connection, table: Table, records: list[Record]) -> list[Record]:
    """The records, each with what follows from an edit that waits and that was made by SQL: a trigger derives nothing.

    Until the server has answered, the table itself holds the parts of the whole before.
    """
    composite = table.composite
    if composite is None or not records:
        return records
    is_few = len(records) <= FEW_RECORDS
    of_few = "synced <> 1 AND record_id IN (SELECT value FROM json_each(:ids)) AND " if is_few else ""
    sql = (
        f"SELECT DISTINCT record_id FROM change_log WHERE {of_few}synced = 0 AND table_name = :table"
        f" AND {whole_is_alone(composite)}"
    )
    parameters = {"table": table.name, "ids": dump([record["id"] for record in records[:FEW_RECORDS]])}
    edited = {record_id for (record_id,) in connection.execute(sql, parameters)}
    return [
        {**record, **_whole_value(connection, table, str(record["id"]), composite)}
        if record["id"] in edited
        else record
        for record in records
    ]


def _whole_value(connection: Connection, table: Table, record_id: str, composite: Composite) -> Record:
    """All of one value as it follows from the edits that wait; nothing where one of them can't be sent: it shows as it
    was typed, until it is parked.
    """
    key = (table.name, record_id)
    row, lines = server_row(connection, key), change_log.unsettled_lines(connection, *key)
    waiting = [line for line in lines if line.state is LineState.PENDING]
    if any(change_of_line(connection.schema, line, row) is None for line in waiting):
        return {}
    cells = visible_record(connection, key)
    return {} if cells is None else {cell: cells.get(cell) for cell in composite.cells}


def _id_of(connection: Connection, table: Table, id_or_key: str | int) -> str | None:
    """The id of the record of this id or key; None where there is none, as of what no key can be."""
    if isinstance(id_or_key, str) and record_table(table).get(connection, bindable(id_or_key.lower())) is not None:
        return id_or_key.lower()
    if not table.key:
        return None
    try:
        check(table.by_name[table.key], table.key, id_or_key, STRICT)
    except Invalid:
        return None
    return _id_of_key(connection, table, id_or_key)


def _id_of_key(connection: Connection, table: Table, key: str | int) -> str | None:
    """The id of a record that has this key now: of the one whose id follows from it, else of any that has just it."""
    layout = record_table(table)
    first = layout.get(connection, record_id_of_key(table, key))
    if first is not None and fold_key(str(first[table.key])) == fold_key(str(key)):
        return str(first["id"])
    return next((str(row["id"]) for row in layout.columns(connection, [], {table.key: key})), None)


def _cells_of(table: Table, values: Mapping[str, Json]) -> dict[str, Value]:
    """Values of fields as cells hold them. Raises Invalid for a field that there is not, or what it can't hold."""
    if unknown := values.keys() - table.by_name:
        raise Invalid.of(UNKNOWN_FIELD, table=table.name, name=min(unknown)[:80])
    return {name: check(table.by_name[name], name, value, LENIENT) for name, value in values.items()}


def _is_list(value: Json) -> bool:
    return value is not None and not isinstance(value, Mapping)
