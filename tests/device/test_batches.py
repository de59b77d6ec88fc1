"""Batches on a device: what one act wrote carries one id, and the server takes it back."""

from __future__ import annotations

from typing import Any

import pytest

from offbook import NotFound, Offline, Replica, ServerFault
from offbook.cli.commands.import_export import add_contacts
from offbook.core.errors import Pruned
from offbook.core.history.undo import KeptCell, undo_id
from offbook.core.merge.batch import BookState
from offbook.database import change_log, sync_state
from offbook.database.connection import atomic
from tests.device.conftest import Device
from tests.device.fake_server import Server, lost_request, ok, problem, says, wire

BATCH = "b0000000-0000-4000-8000-00000000000b"


def knows_batches(replica: Replica) -> None:
    """The server has named the shape of its schema."""
    with atomic(replica.connection):
        sync_state.write(replica.connection, server_shape="0123456789abcdef")


def batches_of(replica: Replica) -> list[str | None]:
    return [line.batch for line in change_log.pending_lines(replica.connection)]


def imported(replica: Replica, *names: str) -> list[str]:
    ids = [f"a0000000-0000-4000-8000-{number:012}" for number, _ in enumerate(names)]
    rows = [{"id": record_id, "name": name, "details": {}} for record_id, name in zip(ids, names, strict=True)]
    add_contacts(replica, rows, BATCH)
    knows_batches(replica)
    replica.sync()
    return ids


def test_all_writes_of_a_batch_carry_its_id_and_no_others(a: Replica) -> None:
    ada = a.contacts.add(name="Ada")
    with a.batch() as batch:
        a.contacts.update(ada, phone="1")
        a.connection.execute("INSERT INTO contacts (name) VALUES ('Grace')")
    a.contacts.update(ada, phone="2")
    assert batches_of(a) == [None, batch, batch, None]


def test_a_batch_within_a_batch_keeps_its_id(a: Replica) -> None:
    with a.batch() as outer:
        a.contacts.add(name="Ada")
        with a.batch() as inner:
            a.contacts.add(name="Grace")
    assert batches_of(a) == [outer, inner]


def test_what_fails_within_a_batch_leaves_nothing(a: Replica) -> None:
    with pytest.raises(ZeroDivisionError), a.batch():
        a.contacts.add(name="Ada")
        raise ZeroDivisionError
    assert batches_of(a) == []


def test_a_batch_is_not_sent_to_a_server_that_does_not_know_it(a: Replica, server: Server) -> None:
    with a.batch():
        a.contacts.add(name="Ada")
    a.sync()
    with a.batch() as batch:
        a.contacts.add(name="Grace")
    knows_batches(a)
    a.sync()
    sent = [change for request in server.requests for change in request["changes"]]
    assert [change.get("batch") for change in sent] == [None, batch]


def test_a_change_that_is_tried_again_is_of_its_batch(a: Replica) -> None:
    with a.batch() as batch:
        a.connection.execute("INSERT INTO contacts (name) VALUES ('')")
    a.sync()
    (parked,) = a.parked()
    a.retry(parked.change_id, name="Ada")
    assert batches_of(a) == [batch]


def test_an_import_is_undone_everywhere(a: Replica, device: Device) -> None:
    ada, grace = imported(a, "Ada", "Grace")
    b = device("b")
    b.sync()
    b.contacts.update(grace, phone="1")
    b.sync()
    (batch,) = a.batches()
    assert (batch.id, batch.changes) == (BATCH, {"contacts": 2})
    report = a.undo(BATCH)
    assert (report.batch, report.undone) == (undo_id(BATCH), 1)
    assert report.kept == [KeptCell(("contacts", grace), "@exists", "changed_since")]
    assert [contact["name"] for contact in a.contacts.list()] == ["Grace"]
    assert a.undo(report.batch).undone == 1
    assert {contact["id"] for contact in a.contacts.list()} == {ada, grace}


def test_a_batch_that_was_not_sent_yet_is_sent_and_undone(a: Replica) -> None:
    a.sync()
    knows_batches(a)
    with a.batch() as batch:
        a.contacts.add(name="Ada")
    assert a.undo(batch).undone == 1
    assert a.contacts.list() == []


def test_a_decision_about_all_conflicts_is_one_batch(device: Device, server: Server) -> None:
    server.store.add_book(BookState(1, server.uuid, "ask", "e1", 0, 0))
    a, b = device("a"), device("b")
    ids = [a.contacts.add(name=name) for name in ("Ada", "Grace")]
    a.sync()
    b.sync()
    for replica in (a, b):
        for record_id in ids:
            replica.contacts.update(record_id, phone=replica.path.stem)
        replica.sync()
    assert b.resolve_all("theirs") == 2
    (first, second) = batches_of(b)
    assert first == second is not None


def test_offline_nothing_is_undone(a: Replica) -> None:
    imported(a, "Ada")
    wire(a).steps = [lost_request]
    with pytest.raises(Offline):
        a.undo(BATCH)
    assert a.contacts.count() == 1


def test_what_can_not_be_undone_is_said(a: Replica, server: Server) -> None:
    imported(a, "Ada")
    for unknown in ("?", "b0000000-0000-4000-8000-0000000000ff"):
        with pytest.raises(NotFound):
            a.undo(unknown)
    server.prune()
    with pytest.raises(Pruned):
        a.undo(BATCH)


def test_answers_that_are_none_are_not_believed(a: Replica) -> None:
    a.sync()
    answers: list[Any] = [{}, {"batches": [{}]}, {"batches": [{"tables": {}, "id": "x"}]}]
    for answer in answers:
        wire(a).steps = [says(ok(answer))]
        with pytest.raises(ServerFault):
            a.batches()
    wire(a).steps = [says(problem(404, "not_found", "There is nothing here."))]
    with pytest.raises(NotFound):
        a.batches()
