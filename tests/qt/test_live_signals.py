"""LiveSignals: what the background thread of a started replica tells arrives as signals in the window's thread."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from offbook import Offline
from offbook.qt import LiveSignals
from tests.qt.conftest import Device
from tests.qt.event_loop import until
from tests.support.live_server import silent

pytestmark = pytest.mark.usefixtures("qt")


class Heard:
    """What was told, in the order in which it came, and the threads in which that was."""

    def __init__(self, live: LiveSignals) -> None:
        self.changed: list[list[str]] = []
        self.rows: list[list[tuple[str, str]]] = []
        self.links: list[str] = []
        self.errors: list[Exception] = []
        self.threads: set[int] = set()
        live.changed.connect(lambda ids: self._hear(self.changed, ids))
        live.rows.connect(lambda rows: self._hear(self.rows, rows))
        live.status.connect(lambda status: self._hear(self.links, status.link))
        live.error.connect(lambda error: self._hear(self.errors, error))

    def _hear(self, heard: list[Any], what: object) -> None:
        heard.append(what)
        self.threads.add(threading.get_ident())


def test_what_others_change_is_told_the_moment_it_is_here(device: Device) -> None:
    book, other = device("laptop"), device("phone")
    live = LiveSignals(book)
    heard = Heard(live)
    live.start()
    until(lambda: "live" in heard.links)
    ada = other.contacts.add(name="Ada")
    other.sync()
    until(lambda: heard.changed)
    assert heard.changed == [[ada]]
    assert heard.rows == [[("contacts", ada)]]
    assert book.contacts.get(ada)["name"] == "Ada"
    assert heard.threads == {threading.get_ident()}
    live.stop()


def test_what_is_committed_in_the_window_is_elsewhere_without_asking(device: Device) -> None:
    book, other = device("laptop"), device("phone")
    live = LiveSignals(book)
    heard = Heard(live)
    live.start()
    until(lambda: "live" in heard.links)
    book.contacts.add(name="Ada")
    until(lambda: book.status().pending == 0)
    assert other.sync().pulled == 1
    live.stop()


def test_what_fails_is_told(device: Device) -> None:
    live = LiveSignals(device("laptop", server="http://127.0.0.1:9"))
    heard = Heard(live)
    live.start()
    until(lambda: heard.errors and "offline" in heard.links)
    assert isinstance(heard.errors[0], Offline)
    live.stop()


def test_a_stop_waits_for_no_server(device: Device) -> None:
    with silent() as (url, is_asked):
        live = LiveSignals(device("laptop", server=url))
        live.start()
        until(is_asked.is_set)
        before = time.monotonic()
        live.stop()
        assert time.monotonic() - before < 1
