"""What the pages ask about contacts, on every engine: order, pages, search, counts, authors, and no other book's."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event

from offbook.contacts.table import BUILT_IN
from offbook.core.errors import Malformed
from offbook.core.merge.retention import RetentionLimits
from offbook.core.model import Change
from offbook.core.protocol.requests import parse_change
from services.retention import prune
from storage.base import ChangeOrigin, PageSize
from storage.engines.database import Database
from storage.repositories.contact_queries import ContactQueries
from storage.sql.store import SqlStore
from tests.storage.library import LATER, Library
from tests.support.pushes import push


class Desk:
    """Two books with contacts, and what a page would ask."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = SqlStore(database)
        self.contacts = ContactQueries(database, self.store)
        library = Library(self.store, database)
        self.book, self.other = library.add_book(), library.add_book()
        self.numbers = count(1)

    def add(self, name: str, book: int | None = None, **data: Any) -> str:
        record_id = self.new_id()
        self.change("INSERT", record_id, {"name": name, **data}, book=book)
        return record_id

    def delete(self, record_id: str) -> None:
        self.change("DELETE", record_id, None, base=self.seq(record_id))

    def seq(self, record_id: str) -> int:
        record = self.contacts.get(self.book, record_id)
        assert record is not None
        return record.seq

    def change(
        self, operation: str, record_id: str, data: Mapping[str, Any] | None, base: int = 0, book: int | None = None
    ) -> str:
        change_id = self.new_id()
        item = {"id": change_id, "table": "contacts", "record_id": record_id, "operation": operation, "base": base}
        item |= {"timestamp": "2026-11-20T17:00:00.000Z"} | ({} if data is None else {"data": data})
        change = parse_change(BUILT_IN, item, change_id)
        assert isinstance(change, Change)
        push(self.store, book or self.book, ChangeOrigin(), [change], LATER)
        return change_id

    def new_id(self) -> str:
        return str(UUID(int=next(self.numbers)))

    def names(self, search: str = "", **options: Any) -> list[str]:
        return [row.name for row in self.contacts.page(self.book, search, **options).rows]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def test_starred_contacts_come_first_then_all_by_name_whatever_the_case(desk: Desk) -> None:
    for name in ("bob", "Ångström", "Zoe", "ada"):
        desk.add(name)
    desk.add("Yuri", starred=True)
    desk.add("Anna", starred=True)
    assert desk.names() == ["Anna", "Yuri", "ada", "Ångström", "bob", "Zoe"]


