"""Adding many contacts that have ids of their own, as an import does: each once, however often it is imported.

Nothing here is one transaction: others read and write meanwhile, and an import that is cut short has added what was
counted until then. The same import again adds the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json, is_empty
from offbook.core.model import Operation, Record
from offbook.core.schema import Map, Type
from offbook.database.batched_writes import write_in_batches
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.checked_data import check_data
from offbook.database.records import record_table
from offbook.database.server_rows import dump

IDS_PER_QUERY = 500
NOTHING: Mapping[str, Record] = MappingProxyType({})

PRESENT = "SELECT id FROM contacts WHERE id IN (SELECT value FROM json_each(?))"
KNOWN = """SELECT record_id FROM server_rows
    WHERE table_name = 'contacts' AND record_id IN (SELECT value FROM json_each(?1))
  UNION SELECT record_id FROM change_log INDEXED BY change_log_unsettled
    WHERE synced <> 1 AND table_name = 'contacts' AND record_id IN (SELECT value FROM json_each(?1))
  UNION SELECT record_id FROM change_log INDEXED BY change_log_acknowledged
    WHERE synced = 1 AND table_name = 'contacts' AND record_id IN (SELECT value FROM json_each(?1))"""

LOG_LINE = (
    "INSERT INTO change_log (table_name, record_id, operation, data, base, batch)"
    " VALUES ('contacts', ?, 'INSERT', ?, ?, ?)"
)


def deleted_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these contacts were here, and are not any more."""
    deleted: set[str] = set()
    for start in range(0, len(ids), IDS_PER_QUERY):
        text = dump(ids[start : start + IDS_PER_QUERY])
        deleted |= {id for (id,) in connection.execute(KNOWN, (text,))}
        deleted -= {id for (id,) in connection.execute(PRESENT, (text,))}
    return deleted


def present_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Which of these contacts are here."""
    parts = (dump(ids[start : start + IDS_PER_QUERY]) for start in range(0, len(ids), IDS_PER_QUERY))
    return {id for part in parts for (id,) in connection.execute(PRESENT, (part,))}


class Counts(NamedTuple):
    """How many contacts were added, are here already, and were deleted on this device before and left so."""

    added: int = 0
    present: int = 0
    deleted: int = 0

    def plus(self, other: Counts) -> Counts:
        """The sums of both."""
        return Counts(*map(sum, zip(self, other, strict=True)))


class ImportedSlice(NamedTuple):
    """What is counted; and, until it is, what is being written and the ids of what it adds. Replaced as a whole."""

    counts: Counts = Counts()
    writing: Counts = Counts()
    ids: Sequence[str] = ()


class PreparedContact(NamedTuple):
    """A contact in the form in which it is stored, and its change in the form in which it is logged, with its base."""

    id: str
    data: Mapping[str, Json]
    change: str
    base: int
    size: int


class BulkImport:
    """Adding contacts to the file behind ``connection``, as this batch. ``counts`` is right whenever it is cut off.

    What an undo deleted (``taken_back``) is added as if it had never been here; its data says what is to be emptied.
    """

    def __init__(self, connection: Connection, batch: str, taken_back: Mapping[str, Record] = NOTHING) -> None:
        self._batch = batch
        self._taken_back = taken_back
        self._done = ImportedSlice()
        self._connection = connection

    @property
    def counts(self) -> Counts:
        """What was done. A commit may have been the last that happened, before anybody could count what it wrote."""
        counts, writing, ids = self._done
        is_committed = bool(ids) and bool(self._connection.execute(PRESENT, (dump(ids),)).fetchone())
        return counts.plus(writing) if is_committed else counts

    def add(self, contacts: Iterable[Mapping[str, Json]]) -> None:
        """Add those that were never here; each may be given once. Raises Invalid for what can't be stored."""
        fresh = self._prepare_new(iter(contacts))
        for counts in write_in_batches(
            self._connection, fresh, self._write, block=change_log.without_logging, size_of=lambda contact: contact.size
        ):
            self._done = ImportedSlice(self._done.counts.plus(counts))

    def _prepare_new(self, contacts: Iterator[Mapping[str, Json]]) -> Iterator[PreparedContact]:
        """Those that were never on this device, ready to be written; the others are counted."""
        while batch := list(islice(contacts, IDS_PER_QUERY)):
            new_ids, counts = self._new_ids([str(contact["id"]) for contact in batch])
            self._done = ImportedSlice(self._done.counts.plus(counts))
            for contact in batch:
                if contact["id"] in new_ids:
                    yield _prepared(contact, self._taken_back.get(str(contact["id"])))

    def _write(self, batch: list[PreparedContact]) -> Counts:
        """Add those that are still new: another process may have added some of them while they were prepared."""
        new_ids, counts = self._new_ids([contact.id for contact in batch])
        added = [contact for contact in batch if contact.id in new_ids]
        record_table(CONTACTS).add_all(self._connection, [(contact.id, contact.data) for contact in added])
        self._connection.executemany(
            LOG_LINE, [(contact.id, contact.change, contact.base, self._batch) for contact in added]
        )
        counts = counts._replace(added=len(added))
        self._done = ImportedSlice(self._done.counts, counts, [contact.id for contact in added])
        return counts

    def _new_ids(self, ids: list[str]) -> tuple[set[str], Counts]:
        """Which of these were never on this device, and how many are, or were."""
        text = dump(ids)
        present = {id for (id,) in self._connection.execute(PRESENT, (text,))}
        deleted = {id for (id,) in self._connection.execute(KNOWN, (text,))} - present - self._taken_back.keys()
        return {*ids} - present - deleted, Counts(present=len(present), deleted=len(deleted))


def _prepared(contact: Mapping[str, Json], before: Record | None) -> PreparedContact:
    data = check_data(CONTACTS, contact, Operation.INSERT, {})
    entries = sum(len(data.get(map_.name) or {}) for map_ in CONTACTS.maps)
    if before is None:
        return PreparedContact(str(contact["id"]), data, dump(_logged_data(data)), 0, 1 + entries)
    shown = {
        name: {key: entry for key, entry in value.items() if entry is not None} if isinstance(value, dict) else value
        for name, value in data.items()
    }
    return PreparedContact(before.id, shown, dump(data), before.seq, 1 + entries)


def _logged_data(data: Mapping[str, Json]) -> dict[str, Json]:
    """What the triggers log of a record that is new: no empty fields, and of each entry all cells."""
    fields = {name: value for name, value in data.items() if name in CONTACTS.by_name and not is_empty(value)}
    entries = {map_.name: _logged_entries(map_, data.get(map_.name) or {}) for map_ in CONTACTS.maps}
    return fields | {name: logged for name, logged in entries.items() if logged}


def _logged_entries(map_: Map, entries: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    first = {names[0].name: False if names[0].type is Type.FLAG else None for names in map_.cells.values()}
    return {
        key: first | {name: value for name, value in entry.items() if value is not None}
        for key, entry in entries.items()
    }
