"""Giving a name to many records at once, and taking it from them: ordinary changes, as one batch.

They are made in transactions that leave others their turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import LENIENT, Json, parse_cells
from offbook.core.merge.naming import entries_naming, key_of, renamed_entries
from offbook.core.messages import Fault
from offbook.core.model import Change, Key, Operation, Record
from offbook.core.protocol.members import Members
from offbook.core.schema import NamingMap
from services.naming.renaming import RECORDS_AT_ONCE, Fetch
from services.restore import Actor
from services.sync.push import Turns, apply_batch, read_records
from storage.base import Store


@dataclass(slots=True)
class MembersReport:
    """What became of the records: how many were given the name, and how many it was taken from; which there are not,
    and which could not be changed. Those that were as wanted are in neither."""

    batch: str
    added: int = 0
    removed: int = 0
    unknown: list[str] = field(default_factory=list)
    rejected: dict[str, Fault] = field(default_factory=dict)

    @property
    def written_batch(self) -> str | None:
        """The batch, where anything was changed."""
        return self.batch if self.added or self.removed else None


def change_members(
    store: Store, book_id: int, actor: Actor, place: NamingMap, fetch: Fetch, members: Members, now_us: int
) -> MembersReport:
    """Let records name what ``fetch`` reads, and others no more: one batch. Raises what ``fetch`` raises."""
    act = _MembersChange(actor, place, now_us, frozenset(members.add), MembersReport(actor.id))
    with store.reading(book_id) as book:
        target = fetch(book)
    keys = [(place.table.name, record_id) for record_id in (*members.add, *members.remove)]
    with Turns(store, book_id) as turns:
        while keys:
            keys = keys[act.change_some(turns, target, keys[:RECORDS_AT_ONCE]) :]
            if keys:
                turns.end()
    return act.report


@dataclass(frozen=True, slots=True)
class _MembersChange:
    """What somebody does to many records."""

    actor: Actor
    place: NamingMap
    now_us: int
    add: frozenset[str]
    report: MembersReport

    def change_some(self, turns: Turns, target: Record, keys: Sequence[Key]) -> int:
        """Change the first of these records, as many as fit: how many these are."""
        records = dict(read_records(turns.book, keys))
        decided = {key: self._change(records.get(key), target) for key in keys}
        changes = [change for change in decided.values() if change is not None]
        portion = turns.portion(changes)
        count = len(keys) if len(portion) == len(changes) else keys.index(changes[len(portion)].key)
        outcomes = apply_batch(turns.book, self.actor.origin, portion, self.now_us, records).outcomes
        faults = {change.key: outcome.fault for change, outcome in zip(portion, outcomes, strict=True)}
        for key in keys[:count]:
            self._note(key, records.get(key), faults)
        return count

    def _change(self, record: Record | None, target: Record) -> Change | None:
        """The change that a record needs; None where it is as wanted, or not there."""
        if record is None or record.deleted:
            return None
        map_ = self.place.map
        written = self._written(record, target, with_all_fields(record.table, record.cells)[map_.name])
        if not written:
            return None
        return Change(
            id=str(uuid5(UUID(self.actor.id), "/".join(record.key))),
            table=record.table,
            record_id=record.id,
            operation=Operation.UPDATE,
            replica=self.actor.replica,
            timestamp=self.now_us // 1000,
            base=record.seq,
            cells=parse_cells(record.table, {map_.name: written}, Operation.UPDATE, LENIENT),
            batch=self.actor.id,
        )

    def _written(self, record: Record, target: Record, entries: Mapping[str, Mapping[str, Json]]) -> dict[str, Json]:
        naming, key = self.place.naming, key_of(target)
        if record.id not in self.add:
            return renamed_entries(naming, entries, key, None)
        if entries_naming(naming, entries, key):
            return {}
        entry_key = uuid5(UUID(self.actor.id), f"{record.id}/{key}").hex[:16]
        return {entry_key: {naming.kind: naming.of, naming.attribute: target.cells[target.table.key]}}

    def _note(self, key: Key, record: Record | None, faults: Mapping[Key | None, Fault | None]) -> None:
        record_id = key[1]
        if record is None or record.deleted:
            self.report.unknown.append(record_id)
        elif fault := faults.get(key):
            self.report.rejected[record_id] = fault
        elif key in faults and record_id in self.add:
            self.report.added += 1
        elif key in faults:
            self.report.removed += 1
