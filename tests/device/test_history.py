"""The history from a device: read at the server, and given back by an ordinary change of the device's own."""

from __future__ import annotations

from typing import Any

import pytest

from offbook import Invalid, NotFound, Offline, Replica, ServerFault
from offbook.database.local_changes import change_log
from tests.device.conftest import Device
from tests.device.fake_server import Server, lost_request, ok, says, wire


@pytest.fixture
def ada(a: Replica) -> str:
    """A contact whose phone number was 1, then 2; and that has a company since."""
    ada = a.contacts.add(name="Ada", phone="1", details={"k1": {"kind": "url", "value": "x"}})
    a.sync()
    a.contacts.update(ada, phone="2")
    a.sync()
    a.contacts.update(ada, company="C", details={"k1": None})
    a.sync()
    return ada


def shows(replica: Replica, record_id: str) -> tuple[Any, ...]:
    contact = replica.contacts.get(record_id)
    return contact["phone"], contact["company"], len(contact["details"])


def test_the_history_tells_every_change_the_newest_first(a: Replica, ada: str, server: Server) -> None:
    server.page_max = 2
    last, edit, made = a.history(ada)
    assert (made.created, made.data["phone"]) == (True, "1")
    assert (edit.before, edit.data, edit.created) == ({"phone": "1"}, {"phone": "2"}, False)
    assert last.before["details/k1/@exists"] is True


def test_what_lost_is_told_with_what_won_over_it(a: Replica, ada: str, device: Device) -> None:
    b = device("b")
    b.sync()
    b.contacts.update(ada, phone="b")
    a.contacts.update(ada, phone="a")
    a.sync()
    b.sync()
    newest = b.history(ada)
    losers = [past for past in newest if past.beaten]
    if losers:
        assert losers[0].beaten[0].cell == "phone"
    else:
        assert newest[0].verdict == "merged"


def test_a_value_that_was_replaced_is_given_back_by_an_edit(a: Replica, ada: str, device: Device) -> None:
    edit = a.history(ada)[1]
    made = a.restore(edit.id)
    assert shows(a, ada) == ("1", "C", 0)
    (line,) = change_log.pending_lines(a.connection)
    assert (line.change_id, line.data) == (made, {"phone": "1"})
    a.sync()
    assert a.history(ada)[0].before == {"phone": "2"}, "itself in the history"
    b = device("b")
    b.sync()
    assert shows(b, ada) == ("1", "C", 0)


def test_some_cells_or_the_values_after_are_given_back_too(a: Replica, ada: str) -> None:
    last, edit, made = a.history(ada)
    assert a.restore(last.id, ada, ["details/k1/@exists"]) is not None
    assert shows(a, ada) == ("2", "C", 1)
    a.restore(made.id, ada, ["phone"], to="after")
    assert shows(a, ada) == ("1", "C", 1)
    assert a.restore(made.id, ada, ["phone"], to="after") is None, "it is so already"


def test_a_whole_contact_becomes_what_it_was_with_unsent_edits_undone(a: Replica, ada: str) -> None:
    a.contacts.update(ada, email="typed@example.org")
    made = a.history(ada)[-1]
    a.restore_version(ada, made.id)
    assert shows(a, ada) == ("1", None, 1)
    assert a.contacts.get(ada)["email"] is None
    a.sync()
    assert shows(a, ada) == ("1", None, 1)


def test_a_deleted_contact_comes_back_with_all_that_it_had(a: Replica, ada: str, device: Device) -> None:
    a.contacts.delete(ada)
    a.sync()
    gone = a.history(ada)[0]
    assert gone.operation == "DELETE"
    a.restore(gone.id, ada)
    a.sync()
    assert shows(a, ada) == ("2", "C", 0)
    b = device("b")
    b.sync()
    assert shows(b, ada) == ("2", "C", 0)
    b.restore(gone.id, ada, to="after")
    with pytest.raises(NotFound):
        b.contacts.get(ada)


def test_what_another_device_did_after_this_ones_last_sync_can_be_given_back(
    a: Replica, ada: str, device: Device
) -> None:
    b = device("b")
    b.sync()
    b.contacts.update(ada, phone="3")
    b.sync()
    b.contacts.update(ada, phone="4")
    b.sync()
    third = a.history(ada)[1]
    with pytest.raises(NotFound, match="did not make that change"):
        a.restore(third.id)
    a.restore_version(ada, third.id)
    assert shows(a, ada) == ("3", "C", 0)


def test_a_thinned_history_gives_back_what_it_still_knows(a: Replica, ada: str, server: Server) -> None:
    server.prune()
    a.contacts.update(ada, phone="3")
    a.sync()
    a.contacts.update(ada, phone="4")
    a.sync()
    third = a.history(ada)[1]
    a.restore_version(ada, third.id)
    assert shows(a, ada) == ("3", "C", 0)


def test_what_can_not_be_given_back_says_why(a: Replica, ada: str) -> None:
    edit = a.history(ada)[1]
    for cells, to in ((["email"], "before"), (None, "never")):
        with pytest.raises(Invalid):
            a.restore(edit.id, ada, cells, to)
    with pytest.raises(NotFound):
        a.restore("nope", ada)
    with pytest.raises(NotFound):
        a.history("00000000-0000-4000-8000-000000000000")
    assert a.status().pending == 0


def test_without_a_network_there_is_no_history(a: Replica, ada: str) -> None:
    wire(a).steps = [lost_request]
    with pytest.raises(Offline):
        a.history(ada)


GOOD: dict[str, Any] = {
    "id": "c0000000-0000-4000-8000-000000000001",
    "seq": 5,
    "at": "2026-11-20T17:00:00.000000Z",
    "operation": "UPDATE",
    "verdict": "applied",
}


@pytest.mark.parametrize(
    "lie",
    [
        {"id": "x"},
        {"seq": "5"},
        {"at": "soon"},
        {"verdict": "lovely"},
        {"verdict": []},
        {"base": -1},
        {"bases": {"phone": "x"}},
        {"beaten": ["x"]},
        {"beaten": [{"cell": "phone", "winner": {"change_id": 5}}]},
    ],
    ids=str,
)
def test_a_history_that_is_none_is_refused(a: Replica, ada: str, lie: dict[str, Any]) -> None:
    wire(a).steps = [says(ok({"changes": [GOOD | lie], "next": None}))]
    with pytest.raises(ServerFault):
        a.history(ada)


def test_a_history_without_an_end_is_refused(a: Replica, ada: str) -> None:
    wire(a).steps = [says(ok({"changes": [], "next": 1}))] * 200
    with pytest.raises(ServerFault, match="no end"):
        a.history(ada)


def test_values_that_this_device_can_not_hold_are_left_out(a: Replica, ada: str) -> None:
    odd = {"operation": "MOVE", "data": {"phone": 5, "no_such": 1, "email": "e" * 321}, "user": 5, "beaten": None}
    wire(a).steps = [says(ok({"changes": [GOOD | odd], "next": None}))]
    (past,) = a.history(ada)
    assert (past.operation, past.data, past.user) == (None, {"email": "e" * 321}, None)
