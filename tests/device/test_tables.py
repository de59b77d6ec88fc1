"""A replica with the tables of an app: which of them a file has, and what ``book.notes`` does with them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from offbook import Invalid, NotFound, Replica
from offbook.contacts.table import BUILT_IN
from offbook.core.schema import Schema, record_id_of_key
from offbook.database import schema
from offbook.database.local_changes import change_log
from offbook.database.local_changes.parked import park
from offbook.tables import Choice, Date, Flag, Integer, Json, Map, Number, Ref, Table, Text, Time

notebooks = Table("notebooks", Text("name", required=True), key="name")
notes = Table(
    "notes",
    Text("title", required=True),
    Text("body", limit=1000),
    Flag("done"),
    Date("due"),
    Choice("priority", ("low", "normal", "high"), required=True, default="normal"),
    Integer("pages"),
    Number("price"),
    Time("read_at"),
    Json("extra"),
    Ref("notebook", "notebooks", gone="clear"),
    Ref("author", "contacts"),
    Map("tags", Text("tag", required=True), Number("weight")),
    order=("done", "due", "title"),
)
TABLES = (notebooks, notes)

Open = Callable[..., Replica]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens a file by its name, as often as one likes; all are closed in the end."""
    with ExitStack() as stack:

        def open_replica(tables: Any = TABLES, name: str = "book") -> Replica:
            return stack.enter_context(Replica(tmp_path / f"{name}.db", tables=tables))

        yield open_replica


@pytest.fixture
def book(opened: Open) -> Replica:
    return opened()


def logged(book: Replica) -> list[Any]:
    return [(line.table, line.operation, line.data) for line in change_log.pending_lines(book.connection)]


# --- which tables a file has ---------------------------------------------------------------------------------------


def test_a_file_remembers_its_tables(opened: Open) -> None:
    opened().notes.add(title="Milk")
    again = opened(None)
    assert list(again.tables) == ["contacts", "labels", "notebooks", "notes"]
    assert again.tables == opened().tables
    assert [note["title"] for note in again.notes.list()] == ["Milk"]


def test_opening_a_file_again_writes_nothing(opened: Open) -> None:
    first = opened()
    version = first.connection.execute("PRAGMA data_version").fetchone()
    opened()
    opened(None)
    opened((notebooks,))
    assert first.connection.execute("PRAGMA data_version").fetchone() == version


def test_an_older_app_opens_the_file_of_a_newer_one_with_all_its_triggers(opened: Open) -> None:
    newer = opened()
    older = opened((Table("notes", Text("title", required=True)),))
    newer.connection.execute("INSERT INTO notes (title, pages) VALUES ('Milk', 5)")
    assert older.tables["notes"].by_name == newer.tables["notes"].by_name
    assert logged(older) == [("notes", "INSERT", {"title": "Milk", "pages": 5})]


def test_a_newer_app_finds_what_an_older_one_wrote(opened: Open) -> None:
    older = opened((Table("notes", Text("title", required=True, limit=5)),))
    milk = older.notes.add(title="Milk")
    newer = opened()
    assert newer.notes.get(milk)["title"] == "Milk"
    newer.notes.update(milk, title="Milk and honey", pages=5)
    assert logged(newer)[-1] == ("notes", "UPDATE", {"title": "Milk and honey", "pages": 5})


def test_what_does_not_fit_to_the_file_is_refused(opened: Open) -> None:
    opened().notes.add(title="Milk")
    with pytest.raises(Invalid, match=r"notes\.pages") as caught:
        opened((Table("notes", Text("title", required=True), Text("pages")),))
    assert caught.value.code == "not_growth"
    assert opened().notes.count() == 1


def test_all_connections_find_what_another_thread_or_process_has_declared(opened: Open) -> None:
    book = opened(None)
    with pytest.raises(NotFound, match="no table 'notes'. It has contacts"):
        book.table("notes")
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(book.table("notes").count()))
    opened()
    thread.start()
    thread.join()
    assert found == [0]
    assert book.notes.count() == 0


def test_two_apps_with_other_tables_of_one_name_live_in_one_process(opened: Open) -> None:
    a = opened(name="a")
    b = opened((Table("notes", Integer("title"), Map("tags", Flag("set"))),), name="b")
    milk = a.notes.add(title="Milk", tags=[{"tag": "shop"}])
    five = b.notes.add(title=5, tags={"k": {"set": True}})
    assert (a.notes.get(milk)["title"], b.notes.get(five)["title"]) == ("Milk", 5)
    assert b.notes.get(five)["tags"] == {"k": {"set": True}}
    assert [a.notes.count(), b.notes.count()] == [1, 1]
    with pytest.raises(Invalid, match="title must be a whole number"):
        b.notes.add(title="Milk")


