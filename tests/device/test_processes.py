"""One file and several processes: they take turns in syncing, and may be killed at any statement."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offbook import Busy, Replica
from offbook.database import connection
from offbook.database.lease import LEASE_MS, release_lease
from tests.device.conftest import Device
from tests.device.fake_server import Server, Wire
from tests.device.http_server import TOKEN, serving
from tests.device.process_killer import ROOT, killing
from tests.support.samples import IS_PROOF

DEAD = 2**22 + 1
"""No process has this id: Linux and macOS count up to less."""

Story = Callable[[Path, Server], None]


# --- the lease -----------------------------------------------------------------------------------------------------


def held_by(replica: Replica, process: int, for_ms: int) -> None:
    replica.connection.execute(
        "UPDATE sync_state SET lease_holder = ?, lease_until_ms = ?", (f"{process}:x", replica._clock() + for_ms)
    )


def test_who_syncs_while_another_does_is_told_so(
    device: Device, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offbook.database.lease.WAIT_SECONDS_MAX", 0.05)
    a = device("a")
    held_by(a, os.getppid(), 60_000)
    with pytest.raises(Busy, match="Another process"):
        a.sync()
    assert server.requests == []


def test_who_waits_goes_on_when_the_other_is_done(device: Device, server: Server) -> None:
    a = device("a")
    held_by(a, os.getppid(), 60_000)
    other = connection.connect(a.path, check_same_thread=False)
    timer = threading.Timer(0.1, lambda: release_lease(other, f"{os.getppid()}:x"))
    timer.start()
    a.sync()
    timer.join()
    other.close()
    assert server.requests


def test_a_lease_of_an_earlier_run_with_our_number_blocks_nobody(device: Device, server: Server) -> None:
    a = device("a")
    held_by(a, os.getpid(), 60_000)
    a.sync()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX tells whether a process is alive")
def test_a_process_that_was_killed_blocks_nobody(device: Device, server: Server) -> None:
    a = device("a")
    held_by(a, DEAD, 60_000)
    a.sync()


@pytest.mark.parametrize("for_ms", [-1, 10 * LEASE_MS])
def test_a_lease_that_is_over_or_can_not_be_blocks_nobody(for_ms: int, device: Device, server: Server) -> None:
    a = device("a")
    held_by(a, os.getppid(), for_ms)
    a.sync()


WORKER = """
import sys
from offbook import Replica
path, url, token, name = sys.argv[1:]
with Replica(path, url, token) as book:
    for number in range(10):
        book.contacts.add(name=f"{name}{number}")
        book.sync()
"""


def test_processes_that_write_and_sync_one_file_lose_and_double_nothing(tmp_path: Path, server: Server) -> None:
    with serving(server) as house:
        command = [sys.executable, "-c", WORKER, str(tmp_path / "a.db"), house.url, TOKEN]
        workers = [subprocess.Popen([*command, name], cwd=ROOT) for name in "xyz"]
        assert [worker.wait(timeout=60) for worker in workers] == [0] * 3
    names = sorted(cells["name"] for cells in server.contacts.values())
    assert names == sorted(f"{name}{number}" for name in "xyz" for number in range(10))
    assert len(server.shelf.lines) == 30


# --- kill -9 -------------------------------------------------------------------------------------------------------


def push_of_everything(path: Path, server: Server) -> None:
    """A change of each kind is pending: new, merged, deleted, rejected with an edit behind it, impossible to send."""
    with Replica(path, transport=Wire(server)) as a, Replica(path.with_name("other.db"), transport=Wire(server)) as b:
        merged = a.contacts.add(name="Merged", details={"k1": {"kind": "phone", "value": "1"}})
        deleted, hidden = a.contacts.add(name="Deleted"), a.contacts.add(name="Hidden")
        a.sync()
        b.sync()
        b.contacts.update(merged, phone="b", details={"k1": None})
        b.contacts.update(hidden, phone="b")
        b.contacts.add(name="Theirs", details=[{"kind": "url", "value": "https://example.org"}])
        b.sync()
        a.contacts.add(name="New", details=[{"kind": "phone", "value": "1"}])
        a.contacts.update(merged, email="a@example.org", details={"k1": {"label": "boat"}})
        a.contacts.delete(deleted)
        a.contacts.update(a.contacts.add(name="Rejected"), phone="1")
        a.connection.execute("UPDATE change_log SET base = 1 << 60 WHERE id = (SELECT max(id) - 1 FROM change_log)")
        a.connection.execute("UPDATE contacts SET starred = 9e999 WHERE id = ?", (hidden,))


def snapshot_after_a_restore(path: Path, server: Server) -> None:
    """The server forgot a record, an edit and a deletion; there is also something pending."""
    with Replica(path, transport=Wire(server)) as a, Replica(path.with_name("other.db"), transport=Wire(server)) as b:
        kept, deleted = a.contacts.add(name="Kept"), a.contacts.add(name="Deleted")
        a.sync()
        b.sync()
        backup = server.backup()
        b.contacts.add(name="Lost")
        b.sync()
        a.contacts.update(kept, phone="1")
        a.contacts.delete(deleted)
        a.sync()
        a.contacts.update(kept, email="a@example.org")
    server.restore(backup, "e2")
    server.kept = backup.book.seq


@pytest.mark.proof
@pytest.mark.kills
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("is_hasty", [False, True], ids=["whole answers", "answers in parts"])
@pytest.mark.parametrize("story", [push_of_everything, snapshot_after_a_restore])
def test_a_sync_that_is_killed_at_any_statement_leaves_the_file_right(
    story: Story, is_hasty: bool, tmp_path: Path
) -> None:
    begun = Server(page_max=2)
    path, template = tmp_path / "a.db", tmp_path / "template.db"
    story(path, begun)
    shutil.copyfile(path, template)
    server = begun.copy()
    with Replica(path, transport=Wire(server)) as a:
        a.sync()
        expected = outcome(a, server)
    with killing(is_hasty=is_hasty) as killer:
        for count in range(1, 1000, 1 if IS_PROOF else 13 if is_hasty else 11):
            for file in tmp_path.glob("a.db*"):
                file.unlink()
            shutil.copyfile(template, path)
            server = begun.copy()
            killed = killer.sync_and_die(path, count, server.answer)
            with Replica(path, transport=Wire(server)) as a:
                assert a.connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
                a.sync()
                assert outcome(a, server) == expected, f"killed at statement {count}"
            if not killed:
                return
    raise AssertionError("the sync did not end")


def outcome(replica: Replica, server: Server) -> Any:
    """What is on the device and on the server; without times, which depend on how often was tried."""
    contacts = [{k: v for k, v in one.items() if not k.endswith("_at")} for one in replica.contacts.list()]
    parked = [(one.record_id, one.operation, one.code, one.data) for one in replica.parked()]
    waiting = (replica.status().pending, replica.connection.execute("SELECT applying FROM offbook_guard").fetchone())
    history = sorted((line.key, line.change.id) for line in server.shelf.lines)
    return contacts, parked, waiting, server.contacts, history
