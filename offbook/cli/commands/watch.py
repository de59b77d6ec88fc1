"""watch: sync in the background, and tell what happens until someone ends it.

What happens is read from the replica's file, so that it is the same whoever wrote there: this process, another one, or
the server. How the connection stands, and which contacts the server changed, is told by the background thread.
"""

from __future__ import annotations

import argparse
import json
import queue
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

from offbook.cli import CommandResult, standard_streams
from offbook.cli.commands.sync import need_server
from offbook.cli.output import count, flat
from offbook.core.text import without_control_characters
from offbook.database import change_log
from offbook.database.status import Status
from offbook.replica import Replica

LOOK_SECONDS = 0.1
"""How often the file is looked at, where nobody tells that something happened."""

FIRST_UNSETTLED = """SELECT coalesce((SELECT min(id) FROM change_log WHERE synced = 0),
  (SELECT max(id) + 1 FROM change_log), 0)"""
SENT = "SELECT count(*) FROM change_log WHERE id >= ? AND synced = 1"
EDITED = "SELECT DISTINCT record_id FROM change_log WHERE id > ? AND table_name = 'contacts' AND operation = 'UPDATE'"

Event = dict[str, Any]
QueuedEvent = queue.SimpleQueue[Status | list[str] | None]
"""What the background thread tells: a status, or ids of contacts that the server changed. None is the end."""


def watch(book: Replica, args: argparse.Namespace) -> CommandResult:
    need_server(book)
    heard: QueuedEvent = queue.SimpleQueue()
    with ended_by_signal(lambda: heard.put(None)):
        watched = Watched(book)
        print_event({"event": "watching", "server": book.status().server}, args.json)
        book.start(on_status=heard.put, on_change=heard.put)
        try:
            for event in watch_events(watched, heard):
                print_event(event, args.json)
        finally:
            book.stop()
    return CommandResult(None)


def watch_events(watched: Watched, heard: QueuedEvent) -> Iterator[Event]:
    """What happens, until the end."""
    while True:
        try:
            told = heard.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            told = []
        if told is None:
            return
        if isinstance(told, Status):
            yield from watched.link(told)
            told = []
        yield from watched.look(told)


@contextmanager
def ended_by_signal(end: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and the end of the terminal call ``end``: the end is as asked for, not a failure."""
    before = {number: signal.signal(number, lambda *_: end()) for number in _endings()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _endings() -> Iterator[signal.Signals]:
    """A hang-up that is ignored stays so: under nohup a command outlives its terminal. Windows has none."""
    yield from (signal.SIGINT, signal.SIGTERM)
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        yield signal.SIGHUP


class Shown(NamedTuple):
    """A contact as it was when it was last looked at. ``updated_at`` is another one after each change."""

    name: str
    updated_at: str | None


class Watched:
    """A replica as it was when it was last looked at."""

    def __init__(self, book: Replica) -> None:
        self._book = book
        self._version = self._seen()
        self._shown = self._read()
        self._told: dict[str, str | None] = {}
        self._line = change_log.last_id(book.connection)
        self._status = book.status()
        self._link = "connecting"
        (self._settled_before,) = book.connection.execute(FIRST_UNSETTLED).fetchone()
        self._sent = self._count_sent()

    def link(self, now: Status) -> Iterator[Event]:
        """How the connection stands, where that is news."""
        before, self._link = self._link, now.link
        if now.link == before or now.link in ("connecting", "stopped"):
            return
        event: Event = {"event": now.link}
        if now.link in ("offline", "paused"):
            was = before in ("live", "polling")
            event |= {"detail": now.last_error, "retry_seconds": now.retry_seconds, "was_connected": was}
        yield event

    def look(self, changed: list[str]) -> Iterator[Event]:
        """What happened since, beside that the server changed these."""
        version = self._seen()
        if changed or version != self._version:
            self._version = version
            yield from self._contacts(set(changed), set(self._edited()))
            yield from self._sending()
        yield from self._queue()

    def _seen(self) -> int:
        """Changes whenever another connection commits to the file; as cheap as a look at it can be."""
        (version,) = self._book.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _read(self) -> dict[str, Shown]:
        rows = self._book.connection.execute("SELECT id, name, updated_at FROM contacts")
        return {id: Shown(name, updated_at) for id, name, updated_at in rows}

    def _edited(self) -> list[str]:
        """Contacts that were edited on this device."""
        before, self._line = self._line, change_log.last_id(self._book.connection)
        return [record_id for (record_id,) in self._book.connection.execute(EDITED, (before,))]

    def _contacts(self, changed: set[str], edited: set[str]) -> Iterator[Event]:
        """``changed`` by the server, ``edited`` here.

        The file may have been looked at after the server's change and before the thread said so: what was told of a
        contact as it is now is not told again.
        """
        before, self._shown = self._shown, self._read()
        for id, (name, updated_at) in self._shown.items():
            if id not in before:
                event = "added"
            elif id in edited or before[id].name != name or (id in changed and self._told.get(id) != updated_at):
                event = "changed"
            else:
                continue
            self._told[id] = updated_at
            yield {"event": event, "id": id, "name": name}
        for id in before.keys() - self._shown.keys():
            self._told.pop(id, None)
            yield {"event": "deleted", "id": id, "name": before[id].name}

    def _count_sent(self) -> int:
        (count,) = self._book.connection.execute(SENT, (self._settled_before,)).fetchone()
        return int(count)

    def _sending(self) -> Iterator[Event]:
        before, self._sent = self._sent, self._count_sent()
        if self._sent > before:
            yield {"event": "sent", "changes": self._sent - before}

    def _queue(self) -> Iterator[Event]:
        """What waits, and what can't go on."""
        before, self._status = self._status, self._book.status()
        if self._status.parked > before.parked:
            yield {"event": "parked", "changes": self._status.parked - before.parked}
        if self._status.conflicts > before.conflicts:
            yield {"event": "conflict", "changes": self._status.conflicts - before.conflicts}
        if self._status.pending > before.pending:
            yield {"event": "waiting", "changes": self._status.pending}


# --- telling ---------------------------------------------------------------------------------------------------------


def print_event(event: Event, as_json: bool) -> None:
    """Now: whoever reads this may be a program at the other end of a pipe."""
    with standard_streams.writing():
        print(as_line(event) if as_json else with_time(sentence(event)), flush=True)


def as_line(event: Event) -> str:
    """For programs: one line of JSON, with the time in UTC."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"at": now, **event})


def with_time(sentence: str) -> str:
    """For people, with the time of their clock."""
    return without_control_characters(f"{datetime.now():%H:%M:%S}  {sentence}")


def sentence(event: Event) -> str:
    changes, name = event.get("changes", 0), flat(event.get("name"))
    match event["event"]:
        case "watching":
            return f"Watching, and syncing with {event['server']}. Ctrl-C ends it."
        case "waiting":
            return f"{count(changes, 'change waits', 'changes wait')}."
        case "sent":
            return f"Sent {count(changes, 'change')}."
        case "parked":
            return f"{count(changes, 'change')} can't be sent: see `offbook parked`."
        case "conflict":
            return f"{count(changes, 'conflict')}: see `offbook conflicts`."
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