def test_a_table_that_is_not_synced_keeps_its_name(tmp_path: Path, opened: Open) -> None:
    opened(None).connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text)")
    with pytest.raises(Invalid, match="a table called notes that is not synced"):
        opened()
    assert list(opened(None).tables) == ["contacts", "labels"]


def test_what_everybody_has_is_not_declared(opened: Open) -> None:
    with pytest.raises(Invalid, match="contact_details is a name that offbook"):
        opened((Table("contact_details", Text("name")),))
    book = opened(Schema((*BUILT_IN.values(), notebooks)))
    assert list(book.tables) == ["contacts", "labels", "notebooks"]


# --- the server's tables -------------------------------------------------------------------------------------------


def adopted(book: Replica, *tables: Any) -> bool:
    return schema.adopt_tables(book.connection, Schema((*BUILT_IN.values(), *tables)))


def test_a_file_that_no_app_declared_takes_the_servers_tables(opened: Open) -> None:
    book = opened(None)
    assert adopted(book, *TABLES)
    book.notes.add(title="Milk")
    assert not adopted(book, *TABLES)
    assert not adopted(book, notebooks)
    assert list(opened(None).tables) == ["contacts", "labels", "notebooks", "notes"]
    assert adopted(book, *TABLES, Table("more", Text("text")))
    assert book.more.count() == 0


def test_a_file_that_an_app_declared_does_not_take_them(opened: Open) -> None:
    book = opened((notebooks,))
    assert not adopted(book, *TABLES)
    assert list(book.tables) == ["contacts", "labels", "notebooks"]


