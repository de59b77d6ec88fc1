"""Live: what a background thread calls arrives as signals in the window's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from offbook import Offline, Replica
from offbook.qt import Live
from tests.qt.spinning import until

pytestmark = pytest.mark.usefixtures("qt")


class Telling(Replica):
    """A replica whose background thread tells one of each, and ends."""

    def start(self, **told: Callable[[Any], object]) -> None:
        def tell() -> None:
            told["on_change"](("c1", "c2"))
            told["on_status"](self.status())
            told["on_error"](Offline("The network is down."))

        thread = threading.Thread(target=tell)
        thread.start()
        thread.join()


def test_callbacks_become_signals_in_the_windows_thread(tmp_path: Path) -> None:
    heard: list[tuple[str, Any, int]] = []
    with Telling(tmp_path / "a.db") as book:
        live = Live(book)
        for name in ("changed", "status", "error"):
            getattr(live, name).connect(lambda what, name=name: heard.append((name, what, threading.get_ident())))
        live.start()
        assert heard == []
        until(lambda: len(heard) == 3)
        changed, status, error = (what for _, what, _ in heard)
        assert (changed, status, str(error)) == (["c1", "c2"], book.status(), "The network is down.")
        assert {thread for _, _, thread in heard} == {threading.get_ident()}
        live.stop()
