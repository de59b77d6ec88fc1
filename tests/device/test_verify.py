"""Comparing a device with its server: what agrees costs next to nothing, what differs is found, mended and told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from offbook import NotOffbook, Offline, OtherBook, Refused, Replica, Response, ServerFault, SyncError
from offbook.core.verify.digests import MODULUS
from offbook.core.verify.ranges import RECORDS_MAX
from offbook.database.local_changes import change_log
from offbook.verify.session import STARTS_MAX
from tests.device.conftest import Device
from tests.device.fake_server import Server, Step, everything, lost_request, ok, problem, says, wire

ODD: dict[str, Any] = {
    "name": "Zoë \U0001f600 'quotes' \"too\" %s %_\\",
    "notes": "two\nlines\x1f\x01",
    "starred": True,
    "birthday": "--12-10",
    "details": {
        "k1": {"kind": "address", "street": "1 Lane", "country": "UK", "position": 0},
        "k2": {"kind": "phone", "value": "555-9", "label": "boat", "position": -5},
    },
}


@pytest.fixture
def a(device: Device) -> Replica:
    """A device that has synced a few contacts."""
    made = device("a")
    with made.transaction():
        made.contacts.add(**ODD)
        for number in range(20):
            made.contacts.add(
                name=f"Ada {number}", phone=f"555-{number}", details=[{"kind": "email", "value": "a@b.c"}]
            )
    made.sync()
    return made


def filled(device: Device, count: int) -> Replica:
    made = device("a")
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    made.connection.execute(f"{numbers} INSERT INTO contacts (name) SELECT 'Ada ' || i FROM n", (count,))
    made.sync()
    return made


def damage(replica: Replica, sql: str, *values: Any) -> None:
    """A write that no trigger logs, as a fault or a tool that goes around them makes it."""
    with change_log.without_logging(replica.connection):
        assert replica.connection.execute(sql, values).rowcount > 0


def shown(replica: Replica) -> list[dict[str, Any]]:
    return replica.contacts.list()


def one_of(replica: Replica, name: str = "Ada 7") -> str:
    (found,) = [contact["id"] for contact in shown(replica) if contact["name"] == name]
    return str(found)


def asked(server: Server, path: str) -> list[Any]:
    return [question for where, question in server.questions if where == path]


def agrees(replica: Replica) -> bool:
    report = replica.verify()
    return not report.repaired and not report.left_out


# --- what agrees -----------------------------------------------------------------------------------------------------


def test_books_that_agree_are_compared_with_one_question_a_table(a: Replica, server: Server) -> None:
    before = everything(a)
    report = a.verify()
    assert (report.compared, report.repaired, report.left_out, report.requests) == (21, (), (), 2)
    compared = [question for question in server.questions if question[0] == "/verify"]
    assert compared == [
        ("/verify", {"table": table, "digest": 2, "ranges": [["", None]]}) for table in ("contacts", "labels")
    ]
    assert report.sent_bytes + report.received_bytes < 600
    assert everything(a) == before


def test_an_empty_book_agrees(device: Device) -> None:
    assert device().verify().compared == 0


def test_what_waits_is_sent_first(a: Replica, server: Server) -> None:
    a.contacts.add(name="New")
    a.contacts.delete(one_of(a))
    assert a.verify().compared == len(server.contacts) == 21
    assert a.status().pending == 0


def test_empty_text_and_nothing_are_the_same(a: Replica) -> None:
    damage(a, "UPDATE contacts SET email = '', notes = '' WHERE name LIKE 'Ada%'")
    damage(a, "UPDATE contact_details SET label = '' WHERE label IS NULL")
    assert agrees(a)


def test_an_edit_that_waits_is_no_difference(a: Replica) -> None:
    """Typed after the sync that a comparison begins with."""

    def typing(body: bytes, server: Server) -> Response:
        a.contacts.update(one_of(a, "Ada 3"), phone="new", details={"k9": {"kind": "url"}})
        a.contacts.add(name="New")
        a.contacts.delete(one_of(a, "Ada 4"))
        return server.answer(body)

    wire(a).steps = [typing]
    assert agrees(a)
    assert a.status().pending == 3


def test_what_is_parked_is_no_difference(a: Replica) -> None:
    a.connection.execute("INSERT INTO contacts (name, birthday) VALUES ('Parked', 'soon')")
    a.contacts.update(one_of(a), phone="1")
    a.connection.execute("UPDATE contacts SET birthday = 'never' WHERE name = 'Ada 3'")
    a.sync()
    before = everything(a)
    assert len(a.parked()) == 2
    assert agrees(a)
    assert everything(a) == before


def test_entries_without_their_record_show_nowhere_and_are_no_difference(a: Replica) -> None:
    damage(a, "DELETE FROM contacts WHERE name = 'Ada 7'")
    a.connection.execute("DROP TRIGGER offbook_contact_details_owner")
    a.verify()
    damage(a, "INSERT INTO contact_details (contact_id, entry_id, kind) VALUES ('nobody', 'k1', 'url')")
    assert agrees(a)


# --- what differs ----------------------------------------------------------------------------------------------------

DAMAGE: dict[str, tuple[str, ...]] = {
    "a field": ("UPDATE contacts SET phone = '1' WHERE name = 'Ada 7'",),
    "a flag": ("UPDATE contacts SET starred = 1 WHERE name = 'Ada 7'",),
    "a field that is gone": ("UPDATE contacts SET phone = NULL WHERE name = 'Ada 7'",),
    "an entry": (
        "UPDATE contact_details SET value = 'x' WHERE contact_id = (SELECT id FROM contacts WHERE name = 'Ada 7')",
    ),
    "an entry that is gone": (
        "DELETE FROM contact_details WHERE contact_id = (SELECT id FROM contacts WHERE name = 'Ada 7')",
    ),
    "a missing row": ("DELETE FROM contacts WHERE name = 'Ada 7'",),
    "a seq that is too old": ("UPDATE server_rows SET seq = seq - 1 WHERE data LIKE '%Ada 7%'",),
    "a seq that is too new": ("UPDATE server_rows SET seq = seq + 99999999 WHERE data LIKE '%Ada 7%'",),
    "a server's row that is gone": ("DELETE FROM server_rows WHERE data LIKE '%Ada 7%'",),
    "a server's row that is marked deleted": (
        "UPDATE server_rows SET deleted = 1 WHERE data LIKE '%Ada 7%'",
        "DELETE FROM contacts WHERE name = 'Ada 7'",
    ),
    "a whole record that is gone": (
        "DELETE FROM contacts WHERE name = 'Ada 7'",
        "DELETE FROM server_rows WHERE data LIKE '%Ada 7%'",
    ),
    "several records": ("UPDATE contacts SET company = 'X'", "DELETE FROM contact_details WHERE label = 'boat'"),
    "everything": ("DELETE FROM contacts", "DELETE FROM server_rows"),
}


def server_rows(replica: Replica) -> list[Any]:
    """What the server said; since when it is known is told anew with a row that comes again."""
    return replica.connection.execute(
        "SELECT record_id, seq, deleted, data, stale FROM server_rows ORDER BY 1"
    ).fetchall()


@pytest.mark.parametrize("name", DAMAGE)
def test_what_differs_is_mended_and_told(a: Replica, server: Server, name: str) -> None:
    before, rows = shown(a), server_rows(a)
    for sql in DAMAGE[name]:
        damage(a, sql)
    damaged = {contact["id"]: contact for contact in shown(a)}
    report = a.verify()
    assert shown(a) == before
    assert server_rows(a) == rows
    for one in report.repaired:
        assert (one.was, one.now) == (damaged.get(one.record_id), a.contacts.get(one.record_id))
    assert len(report.repaired) == {"several records": 21, "everything": 21}.get(name, 1)
    assert agrees(a)
    assert a.status().pending == 0


def test_one_that_differs_costs_its_own_row_alone(a: Replica, server: Server) -> None:
    damage(a, "UPDATE contacts SET phone = '1' WHERE name = 'Ada 7'")
    a.verify()
    assert asked(server, "/rows") == [{"table": "contacts", "ids": [one_of(a)]}]


@pytest.mark.large
def test_of_many_records_those_that_differ_are_found_by_halves_and_halves(device: Device, server: Server) -> None:
    a = filled(device, 1500)
    damage(a, "UPDATE contacts SET phone = '1' WHERE name IN ('Ada 7', 'Ada 1234')")
    damage(a, "DELETE FROM contacts WHERE name = 'Ada 99'")
    report = a.verify()
    assert len(report.repaired) == 3
    assert [len(question["ids"]) for question in asked(server, "/rows")] == [3]
    assert report.requests <= 6
    assert report.sent_bytes + report.received_bytes < 20_000


def test_records_are_found_where_ids_crowd_and_where_they_stand_alone(device: Device, server: Server) -> None:
    """Ranges of few records then come from splits of different depths, and are asked for in order all the same."""
    a = device("a")
    crowd = [f"7f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d{number:04x}" for number in range(2 * RECORDS_MAX)]
    alone = [f"{digit}0000000-0000-4000-8000-000000000000" for digit in "05af"]
    with a.transaction():
        for key in (*crowd, *alone):
            a.connection.execute("INSERT INTO contacts (id, name) VALUES (?, 'Ada')", (key,))
    a.sync()
    damage(a, "DELETE FROM contacts")
    assert {one.record_id for one in a.verify().repaired} == {*crowd, *alone}
    assert agrees(a)


@pytest.mark.large
def test_a_device_that_lost_most_gets_it_in_pages(device: Device, server: Server) -> None:
    a = filled(device, 1100)
    damage(a, "DELETE FROM contacts")
    assert len(a.verify().repaired) == a.contacts.count() == 1100
    assert [len(question["ids"]) for question in asked(server, "/rows")] == [1000, 100]


def test_a_record_that_the_server_deleted_and_that_is_still_here_goes(a: Replica, device: Device) -> None:
    gone = one_of(a)
    kept = a.connection.execute("SELECT * FROM contacts WHERE id = ?", (gone,)).fetchone()
    row = a.connection.execute("SELECT * FROM server_rows WHERE record_id = ?", (gone,)).fetchone()
    a.contacts.delete(gone)
    a.sync()
    damage(a, f"INSERT INTO contacts VALUES ({', '.join('?' * len(kept))})", *kept)
    damage(a, f"REPLACE INTO server_rows VALUES ({', '.join('?' * len(row))})", *row)
    (found,) = a.verify().repaired
    assert found.was is not None
    assert (found.now, found.parked) == (None, False)
    assert gone not in {contact["id"] for contact in shown(a)}
    assert agrees(a)


def test_a_pending_edit_stays_over_what_is_mended_and_stays_pending(a: Replica, server: Server) -> None:
    key = one_of(a)
    damage(a, "UPDATE contacts SET phone = 'damaged', email = 'damaged' WHERE id = ?", key)

    def typing(body: bytes, server: Server) -> Response:
        a.contacts.update(key, company="Typed", details={"k9": {"kind": "url", "value": "typed"}})
        return server.answer(body, "/rows")

    wire(a).asked = [None, None, typing]
    (found,) = a.verify().repaired
    assert found.now is not None
    assert (found.now["company"], found.now["phone"], found.now["email"]) == ("Typed", "555-7", None)
    assert "k9" in found.now["details"]
    assert a.status().pending == 1
    a.sync()
    assert server.contacts[key]["company"] == "Typed"
    assert server.contacts[key]["phone"] == "555-7"


def test_a_record_with_a_pending_edit_is_mended_beneath_it(a: Replica) -> None:
    key = one_of(a)
    damage(a, 'UPDATE server_rows SET seq = seq - 1, data = \'{"name":"Other"}\' WHERE record_id = ?', key)

    def typing(body: bytes, server: Server) -> Response:
        a.contacts.update(key, company="Typed")
        return server.answer(body)

    wire(a).steps = [typing]
    assert len(a.verify().repaired) == 1
    assert a.contacts.get(key) == a.contacts.get(key) | {"name": "Ada 7", "phone": "555-7", "company": "Typed"}
    assert a.status().pending == 1


# --- what no line of the log tells of --------------------------------------------------------------------------------


def test_what_was_written_around_the_log_is_parked_and_not_lost(a: Replica, server: Server) -> None:
    key = one_of(a)
    damage(a, "UPDATE contacts SET phone = 'typed', email = NULL WHERE id = ?", key)
    damage(a, "UPDATE contact_details SET value = 'typed@b.c' WHERE contact_id = ?", key)
    (found,) = a.verify().repaired
    assert found.parked
    assert a.contacts.get(key)["phone"] == "555-7"
    (parked,) = a.parked()
    (entry,) = a.contacts.get(key)["details"]
    assert (parked.operation, parked.code) == ("UPDATE", "unlogged")
    assert parked.data is not None
    assert parked.data["phone"] == "typed"
    assert parked.data["details"][entry]["value"] == "typed@b.c"
    assert parked.data.keys() == {"phone", "details"}
    assert "kind" not in parked.data["details"][entry]
    a.retry(parked.change_id)
    a.sync()
    assert server.contacts[key]["phone"] == "typed"
    assert agrees(a)


def test_a_record_that_was_added_around_the_log_stays_here_until_a_person_decides(a: Replica, server: Server) -> None:
    key = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
    damage(a, "INSERT INTO contacts (id, name, phone) VALUES (?, 'Sly', '1')", key)
    damage(a, "INSERT INTO contact_details (contact_id, entry_id, kind) VALUES (?, 'k1', 'url')", key)
    (found,) = a.verify().repaired
    assert found.parked
    assert found.now is not None
    assert found.now["details"] == {"k1": {"kind": "url"}}
    assert agrees(a)
    (parked,) = a.parked()
    a.retry(parked.change_id)
    a.sync()
    assert server.contacts[key]["name"] == "Sly"
    assert agrees(a)


@pytest.mark.parametrize("key", ["no uuid", "é", "5F0C1C9E-7D0A-4A57-9C0E-3B8F6A1D2E01", ""])
def test_a_record_under_an_id_that_no_server_takes_is_parked_too(a: Replica, key: str) -> None:
    damage(a, "INSERT INTO contacts (id, name) VALUES (?, 'Sly')", key)
    (found,) = a.verify().repaired
    assert found.parked
    assert "Sly" in [contact["name"] for contact in shown(a)]
    assert agrees(a)
    a.drop(a.parked()[0].change_id)
    assert "Sly" not in [contact["name"] for contact in shown(a)]
    assert agrees(a)


def test_what_is_older_here_than_on_the_server_was_not_typed_and_is_not_parked(a: Replica, device: Device) -> None:
    b = device("b")
    b.sync()
    key = one_of(a)
    old = a.connection.execute("SELECT seq, data FROM server_rows WHERE record_id = ?", (key,)).fetchone()
    b.contacts.update(key, phone="newer")
    b.sync()
    a.sync()
    damage(a, "UPDATE contacts SET phone = '555-7' WHERE id = ?", key)
    damage(a, "UPDATE server_rows SET seq = ?, data = ? WHERE record_id = ?", *old, key)
    (found,) = a.verify().repaired
    assert not found.parked
    assert a.parked() == []
    assert a.contacts.get(key)["phone"] == "newer"


# --- while others write ----------------------------------------------------------------------------------------------


def meanwhile(write: Callable[[], object]) -> Step:
    def step(body: bytes, server: Server) -> Response:
        write()
        return server.answer(body, "/verify")

    return step


def test_a_book_that_moved_on_is_synced_and_compared_anew(a: Replica, device: Device) -> None:
    b = device("b")

    def write() -> None:
        b.contacts.add(name="Meanwhile")
        b.sync()

    wire(a).asked = [meanwhile(write)]
    report = a.verify()
    assert (report.compared, report.repaired, report.requests) == (22, (), 3)
    assert [contact["name"] for contact in shown(a) if contact["name"] == "Meanwhile"]


def test_a_book_that_never_rests_is_told_of(a: Replica, device: Device) -> None:
    b = device("b")

    def write() -> None:
        b.contacts.add(name="Meanwhile")
        b.sync()

    wire(a).asked = [meanwhile(write)] * STARTS_MAX
    with pytest.raises(SyncError, match="faster than it can be compared"):
        a.verify()
    assert agrees(a)


def test_rows_of_a_book_that_moved_on_mend_nothing_yet(a: Replica, device: Device) -> None:
    b = device("b")
    b.sync()
    damage(a, "UPDATE contacts SET phone = 'x' WHERE name = 'Ada 7'")

    def step(body: bytes, server: Server) -> Response:
        b.contacts.update(one_of(b), email="new@b.c")
        b.sync()
        return server.answer(body, "/rows")

    wire(a).asked = [None, None, step]
    a.verify()
    assert (a.contacts.get(one_of(a))["phone"], a.contacts.get(one_of(a))["email"]) == ("555-7", "new@b.c")
    assert agrees(a)


# --- servers that can't, or that lie ---------------------------------------------------------------------------------


def test_offline_is_told_as_by_a_sync(a: Replica) -> None:
    wire(a).asked = [lost_request]
    with pytest.raises(Offline):
        a.verify()
    assert agrees(a)


def test_a_server_that_does_not_know_how_is_told_of(a: Replica) -> None:
    wire(a).asked = [says(problem(404, "not_found", "There is nothing at this address."))]
    with pytest.raises(Refused, match="too old"):
        a.verify()
    wire(a).asked = [says(Response(404, {}, b"<html>"))]
    with pytest.raises(NotOffbook):
        a.verify()


def told(a: Replica, **more: Any) -> dict[str, Any]:
    """An answer of the real server, save what is said here."""
    body = json.dumps({"table": "contacts", "ranges": [["", None]], "digest": 2}).encode()
    found: dict[str, Any] = json.loads(wire(a).server.answer(body, "/verify").body)
    return found | more


def test_another_book_is_not_compared(a: Replica) -> None:
    wire(a).asked = [says(ok(told(a, book="b0000000-0000-4000-8000-000000000002")))]
    with pytest.raises(OtherBook):
        a.verify()


def test_a_server_of_before_with_other_fields_is_told_of(a: Replica, server: Server) -> None:
    server.says_tables = False
    a.sync()
    body = json.dumps({"table": "contacts", "ranges": [["", None]]}).encode()
    answer = json.loads(server.answer(body, "/verify").body)
    for shape, message in ((5, "other fields"), (None, "understood")):
        wire(a).asked = [says(ok({**answer, "shape": shape}))]
        with pytest.raises(SyncError, match=message):
            a.verify()


SUM = {"count": 21, "digest": 5}
LIES: dict[str, list[dict[str, Any]]] = {
    "no ranges": [{"ranges": None}],
    "too few ranges": [{"ranges": []}],
    "a range that is a list": [{"ranges": [[]]}],
    "a count that is text": [{"ranges": [SUM | {"count": "21"}]}],
    "a count that is true": [{"ranges": [SUM | {"count": True}]}],
    "a count below zero": [{"ranges": [SUM | {"count": -1}]}],
    "a count beyond all books": [{"ranges": [SUM | {"count": 10**15}]}],
    "a digest too large": [{"ranges": [SUM | {"digest": MODULUS}]}],
    "a digest that is a fraction": [{"ranges": [SUM | {"digest": 0.5}]}],
    "no digest": [{"digest": None}],
    "another digest": [{"digest": 3}],
    "no cursor": [{"cursor": None}],
    "no book": [{"book": 5}],
    "records that are a list": [{"ranges": [SUM]}, {"ranges": [SUM | {"records": []}]}],
    "too few records": [{"ranges": [SUM]}, {"ranges": [SUM | {"records": {}}]}],
    "no records": [{"ranges": [SUM]}, {"ranges": [SUM]}],
    "records under no ids": [{"ranges": [SUM]}, {"ranges": [{"count": 1, "digest": 5, "records": {"x": 5}}]}],
    "parts that are not what the whole is": [
        {"ranges": [{"count": 1000, "digest": 5}]},
        {"ranges": [{"count": 1000, "digest": 5}] * 16},
    ],
}


@pytest.mark.parametrize("name", LIES)
def test_what_a_server_says_that_can_not_be_changes_nothing(a: Replica, name: str) -> None:
    before = everything(a)
    wire(a).asked = [says(ok(told(a, **more))) for more in LIES[name]]
    with pytest.raises(ServerFault):
        a.verify()
    assert everything(a) == before


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"[" * 100_000])
def test_an_answer_that_is_none_changes_nothing(a: Replica, body: bytes) -> None:
    before = everything(a)
    damage(a, "UPDATE contacts SET phone = 'x' WHERE name = 'Ada 7'")
    for asked in ([], [None, None]):
        wire(a).asked = [*asked, says(Response(200, {}, body))]
        with pytest.raises(ServerFault):
            a.verify()
    damage(a, "UPDATE contacts SET phone = '555-7' WHERE name = 'Ada 7'")
    assert everything(a) == before


def test_a_range_that_never_gets_smaller_ends(a: Replica) -> None:
    """A server that has all its many records under one id."""
    asked: list[int] = []

    def step(body: bytes, server: Server) -> Response:
        ranges = json.loads(body)["ranges"]
        asked.append(len(ranges))
        empty, full = {"count": 0, "digest": 0}, {"count": RECORDS_MAX + 1, "digest": 5}
        return ok(told(a, ranges=[full, *[empty] * (len(ranges) - 1)]))

    wire(a).asked = [step] * 200
    with pytest.raises(ServerFault, match="of one id"):
        a.verify()
    assert len(asked) < 40


ROW_LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no rows": lambda row: row.clear(),
    "another record's row": lambda row: row.update(record_id="5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"),
    "another value": lambda row: row["data"].update(phone="a lie"),
    "another seq": lambda row: row.update(seq=row["seq"] + 1),
    "a tombstone": lambda row: row.update(data=None),
}


@pytest.mark.parametrize("name", ROW_LIES)
def test_a_row_that_is_not_what_was_compared_mends_nothing(a: Replica, name: str) -> None:
    damage(a, "UPDATE contacts SET phone = 'x' WHERE name = 'Ada 7'")
    before = everything(a)

    def step(body: bytes, server: Server) -> Response:
        answer = json.loads(server.answer(body, "/rows").body)
        ROW_LIES[name](answer["rows"][0])
        return ok(answer)

    wire(a).asked = [None, None, step]
    with pytest.raises(ServerFault):
        a.verify()
    assert everything(a) == before


@pytest.mark.parametrize("more", [{"table": "boats"}, {"data": {"name": 5}}])
def test_a_row_that_this_device_can_not_hold_is_told_and_the_rest_is_mended(a: Replica, more: dict[str, Any]) -> None:
    damage(a, "UPDATE contacts SET phone = 'x' WHERE name IN ('Ada 7', 'Ada 8')")
    odd = one_of(a)

    def step(body: bytes, server: Server) -> Response:
        answer = json.loads(server.answer(body, "/rows").body)
        rows = [row | more if row["record_id"] == odd else row for row in answer["rows"]]
        return ok(answer | {"rows": rows})

    wire(a).asked = [None, None, step]
    report = a.verify()
    assert report.left_out == (odd,)
    assert [one.now and one.now["name"] for one in report.repaired] == ["Ada 8"]
