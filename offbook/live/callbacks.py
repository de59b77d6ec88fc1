"""What a replica's thread tells: its app, through callbacks, and whoever asks for the status.

Callbacks are called in the order in which things happen, and never fail whoever calls them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from offbook.core.connection import ConnectionState, LiveConnection
from offbook.core.errors import NoLive
from offbook.core.schema import CONTACTS
from offbook.database import status
from offbook.database.connection import SqliteError
from offbook.database.status import Status, WorkerStatus
from offbook.sync.apply import Applied

if TYPE_CHECKING:
    import sqlite3

logger = logging.getLogger("offbook")

SHOWN: Mapping[ConnectionState, str] = {
    ConnectionState.LIVE: "live",
    ConnectionState.SENDING: "live",
    ConnectionState.POLLING: "polling",
    ConnectionState.OFFLINE: "offline",
    ConnectionState.PAUSED: "paused",
    ConnectionState.STOPPED: status.STOPPED,
}
"""What a person is told. In the states between, what was told last still holds."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What an app wants to hear."""

    on_change: Callable[[list[str]], object] | None = None
    on_status: Callable[[Status], object] | None = None
    on_error: Callable[[Exception], object] | None = None


class CallbackDispatcher:
    """``seen`` is for other threads to read."""

    def __init__(self, callbacks: Callbacks) -> None:
        self.seen = WorkerStatus("connecting")
        self._callbacks = callbacks
        self._told: tuple[Any, ...] = ()

    def hush(self) -> None:
        """Call nobody any more."""
        self._callbacks = Callbacks()

    def note(self, link: LiveConnection, now: float, error: Exception | None) -> None:
        """Where the link stands from now on, and the error that led there."""
        shown = SHOWN.get(link.state, self.seen.link)
        waits = link.state in (ConnectionState.OFFLINE, ConnectionState.PAUSED)
        retry_seconds = round(link.until - now, 1) if waits and link.until is not None else None
        self.seen = WorkerStatus(shown, retry_seconds, self.seen.last_error)
        if error is not None:
            if not isinstance(error, NoLive):  # which is no failure while HTTP works
                self.seen = self.seen._replace(last_error=str(error))
            self._call(self._callbacks.on_error, error)

    def works(self) -> None:
        self.seen = self.seen._replace(last_error=None)

    def changes(self, applied: Applied) -> None:
        """What the server changed."""
        changed = [record_id for table, record_id in applied.changed if table == CONTACTS.name]
        if changed:
            self._call(self._callbacks.on_change, changed)

    def link(self, connection: sqlite3.Connection) -> None:
        """The status, where the link is not what was told last."""
        if self._told[:1] != (self.seen.link,):
            self.status(connection)

    def status(self, connection: sqlite3.Connection) -> None:
        """The status, where the link or a count is not what was told last."""
        if self._callbacks.on_status is None:
            return
        try:
            now = status.read(connection, self.seen)
        except SqliteError:  # whoever uses the file in earnest will be told
            return
        if (telling := (now.link, now.pending, now.parked, now.conflicts)) != self._told:
            self._told = telling
            self._call(self._callbacks.on_status, now)

    def _call(self, callback: Callable[[Any], object] | None, what: object) -> None:
        if callback is None:
            return
        try:
            callback(what)
        except Exception:
            logger.exception("A callback failed")
