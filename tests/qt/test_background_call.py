"""Reading aside: in another thread, one at a time, and never what is out of date."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from PySide6.QtCore import QObject, QThreadPool

from examples.desktop.background_call import BackgroundCall
from tests.qt.event_loop import until

pytestmark = pytest.mark.usefixtures("qt")


class Slow:
    """Work that gives its number, and waits to be let go."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Semaphore(0)

    def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        assert self.go.acquire(timeout=10)
        return number


@pytest.fixture
def owner() -> QObject:
    return QObject()


@pytest.fixture
def pool() -> Iterator[QThreadPool]:
    pool = QThreadPool()
    yield pool
    pool.waitForDone()


def test_what_is_asked_for_while_it_reads_is_read_after_it(owner: QObject, pool: QThreadPool) -> None:
    work, results = Slow(), list[object]()
    call = BackgroundCall(work, pool, owner)
    call.returned.connect(results.append)
    call.request()
    until(lambda: work.begun)
    call.request()
    call.request()
    work.go.release(2)
    until(lambda: results)
    assert (results, work.begun) == ([2], 2)


def test_what_is_overtaken_is_read_again_and_where_nothing_is_read_nothing_is(
    owner: QObject, pool: QThreadPool
) -> None:
    work, results = Slow(), list[object]()
    call = BackgroundCall(work, pool, owner)
    call.returned.connect(results.append)
    call.invalidate()
    call.request()
    until(lambda: work.begun)
    call.invalidate()
    work.go.release(2)
    until(lambda: results)
    assert (results, work.begun) == ([2], 2)


def test_a_reading_that_fails_is_logged_and_the_next_one_reads(
    owner: QObject, pool: QThreadPool, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[object] = [OSError("the disk is gone"), 5]
    results = list[object]()

    def read() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    call = BackgroundCall(read, pool, owner)
    call.returned.connect(results.append)
    call.request()
    until(lambda: "the disk is gone" in caplog.text)
    until(lambda: not call._is_busy)
    call.request()
    until(lambda: results)
    assert results == [5]
