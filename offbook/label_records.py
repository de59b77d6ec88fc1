"""``book.labels``: labels of contacts on this device, for all who have them. Nothing here waits for a network.

Contacts have a label by its name, in a detail of the kind group. Whoever renames or deletes a label changes those who
have it first and the label last, as one batch, in transactions between which other programs get a turn.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from offbook import messages
from offbook.core.cells.validation import Json
from offbook.core.errors import Invalid, NotFound
from offbook.core.merge.naming import Entries, begun_id, check_name, entries_naming, name_key, renamed_entries
from offbook.core.messages import KEY_EXISTS
from offbook.core.model import Operation
from offbook.core.schema import NamingMap, record_id_of_key
from offbook.core.text import fold_key, normalize_for_search
from offbook.database.batched_writes import RECORD_SIZE, SIZE_FIRST, write_in_batches
from offbook.database.connection import bindable, reading
from offbook.database.local_changes import change_log
from offbook.database.local_changes.checked_data import check_data
from offbook.database.records import record_table
from offbook.records import Record, Records, add_named, named_id

RECORDS_IN_FIRST = SIZE_FIRST // RECORD_SIZE
"""So many records are written to in one transaction, whatever it takes."""

Rewrite = Callable[[Entries], Mapping[str, Json]]
"""What is written to the entries of a record, which are given by their keys."""


class LabelRecords(Records[Record]):
    """The labels of a book. They are found by their names without regard to case."""

    def add(self, /, **values: Json) -> str:
        """Add a label and return its id. Raises Invalid where there is one of this name, or can't be one."""
        self._check_name(values.get(self._naming_map().target.key))
        return super().add(**values)

    def update(self, record_id: str, /, **values: Json) -> None:
        """Rename a label, in all contacts that have it: one batch. Raises NotFound or Invalid."""
        key, record = self._naming_map().target.key, self.get(record_id)
        old, new = str(record[key]), values.get(key, record[key])
        if isinstance(new, str) and new != old:
            self._rename(old, new, record_id)
        else:
            super().update(record_id, **values)

    def delete(self, record_id: str, /) -> None:
        """Delete a label, and take it from all contacts that have it: one batch. Raises NotFound."""
        self._delete(str(self.get(record_id)[self._naming_map().target.key]), record_id)

    def rename(self, old: str, new: str) -> int:
        """Rename the label called ``old``, in all contacts that have it: one batch. Returns how many these are.

        Raises NotFound, and Invalid where another label has the name.
        """
        return self._rename(old, new, self._find(old))

    def remove(self, name: str) -> int:
        """Delete the label of this name, and take it from all contacts that have it: one batch. Returns how many.

        Raises NotFound.
        """
        return self._delete(name, self._find(name))

    def add_to(self, name: str, record_ids: Iterable[str]) -> int:
        """Give contacts a label, which is added where there is none: one batch. Returns how many did not have it.

        Raises NotFound for an id of no contact, and Invalid, before anything is written.
        """
        place, ids = self._naming_map(), self._known(record_ids)
        name, key = self._check_name(name), name_key(place.naming, name)

        def give(entries: Entries) -> Mapping[str, Json]:
            entry = {place.naming.kind: place.naming.of, place.naming.attribute: name}
            has_it = entries_naming(place.naming, entries, key)
            return {} if has_it else {self._new_id().replace("-", "")[:16]: entry}

        batch = self._new_id()
        with self._in_batch(batch):
            add_named(self._book.connection, place.target, name, self._new_id)
        return self._rewrite(ids, give, batch)

    def remove_from(self, name: str, record_ids: Iterable[str]) -> int:
        """Take a label from contacts: one batch. Returns how many had it. Raises NotFound, as add_to()."""
        self._find(name)
        return self._rewrite(self._known(record_ids), self._replacing(name, None), self._new_id())

    def counts(self) -> dict[str, int]:
        """How many contacts have each label, by their names in order.

        What contacts name that is no record yet is among them: it is one after the next sync.
        """
        place, owners, names = self._naming_map(), defaultdict[str, set[str]](set), dict[str, str]()
        with reading(self._book.connection):
            for label in super().list():
                names[fold_key(str(label[place.target.key]))] = str(label[place.target.key])
            pairs = self._pairs(place)
        for text, owner in pairs:
            if key := name_key(place.naming, text):
                names.setdefault(key, text.strip())
                owners[key].add(owner)
        order = sorted(names, key=lambda key: (normalize_for_search(names[key]), key))
        return {names[key]: len(owners[key]) for key in order}

    def named_by(self, name: str) -> set[str]:
        """The ids of the contacts that have the label of this name."""
        place, key = self._naming_map(), fold_key(name)
        with reading(self._book.connection):
            return {owner for text, owner in self._pairs(place) if name_key(place.naming, text) == key}

    # --- carried out -------------------------------------------------------------------------------------------------

    def _rename(self, old: str, new: str, record_id: str | None) -> int:
        """Who has it comes first, and the label last.

        Where that takes several transactions, a second label has the new name meanwhile, as on a server: its id says
        which rename began it, so that one that was cut off is finished by the same again.
        """
        target = self._naming_map().target
        new = self._check_name(new)
        begun = begun_id(record_id or record_id_of_key(target, old), new)
        if self._named_id(new) not in (None, record_id, begun):
            raise Invalid.of(KEY_EXISTS, table=target.name, noun=target.singular, field=target.key, value=new[:80])
        ids, batch = self.named_by(old), self._new_id()
        with self._in_batch(batch) if len(ids) <= RECORDS_IN_FIRST else nullcontext():
            if len(ids) > RECORDS_IN_FIRST:
                self._begin_rename(new, begun, batch)
            count = self._rewrite(ids, self._replacing(old, new), batch)
            with self._in_batch(batch):
                self._end_rename(new, begun, record_id or self._named_id(old))
        return count

    def _begin_rename(self, new: str, begun: str, batch: str) -> None:
        """Add the label that has the new name meanwhile, unless it is there."""
        target, connection = self._naming_map().target, self._book.connection
        with self._in_batch(batch):
            if record_table(target).get(connection, begun) is None:
                record_table(target).add(connection, begun, {target.key: new})

    def _end_rename(self, new: str, begun: str, record_id: str | None) -> None:
        """Let the label have its new name, in the place of what the rename began."""
        if record_id is None:
            add_named(self._book.connection, self._naming_map().target, new, self._new_id)
            return
        if self._named_id(new) == begun:
            super().delete(begun)
        super().update(record_id, **{self._naming_map().target.key: new})

    def _delete(self, name: str, record_id: str | None) -> int:
        batch = self._new_id()
        count = self._rewrite(self.named_by(name), self._replacing(name, None), batch)
        if record_id is not None:
            with self._in_batch(batch):
                super().delete(record_id)
        return count

    def _replacing(self, name: str, text: str | None) -> Rewrite:
        return partial(_renamed, self._naming_map(), fold_key(name), text)

    def _rewrite(self, ids: Iterable[str], rewrite: Rewrite, batch: str) -> int:
        """Write to the entries of these records, as this batch; how many records were written to."""
        connection, place = self._book.connection, self._naming_map()
        table, map_ = place.table, place.map

        def write(some: list[str]) -> int:
            records = record_table(table).some(connection, some)
            written = {str(record["id"]): entries for record in records if (entries := rewrite(record[map_.name]))}
            with change_log.coalesce_changes(connection):
                for record_id, entries in written.items():
                    record_table(table).change(connection, record_id, {map_.name: entries})
            return len(written)

        in_batch = partial(change_log.in_batch, batch=batch)
        return sum(write_in_batches(connection, sorted(ids), write, block=in_batch, size_of=lambda _: RECORD_SIZE))

    def _in_batch(self, batch: str) -> AbstractContextManager[None]:
        return change_log.in_batch(self._book.connection, batch)

    # --- looked up ---------------------------------------------------------------------------------------------------

    def _naming_map(self) -> NamingMap:
        """What names labels. Raises Invalid where a table of the app's own has their name in this file."""
        connection, table = self._open()
        return next(place for place in connection.schema.naming_maps if place.target == table)

    def _pairs(self, place: NamingMap) -> list[tuple[str, str]]:
        """What records name, each text with the id of the record."""
        naming, map_ = place.naming, place.map
        sql = f'SELECT "{naming.attribute}", "{map_.owner}" FROM "{map_.rows}" WHERE "{naming.kind}" = ? ORDER BY 1, 2'
        rows = self._book.connection.execute(sql, (naming.of,)).fetchall()
        return [(text, owner) for text, owner in rows if isinstance(text, str)]

    def _named_id(self, name: str) -> str | None:
        """The id of the label of this name; None where there is none."""
        return named_id(self._book.connection, self._naming_map().target, name)

    def _check_name(self, value: Json) -> str:
        """A name as it is stored. Raises Invalid for what no label can be called."""
        place = self._naming_map()
        target = place.target
        name = str(check_data(target, {target.key: value}, Operation.INSERT, {})[target.key]).strip()
        check_name(place, name)
        return name

    def _find(self, name: str) -> str | None:
        """The id of the label of this name; None where contacts have it and the next sync will add it as a record.

        Raises NotFound where there is none.
        """
        place = self._naming_map()
        record_id = self._named_id(name)
        if record_id is None and not (name_key(place.naming, name) and self.named_by(name)):
            raise NotFound.of(messages.NO_LABEL, noun=place.target.singular, name=name[:80])
        return record_id

    def _known(self, record_ids: Iterable[str]) -> list[str]:
        """These ids, each once. Raises NotFound for one of no record."""
        place, ids = self._naming_map(), list(dict.fromkeys(record_ids))
        sql = f'SELECT id FROM "{place.table.name}" WHERE id IN (SELECT value FROM json_each(?))'
        known = {record_id for (record_id,) in self._book.connection.execute(sql, (bindable(json.dumps(ids)),))}
        for record_id in ids:
            if record_id not in known:
                raise NotFound.of(messages.NO_RECORD, noun=place.table.singular, id=record_id)
        return ids


def _renamed(place: NamingMap, key: str, text: str | None, entries: Entries) -> Mapping[str, Json]:
    return renamed_entries(place.naming, entries, key, text)
