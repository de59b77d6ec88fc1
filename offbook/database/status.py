"""Status: where a replica stands, as far as its file and its own background thread know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from offbook import addresses
from offbook.core.protocol.rows import iso_millis
from offbook.database import conflicts, sync_state
from offbook.database.connection import Connection, reading

PENDING = "SELECT count(*), min(timestamp) FROM change_log INDEXED BY change_log_pending WHERE synced = 0"
PARKED = "SELECT count(*) FROM change_log INDEXED BY change_log_unsettled WHERE synced <> 1 AND synced = 2"

STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """Where this replica stands. Times are ISO text in UTC, None where there is none.

    ``clock_offset_ms`` is how far the server's clock is ahead of this device's. ``link`` is connecting, live, polling,
    offline, paused or stopped: that of this Replica's own background thread, and of no other process. ``last_error`` is
    what that failed with last, None once it works again; ``retry_seconds`` how long it waits before the next try, where
    it is offline or paused. ``warning`` is a sentence for a person where the token can be read on its way to the
    server.
    """

    replica: str
    book: str | None
    server: str | None
    pending: int
    parked: int
    conflicts: int
    oldest_pending: str | None
    last_success: str | None
    clock_offset_ms: int | None
    running: bool
    link: str
    retry_seconds: float | None
    last_error: str | None
    warning: str | None = None


class WorkerStatus(NamedTuple):
    """What a background thread knows of its link."""

    link: str = STOPPED
    retry_seconds: float | None = None
    last_error: str | None = None


def read(connection: Connection, worker: WorkerStatus) -> Status:
    """The status as of now, in one state of the file; ``worker`` is what the background thread says of itself."""
    with reading(connection):
        state = sync_state.read(connection)
        pending, oldest = connection.execute(PENDING).fetchone()
        (parked,) = connection.execute(PARKED).fetchone()
        open_conflicts = conflicts.count(connection)
    success = None if state.last_success_ms is None else iso_millis(state.last_success_ms)
    return Status(
        state.replica,
        state.book,
        state.server,
        pending,
        parked,
        open_conflicts,
        oldest,
        success,
        state.clock_offset_ms,
        worker.link != STOPPED,
        *worker,
        addresses.warning_of(state.server),
    )