@pytest.mark.parametrize("search", ["", "person"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_meet_without_a_gap_or_a_repeat(desk: Desk, search: str, limit: int) -> None:
    for number in range(7):
        desk.add(f"Person {number // 2}", starred=number % 3 == 0)
    whole = desk.names(search)
    pages = [desk.contacts.page(desk.book, search, start, limit) for start in range(0, 7, limit)]
    assert [row.name for page in pages for row in page.rows] == whole
    assert [(page.start, page.total) for page in pages] == [(start, 7) for start in range(0, 7, limit)]
    found, after = list[Any](), None
    while True:
        contacts, after = desk.contacts.whole_page(desk.book, search, after, PageSize(limit, 1000))
        found += [contact["name"] for contact in contacts]
        if after is None:
            break
    assert found == whole


def test_search_looks_at_every_field_and_detail(desk: Desk) -> None:
    details = {"k1": {"kind": "address", "city": "Zürich"}, "k2": {"kind": "group", "value": "Choir"}}
    desk.add("Ada Lovelace", email="ada@example.org", notes="likes engines", details=details)
    desk.add("Bob")
    for word in ("lovelace", "EXAMPLE.org", "engines", "zurich", "ZÜRICH", "choir"):
        assert desk.names(word) == ["Ada Lovelace"], word


def test_names_that_begin_so_come_first_then_names_that_hold_it_then_the_rest(desk: Desk) -> None:
    desk.add("Zoe", notes="knows Martin", starred=True)
    desk.add("Bob Smartin")
    desk.add("Ann Martin", given_name="Ann", family_name="Martin")
    desk.add("Yuri", nickname="Martin")
    desk.add("Martin Zed")
    desk.add("Martina Abel", starred=True)
    ranked = ["Martina Abel", "Martin Zed", "Ann Martin", "Yuri", "Bob Smartin", "Zoe"]
    assert desk.names("martin") == ranked
    assert desk.names("MARTIN zed") == desk.names("zed martin") == ["Martin Zed"]
    for start, name in enumerate(ranked):
        assert desk.names("martin", start=start, limit=1) == [name]
    assert (desk.names("martin", start=99), desk.names("nobody", start=99)) == (ranked, [])


def test_the_headings_are_the_letters_that_keys_begin_with(desk: Desk) -> None:
    for name in ("ada", "Ångström", "Zoe", "7 Seas", "+49 30", "Петя", "나라", "山田", "\u200b", "a\U0010ffff b"):
        desk.add(name)
    desk.add("Yuri", starred=True)
    desk.add("Eve", book=desk.other)
    desk.delete(desk.add("Bob"))
    page = desk.contacts.page(desk.book)
    assert page.sections == [("★", 0), ("#", 1), ("A", 4), ("Z", 7), ("П", 8), ("ㄴ", 9), ("漢", 10)]
    assert (page.total, len(page.rows)) == (11, 11)
    by_last_name = [heading for heading, _ in desk.contacts.page(desk.book, sort="last").sections]
    assert by_last_name == ["★", "#", "A", "B", "S", "Z", "П", "ㄴ", "漢"]
    assert desk.contacts.page(desk.book, sort="changed").sections == []
    assert desk.contacts.page(desk.book, "ada").sections == ()


@pytest.mark.parametrize("sort", ["name", "changed"])
def test_a_page_is_found_around_a_contact(desk: Desk, sort: str) -> None:
    ids = [desk.add(f"Person {number}", starred=number == 3, details=labelled("Work")) for number in range(9)]
    whole = [row.id for row in desk.contacts.page(desk.book, sort=sort).rows]
    assert sorted(whole) == sorted(ids)
    for number, contact in enumerate(whole):
        page = desk.contacts.page(desk.book, sort=sort, limit=3, around=contact, label="work")
        assert contact in [row.id for row in page.rows]
        assert page.start == max(number - 1, 0)
    assert desk.contacts.page(desk.book, sort=sort, start=4, around=desk.new_id()).start == 4
    assert desk.contacts.page(desk.book, sort=sort, start=99).start == 8
    assert desk.contacts.page(desk.other, sort=sort, start=99, around=ids[0]).start == 0


SORTED = {
    "first": ["Zoe Zed", "ada Zuse", "Øyvind Abel", "Peter Ørsted"],
    "last": ["Zoe Zed", "Øyvind Abel", "Peter Ørsted", "ada Zuse"],
    "changed": ["Peter Ørsted", "ada Zuse", "Zoe Zed", "Øyvind Abel"],
}


@pytest.mark.parametrize("sort", SORTED)
@pytest.mark.parametrize("search", ["", "e"])
def test_a_list_is_sorted_by_first_name_last_name_or_change(desk: Desk, sort: str, search: str) -> None:
    for name in ("Øyvind Abel", "Zoe Zed", "ada Zuse", "Peter Ørsted"):
        given, family = name.split()
        desk.add(name, given_name=given, family_name=family, starred=given == "Zoe", notes="e")
    ids, after = list[Any](), None
    while True:
        contacts, after = desk.contacts.whole_page(desk.book, search, after, PageSize(1, 1000), sort)
        ids += [contact["name"] for contact in contacts]
        if after is None:
            break
    assert ids == [row.name for row in desk.contacts.page(desk.book, search, sort=sort).rows]
    if not search:
        assert ids == SORTED[sort]
    assert sorted(ids) == sorted(SORTED[sort])


@pytest.mark.parametrize("after", ['[false,"a","b",0]', "[1]", '[false,"a"]'])
def test_a_place_of_another_list_is_refused(desk: Desk, after: str) -> None:
    with pytest.raises(Malformed):
        desk.contacts.whole_page(desk.book, "", after, PageSize(10, 1000))
    with pytest.raises(Malformed, match="first, last, changed"):
        desk.contacts.page(desk.book, sort="seq")


@pytest.mark.parametrize("search", ["202-224-3244", "2022243244", "224 3244", "2243244"])
def test_a_number_is_found_with_and_without_what_stands_between_its_digits(desk: Desk, search: str) -> None:
    amy = desk.add("Amy", phone="202-224-3244")
    desk.add("Bob", phone="202-224-3245")
    assert [row.id for row in desk.contacts.page(desk.book, search).rows] == [amy]


def test_every_word_must_occur_in_any_field(desk: Desk) -> None:
    desk.add("Ada", company="Engines Ltd")
    desk.add("Ada", company="Looms Ltd")
    assert desk.contacts.page(desk.book, "ltd ada").total == 2
    assert [row.company for row in desk.contacts.page(desk.book, "ada  loom").rows] == ["Looms Ltd"]


@pytest.mark.parametrize("search", ["%", "_", "50/", "/", "\\"])
def test_signs_of_like_mean_themselves(desk: Desk, search: str) -> None:
    desk.add("Plain")
    assert desk.names(search) == []
    desk.add(f"With {search}")
    assert desk.names(search) == [f"With {search}"]


def test_counts_are_of_the_whole_list(desk: Desk) -> None:
    for name in ("Ada", "Adam", "Bob"):
        desk.add(name)
    assert desk.contacts.count(desk.book) == desk.contacts.page(desk.book, limit=1).total == 3
    assert desk.contacts.page(desk.book, "ada", limit=1).total == 2
    assert desk.contacts.page(desk.book, "nobody").total == 0


def test_the_deleted_are_in_the_trash_alone_the_last_one_first(desk: Desk) -> None:
    ada, bob, _ = desk.add("Ada"), desk.add("Bob"), desk.add("Cy")
    desk.delete(bob)
    desk.delete(ada)
    assert desk.names() == desk.names("c") == ["Cy"]
    first = desk.contacts.trash(desk.book, limit=1)
    rest = desk.contacts.trash(desk.book, first.next, limit=1)
    assert [row.name for row in (*first.rows, *rest.rows)] == ["Ada", "Bob"]
    assert (first.total, rest.next) == (2, None)


def test_what_was_emptied_is_not_in_the_trash(desk: Desk) -> None:
    ada, bob = desk.add("Ada"), desk.add("Bob")
    desk.delete(ada)
    emptied = desk.seq(ada)
    desk.delete(bob)
    prune(desk.store, desk.book, RetentionLimits(0, emptied))
    page = desk.contacts.trash(desk.book)
    assert ([row.name for row in page.rows], page.total) == (["Bob"], 1)
    assert desk.contacts.known(desk.book, [ada, bob]) == {ada: True, bob: True}


def test_a_book_shows_nothing_of_another(desk: Desk) -> None:
    theirs = desk.add("Eve", book=desk.other)
    assert desk.names() == desk.names("eve") == []
    assert desk.contacts.count(desk.book) == desk.contacts.page(desk.book, "eve").total == 0
    assert desk.contacts.get(desk.book, theirs) is None
    assert desk.contacts.known(desk.book, [theirs]) == {}


def test_a_deleted_contact_is_known_and_can_be_looked_at(desk: Desk) -> None:
    ada, bob = desk.add("Ada"), desk.add("Bob")
    desk.delete(ada)
    assert desk.contacts.known(desk.book, [ada, bob, desk.new_id()]) == {ada: True, bob: False}
    record = desk.contacts.get(desk.book, ada)
    assert record is not None
    assert record.deleted
    assert record.cells["name"] == "Ada"


def test_authors_are_found_by_change_and_nobody_is_made_up(desk: Desk) -> None:
    change_id = desk.change("INSERT", desk.new_id(), {"name": "Ada"})
    with desk.store.reading(desk.book) as book:
        authors = book.authors([change_id, desk.new_id()])
    assert list(authors) == [change_id]
    assert (authors[change_id].user, authors[change_id].device) == (None, None)
    with desk.store.reading(desk.other) as book:
        assert book.authors([change_id]) == {}


@pytest.mark.parametrize("after", ["", "x", "[]", "[1]", '["a","b","c"]', "[true,null,null]", "[[[[", "9" * 5000])
def test_a_place_that_no_page_gave_is_refused(desk: Desk, after: str) -> None:
    if after == "":
        assert desk.contacts.whole_page(desk.book, "", after, PageSize(10, 1000)) == ([], None)
        return
    with pytest.raises(Malformed, match="start from the top"):
        desk.contacts.whole_page(desk.book, "", after, PageSize(10, 1000))


def test_a_longer_list_takes_no_more_statements(desk: Desk) -> None:
    def statements() -> int:
        seen: list[str] = []

        def note(_c: Connection, _k: object, statement: str, *_: object) -> None:
            seen.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            desk.contacts.page(desk.book)
            desk.contacts.page(desk.book, "person")
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(seen)

    desk.add("Person")
    few = statements()
    for _ in range(30):
        desk.add("Person")
    assert statements() == few


# --- labels ----------------------------------------------------------------------------------------------------------


def labelled(*labels: str) -> dict[str, Any]:
    return {f"k{number}": {"kind": "group", "value": label} for number, label in enumerate(labels)}


def test_labels_are_counted_and_the_list_shows_who_has_one(desk: Desk) -> None:
    desk.add("Ann", details=labelled("Friends", "Work"))
    desk.add("Bob", details=labelled("FRIENDS"), starred=True)
    desk.add("Cid", details={"k1": {"kind": "custom", "value": "Friends"}})
    desk.delete(desk.add("Dot", details=labelled("Friends", "Choir")))
    desk.add("Eve", book=desk.other, details=labelled("Friends", "Tennis"))
    counted = [(label.name, label.contacts) for label in desk.contacts.labels(desk.book)]
    assert counted == [("Choir", 0), ("Friends", 2), ("Work", 1)]
    assert desk.contacts.label_names(desk.book) == ["Choir", "Friends", "Work"]
    assert desk.names(label="friends ") == ["Bob", "Ann"]
    assert desk.names(label="friends", sort="changed") == ["Bob", "Ann"]
    assert desk.names("ann", label="Friends") == ["Ann"]
    for label in ("Choir", "Tennis", "Nothing", "", "* myContacts"):
        assert desk.names(label=label) == []


def test_the_list_shows_the_starred_ones_alone(desk: Desk) -> None:
    desk.add("Ann", starred=True, details=labelled("Friends"))
    desk.add("Bob")
    desk.add("Cem", starred=True)
    page = desk.contacts.page(desk.book, starred_only=True, limit=1)
    rest = desk.contacts.page(desk.book, "", 1, starred_only=True)
    assert ([row.name for row in (*page.rows, *rest.rows)], page.total, rest.sections) == (
        ["Ann", "Cem"],
        2,
        [("★", 0)],
    )
    assert desk.names("b", starred_only=True) == []
    assert desk.names(label="friends", sort="changed", starred_only=True) == ["Ann"]


def test_pages_of_a_label_meet_without_a_gap_or_a_repeat(desk: Desk) -> None:
    for number in range(5):
        desk.add(f"Person {number}", starred=number == 3, details=labelled("Friends"))
        desk.add(f"Person {number}b")
    for search in ("", "person"):
        pages = [desk.contacts.page(desk.book, search, start, 2, label="Friends") for start in (0, 2, 4)]
        found = [row.name for page in pages for row in page.rows]
        assert found == ["Person 3", "Person 0", "Person 1", "Person 2", "Person 4"]
        assert [page.total for page in pages] == [5, 5, 5]


def test_a_removed_label_counts_no_more(desk: Desk) -> None:
    contact = desk.add("Ann", details=labelled("Friends"))
    desk.change("UPDATE", contact, {"details": {"k0": None}}, base=desk.seq(contact))
    assert [label.contacts for label in desk.contacts.labels(desk.book)] == [0]
    assert desk.names(label="Friends") == []


@pytest.mark.parametrize(
    ("search", "names"),
    [
        ("label:work", ["Ann", "Bob"]),
        ("label:wo bob", ["Bob"]),
        ("label:choir", []),
        ("company:loom", ["Ann"]),
        ("company:zurich", ["Bob"]),
        ('company:"universität zür" label:Work', ["Bob"]),
        ("company:ooms", []),
        ("has:phone", ["Ann"]),
        ("has:photo", []),
        ("is:starred", ["Cid"]),
        ("is:starred label:work", []),
        ("ann is:starred", []),
    ],
)
def test_a_search_is_narrowed(desk: Desk, search: str, names: list[str]) -> None:
    desk.add("Ann", company="Looms Ltd", phone="1", details=labelled("Work"))
    desk.add("Bob", company="Universität Zürich", details=labelled("WORK"))
    desk.add("Cid", starred=True)
    page = desk.contacts.page(desk.book, search)
    assert ([row.name for row in page.rows], page.total) == (names, len(names))


def test_all_texts_of_some_contacts_are_read(desk: Desk) -> None:
    ann, bob = desk.add("Ann", notes="tall"), desk.add("Bob")
    desk.delete(bob)
    texts = desk.contacts.texts(desk.book, [ann, bob, desk.new_id()])
    assert {contact: text["notes"] for contact, text in texts.items()} == {ann: "tall"}
    assert desk.contacts.texts(desk.other, [ann]) == {}
