"""Syncing in the background: at once after a local commit, and from time to time without one.

The thread has a connection of its own, and sees commits of any process by SQLite's data_version. A sync that failed is
tried again by itself, later and later, with some chance in it so that many devices do not come back in one moment; a
server that names its own time is obeyed. Nobody has to write anything for that.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from offbook.core.errors import NotAuthorized, OtherBook, SyncError
from offbook.state import holder_name
from offbook.stopping import Stopped

if TYPE_CHECKING:
    import sqlite3

logger = logging.getLogger("offbook")

LOOK_SECONDS = 0.05
"""How often the file is looked at for commits: about 2 µs each time."""

PULL_SECONDS = 5.0
BACKOFF_SECONDS_MIN = 0.5
BACKOFF_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 1.0


class Background:
    """A thread that calls ``sync`` whenever there is a reason to. ``connect`` opens the thread's own connection."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        sync: Callable[[sqlite3.Connection, Background], None],
        rng: Random,
    ) -> None:
        self.holder = holder_name(str(uuid.uuid4()))
        self.last_error: str | None = None
        self.stopped = threading.Event()
        self._connect = connect
        self._sync = sync
        self._rng = rng
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="offbook", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> bool:
        """End the thread; False where it does not end in time."""
        self.stopped.set()
        self._thread.join(STOP_SECONDS_MAX)
        return not self._thread.is_alive()

    def _run(self) -> None:
        connection = self._connect()
        try:
            while not self.stopped.is_set():
                self._wait(connection, self._sync_once(connection))
        finally:
            connection.close()

    def _sync_once(self, connection: sqlite3.Connection) -> float:
        """Sync, and return how many seconds may pass before the next time."""
        try:
            self._sync(connection, self)
        except Stopped:
            return 0.0
        except SyncError as error:
            return self._after_failure(error, error.retry_after_seconds)
        except Exception as error:  # a full disk, a locked file: the thread must live to try again
            logger.exception("The sync in the background failed and is tried again")
            return self._after_failure(error, None)
        self._failures, self.last_error = 0, None
        return PULL_SECONDS * (0.8 + 0.4 * self._rng.random())

    def _after_failure(self, error: Exception, retry_after_seconds: float | None) -> float:
        self.last_error = str(error)
        self._failures += 1
        most = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN * 2.0 ** min(self._failures - 1, 20))
        if isinstance(error, NotAuthorized | OtherBook):
            most = BACKOFF_SECONDS_MAX
        seconds = most * (0.5 + 0.5 * self._rng.random())
        return max(seconds, retry_after_seconds or 0.0)

    def _wait(self, connection: sqlite3.Connection, seconds: float) -> None:
        """Until the time is up; or, when all is well, until something is there to be sent."""
        deadline = time.monotonic() + seconds
        seen = None
        while not self.stopped.is_set() and (left := deadline - time.monotonic()) > 0:
            if not self._failures:
                version = connection.execute("PRAGMA data_version").fetchone()
                if version != seen and _has_pending(connection):
                    break
                seen = version
            self.stopped.wait(min(LOOK_SECONDS, left))


def _has_pending(connection: sqlite3.Connection) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM change_log INDEXED BY change_log_pending WHERE synced = 0)"
    (found,) = connection.execute(sql).fetchone()
    return bool(found)
