"""A contact's name and its parts agree on every engine: as it is renamed, and in books of versions of before."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from offbook.contacts.names import NAME, PARTS
from offbook.contacts.table import CONTACTS
from offbook.core.model import Change, Operation
from offbook.core.verify.ranges import WHOLE, Compare
from services.batches import undo_batch
from services.contacts.exporting import export_contacts
from services.contacts.names import add_parts_of_names
from services.records import create_record, update_record
from services.restore import Actor, restore_book_to, restore_values, restore_version
from services.sync.push import apply_batch
from services.sync.verify import compare
from storage.repositories.contact_queries import ContactQueries
from storage.sql.store import SqlStore
from tests.storage.library import ORIGIN, TICK, Desk, Library, change, uuid
from tests.support import google_files

FIRST_TABLE = replace(CONTACTS, composite=None)
"""Contacts as a version knows them that takes each cell for itself."""

ADA: dict[str, Any] = {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}
ids = itertools.count(5_000)


@pytest.fixture
def desk(sql: Library) -> Desk:
    return sql.desk()


def actor() -> Actor:
    return Actor(ORIGIN, uuid(7), uuid(next(ids)))


def push(desk: Desk, operation: str, base: int = 0, batch: str | None = None, **data: Any) -> int:
    return desk.seq(change(next(ids), operation, base=base, **data) | ({"batch": batch} if batch else {}))


def name_of(desk: Desk, record: int = 1) -> dict[str, Any]:
    """The name of a contact, and those of its parts that are filled."""
    data = desk.live()[uuid(record)]
    return {cell: data[cell] for cell in (NAME, *PARTS) if data[cell]}


def written_before(desk: Desk, record: int, **cells: Any) -> int:
    """A version of before adds or changes a contact. Returns the book's seq then."""
    desk.now += TICK
    with desk.store.writing(desk.book_id) as book:
        known = book.records(CONTACTS.name, [uuid(record)]).get((CONTACTS.name, uuid(record)))
        operation, base = (Operation.INSERT, 0) if known is None else (Operation.UPDATE, known.seq)
        now_ms = desk.now // 1000
        item = Change(uuid(next(ids)), FIRST_TABLE, uuid(record), operation, uuid(3), now_ms, base, cells)
        apply_batch(book, ORIGIN, [item], desk.now)
        return book.book.seq


def complete(library: Library, desk: Desk) -> int:
    """What comes with an upgrade."""
    assert library.database is not None
    desk.now += TICK
    queries = ContactQueries(library.database, SqlStore(library.database))
    return add_parts_of_names(desk.store, queries, desk.book_id, lambda: uuid(next(ids)), lambda: desk.now)


# --- renaming --------------------------------------------------------------------------------------------------------


def test_a_rename_is_a_rename_of_all_parts_and_is_taken_back_with_them(desk: Desk) -> None:
    base, batch = push(desk, "INSERT", **ADA), uuid(next(ids))
    seq = push(desk, "UPDATE", base, batch, name="Dr. Bea King")
    assert name_of(desk) == {"name": "Dr. Bea King", "prefix": "Dr.", "given_name": "Bea", "family_name": "King"}
    desk.now += TICK
    assert undo_batch(desk.store, desk.book_id, actor(), batch, desk.now).undone == 1
    assert name_of(desk) == ADA
    desk.now += TICK
    restore_version(desk.store, desk.book_id, actor(), (CONTACTS.name, uuid(1)), seq, desk.now)
    assert name_of(desk)["given_name"] == "Bea"
    desk.now += TICK
    restore_book_to(desk.store, desk.book_id, actor(), base, desk.now)
    assert name_of(desk) == ADA


@pytest.mark.parametrize("cells", [None, ["name"], ["family_name"]])
def test_a_restored_name_restores_its_parts(cells: list[str] | None, desk: Desk) -> None:
    mary: dict[str, Any] = {"name": "Mary Ann Smith", "given_name": "Mary Ann", "family_name": "Smith"}
    base = push(desk, "INSERT", **mary)
    item = change(next(ids), "UPDATE", base=base, name="Eve King")
    push(desk, "UPDATE", desk.seq(item), name="Zoe Byron")
    desk.now += TICK
    restore_values(desk.store, desk.book_id, actor(), item["id"], cells, "before", desk.now)
    assert name_of(desk) == mary


def test_undoing_leaves_a_name_that_was_written_since(desk: Desk) -> None:
    base, batch = push(desk, "INSERT", **ADA), uuid(next(ids))
    seq = push(desk, "UPDATE", base, batch, family_name="King")
    push(desk, "UPDATE", seq, given_name="Bea")
    desk.now += TICK
    report = undo_batch(desk.store, desk.book_id, actor(), batch, desk.now)
    assert {kept.cell for kept in report.kept} == {NAME, "given_name", "family_name"}
    assert name_of(desk) == {"name": "Bea King", "given_name": "Bea", "family_name": "King"}


