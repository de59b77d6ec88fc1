"""The window never stands still: not while a server hangs, and not when it is closed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from PySide6.QtTest import QSignalSpy, QTest

from examples.desktop.main_window import MainWindow
from offbook import Replica
from tests.qt.event_loop import pulse, until
from tests.support.live_server import silent

pytestmark = pytest.mark.usefixtures("qt")

STILL_SECONDS_MAX = 0.1
CLOSE_SECONDS_MAX = 2.0
TRIES = 5
"""A machine that is busy with other things is late now and then. Who waits for a server is late each time."""


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[MainWindow]:
    """A window whose sync waits for a server that never answers."""
    with silent() as (url, is_asked), Replica(tmp_path / "a.db", url, "token") as book:
        book.contacts.add(name="Ada")
        window = MainWindow(book)
        window.start()
        until(is_asked.is_set)
        until(window.current)
        yield window
        window.close()


def stillest(window: MainWindow, act: Callable[[], object]) -> float:
    """For how long the window handles nothing when this is done, in the best of some tries."""
    longest = []
    for _ in range(TRIES):
        spy = QSignalSpy(window._status.returned)
        with pulse() as beats:
            act()
            window._status.request()
            until(spy.count)
        longest.append(beats.longest)
    return min(longest)


def delete_and_put_back(window: MainWindow) -> None:
    window.delete()
    window.put_back()


ACTS: dict[str, Callable[[MainWindow], object]] = {
    "nothing": lambda window: None,
    "search": lambda window: QTest.keyClicks(window.search, "a"),
    "an edit": lambda window: window.pane.star_button.click(),
    "a deletion, taken back": delete_and_put_back,
    "sync now": lambda window: window.sync_button.click(),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_server_that_never_answers_holds_up_nothing(hanging: MainWindow, act: Callable[[MainWindow], object]) -> None:
    assert stillest(hanging, lambda: act(hanging)) < STILL_SECONDS_MAX
    assert hanging.state.text().startswith(("Connecting", "Syncing"))


def test_the_window_closes_though_the_server_never_answers(hanging: MainWindow) -> None:
    before = time.monotonic()
    hanging.close()
    assert time.monotonic() - before < CLOSE_SECONDS_MAX
    assert hanging.book.status().pending == 1
