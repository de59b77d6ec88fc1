"""Events of the server's work as it is done: each request, each sync, each socket.

Whoever does the work reports it to Telemetry, and knows none of its sinks: the log (web/telemetry/logs.py), the meters
(web/telemetry/prometheus.py), or none, which costs next to nothing. Events are for people who run a server, not for
people whose contacts these are: routes instead of paths, numbers instead of names, and never a value.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flask import Flask, Response, g, request

NOTE = "offbook.note"
"""Where the WSGI environ of a request has its RequestContext, if there is a sink."""

UNKNOWN = "unknown"
"""The route of what has none: a path of nobody's, or a request that was refused before anyone looked at its path."""


WAYS = ("http", "live", "tutorial")
"""How a sync came: by a request, over a socket, or in the tutorial's form."""


@dataclass(frozen=True, slots=True)
class PushedChanges:
    """A sync of one device: the results of its answer, and how many rows it was given. ``way`` is one of WAYS."""

    way: str
    book: int
    device: int | None
    results: Sequence[Mapping[str, Any]]
    rows: int = 0


@dataclass(slots=True)
class RequestContext:
    """What only the views know of a request. ``id`` is the request's own, which its answer and its log lines carry.

    ``sync`` is reported when the answer is on its way: whoever waits for it does not pay for counting.
    """

    id: str
    route: str = UNKNOWN
    device: int | None = None
    user: int | None = None
    sync: PushedChanges | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """A request and what it was answered with. ``seconds`` are from the whole request to the whole answer."""

    note: RequestContext
    method: str
    status: int
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Synced:
    """A sync that was counted: how many changes had which verdict. ``id`` is of the request that it came by."""

    way: str
    book: int
    device: int | None
    verdicts: Mapping[str, int]
    rows: int
    id: str | None

    @property
    def changes(self) -> int:
        """How many changes were pushed."""
        return sum(self.verdicts.values())


class TelemetrySink(Protocol):
    """Called in whatever thread the work is done in; must be quick, and raise nothing."""

    def answered(self, request: Answered) -> None:
        """A request was answered."""
        ...

    def synced(self, sync: Synced) -> None:
        """A sync was answered."""
        ...

    def socket_opened(self, book: int, kind: str, number: int | None) -> None:
        """A socket is open, of a ``device`` or a ``person`` by its number."""
        ...

    def socket_closed(self, book: int, kind: str, number: int | None, code: int | None, seconds: float) -> None:
        """A socket has ended: by this code, or by its other end."""
        ...

    def page_sent(self, seconds: float) -> None:
        """A page went to a listener that had all before, so long after what is in it was committed."""
        ...


class Telemetry:
    """Passes events on to all sinks. False where there is none."""

    def __init__(self, sinks: Iterable[TelemetrySink] = ()) -> None:
        self.sinks = tuple(sinks)

    def __bool__(self) -> bool:
        return bool(self.sinks)

    def note(self) -> RequestContext | None:
        """A context for a request that begins; None where there is no sink."""
        return RequestContext(os.urandom(8).hex()) if self.sinks else None

    def answered(self, request: Answered) -> None:
        """A request was answered, and with it the sync that it was, if it was one."""
        if request.note.sync is not None:
            self.synced(request.note.sync, request.note.id)
        for sink in self.sinks:
            sink.answered(request)

    def synced(self, sync: PushedChanges, id: str | None = None) -> None:
        """A sync was answered, by the request of this id or over a socket."""
        if self.sinks:
            verdicts = Counter(result["verdict"] for result in sync.results)
            counted = Synced(sync.way, sync.book, sync.device, verdicts, sync.rows, id)
            for sink in self.sinks:
                sink.synced(counted)

    def socket_opened(self, book: int, kind: str, number: int | None) -> None:
        """See TelemetrySink."""
        for sink in self.sinks:
            sink.socket_opened(book, kind, number)

    def socket_closed(self, book: int, kind: str, number: int | None, code: int | None, seconds: float) -> None:
        """See TelemetrySink."""
        for sink in self.sinks:
            sink.socket_closed(book, kind, number, code, seconds)

    def page_sent(self, seconds: float) -> None:
        """See TelemetrySink."""
        for sink in self.sinks:
            sink.page_sent(seconds)


def note_sync(sync: PushedChanges) -> None:
    """In a view: this request is a sync."""
    note: RequestContext | None = request.environ.get(NOTE)
    if note is not None:
        note.sync = sync


def fill_note(response: Response) -> Response:
    """Note what the views know by now: the route, and who called (kept by web.auth and web.sessions)."""
    note: RequestContext | None = request.environ.get(NOTE)
    if note is not None:
        note.route = UNKNOWN if request.url_rule is None else request.url_rule.rule
        note.device, note.user = g.get("device_number"), g.get("user_number")
    return response


def register(app: Flask) -> None:
    """Let views fill the contexts of their requests."""
    app.after_request(fill_note)
