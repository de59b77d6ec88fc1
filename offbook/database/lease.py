"""The lease of a replica: who is syncing it just now.

It keeps several processes from doing the same work. It is no lock: verdicts and pages may be applied twice without
harm, so a lease that was lost costs nothing but time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event

from offbook import messages
from offbook.core.errors import Busy, Stopped
from offbook.database.connection import Connection, SqliteError, atomic

LEASE_MS = 120_000
"""Longer than the longest request, so that it can't run out while an answer is on its way."""

WAIT_SECONDS_MAX = 10.0
"""How long sync() waits for another process that syncs, before it gives up."""

LOOK_SECONDS = 0.02

active_holders: set[str] = set()
"""Who holds a lease in this process, or waits for one."""


@contextmanager
def hold_lease(
    connection: Connection, holder: str, clock: Callable[[], int], stop: Event | None = None
) -> Iterator[None]:
    """Be the one who syncs this replica; ``clock`` returns milliseconds.

    Raises Busy where another holds the lease for too long, Stopped where ``stop`` is set meanwhile.

    A lease that can't be given back runs out: what the work itself raised must not be hidden by that.
    """
    stop = stop or Event()
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    active_holders.add(holder)
    try:
        while not take_lease(connection, holder, clock()):
            if time.monotonic() >= deadline:
                raise Busy.of(messages.SYNCING_ALREADY)
            if stop.wait(LOOK_SECONDS):
                raise Stopped
        try:
            yield
        finally:
            with suppress(SqliteError):
                release_lease(connection, holder)
    finally:
        active_holders.discard(holder)


def take_lease(connection: Connection, holder: str, now_ms: int) -> bool:
    """Take or renew the lease; False where another holds it."""
    with atomic(connection):
        other, until = connection.execute("SELECT lease_holder, lease_until_ms FROM sync_state").fetchone()
        if other not in (None, holder) and now_ms < until <= now_ms + LEASE_MS and is_alive(other):
            return False
        connection.execute("UPDATE sync_state SET lease_holder = ?, lease_until_ms = ?", (holder, now_ms + LEASE_MS))
        return True


def release_lease(connection: Connection, holder: str) -> None:
    """Let others sync at once, where this holder still has the lease."""
    connection.execute(
        "UPDATE sync_state SET lease_holder = NULL, lease_until_ms = NULL WHERE lease_holder = ?", (holder,)
    )


def holder_name(unique: str) -> str:
    """A name for the holder of a lease that begins with the number of this process."""
    return f"{os.getpid()}:{unique}"


def is_alive(holder: str) -> bool:
    """False only where its process is known to be gone: one that was killed must not block the next.

    The number of its process may be ours: in a container every run has the same.
    """
    if holder.startswith(f"{os.getpid()}:"):
        return holder in active_holders
    if os.name != "posix":
        return True
    with suppress(PermissionError):
        try:
            os.kill(int(holder.partition(":")[0]), 0)
        except (ProcessLookupError, ValueError):
            return False
    return True
