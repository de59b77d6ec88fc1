"""One sync: changes up, verdicts and pages down, until both sides have nothing more to say.

What is pending goes out in log order, in batches. A batch that the server refuses whole is halved until the one change
that it can't take is found and parked. Changes are sent only beside a cursor: its epoch is how a server that keeps
another book notices, before any of them counts.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from offbook.core.errors import CursorGone, NotOffbook, Refused, ServerFault
from offbook.core.model import Rejection
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import CHANGES_MAX, PROTOCOL
from offbook.core.protocol.rows import iso_millis
from offbook.database import change_log, known_cells, sync_state
from offbook.database.batched_writes import write_in_batches
from offbook.database.change_log import LogLine
from offbook.database.connection import atomic
from offbook.database.sync_state import Snapshot, SyncState
from offbook.sync import snapshot
from offbook.sync.apply import Applied, apply, check_book
from offbook.sync.http_errors import date_ms
from offbook.sync.request import count_pending, next_batch, park_unsent, request_of
from offbook.sync.response import SyncResponse, response_of
from offbook.sync.transport import Response, Transport

if TYPE_CHECKING:
    import sqlite3

PATH = "/sync"
SNAPSHOTS_MAX = 5
"""How often one sync starts a snapshot over before it takes the server to be at fault."""

IDLE_ROUNDS_MAX = 5
IDLE_SECONDS_MAX = 90.0
"""How long a sync goes on without gaining anything. The cursor that it came to is kept: the next one goes on there."""

KEPT_MS = 30 * 24 * 3600 * 1000
"""How long acknowledged lines are kept: a server restored from a backup as old as this can still be brought up."""

OLD = """SELECT id FROM change_log WHERE synced = 1 AND (seq IS NULL AND timestamp < ? OR seq < ? AND seq <=
  (SELECT seq FROM server_rows AS known WHERE known.table_name = change_log.table_name
   AND known.record_id = change_log.record_id))"""
FORGET = "DELETE FROM change_log WHERE id = ? AND synced = 1"

OF_A_BODY = frozenset({400, 403, 406, 413, 415, 418, 422, 431})
"""What a proxy may answer because of the body that it was to pass on."""

OFFSET_MS_MIN = 2000
"""The server's Date has whole seconds: a smaller difference of the clocks is none."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: changes taken by the server, records that came from it, changes parked, conflicts opened."""

    pushed: int = 0
    pulled: int = 0
    parked: int = 0
    conflicts: int = 0


Progress = Callable[[SyncReport, int], None]
"""Called after each answer with the report so far and how many changes are still to be sent."""


