"""The traces that broke naive builds, replayed on real replicas and the real rules (the design, section 8)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from offbook import NotFound, Offline, Replica
from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import parse_push
from offbook.database.local_changes import change_log
from offbook.sync import apply, response
from services.sync.responses import changes, sync
from storage.base import ChangeOrigin
from tests.device.conftest import Device
from tests.device.fake_server import START, Clock, Server, Wire, lost_answer, lost_request, wire

HOUR_MS = 3_600_000


def phone(replica: Replica, record_id: str) -> Any:
    return replica.contacts.get(record_id)["phone"]


def entry(value: str = "555", **more: str) -> dict[str, str]:
    return {"kind": "phone", "value": value, **more}


# --- 1. the clock goes back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["merge", "last-write-wins", "ask"])
def test_the_later_edit_of_one_device_stays_though_its_clock_went_back(policy: str, device: Device) -> None:
    server, clock = Server(policy), Clock()
    a = device("p", transport=Wire(server), clock=clock)
    ada = a.contacts.add(name="Ada")
    a.sync()
    a.contacts.update(ada, phone="a")
    clock.ms -= HOUR_MS
    a.contacts.update(ada, phone="b")
    report = a.sync()
    assert (phone(a, ada), server.contacts[ada]["phone"]) == ("b", "b")
    assert (report.pushed, report.conflicts) == (2, 0)


@pytest.mark.parametrize("policy", ["merge", "last-write-wins", "ask"])
def test_a_delete_after_an_edit_stands_though_the_clock_went_back(policy: str, device: Device) -> None:
    server, clock = Server(policy), Clock()
    a = device("p", transport=Wire(server), clock=clock)
    ada = a.contacts.add(name="Ada")
    a.sync()
    a.contacts.update(ada, phone="a")
    clock.ms -= HOUR_MS
    a.contacts.delete(ada)
    assert a.sync().conflicts == 0
    assert server.contacts == {}
    assert a.contacts.list() == []


# --- 2. what lay hidden under a pending edit -----------------------------------------------------------------------


def test_what_was_pulled_under_a_pending_edit_was_not_seen(device: Device, server: Server) -> None:
    clock = Clock()
    a, b = device("a", clock=clock), device("b")
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    b.contacts.update(ada, phone="e")
    b.sync()
    clock.ms -= HOUR_MS  # so that c loses, if it is concurrent with e
    a.contacts.update(ada, phone="a")
    pull_only(a, server)
    assert phone(a, ada) == "a"
    a.contacts.update(ada, phone="c")
    a.sync()
    assert server.contacts[ada]["phone"] == "e"
    assert phone(a, ada) == "e"
    lost = [value.value for entry in server.shelf.history("contacts", ada) for value in entry.beaten]
    assert lost == ["a", "c"]


def pull_only(replica: Replica, server: Server) -> None:
    """A page arrives without anything having been sent: over the live channel, say."""
    cursor = cursor_of(replica)
    item = changes(server.store, 1, parse_push(BUILT_IN, {"since": cursor}, "").since)
    apply.apply(replica.connection, [], response.parse_response(BUILT_IN, item), 0)


def cursor_of(replica: Replica) -> str:
    (cursor,) = replica.connection.execute("SELECT cursor FROM sync_state").fetchone()
    return str(cursor)


# --- 3. and 5. answers that come late ------------------------------------------------------------------------------


def test_a_page_that_overtakes_the_answer_to_an_older_push_stands(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    a.contacts.update(ada, phone="a")
    lines = change_log.pending_lines(a.connection)
    late = a_push(a, server)
    b.sync()
    b.contacts.update(ada, phone="b", email="b@example.org")
    b.sync()
    pull_only(a, server)
    assert phone(a, ada) == "a"  # still pending here
    apply.apply(a.connection, lines, late, 0)
    assert phone(a, ada) == "b"
    assert a.contacts.get(ada)["email"] == "b@example.org"
    assert a.status().pending == 0


def a_push(replica: Replica, server: Server) -> response.SyncResponse:
    """The answer to all that is pending, held back by whoever calls this."""
    items = [line.as_json(replica.id) for line in change_log.pending_lines(replica.connection)]
    push = {"changes": items, "since": cursor_of(replica)}
    server.now += 1_000_000
    return response.parse_response(
        BUILT_IN, sync(server.store, 1, ChangeOrigin(), parse_push(BUILT_IN, push, replica.id), server.now)
    )


def test_an_older_page_takes_nothing_back(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = b.contacts.add(name="Ada")
    b.sync()
    a.sync()
    b.contacts.update(ada, phone="1")
    b.sync()
    older = a_push(a, server)
    b.contacts.update(ada, phone="2")
    b.sync()
    a.sync()
    cursor = cursor_of(a)
    apply.apply(a.connection, [], older, 0)
    assert (phone(a, ada), cursor_of(a)) == ("2", cursor)


# --- 4. the server's value comes back by itself --------------------------------------------------------------------


def test_a_superseded_edit_gives_way_with_no_other_request(device: Device, server: Server) -> None:
    clock = Clock()
    a, b = device("a", clock=clock), device("b")
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    clock.ms -= HOUR_MS
    a.contacts.update(ada, phone="a")
    b.contacts.update(ada, phone="b")
    b.sync()
    server.requests.clear()
    a.sync()
    assert len(server.requests) == 1
    assert phone(a, ada) == "b"


def test_a_rejected_edit_gives_way_and_is_parked_with_its_reason(device: Device, server: Server) -> None:
    a = device("a")
    ada = a.contacts.add(name="Ada", phone="1")
    a.sync()
    a.contacts.update(ada, phone="2")
    a.connection.execute("UPDATE change_log SET base = base + 1000000000000 WHERE synced = 0")
    server.requests.clear()
    assert a.sync().parked == 1
    assert len(server.requests) == 1
    assert phone(a, ada) == "1"
    (parked,) = a.parked()
    assert (parked.code, parked.data) == ("base_unknown", {"phone": "2"})
    assert "sync first" in parked.detail


@pytest.mark.parametrize("forget", [Server.prune, Server.empty_trash])
def test_an_edit_of_a_record_that_is_gone_is_parked_and_can_bring_it_back(
    device: Device, server: Server, forget: Callable[[Server], None]
) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada", email="a@example.org")
    a.sync()
    b.sync()
    b.contacts.delete(ada)
    b.sync()
    forget(server)
    a.contacts.update(ada, phone="1")
    a.sync()
    assert a.contacts.list() == []
    (parked,) = a.parked()
    assert parked.code == "unknown_record"
    a.retry(parked.change_id, company="Engines")
    a.sync()
    assert server.contacts[ada]["name"] == "Ada"
    assert (server.contacts[ada]["phone"], server.contacts[ada]["company"]) == ("1", "Engines")
    assert a.parked() == []


# --- 6. snapshots and pruning --------------------------------------------------------------------------------------


def test_a_snapshot_of_many_pages_ends_while_tombstones_are_pruned(device: Device, server: Server) -> None:
    server.page_max = 2
    a, b = device("a"), device("b")
    ids = [a.contacts.add(name=f"{number}") for number in range(9)]
    a.sync()
    first, *others = [partial(delete_and_prune, replica=a, record_id=ids[number]) for number in range(3)]
    wire(b).steps += [first, None, *others]  # between them the server is asked for its tables
    b.sync()
    assert sorted(one["id"] for one in b.contacts.list()) == sorted(ids[3:])


def delete_and_prune(body: bytes, server: Server, replica: Replica, record_id: str) -> Any:
    answer = server.answer(body)
    replica.contacts.delete(record_id)
    replica.sync()
    server.prune()
    return answer


def test_a_replica_below_the_prune_line_loses_what_was_deleted_and_keeps_its_edits(
    device: Device, server: Server
) -> None:
    a, b = device("a"), device("b")
    gone, kept = a.contacts.add(name="Gone"), a.contacts.add(name="Kept")
    a.sync()
    b.sync()
    b.contacts.update(kept, phone="1")
    a.contacts.delete(gone)
    a.sync()
    server.prune()
    b.sync()
    assert [(one["name"], one["phone"]) for one in b.contacts.list()] == [("Kept", "1")]
    assert server.contacts[kept]["phone"] == "1"


def test_a_replica_below_the_trash_line_needs_no_snapshot_and_keeps_its_edits(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    gone, kept = a.contacts.add(name="Gone", phone="1"), a.contacts.add(name="Kept")
    a.sync()
    b.sync()
    b.contacts.update(kept, phone="1")
    b.contacts.update(gone, phone="2")
    new = b.contacts.add(name="New")
    a.contacts.delete(gone)
    a.sync()
    server.empty_trash()
    asked = len(server.requests)
    b.sync()
    assert all(request["since"] for request in server.requests[asked:])
    assert [one["name"] for one in b.contacts.list()] == ["Kept", "New"]
    assert set(server.contacts) == {kept, new}
    assert server.contacts[kept]["phone"] == "1"
    assert [(one.code, one.data) for one in b.parked()] == [("unknown_record", {"phone": "2"})]


def test_what_changes_during_a_snapshot_never_vanishes(device: Device, server: Server) -> None:
    """A row that changed moves behind the snapshot's end: until the page with it came, it is not gone."""
    a, b = device("a"), device("b")
    a.contacts.add(name="First")
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    a.contacts.delete(a.contacts.add(name="Eve"))
    a.sync()
    server.prune()
    seen: list[int] = []

    def edits_ada(body: bytes, server: Server) -> Any:
        a.contacts.update(ada, phone="1")
        a.sync()
        return server.answer(body)

    def looks(body: bytes, server: Server) -> Any:
        seen.append(len(b.contacts.list()))
        return server.answer(body)

    server.page_max = 1
    wire(b).steps = [server_answers, server_answers, edits_ada, looks]  # 410, a page, another; and what came since
    b.sync()
    assert seen == [2]
    assert phone(b, ada) == "1"


