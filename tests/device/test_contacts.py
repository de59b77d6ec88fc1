"""``book.contacts`` and what an app sees of its replica, without a server."""

from __future__ import annotations

import json
import threading
import uuid
import weakref
from pathlib import Path
from random import Random
from typing import Any

import pytest

from offbook import Invalid, NotFound, Replica, Response
from offbook.contacts.table import CONTACTS
from offbook.database.local_changes import change_log
from tests.device.conftest import Device
from tests.device.fake_server import Clock, Server, Wire, says, wire

LEGISLATORS = Path(__file__).parents[3] / "shared/data/legislators.jsonl"


@pytest.fixture
def book(device: Device) -> Replica:
    return device("a")


def logged(book: Replica) -> list[Any]:
    return [(line.operation, line.data) for line in change_log.pending_lines(book.connection)]


def test_a_contact_has_every_field_and_its_details(book: Replica) -> None:
    details = {"k1": {"kind": "address", "label": "home", "city": "London"}}
    ada = book.contacts.add(name="Ada", starred=True, phone="", details=details)
    found = book.contacts.get(ada)
    assert str(uuid.UUID(ada)) == ada == found["id"]
    assert found.keys() == {"id", "created_at", "updated_at", "details", *CONTACTS.by_name}
    assert (found["name"], found["starred"], found["phone"], found["details"]) == ("Ada", True, None, details)
    assert book.contacts.list() == [found]


def test_each_call_is_one_change(book: Replica) -> None:
    ada = book.contacts.add(name="Ada", details=[{"kind": "phone", "value": "1"}, {"kind": "url", "value": "x"}])
    book.contacts.update(ada, phone="1", starred=False, details={"k1": {"kind": "date"}})
    book.contacts.delete(ada)
    operations = [operation for operation, _ in logged(book)]
    assert operations == ["INSERT", "UPDATE", "DELETE"]


def test_an_update_changes_what_it_names_and_nothing_else(book: Replica) -> None:
    ada = book.contacts.add(name="Ada", phone="1", email="a@example.org", details={"k1": {"kind": "url", "value": "x"}})
    book.contacts.update(ada, phone=None, details={"k1": {"label": "home"}})
    found = book.contacts.get(ada)
    assert (found["phone"], found["email"]) == (None, "a@example.org")
    assert found["details"] == {"k1": {"kind": "url", "label": "home", "value": "x"}}
    assert logged(book)[1] == ("UPDATE", {"phone": None, "details": {"k1": {"label": "home"}}})


def test_an_update_that_changes_nothing_is_no_change(book: Replica) -> None:
    ada = book.contacts.add(name="Ada", details={"k1": {"kind": "url"}})
    book.contacts.update(ada, name="Ada", details={"k1": {}, "k9": None})
    assert len(logged(book)) == 1


def test_a_part_of_an_address_that_is_written_brings_the_whole(book: Replica) -> None:
    ada = book.contacts.add(name="Ada", details={"k1": {"kind": "address", "street": "Quay 1", "city": "London"}})
    book.contacts.update(ada, details={"k1": {"street": "Quay 2"}})
    assert book.contacts.get(ada)["details"] == {"k1": {"kind": "address", "street": "Quay 2"}}


def test_a_detail_is_removed_by_none(book: Replica) -> None:
    ada = book.contacts.add(name="Ada", details={"k1": {"kind": "url"}, "k2": {"kind": "url"}})
    book.contacts.update(ada, details={"k1": None})
    assert book.contacts.get(ada)["details"] == {"k2": {"kind": "url"}}


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": " "}, "name may not be empty"),
    "a field that is none": ({"shoe_size": 37}, "no field 'shoe_size'"),
    "a number as text": ({"phone": 5}, "phone must be text"),
    "a text that is too long": ({"phone": "x" * 200}, "100 is the most"),
    "a day that is none": ({"birthday": "2026-02-30"}, "birthday must be a date"),
    "half a letter": ({"notes": "\ud800"}, "UTF-8"),
    "a star that is text": ({"starred": "yes"}, "starred must be true or false"),
    "a detail of no kind": ({"details": [{"value": "1"}]}, "kind is needed"),
    "a kind that is none": ({"details": [{"kind": "fax"}]}, "kind must be one of"),
    "a key with a slash": ({"details": {"a/b": {"kind": "url"}}}, "letters, digits"),
    "too many details": ({"details": [{"kind": "url"}] * 501}, "500 entries"),
    "details that are none": ({"details": ["phone"]}, "must be an object"),
}


