"""Networks and servers on a bad day: nothing that was typed is lost, doubled or stuck."""

from __future__ import annotations

import json
from email.utils import formatdate

import pytest

from offbook import NotAuthorized, NotOffbook, Offline, OtherBook, Refused, Response, ServerFault, SyncError
from offbook.core.protocol.requests import CHANGES_MAX
from tests.device.conftest import Device
from tests.device.fake_server import (
    BOOK,
    Clock,
    Server,
    Step,
    doubled,
    everything,
    lost_answer,
    lost_request,
    problem,
    says,
    wire,
)

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"


# --- lost and doubled ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [lost_request, lost_answer])
def test_what_was_lost_on_the_way_is_sent_again(step: Step, device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada", details=[{"kind": "phone", "value": "1"}])
    a.contacts.update(ada, phone="2")
    wire(a).steps = [step]
    with pytest.raises(Offline):
        a.sync()
    assert a.status().pending == 2
    assert a.contacts.get(ada)["phone"] == "2"
    a.sync()
    assert a.status().pending == 0
    assert len(server.contacts) == 1
    assert len(server.shelf.history("contacts", ada)) == 2


def test_a_change_is_sent_again_just_as_it_was(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    a.contacts.update(ada, phone="1")
    wire(a).steps = [lost_answer]
    with pytest.raises(Offline):
        a.sync()
    (first,) = server.requests[-1]["changes"]
    b.sync()
    b.contacts.update(ada, phone="2")
    b.sync()
    a.contacts.update(ada, phone="3")
    server.requests.clear()
    a.sync()
    (again, later) = server.requests[0]["changes"]
    assert again == first
    assert later["data"] == {"phone": "3"}


def test_a_request_that_arrives_twice_has_one_effect(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    wire(a).steps = [doubled]
    ada = a.contacts.add(name="Ada")
    assert a.sync().pushed == 1
    assert len(server.shelf.history("contacts", ada)) == 1


def test_an_edit_made_while_the_push_was_on_its_way_stays_pending(device: Device, server: Server) -> None:
    a = device("a")
    ada = a.contacts.add(name="Ada")
    a.sync()

    def types(body: bytes, server: Server) -> Response:
        a.contacts.update(ada, phone="2")
        return server.answer(body)

    a.contacts.update(ada, phone="1")
    wire(a).steps = [types]
    a.sync()
    assert (a.status().pending, a.contacts.get(ada)["phone"]) == (1, "2")
    a.sync()
    assert (a.status().pending, server.contacts[ada]["phone"]) == (0, "2")


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, NotAuthorized), (403, NotAuthorized), (408, SyncError), (429, SyncError), (500, ServerFault)]
    + [(502, ServerFault), (503, SyncError)],
)
def test_a_server_that_refuses_for_now_pauses_the_queue_and_drops_nothing(
    status: int, error: type[SyncError], device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada")
    refusal = problem(status, "not_now", "Not now.")
    wire(a).steps = [says(Response(status, {"Retry-After": "7"}, refusal.body))]
    before = everything(a)
    with pytest.raises(error, match=r"Not now\.") as caught:
        a.sync()
    assert (type(caught.value), caught.value.retry_after_seconds) == (error, 7)
    assert everything(a) == before
    a.sync()
    assert server.contacts.keys() == {ada}


FOREIGN = {
    "a page": b"<html>Forbidden</html>",
    "nothing": b"",
    "another API's JSON": b'{"message": "Forbidden"}',
    "a code without a status": b'{"code": "AccessDenied", "detail": "No."}',
    "the problem of another status": b'{"status": 400, "code": "not_authorized", "detail": "No."}',
    "a problem of an unknown form": b'{"status": 403, "code": 403, "detail": "No."}',
    "a list": b"[]",
    "nesting without end": b"[" * 100_000,
}


@pytest.mark.parametrize("body", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_that_is_not_offbooks_own_says_nothing_about_the_token(
    status: int, body: bytes, device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada")
    wire(a).steps = [says(Response(status, {"Retry-After": "7"}, body, "https://example.org/sync"))] * 3
    before = everything(a)
    with pytest.raises(
        NotOffbook, match=rf"^https://example\.org/sync answered {status} .*need not be replaced"
    ) as caught:
        a.sync()
    assert caught.value.retry_after_seconds == 7
    assert everything(a) == before
    wire(a).steps = []
    a.sync()
    assert server.contacts.keys() == {ada}


@pytest.mark.parametrize(
    ("status", "headers", "body", "words"),
    [
        (301, {"Location": "https://me:pw@new.example/sync?token=x"}, b"", "elsewhere to https://new.example/sync, "),
        (302, {"Location": "http://login.example/"}, b"<html>", "sign-in"),
        (307, {}, b"", "sends elsewhere, where"),
        (404, {}, b"not here", "404 Not Found.*no offbook server at this address"),
        (405, {}, b"", "no offbook server at this address"),
        (407, {}, b"", "proxy wants a sign-in"),
        (411, {}, b"", "411 Length Required.*proxy on the way"),
        (413, {}, b"<html>", "413 .*its limit should be 16 MiB"),
        (502, {}, b"<html>", "502 Bad Gateway.*does not reach it"),
        (504, {}, b"", "proxy in front of the server"),
        (299, {}, b"", "299, and not as offbook does"),
        (204, {}, b"", "no answer of an offbook server"),
        (200, {}, b"\n<!doctype html><h1>Welcome to our Wi-Fi", "open a page in a browser"),
        (200, {}, b"OK", "no answer of an offbook server"),
        (599, {}, b"", "599, and not as offbook does"),
    ],
)
def test_an_answer_of_somebody_else_is_told_with_where_it_came_from_and_what_to_do(
    status: int, headers: dict[str, str], body: bytes, words: str, device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    a.contacts.add(name="Ada")
    wire(a).steps = [says(Response(status, headers, body, "https://example.org/sync"))] * 3
    before = everything(a)
    with pytest.raises(NotOffbook, match=f"(?s)^https://example.org/sync answered (?={status}).*{words}"):
        a.sync()
    assert everything(a) == before


def test_a_server_with_another_book_gets_nothing_and_gives_nothing(device: Device, server: Server) -> None:
    a = device("a")
    a.contacts.add(name="Ada")
    a.sync()
    a.contacts.add(name="Eve")
    other = Server(uuid="b0000000-0000-4000-8000-000000000002")
    other.restore(other.shelf, "another")
    wire(a).server = other
    before = everything(a)
    with pytest.raises(OtherBook, match="another book"):
        a.sync()
    assert everything(a) == before
    assert other.contacts == {}


def test_nothing_is_sent_before_the_book_is_known(device: Device, server: Server) -> None:
    a = device("a")
    a.contacts.add(name="Ada")
    a.sync()
    first, second = server.requests
    assert (first["changes"], first["since"]) == ([], None)
    assert second["since"] is not None


def picky(bad: set[str], status: int = 400) -> Step:
    """A server that refuses whole each request that holds one of these names."""

    def answer(body: bytes, server: Server) -> Response:
        names = {(change.get("data") or {}).get("name") for change in json.loads(body)["changes"]}
        return problem(status, "too_odd", "This can't be read.") if names & bad else server.answer(body)

    return answer


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_batch_that_is_refused_whole_is_halved_down_to_the_culprits(
    status: int, device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    for number in range(40):
        a.contacts.add(name=str(number))
    wire(a).steps = [picky({"7", "31"}, status)] * 100
    report = a.sync()
    assert (report.pushed, report.parked) == (38, 2)
    assert [(parked.code, parked.record and parked.record["name"]) for parked in a.parked()] == [
        ("too_odd", "7"),
        ("too_odd", "31"),
    ]
    assert len(server.contacts) == 38


def test_an_address_that_refuses_everything_parks_nothing(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    a.contacts.add(name="Ada")
    wire(a).steps = [says(Response(404, {}, b"not here"))] * 5
    with pytest.raises(NotOffbook):
        a.sync()
    wire(a).steps = [says(problem(404, "not_found", "There is nothing at this address."))] * 5
    with pytest.raises(Refused):
        a.sync()
    assert (a.status().pending, a.parked()) == (1, [])


def by_a_proxy(status: int, names: set[str], body: bytes = b"<html>") -> Step:
    """A proxy that refuses each request that holds one of these names, and passes the others on."""

    def answer(sent: bytes, server: Server) -> Response:
        held = {(change.get("data") or {}).get("name") for change in json.loads(sent)["changes"]}
        return Response(status, {}, body) if held & names else server.answer(sent)

    return answer


@pytest.mark.parametrize("status", [403, 413])
def test_a_change_that_a_proxy_never_passes_on_holds_up_no_other(status: int, device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    for number in range(8):
        a.contacts.add(name=str(number))
    wire(a).steps = [by_a_proxy(status, {"5"})] * 100
    report = a.sync()
    assert (report.pushed, report.parked) == (7, 1)
    (parked,) = a.parked()
    assert (parked.code, parked.record and parked.record["name"]) == (f"http_{status}", "5")


@pytest.mark.parametrize("status", [403, 413])
def test_a_proxy_that_refuses_now_and_then_gets_nothing_parked(status: int, device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    a.contacts.add(name="Ada")
    wire(a).steps = [by_a_proxy(status, {"Ada"})]
    assert a.sync().pushed == 1
    assert a.parked() == []


def test_a_cursor_that_is_gone_while_a_refused_change_is_looked_for_is_begun_anew(
    device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    a.contacts.add(name="Ada")
    gone = problem(410, "cursor_gone", "Gone.", reason="epoch", kept=0, book=BOOK)
    wire(a).steps = [picky({"Ada"}), says(gone)]
    assert a.sync().pushed == 1


# --- what can't be sent --------------------------------------------------------------------------------------------


def test_what_can_not_be_sent_is_parked_at_once_and_the_rest_goes_on(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    good = a.contacts.add(name="Good")
    execute = a.connection.execute
    execute("INSERT INTO contacts(name) VALUES (CAST(x'ff' AS TEXT))")
    execute("INSERT INTO contacts(id, name) VALUES (CAST(x'ff' AS TEXT), 'no id')")
    execute("INSERT INTO contacts(id, name) VALUES ('one', 'no UUID')")
    execute("INSERT INTO contacts(id, name) VALUES (?, 'capitals')", (ADA.upper(),))
    execute("INSERT INTO contacts(name, starred) VALUES ('no flag', 9e999)")
    execute("UPDATE contacts SET notes = ? WHERE id = ?", ("x" * 30_000, good))
    execute("INSERT INTO change_log(table_name, record_id, operation) VALUES ('boats', 'b1', 'SINK')")
    report = a.sync()
    assert (report.pushed, report.parked) == (1, 7)
    assert [parked.code for parked in a.parked()] == [
        *("bad_text", "bad_id", "bad_id", "bad_id", "wrong_type", "too_long", "unknown_table"),
    ]
    assert a.contacts.get(good)["notes"] is None
    assert a.contacts.count() == 6  # the rows of parked INSERTs stay
    assert server.contacts.keys() == {good}
    for parked in a.parked():
        a.drop(parked.change_id)
    assert server.requests[-1]["parked"] == {} or a.sync()
    assert a.parked() == []


ADA_AS_SENT = {"name": "Ada", "given_name": "Ada", "phone": "1"}


def test_an_insert_that_can_not_be_sent_takes_in_the_edit_that_mends_it(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    a.connection.execute("INSERT INTO contacts(id, name, phone) VALUES (?, char(65, 0), '1')", (ADA,))
    a.sync()
    a.connection.execute("UPDATE contacts SET name = 'Ada' WHERE id = ?", (ADA,))
    a.sync()
    (parked,) = a.parked()
    assert parked.code == "bad_text"
    assert {name: value for name, value in (parked.data or {}).items() if value} == ADA_AS_SENT
    a.retry(parked.change_id)
    a.sync()
    assert server.contacts == {ADA: ADA_AS_SENT}


def test_a_name_that_is_typed_over_an_insert_that_can_not_be_sent_brings_its_parts(
    device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    a.contacts.add(name="Ada King", notes="x" * 19_999)
    a.connection.execute("UPDATE contacts SET notes = notes || 'xx'")
    a.sync()
    a.connection.execute("UPDATE contacts SET name = 'Bea Byron'")
    a.sync()
    (parked,) = a.parked()
    a.retry(parked.change_id, notes=None)
    a.sync()
    assert list(server.contacts.values()) == [{"name": "Bea Byron", "given_name": "Bea", "family_name": "Byron"}]


def test_long_queues_go_out_in_batches_of_a_thousand_and_of_few_bytes(device: Device, server: Server) -> None:
    a = device("a")
    with a.transaction():
        for number in range(CHANGES_MAX + 1):
            a.contacts.add(name=str(number))
        for number in range(300):
            a.contacts.add(name=str(number), notes="x" * 19_000)
    assert a.sync().pushed == CHANGES_MAX + 301
    sizes = [len(request["changes"]) for request in server.requests if request["changes"]]
    assert sizes[0] == CHANGES_MAX
    assert max(len(json.dumps(request)) for request in server.requests) < 5_000_000


# --- the clock -----------------------------------------------------------------------------------------------------


def dated(body: bytes, server: Server) -> Response:
    """An answer with the server's time in it, as HTTP has it."""
    answer = server.answer(body)
    return Response(answer.status, {"date": formatdate(server.now / 1_000_000, usegmt=True)}, answer.body)


def test_the_offset_of_the_clocks_is_known_from_the_servers_date(device: Device, server: Server) -> None:
    a = device("a", clock=Clock())
    server.now += 3_600 * 1_000_000
    wire(a).steps = [dated]
    a.sync()
    assert a.status().clock_offset_ms == 3_601_500
    assert server.requests[0]["sent_at"] == "2026-11-18T11:06:40.000Z"


def test_the_clock_of_a_proxy_is_not_the_servers(device: Device, server: Server) -> None:
    """By a clock that is years ahead this device would forget what it sent."""
    a = device("a", clock=Clock())
    a.contacts.add(name="Ada")
    wire(a).steps = [dated, dated]
    a.sync()
    known = a.status().clock_offset_ms
    for status in (200, 403, 503):
        wire(a).steps = [says(Response(status, {"Date": "Fri, 01 Jan 2038 00:00:00 GMT"}, b"<html>"))]
        with pytest.raises(NotOffbook):
            a.sync()
        assert a.status().clock_offset_ms == known


DAY_MS = 24 * 3_600_000
LINES = "SELECT count(*) FROM change_log"


def test_acknowledged_lines_are_kept_for_thirty_days(device: Device, server: Server) -> None:
    clock = Clock()
    a = device("a", clock=clock)
    a.contacts.add(name="Ada")
    for days, left in ((0, 1), (29, 1), (2, 0)):
        clock.ms += days * DAY_MS
        server.now += days * DAY_MS * 1000
        wire(a).steps = [dated]
        a.sync()
        assert a.connection.execute(LINES).fetchone() == (left,)
    a.contacts.add(name="Grace")
    wire(a).steps = [lost_request]
    clock.ms += 100 * DAY_MS
    with pytest.raises(Offline):
        a.sync()
    assert a.status().pending == 1


def test_a_clock_that_jumps_years_ahead_makes_no_device_forget_what_it_sent(device: Device, server: Server) -> None:
    clock = Clock()
    a = device("a", clock=clock)
    a.contacts.add(name="Ada")
    wire(a).steps = [dated]
    a.sync()
    clock.ms += 3_653 * DAY_MS
    wire(a).steps = [dated]
    a.sync()
    assert a.connection.execute(LINES).fetchone() == (1,)
