"""A server that went back to a backup: nothing that a device holds is missing, doubled, or back from the dead."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from offbook import Offline, Replica
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS
from offbook.database.local_changes import change_log
from offbook.live.session import LiveSession, Verdicts, message_of
from tests.device.conftest import Device
from tests.device.fake_server import SECOND, START, Server, Wire, lost_answer, lost_request, wire

EPOCHS = pytest.mark.parametrize("epoch", ["e2", None], ids=["by command", "by copying the file"])


def names(replica: Replica) -> list[str]:
    return [one["name"] for one in replica.contacts.list()]


def go_back(server: Server, backup: Any, epoch: str | None) -> None:
    server.restore(backup, epoch)
    server.kept = backup.book.seq


def sync_all(*replicas: Replica) -> None:
    for replica in (*replicas, *replicas):
        replica.sync()


@EPOCHS
def test_nothing_that_a_device_holds_is_missing_or_doubled(epoch: str | None, device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada")
    sync_all(a, b)
    backup = server.backup()
    b.contacts.update(ada, phone="1", details={"k1": {"kind": "url"}})
    b.contacts.add(name="Lost")
    a.contacts.update(ada, email="a@example.org")
    sync_all(a, b)
    b.contacts.update(ada, company="pending")
    go_back(server, backup, epoch)
    sync_all(a, b)
    for replica in (a, b):
        found = replica.contacts.get(ada)
        assert (found["phone"], found["email"], found["company"]) == ("1", "a@example.org", "pending")
        assert found["details"] == {"k1": {"kind": "url"}}
        assert names(replica) == ["Ada", "Lost"]
        assert (replica.status().pending, replica.parked()) == (0, [])
    assert len(server.contacts) == 2


@EPOCHS
def test_a_record_of_a_device_that_is_gone_is_brought_by_those_that_hold_it(
    epoch: str | None, device: Device, server: Server
) -> None:
    """They send it under one id, so that it is there once; and their own edits of it after it."""
    a, b, gone = device("a"), device("b"), device("gone")
    sync_all(a, b, gone)
    backup = server.backup()
    ada = gone.contacts.add(name="Ada", phone="1", details={"k1": {"kind": "url", "value": "x"}})
    gone.sync()
    sync_all(a, b)
    a.contacts.update(ada, email="a@example.org")
    sync_all(a, b)
    b.contacts.update(ada, phone="2")
    go_back(server, backup, epoch)
    sync_all(a, b)
    (cells,) = server.contacts.values()
    assert (cells["name"], cells["phone"], cells["email"]) == ("Ada", "2", "a@example.org")
    assert a.contacts.list() == b.contacts.list()
    assert a.parked() == b.parked() == []


@EPOCHS
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_was_deleted_does_not_come_back(epoch: str | None, order: str, device: Device, server: Server) -> None:
    devices = {"a": device("a"), "b": device("b")}
    a, b = devices["a"], devices["b"]
    old = a.contacts.add(name="Old", details={"k1": {"kind": "url"}, "k2": {"kind": "url"}})
    kept = a.contacts.add(name="Kept", details={"k1": {"kind": "url"}})
    sync_all(a, b)
    backup = server.backup()
    new = a.contacts.add(name="New")
    a.contacts.update(old, phone="1")
    a.contacts.update(kept, details={"k1": {"label": "home"}})
    sync_all(a, b)
    b.contacts.delete(old)
    b.contacts.delete(new)
    b.contacts.update(kept, details={"k1": None})
    sync_all(a, b)
    go_back(server, backup, epoch)
    sync_all(*(devices[name] for name in order))
    assert names(a) == names(b) == ["Kept"]
    assert a.contacts.get(kept)["details"] == {}


@EPOCHS
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_waited_for_a_person_beside_a_deletion_waits_again(epoch: str | None, order: str, device: Device) -> None:
    """The deletion did not come after the edit: whoever deleted had not seen it."""
    server = Server(policy="ask")
    devices = {name: device(name, transport=Wire(server)) for name in "ab"}
    a, b = devices["a"], devices["b"]
    ada = a.contacts.add(name="Ada")
    sync_all(a, b)
    backup = server.backup()
    b.contacts.delete(ada)
    a.contacts.update(ada, phone="1")
    b.sync()
    assert a.sync().conflicts == 1
    go_back(server, backup, epoch)
    sync_all(*(devices[name] for name in order))
    assert [one["cell"] for one in a.conflicts()] == [one["cell"] for one in b.conflicts()] == [EXISTS]
    (one,) = a.conflicts()
    a.resolve(one["id"], "theirs" if order == "ba" else "ours")
    sync_all(a, b)
    assert server.contacts[ada]["phone"] == "1"


@EPOCHS
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_was_replaced_before_a_deletion_is_in_the_history_again(
    epoch: str | None, order: str, device: Device, server: Server
) -> None:
    """Who had not heard of the deletion holds an older row, and may bring the contact back with old values."""
    devices = {"a": device("a"), "b": device("b")}
    a, b = devices["a"], devices["b"]
    sync_all(a, b)
    backup = server.backup()
    ada = b.contacts.add(name="old", details={"k1": {"kind": "url", "value": "old"}})
    sync_all(b, a)
    b.contacts.update(ada, name="NEW", phone="NEWER")
    b.contacts.update(ada, details={"k1": {"value": "LATEST"}})
    b.contacts.delete(ada)
    b.sync()
    go_back(server, backup, epoch)
    for name in order:
        devices[name].sync()
    typed = [past.data for past in server.shelf.history("contacts", ada)]
    for value in ("NEW", "NEWER", "LATEST"):
        assert any(value in str(cells) for cells in typed)
    sync_all(a, b)
    assert a.contacts.list() == b.contacts.list()
    assert [(one.status().pending, one.parked()) for one in (a, b)] == [(0, [])] * 2


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_was_replaced_before_an_entrys_removal_is_in_the_history_again(
    order: str, device: Device, server: Server
) -> None:
    devices = {"a": device("a"), "b": device("b")}
    a, b = devices["a"], devices["b"]
    ada = b.contacts.add(name="Ada")
    sync_all(b, a)
    backup = server.backup()
    b.contacts.update(ada, details={"k1": {"kind": "url", "value": "old"}})
    sync_all(b, a)
    b.contacts.update(ada, details={"k1": {"value": "NEW"}})
    b.contacts.update(ada, details={"k1": None})
    b.sync()
    go_back(server, backup, "e2")
    for name in order:
        devices[name].sync()
    (told,) = [past for past in server.shelf.history("contacts", ada) if "NEW" in str(past.data)]
    assert told.verdict == "superseded"


def test_what_had_lost_is_in_the_history_again_and_shows_nowhere(device: Device, server: Server) -> None:
    """Also a value that would win by now: what it lost to comes from nobody any more."""
    a = device("a", clock=lambda: START // 1000 - 7_200_000)
    ada = a.contacts.add(name="Ada", phone="1")
    a.sync()
    backup = server.backup()
    a.contacts.update(ada, phone="lost")
    web(server, "UPDATE", ada, server.shelf.book.seq, phone="2")
    a.sync()
    go_back(server, backup, "e2")
    a.sync()
    assert server.contacts[ada]["phone"] == a.contacts.get(ada)["phone"] == "2"
    assert any("lost" in str(past.data) for past in server.shelf.history("contacts", ada))
    assert a.status().pending == 0


def history_of(server: Server, record_id: str) -> str:
    return str([past.data for past in server.shelf.history("contacts", record_id)])


@EPOCHS
def test_what_has_only_lost_since_the_backup_is_in_the_history_again(
    epoch: str | None, device: Device, server: Server
) -> None:
    """Nothing else moved the device's cursor: the record that its edit lost to is older than the backup."""
    a = device("a", clock=lambda: START // 1000 - 7_200_000)
    ada = a.contacts.add(name="Ada", phone="1")
    a.sync()
    a.contacts.update(ada, phone="lost")
    web(server, "UPDATE", ada, server.shelf.book.seq, phone="2")
    backup = server.backup()
    a.sync()
    server.restore(backup, epoch)
    assert "lost" not in history_of(server, ada)
    a.sync()
    assert "lost" in history_of(server, ada)
    assert server.contacts[ada]["phone"] == a.contacts.get(ada)["phone"] == "2"
    assert (a.status().pending, a.parked()) == (0, [])


def push_live(replica: Replica, server: Server) -> None:
    """Push over the live channel: the answer has no page, and none follows."""
    live = LiveSession(replica.connection, lambda: server.now // 1000)
    request = json.loads(live.push() or "")
    number, _ = request.pop("push"), request.pop("since")
    answer = json.loads(server.answer(json.dumps(request).encode()).body)
    verdicts = message_of(server.store.schema, json.dumps({"push": number, **answer}))
    assert isinstance(verdicts, Verdicts)
    live.apply_verdicts(verdicts)


def push_one_by_one(replica: Replica, server: Server) -> None:
    """Push over the live channel, each change by itself."""
    rows = replica.connection.execute("SELECT id FROM change_log WHERE synced = 0 ORDER BY id").fetchall()
    replica.connection.executemany("UPDATE change_log SET synced = 1 WHERE id = ?", rows)
    for row in rows:
        replica.connection.execute("UPDATE change_log SET synced = 0 WHERE id = ?", row)
        push_live(replica, server)


CUT_SHORT = """UPDATE change_log SET data = '{"details": {"k1": {"label": "home"}}}'
  WHERE id = (SELECT max(id) FROM change_log)"""
"""An edit of an entry that is not there, which only the server can know: it rejects it."""


def pull_a_part(replica: Replica, server: Server) -> None:
    """Sync, and be cut off before the cursor is where the answers are."""
    server.page_max = 1
    wire(replica).steps = [None, lost_request]
    with pytest.raises(Offline):
        replica.sync()
    server.page_max = 1000


@pytest.mark.parametrize("says_tables", [True, False], ids=["", "an older server"])
@pytest.mark.parametrize("go", [pull_a_part, push_live, push_one_by_one])
@pytest.mark.parametrize("last", ["an edit that lost", "an edit that changes nothing", "one that is rejected"])
def test_what_was_answered_ahead_of_the_cursor_is_missed_whatever_was_answered_last(
    last: str, go: Callable[[Replica, Server], None], says_tables: bool, device: Device, server: Server
) -> None:
    """The last answer names the row that it is about, and that is older than the backup."""
    server.says_tables = says_tables
    a, b = device("a", clock=lambda: START // 1000 - 7_200_000), device("b")
    ada, eve = a.contacts.add(name="Ada"), a.contacts.add(name="Eve", phone="1")
    sync_all(a, b)
    b.contacts.update(eve, phone="2")
    b.contacts.add(name="Grace")
    b.contacts.add(name="Mary")
    b.sync()
    backup = server.backup()
    a.contacts.update(ada, phone="taken")
    a.contacts.update(eve, phone="2" if last == "an edit that changes nothing" else "lost")
    if last == "one that is rejected":
        a.contacts.update(eve, details={"k1": {"kind": "url"}})
        a.connection.execute(CUT_SHORT)
    go(a, server)
    assert a.status().pending == 0
    assert len(a.parked()) == (last == "one that is rejected")
    server.restore(backup, None)
    assert "taken" not in history_of(server, ada)
    a.sync()
    assert "taken" in history_of(server, ada)
    assert ("lost" in history_of(server, eve)) == (last != "an edit that changes nothing")
    assert (server.contacts[ada]["phone"], server.contacts[eve]["phone"]) == ("taken", "2")
    sync_all(a, b)
    assert a.contacts.list() == b.contacts.list()
    assert a.status().pending == 0


def test_what_a_restored_server_was_sent_for_its_history_alone_is_missed_as_well(
    device: Device, server: Server
) -> None:
    a = device("a")
    a.sync()
    backup = server.backup()
    ada = a.contacts.add(name="Ada")
    a.contacts.delete(ada)
    a.sync()
    for _ in range(2):
        server.restore(backup, None)
        a.sync()
        assert "Ada" in history_of(server, ada)
    assert server.contacts == {}


def test_a_server_that_went_back_is_noticed_once(device: Device, server: Server) -> None:
    a = device("a", clock=lambda: START // 1000 - 7_200_000)
    ada = a.contacts.add(name="Ada", phone="1")
    a.sync()
    web(server, "UPDATE", ada, server.shelf.book.seq, phone="2")
    backup = server.backup()
    a.contacts.update(ada, phone="lost")
    push_live(a, server)
    server.restore(backup, None)
    a.sync()
    count = len(server.requests)
    a.sync()
    assert [request["since"] is None for request in server.requests[count:]] == [False]


def test_a_server_that_takes_nothing_for_the_history_alone_is_sent_nothing_of_the_kind(
    device: Device, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "takes_history", False)
    a = device("a")
    a.sync()
    backup = server.backup()
    ada = a.contacts.add(name="Ada")
    a.sync()
    a.contacts.delete(ada)
    a.sync()
    go_back(server, backup, "e2")
    a.sync()
    assert not any("history" in change for request in server.requests for change in request["changes"])
    assert (a.status().pending, a.parked(), server.contacts) == (0, [], {})


def test_an_old_value_does_not_ride_on_the_time_of_another_cells_edit(device: Device, server: Server) -> None:
    """The contact is younger than the backup, and who has an older row of it comes first. All clocks are right."""
    a, b = device("a"), device("b", clock=lambda: server.now // 1000)
    sync_all(a, b)
    backup = server.backup()
    ada = b.contacts.add(name="Ada", phone="old", details={"k1": {"kind": "url", "value": "old"}})
    sync_all(b, a)
    seen = server.shelf.book.seq
    server.now += SECOND
    b.contacts.update(ada, phone="NEW", email="loses", details={"k1": {"value": "NEW"}})
    server.now += SECOND
    web(server, "UPDATE", ada, seen, email="later")
    a.sync()
    b.sync()
    go_back(server, backup, "e2")
    sync_all(a, b)
    for replica in (a, b):
        found = replica.contacts.get(ada)
        assert (found["phone"], found["email"], found["details"]["k1"]["value"]) == ("NEW", "later", "NEW")
    first, *more = server.shelf.history("contacts", ada)
    assert (first.operation, first.data.get("phone"), "email" in first.data) == ("INSERT", "old", False)
    assert more[0].data == {"email": "later"}


def test_an_edit_by_a_slow_clock_during_the_snapshot_stands_against_what_it_replaced(
    device: Device, server: Server
) -> None:
    """Over an own edit, and over one that came from elsewhere: both are older, whatever the clock says."""
    hours_slow = {"ms": 0}
    a, b = device("a"), device("b", clock=lambda: server.now // 1000 - hours_slow["ms"])
    ada = b.contacts.add(name="Ada")
    sync_all(b, a)
    backup = server.backup()
    b.contacts.update(ada, phone="own")
    b.sync()
    web(server, "UPDATE", ada, server.shelf.book.seq, email="theirs")
    sync_all(b, a)
    go_back(server, backup, "e2")
    a.sync()

    def types(body: bytes, server: Server) -> Any:
        hours_slow["ms"] = 7_200_000
        b.contacts.update(ada, phone="typed", email="typed")
        return server.answer(body)

    wire(b).steps = [None, types]
    sync_all(b, a)
    for replica in (a, b):
        found = replica.contacts.get(ada)
        assert (found["phone"], found["email"]) == ("typed", "typed")


@pytest.mark.parametrize("policy", ["merge", "last-write-wins", "ask"])
@pytest.mark.parametrize("is_new", [True, False], ids=["a new record", "an edit"])
def test_what_was_typed_over_an_unanswered_change_stands_where_another_device_sends_that_again(
    is_new: bool, policy: str, device: Device
) -> None:
    """Who sends it again knows only when it came, a day later than it was typed."""
    server = Server(policy)
    day_ms = 86_400_000
    a = device("a", transport=Wire(server), clock=lambda: server.now // 1000 - day_ms)
    b = device("b", transport=Wire(server), clock=lambda: server.now // 1000)
    ada = a.contacts.add(name="Ada", phone="0")
    sync_all(a, b)
    backup = server.backup()
    a.contacts.add(name="Grace")
    sync_all(a, b)
    if is_new:
        ada = a.contacts.add(name="Ada", phone="1", details={"k1": {"kind": "url", "value": "1"}})
    else:
        a.contacts.update(ada, phone="1", details={"k1": {"kind": "url", "value": "1"}})
    wire(a).steps = [lost_answer]
    with pytest.raises(Offline):
        a.sync()
    b.sync()
    a.contacts.update(ada, phone="2", details={"k1": {"value": "2"}})
    if policy != "last-write-wins":  # there, it would be the later write of the whole record
        b.contacts.update(ada, email="b@example.org")
    go_back(server, backup, "e2")
    b.sync()
    sync_all(a, b)
    for replica in (a, b):
        contact = replica.contacts.get(ada)
        assert (contact["phone"], contact["details"]["k1"]["value"]) == ("2", "2")
        assert (contact["email"], replica.conflicts()) == (b.contacts.get(ada)["email"], [])
    assert (b.contacts.get(ada)["email"] is None) == (policy == "last-write-wins")


def test_a_change_that_the_backup_has_is_not_applied_twice(device: Device, server: Server) -> None:
    """The server can't tell how far it is what it was, so that the device sends all it has."""
    a = device("a")
    ada = a.contacts.add(name="Ada")
    a.contacts.update(ada, phone="1")
    a.sync()
    backup = server.backup()
    a.contacts.update(ada, phone="2")
    a.sync()
    server.restore(backup, "e2")
    server.kept = 0
    assert a.sync().pushed == 3
    assert len(server.shelf.history("contacts", ada)) == 3
    assert server.contacts[ada]["phone"] == "2"


def test_changes_go_out_again_under_their_ids_and_in_their_order(device: Device, server: Server) -> None:
    a = device("a")
    ada = a.contacts.add(name="Ada")
    a.sync()
    backup = server.backup()
    first = change_log.last_id(a.connection)
    a.contacts.update(ada, phone="1")
    a.contacts.update(ada, email="a@example.org")
    a.sync()
    a.contacts.update(ada, phone="2")
    later = a.connection.execute("SELECT change_id FROM change_log WHERE id > ? ORDER BY id", (first,))
    expected = [change_id for (change_id,) in later]
    go_back(server, backup, "e2")
    a.sync()
    (sent,) = [request["changes"] for request in server.requests[-2:] if request["changes"]]
    assert [change["id"] for change in sent] == expected
    assert server.contacts[ada]["phone"] == "2"


def rows_of(replica: Replica) -> list[Any]:
    """The log, what is known of the server, and the cursor."""
    tables = ("change_log", "server_rows", "contacts", "offbook_guard")
    cursor = replica.connection.execute("SELECT cursor, snapshot FROM sync_state").fetchall()
    return [cursor, *(replica.connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables)]


def test_a_rewind_that_is_cut_off_leaves_the_file_as_it_was(
    device: Device, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = device("a")
    a.sync()
    backup = server.backup()
    for name in ("Ada", "Bob"):
        a.contacts.add(name=name)
    a.sync()
    go_back(server, backup, "e2")
    before = rows_of(a)
    with monkeypatch.context() as patch:
        patch.setattr("offbook.database.known_cells.restart_pull", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            a.sync()
    assert rows_of(a) == before
    a.sync()
    assert len(server.contacts) == 2


def test_a_second_restore_in_the_middle_of_the_first_loses_nothing(device: Device, server: Server) -> None:
    server.page_max = 1
    a, gone = device("a"), device("gone")
    for name in ("One", "Two"):
        a.contacts.add(name=name)
    sync_all(a, gone)
    backup = server.backup()
    gone.contacts.add(name="Lost")
    sync_all(gone, a)
    go_back(server, backup, "e2")
    wire(a).steps = [None, None, lost_answer]
    with pytest.raises(Offline):
        a.sync()
    go_back(server, backup, "e3")
    a.sync()
    assert names(a) == ["Lost", "One", "Two"]
    assert len(server.contacts) == 3


@pytest.mark.parametrize("why", ["restored", "pruned"])
def test_a_restore_between_a_410_and_the_first_page_loses_nothing(why: str, device: Device, server: Server) -> None:
    """Only the cursor that the device gives up tells that the server was restored, perhaps once more."""
    a, gone = device("a"), device("gone")
    gone.contacts.add(name="One")
    gone.sync()
    oldest = server.backup()
    gone.contacts.add(name="Two")
    gone.sync()
    backup = server.backup()
    a.sync()
    gone.contacts.delete(gone.contacts.add(name="Three"))
    gone.sync()
    if why == "restored":
        a.sync()
        go_back(server, backup, "e2")
    else:
        server.prune()
    wire(a).steps = [None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    go_back(server, oldest, "e3")
    a.sync()
    assert names(a) == ["One", "Two"]
    assert len(server.contacts) == 2


def test_what_is_typed_during_the_snapshot_is_sent_after_it(device: Device, server: Server) -> None:
    a, gone = device("a"), device("gone")
    ada = a.contacts.add(name="Ada")
    sync_all(a, gone)
    backup = server.backup()
    eve = gone.contacts.add(name="Eve")
    gone.contacts.update(ada, phone="1")
    sync_all(gone, a)
    go_back(server, backup, "e2")

    def types(body: bytes, server: Server) -> Any:
        a.contacts.update(ada, email="a@example.org")
        a.contacts.update(eve, phone="2")
        return server.answer(body)

    wire(a).steps = [None, types]
    a.sync()
    a.sync()
    assert a.parked() == []
    assert server.contacts[ada]["email"] == "a@example.org"
    assert (server.contacts[eve]["name"], server.contacts[eve]["phone"]) == ("Eve", "2")


def web(server: Server, operation: str, record_id: str, base: int, **data: Any) -> None:
    """A change by a page, which keeps no log of it."""
    item = {"id": str(uuid4()), "table": "contacts", "record_id": record_id, "operation": operation, "base": base}
    item["timestamp"] = iso_millis(server.now // 1000)
    change = item if operation == "DELETE" else {**item, "data": data}
    (result,) = json.loads(server.answer(json.dumps({"changes": [change]}).encode()).body)["results"]
    assert result["verdict"] == "applied"


@EPOCHS
@pytest.mark.parametrize("order", ["ab", "ba"])
def test_what_a_page_wrote_is_brought_by_who_holds_it(
    epoch: str | None, order: str, device: Device, server: Server
) -> None:
    devices = {"a": device("a"), "b": device("b")}
    a = devices["a"]
    ada, eve = a.contacts.add(name="Ada", company="C", details={"k1": {"kind": "url"}}), a.contacts.add(name="Eve")
    sync_all(*devices.values())
    backup = server.backup()
    web(server, "UPDATE", ada, server.shelf.book.seq, phone="1", company=None, details={"k1": None})
    web(server, "DELETE", eve, server.shelf.book.seq)
    sync_all(*devices.values())
    server.restore(backup, epoch)
    for name in order:
        devices[name].sync()
    assert {cells["name"]: (cells.get("phone"), cells.get("company")) for cells in server.contacts.values()} == {
        "Ada": ("1", None)
    }
    sync_all(*devices.values())
    for one in devices.values():
        assert one.contacts.list() == a.contacts.list()
        assert one.contacts.get(ada)["details"] == {}


def test_what_was_written_after_the_restore_is_not_undone(device: Device, server: Server) -> None:
    """By a device whose clock is hours slow, over a row that lost an edit of a page."""
    a, b = device("a"), device("b", clock=lambda: START // 1000 - 7_200_000)
    ada = a.contacts.add(name="Ada")
    sync_all(a, b)
    backup = server.backup()
    b.contacts.update(ada, email="typed offline", details={"k1": {"kind": "url", "value": "new"}})
    web(server, "UPDATE", ada, server.shelf.book.seq, phone="1")
    a.sync()
    server.restore(backup, "e2")
    sync_all(b, a)
    for one in (a, b):
        found = one.contacts.get(ada)
        assert (found["phone"], found["email"]) == ("1", "typed offline")
        assert list(found["details"]) == ["k1"]


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_deletion_that_waits_stands_against_those_who_send_the_record_again(
    order: str, device: Device, server: Server
) -> None:
    devices = {"a": device("a"), "b": device("b")}
    a, b = devices["a"], devices["b"]
    old = a.contacts.add(name="Old")
    sync_all(a, b)
    backup = server.backup()
    new = a.contacts.add(name="New")
    web(server, "UPDATE", old, server.shelf.book.seq, phone="1")
    sync_all(a, b)
    b.contacts.delete(old)
    b.contacts.delete(new)
    server.restore(backup, "e2")
    for name in order:
        devices[name].sync()
    sync_all(a, b)
    assert names(a) == names(b) == []


def test_a_change_that_was_taken_after_the_cursor_is_missed(device: Device, server: Server) -> None:
    """The cursor is one of the log that was copied back: only one of many pages had come when the network failed."""
    a, b = device("a"), device("b")
    sync_all(a, b)
    for name in ("One", "Two", "Three"):
        b.contacts.add(name=name)
    b.sync()
    backup = server.backup()
    server.page_max = 1
    a.contacts.add(name="Mine")
    wire(a).steps = [None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert (a.status().pending, len(server.contacts)) == (0, 4)
    server.restore(backup, None)
    a.sync()
    assert "Mine" in {cells["name"] for cells in server.contacts.values()}
    sync_all(a, b)
    assert names(a) == names(b) == ["Mine", "One", "Three", "Two"]
