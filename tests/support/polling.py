"""Waiting for what another thread or process does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event


def wait_until(happened: Callable[[], bool]) -> None:
    pause = Event()
    for _ in range(10_000):
        if happened():
            return
        pause.wait(0.001)
    raise AssertionError("it did not happen within ten seconds")
