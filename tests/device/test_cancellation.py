"""Letting go of a sync: at once, whatever the server does, and with nothing lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from offbook import Offline, Replica, Response, Stopped, SyncReport
from offbook.sync.cancellation import CancellableTransport
from tests.device.conftest import Device
from tests.device.fake_server import Held, Server
from tests.support.live_server import silent

SECONDS_MAX = 10.0


@contextmanager
def in_a_thread(work: Callable[[], object]) -> Iterator[list[object]]:
    """What the work gave, or raised, once the block is left."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield found
    thread.join(SECONDS_MAX)
    assert not thread.is_alive()


def test_a_sync_ends_when_it_is_told_to_though_the_server_never_answers(device: Device) -> None:
    stop = threading.Event()
    with silent() as (url, asked):
        a = device("a", server=url, token="t", transport=None)
        a.contacts.add(name="Ada")
        with in_a_thread(lambda: a.sync(stop=stop)) as found:
            assert asked.wait(SECONDS_MAX)
            stop.set()
            before = time.monotonic()
        assert time.monotonic() - before < 1
    assert isinstance(found[0], Stopped)
    assert a.status().pending == 1


def test_an_answer_that_comes_too_late_is_not_applied_and_comes_again(device: Device, server: Server) -> None:
    held, stop = Held(server), threading.Event()
    a = device("a", transport=held)
    a.contacts.add(name="Ada")
    with in_a_thread(lambda: a.sync(stop=stop)) as found:
        assert held.was_asked.wait(SECONDS_MAX)
        stop.set()
    held.go.set()
    assert held.arrived.wait(SECONDS_MAX)
    assert isinstance(found[0], Stopped)
    assert a.status().pending == 1
    assert a.sync(stop=threading.Event()) == SyncReport(pushed=1)
    assert len(server.contacts) == 1


def test_who_waits_for_another_sync_can_be_told_to_stop(device: Device, server: Server) -> None:
    stop = threading.Event()
    a = device("a")
    a.connection.execute(
        "UPDATE sync_state SET lease_holder = ?, lease_until_ms = ?", (f"{os.getppid()}:x", a._clock() + 60_000)
    )
    with in_a_thread(lambda: a.sync(stop=stop)) as found:
        stop.set()
    assert isinstance(found[0], Stopped)
    assert server.requests == []


def test_what_the_transport_raises_is_raised(server: Server) -> None:
    class Broken:
        def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
            raise Offline("The network is down.")

    with pytest.raises(Offline, match="down"):
        CancellableTransport(Broken(), threading.Event()).send("POST", "/sync", b"", {})


def test_a_sync_that_was_told_to_stop_before_asks_nothing(device: Device, server: Server) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        device("a").sync(stop=stop)
    assert server.requests == []


def test_a_stopped_sync_leaves_the_replica_to_the_next(device: Device, server: Server) -> None:
    held, stop = Held(server), threading.Event()
    a: Replica = device("a", transport=held)
    with in_a_thread(lambda: a.sync(stop=stop)):
        assert held.was_asked.wait(SECONDS_MAX)
        stop.set()
    (holder,) = a.connection.execute("SELECT lease_holder FROM sync_state").fetchone()
    assert holder is None
    held.go.set()
