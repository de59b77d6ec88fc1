"""Letting Qt work until something came true, and measuring whether it ever stood still meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, QEventLoop, Qt, QTimer

SECONDS_MAX = 10.0
TICK_MS = 5


def until(holds: Callable[[], object], seconds: float = SECONDS_MAX) -> None:
    """Handle events until it holds, looked at after each of them."""
    deadline = time.monotonic() + seconds
    with ticking(lambda: None):
        while not holds():
            assert time.monotonic() < deadline, "it never came true"
            QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


@contextmanager
def ticking(tick: Callable[[], object]) -> Iterator[None]:
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(TICK_MS)
    try:
        yield
    finally:
        timer.stop()


class Pulse:
    """The longest time, in seconds, in which the event loop handled no event."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.monotonic()

    def beat(self) -> None:
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now


@contextmanager
def pulse() -> Iterator[Pulse]:
    pulse = Pulse()
    with ticking(pulse.beat):
        yield pulse
    pulse.beat()
