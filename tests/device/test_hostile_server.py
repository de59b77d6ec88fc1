"""A server that lies: no answer corrupts the file, stops the rows that are sound, or makes a sync go on for ever."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import Any

import pytest

from offbook import NotFound, NotOffbook, Offline, Replica, Response, ServerFault
from offbook.core.protocol.validators import json_of
from offbook.core.schema import Field, Table
from offbook.sync import loop
from tests.device.conftest import Device
from tests.device.fake_server import BOOK, START, Server, Step, Wire, everything, lost_request, ok, problem, says, wire

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"

GOOD: dict[str, Any] = {"book": BOOK, "results": [], "since": None, "changes": [], "cursor": "e1.5", "more": False}


def row(**changes: Any) -> dict[str, Any]:
    return {
        "table": "contacts",
        "record_id": ADA,
        "operation": "INSERT",
        "seq": START,
        "data": {"name": "Ada"},
    } | changes


PAST = {
    "id": "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e09",
    "seq": START,
    "at": "2026-11-18T11:06:40.000000Z",
    "operation": "INSERT",
    "verdict": "applied",
}

NO_ANSWERS = {
    "nothing": b"",
    "not JSON": b"<html>",
    "a list": b"[]",
    "a number of many digits": b"9" * 5000,
    "very deep": b"[" * 100_000,
    "not UTF-8": b'{"book": "\xff"}',
    **{f"no {name}": json.dumps(GOOD | {name: None}).encode() for name in ("book", "changes", "cursor", "more")},
    **{
        name: json.dumps(GOOD | {key: value}).encode()
        for name, key, value in [
            ("a book that is none", "book", "x"),
            ("a cursor that is a number", "cursor", 5),
            ("an endless cursor", "cursor", "e" * 10_000),
            ("a cursor with a NUL", "cursor", "e1.5\0"),
            ("changes that are an object", "changes", {}),
            ("a row that is text", "changes", ["x"]),
            ("a row without a table", "changes", [row(table=None)]),
            ("a row without an id", "changes", [row(record_id=None)]),
            ("an id with SQL", "changes", [row(record_id="'; DROP TABLE contacts; --")]),
            ("data that is a list", "changes", [row(data=[])]),
            ("data that is text", "changes", [row(data="x")]),
            ("a seq that is text", "changes", [row(seq="5")]),
            ("a seq that is true", "changes", [row(seq=True)]),
            ("a seq below zero", "changes", [row(seq=-1)]),
            ("a seq after the end of time", "changes", [row(seq=2**62)]),
            ("a seq that is no number", "changes", [row(seq=float("nan"))]),
            ("more that is a number", "more", 1),
            ("a since that is a number", "since", 1),
            ("too many rows", "changes", [row()] * 10_001),
            ("results that are text", "results", "x"),
            (
                "more results than a request has changes",
                "results",
                [{"id": ADA, "verdict": "applied", "seq": 1}] * 1_001,
            ),
            ("a result that is null", "results", [None]),
            ("an unknown verdict", "results", [{"id": ADA, "verdict": "lovely", "seq": 1}]),
            ("a verdict that is a list", "results", [{"id": ADA, "verdict": [], "seq": 1}]),
            ("a record that is text", "results", [{"id": ADA, "verdict": "merged", "seq": 1, "record": "x"}]),
            ("a record without a seq", "results", [{"id": ADA, "verdict": "merged", "seq": None, "record": None}]),
        ]
    },
}


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_an_answer_that_is_none_changes_nothing(body: bytes, device: Device) -> None:
    a = device("a")
    a.contacts.add(name="Mine")
    wire(a).steps = [says(Response(200, {}, body))]
    before = everything(a)
    before[-1] = (None, None, 1)  # a snapshot was begun
    with pytest.raises(ServerFault):
        a.sync()
    assert everything(a) == before


@pytest.mark.parametrize("flood", ["[" + "[]," * 3_000_000, b"[" + b'"a,b",' * 3_000_000], ids=["HTTP", "the channel"])
def test_an_answer_of_more_values_than_a_device_can_hold_is_not_even_read(flood: str | bytes) -> None:
    """120 MB of ``[]`` took 3.1 GB. These floods break off, so that whoever reads them tells something else."""
    with pytest.raises(ServerFault, match="more than 3,000,000 values"):
        json_of(flood)


def test_a_long_page_of_long_texts_is_read() -> None:
    """All that a device's own limits allow: notes as long as can be in each contact of a page."""
    page = GOOD | {"changes": [row(data={"name": "Ada", "notes": "a, [b] {c}" * 2_000})] * 1_000}
    assert json_of(json.dumps(page)) == page


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize("table", ["sqlite_master", 'contacts"; DROP TABLE contacts; --', "boats"])
def test_a_row_of_a_table_that_is_not_known_is_passed_over(table: str, device: Device) -> None:
    assert names(pulled(device("a"), row(table=table))) == ["Grace"]


