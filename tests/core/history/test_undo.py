"""Undoing a batch: cases of one record, and what holds for any history of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import Patch, state_of, without_removed_entries
from offbook.core.history.undo import (
    ExistenceStep,
    KeptCell,
    RecordUndo,
    undo_id,
    undo_record,
    undoing_change_id,
    was_taken_back,
)
from offbook.core.merge.batch import BookState, plan_batch
from offbook.core.model import Change, Operation, Record, Verdict
from offbook.core.schema import EXISTS, entry_of

RECORD = str(UUID(int=1))
KEY = (CONTACTS.name, RECORD)
BATCH, UNDO, REDO = (str(UUID(int=number)) for number in (101, 102, 103))
OTHER = None

INSERT, UPDATE, DELETE = Operation.INSERT, Operation.UPDATE, Operation.DELETE
ENTRY = {"details/k/@exists": True, "details/k/kind": "phone", "details/k/value": "1"}

Write = tuple[str | None, Operation, Mapping[str, Any]]
"""The batch of a change, what it does and its cells."""


@dataclass
class Book:
    """One record and its history. Every change is made by someone who has seen all before it."""

    record: Record | None = None
    steps: list[HistoryStep] = field(default_factory=list)
    batches: dict[str, str | None] = field(default_factory=dict)
    seq: int = 0

    def write(
        self, batch: str | None, operation: Operation, cells: Mapping[str, Any], change_id: str | None = None
    ) -> Verdict:
        number = change_id or str(UUID(int=1000 + len(self.batches)))
        change = Change(number, CONTACTS, RECORD, operation, number, 0, self.seq, cells, batch=batch)
        records = {} if self.record is None else {KEY: self.record}
        plan = plan_batch(BookState(1, "book", "merge", "epoch", self.seq, 0), records, {}, [change], 0)
        (logged,) = plan.history
        self.batches[number] = batch
        self.seq, self.record = plan.seq, plan.records.get(KEY)
        if logged.seq is not None:
            self.steps.append(HistoryStep(KEY, logged.seq, logged.before, batch, number))
        return logged.verdict

    def play(self, writes: Sequence[Write]) -> Book:
        for batch, operation, cells in writes:
            self.write(batch, operation, cells)
        return self

    def decide(self, batch: str, undo: str) -> RecordUndo:
        if self.record is None:
            return RecordUndo(None, ())
        return undo_record(self.record, self.steps, batch, undo)

    def undo(self, batch: str = BATCH, undo: str = UNDO) -> RecordUndo:
        decided = self.decide(batch, undo)
        if decided.patch is not None:
            assert self.write(undo, *decided.patch, undoing_change_id(undo, KEY)) is Verdict.APPLIED
        return decided

    @property
    def shown(self) -> dict[str, Any]:
        """What people see: nothing of what is deleted."""
        if self.record is None or self.record.deleted:
            return {}
        return {cell: value for cell, value in without_removed_entries(state_of(self.record)).items() if value}


ADA: Write = (OTHER, INSERT, {"name": "Ada", "phone": "1"})
NEW: Write = (BATCH, INSERT, {"name": "Ada", **ENTRY})

CASES: Mapping[str, tuple[list[Write], Patch | None, list[tuple[str, str]]]] = {
    "a cell": ([ADA, (BATCH, UPDATE, {"phone": "2"})], Patch(UPDATE, {"phone": "1"}), []),
    "a cell that it wrote twice": (
        [ADA, (BATCH, UPDATE, {"phone": "2"}), (BATCH, UPDATE, {"phone": "3"})],
        Patch(UPDATE, {"phone": "1"}),
        [],
    ),
    "a cell that another wrote since, and one that none did": (
        [ADA, (BATCH, UPDATE, {"phone": "2", "email": "a"}), (OTHER, UPDATE, {"phone": "3"})],
        Patch(UPDATE, {"email": None}),
        [("phone", "changed_since")],
    ),
    "a cell that another wrote between two of its own writes": (
        [ADA, (BATCH, UPDATE, {"phone": "2"}), (OTHER, UPDATE, {"phone": "3"}), (BATCH, UPDATE, {"phone": "2"})],
        Patch(UPDATE, {"phone": "3"}),
        [],
    ),
    "a cell that another gave its former value": (
        [ADA, (BATCH, UPDATE, {"phone": "2"}), (OTHER, UPDATE, {"phone": "1"})],
        None,
        [],
    ),
    "what it added": ([NEW], Patch(DELETE, {}), []),
    "what it added and changed": ([NEW, (BATCH, UPDATE, {"phone": "1"})], Patch(DELETE, {}), []),
    "what it added, and another changed": (
        [NEW, (OTHER, UPDATE, {"email": "e"})],
        None,
        [(EXISTS, "changed_since")],
    ),
    "what it added, and another deleted": ([NEW, (OTHER, DELETE, {})], None, []),
    "what it deleted": ([ADA, (BATCH, DELETE, {})], Patch(INSERT, {"name": "Ada"}), []),
    "what it deleted, and another brought back": (
        [ADA, (BATCH, DELETE, {}), (OTHER, UPDATE, {"email": "e"})],
        None,
        [],
    ),
    "what it changed, and another deleted": (
        [ADA, (BATCH, UPDATE, {"phone": "2"}), (OTHER, DELETE, {})],
        None,
        [("phone", "deleted_since")],
    ),
    "what it brought back": (
        [ADA, (OTHER, DELETE, {}), (BATCH, INSERT, {"name": "Ada", "phone": "2"})],
        Patch(DELETE, {}),
        [],
    ),
    "an entry that it added": (
        [ADA, (BATCH, UPDATE, ENTRY)],
        Patch(UPDATE, {"details/k/@exists": False}),
        [],
    ),
    "an entry that it added, and another changed": (
        [ADA, (BATCH, UPDATE, {**ENTRY, "phone": "2"}), (OTHER, UPDATE, {"details/k/label": "boat"})],
        Patch(UPDATE, {"phone": "1"}),
        [("details/k/@exists", "changed_since")],
    ),
    "an entry that it removed": (
        [ADA, (OTHER, UPDATE, ENTRY), (BATCH, UPDATE, {"details/k/@exists": False})],
        Patch(UPDATE, {"details/k/@exists": True}),
        [],
    ),
    "a cell of an entry that another removed": (
        [
            ADA,
            (OTHER, UPDATE, ENTRY),
            (BATCH, UPDATE, {"details/k/@exists": True, "details/k/value": "2"}),
            (OTHER, UPDATE, {"details/k/@exists": False}),
        ],
        None,
        [("details/k/value", "deleted_since")],
    ),
    "an entry that it added and removed, and another brought back, before it removed it again": (
        [
            (OTHER, INSERT, {"name": "Ada", "details/k/@exists": False}),
            (BATCH, UPDATE, ENTRY),
            (BATCH, UPDATE, {"details/k/@exists": False}),
            (OTHER, UPDATE, ENTRY),
            (BATCH, UPDATE, {"details/k/@exists": False}),
        ],
        Patch(UPDATE, {"details/k/@exists": True}),
        [("details/k/kind", "changed_since"), ("details/k/value", "changed_since")],
    ),
    "an entry that it removed from what was deleted before": (
        [ADA, (OTHER, UPDATE, ENTRY), (OTHER, DELETE, {}), (BATCH, UPDATE, {"details/k/@exists": False})],
        None,
        [],
    ),
    "nothing": ([ADA, (OTHER, UPDATE, {"phone": "2"})], None, []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_undone(name: str) -> None:
    writes, patch, kept = CASES[name]
    book = Book().play(writes)
    assert book.decide(BATCH, UNDO) == RecordUndo(patch, tuple(KeptCell(KEY, *pair) for pair in kept))


@pytest.mark.parametrize("name", CASES)
def test_what_is_undone_stays_so_and_is_answered_alike(name: str) -> None:
    book = Book().play(CASES[name][0])
    kept = book.undo().kept
    if any(step.batch == UNDO for step in book.steps):
        book.write(OTHER, UPDATE, {"phone": "9", "notes": "later"})
    assert book.decide(BATCH, UNDO) == RecordUndo(None, kept)


def test_what_an_undo_cleared_in_a_record_before_it_undid_it_is_nobodys_edit() -> None:
    book = Book().play([ADA, (BATCH, UPDATE, {"phone": "2"}), (UNDO, UPDATE, {"phone": None})])
    assert book.undo() == RecordUndo(Patch(UPDATE, {"phone": "1"}), ())
    assert book.decide(BATCH, UNDO) == RecordUndo(None, ())


def test_of_what_has_left_the_trash_nothing_comes_back() -> None:
    book = Book().play([ADA, (BATCH, DELETE, {})])
    assert book.record is not None
    book.record = book.record._replace(cells={})
    assert book.decide(BATCH, UNDO) == RecordUndo(None, (KeptCell(KEY, EXISTS, "purged"),))


# --- whatever happened -----------------------------------------------------------------------------------------------

VALUES = st.sampled_from(["1", "2", "3"])
FIELDS = st.dictionaries(st.sampled_from(["phone", "email"]), VALUES | st.none(), max_size=2)


def of_entry(key: str) -> st.SearchStrategy[dict[str, Any]]:
    entry = f"details/{key}/"
    whole = VALUES.map(lambda value: {entry + EXISTS: True, entry + "kind": "phone", entry + "value": value})
    labelled = VALUES.map(lambda value: {entry + EXISTS: True, entry + "label": value})
    return whole | labelled | st.just({entry + EXISTS: False}) | st.just({})


CELLS = st.builds(lambda *parts: {cell: value for part in parts for cell, value in part.items()}, FIELDS, of_entry("k"))
EDITS: st.SearchStrategy[tuple[Operation, dict[str, Any]]] = st.tuples(st.just(UPDATE), CELLS) | st.just((DELETE, {}))
INSERTS = st.tuples(st.just(INSERT), CELLS.map(lambda cells: {"name": "Ada", **cells}))
OPERATIONS = EDITS | INSERTS


def writes_of(*batches: str | None) -> st.SearchStrategy[list[Write]]:
    write = st.tuples(st.sampled_from(batches), OPERATIONS).map(lambda pair: (pair[0], *pair[1]))
    return st.lists(write, max_size=6)


@given(writes_of(OTHER), writes_of(BATCH))
def test_undone_at_once_all_is_as_it_was_and_undone_again_as_it_became(
    before: list[Write], writes: list[Write]
) -> None:
    book = Book().play(before)
    was = book.shown
    became = book.play(writes).shown
    assert book.undo().kept == ()
    assert book.shown == was
    assert book.undo(UNDO, REDO).kept == ()
    assert book.shown == became


@given(writes_of(OTHER), writes_of(BATCH, OTHER))
def test_it_touches_nothing_that_another_wrote_since(before: list[Write], writes: list[Write]) -> None:
    book = Book().play(before)
    begin = book.seq
    book.play(writes)
    record = book.record
    decided = book.undo()
    if record is None or decided.patch is None:
        return
    by_others = {
        cell
        for cell in {*record.clocks, *record.cells, EXISTS}
        if record.clock(cell).seq > begin and book.batches[record.clock(cell).change_id] is not BATCH
    }
    written = book.steps[-1].before
    assert not by_others & written.keys()
    gone = tuple(entry_of(cell) for cell, was in written.items() if cell.endswith(EXISTS) and was)
    assert all(record.clock(cell).seq < _added_at(record, cell) for cell in by_others if cell.startswith(gone))


def _added_at(record: Record, cell: str) -> int:
    """When the batch added what the cell is in: what another wrote before that is no reason to keep it."""
    return max(record.clock(EXISTS).seq, record.clock(entry_of(cell) + EXISTS).seq)


# --- what an undo took away ------------------------------------------------------------------------------------------


IMPORT, AGAIN, BULK = (str(UUID(int=number)) for number in (11, 12, 13))
UNDONE, UNDONE_AGAIN, BULK_UNDONE = map(undo_id, (IMPORT, AGAIN, BULK))


def made(batch: str) -> ExistenceStep:
    return ExistenceStep(True, batch)


def deleted(batch: str | None = None) -> ExistenceStep:
    return ExistenceStep(False, batch)


@pytest.mark.parametrize(
    ("steps", "is_taken_back"),
    {
        "nothing is known": ([], False),
        "an import was undone": ([made(IMPORT), deleted(UNDONE)], True),
        "its making is pruned": ([deleted(UNDONE)], False),
        "by a person": ([made(IMPORT), deleted()], False),
        "by a person, in bulk": ([made(IMPORT), deleted(BULK)], False),
        "of another import": ([made(AGAIN), deleted(UNDONE)], False),
        "by a person who had not seen the undo": ([made(IMPORT), deleted(UNDONE), deleted()], False),
        "by a person, which waits for a decision": ([made(IMPORT), deleted(), deleted(UNDONE)], False),
        "it was put into the trash": ([made(IMPORT), deleted(IMPORT)], False),
        "imported and undone again": ([made(IMPORT), deleted(UNDONE), made(AGAIN), deleted(UNDONE_AGAIN)], True),
        "imported again and deleted": ([made(IMPORT), deleted(UNDONE), made(AGAIN), deleted()], False),
        "restored and deleted by a person": ([made(IMPORT), deleted(UNDONE), deleted()], False),
        "another act wrote, and was undone before": (
            [made(IMPORT), made(BULK), made(BULK_UNDONE), deleted(UNDONE)],
            True,
        ),
        "an undo was undone, and that too": (
            [made(IMPORT), deleted(UNDONE), made(undo_id(UNDONE)), deleted(undo_id(undo_id(UNDONE)))],
            True,
        ),
        "a person's deletion was undone, and that too": (
            [made(IMPORT), deleted(BULK), made(BULK_UNDONE), deleted(undo_id(BULK_UNDONE))],
            False,
        ),
    }.values(),
)
def test_what_an_undo_took_away_is_told_from_what_somebody_deleted(
    steps: list[ExistenceStep], is_taken_back: bool
) -> None:
    assert was_taken_back(steps) is is_taken_back
