"""The one row of sync_state: who this replica is, where it is in its book, and who is syncing it just now.

The lease keeps several processes from doing the same work. It is no lock: verdicts and pages may be applied twice
without harm, so a lease that was lost costs nothing but time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from enum import IntEnum
from threading import Event
from typing import TYPE_CHECKING

from offbook.core.errors import Busy
from offbook.database.connection import Error, atomic
from offbook.sync.cancellation import Stopped

if TYPE_CHECKING:
    import sqlite3

LEASE_MS = 120_000
"""Longer than the longest request, so that it can't run out while an answer is on its way."""

WAIT_SECONDS_MAX = 10.0
"""How long sync() waits for another process that syncs, before it gives up."""

LOOK_SECONDS = 0.02


at_work: set[str] = set()
"""Who holds a lease in this process, or waits for one."""


class Snapshot(IntEnum):
    """Where a snapshot stands (``sync_state.snapshot``)."""

    NONE = 0
    TAKING = 1  # its pages come
    CATCHING_UP = 2  # it is complete as of its start: what changed since comes, and then what is still stale is gone


@dataclass(frozen=True, slots=True)
class SyncState:
    """The row of `sync_state`: who this replica is, and how far it has synced."""

    replica: str
    server: str | None
    token: str | None
    book: str | None
    cursor: str | None
    snapshot: int
    last_success_ms: int | None
    clock_offset_ms: int | None
    takes_history: int = 0


COLUMNS = tuple(field.name for field in fields(SyncState))


def read(connection: sqlite3.Connection) -> SyncState:
    return SyncState(*connection.execute(f"SELECT {', '.join(COLUMNS)} FROM sync_state").fetchone())


def write(connection: sqlite3.Connection, **values: str | int | None) -> None:
    """Set these columns. Their names come from our own code only."""
    assert values.keys() <= set(COLUMNS)
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE sync_state SET {assignments}", list(values.values()))


# --- the lease -----------------------------------------------------------------------------------------------------


@contextmanager
def lease(
    connection: sqlite3.Connection, holder: str, clock: Callable[[], int], stop: Event | None = None
) -> Iterator[None]:
    """Be the one who syncs this replica. Raises Busy where another goes on for too long, and Stopped.

    A lease that can't be given back runs out: what the work itself raised must not be hidden by that.
    """
    stop = stop or Event()
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    at_work.add(holder)
    try:
        while not take_lease(connection, holder, clock()):
            if time.monotonic() >= deadline:
                raise Busy("Another process or thread is syncing this replica. Try again when it is done.")
            if stop.wait(LOOK_SECONDS):
                raise Stopped
        try:
            yield
        finally:
            with suppress(Error):
                give_back_lease(connection, holder)
    finally:
        at_work.discard(holder)


def take_lease(connection: sqlite3.Connection, holder: str, now_ms: int) -> bool:
    """Take or renew the lease; False where another holds it."""
    with atomic(connection):
        other, until = connection.execute("SELECT lease_holder, lease_until_ms FROM sync_state").fetchone()
        if other not in (None, holder) and now_ms < until <= now_ms + LEASE_MS and is_alive(other):
            return False
        connection.execute("UPDATE sync_state SET lease_holder = ?, lease_until_ms = ?", (holder, now_ms + LEASE_MS))
        return True


def give_back_lease(connection: sqlite3.Connection, holder: str) -> None:
    connection.execute(
        "UPDATE sync_state SET lease_holder = NULL, lease_until_ms = NULL WHERE lease_holder = ?", (holder,)
    )


def holder_name(unique: str) -> str:
    return f"{os.getpid()}:{unique}"


def is_alive(holder: str) -> bool:
    """False only where its process is known to be gone: one that was killed must not block the next.

    The number of its process may be ours: in a container every run has the same.
    """
    if holder.startswith(f"{os.getpid()}:"):
        return holder in at_work
    if os.name != "posix":
        return True
    with suppress(PermissionError):
        try:
            os.kill(int(holder.partition(":")[0]), 0)
        except (ProcessLookupError, ValueError):
            return False
    return True