BAD_CELLS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a name that is a number": ({"name": 5, "phone": "1"}, {"name": "", "phone": "1"}),
    "a lone surrogate": ({"name": "Ada", "phone": "\ud800"}, {"name": "Ada"}),
    "a NUL": ({"name": "Ada", "phone": "1\0"}, {"name": "Ada"}),
    "a name that is nested": ({"name": nested(900), "phone": "1"}, {"name": "", "phone": "1"}),
    "details that are nested": ({"name": "Ada", "details": {"k1": nested(900)}}, {"name": "Ada"}),
    "a value that is nested": (
        {"name": "Ada", "details": {"k1": {"kind": "phone", "value": nested(900)}}},
        {"name": "Ada", "details": {"k1": {"kind": "phone"}}},
    ),
    "a flag that is a number": ({"name": "Ada", "starred": 1}, {"name": "Ada"}),
    "details that are a list": ({"name": "Ada", "details": ["x"]}, {"name": "Ada"}),
    "a detail that is text": ({"name": "Ada", "details": {"k1": "x"}}, {"name": "Ada"}),
    "a key with SQL": ({"name": "Ada", "details": {"'; --": {"kind": "phone"}}}, {"name": "Ada"}),
    "a position that is huge": (
        {"name": "Ada", "details": {"k1": {"kind": "phone", "position": 2**70}}},
        {"name": "Ada", "details": {"k1": {"kind": "phone"}}},
    ),
    "a position that is text": (
        {"name": "Ada", "details": {"k1": {"kind": "phone", "value": "1", "position": "2"}}},
        {"name": "Ada", "details": {"k1": {"kind": "phone", "value": "1"}}},
    ),
}


