"""A response of the server, applied to the replica.

Verdicts count always: they name changes. The page counts only when its ``since`` is the cursor that the replica still
has, so an answer that comes late, or twice, moves nothing back. Nothing that is written here is logged.

It is one transaction, unless that would hold others up: then it ends early, between two records, and goes on in another
one. Each record is whole in one of them, and the cursor moves in the last. So what is cut in between comes again, and
the rows that are here already do not count twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from offbook.core.cells.validation import Json, same
from offbook.core.merge.rebase import LineState
from offbook.core.model import Key, Operation, Verdict
from offbook.database import conflicts, deletions, known_cells, sync_state
from offbook.database.batched_writes import BatchTimer, run_in_batches
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.local_changes.parked import UNKNOWN_RECORD, merge_into_parked_insert, park, write_bases
from offbook.database.records import record_table
from offbook.database.server_rows import PUT, ROW, ServerRow, dump, server_row, server_row_of, store_server_row
from offbook.database.sync_state import SyncState
from offbook.database.visible_rows import lines_over_insert, rebuild_row, restore_known_row
from offbook.sync import acknowledgement, restore_recovery, snapshot
from offbook.sync.response import NOT_SENT, ChangeResult, PageRow, SyncResponse, check_book, row_of

PART_CELLS = 25_000
"""So many cells go into the file in one go: a page of a thousand records with four entries each."""

CONFLICTS_AT_ONCE = 1000


@dataclass(slots=True)
class Applied:
    """What a response brought: how many changes were acknowledged, how many rows of the page are new.

    ``dirty`` are records whose visible row must still be rebuilt, and ``refreshed`` counts those that were;
    ``maybe_changed`` are those of them of which the server may have changed what shows, ``changed`` those of which it
    did.
    """

    pushed: int = 0
    pulled: int = 0
    parked: int = 0
    conflicts: int = 0
    new_rows: int = 0
    has_taken_page: bool = False
    refreshed: int = 0
    dirty: set[Key] = field(default_factory=set)
    maybe_changed: set[Key] = field(default_factory=set)
    changed: list[Key] = field(default_factory=list)


def apply(connection: Connection, sent: Sequence[LogLine], response: SyncResponse, now_ms: int) -> Applied:
    """Apply an answer to a request that carried the lines ``sent``. Raises OtherBook, and applies nothing then."""
    applied = Applied()

    def work(timer: BatchTimer) -> Iterator[None]:
        check_book(sync_state.read(connection).book, response.book)
        acknowledgement.note_head(connection, response.results, response.head)
        # Before the records: what a deleted one held is kept while a conflict about it waits.
        yield from _take_conflicts(connection, response, timer)
        yield from apply_result(connection, sent, response.results, applied, timer, {row.key for row in response.rows})
        yield from take_page(connection, response, now_ms, applied, timer)
        yield from _rebuild_rest(connection, applied, timer)

    run_in_batches(connection, work, change_log.without_logging)
    applied.changed = list(dict.fromkeys(applied.changed))
    return applied


def apply_verdicts(
    connection: Connection, sent: Sequence[LogLine], book: str, results: Sequence[ChangeResult], head: int | None = None
) -> Applied:
    """Apply an answer that has no page. Raises OtherBook, and applies nothing then."""
    applied = Applied()

    def work(timer: BatchTimer) -> Iterator[None]:
        check_book(sync_state.read(connection).book, book)
        acknowledgement.note_head(connection, results, head)
        yield from apply_result(connection, sent, results, applied, timer)

    run_in_batches(connection, work, change_log.without_logging)
    return applied


def _rebuild(connection: Connection, key: Key, applied: Applied) -> None:
    """Make what shows as it is to be, and note where the server changed it."""
    before = _visible_values(connection, key) if key in applied.maybe_changed else None
    rebuild_row(connection, key)
    if key in applied.maybe_changed and _visible_values(connection, key) != before:
        applied.changed.append(key)
    applied.dirty.discard(key)
    applied.refreshed += 1


def _rebuild_rest(connection: Connection, applied: Applied, timer: BatchTimer) -> Iterator[None]:
    for key in list(applied.dirty):
        _rebuild(connection, key, applied)
        if timer.is_over:
            yield


def _visible_values(connection: Connection, key: Key) -> Mapping[str, Json] | None:
    """A record as a person sees it: its times move with every answer."""
    table = connection.schema.get(key[0])
    record = None if table is None else record_table(table).get(connection, key[1])
    return record and {name: value for name, value in record.items() if name not in ("created_at", "updated_at")}


# --- verdicts ------------------------------------------------------------------------------------------------------


def apply_result(
    connection: Connection,
    sent: Sequence[LogLine],
    results: Iterable[ChangeResult],
    applied: Applied,
    timer: BatchTimer,
    coming: Collection[Key] = (),
) -> Iterator[None]:
    """Acknowledge or park each change that was answered. An edit made meanwhile is another line, and stays pending.

    Records that were taken as they are show that already: those that are ``coming`` with the page are looked at then.
    """
    lines = {line.change_id: line for line in sent}
    answered: dict[Key, list[tuple[LogLine, ChangeResult]]] = {}
    for result in results:
        if (line := lines.get(result.change_id)) is not None:
            answered.setdefault((line.table, line.record_id), []).append((line, result))
    for key, pairs in answered.items():
        write_bases(connection, key)
        for line, result in pairs:
            _apply_result_to_line(connection, line, result, applied)
        merge_into_parked_insert(connection, key)
        if key in coming and key not in applied.maybe_changed:
            applied.dirty.add(key)
        else:
            _rebuild(connection, key, applied)
        if timer.is_over:
            yield


def _apply_result_to_line(connection: Connection, line: LogLine, result: ChangeResult, applied: Applied) -> None:
    if result.verdict is Verdict.REJECTED:
        applied.parked += _park_line(connection, line, result)
    else:
        applied.pushed += _acknowledge(connection, line, result)
        applied.conflicts += result.verdict is Verdict.CONFLICT
    took = _store_record(connection, line, result)
    applied.pulled += took and result.verdict is not Verdict.APPLIED
    if took or result.verdict is not Verdict.APPLIED:
        applied.maybe_changed.add((line.table, line.record_id))


def _acknowledge(connection: Connection, line: LogLine, result: ChangeResult) -> bool:
    changed = connection.execute(
        "UPDATE change_log SET synced = ?, seq = ?, verdict = ? WHERE id = ? AND synced = 0",
        (LineState.ACKNOWLEDGED, result.seq, result.verdict.value, line.id),
    )
    if line.operation == Operation.DELETE and not line.is_derived:
        connection.execute(
            "DELETE FROM change_log WHERE synced = 2 AND operation = 'INSERT' AND table_name = ? AND record_id = ?"
            " AND id < ?",
            (line.table, line.record_id, line.id),
        )
    return changed.rowcount == 1


def _park_line(connection: Connection, line: LogLine, result: ChangeResult) -> bool:
    """Park the line; or let it join the parked INSERT before it, where it was only rejected because that was.

    It joins at once: the deletion of the record may be the next result, and takes along what is one line by then.
    """
    if result.code == UNKNOWN_RECORD and line.operation == Operation.UPDATE and _joins_parked_insert(connection, line):
        merge_into_parked_insert(connection, (line.table, line.record_id))
        return False
    detail = result.detail or "The server gave no reason."
    return park(connection, line, result.code or "rejected", detail, result.verdict.value)


def _joins_parked_insert(connection: Connection, line: LogLine) -> bool:
    key = (line.table, line.record_id)
    lines = [other for other in change_log.unsettled_lines(connection, *key) if other.id <= line.id]
    inserts = [other for other in lines if other.state is LineState.PARKED and other.operation == Operation.INSERT]
    return bool(inserts) and line.id in {
        other.id for other in lines_over_insert(inserts[-1], lines, server_row(connection, key))
    }


def _store_record(connection: Connection, line: LogLine, result: ChangeResult) -> bool:
    if result.record is NOT_SENT or result.seq is None:
        return False
    row = row_of(connection.schema[line.table], line.record_id, result.seq, result.record)
    return _store_row(connection, row)


def _store_row(connection: Connection, row: PageRow) -> bool:
    known_row = server_row(connection, row.key)
    restore_recovery.requeue_difference(connection, known_row, row)
    return store_server_row(connection, row.key, known_row, row.server)


# --- a page --------------------------------------------------------------------------------------------------------


def _take_conflicts(connection: Connection, response: SyncResponse, timer: BatchTimer) -> Iterator[None]:
    for start in range(0, len(response.conflicts), CONFLICTS_AT_ONCE):
        if not is_awaited(response, sync_state.read(connection)):
            return
        conflicts.store_conflicts(connection, response.conflicts[start : start + CONFLICTS_AT_ONCE])
        if timer.is_over:
            yield


def is_awaited(response: SyncResponse, state: SyncState) -> bool:
    """Whether a page goes on from where the replica still is."""
    if response.only is None:
        return response.since == state.cursor
    return (response.since, response.only) == state.next_repull


def take_page(
    connection: Connection, response: SyncResponse, now_ms: int, applied: Applied, timer: BatchTimer
) -> Iterator[None]:
    """Take the rows, then the cursor, and then what follows for a snapshot; as long as the cursor is the page's.

    Of what is pulled again the cursor is one of its own.
    """
    if not is_awaited(response, sync_state.read(connection)):
        return
    for rows in _parts_of_page(response.rows):
        for _ in _take_rows(connection, rows[0].key[0], rows, applied, timer):
            yield
            if not is_awaited(response, sync_state.read(connection)):
                return
    state = sync_state.read(connection)
    applied.has_taken_page = True
    if response.only is not None:
        known_cells.move_repull(connection, state.repulls, response.cursor, response.more)
        return
    known_cells.move_cursor(connection, response.cursor, response.book, now_ms)
    if state.snapshot and not response.more:
        for key in snapshot.advance(connection, state.snapshot):
            applied.maybe_changed.add(key)
            _rebuild(connection, key, applied)
            if timer.is_over:
                yield


def _parts_of_page(rows: Iterable[PageRow]) -> Iterator[list[PageRow]]:
    """Rows of one table each, together of a size that is written in one go."""
    part: list[PageRow] = []
    size = 0
    for row in sorted(rows, key=lambda row: row.key[0]):
        if part and (size >= PART_CELLS or row.key[0] != part[0].key[0]):
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row.server.cells)
    if part:
        yield part


def _take_rows(
    connection: Connection, table: str, rows: Sequence[PageRow], applied: Applied, timer: BatchTimer
) -> Iterator[None]:
    """Rows whose records have no lines on top and no conflict go straight into the tables; the others one by one.

    One that is here already, with a verdict or from a page that was cut off, may have come to a version that knew less:
    it is taken once more, and does not count as new. What it shows beyond that is a change, though.
    """
    ids = dump([row.key[1] for row in rows])
    known_seqs = _known_seqs(connection, table, ids)
    straight, others = _split_rows(connection, table, rows, ids, known_seqs, applied)
    known_ids = dump([row.key[1] for row in straight if row.key[1] in known_seqs])
    rows_before = _rows_before(connection, table, known_ids) if known_ids != "[]" else {}
    applied.changed += [row.key for row in straight if _tells_more(row, rows_before.get(row.key[1]))]
    _put_rows(connection, table, straight, rows_before)
    applied.dirty.difference_update(row.key for row in straight)
    for row in others:
        if timer.is_over:
            yield
        if known_seqs.get(row.key[1]) == (row.server.seq, 0):
            before = _visible_values(connection, row.key)
            restore_known_row(connection, row.key, row.server)
            applied.changed += [row.key] if _visible_values(connection, row.key) != before else []
            continue
        _store_row(connection, row)
        applied.maybe_changed.add(row.key)
        _rebuild(connection, row.key, applied)
    deletions.note_batches(connection, table, [(row.key[1], row.server.seq, row.batch) for row in rows if row.batch])
    if timer.is_over:
        yield


def _split_rows(
    connection: Connection,
    table: str,
    rows: Sequence[PageRow],
    ids: str,
    known_seqs: Mapping[str, tuple[int, int]],
    applied: Applied,
) -> tuple[list[PageRow], list[PageRow]]:
    """The rows that count, as those that go straight into the tables and the others; and count what is new in them."""
    unsettled = _unsettled_ids(connection, table, ids)
    acknowledged = _acknowledged_seqs(connection, table, ids)
    contested_ids = conflicts.contested_ids(connection, table, ids)
    straight: list[PageRow] = []
    others: list[PageRow] = []
    for row in rows:
        record_id = row.key[1]
        seq, stale = known_seqs.get(record_id, (-1, 0))
        if seq > row.server.seq and not stale:
            continue
        is_own = acknowledged.get(record_id) == row.server.seq
        is_new = stale > 0 or seq < row.server.seq
        applied.new_rows += is_new
        applied.pulled += is_new and not is_own
        on_top = stale > 1 or record_id in unsettled or acknowledged.get(record_id, 0) > row.server.seq
        if on_top or record_id in contested_ids:
            others.append(row)
        else:
            straight.append(row)
            showed = record_id in known_seqs or record_id in acknowledged
            if is_new and (not is_own or row.key in applied.maybe_changed) and (showed or row.data is not None):
                applied.changed.append(row.key)
    return straight, others


def _tells_more(row: PageRow, known_row: ServerRow | None) -> bool:
    """Whether a row came once more, and holds what it did not hold here."""
    if row.data is None or known_row is None or known_row.stale or known_row.seq != row.server.seq:
        return False
    held = known_row.cells
    return any(not same(value, held.get(cell)) for cell, value in row.server.cells.items())


def _put_rows(
    connection: Connection, table: str, rows: Sequence[PageRow], rows_before: Mapping[str, ServerRow]
) -> None:
    """``rows_before`` are those that were here before, by id."""
    server_rows = [row.server.after(rows_before.get(row.key[1])) for row in rows]
    connection.executemany(PUT, [server.parameters(row.key) for row, server in zip(rows, server_rows, strict=True)])
    layout = record_table(connection.schema[table])
    layout.put(connection, [(row.key[1], row.data) for row in rows if row.data is not None])
    layout.remove(connection, [row.key[1] for row in rows if row.data is None])


def _known_seqs(connection: Connection, table: str, ids: str) -> Mapping[str, tuple[int, int]]:
    sql = (
        "SELECT record_id, seq, stale FROM server_rows"
        " WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    )
    return {record_id: (seq, stale) for record_id, seq, stale in connection.execute(sql, (table, ids))}


def _rows_before(connection: Connection, table: str, ids: str) -> dict[str, ServerRow]:
    sql = (
        f"SELECT record_id, {ROW} FROM server_rows"
        " WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    )
    return {record_id: server_row_of(*row) for record_id, *row in connection.execute(sql, (table, ids))}


def _unsettled_ids(connection: Connection, table: str, ids: str) -> set[str]:
    sql = (
        "SELECT record_id FROM change_log INDEXED BY change_log_unsettled WHERE synced <> 1 AND table_name = ?"
        " AND record_id IN (SELECT value FROM json_each(?))"
    )
    return {record_id for (record_id,) in connection.execute(sql, (table, ids))}


def _acknowledged_seqs(connection: Connection, table: str, ids: str) -> dict[str, int]:
    """Per record the newest seq that a change of this device was given."""
    sql = (
        "SELECT record_id, max(seq) FROM change_log INDEXED BY change_log_acknowledged WHERE synced = 1"
        " AND table_name = ? AND record_id IN (SELECT value FROM json_each(?)) AND seq IS NOT NULL GROUP BY record_id"
    )
    return dict(connection.execute(sql, (table, ids)).fetchall())