@pytest.mark.parametrize(("fields", "sentence"), BAD.values(), ids=BAD)
def test_a_value_that_can_not_be_stored_is_refused_at_once(
    fields: dict[str, Any], sentence: str, book: Replica
) -> None:
    ada = book.contacts.add(name="Ada")
    before = book.contacts.list()
    with pytest.raises(Invalid, match=sentence):
        book.contacts.add(**{"name": "Eve"} | fields)
    with pytest.raises(Invalid, match=sentence):
        book.contacts.update(ada, **fields)
    assert book.contacts.list() == before
    assert len(logged(book)) == 1


def test_a_contact_without_a_name_is_called_by_what_there_is(book: Replica) -> None:
    with pytest.raises(Invalid, match="name is needed"):
        book.contacts.add(notes="x")
    with pytest.raises(Invalid, match="name may not be empty"):
        book.contacts.add(name=" ")
    firm = book.contacts.add(company="Acme", phone="1")
    assert book.contacts.get(firm)["name"] == "Acme"
    book.contacts.update(firm, company=None)
    assert book.contacts.get(firm)["name"] == "1"
    book.contacts.update(firm, given_name="Ada", family_name="King")
    assert book.contacts.get(firm)["name"] == "Ada King"


def test_a_rename_is_one_change_of_the_name_and_all_of_its_parts(book: Replica) -> None:
    ada = book.contacts.add(name="Ada Lovelace")
    book.contacts.update(ada, name="Ada King")
    record = book.contacts.get(ada)
    assert (record["given_name"], record["family_name"]) == ("Ada", "King")
    parts = {"prefix": None, "given_name": "Ada", "middle_name": None, "family_name": "King", "suffix": None}
    assert logged(book) == [
        ("INSERT", {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}),
        ("UPDATE", {"name": "Ada King", **parts}),
    ]


@pytest.mark.parametrize("starred", [True, False])
def test_a_flag_in_an_insert_arrives_as_it_was_set_and_what_is_empty_is_not_sent(
    starred: bool, device: Device, server: Server
) -> None:
    """By plain SQL and by the package alike."""
    a, b = device("a"), device("b")
    a.connection.execute("INSERT INTO contacts (name, starred, phone) VALUES ('Ada', ?, NULL)", (int(starred),))
    a.contacts.add(name="Bob", starred=starred, phone=None)
    star = {"starred": True} if starred else {}
    ada, bob = {"name": "Ada"} | star, {"name": "Bob", "given_name": "Bob"} | star
    assert logged(a) == [("INSERT", ada), ("INSERT", bob)]
    a.sync()
    b.sync()
    assert sorted(server.contacts.values(), key=str) == sorted([ada | {"given_name": "Ada"}, bob], key=str)
    for book in (a, b):
        shown = [(contact["name"], contact["starred"], contact["phone"]) for contact in book.contacts.list()]
        assert shown == [("Ada", starred, None), ("Bob", starred, None)]
        stored = book.connection.execute("SELECT DISTINCT starred, phone FROM contacts").fetchall()
        assert stored == [(int(starred), None)]


@pytest.mark.parametrize("is_sent", [False, True], ids=["before it is sent", "after it is sent"])
def test_a_deletion_can_be_taken_back(is_sent: bool, device: Device) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada", phone="1", starred=True, details={"k1": {"kind": "url", "value": "x"}})
    a.sync()
    before = a.contacts.get(ada)
    a.contacts.delete(ada)
    if is_sent:
        a.sync()
        b.sync()
    a.contacts.put_back(before)
    a.sync()
    b.sync()
    found = b.contacts.get(ada)
    assert (found["name"], found["phone"], found["starred"], found["details"]) == ("Ada", "1", True, before["details"])
    assert a.contacts.list() == b.contacts.list()


def test_what_is_put_back_takes_nothing_from_what_is_there(book: Replica) -> None:
    ada = book.contacts.add(name="Ada", phone="1")
    before = book.contacts.get(ada)
    book.contacts.update(ada, phone="2")
    book.contacts.put_back(before)
    assert book.contacts.get(ada)["phone"] == "2"
    assert len(logged(book)) == 2