def test_what_others_wrote_meanwhile_is_no_part_of_a_rename(desk: Desk) -> None:
    base = push(desk, "INSERT", **ADA)
    desk.push(change(next(ids), "UPDATE", base=base, by=2, at=10, name="Bea Byron"))
    desk.push(change(next(ids), "UPDATE", base=base, by=3, at=20, family_name="King"))
    assert name_of(desk) == {"name": "Ada King", "given_name": "Ada", "family_name": "King"}


def test_rest_clients_need_not_name_a_contact_nor_its_parts(desk: Desk) -> None:
    ids_ = desk.store, desk.book_id
    firm = {"company": "Acme"}
    record, is_new = create_record(*ids_, actor(), CONTACTS, uuid(1), firm, uuid(1), desk.now)
    assert (record.cells["name"], is_new) == ("Acme", True)
    assert create_record(*ids_, actor(), CONTACTS, uuid(1), firm, uuid(1), desk.now)[1] is False
    patches: list[tuple[dict[str, Any], str]] = [
        ({"name": None, "company": "Beta"}, "Beta"),
        ({"given_name": "Ada"}, "Ada"),
    ]
    for data, name in patches:
        desk.now += TICK
        update_record(*ids_, actor(), CONTACTS, uuid(1), data, lambda seq: True, desk.now)
        assert name_of(desk)["name"] == name


def test_no_export_brings_an_old_name_back(desk: Desk) -> None:
    base = push(desk, "INSERT", **ADA, prefix="Dr.", company="Acme")
    push(desk, "UPDATE", base, name="Bea King")
    (contact,) = google_files.read(export_contacts(desk.store, desk.book_id, lambda _: None).text).contacts
    assert {cell: contact[cell] for cell in (NAME, *PARTS) if contact[cell]} == {
        "name": "Bea King",
        "given_name": "Bea",
        "family_name": "King",
    }


# --- books of before -------------------------------------------------------------------------------------------------


@pytest.fixture
def of_before(desk: Desk) -> Desk:
    """Contacts without parts, renamed ones, and some where all is right."""
    written_before(desk, 1, name="Ada Lovelace")
    written_before(desk, 2, **ADA)
    written_before(desk, 2, name="Ada King")
    written_before(desk, 3, **ADA | {"name": "Countess"})
    written_before(desk, 4, **ADA)
    written_before(desk, 4, given_name="Augusta")
    written_before(desk, 5, name="Acme", company="Acme")
    written_before(desk, 6, name="Eve Gone")
    desk.push(change(next(ids), "DELETE", 6, base=desk.head()))
    return desk


def test_a_book_of_before_gets_the_parts_of_its_names(sql: Library, of_before: Desk) -> None:
    before, since = of_before.live(), of_before.pull()["cursor"]
    assert complete(sql, of_before) == 2
    assert name_of(of_before, 1) == ADA
    assert name_of(of_before, 2) == {"name": "Ada King", "given_name": "Ada", "family_name": "King"}
    for record in (3, 4, 5):
        assert of_before.live()[uuid(record)] == before[uuid(record)]
    learnt = {row["record_id"]: row["data"]["family_name"] for row in of_before.pull(since)["changes"]}
    assert learnt == {uuid(1): "Lovelace", uuid(2): "King"}


def test_the_same_again_writes_nothing_and_digests_are_those_of_the_rows(sql: Library, of_before: Desk) -> None:
    complete(sql, of_before)
    head = of_before.head()
    assert complete(sql, of_before) == 0
    assert of_before.head() == head
    stored, made = (
        compare(of_before.store, of_before.book_id, Compare(CONTACTS, [WHOLE], False, 2, without))["ranges"]
        for without in (frozenset(), frozenset({"notes"}))
    )
    assert stored == made


def test_a_rename_that_waits_on_a_device_is_later_than_the_parts_that_an_upgrade_made(sql: Library, desk: Desk) -> None:
    base = written_before(desk, 1, name="Ada Lovelace")
    typed_at = desk.now // TICK - 1_795_000_000 + 1
    complete(sql, desk)
    (answer,) = desk.push(change(next(ids), "UPDATE", base=base, by=4, at=typed_at, name="Bea King"))
    assert answer["verdict"] == "merged"
    assert name_of(desk) == {"name": "Bea King", "given_name": "Bea", "family_name": "King"}
