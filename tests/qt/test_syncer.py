"""Syncer: from time to time, when asked, never twice at once, again after a failure, and gone when it is told to."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from PySide6.QtTest import QSignalSpy

from offbook import NotAuthorized, Offline, Replica, Response, SyncError, SyncReport
from offbook.core.errors import NoServer
from offbook.qt import Syncer, retry_seconds
from tests.device.fake_server import Held, Server, Wire, lost_request, says, wire
from tests.qt.event_loop import pulse, until
from tests.support.live_server import silent

pytestmark = pytest.mark.usefixtures("qt")

Make = Callable[..., Syncer]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def book(tmp_path: Path, server: Server) -> Iterator[Replica]:
    with Replica(tmp_path / "a.db", transport=Wire(server)) as opened:
        yield opened


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes syncers that are stopped in the end."""
    with ExitStack() as stack:

        def make_syncer(book: Replica) -> Syncer:
            syncer = Syncer(book)
            stack.callback(syncer.stop)
            return syncer

        yield make_syncer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offbook.qt.INTERVAL_SECONDS_MIN", 0.001)
    monkeypatch.setattr("offbook.qt.RETRY_SECONDS_MIN", 0.01)


def test_a_start_syncs_at_once_and_then_from_time_to_time(book: Replica, server: Server, make: Make) -> None:
    syncer = make(book)
    syncer.interval_seconds = 0.01
    syncer.start()
    until(lambda: len(server.requests) >= 3)


def test_the_interval_stays_in_the_replica(book: Replica, make: Make) -> None:
    assert make(book).interval_seconds == 60
    make(book).interval_seconds = 300
    assert make(book).interval_seconds == 300
    with pytest.raises(ValueError, match="not 0"):
        make(book).interval_seconds = 0


def test_an_interval_that_is_made_shorter_counts_at_once(book: Replica, server: Server, make: Make) -> None:
    syncer = make(book)
    spy = QSignalSpy(syncer.finished)
    syncer.start()
    until(lambda: spy.count())
    syncer.interval_seconds = 0.01
    until(lambda: len(server.requests) >= 3)


def test_a_sync_can_be_asked_for_without_a_start(book: Replica, server: Server, make: Make) -> None:
    syncer = make(book)
    started, finished = QSignalSpy(syncer.started), QSignalSpy(syncer.finished)
    book.contacts.add(name="Ada")
    syncer.sync_now()
    assert syncer.is_syncing
    until(lambda: finished.count())
    assert not syncer.is_syncing
    assert (started.count(), finished.at(0)) == (1, [SyncReport(pushed=1)])


def test_what_is_asked_for_during_a_sync_is_done_once_after_it(tmp_path: Path, server: Server, make: Make) -> None:
    held = Held(server)
    with Replica(tmp_path / "b.db", transport=held) as book:
        syncer = make(book)
        spy = QSignalSpy(syncer.finished)
        syncer.sync_now()
        until(held.was_asked.is_set)
        book.contacts.add(name="Ada")
        for _ in range(3):
            syncer.sync_now()
        assert len(server.requests) == 1
        held.go.set()
        until(lambda: spy.count() == 2)
        assert not syncer.is_syncing
        assert len(server.contacts) == 1
        syncer.stop()


def test_a_failed_sync_is_tried_again_without_being_asked(book: Replica, server: Server, make: Make) -> None:
    syncer = make(book)
    failed, finished = QSignalSpy(syncer.error), QSignalSpy(syncer.finished)
    wire(book).steps = [lost_request, says(Response(500)), lost_request]
    book.contacts.add(name="Ada")
    syncer.start()
    until(lambda: finished.count())
    assert failed.count() == 3
    assert len(server.contacts) == 1


def test_after_a_failure_only_a_person_need_not_wait(book: Replica, server: Server, make: Make) -> None:
    syncer = make(book)
    failed, finished = QSignalSpy(syncer.error), QSignalSpy(syncer.finished)
    wire(book).steps = [says(Response(503, {"Retry-After": "120"}))]
    syncer.start()
    until(lambda: failed.count())
    syncer.sync_soon()
    assert not syncer.is_syncing
    syncer.sync_now()
    until(lambda: finished.count())


def test_a_server_that_names_its_own_time_is_obeyed(book: Replica, make: Make) -> None:
    syncer = make(book)
    failed = QSignalSpy(syncer.error)
    wire(book).steps = [says(Response(503, {"Retry-After": "120"}))]
    syncer.start()
    until(lambda: failed.count())
    assert 110_000 < syncer._timer.remainingTime() <= 120_000


def test_a_stop_lets_go_of_a_server_that_never_answers(tmp_path: Path, make: Make) -> None:
    with silent() as (url, is_asked), Replica(tmp_path / "b.db", url, "token") as book:
        book.contacts.add(name="Ada")
        syncer = make(book)
        errors = QSignalSpy(syncer.error)
        syncer.start()
        with pulse() as beats:
            until(is_asked.is_set)
        before = time.monotonic()
        syncer.stop()
        assert time.monotonic() - before < 1
        assert book.status().pending == 1
    until(lambda: True)
    assert errors.count() == 0
    assert beats.longest < 0.1


def test_what_was_stopped_can_be_started_again(tmp_path: Path, server: Server, make: Make) -> None:
    held = Held(server)
    with Replica(tmp_path / "b.db", transport=held) as book:
        syncer = make(book)
        finished, failed = QSignalSpy(syncer.finished), QSignalSpy(syncer.error)
        syncer.start()
        until(held.was_asked.is_set)
        syncer.stop()
        held.go.set()
        syncer.start()
        until(lambda: finished.count())
        assert failed.count() == 0
        syncer.stop()


def test_syncs_leave_no_connections_behind(book: Replica, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[weakref.ref[object]] = []
    open_one = book._open

    def open_and_note() -> object:
        connection = open_one()
        opened.append(weakref.ref(connection))
        return connection

    monkeypatch.setattr(book, "_open", open_and_note)
    syncer = make(book)
    finished = QSignalSpy(syncer.finished)
    syncer.interval_seconds = 0.001
    syncer.start()
    until(lambda: finished.count() > 20)
    syncer.stop()
    assert len(opened) > 1
    assert [reference() for reference in opened if reference() is not None] == []


# --- how long it waits ---------------------------------------------------------------------------------------------


def test_each_failure_makes_it_wait_longer_up_to_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offbook.qt.RETRY_SECONDS_MIN", 1.0)
    assert [retry_seconds(Offline("x"), failures, 1.0) for failures in (1, 2, 3, 1000)] == [1, 2, 4, 60]
    assert retry_seconds(Offline("x"), 1, 0.0) == 0.5


@pytest.mark.parametrize("error", [NotAuthorized("x"), NoServer("x")])
def test_what_a_person_must_set_right_is_not_tried_every_second(error: SyncError) -> None:
    assert retry_seconds(error, 1, 0.0) == 30
