"""Status: where a replica stands, as far as its file and its own background thread know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from offbook import addresses
from offbook.core.protocol.rows import iso_millis
from offbook.database import conflicts, sync_state
from offbook.database.connection import Connection, reading
from offbook.database.local_changes import change_log, held

OLDEST = f"SELECT min(timestamp) FROM change_log {change_log.SENDABLE}"
PENDING = f"SELECT count(*) FROM change_log {change_log.PENDING}"
PARKED = "SELECT count(*) FROM change_log INDEXED BY change_log_unsettled WHERE synced <> 1 AND synced = 2"

STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Status:
    """Where this replica stands. Times are ISO text in UTC, None where there is none.

    ``pending`` counts changes that go out with the next sync, ``held`` those that wait for the server to be upgraded:
    ``held_cells`` are the tables and cells that it does not know yet.

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
    held: int = 0
    held_cells: tuple[str, ...] = ()


class WorkerStatus(NamedTuple):
    """What a background thread knows of its link."""

    link: str = STOPPED
    retry_seconds: float | None = None
    last_error: str | None = None


def read(connection: Connection, worker: WorkerStatus) -> Status:
    """The status as of now, in one state of the file; ``worker`` is what the background thread says of itself."""
    with reading(connection):
        state = sync_state.read(connection)
        (unanswered,) = connection.execute(PENDING).fetchone()
        (oldest,) = connection.execute(OLDEST).fetchone()
        waiting = held.summary(connection)
        (parked,) = connection.execute(PARKED).fetchone()
        open_conflicts = conflicts.count(connection)
    success = None if state.last_success_ms is None else iso_millis(state.last_success_ms)
    return Status(
        state.replica,
        state.book,
        state.server,
        unanswered - waiting.lines,
        parked,
        open_conflicts,
        oldest if unanswered > waiting.lines else None,
        success,
        state.clock_offset_ms,
        worker.link != STOPPED,
        *worker,
        addresses.warning_of(state.server),
        *waiting,
    )
