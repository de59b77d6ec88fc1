"""A Qt app without a screen, and the real server for it. PySide6 is imported late: without it the tests are skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app import App
from offbook import Replica
from tests.support.browser import add_device, add_user, app_beside, parts_of
from tests.support.live_server import serving

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

NUMBERS = count(1)

Device = Callable[..., Replica]


@pytest.fixture(scope="session")
def qt() -> QApplication:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    return QApplication([])


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, str]]:
    with app_beside(tmp_path_factory.mktemp("site")) as app, serving(app) as url:
        yield app, url


@pytest.fixture
def policy() -> str:
    return "merge"


@pytest.fixture
def device(site: tuple[App, str], tmp_path: Path, policy: str) -> Iterator[Device]:
    """Opens replicas by name: the devices of one new person, whose book they share."""
    app, url = site
    user = f"user{next(NUMBERS)}"
    add_user(app, user)
    parts = parts_of(app)
    parts.accounts.set_policy(parts.accounts.user_named(user).book_id, policy)
    with ExitStack() as stack:

        def open_replica(name: str, **options: Any) -> Replica:
            settings = {"server": url, "token": add_device(app, user, name)[1]} | options
            return stack.enter_context(Replica(tmp_path / f"{name}.db", **settings))

        yield open_replica
