"""watch: sync in the background, and print what happens until someone ends it.

What happens is read from the replica's file, so that it is the same whoever wrote there: this process, another one, or
the server. How the connection stands, and which contacts the server changed, comes from the background thread.
"""

from __future__ import annotations

import argparse
import queue
from collections.abc import Iterator
from typing import NamedTuple

from offbook.cli import standard_streams
from offbook.cli.commands.sync import require_server
from offbook.cli.output import Event, event_as_json, flatten, with_time
from offbook.cli.result import CommandResult
from offbook.cli.stop_signals import ended_by_signal
from offbook.core.formatting import format_count
from offbook.database.local_changes import change_log
from offbook.database.status import Status
from offbook.replica import Replica

POLL_SECONDS = 0.1
"""How often the file is looked at, where the background thread has nothing to say."""

FIRST_UNSETTLED = """SELECT coalesce((SELECT min(id) FROM change_log WHERE synced = 0),
  (SELECT max(id) + 1 FROM change_log), 0)"""
SENT = "SELECT count(*) FROM change_log WHERE id >= ? AND synced = 1"
EDITED = "SELECT DISTINCT record_id FROM change_log WHERE id > ? AND table_name = 'contacts' AND operation = 'UPDATE'"

Notices = queue.SimpleQueue[Status | list[str] | None]
"""What comes from the background thread: a status, or ids of contacts that the server changed. None is the end."""


def watch(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Sync until a signal comes, and print each event as it happens."""
    require_server(book)
    notices: Notices = queue.SimpleQueue()
    with ended_by_signal(lambda: notices.put(None)):
        watcher = ReplicaWatcher(book)
        print_event({"event": "watching", "server": book.status().server}, args.json)
        book.start(on_status=notices.put, on_change=notices.put)
        try:
            for event in watch_events(watcher, notices):
                print_event(event, args.json)
        finally:
            book.stop()
    return CommandResult(None)


def watch_events(watcher: ReplicaWatcher, notices: Notices) -> Iterator[Event]:
    """What happens, until the end."""
    while True:
        try:
            notice = notices.get(timeout=POLL_SECONDS)
        except queue.Empty:
            notice = []
        if notice is None:
            return
        if isinstance(notice, Status):
            yield from watcher.connection_events(notice)
            notice = []
        yield from watcher.events(notice)


class ContactState(NamedTuple):
    """A contact as it was when it was last looked at. ``updated_at`` is another one after each change."""

    name: str
    updated_at: str | None


class ReplicaWatcher:
    """Compares a replica with what it was when it was last looked at."""

    def __init__(self, book: Replica) -> None:
        self._book = book
        self._version = self._data_version()
        self._contacts = self._read_contacts()
        self._reported: dict[str, str | None] = {}
        self._line = change_log.last_id(book.connection)
        self._status = book.status()
        self._link = "connecting"
        (self._first_unsettled,) = book.connection.execute(FIRST_UNSETTLED).fetchone()
        self._sent = self._count_sent()

    def connection_events(self, status: Status) -> Iterator[Event]:
        """How the connection stands, where that is another than before."""
        before, self._link = self._link, status.link
        if status.link == before or status.link in ("connecting", "stopped"):
            return
        event: Event = {"event": status.link}
        if status.link in ("offline", "paused"):
            was_connected = before in ("live", "polling")
            event |= {
                "detail": status.last_error,
                "retry_seconds": status.retry_seconds,
                "was_connected": was_connected,
            }
        yield event

    def events(self, changed: list[str]) -> Iterator[Event]:
        """What happened in the file since the last call; ``changed`` are contacts that the server changed."""
        version = self._data_version()
        if changed or version != self._version:
            self._version = version
            yield from self._contact_events(set(changed), set(self._edited_ids()))
            before, self._sent = self._sent, self._count_sent()
            if self._sent > before:
                yield {"event": "sent", "changes": self._sent - before}
        yield from self._queue_events()

    def _data_version(self) -> int:
        """Changes whenever another connection commits to the file; as cheap as a look at it can be."""
        (version,) = self._book.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _read_contacts(self) -> dict[str, ContactState]:
        rows = self._book.connection.execute("SELECT id, name, updated_at FROM contacts")
        return {id: ContactState(name, updated_at) for id, name, updated_at in rows}

    def _edited_ids(self) -> list[str]:
        """Contacts that were edited on this device."""
        before, self._line = self._line, change_log.last_id(self._book.connection)
        return [record_id for (record_id,) in self._book.connection.execute(EDITED, (before,))]

    def _contact_events(self, changed: set[str], edited: set[str]) -> Iterator[Event]:
        """``changed`` by the server, ``edited`` here.

        The file may have been looked at after the server's change and before the thread said so: what was reported of
        a contact as it is now is not reported again.
        """
        before, self._contacts = self._contacts, self._read_contacts()
        for id, (name, updated_at) in self._contacts.items():
            if id not in before:
                event = "added"
            elif id in edited or before[id].name != name or (id in changed and self._reported.get(id) != updated_at):
                event = "changed"
            else:
                continue
            self._reported[id] = updated_at
            yield {"event": event, "id": id, "name": name}
        for id in before.keys() - self._contacts.keys():
            self._reported.pop(id, None)
            yield {"event": "deleted", "id": id, "name": before[id].name}

    def _count_sent(self) -> int:
        (count,) = self._book.connection.execute(SENT, (self._first_unsettled,)).fetchone()
        return int(count)

    def _queue_events(self) -> Iterator[Event]:
        """What waits, and what can't go on."""
        before, self._status = self._status, self._book.status()
        if self._status.parked > before.parked:
            yield {"event": "parked", "changes": self._status.parked - before.parked}
        if self._status.conflicts > before.conflicts:
            yield {"event": "conflict", "changes": self._status.conflicts - before.conflicts}
        if self._status.pending > before.pending:
            yield {"event": "waiting", "changes": self._status.pending}


def print_event(event: Event, as_json: bool) -> None:
    """Print it at once: whoever reads this may be a program at the other end of a pipe."""
    with standard_streams.writing():
        print(event_as_json(event) if as_json else with_time(event_sentence(event)), flush=True)


def event_sentence(event: Event) -> str:
    """An event in one sentence, for people."""
    changes, name = event.get("changes", 0), flatten(event.get("name"))
    match event["event"]:
        case "watching":
            return f"Watching, and syncing with {event['server']}. Ctrl-C ends it."
        case "waiting":
            return f"{format_count(changes, 'change waits', 'changes wait')}."
        case "sent":
            return f"Sent {format_count(changes, 'change')}."
        case "parked":
            return f"{format_count(changes, 'change')} can't be sent: see `offbook parked`."
        case "conflict":
            return f"{format_count(changes, 'conflict')}: see `offbook conflicts`."
        case "live":
            return "Live."
        case "polling":
            return "Connected, but not live: the server is asked every few seconds."
        case "offline":
            lost = "The connection was lost" if event["was_connected"] else "Not connected"
            return f"{lost}; trying again in {event['retry_seconds']:g} s. {event['detail']}"
        case "paused":
            return f"Paused: {event['detail']}"
        case what:
            return f"{what.capitalize()}: {name}"