def test_an_app_takes_over_the_file_that_had_the_servers_tables(opened: Open) -> None:
    assert adopted(opened(None), Table("notes", Text("title"), Text("more")))
    book = opened()
    assert set(book.tables["notes"].by_name) == {*notes.by_name, "more"}
    assert not adopted(book, Table("later", Text("text")))


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("CREATE TABLE notebooks (id)", ["contacts", "labels", "others"]),
        ("CREATE VIEW notes_tags AS SELECT 1", ["contacts", "labels", "notebooks", "others"]),
    ],
)
def test_what_a_file_can_not_have_of_the_servers_tables_is_left_out(
    sql: str, left: list[str], opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    """And so is what refers to it."""
    book = opened(None)
    book.connection.execute(sql)
    assert adopted(book, *TABLES, Table("others", Text("text")))
    assert list(book.tables) == left
    assert "is left out" in caplog.text


def test_a_server_with_other_tables_is_no_fault(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    book = opened(None)
    assert adopted(book, Table("notes", Text("title")))
    assert not adopted(book, Table("notes", Integer("title")))
    assert "not those of this device" in caplog.text
    assert book.notes.add(title="Milk")


def test_tables_that_were_not_taken_in_the_end_are_not_there(opened: Open) -> None:
    book = opened(None)
    with pytest.raises(RuntimeError), book.transaction():
        adopted(book, *TABLES)
        raise RuntimeError
    schema.follow(book.connection)
    assert list(book.tables) == ["contacts", "labels"]


# --- records -------------------------------------------------------------------------------------------------------


def test_a_record_has_every_field_and_its_entries(book: Replica) -> None:
    home = book.notebooks.add(name="Home")
    values = {
        "title": "Milk",
        "done": True,
        "due": "2026-11-20",
        "pages": 0,
        "price": 0.1,
        "read_at": "2026-11-20T18:00:00+01:00",
        "extra": {"a": [1, None, "é"]},
        "notebook": home,
    }
    milk = book.notes.add(**values, tags=[{"tag": "shop", "weight": 2}])
    found = book.notes.get(milk)
    assert found == book.notes.list()[0]
    assert found.keys() == {"id", "created_at", "updated_at", *notes.by_name, "tags"}
    assert {name: found[name] for name in values} == {**values, "read_at": "2026-11-20T17:00:00.000Z"}
    assert list(found["tags"].values()) == [{"tag": "shop", "weight": 2.0}]
    assert found["priority"] == "normal"
    assert len(logged(book)) == 2


def test_an_update_changes_what_it_names_and_nothing_else(book: Replica) -> None:
    milk = book.notes.add(title="Milk", extra={"a": 1}, tags={"k1": {"tag": "shop"}})
    book.notes.update(milk, extra={"b": [2]}, tags={"k2": {"tag": "dairy"}})
    with book.transaction():
        book.notes.update(milk, extra=False)
    found = book.notes.get(milk)
    assert (found["extra"], found["tags"]) == (False, {"k1": {"tag": "shop"}, "k2": {"tag": "dairy"}})
    assert [line[2] for line in logged(book)[1:]] == [
        {"extra": {"b": [2]}, "tags": {"k2": {"tag": "dairy", "weight": None}}},
        {"extra": False},
    ]


def test_json_is_one_value_and_never_mixed(book: Replica) -> None:
    milk = book.notes.add(title="Milk", extra={"a": 1})
    with change_log.coalesce_changes(book.connection):
        book.notes.update(milk, extra={"a": 1, "b": None})
        book.notes.update(milk, extra={"c": None})
    assert logged(book)[-1][2] == {"extra": {"c": None}}


def nested(depth: int) -> Any:
    """A list in a list, so many times."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing at all": ({}, "title is needed"),
    "a field that is none": ({"title": "x", "color": "red"}, "no field 'color'"),
    "a word as a number": ({"title": "x", "price": "much"}, "price must be a number"),
    "infinity": ({"title": "x", "price": float("inf")}, "price must be a number that"),
    "a choice that is none": ({"title": "x", "priority": "urgent"}, "priority must be one of"),
    "no moment": ({"title": "x", "read_at": "noon"}, "read_at must be"),
    "no id": ({"title": "x", "notebook": "Home"}, "notebook must be a UUID"),
    "no JSON": ({"title": "x", "extra": {1, 2}}, "extra must be"),
    "JSON with a number that is none": ({"title": "x", "extra": [float("nan")]}, "extra must be a value that JSON can"),
    "JSON with half a character": ({"title": "x", "extra": {"\ud800": 1}}, "extra is not text that UTF-8 can hold"),
    "JSON that is too deep": ({"title": "x", "extra": nested(50_000)}, "extra is nested more than 32 levels deep"),
    "an entry without what it needs": ({"title": "x", "tags": [{"weight": 1}]}, "tag is needed"),
}


@pytest.mark.parametrize(("values", "sentence"), BAD.values(), ids=BAD)
def test_what_can_not_be_stored_is_refused_at_once(values: dict[str, Any], sentence: str, book: Replica) -> None:
    with pytest.raises(Invalid, match=sentence):
        book.notes.add(**values)
    assert logged(book) == []


def test_a_record_that_is_not_there_is_not_found(book: Replica) -> None:
    for call in (book.notes.get, book.notes.delete, book.notes.update):
        with pytest.raises(NotFound, match="no record of notes with the id 'nobody'"):
            call("nobody")
        with pytest.raises(NotFound, match="no record of notes"):
            call("half \ud800")


def test_a_deletion_empties_what_refers_to_it_and_can_be_taken_back(book: Replica) -> None:
    home = book.notebooks.add(name="Home")
    milk = book.notes.add(title="Milk", notebook=home, extra=[1], tags=[{"tag": "shop"}])
    before = book.notes.get(milk)
    book.notebooks.delete(home)
    assert book.notes.get(milk)["notebook"] is None
    assert {line[:2] for line in logged(book)[2:]} == {("notes", "UPDATE"), ("notebooks", "DELETE")}
    book.notes.delete(milk)
    book.notes.put_back(before)
    found = book.notes.get(milk)
    assert (found["title"], found["extra"], found["tags"]) == ("Milk", [1], before["tags"])


def titles(records: list[Any]) -> list[str]:
    return [record["title"] for record in records]


@pytest.fixture
def several(book: Replica) -> Replica:
    book.notes.add(title="éclair", due="2026-01-02")
    book.notes.add(title="Dough", due="2026-01-02", tags=[{"tag": "Bäcker"}])
    book.notes.add(title="Apple", done=True, body="for the bäcker", pages=0)
    book.notes.add(title="Zebra", price=1.5, extra={"word": "apple"})
    return book


def test_a_list_is_in_the_order_that_is_declared(several: Replica) -> None:
    assert titles(several.notes.list()) == ["Zebra", "Dough", "éclair", "Apple"]
    assert titles(several.notes.list(limit=2)) == ["Zebra", "Dough"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ({"search": "ECLAIR"}, ["éclair"]),
        ({"search": "backer"}, ["Dough", "Apple"]),
        ({"search": "backer", "limit": 1}, ["Dough"]),
        ({"search": "apple"}, ["Apple"]),
        ({"done": True}, ["Apple"]),
        ({"done": False, "due": "2026-01-02"}, ["Dough", "éclair"]),
        ({"pages": 0}, ["Apple"]),
        ({"pages": None, "limit": 1}, ["Zebra"]),
        ({"body": ""}, ["Zebra", "Dough", "éclair"]),
        ({"extra": {"word": "apple"}}, ["Zebra"]),
        ({"price": 1.5}, ["Zebra"]),
    ],
)
def test_a_list_can_be_asked_for_words_and_equal_values(
    question: dict[str, Any], found: list[str], several: Replica
) -> None:
    assert titles(several.notes.list(**question)) == found


def test_a_list_can_not_be_asked_for_what_there_is_not(several: Replica) -> None:
    with pytest.raises(Invalid, match="notes has no field 'color'"):
        several.notes.list(color="red")
    with pytest.raises(Invalid, match="notes has no field 'tags'"):
        several.notes.list(tags=[])


def test_a_value_that_is_not_of_its_type_is_in_no_lists_way(book: Replica) -> None:
    book.connection.execute("INSERT INTO notes (title, pages, due, done, extra) VALUES ('a', 'x', 5, 'y', '{')")
    book.notes.add(title="b", pages=1)
    assert len(book.notes.list()) == 2
    assert book.notes.list("a")[0]["extra"] == "{"


def test_fields_may_be_called_like_the_parameters_of_methods(opened: Open) -> None:
    odd = Table("odd", *(Text(name) for name in ("self", "record_id", "limit", "values", "id_or_key", "cells")))
    book = opened((odd,))
    names = dict.fromkeys(odd.by_name, "x")
    record_id = book.odd.add(**names)
    book.odd.update(record_id, **dict.fromkeys(odd.by_name, "y"))
    assert {book.odd.get(record_id)[name] for name in odd.by_name} == {"y"}
    assert book.odd.put(record_id, **names) == record_id


def test_a_parked_change_is_corrected_in_fields_called_like_a_parameter(opened: Open) -> None:
    book = opened((Table("odd", Text("change_id"), Text("self")),))
    record_id = book.odd.add(self="x")
    book.connection.execute("UPDATE odd SET change_id = ?", ("x" * 201,))
    (line,) = change_log.pending_lines(book.connection)[1:]
    assert park(book.connection, line, "too_long", "It is too long.")
    book.retry(line.change_id, change_id="short", self="y")
    assert (book.odd.get(record_id)["change_id"], book.odd.get(record_id)["self"]) == ("short", "y")


# --- keys ----------------------------------------------------------------------------------------------------------


def test_two_devices_that_add_a_key_add_the_same_record(opened: Open) -> None:
    ids = {opened(name=name).notebooks.add(name=key) for name, key in (("a", "Home"), ("b", " home "))}
    assert ids == {record_id_of_key(notebooks, "Home")}


def test_a_key_that_is_there_is_not_added_again(book: Replica) -> None:
    home = book.notebooks.add(name="Home")
    book.connection.execute("INSERT INTO notebooks (id, name) VALUES (?, 'Work')", (str(UUID(int=5)),))
    for key in ("Home", "HOME", "Work"):
        with pytest.raises(
            Invalid, match=r"notebooks has a record already whose name is .*: put\(\) changes it"
        ) as caught:
            book.notebooks.add(name=key)
        assert caught.value.code == "key_exists"
    assert book.notebooks.put("HOME", name="home") == home
    assert book.notebooks.put("Work") == str(UUID(int=5))
    assert book.notebooks.count() == 2


def test_put_adds_what_is_not_there(book: Replica) -> None:
    assert book.notebooks.put("Home") == record_id_of_key(notebooks, "Home")
    own = str(UUID(int=7))
    assert book.notes.put(own.upper(), title="Milk") == own
    assert book.notes.put(own, done=True) == own
    found = book.notes.get(own)
    assert (found["title"], found["done"]) == ("Milk", True)
    with pytest.raises(Invalid, match="id must be a UUID"):
        book.notes.put("Milk", title="Milk")
    with pytest.raises(Invalid, match="title is needed"):
        book.notes.put(str(UUID(int=8)))
    with pytest.raises(Invalid, match="name is not text that UTF-8 can hold"):
        book.notebooks.put("\ud800")


def test_a_renamed_record_keeps_its_id_and_lets_another_have_its_key(book: Replica) -> None:
    home = book.notebooks.add(name="Home")
    book.notebooks.update(home, name="House")
    again = book.notebooks.add(name="Home")
    assert again != home
    assert book.notebooks.put("Home") == again
    assert book.notebooks.put("House") == home


# --- classes -------------------------------------------------------------------------------------------------------


@dataclass
class Note:
    id: str
    title: str
    done: bool
    priority: str
    tags: dict[str, Any]


def test_records_may_be_instances_of_ones_own_class(book: Replica) -> None:
    records = book.table("notes", as_=Note)
    milk = records.add(title="Milk")
    assert records.get(milk) == records.list()[0] == Note(milk, "Milk", False, "normal", {})
    with pytest.raises(Invalid, match="notebooks has no field 'title'"):
        book.table("notebooks", as_=Note)


# --- names ---------------------------------------------------------------------------------------------------------


def test_an_attribute_is_a_table_where_no_method_has_its_name(opened: Open) -> None:
    book = opened((Table("history", Text("text")), Table("notes", Text("text"))))
    assert book.notes.add(text="x")
    assert book.table("history").add(text="x")
    assert callable(book.history)
    assert book.table("contacts") is book.contacts
    for name in ("nothing", "_nothing"):
        with pytest.raises(AttributeError, match=name):
            getattr(book, name)
