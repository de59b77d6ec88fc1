"""Whoever else writes to a book's file gets a turn within half a second, whatever offbook has to write."""

from __future__ import annotations

import json
import os
import signal
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from offbook import NotFound, Replica, Response
from offbook.cli.commands.contacts import rm
from offbook.cli.commands.import_export import add_contacts
from offbook.cli.errors import CutShort
from offbook.database import batched_writes
from offbook.database.batched_writes import write_in_batches
from offbook.database.connection import Connection, atomic, connect
from offbook.database.local_changes import change_log
from offbook.sync.session import forget_old_lines
from offbook.transfer.bulk_import import BulkImport
from tests.device.competing_writer import rival
from tests.device.conftest import Device as OpenDevice
from tests.device.fake_server import Server, Wire, wire
from tests.support import google_files
from tests.support.cli_runner import Device
from tests.support.polling import wait_until
from tests.support.signals import heeded

WAIT_SECONDS_MAX = 0.5
BATCH = str(uuid4())
CONTACTS = int(os.environ.get("OFFBOOK_WORLDS") or 1000)
"""How many are imported beside another program. In one transaction, as many took three times as long as allowed."""


# --- turns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "seconds", "expected"),
    [
        (100, batched_writes.TURN_SECONDS, 100),
        (100, 0.0, 200),
        (100, batched_writes.TURN_SECONDS / 100, 200),
        (100, 10 * batched_writes.TURN_SECONDS, 10),
        (1, 100 * batched_writes.TURN_SECONDS, 1),
    ],
)
def test_a_turn_grows_slowly_and_shrinks_at_once(size: int, seconds: float, expected: int) -> None:
    assert batched_writes.next_size(size, seconds) == expected


def test_what_was_written_in_a_turn_stays_when_a_later_one_fails(replica: Any) -> None:
    def write(numbers: list[int]) -> None:
        replica.executemany("INSERT INTO contacts (name) VALUES (?)", [(str(number),) for number in numbers])
        assert 250 not in numbers

    with pytest.raises(AssertionError):
        for _ in batched_writes.write_in_batches(replica, range(500), write):
            assert not replica.in_transaction
    (count,) = replica.execute("SELECT count(*) FROM contacts").fetchone()
    assert count == 100


def test_items_are_made_ready_while_the_lock_is_free(replica: Any) -> None:
    def made_ready() -> Iterator[int]:
        for number in range(300):
            assert not replica.in_transaction
            yield number

    sizes = list(batched_writes.write_in_batches(replica, made_ready(), len, block=atomic, size_of=lambda number: 10))
    assert sum(sizes) == 300
    assert sizes[0] == 10


# --- import ----------------------------------------------------------------------------------------------------------


def csv_of(contacts: int, details: int) -> str:
    numbers = range(1, details + 2)
    head = [f"Phone {number} - {part}" for number in numbers for part in ("Label", "Value")]
    rows = [
        [f"First{row}", f"Last{row}", *[text for number in numbers for text in ("Home", f"555-{row}-{number}")]]
        for row in range(contacts)
    ]
    return "\n".join(",".join(row) for row in [["First Name", "Last Name", *head], *rows])


