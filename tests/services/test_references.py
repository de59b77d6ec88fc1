"""References that are cleared by whoever deletes what they point to: in the same transaction, and undone with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from offbook.contacts.table import BUILT_IN
from offbook.core.conflicts.bulk import Rule
from offbook.core.conflicts.resolution import Choice
from offbook.core.declaration.rules import app_schema
from offbook.core.model import Cells, Change, Conflict, Operation
from offbook.core.protocol.requests import parse_push
from offbook.tables import Map, Ref, Table, Text
from services import references
from services.batches import undo_batch
from services.conflicts import resolve_all, resolve_conflict, undo_resolution
from services.records import delete_record
from services.restore import Actor, restore_values, restore_version
from services.sync.push import Turns
from services.sync.responses import sync
from storage.base import ChangeOrigin, Store
from tests.storage.library import Desk, Json, Library, change, sql_library, uuid
from tests.support.counting_store import StoreThatCounts
from tests.support.ending_store import Ended, StoreThatEnds
from tests.support.memory_store import MemoryStore

BOOKS = Table("notebooks", Text("name", required=True), key="name")
NOTES = Table(
    "notes",
    Text("title"),
    Ref("notebook", "notebooks", gone="clear"),
    Ref("origin", "notebooks"),
    Map("links", Text("label"), Ref("to", "notebooks", gone="clear")),
)
SCHEMA = app_schema((BOOKS, NOTES), BUILT_IN)
ACTOR = Actor(ChangeOrigin(device_id=1, user_id=1), uuid(7), uuid(100))
ACTOR_2 = Actor(ACTOR.origin, ACTOR.replica, uuid(101))
NOTEBOOK, OTHER = uuid(1), uuid(2)


@pytest.fixture
def desk() -> Desk:
    return filled(Library(MemoryStore(SCHEMA)).desk())


@pytest.fixture
def any_desk(engine_name: str, tmp_path: Path) -> Iterator[Desk]:
    """The same in a database of each engine."""
    library = sql_library(engine_name, tmp_path, SCHEMA)
    yield filled(library.desk())
    library.close()


def filled(desk: Desk) -> Desk:
    """Two notebooks; a note that refers to the first in every way, one that refers to the other."""
    links = {"k1": {"label": "a", "to": NOTEBOOK}, "k2": {"to": OTHER}, "k3": {"to": NOTEBOOK}}
    verdicts = desk.push(
        change(1, "INSERT", 1, table="notebooks", name="Home"),
        change(2, "INSERT", 2, table="notebooks", name="Work"),
        change(3, "INSERT", 3, table="notes", notebook=NOTEBOOK, origin=NOTEBOOK, links=links),
        change(4, "INSERT", 4, table="notes", notebook=OTHER, title="other"),
    )
    assert [result["verdict"] for result in verdicts] == ["applied"] * 4, verdicts
    desk.push(change(5, "UPDATE", 3, table="notes", base=desk.head(), links={"k3": None}))
    return desk


def note(desk: Desk, record: int = 3) -> Cells:
    with desk.store.reading(desk.book_id) as book:
        return book.records("notes", [uuid(record)])["notes", uuid(record)].cells


def delete(desk: Desk, record_id: str = NOTEBOOK) -> None:
    delete_record(desk.store, desk.book_id, ACTOR, SCHEMA["notebooks"], record_id, lambda seq: True, desk.now + 1)


def test_whoever_deletes_clears_what_refers_to_it(desk: Desk) -> None:
    other = note(desk, 4)
    delete(desk)
    cells = note(desk)
    assert cells.get("notebook") is None
    assert cells["origin"] == NOTEBOOK
    assert (cells["links/k1/@exists"], cells["links/k1/label"], cells.get("links/k1/to")) == (True, "a", None)
    assert cells["links/k2/to"] == OTHER
    assert cells["links/k3/@exists"] is False
    assert note(desk, 4) == other


def test_it_is_a_change_in_the_history_and_undone_with_the_deletion(desk: Desk) -> None:
    before = note(desk)
    delete(desk)
    with desk.store.reading(desk.book_id) as book:
        entry = book.history("notes", uuid(3))[-1]
        deletion = book.history("notebooks", NOTEBOOK)[-1]
    assert (entry.operation, entry.data["notebook"]) == (Operation.UPDATE, None)
    assert deletion.operation is Operation.DELETE
    undo_batch(desk.store, desk.book_id, ACTOR, ACTOR.id, desk.now + 2)
    assert note(desk) == before


def test_what_nothing_refers_to_is_no_batch(desk: Desk) -> None:
    delete(desk, OTHER)
    delete_record(desk.store, desk.book_id, ACTOR_2, SCHEMA["notes"], uuid(4), lambda seq: True, desk.now + 2)
    with desk.store.reading(desk.book_id) as book:
        assert [summary.id for summary in book.batches.page(10)] == [ACTOR.id]


def test_a_restore_that_deletes_clears_too(desk: Desk) -> None:
    desk.push(change(6, "DELETE", 1, table="notebooks", base=desk.head()))
    deleted_at = desk.head()
    desk.push(change(7, "INSERT", 1, table="notebooks", base=deleted_at, name="Home"))
    assert note(desk)["notebook"] == NOTEBOOK
    restore_version(desk.store, desk.book_id, ACTOR, ("notebooks", NOTEBOOK), deleted_at, desk.now + 1)
    assert note(desk).get("notebook") is None


# --- senders that do not know the tables ------------------------------------------------------------------------------


def pushed(desk: Desk, *items: Json, knows_tables: bool = False) -> list[Json]:
    """The verdicts on what a device pushes that has all tables of the server, or not."""
    desk.now += 1
    push = parse_push(SCHEMA, {"changes": list(items)}, uuid(7), knows_tables=knows_tables)
    return [result["verdict"] for result in sync(desk.store, desk.book_id, ACTOR.origin, push, desk.now)["results"]]


def deletion(number: int = 6, base: int | None = None, desk: Desk | None = None) -> Json:
    return change(number, "DELETE", 1, table="notebooks", base=desk.head() if desk else base)


def test_what_a_device_deletes_that_does_not_know_the_tables_is_cleared(any_desk: Desk) -> None:
    before = note(any_desk)
    assert pushed(any_desk, deletion(desk=any_desk)) == ["applied"]
    cells = note(any_desk)
    assert (cells.get("notebook"), cells.get("links/k1/to"), cells["links/k2/to"]) == (None, None, OTHER)
    assert (cells["origin"], cells["links/k1/label"]) == (NOTEBOOK, "a")
    with any_desk.store.reading(any_desk.book_id) as book:
        (batch,) = [summary.id for summary in book.batches.page(10)]
        assert book.history("notes", uuid(3))[-1].replica == book.history("notebooks", NOTEBOOK)[-1].replica
    undo_batch(any_desk.store, any_desk.book_id, ACTOR, batch, any_desk.now + 1)
    assert note(any_desk) == before


def test_a_device_that_knows_the_tables_clears_what_it_has_itself(desk: Desk) -> None:
    before = note(desk)
    assert pushed(desk, deletion(desk=desk), knows_tables=True) == ["applied"]
    assert note(desk) == before


def test_a_deletion_that_loses_clears_nothing(desk: Desk) -> None:
    before, seen = note(desk), desk.head()
    desk.push(change(6, "UPDATE", 1, table="notebooks", base=seen, by=2, name="Home again"))
    assert pushed(desk, deletion(7, seen)) == ["superseded"]
    assert note(desk) == before


def test_a_deletion_that_is_pushed_again_clears_what_was_left_and_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a server that ended between two of its transactions."""
    monkeypatch.setattr(references, "RECORDS_AT_ONCE", 2)
    desk.push(*(change(10 + n, "INSERT", 10 + n, table="notes", notebook=NOTEBOOK) for n in range(5)))
    item = deletion(desk=desk)
    cut_off = Desk(StoreThatEnds(desk.store, turns=2), desk.book_id)
    cut_off.now = desk.now
    with pytest.raises(Ended):
        pushed(cut_off, item)
    referring = [note(desk, 10 + n).get("notebook") for n in range(5)]
    assert referring.count(None) == 3, "and the note that refers in every way"
    assert pushed(desk, item) == ["applied"]
    assert [note(desk, 10 + n).get("notebook") for n in range(5)] == [None] * 5
    desk.push(change(20, "UPDATE", 10, table="notes", base=desk.head(), notebook=NOTEBOOK))
    assert pushed(desk, item) == ["applied"]
    assert note(desk, 10)["notebook"] == NOTEBOOK, "it was made since, and points to a tombstone"


