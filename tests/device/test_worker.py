"""Syncing in the background: what wakes it, what it does when something fails, what it tells, and how it ends."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from offbook import Response
from offbook.core.connection import Seconds
from offbook.live import worker
from tests.device.conftest import Device
from tests.device.fake_server import Server, Wire, lost_request, problem, says

SECONDS_MAX = 10.0
WRITER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("INSERT INTO contacts(name) VALUES ('Ada')")
"""


@dataclass
class Watched(Wire):
    """Tells when a condition came true, looked at after each answer; may hang on request."""

    hang: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)
    moved: threading.Condition = field(default_factory=threading.Condition)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        if self.hang.is_set():
            self.hanging.set()
            while self.hang.is_set():
                time.sleep(0.01)
        try:
            return super().send(method, path, body, headers)
        finally:
            with self.moved:
                self.moved.notify_all()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        with self.moved:
            assert self.moved.wait_for(holds, SECONDS_MAX)


@pytest.fixture
def watched(server: Server) -> Watched:
    return Watched(server)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SECONDS", Seconds(retry_min=0.02, poll=600))


def test_a_local_commit_is_sent_at_once(device: Device, server: Server, watched: Watched) -> None:
    a = device("a", transport=watched)
    a.start()
    a.start()
    watched.wait_until(lambda: bool(server.requests))
    a.contacts.add(name="Ada")
    watched.wait_until(lambda: len(server.contacts) == 1)


def test_a_commit_of_another_process_is_sent_at_once(device: Device, server: Server, watched: Watched) -> None:
    a = device("a", transport=watched)
    a.start()
    watched.wait_until(lambda: bool(server.requests))
    subprocess.run([sys.executable, "-c", WRITER, str(a.path)], check=True)
    watched.wait_until(lambda: len(server.contacts) == 1)


def test_what_others_wrote_comes_by_itself(
    device: Device, server: Server, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SECONDS", Seconds(poll=0.01))
    a, b = device("a", transport=watched), device("b")
    a.start()
    b.contacts.add(name="Ada")
    b.sync()
    watched.wait_until(lambda: a.contacts.count() == 1)


def test_a_failed_sync_is_tried_again_without_a_new_write(device: Device, server: Server, watched: Watched) -> None:
    a = device("a", transport=watched)
    a.contacts.add(name="Ada")
    watched.steps = [lost_request, says(Response(500)), says(Response(200, {}, b"x")), lost_request]
    a.start()
    watched.wait_until(lambda: len(server.contacts) == 1)


def test_a_failure_is_shown_until_a_sync_succeeds(device: Device, server: Server, watched: Watched) -> None:
    a = device("a", transport=watched)
    watched.steps = [says(problem(401, "not_authorized", "The server does not know this token."))]
    a.start()
    watched.wait_until(lambda: not watched.steps)
    deadline = time.monotonic() + SECONDS_MAX
    while a.status().last_error is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "token" in (a.status().last_error or "")
    assert a.status().running


def test_an_error_that_nobody_foresaw_does_not_end_the_thread(device: Device, server: Server, watched: Watched) -> None:
    def breaks(body: bytes, server: Server) -> Response:
        raise OSError("the disk is full")

    a = device("a", transport=watched)
    watched.steps = [breaks]
    a.start()
    watched.wait_until(lambda: bool(server.requests))


def test_stop_returns_though_the_server_hangs_and_the_late_answer_is_not_applied(
    device: Device, server: Server, watched: Watched
) -> None:
    a, b = device("a", transport=watched), device("b")
    b.contacts.add(name="Ada")
    b.sync()
    watched.hang.set()
    a.start()
    assert watched.hanging.wait(SECONDS_MAX)
    (thread,) = [one for one in threading.enumerate() if one.name == "offbook"]
    before = time.monotonic()
    a.stop()
    assert time.monotonic() - before < 2
    watched.hang.clear()
    thread.join(SECONDS_MAX)
    assert a.contacts.count() == 0
    assert a.sync().pulled == 1


def test_a_stopped_replica_can_be_started_again(device: Device, server: Server, watched: Watched) -> None:
    a = device("a", transport=watched)
    a.start()
    a.stop()
    a.stop()
    a.contacts.add(name="Ada")
    a.start()
    watched.wait_until(lambda: len(server.contacts) == 1)
