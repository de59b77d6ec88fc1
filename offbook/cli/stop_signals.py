"""The signals that end a command that has no end of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ended_by_signal(end: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and the end of the terminal call ``end``: the end is as asked for, not a failure."""
    before = {number: signal.signal(number, lambda *_: end()) for number in _stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop_signals() -> Iterator[signal.Signals]:
    """A hang-up that is ignored stays so: under nohup a command outlives its terminal. Windows has none."""
    yield from (signal.SIGINT, signal.SIGTERM)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP
