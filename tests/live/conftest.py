"""Two devices of one person, a real server, and a network between them that fails when it is told to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app import App
from offbook import Replica
from offbook.core.connection import Seconds
from offbook.live import websocket, worker
from offbook.sync.http import transport
from tests.support.browser import add_device, add_user, app_beside
from tests.support.callback_recorder import Witness
from tests.support.fault_proxy import Middle
from tests.support.live_server import serving

QUICK = Seconds(
    handshake=1.5, answer=1.5, ping=0.5, poll=0.2, retry_min=0.02, retry_max=0.1, pause=0.1, live_min=0.02, live_max=0.1
)

Open = Callable[..., Replica]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SECONDS", QUICK)
    monkeypatch.setattr(transport, "SILENCE_SECONDS_MAX", 1.0)
    monkeypatch.setattr(websocket, "MESSAGE_SECONDS_MAX", 1.0)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with app_beside(tmp_path_factory.mktemp("instance")) as made:
        yield made


@pytest.fixture(scope="module")
def url(app: App) -> Iterator[str]:
    with serving(app) as url:
        yield url


@pytest.fixture
def middle(url: str) -> Iterator[Middle]:
    with Middle(url).running() as middle:
        yield middle


@pytest.fixture
def person(app: App, request: pytest.FixtureRequest) -> str:
    """Whose devices they are: somebody else's in each test."""
    name: str = request.node.name[:100]
    add_user(app, name)
    return name


@pytest.fixture
def device(app: App, person: str, middle: Middle, tmp_path: Path) -> Iterator[Open]:
    """Opens a device of theirs; it is closed in the end."""
    with ExitStack() as stack:

        def open_replica(name: str) -> Replica:
            token = add_device(app, person, name)[1]
            return stack.enter_context(Replica(tmp_path / f"{name}.db", middle.url, token))

        yield open_replica


@pytest.fixture
def laptop(device: Open) -> Replica:
    return device("laptop")


@pytest.fixture
def phone(device: Open) -> Replica:
    return device("phone")


@pytest.fixture
def witness() -> Witness:
    return Witness()