def server_answers(body: bytes, server: Server) -> Any:
    return server.answer(body)


# --- 7. a retry after its change was pruned ------------------------------------------------------------------------


def test_a_change_sent_again_after_a_prune_has_one_effect(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    a.sync()
    ada = a.contacts.add(name="Ada")
    wire(a).steps = [lost_answer]
    with pytest.raises(Exception, match="went down"):
        a.sync()
    b.sync()
    b.contacts.delete(ada)
    b.sync()
    server.prune()
    a.sync()
    assert server.contacts == {}
    assert a.contacts.list() == []
    assert (a.status().pending, a.parked()) == (0, [])


# --- 9. entries ----------------------------------------------------------------------------------------------------


def test_an_entry_removed_here_and_edited_there_stays_edited(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada", details={"k1": entry(label="home")})
    a.sync()
    b.sync()
    a.contacts.update(ada, details={"k1": None})
    b.contacts.update(ada, details={"k1": {"label": "boat"}})
    a.sync()
    pull_only(b, server)
    assert b.contacts.get(ada)["details"] == {"k1": entry(label="boat")}  # whole, though the server has it removed
    b.sync()
    a.sync()
    for replica in (a, b):
        assert replica.contacts.get(ada)["details"] == {"k1": entry(label="boat")}


def test_an_entry_removed_on_both_is_gone(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada", details={"k1": entry()})
    a.sync()
    b.sync()
    for replica in (a, b):
        replica.contacts.update(ada, details={"k1": None})
    for replica in (a, b, a):
        replica.sync()
    assert [replica.contacts.get(ada)["details"] for replica in (a, b)] == [{}, {}]


def test_entries_added_on_both_are_both_there(device: Device, server: Server) -> None:
    a, b = device("a"), device("b")
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    a.contacts.update(ada, details={"k1": entry("1")})
    b.contacts.update(ada, details={"k2": entry("2")})
    for replica in (a, b, a):
        replica.sync()
    for replica in (a, b):
        assert replica.contacts.get(ada)["details"] == {"k1": entry("1"), "k2": entry("2")}


# --- 10. a copied file ---------------------------------------------------------------------------------------------


def test_a_copied_file_goes_on_as_a_replica_of_its_own(device: Device, server: Server) -> None:
    a = device("a")
    ada = a.contacts.add(name="Ada")
    a.sync()
    a.contacts.update(ada, phone="1")
    a.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(a.path, a.path.with_name("b.db"))
    b = device("b")
    assert b.id != a.id
    a.contacts.update(ada, email="a@example.org")
    b.contacts.update(ada, company="B")
    a_only, b_only = a.contacts.add(name="A"), b.contacts.add(name="B")
    for replica in (a, b, a):
        replica.sync()
    assert server.contacts.keys() == {ada, a_only, b_only}
    for replica in (a, b):
        found = replica.contacts.get(ada)
        assert (found["phone"], found["email"], found["company"]) == ("1", "a@example.org", "B")


# --- 11. a parked INSERT -------------------------------------------------------------------------------------------


def test_a_rejected_insert_and_the_edits_behind_it_are_one_parked_record(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada", phone="1")
    a.contacts.update(ada, email="a@example.org")
    spoil(a)
    assert a.sync().parked == 1
    a.contacts.update(ada, company="Engines")
    a.sync()
    (parked,) = a.parked()
    ada_whole = {"name": "Ada", "given_name": "Ada", "email": "a@example.org", "company": "Engines"}
    assert parked.data == {**ada_whole, "phone": "1"}
    assert phone(a, ada) == "1"
    assert server.contacts == {}
    a.retry(parked.change_id, phone="2")
    a.sync()
    assert (a.parked(), a.status().pending) == ([], 0)
    assert server.contacts[ada] == {**ada_whole, "phone": "2"}


def spoil(replica: Replica) -> None:
    """Let the server reject the INSERT, and nothing but it."""
    replica.connection.execute("UPDATE change_log SET base = ? WHERE synced = 0 AND operation = 'INSERT'", (2 * START,))


def test_a_deleted_record_takes_its_parked_insert_along(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    before, behind = a.contacts.add(name="Before"), a.contacts.add(name="Behind")
    a.contacts.delete(behind)
    spoil(a)
    a.sync()
    assert [parked.record_id for parked in a.parked()] == [before]
    a.contacts.delete(before)
    a.sync()
    assert (a.parked(), a.contacts.list(), server.contacts) == ([], [], {})


def test_a_deletion_takes_along_what_was_only_rejected_because_the_insert_was(device: Device, server: Server) -> None:
    """All three went out in one request, so that the edit was rejected before the deletion was taken."""
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada")
    a.contacts.update(ada, phone="1")
    a.contacts.delete(ada)
    spoil(a)
    wire(a).steps = [None, lost_request]
    with suppress(Offline):
        a.sync()
    assert (a.status().pending, a.parked(), a.contacts.list(), server.contacts) == (0, [], [], {})


def test_a_dropped_insert_takes_its_row_along(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada")
    spoil(a)
    a.sync()
    (parked,) = a.parked()
    assert parked.record is not None
    assert parked.record["name"] == "Ada"
    a.drop(parked.change_id)
    with pytest.raises(NotFound):
        a.contacts.get(ada)
    with pytest.raises(NotFound):
        a.drop(parked.change_id)


def test_a_dropped_insert_takes_its_row_along_whatever_its_id_is(device: Device, server: Server) -> None:
    """An id that is no UTF-8 can't be bound as text."""
    a = device("a")
    a.connection.execute("INSERT INTO contacts (id, name) VALUES (CAST(x'41ff' AS TEXT), 'Ada')")
    a.sync()
    (parked,) = a.parked()
    a.drop(parked.change_id)
    assert (a.parked(), a.contacts.list(), a.status().pending) == ([], [], 0)


def test_a_parked_insert_whose_record_was_deleted_since_can_still_be_dropped(device: Device, server: Server) -> None:
    a = device("a")
    a.sync()
    ada = a.contacts.add(name="Ada")
    spoil(a)
    a.sync()
    a.contacts.delete(ada)
    (parked,) = a.parked()
    a.drop(parked.change_id)
    assert (a.parked(), a.contacts.list(), a.status().pending) == ([], [], 0)


def test_an_insert_and_an_update_behind_it_that_both_cannot_be_sent_are_one_parked_record(
    device: Device, server: Server
) -> None:
    a, record_id = device("a"), "aaaaaaaa-0000-4000-8000-000000000001"
    a.connection.execute("INSERT INTO contacts (id, name) VALUES (?, ' ')", (record_id,))
    a.connection.execute("UPDATE contacts SET phone = ? WHERE id = ?", ("5" * 101, record_id))
    a.connection.execute("UPDATE contacts SET email = 'e@x' WHERE id = ?", (record_id,))
    a.sync()
    (parked,) = a.parked()
    assert parked.operation == "INSERT"
    a.retry(parked.change_id, name="Ada", phone="555")
    a.sync()
    assert server.contacts[record_id] == {"name": "Ada", "given_name": "Ada", "phone": "555", "email": "e@x"}
    assert a.parked() == []