def test_an_unknown_contact_is_not_found(book: Replica) -> None:
    for call in (book.contacts.get, book.contacts.delete, book.contacts.update):
        with pytest.raises(NotFound, match="no contact with the id"):
            call("nobody")


def test_the_list_has_starred_ones_first_and_then_goes_by_name(book: Replica) -> None:
    for name, starred in [("éva", False), ("Zoe", True), ("Adam", False), ("Ernst", False)]:
        book.contacts.add(name=name, starred=starred)
    assert [one["name"] for one in book.contacts.list()] == ["Zoe", "Adam", "Ernst", "éva"]


@pytest.mark.parametrize(
    ("search", "names"),
    [("ada", ["Ada"]), ("LONDON ada", ["Ada"]), ("angstrom", ["Ångström"]), ("phone", []), ("", ["Ada", "Ångström"])],
)
def test_a_search_finds_each_word_anywhere(search: str, names: list[str], book: Replica) -> None:
    book.contacts.add(name="Ada", details=[{"kind": "phone", "value": "1"}, {"kind": "address", "city": "London"}])
    book.contacts.add(name="Ångström")
    assert [one["name"] for one in book.contacts.list(search=search)] == names


def test_writes_in_one_transaction_are_all_there_or_none(book: Replica) -> None:
    with pytest.raises(Invalid), book.transaction():
        book.contacts.add(name="Ada")
        book.contacts.add(name="")
    assert book.contacts.count() == 0
    assert logged(book) == []


