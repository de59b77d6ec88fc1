"""watch: sync in the background, and tell what happens until someone ends it.

What is told is read from the replica's file, so that it is the same whoever wrote there: this process, another one, or
the server.
"""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from offbook.command import Answer
from offbook.command.syncing import need_server
from offbook.command.words import count, flat
from offbook.core.text import clean
from offbook.replica import Replica, Status

LOOK_SECONDS = 0.1

FIRST_UNSETTLED = """SELECT coalesce((SELECT min(id) FROM change_log WHERE synced = 0),
  (SELECT max(id) + 1 FROM change_log), 0)"""
SENT = "SELECT count(*) FROM change_log WHERE id >= ? AND synced = 1"

Event = dict[str, Any]
Names = dict[str, tuple[str, str]]
"""By id: when each contact was changed, and its name."""


def watch(book: Replica, args: argparse.Namespace) -> Answer:
    need_server(book)
    with ended_by_signal() as end:
        watched = Watched(book)
        book.start()
        tell({"event": "watching", "server": book.status().server}, args.json)
        try:
            while not end.wait(LOOK_SECONDS):
                for event in watched.look():
                    tell(event, args.json)
        finally:
            book.stop()
    return Answer(None)


@contextmanager
def ended_by_signal() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set: the end is as asked for, not a failure."""
    end = threading.Event()
    before = {one: signal.signal(one, lambda *_: end.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield end
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


class Watched:
    """A replica as it was when it was last looked at."""

    def __init__(self, book: Replica) -> None:
        self._book = book
        self._version = self._seen()
        self._names = self._read()
        self._status = book.status()
        (self._settled_before,) = book.connection.execute(FIRST_UNSETTLED).fetchone()
        self._sent = self._count_sent()

    def look(self) -> Iterator[Event]:
        """What happened since."""
        version = self._seen()
        if version != self._version:
            self._version = version
            yield from self._contacts()
            yield from self._sending()
        yield from self._sync()

    def _seen(self) -> int:
        """Changes whenever another connection commits to the file; as cheap as a look at it can be."""
        (version,) = self._book.connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _read(self) -> Names:
        rows = self._book.connection.execute("SELECT id, updated_at, name FROM contacts")
        return {row[0]: (row[1], row[2]) for row in rows}

    def _contacts(self) -> Iterator[Event]:
        before, self._names = self._names, self._read()
        for id, (at, name) in self._names.items():
            if id not in before:
                yield {"event": "added", "id": id, "name": name}
            elif before[id] != (at, name):
                yield {"event": "changed", "id": id, "name": name}
        for id in before.keys() - self._names.keys():
            yield {"event": "deleted", "id": id, "name": before[id][1]}

    def _count_sent(self) -> int:
        (count,) = self._book.connection.execute(SENT, (self._settled_before,)).fetchone()
        return int(count)

    def _sending(self) -> Iterator[Event]:
        before, self._sent = self._sent, self._count_sent()
        if self._sent > before:
            yield {"event": "sent", "changes": self._sent - before}

    def _sync(self) -> Iterator[Event]:
        before, self._status = self._status, self._book.status()
        yield from _queue(before, self._status)
        if self._status.last_error != before.last_error:
            if self._status.last_error:
                yield {"event": "paused", "detail": self._status.last_error}
            else:
                yield {"event": "connected"}


def _queue(before: Status, now: Status) -> Iterator[Event]:
    """What waits, and what can't go on."""
    if now.parked > before.parked:
        yield {"event": "parked", "changes": now.parked - before.parked}
    if now.conflicts > before.conflicts:
        yield {"event": "conflict", "changes": now.conflicts - before.conflicts}
    if now.pending > before.pending:
        yield {"event": "waiting", "changes": now.pending}


# --- telling ---------------------------------------------------------------------------------------------------------


def tell(event: Event, as_json: bool) -> None:
    """Now: whoever reads this may be a program at the other end of a pipe."""
    print(as_line(event) if as_json else with_time(sentence(event)), flush=True)


def as_line(event: Event) -> str:
    """For programs: one line of JSON, with the time in UTC."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"at": now, **event})


def with_time(sentence: str) -> str:
    """For people, with the time of their clock."""
    return clean(f"{datetime.now():%H:%M:%S}  {sentence}")


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
        case "paused":
            return f"Not connected: {event['detail']}"
        case "connected":
            return "Connected again."
        case what:
            return f"{what.capitalize()}: {name}"
