"""Writing much without holding the file's write lock for long: in many transactions, with room for others in between.

SQLite keeps no queue for the lock. Whoever waits looks again after 1, 2, 5, 10, 15, 20 and then every 25 milliseconds,
after 128 every 50, after 228 every 100 (sqliteDefaultBusyCallback). So a short transaction is not enough: the lock must
then be free for as long as a waiting program sleeps, or it may find it taken again each time that it looks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar

from offbook.database.connection import Connection, atomic

FIRST_SECONDS = 0.2
"""How long a first transaction may take: ordinary work is then whole, and waits for nothing."""

TURN_SECONDS = 0.09
"""How long each further one is meant to take."""

SIZE_FIRST = 100
RECORD_SIZE = 10
"""The size of a record that is looked at and written by itself, where that of a row written with others is 1."""

LOOKS = ((0.125, 0.03), (0.2, 0.055), (math.inf, 0.105))
"""For how long the lock is left free after a transaction that was shorter than this."""

_DONE = object()

T = TypeVar("T")
R = TypeVar("R")


def write_in_batches(
    connection: Connection,
    items: Iterable[T],
    write: Callable[[list[T]], R],
    *,
    block: Callable[[Connection], AbstractContextManager[None]] = atomic,
    size_of: Callable[[T], int] = lambda item: 1,
) -> Iterator[R]:
    """Call ``write`` with some items at a time, each time in a ``block`` of its own, and yield what it returned.

    By then it is on the disk, and the lock is free. ``items`` are fetched while it is, so that an iterator may prepare
    them.
    """
    iterator, size_max, free_until = iter(items), SIZE_FIRST, 0.0
    while batch := _next_batch(iterator, size_max, size_of):
        time.sleep(max(0.0, free_until - time.monotonic()))
        with block(connection):
            began = time.monotonic()
            result = write(batch)
        ended = time.monotonic()
        free_until = ended + free_seconds(ended - began)
        size_max = next_size(sum(map(size_of, batch)), ended - began)
        yield result


def _next_batch(iterator: Iterator[T], size_max: int, size_of: Callable[[T], int]) -> list[T]:
    """The next items, of this size together or of the least that is more."""
    batch: list[T] = []
    size = 0
    while size < size_max and (item := next(iterator, None)) is not None:
        batch.append(item)
        size += size_of(item)
    return batch


def next_size(size: int, seconds: float) -> int:
    """How much to write in a transaction, where so much took so long. It grows slowly, and shrinks at once."""
    return max(1, min(2 * size, int(size * TURN_SECONDS / max(seconds, 0.001))))


def free_seconds(seconds: float) -> float:
    """How long to leave the lock free after a transaction of this length: longer than a program that waits sleeps."""
    return next(free for waited, free in LOOKS if seconds < waited)


# --- work that ends its turns itself ---------------------------------------------------------------------------------


class BatchTimer:
    """How long the transaction that is open may still last, for work that ends its transactions itself."""

    def __init__(self) -> None:
        self._over_at = 0.0

    def restart(self, seconds_max: float) -> None:
        """A transaction begins that is to last this long."""
        self._over_at = time.monotonic() + seconds_max

    @property
    def is_over(self) -> bool:
        """Whether the transaction has lasted long enough."""
        return time.monotonic() >= self._over_at


def run_in_batches(
    connection: Connection,
    work: Callable[[BatchTimer], Iterator[None]],
    block: Callable[[Connection], AbstractContextManager[None]] = atomic,
) -> None:
    """Do the work in one ``block`` where that is quick, and else in as many as it yields to others.

    It may yield when the timer is over, and only where all that it wrote is right as it stands. When it goes on, others
    may have written.
    """
    timer = BatchTimer()
    steps, seconds_max, is_done = work(timer), FIRST_SECONDS, False
    while not is_done:
        with block(connection):
            began = time.monotonic()
            timer.restart(seconds_max)
            is_done = next(steps, _DONE) is _DONE
        if not is_done:
            time.sleep(free_seconds(time.monotonic() - began))
        seconds_max = TURN_SECONDS
