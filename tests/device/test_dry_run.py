"""`Replica.plan()`: what a sync would do, told without doing it."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from offbook import Offline, Replica
from offbook.sync.dry_run import PlannedChange, PlannedRow
from tests.device.conftest import Device
from tests.device.fake_server import Server, Wire, lost_request, problem, says, wire


def dump(replica: Replica) -> dict[str, list[Any]]:
    """The whole file: every row of every table there is."""
    tables = replica.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name: replica.connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}


def planned(replica: Replica) -> dict[str, list[str]]:
    """What each part of the plan names. The file is the same after as before."""
    before = dump(replica)
    report = replica.plan()
    assert dump(replica) == before
    parts = {part: getattr(report, part) for part in ("push", "merge", "park", "added", "changed", "deleted")}
    return {part: [described(entry) for entry in entries] for part, entries in parts.items() if entries}


def described(entry: PlannedChange | PlannedRow) -> str:
    return f"{entry.verdict} {entry.name}" if isinstance(entry, PlannedChange) else str(entry.name)


def the_same_book(a: Replica, b: Replica) -> dict[str, str]:
    ids = {name: a.contacts.add(name=name) for name in ("Ada", "Bob", "Cyd")}
    a.sync()
    b.sync()
    return ids


def test_with_nothing_new_nothing_is_planned(a: Replica, b: Replica) -> None:
    the_same_book(a, b)
    assert planned(b) == {}
    assert planned(a) == {}


def test_a_plan_tells_what_a_sync_would_send_and_fetch(a: Replica, b: Replica, server: Server) -> None:
    ids = the_same_book(a, b)
    a.contacts.update(ids["Ada"], phone="1")
    a.contacts.delete(ids["Bob"])
    a.contacts.add(name="Dan")
    a.sync()
    b.contacts.add(name="Eve")
    b.contacts.update(ids["Cyd"], phone="1")
    asked = len(server.requests)
    kept = server.shelf
    server.page_max = 1
    assert planned(b) == {
        "push": ["applied Eve", "applied Cyd"],
        "added": ["Dan"],
        "changed": ["Ada"],
        "deleted": ["Bob"],
    }
    assert server.shelf == kept, "nothing was written"
    assert len(server.requests) > asked + 2, "page after page"
    server.page_max = 1000
    b.sync()
    assert planned(b) == {}


def test_a_plan_names_what_is_deleted_here(a: Replica, b: Replica) -> None:
    b_has = the_same_book(a, b)
    b.contacts.delete(b_has["Bob"])
    assert planned(b) == {"push": ["applied Bob"]}


def test_a_plan_tells_what_meets_an_edit_that_it_had_not_seen(a: Replica, b: Replica) -> None:
    ids = the_same_book(a, b)
    a.contacts.update(ids["Ada"], phone="1")
    a.sync()
    b.contacts.update(ids["Ada"], company="B")
    (change,) = b.plan().merge
    assert (change.verdict, change.name) == ("merged", "Ada")
    assert change.record is not None
    assert (change.record["phone"], change.record["company"]) == ("1", "B")


def test_a_plan_tells_what_would_be_parked_and_why(a: Replica, b: Replica) -> None:
    ids = the_same_book(a, b)
    b.connection.execute("UPDATE contacts SET phone = ? WHERE id = ?", ("x" * 101, ids["Ada"]))
    b.connection.execute("INSERT INTO contacts (name, phone) VALUES ('Zoe', ?)", ("x" * 101,))
    b.connection.execute("UPDATE contacts SET company = 'Z' WHERE name = 'Zoe'")
    assert planned(b) == {"park": ["rejected Ada", "rejected Zoe", "rejected Zoe"]}
    assert [change.code for change in b.plan().park] == ["too_long", "too_long", "behind_parked"]
    b.sync()
    b.connection.execute("UPDATE contacts SET company = 'Y' WHERE name = 'Zoe'")
    assert planned(b) == {"park": ["rejected Zoe"]}


def test_the_first_plan_of_a_device_is_a_whole_book(a: Replica, b: Replica, device: Device) -> None:
    the_same_book(a, b)
    c = device("c")
    c.contacts.add(name="Dan")
    assert c.plan().snapshot
    assert planned(c) == {"push": ["applied Dan"], "added": ["Ada", "Bob", "Cyd"]}


def test_a_device_below_the_prune_line_hears_what_it_would_lose(a: Replica, b: Replica, server: Server) -> None:
    ids = the_same_book(a, b)
    a.contacts.delete(ids["Bob"])
    a.sync()
    server.prune()
    b.contacts.update(ids["Ada"], phone="1")
    assert planned(b) == {"push": ["applied Ada"], "deleted": ["Bob"]}


def begin_snapshot(a: Replica, b: Replica, server: Server) -> None:
    """Let a device come too late for its cursor, and be cut off after the first page of the whole book."""
    a.contacts.delete(a.contacts.add(name="Gone"))
    a.sync()
    server.prune()
    server.page_max = 1
    wire(b).steps = [None, None, lost_request]
    with pytest.raises(Offline):
        b.sync()


def test_a_snapshot_that_was_cut_off_loses_nothing_that_came_before(a: Replica, b: Replica, server: Server) -> None:
    ids = the_same_book(a, b)
    a.contacts.delete(ids["Cyd"])
    begin_snapshot(a, b, server)
    report = b.plan()
    assert report.snapshot
    assert planned(b) == {"deleted": ["Cyd"]}
    b.sync()
    assert [contact["name"] for contact in b.contacts.list()] == ["Ada", "Bob"]


def test_a_long_snapshot_of_what_is_here_already_has_its_time(
    a: Replica, b: Replica, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        a.contacts.add(name=str(number))
    a.sync()
    b.sync()
    a.contacts.delete(a.contacts.add(name="Gone"))
    a.sync()
    server.prune()
    server.page_max = 1
    clock = count(step=10)
    monkeypatch.setattr("offbook.sync.loop.time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert planned(b) == {}


def test_a_server_that_went_back_plans_with_what_it_still_knows(a: Replica, b: Replica, server: Server) -> None:
    ids = the_same_book(a, b)
    backup = server.backup()
    a.contacts.update(ids["Ada"], phone="1")
    a.sync()
    a.contacts.update(ids["Ada"], phone="2")
    server.restore(backup, "e2")
    server.kept = backup.book.seq
    assert planned(a)["push"] == ["applied Ada"]


def test_more_than_one_request_plans_each_record_whole(a: Replica, b: Replica, monkeypatch: Any) -> None:
    the_same_book(a, b)
    dan = b.contacts.add(name="Dan")
    for number in range(600):
        b.contacts.add(name=str(number))
    b.contacts.update(dan, phone="1")
    for number in range(600, 1000):
        b.contacts.add(name=str(number))
    found = planned(b)
    assert list(found) == ["push"]
    assert len(found["push"]) == 1002


def test_a_change_that_the_server_refuses_whole_is_found_as_a_sync_finds_it(a: Replica) -> None:
    a.sync()
    for name in ("Ada", "Bob"):
        a.contacts.add(name=name)
    wire(a).steps = [says(problem(400, "odd", "Odd."))] * 2
    report = a.plan()
    assert ([described(entry) for entry in report.push], [change.code for change in report.park]) == (
        ["applied Bob"],
        ["odd"],
    )
    assert a.status().parked == 0


def test_a_choice_is_planned_with_what_it_settles(device: Device) -> None:
    server = Server("ask")
    a, b = device("x", transport=Wire(server)), device("y", transport=Wire(server))
    ids = the_same_book(a, b)
    b.contacts.update(ids["Ada"], phone="b")
    b.sync()
    a.contacts.update(ids["Ada"], phone="a")
    assert planned(a)["merge"] == ["conflict Ada"]
    a.sync()
    a.resolve_all("ours")
    assert planned(a) == {"push": ["applied Ada"]}
    assert server.requests[-1]["changes"][0]["resolves"]


def test_without_a_network_there_is_no_plan(a: Replica) -> None:
    wire(a).steps = [lost_request]
    with pytest.raises(Offline):
        a.plan()
