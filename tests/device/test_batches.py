"""Batches on a device: what one act wrote carries one id, and the server takes it back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from offbook import NotFound, Offline, Replica, ServerFault
from offbook.cli.commands import batches as batch_commands
from offbook.cli.commands.import_export import add_contacts, import_
from offbook.cli.parser import parse
from offbook.core.errors import Pruned
from offbook.core.history.undo import KeptCell, undo_id
from offbook.core.merge.batch import BookState
from offbook.database.local_changes import change_log
from tests.device.conftest import Device
from tests.device.fake_server import Server, lost_request, ok, problem, says, wire

BATCH = "b0000000-0000-4000-8000-00000000000b"


def batches_of(replica: Replica) -> list[str | None]:
    return [line.batch for line in change_log.pending_lines(replica.connection)]


def imported(replica: Replica, *names: str) -> list[str]:
    ids = [f"a0000000-0000-4000-8000-{number:012}" for number, _ in enumerate(names)]
    rows = [{"id": record_id, "name": name, "details": {}} for record_id, name in zip(ids, names, strict=True)]
    add_contacts(replica, rows, BATCH)
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
    server.says_tables = False
    with a.batch():
        a.contacts.add(name="Ada")
    a.sync()
    server.says_tables = True
    a.sync()
    with a.batch() as batch:
        a.contacts.add(name="Grace")
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


# --- importing again what was undone ---------------------------------------------------------------------------------

TABLE = "Who,Where,What\nAda King,London,030 123\nGrace Hopper,Arlington,\n"
WRONG = {"Who": "name", "Where": "details.address.city:Home", "What": "details.phone:Work"}
RIGHT = {"Who": "name", "Where": "company", "What": "details.custom:Badge"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(TABLE)
    return path


def import_file(book: Replica, file: Path, mapping: dict[str, str], *options: str) -> Any:
    """`offbook import FILE --map ...`, as --json."""
    map_file = file.with_suffix(".json")
    map_file.write_text(json.dumps(mapping))
    return import_(book, parse(["import", str(file), "--map", str(map_file), *options])).data


def undo(book: Replica, batch: str) -> Any:
    """`offbook undo BATCH`, as --json."""
    return batch_commands.undo(book, parse(["undo", batch])).data


def said(book: Replica) -> list[tuple[Any, ...]]:
    return [
        (
            contact["name"],
            contact["given_name"],
            contact["company"],
            sorted((entry["kind"], entry.get("value")) for entry in contact["details"].values()),
        )
        for contact in book.contacts.list()
    ]


def test_what_an_undo_took_away_is_imported_again_as_the_file_says_now(
    a: Replica, device: Device, server: Server, file: Path
) -> None:
    wrong = import_file(a, file, WRONG, "--label", "Wrong")
    assert undo(a, wrong["batch"])["undone"] == 3, "the label, too"
    assert said(a) == []
    rehearsed = import_file(a, file, RIGHT, "--label", "Right", "--dry-run")
    right = import_file(a, file, RIGHT, "--label", "Right")
    for report in (rehearsed, right):
        assert (report["added"], report["deleted_before"]) == (2, 0)
    expected = [
        ("Ada King", "Ada", "London", [("custom", "030 123"), ("group", "Right")]),
        ("Grace Hopper", "Grace", "Arlington", [("group", "Right")]),
    ]
    assert said(a) == expected
    a.sync()
    b = device("b")
    b.sync()
    assert said(a) == said(b) == expected
    assert a.verify().repaired == ()
    assert undo(a, right["batch"])["kept"] == []
    assert said(a) == []
    assert import_file(a, file, WRONG)["added"] == 2
    a.sync()
    assert [(name, company, details[0][0]) for name, _, company, details in said(a)] == [
        ("Ada King", None, "address"),
        ("Grace Hopper", None, "address"),
    ]


def test_an_undo_on_another_device_is_known_where_the_file_was_imported_and_only_there(
    a: Replica, device: Device, file: Path
) -> None:
    batch = import_file(a, file, WRONG)["batch"]
    a.sync()
    b = device("b")
    b.sync()
    undo(b, batch)
    assert import_file(b, file, RIGHT)["deleted_before"] == 2, "what they held is not known here"
    assert import_file(a, file, WRONG)["added"] == 0, "nor is the undo, yet"
    a.sync()
    assert import_file(a, file, RIGHT)["added"] == 2


@pytest.mark.parametrize("where", ["a", "b"])
def test_what_a_person_deleted_stays_deleted_though_the_rest_was_undone(
    a: Replica, device: Device, file: Path, where: str
) -> None:
    batch = import_file(a, file, RIGHT)["batch"]
    a.sync()
    other = device(where)
    other.sync()
    (ada,) = other.contacts.list(name="Ada King")
    other.contacts.delete(ada["id"])
    other.sync()
    undo(a, batch)
    report = import_file(a, file, RIGHT)
    assert (report["added"], report["deleted_before"]) == (1, 1)
    assert [name for name, *_ in said(a)] == ["Grace Hopper"]


def test_an_edit_made_elsewhere_before_the_undo_was_known_is_there_after_the_import(
    a: Replica, device: Device, file: Path
) -> None:
    batch = import_file(a, file, WRONG)["batch"]
    a.sync()
    b = device("b")
    b.sync()
    (ada,) = b.contacts.list(name="Ada King")
    b.contacts.update(ada["id"], notes="typed", details={"k": {"kind": "email", "value": "ada@x.example"}})
    undo(a, batch)
    import_file(a, file, RIGHT)
    a.sync()
    b.sync()
    a.sync()
    (ada,) = a.contacts.list(name="Ada King")
    assert (ada["notes"], ada["company"]) == ("typed", "London")
    assert sorted(entry["value"] for entry in ada["details"].values()) == ["030 123", "ada@x.example"]
    assert said(a) == said(b)


@pytest.mark.parametrize(
    "forget",
    [
        "DELETE FROM change_log",
        "UPDATE server_rows SET deletion = NULL",  # as from a server that does not tell
        "UPDATE server_rows SET seq = seq + 1",  # by a version that does not know of it
        "UPDATE server_rows SET deletion = seq || ' 0f8fad5b-d9cb-469f-a165-70867728950e'",  # of a bulk deletion
    ],
)
def test_what_is_not_known_to_be_taken_back_stays_deleted(a: Replica, file: Path, forget: str) -> None:
    undo(a, import_file(a, file, WRONG)["batch"])
    a.connection.execute(forget)
    assert import_file(a, file, RIGHT)["deleted_before"] == 2
