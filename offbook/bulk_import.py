"""Adding many contacts that have ids of their own, as an import does: each once, however often it is imported.

Nothing here is one transaction: others read and write meanwhile, and an import that is cut short has added what was
counted until then. The same import again adds the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from offbook.core.model import Operation
from offbook.core.schema import CONTACTS, Map
from offbook.core.validation import Json, is_empty
from offbook.database import change_log
from offbook.database.batched_writes import write_in_batches
from offbook.database.records import RECORD_TABLES
from offbook.database.server_rows import dump
from offbook.records import checked

if TYPE_CHECKING:
    import sqlite3

LOOKED_UP = 500
"""So many ids are looked up at once."""

IS_HERE = "SELECT id FROM contacts WHERE id IN (SELECT value FROM json_each(?))"
WAS_HERE = """SELECT record_id FROM server_rows
    WHERE table_name = 'contacts' AND record_id IN (SELECT value FROM json_each(?1))
  UNION SELECT record_id FROM change_log INDEXED BY change_log_unsettled
    WHERE synced <> 1 AND table_name = 'contacts' AND record_id IN (SELECT value FROM json_each(?1))
  UNION SELECT record_id FROM change_log INDEXED BY change_log_acknowledged
    WHERE synced = 1 AND table_name = 'contacts' AND record_id IN (SELECT value FROM json_each(?1))"""

LOG = "INSERT INTO change_log (table_name, record_id, operation, data) VALUES ('contacts', ?, 'INSERT', ?)"


class Counts(NamedTuple):
    """How many contacts were added, are here already, and were deleted on this device before and left so."""

    added: int = 0
    here: int = 0
    deleted: int = 0

    def plus(self, other: Counts) -> Counts:
        return Counts(*(one + more for one, more in zip(self, other, strict=True)))


class ImportedSlice(NamedTuple):
    """What is counted; and, until it is, what is being written and the ids of what it adds. Replaced as a whole."""

    counts: Counts = Counts()
    writing: Counts = Counts()
    ids: Sequence[str] = ()


class PreparedContact(NamedTuple):
    """A contact in the form in which it is stored, and its change in the form in which it is logged."""

    id: str
    data: Mapping[str, Json]
    change: str
    size: int


class BulkImport:
    """Adding contacts to the file behind ``connection``. ``counts`` is right whenever the work is cut off."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._done = ImportedSlice()
        self._connection = connection

    @property
    def counts(self) -> Counts:
        """What was done. A commit may have been the last that happened, before anybody could count what it wrote."""
        counts, writing, ids = self._done
        is_committed = bool(ids) and bool(self._connection.execute(IS_HERE, (dump(ids),)).fetchone())
        return counts.plus(writing) if is_committed else counts

    def add(self, contacts: Iterable[Mapping[str, Json]]) -> None:
        """Add those that were never here; each may be given once. Raises Invalid for what can't be stored."""
        fresh = self._fresh(iter(contacts))
        for counts in write_in_batches(
            self._connection, fresh, self._write, block=change_log.without_logging, size_of=lambda one: one.size
        ):
            self._done = ImportedSlice(self._done.counts.plus(counts))

    def _fresh(self, contacts: Iterator[Mapping[str, Json]]) -> Iterator[PreparedContact]:
        while some := list(islice(contacts, LOOKED_UP)):
            fresh, counts = self._never_here([str(one["id"]) for one in some])
            self._done = ImportedSlice(self._done.counts.plus(counts))
            yield from (_ready(one) for one in some if one["id"] in fresh)

    def _write(self, some: list[PreparedContact]) -> Counts:
        """Another process may have added some of them while they were made ready."""
        fresh, counts = self._never_here([one.id for one in some])
        added = [one for one in some if one.id in fresh]
        RECORD_TABLES[CONTACTS.name].add_all(self._connection, [(one.id, one.data) for one in added])
        self._connection.executemany(LOG, [(one.id, one.change) for one in added])
        counts = counts._replace(added=len(added))
        self._done = ImportedSlice(self._done.counts, counts, [one.id for one in added])
        return counts

    def _never_here(self, ids: list[str]) -> tuple[set[str], Counts]:
        """Which of these were never on this device, and how many are, or were."""
        text = dump(ids)
        here = {id for (id,) in self._connection.execute(IS_HERE, (text,))}
        before = {id for (id,) in self._connection.execute(WAS_HERE, (text,))} - here
        return {*ids} - here - before, Counts(here=len(here), deleted=len(before))


def _ready(contact: Mapping[str, Json]) -> PreparedContact:
    data = checked(CONTACTS, contact, Operation.INSERT, {})
    entries = sum(len(data.get(map_.name) or {}) for map_ in CONTACTS.maps)
    return PreparedContact(str(contact["id"]), data, dump(_logged(data)), 1 + entries)


def _logged(data: Mapping[str, Json]) -> dict[str, Json]:
    """What the triggers log of a record that is new: no empty fields, and of each entry all cells."""
    said = {name: value for name, value in data.items() if name in CONTACTS.by_name and not is_empty(value)}
    entries = {map_.name: _logged_entries(map_, data.get(map_.name) or {}) for map_ in CONTACTS.maps}
    return said | {name: those for name, those in entries.items() if those}


def _logged_entries(map_: Map, entries: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
    first = {names[0].name: None for names in map_.cells.values()}
    return {
        key: first | {name: value for name, value in entry.items() if value is not None}
        for key, entry in entries.items()
    }
