"""Batches in every store: what acts wrote, listed, and undone in turns."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from uuid import uuid4

import pytest

from offbook.core.errors import NotFound, Pruned
from offbook.core.history.undo import BatchSummary, ExistenceStep, UndoReport, undo_id
from offbook.core.model import Author
from services import batches as service
from services.batches import list_batches, read_batch, undo_batch
from services.restore import Actor
from tests.storage.library import ORIGIN, START, Desk, Json, Library, change, uuid
from tests.support.ending_store import Ended, StoreThatEnds

FIRST, SECOND = uuid(501), uuid(502)
NUMBERS = count(10_000)


def of_batch(batch: str, operation: str, record: int, base: int | None = None, **data: Json) -> Json:
    return change(next(NUMBERS), operation, record, base=base, **data) | {"batch": batch}


def undo(desk: Desk, batch: str = FIRST) -> UndoReport:
    return undo_batch(desk.store, desk.book_id, Actor(ORIGIN, uuid(77), str(uuid4())), batch, desk.now)


def summaries(desk: Desk, limit: int = 10, before: int | None = None) -> list[BatchSummary]:
    return [replace(batch, author=Author()) for batch in list_batches(desk.store, desk.book_id, limit, before)]


def test_the_history_names_the_batch_of_a_change(desk: Desk) -> None:
    desk.push(of_batch(FIRST, "INSERT", 1, name="Ada"))
    desk.push(change(next(NUMBERS), "UPDATE", 1, base=desk.head(), phone="1"))
    assert [entry.batch for entry in desk.history()] == [FIRST, None]


def test_batches_are_listed_with_what_took_effect(desk: Desk) -> None:
    results = desk.push(*(of_batch(FIRST, "INSERT", record, name=f"name {record}") for record in (1, 2, 3)))
    desk.push(change(next(NUMBERS), "INSERT", 4, name="alone"))
    base = results[0]["seq"]
    edits = desk.push(of_batch(SECOND, "UPDATE", 1, base, phone="1"), of_batch(SECOND, "UPDATE", 1, base, phone="1"))
    first = BatchSummary(FIRST, base, results[2]["seq"], Author(), {desk.table: 3})
    second = BatchSummary(SECOND, edits[0]["seq"], edits[0]["seq"], Author(), {desk.table: 1})
    assert summaries(desk) == [second, first]
    assert summaries(desk, 1) == [second]
    assert summaries(desk, 10, second.last) == [first]
    assert replace(read_batch(desk.store, desk.book_id, FIRST), author=Author()) == first
    assert read_batch(desk.store, desk.book_id, FIRST).author.at == START // 1000


def test_an_undo_is_a_batch_that_can_be_undone(desk: Desk) -> None:
    desk.push(change(next(NUMBERS), "INSERT", 1, name="Ada", phone="1"))
    before = desk.live()
    base = desk.head()
    entry = {"k1": {"kind": "phone", "value": "5"}}
    desk.push(
        of_batch(FIRST, "UPDATE", 1, base, phone="2", details=entry),
        of_batch(FIRST, "INSERT", 2, name="Grace"),
    )
    became = desk.live()
    report = undo(desk)
    assert (report.batch, report.undone, report.kept) == (undo_id(FIRST), 2, [])
    assert shown(desk) == shown_of(before)
    assert summaries(desk)[1].undone_by == report.batch
    assert undo(desk, report.batch).undone == 2
    assert shown(desk) == shown_of(became)


def test_undone_twice_it_is_undone_once(desk: Desk) -> None:
    desk.push(*(of_batch(FIRST, "INSERT", record, name=f"name {record}") for record in (1, 2)))
    desk.push(change(next(NUMBERS), "UPDATE", 2, base=desk.head(), phone="1"))
    first = undo(desk)
    head = desk.head()
    assert [(cell.key[1], cell.cell, cell.reason) for cell in first.kept] == [(uuid(2), "@exists", "changed_since")]
    assert undo(desk) == first
    assert desk.head() == head


def test_a_large_batch_is_undone_in_turns_and_goes_on_where_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RECORDS_AT_ONCE", 2)
    desk.push(*(of_batch(FIRST, "INSERT", record, name=f"name {record}") for record in range(1, 6)))
    cut_off = Desk(StoreThatEnds(desk.store, turns=1), desk.book_id)
    with pytest.raises(Ended):
        undo(cut_off)
    assert len(desk.live()) == 3, "the first turn is done"
    assert undo(desk).undone == 5
    assert desk.live() == {}


def test_what_is_unknown_or_pruned_is_not_undone(desk: Desk) -> None:
    with pytest.raises(NotFound):
        undo(desk)
    desk.push(of_batch(FIRST, "INSERT", 1, name="Ada"))
    desk.prune(desk.head())
    with pytest.raises(Pruned):
        undo(desk)
    assert summaries(desk) == []
    assert set(desk.live()) == {uuid(1)}


def test_a_store_tells_who_deleted_a_record_and_which_batches_wrote_to_it(desk: Desk) -> None:
    desk.push(*(of_batch(FIRST, "INSERT", record, name=f"name {record}") for record in (1, 2)))
    base = desk.head()
    desk.push(change(next(NUMBERS), "UPDATE", 1, base=base, phone="1"))
    desk.push(of_batch(SECOND, "UPDATE", 1, base=desk.head(), phone="2"))
    desk.push(change(next(NUMBERS), "DELETE", 1, base=desk.head()))
    undo(desk)
    desk.push(change(next(NUMBERS), "DELETE", 2, base=base))

    def existence() -> dict[str, list[ExistenceStep]]:
        with desk.store.reading(desk.book_id) as book:
            return book.batches.existence(desk.table, [uuid(1), uuid(2), uuid(3)])

    made, deleted = ExistenceStep(True, FIRST), ExistenceStep(False, None)
    assert existence() == {
        uuid(1): [made, ExistenceStep(True, SECOND), deleted],
        uuid(2): [made, ExistenceStep(False, undo_id(FIRST)), deleted],
    }
    with desk.store.reading(desk.book_id) as book:
        seqs = [step.seq for steps in book.batches.steps([(desk.table, uuid(1))], 0).values() for step in steps]
        named = book.batches.of_changes([*seqs, 7])
        assert [named.get(seq) for seq in seqs] == [FIRST, None, SECOND, None]
        assert book.batches.of_changes([]) == {}
    desk.prune(base)
    assert existence()[uuid(2)] == [ExistenceStep(False, undo_id(FIRST)), deleted]


def test_a_batch_of_another_book_is_unknown(library: Library) -> None:
    hers, his = library.desk(), library.desk()
    hers.push(of_batch(FIRST, "INSERT", 1, name="Ada"))
    with pytest.raises(NotFound):
        undo(his)
    assert summaries(his) == []
    assert set(hers.live()) == {uuid(1)}


def shown(desk: Desk) -> Json:
    return shown_of(desk.live())


def shown_of(rows: dict[str, Json]) -> Json:
    """Rows without the time of their last change."""
    return {
        record_id: {name: value for name, value in row.items() if name != "updated_at"}
        for record_id, row in rows.items()
    }
