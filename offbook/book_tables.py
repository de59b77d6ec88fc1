"""The tables of a book, each by its name: ``book.table("notes")``, or ``book.notes``."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from offbook import messages, references
from offbook.contacts.table import BUILT_IN, CONTACTS, LABELS
from offbook.core.errors import NotFound
from offbook.core.schema import Schema
from offbook.database import schema
from offbook.label_records import LabelRecords
from offbook.records import ContactRecords, R, Record, RecordBook, Records, instances_of, same_record


class BookTables(RecordBook):
    """What of a Replica is about its tables."""

    contacts: ContactRecords
    labels: LabelRecords
    _new_id: Callable[[], str]
    _schema: Schema = BUILT_IN

    @property
    def tables(self) -> Schema:
        """The tables of this book by name, as they are declared."""
        return self._schema

    @overload
    def table(self, name: str) -> Records[Record]: ...

    @overload
    def table(self, name: str, as_: type[R]) -> Records[R]: ...

    def table(self, name: str, as_: type[R] | None = None) -> Records[Record] | Records[R]:
        """The records of a table, as dicts or as instances of a dataclass of one's own. Raises NotFound, Invalid.

        ``book.notes`` is short for ``book.table("notes")`` where the name is not that of a method.
        """
        if name not in self._schema:  # another process may just have declared it
            schema.follow(self.connection)
        if (table := self._schema.get(name)) is None:
            raise NotFound.of(messages.NO_TABLE, name=name, tables=", ".join(self._schema))
        if as_ is not None:
            return Records(self, name, self._new_id, instances_of(as_, table))
        if name == LABELS.name:
            return self.labels
        return self.contacts if name == CONTACTS.name else Records(self, name, self._new_id, same_record)

    def dangling_references(self) -> dict[str, int]:
        """How many references lead to no record on this device, by their columns (``notes.notebook``)."""
        return references.count_dangling(self.connection)

    def __getattr__(self, name: str) -> Records[Record]:
        if name.startswith("_") or name not in self._schema:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute or table {name!r}")
        return self.table(name)

    def _take_schema(self, schema: Schema) -> None:
        """The file has other tables than before: each thread's connection finds them when it is asked for."""
        self._schema = schema
