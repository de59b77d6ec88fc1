"""References that are cleared by whoever deletes what they point to: in the same transaction, and undone with it."""

from __future__ import annotations

import pytest

from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.rules import app_schema
from offbook.core.model import Cells, Operation
from offbook.tables import Map, Ref, Table, Text
from services.batches import undo_batch
from services.records import delete_record
from services.restore import Actor, restore_version
from storage.base import ChangeOrigin
from tests.storage.library import Desk, Library, change, uuid
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
