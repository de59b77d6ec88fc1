"""The loop of a sync: which request follows from which answer, until both sides have nothing more to say.

What is pending goes out in log order, in batches. A batch that the server refuses whole is halved until the one change
that it can't take is found and parked. Changes are sent only beside a cursor: its epoch is how a server that keeps
another book notices, before any of them counts.

Only the decisions are here. What they do to the replica is a subclass's: SyncSession carries them out, DryRun notes
what they would do. Where the replica then is, a subclass notes in ``_state``.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from offbook import messages
from offbook.core.cells.validation import Json
from offbook.core.errors import CursorGone, NotOffbook, Refused, ServerFault
from offbook.core.messages import Fault, Message
from offbook.core.model import Rejection
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import CHANGES_MAX, SCHEMA_HEADER
from offbook.database import schema, sync_state
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log, held
from offbook.database.local_changes.change_log import LogLine
from offbook.database.sync_state import Snapshot, SyncState
from offbook.sync import server_tables
from offbook.sync.apply import Applied
from offbook.sync.http.errors import json_of_answer, json_of_page
from offbook.sync.http.transport import Response, Transport
from offbook.sync.request import headers_of
from offbook.sync.response import SyncResponse, book_of, check_book, parse_response

SNAPSHOTS_MAX = 5
"""How often one sync starts a snapshot over before it takes the server to be at fault."""

IDLE_ROUNDS_MAX = 5
IDLE_SECONDS_MAX = 90.0
"""How long a sync goes on without gaining anything. The cursor that it came to is kept: the next one goes on there."""

BODY_STATUSES = frozenset({400, 403, 406, 413, 415, 418, 422, 431})
"""What a proxy may answer because of the body that it was to pass on."""


class SyncLoop(ABC):
    """One run of the loop for one replica. A subclass calls run_loop() and implements what it does.

    ``path`` is the address that it asks.
    """

    path: str

    def __init__(self, connection: Connection, transport: Transport) -> None:
        schema.follow(connection)
        self._connection = connection
        self._transport = transport
        self._state = sync_state.read(connection)
        self._server = held.server_tables(connection)
        self._batch_max = CHANGES_MAX
        self._last_line = 0
        self._snapshots = 0
        self._idle_rounds = 0
        self._gained_at = time.monotonic()

    def run_loop(self) -> None:
        """Go on until nothing is pending that was when it began, and the server has no more. Raises SyncError."""
        if self._state.cursor is not None and self._state.knew is not None and self._is_behind():
            self._catch_up()
        state = self._state
        if state.cursor is None and (state.snapshot == Snapshot.NONE or self._is_behind()):
            self._begin_snapshot()
        if state.cursor is None and state.cursor_before is not None:
            self._ask_from_before(replace(state, cursor=state.cursor_before))
        self._run_rounds()
        # only after a sync from the cursor: by that a restored server is noticed
        if self._is_behind():
            self._begin_snapshot()
            self._run_rounds()

    def _ask_from_before(self, state: SyncState) -> None:
        """A snapshot was begun, and nothing of it came: has the server been restored since?"""
        try:
            self._ask([], state)
        except CursorGone as gone:
            check_book(self._state.book, gone.book)
            self._restart_snapshot(gone)

    def _run_rounds(self) -> None:
        self._last_line = change_log.last_id(self._connection)
        while not self._run_round():
            if self._idle_rounds >= IDLE_ROUNDS_MAX or time.monotonic() - self._gained_at >= IDLE_SECONDS_MAX:
                raise ServerFault.of(messages.NOTHING_MOVES)
            self._renew_lease()

    def _run_round(self) -> bool:
        """One request and what follows from it. True when all is done."""
        state = self._state
        batch = [] if state.snapshot or state.repulls else self._next_batch()
        try:
            response = self._ask(batch, state)
        except CursorGone as gone:
            self._start_over(gone)
            return False
        except (Refused, NotOffbook) as refusal:
            self._give_way(batch, refusal)
            return False
        self._apply_and_note_gain(batch, response)
        is_taking = bool(self._state.snapshot)
        if state.snapshot and not is_taking:  # what a restored server has lost was put into the queue
            self._last_line = change_log.last_id(self._connection)
        pending = self._count_pending()
        self._report_progress(pending)
        return not (response.more or pending or is_taking or state.repulls or self._state.repulls)

    def _apply_and_note_gain(self, batch: list[LogLine], response: SyncResponse) -> None:
        """A page of rows that are here already, or that this version can't hold, may be one of many: they have time."""
        applied = self._apply(batch, response)
        if applied.refreshed or applied.new_rows:
            self._idle_rounds, self._gained_at = 0, time.monotonic()
        elif not (applied.has_taken_page and response.size and response.cursor != response.since):
            self._idle_rounds += 1

    # --- what the server knows ---

    def _is_behind(self) -> bool:
        return self._state.is_behind(self._connection.schema)

    def _catch_up(self) -> None:
        """More is known here than rows were pulled with: the server's tables say what is to be pulled again.

        They are only asked for once it is certain whose they are. A server that is too old to say leaves it at that: a
        snapshot follows.
        """
        response = self._send({"changes": []})
        self._note_server(response, json_of_answer(response))
        self._learn()

    def _send(self, request: Mapping[str, Any]) -> Response:
        return self._transport.send("POST", self.path, dumps(request), headers_of(self._connection))

    def _read(self, response: Response) -> SyncResponse:
        """The checked answer to a request, by what the server knew when it made it. Raises what it was refused with."""
        body = json_of_page(response)
        self._note_server(response, body)
        return parse_response(self._connection.schema, body)

    def _note_server(self, response: Response, body: Json) -> None:
        """Learn what the server's tables are, where its answer names another shape than the one that is known here."""
        check_book(self._state.book, book_of(body))
        shape = response.header(SCHEMA_HEADER)
        if shape is None and self._server is not None:
            self._keep_tables(None)
        elif shape is not None and (self._server is None or self._server.shape != shape):
            self._fetch_tables()

    def _fetch_tables(self) -> None:
        body = server_tables.fetch(self._transport, None if self._server is None else self._server.shape)
        if body is not None:
            self._keep_tables(body)

    # --- what goes wrong ---

    def _start_over(self, gone: CursorGone) -> None:
        check_book(self._state.book, gone.book)
        self._snapshots += 1
        self._idle_rounds = 0
        if self._state.cursor is None or self._snapshots > SNAPSHOTS_MAX:
            raise ServerFault.of(messages.NO_SNAPSHOT)
        self._restart_snapshot(gone)

    def _give_way(self, batch: list[LogLine], refusal: Refused | NotOffbook) -> None:
        """What is pulled again may be of a table that the server, restored since, does not know any more."""
        before = self._state.repulls
        if before is not None:
            self._fetch_tables()
        if before == self._state.repulls:
            self._halve(batch, refusal)

    def _halve(self, batch: list[LogLine], refusal: Refused | NotOffbook) -> None:
        """Find the change that can't be taken. An address that refuses everything must not park anything.

        A proxy may refuse a body for its size or its words. What is not offbook's own answer counts only where the same
        change gets it again, right after the server itself has answered.
        """
        if not batch or refusal.status not in BODY_STATUSES and isinstance(refusal, NotOffbook):
            raise refusal
        if len(batch) > 1:
            self._batch_max = len(batch) // 2
            return
        try:
            self._apply_and_note_gain([], self._ask([], self._state))
            if isinstance(refusal, NotOffbook) and self._is_taken(batch):
                return
        except CursorGone as gone:
            self._start_over(gone)
            return
        code = f"http_{refusal.status}" if isinstance(refusal, NotOffbook) else refusal.code
        self._park(batch[0], Rejection(batch[0].change_id, Fault(Message(code, str(refusal)))))
        self._gained_at = time.monotonic()
        self._batch_max = CHANGES_MAX

    def _is_taken(self, batch: list[LogLine]) -> bool:
        """Whether the server takes a batch that something before it has refused."""
        try:
            response = self._ask(batch, self._state)
        except NotOffbook:
            return False
        self._apply_and_note_gain(batch, response)
        return True

    # --- what is done ---

    @abstractmethod
    def _keep_tables(self, body: Json | None) -> None:
        """Know what the server says of its tables, and do what follows. None: it says nothing of them any more."""

    @abstractmethod
    def _learn(self) -> None:
        """Begin to pull again what was pulled without cells that are known here by now."""

    @abstractmethod
    def _begin_snapshot(self) -> None:
        """Pull the book anew though the server serves the cursor, or there is none."""

    @abstractmethod
    def _restart_snapshot(self, gone: CursorGone) -> None:
        """Pull the book anew since the cursor can't be served."""

    @abstractmethod
    def _next_batch(self) -> list[LogLine]:
        """The next lines to be sent, at most ``_batch_max``, up to ``_last_line``. What can't be sent is parked."""

    @abstractmethod
    def _count_pending(self) -> int:
        """How many lines up to ``_last_line`` are still to be sent."""

    @abstractmethod
    def _ask(self, batch: list[LogLine], state: SyncState) -> SyncResponse:
        """Send these lines and pull from this state's cursor. Raises SyncError."""

    @abstractmethod
    def _apply(self, batch: list[LogLine], response: SyncResponse) -> Applied:
        """Take the verdicts on the batch, and the page where it goes on from the cursor. Raises OtherBook."""

    @abstractmethod
    def _park(self, line: LogLine, why: Rejection) -> None:
        """Take a line out of the queue that the server can't be given."""

    @abstractmethod
    def _report_progress(self, pending: int) -> None:
        """Called after each answer with how many lines are still to be sent."""

    @abstractmethod
    def _renew_lease(self) -> None:
        """Called before each further round."""


def trusted_by(gone: CursorGone) -> int | None:
    """Up to which seq a restored server is what it was; None where it was not restored, and lost nothing."""
    return None if gone.reason == "pruned" else gone.kept