def test_many_references_are_cleared_in_turns_and_one_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is deleted in the last: whoever is cut off finds it, and deletes it again."""
    monkeypatch.setattr(references, "RECORDS_AT_ONCE", 2)
    desk.push(*(change(10 + n, "INSERT", 10 + n, table="notes", notebook=NOTEBOOK) for n in range(5)))
    cut_off = Desk(StoreThatEnds(desk.store, turns=1), desk.book_id)
    cut_off.now = desk.now
    with pytest.raises(Ended):
        delete(cut_off)
    with desk.store.reading(desk.book_id) as book:
        assert not book.records("notebooks", [NOTEBOOK])["notebooks", NOTEBOOK].deleted
    assert [note(desk, 10 + n).get("notebook") for n in range(5)].count(None) == 1
    delete(desk)
    assert [note(desk, 10 + n).get("notebook") for n in range(5)] == [None] * 5
    undo_batch(desk.store, desk.book_id, ACTOR, ACTOR.id, desk.now + 2)
    assert [note(desk, 10 + n).get("notebook") for n in range(5)] == [NOTEBOOK] * 5


def test_a_deletion_that_has_not_seen_all_clears_nothing_ahead(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "RECORDS_AT_ONCE", 0)
    before, seen = note(desk), desk.head()
    desk.push(change(6, "UPDATE", 1, table="notebooks", base=seen, name="Home again"))
    lost = parse_push(SCHEMA, {"changes": [deletion(7, 1)]}, uuid(7)).batch[0]
    assert isinstance(lost, Change)
    with Turns(desk.store, desk.book_id) as turns:
        assert not references.clear_ahead(turns, ACTOR.origin, [lost], desk.now + 1)
    assert note(desk) == before


# --- very many, by every road ----------------------------------------------------------------------------------------


def refer(desk: Desk, notebook: int, count: int) -> list[str]:
    """So many notes that refer to a notebook."""
    for start in range(0, count, 1000):
        numbers = range(10_000 + start, 10_000 + min(start + 1000, count))
        desk.push(*(change(n, "INSERT", n, table="notes", notebook=uuid(notebook)) for n in numbers))
    return [uuid(10_000 + n) for n in range(count)]


def referring(desk: Desk, notebook: int = 1) -> int:
    with desk.store.reading(desk.book_id) as book:
        (reference,) = (place for place in book.schema.cleared_with("notebooks") if place.map is None)
        return len(book.referring(reference, [uuid(notebook)]))


def is_deleted(desk: Desk, notebook: int = 1) -> bool:
    with desk.store.reading(desk.book_id) as book:
        return book.records("notebooks", [uuid(notebook)])["notebooks", uuid(notebook)].deleted


Road = Callable[[Desk], Callable[[Store], object]]
"""Prepares a book whose first notebook is there, and returns what deletes it in a store."""


def by_name(desk: Desk) -> Callable[[Store], object]:
    now = desk.now + 1
    return lambda store: delete_record(store, desk.book_id, ACTOR, SCHEMA["notebooks"], NOTEBOOK, lambda seq: True, now)


def by_undo(desk: Desk) -> Callable[[Store], object]:
    batch = uuid(501)
    desk.push(change(6, "DELETE", 1, table="notebooks", base=desk.head()))
    desk.push(change(7, "INSERT", 1, table="notebooks", base=desk.head(), name="Home") | {"batch": batch})
    return lambda store: undo_batch(store, desk.book_id, ACTOR, batch, desk.now + 1)


def by_version(desk: Desk) -> Callable[[Store], object]:
    desk.push(change(6, "DELETE", 1, table="notebooks", base=desk.head()))
    then = desk.head()
    desk.push(change(7, "INSERT", 1, table="notebooks", base=then, name="Home"))
    return lambda store: restore_version(store, desk.book_id, ACTOR, ("notebooks", NOTEBOOK), then, desk.now + 1)


def by_values(desk: Desk) -> Callable[[Store], object]:
    desk.push(change(6, "DELETE", 1, table="notebooks", base=desk.head()))
    desk.push(change(7, "INSERT", 1, table="notebooks", base=desk.head(), name="Home"))
    return lambda store: restore_values(store, desk.book_id, ACTOR, uuid(7), ["@exists"], "before", desk.now + 1)


def conflict_of(desk: Desk) -> Conflict:
    """One about a deletion: the notebook stands."""
    seen = desk.head()
    desk.push(change(6, "UPDATE", 1, table="notebooks", base=seen, by=2, name="Home again"))
    desk.push(change(7, "DELETE", 1, table="notebooks", base=seen, by=3))
    with desk.store.reading(desk.book_id) as book:
        (conflict,) = book.conflicts()
    return conflict


def by_choice(desk: Desk) -> Callable[[Store], object]:
    conflict = conflict_of(desk)
    return lambda store: resolve_conflict(
        store, desk.book_id, ACTOR, conflict.id, Choice.THEIRS, desk.head(), desk.now + 1
    )


def by_rule(desk: Desk) -> Callable[[Store], object]:
    conflict_of(desk)
    return lambda store: resolve_all(store, desk.book_id, ACTOR, Rule.THEIRS, desk.head(), desk.now + 1)


def by_undone_choice(desk: Desk) -> Callable[[Store], object]:
    seen = desk.head()
    desk.push(change(6, "DELETE", 1, table="notebooks", base=seen, by=2))
    desk.push(change(7, "UPDATE", 1, table="notebooks", base=seen, by=3, name="Home again"))
    with desk.store.reading(desk.book_id) as book:
        (conflict,) = book.conflicts()
    resolve_conflict(desk.store, desk.book_id, ACTOR_2, conflict.id, Choice.THEIRS, desk.head(), desk.now + 1)
    return lambda store: undo_resolution(store, desk.book_id, ACTOR, conflict.id, desk.now + 2)


ROADS: tuple[Road, ...] = (by_name, by_undo, by_version, by_values, by_choice, by_rule, by_undone_choice)
IN_ONE = references.RECORDS_AT_ONCE + 10
"""So many changes are in one transaction, with the deletion and the notes that were there before."""


@pytest.mark.parametrize("road", ROADS, ids=lambda road: str(road.__name__))
def test_whatever_deletes_clears_many_references_in_turns(road: Road) -> None:
    desk = filled(Library(MemoryStore(SCHEMA)).desk("ask" if "choice" in road.__name__ or road is by_rule else "merge"))
    refer(desk, 1, 450)
    delete_it, counting = road(desk), StoreThatCounts(desk.store)
    assert (referring(desk), is_deleted(desk)) == (451, False)
    with pytest.raises(Ended):
        delete_it(StoreThatEnds(desk.store, 2))
    assert not is_deleted(desk), "whoever was cut off asks for the same again"
    delete_it(counting)
    assert (referring(desk), is_deleted(desk)) == (0, True)
    assert max(counting.written) <= IN_ONE


@pytest.mark.large
def test_twenty_thousand_references_are_cleared_by_an_undo_in_short_transactions(desk: Desk) -> None:
    refer(desk, 1, 20_000)
    undo, counting = by_undo(desk), StoreThatCounts(desk.store)
    undo(counting)
    assert (referring(desk), is_deleted(desk)) == (0, True)
    assert max(counting.written) <= IN_ONE
    assert sum(counting.written) == 20_002


def test_a_batch_of_what_is_referred_to_and_of_many_that_refer_is_undone_whole(desk: Desk) -> None:
    """What its deletion clears in others of the batch is no edit of theirs, though it is in the undo's batch."""
    batch = uuid(500)
    items = [change(30, "INSERT", 30, table="notebooks", name="New")]
    items += [change(100 + n, "INSERT", 100 + n, table="notes", notebook=uuid(30)) for n in range(150)]
    desk.push(*(item | {"batch": batch} for item in items))
    desk.push(change(31, "UPDATE", 4, table="notes", base=desk.head(), notebook=uuid(30)) | {"batch": batch})
    report = undo_batch(desk.store, desk.book_id, ACTOR, batch, desk.now + 2)
    assert (report.undone, report.kept) == (152, [])
    assert note(desk, 4)["notebook"] == OTHER
    with desk.store.reading(desk.book_id) as book:
        notes = book.records("notes", [uuid(100 + n) for n in range(150)])
    assert all(record.deleted for record in notes.values())
    again = undo_batch(desk.store, desk.book_id, ACTOR, batch, desk.now + 3)
    assert (again.undone, again.kept) == (152, [])
