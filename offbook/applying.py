"""An answer of the server, applied to the replica: verdicts and page in one transaction, or nothing of it.

Verdicts count always: they name changes. The page counts only when its ``since`` is the cursor that the replica still
has, so an answer that comes late, or twice, moves nothing back. Nothing that is written here is logged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from offbook import conflicts, log, lost, snapshots, state
from offbook.answers import NOT_SENT, Answer, Result, Row, row_of
from offbook.core.cells import Json
from offbook.core.changes import Operation, Verdict
from offbook.core.errors import OtherBook
from offbook.core.rebase import State
from offbook.core.tables import TABLES
from offbook.local import PUT, ROW, Key, ServerRow, dump, refresh, server_row_of, take
from offbook.log import LogLine
from offbook.parking import UNKNOWN_RECORD, fold, park, write_bases
from offbook.rows import LAYOUTS

if TYPE_CHECKING:
    import sqlite3


@dataclass(slots=True)
class Applied:
    """What an answer brought: how many changes were settled, how many rows of the page were news.

    ``touched`` are records that must be looked at again, ``moved`` those of them of which the server may have changed
    what shows, ``changed`` those of which it did.
    """

    pushed: int = 0
    pulled: int = 0
    parked: int = 0
    conflicts: int = 0
    news: int = 0
    took_page: bool = False
    touched: set[Key] = field(default_factory=set)
    moved: set[Key] = field(default_factory=set)
    changed: list[Key] = field(default_factory=list)


def check_book(connection: sqlite3.Connection, book: str) -> None:
    """Raise OtherBook where the server speaks of another book than the one that this replica holds."""
    known = state.read(connection).book
    if known is not None and known != book:
        raise OtherBook(
            "The token belongs to another book than the one on this device. Nothing was sent or applied: use the token "
            "that was made for this device, or a new file."
        )


def apply(connection: sqlite3.Connection, sent: Sequence[LogLine], answer: Answer, now_ms: int) -> Applied:
    """Apply an answer to a request that carried the lines ``sent``. Raises OtherBook, and applies nothing then."""
    applied = Applied()
    with log.applying(connection):
        check_book(connection, answer.book)
        here = state.read(connection)
        if answer.since == here.cursor:
            # Before the records: what a deleted one held is kept while a conflict about it waits.
            conflicts.take(connection, answer.conflicts)
        settle(connection, sent, answer.results, applied)
        if answer.since == here.cursor:
            take_page(connection, answer.rows, applied)
            state.write(connection, book=answer.book, cursor=answer.cursor, last_success_ms=now_ms)
            applied.took_page = True
            if not answer.more:
                gone = snapshots.advance(connection, here.snapshot)
                applied.touched |= gone
                applied.moved |= gone
        _refresh(connection, applied)
    return applied


def apply_verdicts(
    connection: sqlite3.Connection, sent: Sequence[LogLine], book: str, results: Iterable[Result]
) -> Applied:
    """Apply an answer that has no page. Raises OtherBook, and applies nothing then."""
    applied = Applied()
    with log.applying(connection):
        check_book(connection, book)
        settle(connection, sent, results, applied)
        _refresh(connection, applied)
    return applied


def _refresh(connection: sqlite3.Connection, applied: Applied) -> None:
    """Make what shows as it is to be, and note where the server changed it."""
    for key in applied.touched:
        before = _showing(connection, key) if key in applied.moved else None
        refresh(connection, key)
        if key in applied.moved and _showing(connection, key) != before:
            applied.changed.append(key)


def _showing(connection: sqlite3.Connection, key: Key) -> Mapping[str, Json] | None:
    """A record as a person sees it: its times move with every answer."""
    found = LAYOUTS[key[0]].get(connection, key[1]) if key[0] in LAYOUTS else None
    return found and {name: value for name, value in found.items() if name not in ("created_at", "updated_at")}


# --- verdicts ------------------------------------------------------------------------------------------------------


def settle(connection: sqlite3.Connection, sent: Sequence[LogLine], results: Iterable[Result], into: Applied) -> None:
    """Acknowledge or park each change that was answered. An edit made meanwhile is another line, and stays pending."""
    lines = {line.change_id: line for line in sent}
    answered = [(lines[result.change_id], result) for result in results if result.change_id in lines]
    keys = dict.fromkeys((line.table, line.record_id) for line, _ in answered)
    for key in keys:
        write_bases(connection, key)
    for line, result in answered:
        if result.verdict is Verdict.REJECTED:
            into.parked += _reject(connection, line, result)
        else:
            into.pushed += _acknowledge(connection, line, result)
            into.conflicts += result.verdict is Verdict.CONFLICT
        took = _take_record(connection, line, result)
        into.pulled += took and result.verdict is not Verdict.APPLIED
        if took or result.verdict is not Verdict.APPLIED:
            into.moved.add((line.table, line.record_id))
    for key in keys:
        fold(connection, key)
    into.touched.update(keys)


def _acknowledge(connection: sqlite3.Connection, line: LogLine, result: Result) -> bool:
    changed = connection.execute(
        "UPDATE change_log SET synced = ?, seq = ?, verdict = ? WHERE id = ? AND synced = 0",
        (State.ACKNOWLEDGED, result.seq, result.verdict.value, line.id),
    )
    if line.operation == Operation.DELETE:
        connection.execute(
            "DELETE FROM change_log WHERE synced = 2 AND operation = 'INSERT' AND table_name = ? AND record_id = ?"
            " AND id < ?",
            (line.table, line.record_id, line.id),
        )
    return changed.rowcount == 1


def _reject(connection: sqlite3.Connection, line: LogLine, result: Result) -> bool:
    """Park the line; or leave it for fold(), where it was only refused because the INSERT before it was."""
    if result.code == UNKNOWN_RECORD and line.operation == Operation.UPDATE:
        before = log.unsettled(connection, line.table, line.record_id)
        if any(one.id < line.id and one.state is State.PARKED and one.operation == "INSERT" for one in before):
            return False
    detail = result.detail or "The server gave no reason."
    return park(connection, line, result.code or "rejected", detail, result.verdict.value)


def _take_record(connection: sqlite3.Connection, line: LogLine, result: Result) -> bool:
    if result.record is NOT_SENT or result.seq is None:
        return False
    row = row_of(TABLES[line.table], line.record_id, result.seq, result.record)
    if row is None:
        return False
    lost.send_rest(connection, row)
    return take(connection, row.key, row.server)


# --- a page --------------------------------------------------------------------------------------------------------


def take_page(connection: sqlite3.Connection, rows: Sequence[Row], into: Applied) -> None:
    for name in dict.fromkeys(row.key[0] for row in rows):
        _take_rows(connection, name, [row for row in rows if row.key[0] == name], into)


def _take_rows(connection: sqlite3.Connection, table: str, rows: Sequence[Row], into: Applied) -> None:
    """Rows whose records have no lines on top and no conflict go straight into the tables; the others one by one."""
    ids = dump([row.key[1] for row in rows])
    known = _known(connection, table, ids)
    unsettled = _unsettled(connection, table, ids)
    acknowledged = _acknowledged(connection, table, ids)
    contested = conflicts.contested(connection, table, ids)
    straight: list[Row] = []
    for row in rows:
        record_id = row.key[1]
        seq, stale = known.get(record_id, (-1, 0))
        if seq >= row.server.seq and not stale:
            continue
        is_own = acknowledged.get(record_id) == row.server.seq
        into.news += 1
        into.pulled += not is_own
        if stale > 1:
            lost.send_rest(connection, row)
        on_top = stale > 1 or record_id in unsettled or acknowledged.get(record_id, 0) > row.server.seq
        if on_top or record_id in contested:
            take(connection, row.key, row.server)
            into.touched.add(row.key)
            into.moved.add(row.key)
        else:
            straight.append(row)
            showed = record_id in known or record_id in acknowledged
            if (not is_own or row.key in into.moved) and (showed or row.data is not None):
                into.changed.append(row.key)
    _put_straight(connection, table, straight, dump([row.key[1] for row in straight if row.key[1] in known]))
    into.touched.difference_update(row.key for row in straight)


def _put_straight(connection: sqlite3.Connection, table: str, rows: Sequence[Row], known: str) -> None:
    """``known`` are the ids of those that were here before."""
    before = _rows_before(connection, table, known) if known != "[]" else {}
    connection.executemany(PUT, [row.server.after(before.get(row.key[1])).parameters(row.key) for row in rows])
    LAYOUTS[table].put(connection, [(row.key[1], row.data) for row in rows if row.data is not None])
    LAYOUTS[table].remove(connection, [row.key[1] for row in rows if row.data is None])


def _known(connection: sqlite3.Connection, table: str, ids: str) -> Mapping[str, tuple[int, int]]:
    sql = (
        "SELECT record_id, seq, stale FROM server_rows"
        " WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    )
    return {record_id: (seq, stale) for record_id, seq, stale in connection.execute(sql, (table, ids))}


def _rows_before(connection: sqlite3.Connection, table: str, ids: str) -> dict[str, ServerRow]:
    sql = (
        f"SELECT record_id, {ROW} FROM server_rows"
        " WHERE table_name = ? AND record_id IN (SELECT value FROM json_each(?))"
    )
    return {record_id: server_row_of(*row) for record_id, *row in connection.execute(sql, (table, ids))}


def _unsettled(connection: sqlite3.Connection, table: str, ids: str) -> set[str]:
    sql = (
        "SELECT record_id FROM change_log INDEXED BY change_log_unsettled WHERE synced <> 1 AND table_name = ?"
        " AND record_id IN (SELECT value FROM json_each(?))"
    )
    return {record_id for (record_id,) in connection.execute(sql, (table, ids))}


def _acknowledged(connection: sqlite3.Connection, table: str, ids: str) -> dict[str, int]:
    """Per record the newest seq that a change of this device was given."""
    sql = (
        "SELECT record_id, max(seq) FROM change_log INDEXED BY change_log_acknowledged WHERE synced = 1"
        " AND table_name = ? AND record_id IN (SELECT value FROM json_each(?)) AND seq IS NOT NULL GROUP BY record_id"
    )
    return dict(connection.execute(sql, (table, ids)).fetchall())
