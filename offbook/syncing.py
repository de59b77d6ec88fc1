"""One sync: changes up, verdicts and pages down, until both sides have nothing more to say.

What is pending goes out in log order, in batches. A batch that the server refuses whole is halved until the one change
that it can't take is found and parked. Changes are sent only beside a cursor: its epoch is how a server that keeps
another book notices, before any of them counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from offbook import log, snapshots, state
from offbook.answers import Answer, answer_of, date_ms
from offbook.applying import apply, check_book
from offbook.core.changes import Change, Operation, Rejection
from offbook.core.errors import CursorGone, Refused, ServerFault
from offbook.core.rebase import batches, with_bases
from offbook.core.wire import CHANGES_MAX, PROTOCOL, change_of, iso_millis
from offbook.local import refresh
from offbook.log import LogLine
from offbook.parking import fold, park, write_bases
from offbook.sqlite import atomic
from offbook.state import Snapshot, State
from offbook.transport import Response, Transport

if TYPE_CHECKING:
    import sqlite3

PATH = "/sync"
BATCH_BYTES_MAX = 4 * 1024 * 1024
"""A quarter of what a server takes: a request must also get through whatever stands before it."""

SIZE_OF_REST = 400
"""Bytes of a change beside its data: names, ids, a few bases."""

SNAPSHOTS_MAX = 5
"""How often one sync starts a snapshot over before it takes the server to be at fault."""

IDLE_ROUNDS_MAX = 5
KEPT_MS = 30 * 24 * 3600 * 1000
"""How long acknowledged lines are kept: a server restored from a backup as old as this can still be brought up."""

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


class Syncing:
    """One sync of one replica, over one connection, by whoever holds the lease."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        transport: Transport,
        clock: Callable[[], int],
        holder: str,
        progress: Progress | None = None,
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._clock = clock
        self._holder = holder
        self._progress = progress
        self._counts: Counter[str] = Counter()
        self._batch_max = CHANGES_MAX
        self._snapshots = 0
        self._idle = 0

    def run(self) -> SyncReport:
        """Sync until nothing is pending that was when it began, and the server has no more. Raises SyncError."""
        here = state.read(self._connection)
        if here.cursor is None and here.snapshot == Snapshot.NONE:
            snapshots.begin(self._connection)
        last = log.last_id(self._connection)
        while not self._round(last):
            state.take_lease(self._connection, self._holder, self._clock())
        self._forget_old_lines()
        return self._report()

    def _report(self) -> SyncReport:
        return SyncReport(**{name: self._counts[name] for name in asdict(SyncReport())})

    def _round(self, last: int) -> bool:
        """One request and what follows from it. True when all is done."""
        here = state.read(self._connection)
        batch = [] if here.snapshot else self._batch(last)
        try:
            answer = self._ask(batch, here)
        except CursorGone as gone:
            self._start_over(gone, here)
            return False
        except Refused as refusal:
            self._halve(batch, refusal, here)
            return False
        self._apply(batch, answer)
        left = self._pending(last)
        if self._progress is not None:
            self._progress(self._report(), left)
        return not answer.more and not left and not state.read(self._connection).snapshot

    def _apply(self, batch: list[LogLine], answer: Answer) -> None:
        applied = apply(self._connection, batch, answer, self._clock())
        for name in ("pushed", "pulled", "parked", "conflicts"):
            self._counts[name] += getattr(applied, name)
        got_on = applied.touched or applied.pulled or (applied.took_page and answer.cursor != answer.since)
        self._idle = 0 if got_on else self._idle + 1
        if self._idle >= IDLE_ROUNDS_MAX:
            raise ServerFault("The server answers, but neither takes what is sent nor says what is new.")

    # --- what goes out ---

    def _batch(self, last: int) -> list[LogLine]:
        """The next lines to be sent, each as it will always be sent. What can't be sent is parked here and now."""
        while True:
            self._fold()
            lines = [line for line in log.pending(self._connection, self._batch_max) if line.id <= last]
            checked = [(line, check(line)) for line in lines]
            bad = [(line, found) for line, found in checked if isinstance(found, Rejection)]
            if not bad:
                return in_one_request(known_bases(checked))
            inserts = [(line, why) for line, why in bad if line.operation == Operation.INSERT]
            for line, why in inserts or bad:  # what stands behind a parked INSERT joins it, and is not parked by itself
                self._park(line, why)

    def _fold(self) -> None:
        """Edits of a record whose INSERT is parked wait with it."""
        sql = (
            "SELECT DISTINCT parked.table_name, parked.record_id FROM change_log AS parked"
            " INDEXED BY change_log_unsettled JOIN change_log AS later ON later.table_name = parked.table_name"
            " AND later.record_id = parked.record_id AND later.synced = 0 AND later.synced <> 1"
            " AND later.id > parked.id"
            " WHERE parked.synced = 2 AND parked.synced <> 1 AND parked.operation = 'INSERT'"
        )
        for key in self._connection.execute(sql).fetchall():
            if _is_key(key):
                with log.applying(self._connection):
                    fold(self._connection, key)
                    refresh(self._connection, key)

    def _park(self, line: LogLine, why: Rejection) -> None:
        key = (line.table, line.record_id)
        with log.applying(self._connection):
            if _is_key(key):
                write_bases(self._connection, key)
            self._counts["parked"] += park(self._connection, line, why.code, why.detail)
            if _is_key(key):
                refresh(self._connection, key)

    def _pending(self, last: int) -> int:
        sql = "SELECT count(*) FROM change_log INDEXED BY change_log_pending WHERE synced = 0 AND id <= ?"
        (count,) = self._connection.execute(sql, (last,)).fetchone()
        return int(count)

    # --- the request ---

    def _ask(self, batch: list[LogLine], here: State) -> Answer:
        sent_at = self._clock()
        request: dict[str, Any] = {
            "changes": [line.as_json(here.replica) for line in batch],
            "since": here.cursor,
            "sent_at": iso_millis(sent_at),
            "parked": self._parked_codes(),
        }
        headers = {"Content-Type": "application/json", "Offbook-Protocol": PROTOCOL}
        response = self._transport.send("POST", PATH, json.dumps(request, separators=(",", ":")).encode(), headers)
        self._note_clock(response, sent_at, here)
        return answer_of(response)

    def _parked_codes(self) -> dict[str, int]:
        sql = (
            "SELECT code, count(*) FROM change_log INDEXED BY change_log_unsettled"
            " WHERE synced <> 1 AND synced = 2 GROUP BY code ORDER BY 2 DESC LIMIT 50"
        )
        return {str(code)[:40]: count for code, count in self._connection.execute(sql) if str(code).isascii()}

    def _note_clock(self, response: Response, sent_at: int, here: State) -> None:
        """How far the server's clock is ahead, as well as its whole seconds and the way there can tell."""
        date = date_ms(response.header("Date"))
        if date is None:
            return
        offset = date + 500 - (sent_at + self._clock()) // 2
        offset = 0 if abs(offset) < OFFSET_MS_MIN else offset
        if here.clock_offset_ms is None or abs(offset - here.clock_offset_ms) >= OFFSET_MS_MIN:
            state.write(self._connection, clock_offset_ms=offset)

    # --- what goes wrong ---

    def _start_over(self, gone: CursorGone, here: State) -> None:
        check_book(self._connection, gone.book)
        self._snapshots += 1
        if here.cursor is None or self._snapshots > SNAPSHOTS_MAX:
            raise ServerFault("The server does not let this device have a copy of its book.")
        with atomic(self._connection):
            if state.read(self._connection).cursor == here.cursor:
                snapshots.begin(self._connection, None if gone.reason == "pruned" else gone.kept)

    def _halve(self, batch: list[LogLine], refusal: Refused, here: State) -> None:
        """Find the change that the server can't take. An address that refuses everything must not park anything."""
        if not batch:
            raise refusal
        if len(batch) > 1:
            self._batch_max = len(batch) // 2
            return
        self._apply([], self._ask([], here))
        self._park(batch[0], Rejection(batch[0].change_id, refusal.code, str(refusal)))
        self._batch_max = CHANGES_MAX

    def _forget_old_lines(self) -> None:
        """By the server's clock, as it has just told it: by its own, a wrong one could forget too early."""
        offset = state.read(self._connection).clock_offset_ms
        if offset is None:
            return
        horizon_ms = self._clock() + offset - KEPT_MS
        with atomic(self._connection):
            self._connection.execute(
                "DELETE FROM change_log WHERE synced = 1 AND (seq IS NULL AND timestamp < ? OR seq < ? AND seq <="
                " (SELECT seq FROM server_rows AS known WHERE known.table_name = change_log.table_name"
                " AND known.record_id = change_log.record_id))",
                (iso_millis(max(horizon_ms, 0)), horizon_ms * 1000),
            )


