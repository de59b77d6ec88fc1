"""What only a database can do wrong: too many statements, half a batch, readers that miss what writers commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from sqlalchemy import and_, event, update

from storage.sql.queries import CONFLICTS
from tests.storage.library import Desk, Json, Library, change, uuid
from tests.support.sql_spy import hearing

DETAILS = {"k1": {"kind": "phone", "value": "1"}, "k2": {"kind": "address", "city": "London"}}
Batch = Callable[[int, int], list[Json]]


@contextmanager
def statements(library: Library) -> Iterator[list[str]]:
    """The statements that are sent meanwhile, as they are sent: one for many rows counts once, an end of a transaction
    not at all."""
    sent: list[str] = []

    def hear(text: str) -> None:
        if text not in ("COMMIT", "ROLLBACK"):
            sent.append(text)

    database = library.database
    assert database is not None
    with hearing(hear, database.engine, database.reader):
        yield sent


@contextmanager
def rows_written(library: Library, begin: str) -> Iterator[list[int]]:
    """How many rows each statement that begins so wrote meanwhile."""
    counts: list[int] = []

    def hear(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith(begin):
            counts.append(cursor.rowcount)

    assert library.database is not None
    event.listen(library.database.engine, "after_cursor_execute", hear)
    yield counts
    event.remove(library.database.engine, "after_cursor_execute", hear)


# --- statements ----------------------------------------------------------------------------------------------------


def inserts(count: int, base: int) -> list[Json]:
    return [change(n, "INSERT", n, name=f"name {n}", details=DETAILS) for n in range(1, count + 1)]


def updates(count: int, base: int) -> list[Json]:
    edit: dict[str, Any] = {"phone": "2", "details": {"k1": {"value": "2"}, "k2": None, "k3": {"kind": "url"}}}
    return [change(2000 + n, "UPDATE", n, base=base, **edit) for n in range(1, count + 1)]


def fights(count: int, base: int) -> list[Json]:
    return [change(4000 + n, "UPDATE", n, by=2, base=base, name=f"mine {n}") for n in range(1, count + 1)]


def mixed(count: int, base: int) -> list[Json]:
    """Of each kind some: new, edited, deleted, unknown, malformed, sent before."""
    kinds = [
        lambda n: change(6000 + n, "INSERT", 6000 + n, name="new", details=DETAILS),
        lambda n: change(6000 + n, "UPDATE", n, base=base, email="e", details={"k1": {"label": "l"}}),
        lambda n: change(6000 + n, "DELETE", n, base=base),
        lambda n: change(6000 + n, "UPDATE", 7000 + n, base=base, email="e"),
        lambda n: change(6000 + n, "UPDATE", n, base=base, email="e" * 400),
        lambda n: change(n, "INSERT", n, name="again"),
    ]
    return [kinds[n % len(kinds)](n) for n in range(1, count + 1)]


BATCHES: dict[str, Batch] = {"inserts": inserts, "updates": updates, "fights": fights, "mixed": mixed}


def statements_for(sql: Library, batch: Batch, count: int) -> int:
    desk = sql.desk("ask")
    assert desk.table in desk.store.schema, "a store reads once which tables there are"
    if batch is not inserts:
        desk.push(*inserts(count, 0))
        desk.push(*[change(8000 + n, "UPDATE", n, base=desk.head(), name=f"theirs {n}") for n in range(1, count + 1)])
    base = 1 if batch is fights else desk.head()
    with statements(sql) as sent:
        answers = desk.push(*batch(count, base))
    assert len(answers) == count
    assert any(answer["verdict"] != "rejected" for answer in answers)
    return len(sent)


@pytest.mark.parametrize("name", BATCHES)
def test_a_push_takes_as_few_statements_for_1000_changes_as_for_10(sql: Library, name: str) -> None:
    few, many = (statements_for(sql, BATCHES[name], count) for count in (10, 1000))
    assert few == many <= 15


def test_a_page_takes_as_few_statements_for_1000_rows_as_for_10(sql: Library) -> None:
    desk = sql.desk()
    desk.push(*inserts(1000, 0))
    for since, most in ((None, 6), (desk.pull(limit=1)["cursor"], 7)):  # of which each table takes one
        counts = set()
        for limit in (10, 999):
            with statements(sql) as sent:
                assert len(desk.pull(since, limit)["changes"]) == limit
            counts.add(len(sent))
        assert len(counts) == 1
        assert counts.pop() <= most


def statements_to_prune(sql: Library, count: int) -> int:
    desk = sql.desk()
    desk.push(*inserts(count, 0))
    desk.push(*[change(2000 + n, "DELETE", n, base=desk.head()) for n in range(1, count // 2)])
    live = desk.live()
    desk.push(*[item for item in updates(count, desk.head()) if item["record_id"] in live])
    history, trashed = desk.head(), sorted(live)[: count // 4]
    desk.push(*[{**change(5000 + n, "DELETE", base=history), "record_id": one} for n, one in enumerate(trashed)])
    with statements(sql) as sent:
        forgotten = desk.prune(history, trash=desk.head())
    assert (forgotten.tombstones, forgotten.emptied) == (count // 2 - 1, count // 4)
    assert desk.live().keys() == live.keys() - set(trashed)
    return len(sent)


def test_pruning_takes_as_few_statements_for_1000_records_as_for_10(sql: Library) -> None:
    few, many = (statements_to_prune(sql, count) for count in (10, 1000))
    assert few == many <= 19


def test_what_was_thinned_is_not_written_again(sql: Library) -> None:
    desk = sql.desk()
    desk.push(*inserts(3, 0))
    desk.prune(desk.head())
    with rows_written(sql, "UPDATE changes") as written:
        desk.prune(desk.head())
    assert written == [0]


def test_what_was_emptied_is_not_written_again(sql: Library) -> None:
    desk = sql.desk()
    desk.push(*inserts(3, 0))
    desk.push(change(9000, "DELETE", 3, base=desk.head()))
    assert desk.prune(0, trash=desk.head()).emptied == 1
    with statements(sql) as sent:
        desk.prune(0, trash=desk.head())
    assert not [one for one in sent if one.startswith("INSERT")]


def test_conflicts_that_a_person_settled_go_with_the_history_and_open_ones_stay(sql: Library) -> None:
    desk = sql.desk("ask")
    desk.push(*inserts(2, 0))
    base = desk.head()
    desk.push(*[change(3000 + n, "UPDATE", n, base=base, phone="ours") for n in (1, 2)])
    desk.push(*[change(4000 + n, "UPDATE", n, by=2, base=base, phone="theirs") for n in (1, 2)])
    settled, still_open = desk.whole()["conflicts"]
    assert sql.database is not None
    with sql.database.write() as connection:
        here = and_(CONFLICTS.c.book_id == desk.book_id, CONFLICTS.c.id == settled.id)
        connection.execute(update(CONFLICTS).where(here).values(resolved_at=desk.now))
    assert desk.prune(settled.seq - 1).conflicts == 0
    assert desk.prune(desk.head()).conflicts == 1
    assert desk.prune(desk.head()).conflicts == 0
    assert desk.whole()["conflicts"] == [still_open]


# --- all or nothing ------------------------------------------------------------------------------------------------


class Fault(Exception):
    pass


@contextmanager
def failing_after(library: Library, count: int) -> Iterator[None]:
    """The database fails at the statement that follows ``count`` others."""
    left = [count]

    def hear(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Fault

    assert library.database is not None
    with hearing(hear, library.database.engine):
        yield


def test_a_fault_at_any_statement_of_a_push_leaves_nothing_behind(sql: Library) -> None:
    desk = sql.desk("ask")
    desk.push(*inserts(10, 0))
    batch = [*mixed(12, desk.head()), *fights(6, 1)]
    before, faults = desk.whole(range(1, 13)), 0
    while True:
        try:
            with failing_after(sql, faults):
                verdicts = desk.verdicts(*batch)
            break
        except Fault:
            faults += 1
        assert desk.whole(range(1, 13)) == before
    assert faults > 8
    assert {"applied", "conflict", "rejected"} <= set(verdicts)


def test_a_fault_at_any_statement_of_pruning_leaves_nothing_behind(sql: Library) -> None:
    desk = sql.desk()
    desk.push(*inserts(3, 0))
    desk.push(*updates(2, desk.head()), change(9000, "DELETE", 3, base=desk.head()))
    before, faults = desk.whole(), 0
    while True:
        try:
            with failing_after(sql, faults):
                desk.prune(desk.head())
            break
        except Fault:
            faults += 1
        assert desk.whole() == before
    assert faults > 5
    assert desk.whole() != before


# --- threads -------------------------------------------------------------------------------------------------------

WRITERS = 8
PUSHES = 12


def write(library: Library, book_id: int, writer: int) -> list[int]:
    """Pushes of two contacts of its own and one that all writers fight about; the seqs of its own, in order."""
    desk, seqs = Desk(library.store, book_id), []
    for number in range(PUSHES):
        first = 1 + 3 * (writer * PUSHES + number)
        batch = [change(first + n, "INSERT", first + n, by=writer + 1, name=f"{writer}") for n in range(2)]
        shared = change(first + 2, "INSERT", 999_999, by=writer + 1, name=f"{writer} {number}")
        seqs += [result["seq"] for result in desk.push(*batch, shared)[:2]]
    return seqs


def test_eight_threads_never_get_a_seq_twice_and_a_reader_misses_nothing(library: Library) -> None:
    book_id = library.add_book()
    done = Event()
    with ThreadPoolExecutor(WRITERS + 2) as threads:
        readers = [threads.submit(Desk(library.store, book_id).follow, done) for _ in range(2)]
        writers = [threads.submit(write, library, book_id, writer) for writer in range(WRITERS)]
        try:
            given = [writer.result(60) for writer in writers]
        finally:
            done.set()
        seen = [reader.result(60) for reader in readers]
    desk = Desk(library.store, book_id)
    assert all(seqs == sorted(seqs) for seqs in (*given, *seen))
    assert len({seq for seqs in given for seq in seqs}) == WRITERS * PUSHES * 2
    held = {row["seq"] for row in desk.pull(limit=1000)["changes"]}
    assert len(held) == WRITERS * PUSHES * 2 + 1
    assert all(held <= set(seqs) for seqs in seen)


def test_no_update_is_lost_when_eight_threads_edit_one_record(library: Library) -> None:
    """Each adds its own entries to one contact: a lost update would lose one."""
    book_id = library.add_book()
    base = Desk(library.store, book_id).seq(change(1, "INSERT", name="Ada"))

    def add(writer: int) -> None:
        desk = Desk(library.store, book_id)
        for number in range(PUSHES):
            entry = {f"k{writer}-{number}": {"kind": "phone", "value": f"{writer}"}}
            desk.push(change(100 + writer * PUSHES + number, "UPDATE", by=writer + 1, base=base, details=entry))

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(add, range(WRITERS)))
    assert len(Desk(library.store, book_id).live()[uuid(1)]["details"]) == WRITERS * PUSHES