@pytest.mark.proof
def test_an_import_keeps_nobody_waiting(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text(csv_of(CONTACTS, details=10))
    device = Device(tmp_path / "book.db")
    device("init")
    with rival(device.file) as seen, device.started("import", str(file)) as importing:
        out, _ = importing.communicate(timeout=600)
    assert out == f"Added {CONTACTS:,} contacts.\n"
    assert seen.waits > 0
    assert seen.longest < WAIT_SECONDS_MAX


def test_an_import_logs_what_adding_one_by_one_logs(tmp_path: Path) -> None:
    contact = {
        "id": "a0000000-0000-4000-8000-000000000001",
        "name": "Ada",
        "given_name": "Ada",
        "phone": None,
        "starred": True,
        "details": {
            "url-1": {"kind": "url", "value": "x", "position": 0},
            "address-1": {"kind": "address", "city": "London", "position": 1},
        },
    }
    logged = []
    for name in ("one", "many"):
        with Replica(tmp_path / f"{name}.db") as book:
            if name == "one":
                book.contacts.put_back(contact)
            else:
                add_contacts(book, [contact], BATCH)
            ((*line, data),) = book.connection.execute(
                "SELECT record_id, operation, base, synced, data FROM change_log"
            )
            shown = {key: value for key, value in book.contacts.list()[0].items() if not key.endswith("_at")}
            logged.append((line, json.loads(data), shown))
    assert logged[0] == logged[1]


def test_an_import_that_is_cut_short_is_completed_by_the_same_import(tmp_path: Path) -> None:
    """Killed at some moment in the middle: what was added stays, and comes once."""
    file = tmp_path / "many.csv"
    file.write_text(csv_of(2000, details=1))
    device = Device(tmp_path / "book.db")
    device("init")
    with Replica(device.file) as book:
        with device.started("import", str(file)) as importing:
            while not (before := book.contacts.count()):
                assert importing.poll() is None
            importing.kill()
        before = book.contacts.count()
        assert before < 2000
        told = device("import", str(file), "--json").json
        assert told["added"] + told["already_here"] == 2000
        assert told["already_here"] >= before
        assert book.status().pending == book.contacts.count() == 2000


def test_two_imports_of_one_file_at_once_add_each_contact_once(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text(csv_of(500, details=1))
    device = Device(tmp_path / "book.db")
    device("init")
    with device.started("import", "--json", str(file)) as one, device.started("import", "--json", str(file)) as other:
        told = [json.loads(process.communicate(timeout=60)[0]) for process in (one, other)]
    assert sum(each["added"] for each in told) == 500
    assert [each["added"] + each["already_here"] for each in told] == [500, 500]
    assert device("status", "--json").json["pending"] == 500


def is_held_with_contacts(book: Replica) -> bool:
    """Take the write lock, and keep it where a contact was added: whoever adds more waits then."""
    book.connection.execute("BEGIN IMMEDIATE")
    if book.contacts.count():
        return True
    book.connection.execute("ROLLBACK")
    return False


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
def test_an_interrupted_import_tells_what_it_added(tmp_path: Path) -> None:
    file = tmp_path / "many.csv"
    file.write_text(csv_of(6000, details=1))
    device = Device(tmp_path / "book.db")
    device("init")
    with Replica(device.file) as book:
        with heeded(signal.SIGINT), device.started("import", str(file)) as importing:
            wait_until(lambda: is_held_with_contacts(book) or importing.poll() is not None)
            importing.send_signal(signal.SIGINT)
            book.connection.execute("ROLLBACK")
            out, told = importing.communicate(timeout=60)
        assert (importing.returncode, out) == (130, "")
        count = book.contacts.count()
        assert told.startswith(f"offbook: The import was interrupted. {count:,} contacts were added before: import the")


def test_a_disk_that_is_full_in_the_middle_tells_what_was_added(tmp_path: Path) -> None:
    contacts = google_files.read(csv_of(2000, details=1)).contacts
    with Replica(tmp_path / "book.db") as book:
        book.connection.execute("PRAGMA max_page_count = 200")
        with pytest.raises(CutShort, match="book.db is full: ") as cut:
            add_contacts(book, contacts, BATCH)
        added = book.contacts.count()
        assert f" {added:,} contacts were added before: import the file again" in str(cut.value)
        assert 0 < added < 2000
        book.connection.execute("PRAGMA max_page_count = 100000")
        assert add_contacts(book, contacts, BATCH) == (2000 - added, added, 0)


# --- all that a device has to do at once -----------------------------------------------------------------------------

RECORDS = 100
LOCKED_MAX = 600
"""Statements: each counts as a millisecond here, so that what is measured is the same every time."""


class Statements:
    """Counts what a replica's connection does, by transactions; and is the clock by which turns end."""

    def __init__(self, replica: Replica) -> None:
        self.longest = 0
        self._count = 0
        self._began: int | None = None
        replica.connection.set_trace_callback(self._hear)

    def _hear(self, statement: str) -> None:
        self._count += 1
        if statement == "BEGIN IMMEDIATE":
            self._began = self._count
        elif statement == "COMMIT" and self._began is not None:
            self.longest = max(self.longest, self._count - self._began)
            self._began = None

    def monotonic(self) -> float:
        return self._count / 1000

    def sleep(self, seconds: float) -> None:
        """Nobody waits."""


@pytest.fixture
def locked_for(monkeypatch: pytest.MonkeyPatch) -> Callable[[Replica, Callable[[], object]], int]:
    """How many statements the longest transaction of some work has."""

    def measure(replica: Replica, work: Callable[[], object]) -> int:
        statements = Statements(replica)
        with monkeypatch.context() as patched:
            patched.setattr(batched_writes, "time", statements)
            work()
        return statements.longest

    return measure


Measure = Callable[[Replica, Callable[[], object]], int]


def fill(replica: Replica, count: int = RECORDS) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    replica.connection.execute(f"{numbers} INSERT INTO contacts (name) SELECT 'Ada ' || i FROM n", (count,))
    replica.sync()


def edit(replica: Replica, field: str, value: str) -> None:
    replica.connection.execute(f"UPDATE contacts SET {field} = ?", (value,))


@pytest.mark.parametrize(("theirs", "ours"), [("phone", "email"), ("phone", "phone")], ids=["merged", "superseded"])
def test_an_answer_to_many_edits_is_applied_in_turns(
    theirs: str, ours: str, a: Replica, b: Replica, locked_for: Measure
) -> None:
    fill(a)
    b.sync()
    edit(b, ours, "b")
    edit(a, theirs, "a")
    a.sync()
    assert locked_for(b, b.sync) < LOCKED_MAX
    a.sync()
    assert [one[theirs] for one in a.contacts.list()] == [one[theirs] for one in b.contacts.list()]
    assert b.status().pending == 0


def test_a_page_over_edits_that_wait_is_applied_in_turns(
    device: OpenDevice, server: Server, locked_for: Measure
) -> None:
    """The edits were made while the request was on its way."""
    a, b = device("a"), device("b")
    fill(a)
    b.sync()
    edit(a, "phone", "a")
    a.sync()

    def edited_meanwhile(body: bytes, server: Server) -> Response:
        with closing(connect(b.path)) as other:
            other.execute("UPDATE contacts SET email = 'b'")
        return server.answer(body)

    wire(b).steps.append(edited_meanwhile)
    assert locked_for(b, b.sync) < LOCKED_MAX
    assert {(one["phone"], one["email"]) for one in b.contacts.list()} == {("a", "b")}


def test_what_is_gone_with_a_snapshot_goes_in_turns(
    a: Replica, b: Replica, server: Server, locked_for: Measure
) -> None:
    fill(a)
    b.sync()
    a.connection.execute("DELETE FROM contacts")
    a.sync()
    server.now += 10**15
    server.prune()
    assert locked_for(b, b.sync) < LOCKED_MAX
    assert (b.contacts.count(), b.status().pending) == (0, 0)


def test_what_a_restored_server_lost_is_put_into_the_queue_in_turns(
    a: Replica, b: Replica, server: Server, locked_for: Measure
) -> None:
    b.sync()
    backup = server.backup()
    fill(a)
    b.sync()
    server.restore(backup, "e2")
    server.kept = backup.book.seq
    assert locked_for(b, b.sync) < LOCKED_MAX
    assert len(server.contacts) == RECORDS


def test_what_differs_is_mended_in_turns(a: Replica, locked_for: Measure) -> None:
    fill(a)
    with change_log.without_logging(a.connection):
        edit(a, "title", "damaged")
    assert locked_for(a, a.verify) < LOCKED_MAX
    assert {one["title"] for one in a.contacts.list()} == {None}
    assert len(a.parked()) == RECORDS


def test_old_lines_are_forgotten_in_turns(a: Replica, server: Server, locked_for: Measure) -> None:
    fill(a, 10 * RECORDS)
    server.now += 10**15
    a._clock = lambda: server.now // 1000
    assert locked_for(a, lambda: forget_old_lines(a.connection, a._clock(), None)) == 0  # the time is not known yet
    assert 0 < locked_for(a, lambda: forget_old_lines(a.connection, a._clock(), 0)) < LOCKED_MAX
    (left,) = a.connection.execute("SELECT count(*) FROM change_log").fetchone()
    assert left == 0


def test_all_conflicts_are_settled_in_turns(device: OpenDevice, locked_for: Measure) -> None:
    asking = Server("ask")
    a, b = (device(name, transport=Wire(asking)) for name in "ab")
    fill(a)
    b.sync()
    edit(a, "phone", "a")
    edit(b, "phone", "b")
    a.sync()
    assert locked_for(b, b.sync) < LOCKED_MAX
    assert len(b.conflicts()) == RECORDS
    settled = []
    assert locked_for(b, lambda: settled.append(b.resolve_all("theirs"))) < LOCKED_MAX
    assert (settled, b.conflicts()) == ([RECORDS], [])
    b.sync()
    a.sync()
    assert {one["phone"] for one in a.contacts.list()} == {"b"}


def test_many_contacts_are_deleted_in_turns(a: Replica, locked_for: Measure) -> None:
    fill(a)
    ids = [one["id"] for one in a.contacts.list()]
    assert locked_for(a, lambda: rm(a, Namespace(id=ids))) < LOCKED_MAX
    assert (a.contacts.count(), a.status().pending) == (0, RECORDS)


def test_a_name_that_is_not_found_deletes_none_of_them(a: Replica) -> None:
    fill(a, 2)
    with pytest.raises(NotFound):
        rm(a, Namespace(id=["Ada 1", "Eve"]))
    assert a.contacts.count() == 2


def test_what_was_committed_and_not_counted_yet_is_told_too(replica: Connection) -> None:
    """An interruption may come between the commit of a part and its being counted."""
    importing = BulkImport(replica, BATCH)

    class Interrupted(Exception):
        """Stands for a signal that arrives just then."""

    def parts(*arguments: Any, **options: Any) -> Iterator[Any]:
        for counts in write_in_batches(*arguments, **options):
            if importing.counts.added:
                raise Interrupted
            yield counts

    contacts = [{"id": str(uuid4()), "name": f"Ada {number}"} for number in range(300)]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("offbook.transfer.bulk_import.write_in_batches", parts)
        importing.add(contacts)
    (count,) = replica.execute("SELECT count(*) FROM contacts").fetchone()
    assert importing.counts.added == count > 0
