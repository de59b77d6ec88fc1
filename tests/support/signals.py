"""How what a test starts takes a signal, whatever whoever started the tests ignores: under nohup, or behind ``&``."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ignored(number: signal.Signals) -> Iterator[None]:
    """What is started meanwhile ignores the signal, as under nohup."""
    with _handled(number, signal.SIG_IGN):
        yield


@contextmanager
def heeded(number: signal.Signals) -> Iterator[None]:
    """What is started meanwhile takes the signal, as from a terminal."""
    with _handled(number, signal.SIG_DFL):
        yield


@contextmanager
def _handled(number: signal.Signals, handler: signal.Handlers) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)
