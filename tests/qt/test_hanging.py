"""The window never stands still: not while a server hangs, and not when it is closed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6, or what it needs, is not installed", exc_type=ImportError)

from PySide6.QtTest import QTest

from examples.desktop.window import Window
from offbook import Replica
from offbook.qt import Syncer
from tests.qt.spinning import pulse, until
from tests.serving import silent

pytestmark = pytest.mark.usefixtures("qt")

STILL_SECONDS_MAX = 0.1
CLOSE_SECONDS_MAX = 2.0


def test_a_server_that_never_answers_holds_up_nothing(tmp_path: Path) -> None:
    with silent() as (url, asked), Replica(tmp_path / "a.db", url, "token") as book:
        ada = book.contacts.add(name="Ada")
        window = Window(book, Syncer(book))
        window.edited.connect(window.syncer.sync_soon)
        window.show()
        window.syncer.start()
        until(asked.is_set)
        until(lambda: window.current() == ada)
        with pulse() as found:
            until(lambda: window.state.text().startswith("Syncing"))
            QTest.keyClicks(window.search, "ada")
            window.pane.star_button.click()
            window.sync_button.click()
            window.delete()
            window.put_back()
            until(lambda: window.state.text() == "Syncing, 4 changes wait")
        assert found.longest < STILL_SECONDS_MAX
        before = time.monotonic()
        window.close()
        assert time.monotonic() - before < CLOSE_SECONDS_MAX
        assert book.contacts.get(ada)["starred"] and book.status().pending == 4