class SyncSession:
    """One sync of one replica, over one connection, by whoever holds the lease."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        transport: Transport,
        clock: Callable[[], int],
        holder: str,
        progress: Progress | None = None,
        heard: Callable[[Applied], None] | None = None,
    ) -> None:
        """``heard`` is called after each answer with what it brought."""
        self._connection = connection
        self._transport = transport
        self._clock = clock
        self._holder = holder
        self._progress = progress
        self._heard = heard
        self._counts: Counter[str] = Counter()
        self._batch_max = CHANGES_MAX
        self._last = 0
        self._snapshots = 0
        self._idle = 0
        self._gained_at = time.monotonic()

    def run(self) -> SyncReport:
        """Sync until nothing is pending that was when it began, and the server has no more. Raises SyncError."""
        here = sync_state.read(self._connection)
        is_behind = known_cells.is_behind(self._connection)
        if here.cursor is None and (here.snapshot == Snapshot.NONE or is_behind):
            self._begin_anew()
        elif not is_behind:
            known_cells.note_own_cells(self._connection)
        self._ask_from_before(here)
        self._go_on()
        # only after a sync from the cursor: a restored server tells by that
        if known_cells.is_behind(self._connection):
            self._begin_anew()
            self._go_on()
        forget_old_lines(self._connection, self._clock())
        return self._report()

    def _go_on(self) -> None:
        self._last = change_log.last_id(self._connection)
        while not self._round():
            self._check_gain()
            sync_state.take_lease(self._connection, self._holder, self._clock())

    def _begin_anew(self) -> None:
        """Take a snapshot though the cursor could be gone on from: rows were pulled by a version that knew less."""
        snapshot.begin(self._connection, is_served=True)

    def _ask_from_before(self, here: SyncState) -> None:
        """A snapshot that was begun so, and of which nothing came: has the server been restored since?"""
        before = known_cells.cursor_before(self._connection)
        if before is None:
            return
        try:
            self._ask([], replace(here, cursor=before))
        except CursorGone as gone:
            check_book(self._connection, gone.book)
            snapshot.begin(self._connection, None if gone.reason == "pruned" else gone.kept, gone.takes_history)

    def _report(self) -> SyncReport:
        return SyncReport(**{name: self._counts[name] for name in asdict(SyncReport())})

    def _round(self) -> bool:
        """One request and what follows from it. True when all is done."""
        here = sync_state.read(self._connection)
        batch = [] if here.snapshot else self._next_batch(self._last)
        try:
            answer = self._ask(batch, here)
        except CursorGone as gone:
            self._start_over(gone, here)
            return False
        except (Refused, NotOffbook) as refusal:
            self._halve(batch, refusal, here)
            return False
        self._apply(batch, answer)
        is_taking = bool(sync_state.read(self._connection).snapshot)
        if here.snapshot and not is_taking:
            self._last = change_log.last_id(self._connection)  # what a restored server has lost was put into the queue
        left = count_pending(self._connection, self._last)
        if self._progress is not None:
            self._progress(self._report(), left)
        return not answer.more and not left and not is_taking

    def _apply(self, batch: list[LogLine], answer: SyncResponse) -> None:
        applied = apply(self._connection, batch, answer, self._clock())
        for name in ("pushed", "pulled", "parked", "conflicts"):
            self._counts[name] += getattr(applied, name)
        if self._heard is not None:
            self._heard(applied)
        self._note_gain(applied, answer)

    def _note_gain(self, applied: Applied, answer: SyncResponse) -> None:
        """A page of rows that are here already, or that this version can't hold, may be one of many: they have time."""
        if applied.refreshed or applied.news:
            self._idle, self._gained_at = 0, time.monotonic()
        elif not (applied.took_page and answer.size and answer.cursor != answer.since):
            self._idle += 1

    def _check_gain(self) -> None:
        """Raise ServerFault where the answers go on and nothing is gained by them, whatever they say."""
        if self._idle >= IDLE_ROUNDS_MAX or time.monotonic() - self._gained_at >= IDLE_SECONDS_MAX:
            raise ServerFault("The server answers, but neither takes what is sent nor says what is new.")

    def _next_batch(self, last: int) -> list[LogLine]:
        lines, parked = next_batch(self._connection, self._batch_max, last)
        self._counts["parked"] += parked
        return lines

    # --- the request ---

    def _ask(self, batch: list[LogLine], here: SyncState) -> SyncResponse:
        sent_at = self._clock()
        request = request_of(self._connection, here, batch, sent_at)
        headers = {"Content-Type": "application/json", "Offbook-Protocol": PROTOCOL}
        response = self._transport.send("POST", PATH, dumps(request), headers)
        answer = response_of(response)
        self._note_clock(response, sent_at, here)
        return answer

    def _note_clock(self, response: Response, sent_at: int, here: SyncState) -> None:
        """How far the server's clock is ahead, as well as its whole seconds and the way there can tell.

        Only the server's own counts: by a proxy's, acknowledged lines could be forgotten too early.
        """
        date = date_ms(response.header("Date"))
        if date is None:
            return
        offset = date + 500 - (sent_at + self._clock()) // 2
        offset = 0 if abs(offset) < OFFSET_MS_MIN else offset
        if here.clock_offset_ms is None or abs(offset - here.clock_offset_ms) >= OFFSET_MS_MIN:
            sync_state.write(self._connection, clock_offset_ms=offset)

    # --- what goes wrong ---

    def _start_over(self, gone: CursorGone, here: SyncState) -> None:
        check_book(self._connection, gone.book)
        self._snapshots += 1
        self._idle = 0
        if here.cursor is None or self._snapshots > SNAPSHOTS_MAX:
            raise ServerFault("The server does not let this device have a copy of its book.")
        with atomic(self._connection):
            if sync_state.read(self._connection).cursor == here.cursor:
                kept = None if gone.reason == "pruned" else gone.kept
                snapshot.begin(self._connection, kept, gone.takes_history)

    def _halve(self, batch: list[LogLine], refusal: Refused | NotOffbook, here: SyncState) -> None:
        """Find the change that can't be taken. An address that refuses everything must not park anything.

        A proxy may refuse a body for its size or its words. What is not offbook's own answer counts only where the same
        change gets it again, right after the server itself has answered.
        """
        if not batch or refusal.status not in OF_A_BODY and isinstance(refusal, NotOffbook):
            raise refusal
        if len(batch) > 1:
            self._batch_max = len(batch) // 2
            return
        try:
            self._apply([], self._ask([], here))
            if isinstance(refusal, NotOffbook) and self._is_taken(batch):
                return
        except CursorGone as gone:
            self._start_over(gone, sync_state.read(self._connection))
            return
        code = f"http_{refusal.status}" if isinstance(refusal, NotOffbook) else refusal.code
        why = Rejection(batch[0].change_id, code, str(refusal))
        self._counts["parked"] += park_unsent(self._connection, batch[0], why)
        self._gained_at = time.monotonic()
        self._batch_max = CHANGES_MAX

    def _is_taken(self, batch: list[LogLine]) -> bool:
        try:
            answer = self._ask(batch, sync_state.read(self._connection))
        except NotOffbook:
            return False
        self._apply(batch, answer)
        return True


def forget_old_lines(connection: sqlite3.Connection, now_ms: int) -> None:
    """Acknowledged lines, by the server's clock as it told it last: by its own, a wrong one could forget too early."""
    offset = sync_state.read(connection).clock_offset_ms
    if offset is None:
        return
    horizon_ms = now_ms + offset - KEPT_MS
    old = connection.execute(OLD, (iso_millis(max(horizon_ms, 0)), horizon_ms * 1000))
    for _ in write_in_batches(connection, old.fetchall(), lambda ids: connection.executemany(FORGET, ids)):
        pass
