"""What is said over the live channel, from its opening to its end: pages come, pushes go, verdicts come back.

A page counts only where it goes on from the replica's cursor, as everywhere; a push is what a sync would send. What
does not fit here raises FallBackToHttp: a sync by HTTP deals with it. No socket and no timer: text in, text out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from offbook import messages
from offbook.core.errors import ServerFault
from offbook.core.protocol.json import dumps
from offbook.core.protocol.validators import DETAIL_CHARACTERS_MAX, clean_text, json_of, uuid_of
from offbook.core.schema import Schema
from offbook.database import sync_state
from offbook.database.connection import Connection
from offbook.database.local_changes.change_log import LogLine
from offbook.sync.apply import Applied, apply, apply_verdicts
from offbook.sync.request import next_batch, request_of
from offbook.sync.response import ChangeResult, SyncResponse, head_of, parse_response, results_of

CHANGES_MAX = 200
"""More than that is a backlog, which HTTP takes faster: in larger batches, and packed."""

PUSH_BYTES_MAX = 1024 * 1024
"""What a server takes in one message."""

IDLE_PAGES_MAX = 20
"""Pages in a row with nothing new in them, before the server is taken to go round in circles."""


class FallBackToHttp(Exception):
    """Only a sync by HTTP sets this right."""


class Verdicts(NamedTuple):
    """The answer to a push: what became of each of its changes."""

    push: Any
    book: str
    results: list[ChangeResult]
    head: int | None = None


def message_of(schema: Schema, text: str | bytes) -> SyncResponse | Verdicts:
    """What the server says. Raises FallBackToHttp where it refuses a push whole, ServerFault for what can't be
    understood."""
    item = json_of(text)
    if not isinstance(item, dict) or "push" not in item:
        return parse_response(schema, item)
    if "problem" in item:
        problem = item["problem"] if isinstance(item["problem"], dict) else {}
        raise FallBackToHttp(clean_text(problem.get("detail"), DETAIL_CHARACTERS_MAX) or "The server refuses a push.")
    return Verdicts(item["push"], uuid_of(item.get("book"), "book"), results_of(item.get("results")), head_of(item))


class LiveSession:
    """One socket's conversation, over the replica's connection."""

    def __init__(self, connection: Connection, clock: Callable[[], int]) -> None:
        self._connection = connection
        self._clock = clock
        self._push_number = 0
        self._sent_lines: list[LogLine] = []
        self._idle_pages = 0

    def check_server(self, shape: str | None) -> None:
        """What the server named in the handshake. Raises FallBackToHttp where it knows other tables than it knew."""
        if shape is not None and shape != sync_state.read(self._connection).server_shape:
            raise FallBackToHttp("The server's tables are others than they were.")

    def push(self) -> str | None:
        """What is pending, as a message; None where all of it was parked. Raises FallBackToHttp where that is too
        much."""
        state = sync_state.read(self._connection)
        if state.snapshot or state.repulls:
            raise FallBackToHttp("Rows are still to be pulled.")
        lines, _ = next_batch(self._connection, CHANGES_MAX + 1)
        if len(lines) > CHANGES_MAX:
            raise FallBackToHttp("There is more to send than the live channel is for.")
        if not lines:
            return None
        request = {"push": self._push_number + 1, **request_of(self._connection, state, lines, self._clock())}
        body = dumps(request)
        if len(body) > PUSH_BYTES_MAX:
            raise FallBackToHttp("A change is too large for the live channel.")
        self._push_number += 1
        self._sent_lines = lines
        return body.decode()

    def apply_page(self, page: SyncResponse) -> Applied:
        """Apply a page. Raises FallBackToHttp where it leaves a gap, SyncError for what can't be applied."""
        applied = apply(self._connection, [], page, self._clock())
        state = sync_state.read(self._connection)
        if not applied.has_taken_page and page.cursor != state.cursor:
            raise FallBackToHttp("Another process has synced meanwhile.")
        if state.is_behind(self._connection.schema):
            raise FallBackToHttp("Another process has synced meanwhile, and knows less than this version.")
        self._idle_pages = 0 if applied.new_rows or page.conflicts else self._idle_pages + 1
        if self._idle_pages >= IDLE_PAGES_MAX:
            raise ServerFault.of(messages.PAGES_OF_NOTHING)
        return applied

    def apply_verdicts(self, verdicts: Verdicts) -> Applied:
        """Apply the answer to the last push. Raises SyncError for what is none."""
        if verdicts.push != self._push_number:
            raise ServerFault.of(messages.PUSH_WAS_NOT_SENT)
        applied = apply_verdicts(self._connection, self._sent_lines, verdicts.book, verdicts.results, verdicts.head)
        if not applied.refreshed:
            raise ServerFault.of(messages.PUSH_NOT_ANSWERED)
        self._idle_pages = 0
        return applied
