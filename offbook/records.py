"""``book.contacts``: adding, reading, changing and deleting on this device. Nothing here waits for a network.

Values are checked by the rules that the server has, so that what is refused is refused while its writer is there. Each
call is one transaction and one change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from offbook.contacts.table import CONTACTS
from offbook.core.errors import Invalid, NotFound
from offbook.core.lenient_validation import typed_part
from offbook.core.messages import MISSING_IN_ENTRY, TOO_MANY_ENTRIES
from offbook.core.model import Operation, Value
from offbook.core.schema import Map, Table
from offbook.core.text import normalize_for_search
from offbook.core.validation import LENIENT, Json, change_data, parse_cells
from offbook.database import change_log
from offbook.database.connection import Connection, reading
from offbook.database.records import record_table

Details = Mapping[str, Mapping[str, Json] | None] | Iterable[Mapping[str, Json]] | None
"""Entries by key (None removes one), or just a list of new ones."""


class TableRecords:
    """The contacts of one replica. ``connect`` gives the calling thread's connection."""

    def __init__(self, connect: Callable[[], Connection], new_id: Callable[[], str]) -> None:
        self._connect = connect
        self._new_id = new_id
        self._table = record_table(CONTACTS)

    def add(self, *, details: Details = None, **fields: Json) -> str:
        """Add a contact and return its id. Raises Invalid and says which value can't be stored."""
        record_id = self._new_id()
        data = check_data(CONTACTS, self._with_details(fields, details), Operation.INSERT, {})
        connection = self._connect()
        with change_log.coalesce_changes(connection):
            self._table.add(connection, record_id, data)
        return record_id

    def update(self, record_id: str, *, details: Details = None, **fields: Json) -> None:
        """Change the fields and details that are named, and nothing else. Raises NotFound or Invalid."""
        connection = self._connect()
        with change_log.coalesce_changes(connection):
            before = self._get(connection, record_id)
            data = check_data(CONTACTS, self._with_details(fields, details), Operation.UPDATE, before)
            self._table.change(connection, record_id, data)

    def delete(self, record_id: str) -> None:
        """Delete a contact. Raises NotFound where there is no such contact."""
        connection = self._connect()
        with change_log.coalesce_changes(connection):
            self._get(connection, record_id)
            self._table.remove(connection, [record_id])

    def put_back(self, contact: Mapping[str, Json]) -> None:
        """Add a contact that was deleted here again: the same one, as get() gave it. One that is there stays as it is.

        Raises Invalid.
        """
        record_id = str(contact["id"])
        names = (*self._table.names, *CONTACTS.maps_by_name)
        values = {name: contact[name] for name in names if name in contact}
        data = change_data(CONTACTS, parse_cells(CONTACTS, values, Operation.INSERT, LENIENT))
        connection = self._connect()
        with change_log.coalesce_changes(connection, typed=False):
            if self._table.get(connection, record_id) is None:
                self._table.add(connection, record_id, data)

    def get(self, record_id: str) -> dict[str, Json]:
        """A contact with every field, and its details by entry id. Raises NotFound."""
        connection = self._connect()
        with reading(connection):
            return self._get(connection, record_id)

    def list(self, search: str = "") -> list[dict[str, Json]]:
        """Every contact, or those that hold each word of ``search`` somewhere: starred ones first, then by name."""
        connection = self._connect()
        with reading(connection):
            contacts = self._table.all(connection)
        words = normalize_for_search(search).split()
        if words:
            contacts = [contact for contact in contacts if _has_words(contact, words)]
        return sorted(contacts, key=_place)

    def count(self) -> int:
        """How many contacts there are."""
        (count,) = self._connect().execute("SELECT count(*) FROM contacts").fetchone()
        return int(count)

    def _get(self, connection: Connection, record_id: str) -> dict[str, Json]:
        if (contact := self._table.get(connection, record_id)) is None:
            raise NotFound(f"There is no contact with the id {record_id!a} on this device.")
        return contact

    def _with_details(self, fields: Mapping[str, Json], details: Details) -> dict[str, Json]:
        if details is None:
            return dict(fields)
        if not isinstance(details, Mapping):
            details = {self._new_id().replace("-", "")[:16]: entry for entry in details}
        return {**fields, "details": details}


def check_data(
    table: Table, data: Mapping[str, Json], operation: Operation, before: Mapping[str, Json]
) -> dict[str, Any]:
    """``data`` in the form in which it is stored. Raises Invalid by the rules that the server has.

    ``before`` is the record as it is: an entry that is new must have what an entry needs, and what is there already, a
    kind that is not known here for instance, may be written again.
    """
    cells = _check_cells(table, data, operation, before)
    stored = change_data(table, cells)
    for map_ in table.maps:
        _check_entries(map_, stored.get(map_.name) or {}, before.get(map_.name) or {})
    return stored


def _check_cells(
    table: Table, data: Mapping[str, Json], operation: Operation, before: Mapping[str, Json]
) -> dict[str, Value]:
    try:
        return parse_cells(table, data, operation)
    except Invalid:
        if not before:
            raise
    parse_cells(table, typed_part(table, data, parse_cells(table, before, Operation.INSERT, LENIENT)), Operation.UPDATE)
    return parse_cells(table, data, operation, LENIENT)


def _check_entries(map_: Map, entries: Mapping[str, Json], before: Mapping[str, Json]) -> None:
    for key, entry in entries.items():
        if (
            entry is not None
            and key not in before
            and (missing := [name for name in map_.required if name not in entry])
        ):
            raise Invalid.of(MISSING_IN_ENTRY, field=f"{map_.name}/{key}/{missing[0]}")
    left = (before.keys() | entries.keys()) - {key for key, entry in entries.items() if entry is None}
    if entries.keys() - before.keys() and len(left) > map_.entries_max:
        raise Invalid.of(TOO_MANY_ENTRIES, field=map_.name, limit=map_.entries_max)


def _place(contact: Mapping[str, Json]) -> tuple[bool, str, str]:
    return not contact["starred"], normalize_for_search(str(contact["name"])), contact["id"]


def _has_words(contact: Mapping[str, Json], words: Iterable[str]) -> bool:
    fields = (value for name, value in contact.items() if name not in ("id", "created_at", "updated_at"))
    texts = [value for value in fields if isinstance(value, str)]
    for entry in contact["details"].values():
        texts += [value for name, value in entry.items() if name != "kind" and isinstance(value, str)]
    text = normalize_for_search("\n".join(texts))
    return all(word in text for word in words)
