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
from offbook.contacts.table import BUILT_IN, CONTACTS, FIRST_SCHEMA
from offbook.core import messages
from offbook.core.declaration.codec import schema_to_json
from offbook.core.errors import CursorGone, Malformed, NotFound, Offline, Pruned
from offbook.core.history.batch_codec import batch_to_json, undo_to_json
from offbook.core.history.codec import entry_to_json
from offbook.core.merge.batch import BookState
from offbook.core.merge.retention import RetentionLimits
from offbook.core.protocol.json import loads
from offbook.core.protocol.requests import SCHEMA_HEADER, parse_push
from offbook.core.protocol.view import View
from offbook.core.schema import Schema, Table
from offbook.core.verify.ranges import parse_compare, parse_fetch
from services.batches import list_batches, undo_batch
from services.history import history_page
from services.restore import Actor
from services.retention import prune
from services.sync.responses import dry_run, sync
from services.sync.verify import compare, fetch
from storage.base import ChangeOrigin, PageSize
from tests.support.memory_store import MemoryStore, Shelf

NO_HEADERS: Mapping[str, str] = {}
BOOK = "b0000000-0000-4000-8000-000000000001"
START = 1_795_000_000_000_000
SECOND = 1_000_000
HELD_SECONDS_MAX = 10.0


@dataclass
class Server:
    """One book. ``now`` is the server's time in microseconds; every request moves it on by one second.

    ``kept`` is what a 410 says of how far the server still is what it was, where it is not what the book's log says.
    ``says_tables`` is False for a server of before apps could bring tables, ``knows_digests`` for one that knows no
    other than digest 1; ``since`` is when its tables grew. What stood before the request that it answers are its
    ``headers``.
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
    says_tables: bool = True
    knows_digests: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

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

    @property
    def since(self) -> Mapping[str, int]:
        """When it learnt parts of its tables."""
        return self.store.since

    def grow(self, *tables: Table) -> None:
        """Learn these tables, or what is new in them."""
        self.now += SECOND
        self.store.grow(Schema(tables), self.now)

    def copy(self) -> Server:
        """One that goes on by itself from here."""
        other = Server(self.policy, self.uuid, self.page_max, self.now, self.kept, self.takes_history)
        other.restore(self.shelf, None)
        return other

    def backup(self) -> Shelf:
        return self.shelf

    def restore(self, shelf: Shelf, epoch: str | None) -> None:
        """Go back to a backup; by command (a new epoch), or with None as if the file had been copied back."""
        self.store.schema = shelf.schema
        self.store.since = {name: seq for name, seq in self.store.since.items() if seq in shelf.growths}
        self.store._shelves[1] = replace(shelf, book=replace(shelf.book, epoch=epoch or shelf.book.epoch))

    def answer(self, body: bytes, path: str = "/sync") -> Response:
        if path in QUESTIONS:
            return self._told(path, body)
        self.now += SECOND
        self.requests.append(json.loads(body))
        try:
            return ok(self._synced(loads(body), path), self._own_headers())
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

    def _synced(self, envelope: dict[str, Any], path: str) -> dict[str, Any]:
        """What is answered to a push; to one that names no schema, of what there is without any app's tables."""
        schema = self.store.schema if self._own_headers() else Schema(self.store.schema[name] for name in BUILT_IN)
        view = View(schema, is_sparse=bool(self._own_headers()))
        push = parse_push(schema, envelope, "d0000000-0000-4000-8000-000000000001", view)
        if path == "/plan":
            return dry_run(self.store, 1, push, self.now, PageSize(self.page_max))
        return sync(self.store, 1, ChangeOrigin(), push, self.now, PageSize(self.page_max))

    def _own_headers(self) -> dict[str, str]:
        """The shape of its tables, for those who know what that is."""
        return {SCHEMA_HEADER: self.store.schema.shape} if self.says_tables and SCHEMA_HEADER in self.headers else {}

    def undo(self, batch: str) -> Response:
        """The answer to ``POST /batches/<batch>/undo``."""
        self.now += SECOND
        actor = Actor(ChangeOrigin(), "d0000000-0000-4000-8000-000000000001", batch)
        try:
            return ok(undo_to_json(undo_batch(self.store, 1, actor, batch, self.now)))
        except NotFound as fault:
            return problem(404, fault.code, str(fault))
        except Pruned as fault:
            return problem(410, fault.code, str(fault))

    def tell(self, path: str) -> Response:
        """The answer to ``GET /tables``, ``GET /history/<record>?limit=…&before=…`` and ``GET /batches?limit=…``."""
        if path == "/tables":
            return self._tell_tables()
        asked = urlsplit(path)
        if asked.path == "/batches":
            return ok({"batches": [batch_to_json(batch) for batch in list_batches(self.store, 1, 100, None)]})
        query = parse_qs(asked.query)
        key = ("contacts", asked.path.removeprefix("/history/"))
        before = int(query["before"][0]) if "before" in query else None
        try:
            page = history_page(self.store, 1, key, before, min(int(query["limit"][0]), self.page_max))
        except NotFound as fault:
            return problem(404, fault.code, str(fault))
        return ok({"changes": [entry_to_json(CONTACTS, entry) for entry in page.entries], "next": page.next})

    def _tell_tables(self) -> Response:
        self.questions.append(("/tables", {}))
        if not self.says_tables:
            return problem(404, "not_found", "There is nothing at this address.")
        shape = self.store.schema.shape
        if self.headers.get("If-None-Match") == f'"{shape}"':
            return Response(304)
        return ok({"shape": shape, "tables": schema_to_json(self.store.schema), "since": dict(self.store.since)})

    def _told(self, path: str, body: bytes) -> Response:
        """What is only asked, and moves nothing on."""
        self.questions.append((path, json.loads(body)))
        read, tell = QUESTIONS[path]
        try:
            if "digest" in json.loads(body) and not self.knows_digests:
                raise Malformed.of(messages.UNKNOWN_KEY, key="digest")
            return ok(tell(self.store, 1, read(self.store.schema, loads(body))))
        except Malformed as fault:
            return problem(fault.status, fault.code, str(fault))


QUESTIONS: Mapping[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "/verify": (lambda schema, body: parse_compare(schema, Schema({**schema, **FIRST_SCHEMA}.values()), body), compare),
    "/rows": (parse_fetch, fetch),
}


def ok(answer: Any, headers: Mapping[str, str] = NO_HEADERS) -> Response:
    return Response(200, {"Content-Type": "application/json", **headers}, json.dumps(answer, default=dict).encode())


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
        self.server.headers = headers
        steps = self.asked if path in QUESTIONS else self.steps
        step = steps.pop(0) if steps else None
        if step is not None:
            return step(body or b"", self.server)
        if method == "GET":
            return self.server.tell(path)
        assert method == "POST"
        if path.endswith("/undo"):
            return self.server.undo(path.split("/")[2])
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
