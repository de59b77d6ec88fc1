"""SyncWorker: one sync in a pool's thread, told in the window's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from PySide6.QtCore import QObject, QThreadPool

from offbook import NotAuthorized, Offline, Replica, Stopped, SyncReport
from offbook.qt import SyncWorker
from tests.qt.conftest import Device
from tests.qt.event_loop import until
from tests.support.live_server import silent

pytestmark = pytest.mark.usefixtures("qt")


@pytest.fixture
def pool() -> Iterator[QThreadPool]:
    pool = QThreadPool()
    yield pool
    pool.waitForDone()


class Heard(QObject):
    """What a worker told, and whether it was told in the thread that made this."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Any] = []
        self.threads: set[int] = set()

    def hear(self, *results: object) -> None:
        self.threads.add(threading.get_ident())
        self.results += results


def run(pool: QThreadPool, book: Replica, hear: Callable[..., None]) -> SyncWorker:
    worker = SyncWorker(book)
    worker.signals.finished.connect(hear)
    worker.signals.error.connect(hear)
    pool.start(worker)
    return worker


def test_a_sync_ends_with_its_report_in_the_windows_thread(pool: QThreadPool, device: Device) -> None:
    book, heard = device("a"), Heard()
    book.contacts.add(name="Ada")
    run(pool, book, heard.hear)
    until(lambda: heard.results)
    assert (heard.results, heard.threads) == ([SyncReport(pushed=1)], {threading.get_ident()})
    assert book.status().pending == 0


def test_nobody_has_to_keep_a_worker(pool: QThreadPool, device: Device) -> None:
    book, heard = device("a"), Heard()
    for _ in range(20):
        run(pool, book, lambda report: heard.hear(report))
    pool.waitForDone()
    until(lambda: len(heard.results) == 20)
    assert heard.threads == {threading.get_ident()}


def test_progress_is_told_after_each_answer(pool: QThreadPool, device: Device) -> None:
    book, heard = device("a"), Heard()
    book.contacts.add(name="Ada")
    worker = SyncWorker(book)
    worker.signals.progress.connect(heard.hear)
    pool.start(worker)
    until(lambda: SyncReport(pushed=1) in heard.results)
    assert heard.results[-1] == 0


def test_a_token_that_is_not_accepted_is_an_error(pool: QThreadPool, device: Device) -> None:
    heard = Heard()
    run(pool, device("a", token="ob_1_wrong"), heard.hear)
    until(lambda: heard.results)
    assert isinstance(heard.results[0], NotAuthorized)


def test_a_server_that_is_not_there_is_an_error(pool: QThreadPool, device: Device) -> None:
    book, heard = device("a", server="http://127.0.0.1:9"), Heard()
    book.contacts.add(name="Ada")
    run(pool, book, heard.hear)
    until(lambda: heard.results)
    assert isinstance(heard.results[0], Offline)
    assert book.status().pending == 1


def test_what_nobody_foresaw_is_an_error_too(
    pool: QThreadPool, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    book, heard = device("a"), Heard()
    book.connection.execute("DROP TABLE server_rows")
    run(pool, book, heard.hear)
    until(lambda: heard.results)
    assert "server_rows" in str(heard.results[0])
    assert "The sync failed" in caplog.text


def test_a_worker_can_be_stopped_though_the_server_never_answers(pool: QThreadPool, device: Device) -> None:
    heard = Heard()
    with silent() as (url, is_asked):
        worker = run(pool, device("a", server=url), heard.hear)
        until(is_asked.is_set)
        worker.stop()
        assert pool.waitForDone(1000)
    until(lambda: heard.results)
    assert isinstance(heard.results[0], Stopped)
