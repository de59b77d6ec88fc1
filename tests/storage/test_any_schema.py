"""What every store must do with the records of any tables that may be declared: what memory does with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import OffbookError
from offbook.core.merge.batch import BookState
from offbook.core.model import Operation
from offbook.core.protocol.view import View
from offbook.core.schema import Schema
from services.batches import list_batches, undo_batch
from services.restore import Actor, restore_values, restore_version
from storage.base import PageSize
from storage.engines.adapter import ENGINES
from tests.conftest import available
from tests.storage.library import (
    ORIGIN,
    START,
    Desk,
    Json,
    Library,
    change,
    everything,
    sql_library,
    uuid,
)
from tests.support.memory_store import MemoryStore
from tests.support.records import datas
from tests.support.schemas import full_schema, full_schemas, schemas
from tests.support.served_schemas import own_tables
from tests.support.stories import RECORDS, Edit, Prune, Restore, Step, Undo, Version, stories

EXAMPLES = settings().max_examples
EACH: dict[str, Any] = {
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
    "deadline": None,
}
IDS = [uuid(record) for record in RECORDS]


def names_of(schema: Schema) -> list[str]:
    return [table.name for table in own_tables(schema)]


class Bench:
    """A book of one store, in which there is a contact, and what a story did to it."""

    def __init__(self, desk: Desk, schema: Schema) -> None:
        self.desk = desk
        self.names = names_of(schema)
        self.view = View(schema, is_sparse=True)
        self.heads = [0, desk.seq(change(90_000, "INSERT", 9, name="Ada"))]
        self.sent: list[Json] = []

    def play(self, story: list[Step]) -> list[Json]:
        """What the store answers to each step; of one that it refuses, why."""
        return [self._answer(step) for step in story]

    def _answer(self, step: Step) -> Json:
        self.desk.now += 1
        try:
            answer = self._do(step)
        except OffbookError as refused:
            return refused.code, str(refused)
        self.heads.append(self.desk.head())
        return answer

    def _do(self, step: Step) -> Json:
        store, book_id, now = self.desk.store, self.desk.book_id, self.desk.now
        actor = Actor(ORIGIN, uuid(77), uuid(60_000 + len(self.heads)))
        match step:
            case list():
                return self.desk.sync(*map(self._sent, step), limit=2)
            case Restore(number, to):
                number = 1 + number % max(1, len(self.sent))
                return restore_values(store, book_id, actor, uuid(number), None, to, now)
            case Version(table, record, back):
                return restore_version(store, book_id, actor, (table, uuid(record)), self._head(back), now)
            case Undo(batch):
                return undo_batch(store, book_id, actor, uuid(batch), now)
            case Prune(history, trash):
                return self.desk.prune(self._head(history), self._head(trash))

    def _sent(self, edit: Edit) -> Json:
        bases = {cell: self._head(back) for cell, back in edit.bases.items()}
        item = change(
            len(self.sent) + 1,
            edit.operation,
            edit.record,
            by=edit.by,
            base=self._head(edit.base),
            at=edit.at,
            bases=bases,
            table=edit.table,
        )
        if edit.operation != "DELETE":
            item["data"] = edit.data
        if edit.batch is not None:
            item["batch"] = uuid(edit.batch)
        self.sent.append(item)
        return item

    def _head(self, back: int) -> int:
        return self.heads[max(0, len(self.heads) - 1 - back)]

    def whole(self) -> Json:
        """All that can be asked about the book."""
        desk = self.desk
        with desk.store.reading(desk.book_id) as reading:
            tables = {name: everything(reading, name, IDS) for name in self.names}
            sparse = reading.rows(0, reading.book.seq, PageSize(1000), live_only=False, view=self.view)
        middle = f"{desk.pull()['cursor'].split('.')[0]}.{self.heads[len(self.heads) // 2]}"
        batches = list_batches(desk.store, desk.book_id, 10, None)
        return tables, sparse, desk.pages(None, 2), read_on(desk, middle), batches


def read_on(desk: Desk, cursor: str) -> Json:
    try:
        return desk.pages(cursor, 1)
    except OffbookError as gone:
        return gone.code


def hold(library: Library, schema: Schema, story: list[Step]) -> None:
    """Both stores answer the same, and hold the same."""
    desk = library.desk()
    specified, real = Bench(twin_of(desk, schema), schema), Bench(desk, schema)
    assert real.play(story) == specified.play(story)
    assert real.whole() == specified.whole()


def twin_of(desk: Desk, schema: Schema) -> Desk:
    """A book in memory that is called as the other is, with tables that grew at the same time."""
    store = MemoryStore()
    store.grow(schema, START)
    with desk.store.reading(desk.book_id) as reading:
        book: BookState = reading.book
    store.add_book(book)
    return Desk(store, desk.book_id)


ANY = (schemas(1, 2, st.sampled_from([1, 2, 3, 5])) | full_schemas()).flatmap(
    lambda schema: st.tuples(st.just(schema), stories(schema, names_of(schema)))
)


@settings(max_examples=EXAMPLES // 10, **EACH)
@given(ANY)
@pytest.mark.proof
def test_the_records_of_any_schema_are_kept_as_in_memory(
    tmp_path_factory: pytest.TempPathFactory, case: tuple[Schema, list[Step]]
) -> None:
    schema, story = case
    with closing(sql_library("sqlite", tmp_path_factory.mktemp("any"), schema)) as library:
        hold(library, schema, story)


@pytest.fixture(scope="session", params=list(ENGINES))
def full_library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Each database in turn, with tables in which there is all that can be declared."""
    with closing(sql_library(available(request.param), tmp_path_factory.mktemp(request.param), full_schema())) as made:
        yield made


@settings(max_examples=6, **EACH)
@given(story=st.deferred(lambda: stories(full_schema(), names_of(full_schema()))))
def test_all_that_can_be_declared_is_kept_as_in_memory(full_library: Library, story: list[Step]) -> None:
    hold(full_library, full_schema(), story)


@settings(max_examples=6, **EACH)
@given(data=st.deferred(lambda: datas(own_tables(full_schema())[0], complete=True)))
def test_a_record_of_all_types_comes_back_as_it_was_sent(full_library: Library, data: Json) -> None:
    table, desk = own_tables(full_schema())[0], full_library.desk()
    item = change(1, "INSERT", 1, table=table.name) | {"data": data}
    assert desk.verdicts(item) == ["applied"]
    row = desk.live()[uuid(1)]
    cells = parse_cells(table, data, Operation.INSERT)
    assert {name: row[name] for name in row.keys() - {"id", "created_at", "updated_at"}} == with_all_fields(
        table, cells
    )
    with desk.store.reading(desk.book_id) as reading:
        stored = reading.records(table.name, [uuid(1)])[table.name, uuid(1)].cells
    assert stored == {cell: value for cell, value in cells.items() if value is not None and value is not False}