@pytest.mark.parametrize(("data", "held"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_a_value_that_can_not_be_held_costs_its_cell_and_not_the_record(
    data: dict[str, Any], held: dict[str, Any], device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    a = pulled(device("a"), row(data=data))
    assert shown(a, ADA) == held
    assert "Grace" in names(a)
    assert [ADA in line for line in caplog.messages] == [True]


SAID = {
    "no name": {"name": "", "phone": "1"},
    "a name of spaces": {"name": "  "},
    "a name without end": {"name": "x" * 10_000},
    "a date in words": {"name": "Ada", "birthday": "in spring"},
    "a kind of a newer version": {"name": "Ada", "details": {"k1": {"kind": "gift", "value": "@ada"}}},
    "a kind that is longer than any": {"name": "Ada", "details": {"k1": {"kind": "k" * 500}}},
    "a position beyond ours": {"name": "Ada", "details": {"k1": {"kind": "phone", "position": 2**40}}},
    "a detail of no kind": {"name": "Ada", "details": {"k1": {"kind": "", "value": "1"}}},
    "an address with a long street": {
        "name": "Ada",
        "details": {"k1": {"kind": "address", "street": "x" * 501, "city": "Rome"}},
    },
    "very many details": {"name": "Ada", "details": {f"k{number}": {"kind": "phone"} for number in range(1000)}},
}


@pytest.mark.parametrize("data", SAID.values(), ids=SAID)
def test_what_a_newer_server_says_is_held_and_shown_though_nobody_could_type_it(
    data: dict[str, Any], device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    a = pulled(device("a"), row(data=data))
    assert shown(a, ADA) == data
    assert caplog.messages == []
    a.contacts.add(name="Mine")  # a snapshot, and an edit beside it, leave it there
    a.connection.execute("UPDATE sync_state SET cursor = NULL")
    wire(a).steps = [says(ok(GOOD | {"changes": [row(data=data)]})), lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert shown(a, ADA) == data


@pytest.mark.parametrize("data", SAID.values(), ids=SAID)
def test_an_edit_over_what_a_newer_server_says_shows_and_is_not_parked(data: dict[str, Any], device: Device) -> None:
    a = pulled(device("a"), row(data=data))
    a.contacts.update(ADA, phone="2")
    a.connection.execute("UPDATE contact_details SET label = 'Home', city = city || '!' WHERE entry_id = 'k1'")
    record = shown(a, ADA)
    wire(a).steps = [says(ok(GOOD | {"since": "e1.5", "changes": [row(data=data, seq=START + 1)], "cursor": "e1.6"}))]
    wire(a).steps += [says(ok(GOOD | {"since": "e1.6", "cursor": "e1.6"}))] * 20
    with pytest.raises(ServerFault, match="neither takes"):
        a.sync()
    assert a.parked() == []
    assert shown(a, ADA) == record


def pulled(a: Replica, odd: dict[str, Any]) -> Replica:
    """``a`` after a sync that brought one odd row, and one that is not."""
    good = row(record_id="5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e02", data={"name": "Grace"})
    wire(a).steps = [says(ok(GOOD | {"changes": [odd, good]}))]
    a.sync()
    return a


def names(a: Replica) -> list[str]:
    return [one["name"] for one in a.contacts.list()]


def shown(a: Replica, record_id: str) -> dict[str, Any]:
    """What a contact holds, its times and what is empty left out; its name in any case."""
    found = {name: value for name, value in a.contacts.get(record_id).items() if name not in TIMES and value}
    return {"name": "", **found}


TIMES = ("id", "created_at", "updated_at")


def test_cells_that_this_replica_does_not_know_are_left_alone(device: Device) -> None:
    """A newer server has more fields: this device shows what it knows, and sends only what it changed."""
    a = device("a")
    data = {"name": "Ada", "shoe_size": 37, "details": {"k1": {"kind": "phone", "value": "1", "carrier": "GPO"}}}
    wire(a).steps = [says(ok(GOOD | {"changes": [row(data=data)]}))]
    a.sync()
    assert a.contacts.get(ADA)["details"] == {"k1": {"kind": "phone", "value": "1"}}


def test_times_that_are_none_are_made_from_the_seq(device: Device) -> None:
    a = device("a")
    data = {"name": "Ada", "created_at": "'); --", "updated_at": 5}
    wire(a).steps = [says(ok(GOOD | {"changes": [row(data=data)]}))]
    a.sync()
    found = a.contacts.get(ADA)
    assert found["created_at"] == found["updated_at"] == "2026-11-18T11:06:40.000000Z"


def test_a_record_that_comes_twice_in_a_page_ends_as_the_newer_one(device: Device) -> None:
    a = device("a")
    rows = [row(seq=START + 1, data={"name": "New"}), row(data={"name": "Old"})]
    wire(a).steps = [says(ok(GOOD | {"changes": rows}))]
    a.sync()
    assert a.contacts.get(ADA)["name"] == "New"


def test_verdicts_on_changes_that_were_not_sent_count_for_nothing(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    a.contacts.add(name="Ada")
    results = [{"id": ADA, "verdict": "applied", "seq": 1}, {"id": "x" * 10_000, "verdict": "rejected", "seq": None}]
    wire(a).steps = [says(ok(GOOD | {"since": "nowhere", "results": results}))] * 10
    with pytest.raises(ServerFault, match="neither takes"):
        a.sync()
    assert (a.status().pending, a.parked()) == (1, [])


def test_a_server_that_always_has_more_does_not_hold_a_sync_for_ever(device: Device) -> None:
    a = device("a")
    wire(a).steps += [says(ok(GOOD | {"cursor": "e1.5"}))] + [says(ok(GOOD | {"since": "e1.5", "more": True}))] * 50
    a.sync()
    with pytest.raises(ServerFault):
        a.sync()


def endless(**page: Any) -> Iterator[Step]:
    """Answers that each name another cursor, and that there is more."""
    cursors = (f"e1.{number}" for number in count(6))
    cursor = "e1.5"
    while True:
        before, cursor = cursor, next(cursors)
        yield says(ok(GOOD | {"since": before, "cursor": cursor, "more": True} | page))


def begun(device: Device) -> Replica:
    a = device("a")
    wire(a).steps = [says(ok(GOOD))]
    a.sync()
    return a


def test_ever_new_cursors_with_nothing_behind_them_end(device: Device) -> None:
    a = begun(device)
    wire(a).steps = list(islice(endless(), 100))
    with pytest.raises(ServerFault, match="nor says what is new"):
        a.sync()
    assert len(wire(a).steps) == 95


@pytest.mark.parametrize("rows", [[row(seq=0)], [row(table="boats")]], ids=["the same row", "rows of an unknown table"])
def test_ever_new_cursors_with_nothing_new_end_in_time(
    rows: list[dict[str, Any]], device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = begun(device)
    wire(a).steps = [says(ok(GOOD | {"since": "e1.5", "changes": [row()]}))]
    a.sync()
    monkeypatch.setattr(loop, "IDLE_SECONDS_MAX", 0.2)
    answers = endless(changes=rows)
    wire(a).steps = [lambda body, server: next(answers)(body, server)] * 100_000
    with pytest.raises(ServerFault, match="nor says what is new"):
        a.sync()


def test_refusals_that_lead_nowhere_end_in_time(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    a = begun(device)
    with a.transaction():
        for number in range(1_000):
            a.contacts.add(name=str(number))
    monkeypatch.setattr(loop, "IDLE_SECONDS_MAX", 0.0)
    wire(a).steps = [says(problem(400, "odd", "Odd."))] * 20
    with pytest.raises(ServerFault, match="nor says what is new"):
        a.sync()
    assert (len(wire(a).steps), a.status().pending) == (19, 1_000)


def test_pages_of_what_this_version_can_not_hold_are_passed_over(device: Device) -> None:
    """A newer server has other tables: a device that does not know them comes to its own records behind them."""
    a = begun(device)
    wire(a).steps = [*islice(endless(changes=[row(table="boats")]), 50), says(ok(GOOD | {"since": "e1.55"}))]
    a.sync()
    assert wire(a).steps == []


def test_a_plan_ends_though_the_server_always_has_more(device: Device) -> None:
    a = begun(device)
    wire(a).steps = list(islice(endless(), 100))
    with pytest.raises(ServerFault, match="does not tell it"):
        a.plan()
    assert len(wire(a).steps) == 99


@pytest.mark.parametrize("changes", [[], [PAST]], ids=["nothing", "the same change"])
def test_a_history_ends_though_the_server_always_has_more(changes: list[Any], device: Device) -> None:
    a = begun(device)
    wire(a).steps = [says(ok({"changes": changes, "next": 5}))] * 50
    with pytest.raises(ServerFault, match="has no end"):
        a.history(ADA)
    assert len(wire(a).steps) >= 48


def test_a_history_that_is_not_there_is_told_by_the_server_itself(device: Device) -> None:
    a = begun(device)
    wire(a).steps = [says(Response(404, {}, b"<html>")), says(problem(404, "not_found", "No such record."))]
    with pytest.raises(NotOffbook, match="no offbook server"):
        a.history(ADA)
    with pytest.raises(NotFound):
        a.history(ADA)


def test_a_server_that_never_serves_a_cursor_does_not_hold_a_sync_for_ever(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    gone = problem(410, "cursor_gone", "Gone.", reason="epoch", kept=0, book=BOOK)
    wire(a).steps = [says(gone), None, says(gone), None] * 20
    with pytest.raises(ServerFault, match="does not let"):
        for _ in range(20):
            a.contacts.add(name="Ada")
            a.sync()


@pytest.mark.parametrize("more", [{"reason": "odd", "kept": 0}, {"reason": "epoch"}, {"reason": "epoch", "kept": "x"}])
def test_a_410_that_says_too_little_changes_nothing(more: dict[str, Any], device: Device, server: Server) -> None:
    a = device("a")
    a.contacts.add(name="Ada")
    a.sync()
    wire(a).steps = [says(problem(410, "cursor_gone", "Gone.", book=BOOK, **more))]
    before = everything(a)
    with pytest.raises(ServerFault):
        a.sync()
    assert everything(a) == before


def catch_up(a: Replica) -> None:
    """Sync with a file that a version pulled to which knew less."""
    a.connection.execute("UPDATE sync_state SET knew = '[]', knew_at = cursor")
    a.sync()


ASKS: dict[str, Callable[[Replica], object]] = {
    "a sync, before its first page": catch_up,
    "a comparison": Replica.verify,
    "a history": lambda a: a.history(ADA),
    "batches": Replica.batches,
}


@pytest.mark.parametrize("asks", ASKS)
def test_a_410_to_what_names_no_cursor_is_the_servers_fault(asks: str, device: Device) -> None:
    a = begun(device)
    gone = says(problem(410, "cursor_gone", "Gone.", reason="epoch", kept=0, book=BOOK))
    wire(a).steps, wire(a).asked = [gone], [gone]
    if asks == "a comparison":  # which syncs first
        wire(a).steps = []
    rows = everything(a)[:-1]
    with pytest.raises(ServerFault):
        ASKS[asks](a)
    assert everything(a)[:-1] == rows


def test_a_410_to_the_question_about_tables_is_the_servers_fault(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    server.grow(Table("boats", (Field("name"),)))
    wire(a).steps = [None, says(problem(410, "cursor_gone", "Gone.", reason="epoch", kept=0, book=BOOK))]
    with pytest.raises(ServerFault):
        a.sync()


def test_a_reason_that_is_no_text_is_shown_as_far_as_it_can_be(device: Device, server: Server) -> None:
    a = device("a", transport=Wire(server))
    a.sync()
    a.contacts.add(name="Ada")

    def rejects(body: bytes, server: Server) -> Response:
        (change,) = json.loads(body)["changes"]
        detail = "\ud800" + "x" * 5_000 + "\0"
        result = {"id": change["id"], "verdict": "rejected", "seq": None, "code": ["?"], "detail": detail}
        return ok(GOOD | {"since": "nowhere", "results": [result]})

    wire(a).steps = [rejects]
    a.sync()
    (parked,) = a.parked()
    assert (parked.code, len(parked.detail)) == ("rejected", 1_000)
