"""What a replica's thread reports: to its app through callbacks, and in the replica's status.

Callbacks are called in the order in which things happen, and never fail whoever calls them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from offbook.contacts.table import CONTACTS
from offbook.core.connection import ConnectionState, LiveConnection
from offbook.core.errors import NoLive
from offbook.core.model import Key
from offbook.database import status
from offbook.database.connection import Connection, SqliteError
from offbook.database.status import Status, WorkerStatus
from offbook.sync.apply import Applied

logger = logging.getLogger("offbook")

SHOWN: Mapping[ConnectionState, str] = {
    ConnectionState.LIVE: "live",
    ConnectionState.SENDING: "live",
    ConnectionState.POLLING: "polling",
    ConnectionState.OFFLINE: "offline",
    ConnectionState.PAUSED: "paused",
    ConnectionState.STOPPED: status.STOPPED,
}
"""``Status.link`` in each state. In the states between, the last one still holds."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The functions that an app gave to Replica.start(); None where it gave none."""

    on_change: Callable[[list[str]], object] | None = None
    on_rows: Callable[[list[Key]], object] | None = None
    on_status: Callable[[Status], object] | None = None
    on_error: Callable[[Exception], object] | None = None


class CallbackDispatcher:
    """``seen`` is for other threads to read."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.worker_status = WorkerStatus("connecting")
        self._callbacks = callbacks
        self._last_reported: tuple[Any, ...] = ()

    def silence(self) -> None:
        """Call nobody any more."""
        self._callbacks = Callbacks()

    def note_link(self, link: LiveConnection, now_seconds: float, error: Exception | None) -> None:
        """Note where the link stands from now on, and report the error that led there."""
        shown = SHOWN.get(link.state, self.worker_status.link)
        waits = link.state in (ConnectionState.OFFLINE, ConnectionState.PAUSED)
        retry_seconds = round(link.until - now_seconds, 1) if waits and link.until is not None else None
        self.worker_status = WorkerStatus(shown, retry_seconds, self.worker_status.last_error)
        if error is not None:
            if not isinstance(error, NoLive):  # which is no failure while HTTP works
                self.worker_status = self.worker_status._replace(last_error=str(error))
            self._call(self._callbacks.on_error, error)

    def clear_error(self) -> None:
        """A sync has succeeded: no error is shown any more."""
        self.worker_status = self.worker_status._replace(last_error=None)

    def report_changes(self, applied: Applied) -> None:
        """Report which records the server changed, and which contacts are among them."""
        if applied.changed:
            self._call(self._callbacks.on_rows, list(applied.changed))
        changed = [record_id for table, record_id in applied.changed if table == CONTACTS.name]
        if changed:
            self._call(self._callbacks.on_change, changed)

    def report_link(self, connection: Connection) -> None:
        """Report the status where the link is not what was reported last."""
        if self._last_reported[:1] != (self.worker_status.link,):
            self.report_status(connection)

    def report_status(self, connection: Connection) -> None:
        """Report the status where the link or a count is not what was reported last."""
        if self._callbacks.on_status is None:
            return
        try:
            current = status.read(connection, self.worker_status)
        except SqliteError:  # who reads or writes the file gets the error
            return
        shown = (current.link, current.pending, current.held, current.parked, current.conflicts)
        if shown != self._last_reported:
            self._last_reported = shown
            self._call(self._callbacks.on_status, current)

    def _call(self, callback: Callable[[Any], object] | None, argument: object) -> None:
        if callback is None:
            return
        try:
            callback(argument)
        except Exception:
            logger.exception("A callback failed")
