"""Devices of a test, each with a server that is played in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from offbook import Replica
from tests.device.fake_server import Server, Wire

Device = Callable[..., Replica]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def device(tmp_path: Path, server: Server) -> Iterator[Device]:
    """Opens replicas by name, all of one server; they are closed in the end."""
    with ExitStack() as stack:

        def open_replica(name: str = "a", **options: Any) -> Replica:
            options.setdefault("transport", Wire(server))
            return stack.enter_context(Replica(tmp_path / f"{name}.db", **options))

        yield open_replica


@pytest.fixture
def a(device: Device) -> Replica:
    return device("a")


@pytest.fixture
def b(device: Device) -> Replica:
    return device("b")
