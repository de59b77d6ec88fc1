"""A server for replicas, without a network: the real sync over the store in memory, behind an in-process Transport.

What a network does to messages is done on purpose here: requests and answers are lost, doubled or held back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit

from offbook import Replica, Response
from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.errors import CursorGone, Malformed, NotFound, Offline
from offbook.core.history.codec import entry_to_json
from offbook.core.merge.batch import BookState
from offbook.core.merge.retention import RetentionLimits
from offbook.core.protocol.json import loads
from offbook.core.protocol.requests import parse_push
from offbook.core.verify.ranges import parse_compare, parse_fetch
from services.history import history_page
from services.retention import prune
from services.sync.responses import dry_run, sync
from services.sync.verify import compare, fetch
from storage.base import ChangeOrigin, PageSize
from tests.support.memory_store import MemoryStore, Shelf

BOOK = "b0000000-0000-4000-8000-000000000001"
START = 1_795_000_000_000_000
SECOND = 1_000_000
HELD_SECONDS_MAX = 10.0


@dataclass
class Server:
    """One book. ``now`` is the server's time in microseconds; every request moves it on by one second.

    ``kept`` is what a 410 says of how far the server still is what it was, where it is not what the book's log says.
    """

    policy: str = "merge"
    uuid: str = BOOK
    page_max: int = 1000
    now: int = START
    kept: int | None = None
    takes_history: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)
    questions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.store.add_book(BookState(1, self.uuid, self.policy, "e1", 0, 0))

    @property
    def shelf(self) -> Shelf:
        with self.store.reading(1) as shelf:
            return shelf

    @property
    def contacts(self) -> dict[str, dict[str, Any]]:
        """The live records, by id: their cells."""
        return {key[1]: dict(record.cells) for key, record in self.shelf.kept.items() if not record.deleted}

    def prune(self) -> None:
        """Forget all that is gone by now."""
        prune(self.store, 1, RetentionLimits(self.shelf.book.seq, self.shelf.book.seq))

    def empty_trash(self) -> None:
        prune(self.store, 1, RetentionLimits(0, self.shelf.book.seq))

    def copy(self) -> Server:
        """One that goes on by itself from here."""
        other = Server(self.policy, self.uuid, self.page_max, self.now, self.kept, self.takes_history)
        other.restore(self.shelf, None)
        return other

    def backup(self) -> Shelf:
        return self.shelf

    def restore(self, shelf: Shelf, epoch: str | None) -> None:
        """Go back to a backup; by command (a new epoch), or with None as if the file had been copied back."""
        self.store._shelves[1] = replace(shelf, book=replace(shelf.book, epoch=epoch or shelf.book.epoch))

    def answer(self, body: bytes, path: str = "/sync") -> Response:
        if path in QUESTIONS:
            return self._told(path, body)
        self.now += SECOND
        self.requests.append(json.loads(body))
        try:
            push = parse_push(BUILT_IN, loads(body), "d0000000-0000-4000-8000-000000000001")
            if path == "/plan":
                return ok(dry_run(self.store, 1, push, self.now, PageSize(self.page_max)))
            return ok(sync(self.store, 1, ChangeOrigin(), push, self.now, PageSize(self.page_max)))
        except CursorGone as gone:
            return problem(
                410,
                gone.code,
                str(gone),
                reason=gone.reason,
                kept=gone.kept if self.kept is None else self.kept,
                book=gone.book,
                takes_history=self.takes_history,
            )
        except Malformed as fault:
            return problem(fault.status, fault.code, str(fault))

    def tell(self, path: str) -> Response:
        """The answer to ``GET /history/<record>?limit=…&before=…``."""
        asked = urlsplit(path)
        query = parse_qs(asked.query)
        key = ("contacts", asked.path.removeprefix("/history/"))
        before = int(query["before"][0]) if "before" in query else None
        try:
            page = history_page(self.store, 1, key, before, min(int(query["limit"][0]), self.page_max))
        except NotFound as fault:
            return problem(404, fault.code, str(fault))
        return ok({"changes": [entry_to_json(CONTACTS, entry) for entry in page.entries], "next": page.next})

    def _told(self, path: str, body: bytes) -> Response:
        """What is only asked, and moves nothing on."""
        self.questions.append((path, json.loads(body)))
        read, tell = QUESTIONS[path]
        try:
            return ok(tell(self.store, 1, read(self.store.schema, loads(body))))
        except Malformed as fault:
            return problem(fault.status, fault.code, str(fault))


QUESTIONS: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "/verify": (parse_compare, compare),
    "/rows": (parse_fetch, fetch),
}


def ok(answer: Any) -> Response:
    return Response(200, {"Content-Type": "application/json"}, json.dumps(answer, default=dict).encode())


def problem(status: int, code: str, detail: str, **more: Any) -> Response:
    return Response(status, {}, json.dumps({"status": status, "code": code, "detail": detail, **more}).encode())


Step = Callable[[bytes, Server], Response]
"""What becomes of one request."""


def lost_request(body: bytes, server: Server) -> Response:
    raise Offline("The network is down.")


def lost_answer(body: bytes, server: Server) -> Response:
    server.answer(body)
    raise Offline("The network went down.")


def doubled(body: bytes, server: Server) -> Response:
    server.answer(body)
    return server.answer(body)


def says(response: Response) -> Step:
    return lambda body, server: response


@dataclass
class Wire:
    """A replica's way to a server. The next requests become of ``steps``, in order; then all goes well.

    ``asked`` is the same for the questions of a comparison.
    """

    server: Server
    steps: list[Step | None] = field(default_factory=list)
    asked: list[Step | None] = field(default_factory=list)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        assert headers["Offbook-Protocol"] == "1"
        steps = self.asked if path in QUESTIONS else self.steps
        step = steps.pop(0) if steps else None
        if step is not None:
            return step(body or b"", self.server)
        if method == "GET":
            return self.server.tell(path)
        assert method == "POST"
        assert path in ("/sync", "/plan") or path in QUESTIONS
        assert body is not None
        return self.server.answer(body, path)


class Held(Wire):
    """A wire on which the answers are there, and do not arrive before they are let go."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.was_asked, self.go, self.arrived = Event(), Event(), Event()

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        answer = super().send(method, path, body, headers)
        self.was_asked.set()
        assert self.go.wait(HELD_SECONDS_MAX)
        self.arrived.set()
        return answer


@dataclass
class Clock:
    """A device's clock, in milliseconds, set by hand."""

    ms: int = START // 1000

    def __call__(self) -> int:
        return self.ms


def wire(replica: Replica) -> Wire:
    found = replica._transport
    assert isinstance(found, Wire)
    return found


def everything(replica: Replica) -> list[Any]:
    """All that the file holds of the user's and the server's, to see that nothing moved."""
    tables = ("contacts", "contact_details", "change_log", "server_rows")
    rows = [replica.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables]
    return [*rows, replica.connection.execute("SELECT book, cursor, snapshot FROM sync_state").fetchone()]