def check(line: LogLine) -> Change | Rejection:
    """The checks that the server will make, and one of our own: it would answer under another id."""
    found = change_of(line.as_json(line.change_id), line.change_id)
    if isinstance(found, Change) and (found.record_id, found.id) != (line.record_id, line.change_id):
        return Rejection(line.change_id, "bad_id", "An id must be a UUID in small letters: add it again under one.")
    return found


def _is_key(key: tuple[str, str]) -> bool:
    """Whether text from the log can be looked for at all: what is not UTF-8 can't."""
    return all(part.isascii() for part in key)


def in_one_request(lines: list[LogLine]) -> list[LogLine]:
    """As many lines as one request takes."""
    return lines[requests_of(lines)[0]] if lines else []


def requests_of(lines: list[LogLine]) -> list[slice]:
    sizes = [len(json.dumps(line.data)) + SIZE_OF_REST for line in lines]
    return batches(sizes, CHANGES_MAX, BATCH_BYTES_MAX)


def known_bases(checked: list[tuple[LogLine, Any]]) -> list[LogLine]:
    """The lines, each with what its writer had really seen."""
    by_record: dict[tuple[str, str], list[Change]] = {}
    for line, change in checked:
        by_record.setdefault((line.table, line.record_id), []).append(change)
    several = [changes for changes in by_record.values() if len(changes) > 1]
    bases = {change.id: change.bases for changes in several for change in with_bases(changes)}
    return [replace(line, bases=bases.get(line.change_id, change.bases)) for line, change in checked]