def test_a_replica_serves_several_threads(book: Replica) -> None:
    threads = [threading.Thread(target=lambda: book.contacts.add(name="Ada")) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert book.contacts.count() == 5


def test_a_thread_that_ends_leaves_no_open_connection(book: Replica) -> None:
    opened: list[weakref.ref[Any]] = []
    thread = threading.Thread(target=lambda: opened.append(weakref.ref(book.connection)))
    thread.start()
    thread.join()
    assert opened[0]() is None
    assert book.contacts.count() == 0


def test_closing_takes_no_connection_from_a_thread_that_is_using_it(book: Replica) -> None:
    begun, closed = threading.Event(), threading.Event()
    found: list[Any] = []

    def read() -> None:
        connection = book.connection
        begun.set()
        assert closed.wait(10)
        found.append(connection.execute("SELECT count(*) FROM contacts").fetchone())

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(10)
    book.close()
    closed.set()
    thread.join()
    assert found == [(0,)]


def test_a_closed_replica_opens_again_when_it_is_used(book: Replica) -> None:
    book.contacts.add(name="Ada")
    book.close()
    assert book.contacts.count() == 1


# --- status, conflicts, repeatable runs ----------------------------------------------------------------------------


def test_the_status_counts_what_waits_and_tells_since_when(device: Device, server: Server) -> None:
    clock = Clock()
    book = device("a", clock=clock)
    assert book.status().oldest_pending is None
    assert book.status().last_success is None
    book.contacts.add(name="Ada")
    clock.ms += 1000
    book.contacts.add(name="Grace")
    status = book.status()
    assert (status.pending, status.oldest_pending) == (2, "2026-11-18T11:06:40.000Z")
    book.sync()
    status = book.status()
    assert (status.pending, status.parked, status.conflicts) == (0, 0, 0)
    assert (status.book, status.last_success) == (server.uuid, "2026-11-18T11:06:41.000Z")


def test_a_conflict_waits_to_be_seen(device: Device) -> None:
    server = Server("ask")
    a, b = device("x", transport=Wire(server)), device("y", transport=Wire(server))
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    b.contacts.update(ada, phone="b")
    b.sync()
    a.contacts.update(ada, phone="a")
    assert a.sync().conflicts == 1
    (conflict,) = a.conflicts()
    assert (conflict["record_id"], conflict["ours"], conflict["theirs"]) == (ada, "b", "a")
    assert a.status().conflicts == 1
    assert a.contacts.get(ada)["phone"] == "b"


def test_progress_is_told_after_each_answer(device: Device, server: Server) -> None:
    book = device("a")
    for number in range(3):
        book.contacts.add(name=str(number))
    told: list[tuple[int, int]] = []
    book.sync(progress=lambda report, left: told.append((report.pushed, left)))
    assert told == [(0, 3), (3, 0)]


def test_a_simulator_gets_the_same_run_twice(tmp_path: Path) -> None:
    runs = []
    for folder in ("one", "two"):
        server = Server()
        (tmp_path / folder).mkdir()
        rng = Random(5)
        options: dict[str, Any] = {"clock": Clock(), "rng": Random(7), "transport": Wire(server)}
        new_id = lambda rng=rng: str(uuid.UUID(int=rng.getrandbits(128), version=4))  # noqa: E731
        with Replica(tmp_path / folder / "a.db", new_id=new_id, **options) as book:
            book.contacts.add(name="Ada", details=[{"kind": "url"}])
            book.connection.execute("INSERT INTO contacts(name) VALUES ('Grace')")
            book.sync()
            runs.append((book.contacts.list(), book.status(), server.requests))
    assert runs[0] == runs[1]


def test_a_retry_shows_over_a_new_record_of_the_same_id_that_can_not_be_sent(device: Device, server: Server) -> None:
    book = device("a")
    ada = book.contacts.add(name="Ada")
    book.sync()
    book.connection.execute("UPDATE contacts SET phone = ? WHERE id = ?", ("x" * 101, ada))
    book.sync()
    (parked,) = book.parked()
    book.contacts.delete(ada)
    book.connection.execute("INSERT INTO contacts (id, name, notes) VALUES (?, '  ', 'new')", (ada,))
    book.retry(parked.change_id, phone="1")
    shown = book.contacts.get(ada)
    assert (shown["phone"], shown["notes"]) == ("1", "new")
    book.sync()
    (insert,) = book.parked()
    assert insert.data is not None
    assert (insert.operation, insert.data["notes"]) == ("INSERT", "new")
    assert book.contacts.get(ada)["phone"] == "1"


def test_a_retry_that_still_can_not_be_sent_stays_parked(device: Device, server: Server) -> None:
    book = device("a")
    ada = book.contacts.add(name="Ada")
    book.sync()
    book.connection.execute("UPDATE contacts SET phone = ? WHERE id = ?", ("x" * 101, ada))
    book.sync()
    (parked,) = book.parked()
    with pytest.raises(Invalid, match="100 is the most"):
        book.retry(parked.change_id)
    assert book.parked() == [parked]
    book.retry(parked.change_id, phone="1")
    assert book.contacts.get(ada)["phone"] == "1"
    assert book.sync().pushed == 1


def test_a_deletion_has_nothing_to_be_corrected(device: Device, server: Server) -> None:
    book = device("a")
    ada = book.contacts.add(name="Ada")
    book.sync()
    book.contacts.delete(ada)
    (change,) = change_log.pending_lines(book.connection)
    result = {"id": change.change_id, "verdict": "rejected", "seq": None, "code": "no", "detail": "No."}
    answer = {"book": server.uuid, "results": [result], "since": "x", "changes": [], "cursor": "x", "more": False}
    wire(book).steps = [says(Response(200, {}, json.dumps(answer).encode()))]
    book.sync()
    assert book.contacts.get(ada)["name"] == "Ada"
    with pytest.raises(Invalid, match="deletion"):
        book.retry(change.change_id, name="Eve")
    book.retry(change.change_id)
    book.sync()
    assert server.contacts == {}


# --- real contacts -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not LEGISLATORS.exists(), reason="the real contacts are not on this machine (../shared/data)")
def test_real_contacts_arrive_as_they_left(device: Device) -> None:
    a, b = device("a"), device("b")
    with a.transaction():
        for line in LEGISLATORS.read_text().splitlines():
            person = json.loads(line)
            details = [
                {"kind": kind, "label": office["label"], **({name: office[key]})}
                for office in person.pop("offices", [])
                for kind, name, key in (("phone", "value", "phone"), ("address", "street", "address"))
                if office.get(key)
            ]
            person.pop("address", None)
            a.contacts.add(**person, details=details)
    a.sync()
    b.sync()
    assert b.contacts.list() == a.contacts.list()
    assert len(b.contacts.list("senator")) >= 100
