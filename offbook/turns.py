"""Writing much without holding the file's write lock for long: in many transactions, with room for others in between.

SQLite keeps no queue for the lock. Whoever waits looks again after 1, 2, 5, 10, 15, 20 and then every 25 milliseconds,
after 128 every 50, after 228 every 100 (sqliteDefaultBusyCallback). So a short transaction is not enough: the lock must
then be free for as long as a waiting program sleeps, or it may find it taken again each time that it looks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TypeVar

from offbook.sqlite import atomic

if TYPE_CHECKING:
    import sqlite3

TURN_SECONDS = 0.05
"""How long a transaction is meant to take, so that whoever waits for it still looks every 25 milliseconds."""

FREE_SECONDS = 0.03
"""How long the lock is free between two transactions, at the least."""

SIZE_FIRST = 100

T = TypeVar("T")
R = TypeVar("R")


def in_turns(
    connection: sqlite3.Connection,
    items: Iterable[T],
    write: Callable[[list[T]], R],
    *,
    block: Callable[[sqlite3.Connection], AbstractContextManager[None]] = atomic,
    size_of: Callable[[T], int] = lambda item: 1,
) -> Iterator[R]:
    """Call ``write`` with some items at a time, each time in a ``block`` of its own, and yield what it returned.

    By then it is on the disk, and the lock is free. ``items`` are fetched while it is, so that an iterator may prepare
    them.
    """
    source, size_max, ended = iter(items), SIZE_FIRST, 0.0
    while some := _some(source, size_max, size_of):
        time.sleep(max(0.0, ended + FREE_SECONDS - time.monotonic()))
        with block(connection):
            began = time.monotonic()
            result = write(some)
        ended = time.monotonic()
        size_max = next_size(sum(map(size_of, some)), ended - began)
        yield result


def _some(source: Iterator[T], size_max: int, size_of: Callable[[T], int]) -> list[T]:
    """The next items, of this size together or of the least that is more."""
    some: list[T] = []
    size = 0
    while size < size_max and (item := next(source, None)) is not None:
        some.append(item)
        size += size_of(item)
    return some


def next_size(size: int, seconds: float) -> int:
    """How much to write in a transaction, where so much took so long. It grows slowly, and shrinks at once."""
    return max(1, min(2 * size, int(size * TURN_SECONDS / max(seconds, 0.001))))
