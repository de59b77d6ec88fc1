"""What a restored server has lost, and this device still holds: it is sent again.

The server is only up to ``trusted_up_to`` what it was. What this device had sent beyond that is pending again, under
its ids and in its order. Rows beyond that hold what others had written, and some of these send nothing again: pages,
API clients, devices that are gone. So

- a row that the server lacks altogether is sent whole (``requeue_record``), under an id that every device makes alike.
  It contains the changes of this device up to its seq, so these would undo what others wrote over them;
- of a row that the server has as it was before, what differs is sent (``requeue_difference``), deletion included. Where
  others have written to it since the restore, the server says what it was ``then``: what they wrote is no difference;
- of what was deleted since by someone who had seen the row that was lost, the changes of this device are sent, a
  deletion behind them, and what else the row held for the history.

Each value carries the time of the row by which this device first saw it. So what devices send of one record, each as
far as it had got, ends as the latest of them had it, whichever comes first.

What was undone, had lost, or is contained in a row goes out too, in its order, but for the server's history alone: it
is to be found there, and to have no effect.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from offbook.core.cells.json_data import change_data
from offbook.core.cells.lenient_validation import unknown_cells
from offbook.core.cells.validation import is_empty, same
from offbook.core.history.reconstruct import Patch, without_removed_entries
from offbook.core.merge.rebase import (
    LineState,
    patch_of_lost_row,
    rebase_after_restore,
    split_by_time,
    unseen_cells,
    with_own_values_seen,
)
from offbook.core.model import NOTHING, Change, Key, Operation, Value, Verdict
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import EXISTS, Schema, entry_of
from offbook.database import sync_state
from offbook.database.connection import Connection
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.local_changes.parked import append_line, write_bases
from offbook.database.server_rows import ServerRow, change_of_line, dump, server_row

if TYPE_CHECKING:
    from offbook.sync.response import PageRow


def rewind_to(connection: Connection, trusted: int, takes_history: bool) -> None:
    """Know no more of the server than it knows itself. ``stale`` keeps the seq that a lost row had.

    What this device knows to be undone, or to have lost, is only sent to a server that ``takes_history``.
    """
    queued = connection.execute(
        "SELECT DISTINCT table_name, record_id FROM change_log INDEXED BY change_log_pending WHERE synced = 0"
    ).fetchall()
    for key in queued:
        write_bases(connection, key)
    connection.execute(
        "UPDATE server_rows SET stale = CASE WHEN stale > 1 THEN stale ELSE seq END, seq = ? WHERE seq > ?",
        (trusted, trusted),
    )
    if takes_history:  # whatever seq they have: it is that of the row which they lost to
        change_log.set_for_history(connection, "synced = 1 AND verdict = ?", Verdict.SUPERSEDED)
    times: dict[Key, int] = {}
    for line in sorted(
        [*change_log.acknowledged_lines_after(connection, trusted), *change_log.pending_lines(connection)],
        key=lambda line: line.id,
    ):
        key = (line.table, line.record_id)
        if line.is_for_history:
            continue
        is_undone = line.state is LineState.ACKNOWLEDGED and _is_undone(
            connection.schema, line, server_row(connection, key)
        )
        if takes_history and is_undone:
            change_log.set_for_history(connection, "id = ?", line.id)
        elif is_undone:
            connection.execute("UPDATE change_log SET seq = NULL WHERE id = ?", (line.id,))
        else:
            connection.execute("UPDATE change_log SET synced = 0 WHERE id = ?", (line.id,))
            times[key] = _rewind_line(connection, line, trusted, times.get(key, 0))


def _rewind_line(connection: Connection, line: LogLine, trusted: int, earliest: int) -> int:
    """Let a line say what is true of its writer where the server knows no more than ``trusted_up_to``.

    Whoever wrote over the very row that was lost keeps that for a base, until it shows what became of it. Returns the
    time before which no later line of the record may be.
    """
    known_row = server_row(connection, (line.table, line.record_id))
    change = _change_in(connection.schema, line, known_row)
    if change is None:
        return earliest
    taken = line.seq if line.state is LineState.ACKNOWLEDGED else None
    rewritten = rebase_after_restore(change, trusted, taken, _took_effect(line, change, known_row), earliest)
    base = line.base if known_row is not None and line.base == known_row.stale else rewritten.base
    _rewrite_line(connection, line, base, rewritten.bases, rewritten.timestamp)
    return rewritten.timestamp + 1


def _took_effect(line: LogLine, change: Change, known_row: ServerRow | None) -> bool:
    """Whether all of a change took effect: it met nothing concurrent, or its values stand in the row that was lost."""
    if line.verdict == Verdict.APPLIED:
        return True
    if known_row is None or known_row.deleted or known_row.stale < (line.seq or 0):
        return False
    return all(same(known_row.cells.get(cell), value) for cell, value in change.cells.items())


def _rewrite_line(
    connection: Connection, line: LogLine, base: int, bases: Mapping[str, int], timestamp_ms: int
) -> None:
    connection.execute(
        "UPDATE change_log SET timestamp = ?, base = ?, bases = ? WHERE id = ?",
        (iso_millis(timestamp_ms), base, dump(dict(bases)) if bases else None, line.id),
    )


def _is_undone(schema: Schema, line: LogLine, known_row: ServerRow | None) -> bool:
    """Whether this device knows that somebody deleted later what the line wrote: sent again, it would come back.

    What became a conflict with the deletion has not been deleted later, and a person is to decide about it.
    """
    if known_row is None or known_row.stale < (line.seq or 0) or line.verdict == Verdict.CONFLICT:
        return False
    if known_row.deleted:
        return line.operation != Operation.DELETE
    change = _change_in(schema, line, known_row)
    return bool(change and change.cells) and all(
        entry_of(cell) and value is not False and not known_row.cells.get(entry_of(cell) + EXISTS)
        for cell, value in (change.cells.items() if change else ())
    )


def handle_missing_record(connection: Connection, key: Key, row: ServerRow) -> None:
    """A record did not come again with the snapshot. Where it was lost, it is sent."""
    if row.stale > 1:
        _rebase_over_lost_row(connection, _pending_lines(connection, key), row, row.seq, NOTHING)
        if not row.deleted:
            requeue_record(connection, key, row)


def _rebase_over_lost_row(
    connection: Connection, lines: Iterable[LogLine], lost_row: ServerRow, base: int, newer: Mapping[str, int]
) -> None:
    """Let what was typed over the row that was lost have seen what came in its place, but for what is ``newer`` in it.

    Its time says what its base can't say any more: it is later than that row.
    """
    for line in lines:
        if line.base == lost_row.stale and (change := change_of_line(connection.schema, line, lost_row)) is not None:
            later = max(change.timestamp, lost_row.stale // 1000 + 1)
            _rewrite_line(connection, line, base, {**newer, **(line.bases or {})}, later)


def requeue_record(connection: Connection, key: Key, row: ServerRow) -> None:
    """A record that the restored server does not have: sent before all that this device has to say about it.

    It contains the changes of this device up to its seq: these are for the history alone.
    """
    contained = (
        "synced = 0 AND verdict IS NOT ? AND table_name = ? AND record_id = ? AND seq <= ?",
        change_log.FOR_HISTORY,
        *key,
        row.stale,
    )
    if sync_state.read(connection).takes_history:
        change_log.set_for_history(connection, *contained)
    else:
        connection.execute(f"UPDATE change_log SET synced = 1, seq = NULL WHERE {contained[0]}", contained[1:])
    (first,) = connection.execute("SELECT coalesce(min(id), 1) FROM change_log").fetchone()
    _queue(connection, key, row, Patch(Operation.INSERT, _filled_cells(row)), 0, "", min(first, 1))


def _filled_cells(row: ServerRow) -> dict[str, Value]:
    return {cell: value for cell, value in without_removed_entries(row.cells).items() if not is_empty(value)}


def trusted_up_to(connection: Connection) -> int | None:
    """Up to where the server still is what it was, for as long as rows of later are to be compared with its own."""
    (seq,) = connection.execute("SELECT min(seq) FROM server_rows WHERE stale > 1").fetchone()
    return None if seq is None else int(seq)


def requeue_difference(connection: Connection, lost_row: ServerRow | None, row: PageRow) -> None:
    """The restored server's row of a record came: send what it lacks of the row that was here before it."""
    key, new_row = row.key, row.server
    state = sync_state.read(connection)
    if lost_row is None or lost_row.stale < 2:
        return _mark_own_values_seen(connection, key, lost_row, new_row) if state.snapshot else None
    lines = _pending_lines(connection, key)
    table, record_id = connection.schema[key[0]], key[1]
    unseen = unseen_cells(lost_row.as_record(table, record_id), new_row.as_record(table, record_id))
    newer = dict.fromkeys(unseen, lost_row.seq)
    _rebase_over_lost_row(connection, lines, lost_row, new_row.seq, newer)
    patch, base = _lost_patch(connection.schema, lost_row, row, lines), lost_row.seq
    if new_row.deleted and not lost_row.deleted:
        if row.deleted_ms < lost_row.stale // 1000:  # by someone who had not seen what was lost
            return requeue_record(connection, key, lost_row)
        base = new_row.seq
    if state.takes_history and (unmentioned := _unmentioned_values(connection.schema, lost_row, row, patch, lines)):
        source = f"history {state.replica}"
        for change_id in _queue(connection, key, lost_row, Patch(Operation.UPDATE, unmentioned), base, source):
            change_log.set_for_history(connection, "change_id = ?", change_id)
    if patch is not None:
        _queue(connection, key, lost_row, patch, base, state.replica)
    return None


def _mark_own_values_seen(connection: Connection, key: Key, known_row: ServerRow | None, new_row: ServerRow) -> None:
    """Let what waits have seen what of it came from elsewhere (offbook.core.merge.rebase.with_own_values_seen)."""
    pairs = _changes_in(connection.schema, _pending_lines(connection, key), known_row)
    held = {} if known_row is None else known_row.cells
    new_record = new_row.as_record(connection.schema[key[0]], key[1])
    changes = with_own_values_seen([change for _, change in pairs], held, new_record)
    for (line, _), change in zip(pairs if changes else [], changes or [], strict=True):
        _rewrite_line(connection, line, change.base, change.bases, change.timestamp)


def _unmentioned_values(
    schema: Schema, lost_row: ServerRow, row: PageRow, patch: Patch | None, lines: Iterable[LogLine]
) -> dict[str, Value]:
    """Values of the row that was lost which neither the server's row nor anything that goes out says."""
    mentioned = [row.server.cells, {} if patch is None else patch.cells]
    mentioned += [change.cells for _, change in _changes_in(schema, lines, lost_row)]
    return {
        cell: value
        for cell, value in _filled_cells(lost_row).items()
        if not cell.endswith(EXISTS) and not any(same(cells.get(cell), value) for cells in mentioned)
    }


def _lost_patch(schema: Schema, lost_row: ServerRow, row: PageRow, lines: list[LogLine]) -> Patch | None:
    """What is to be said beside the lines that wait: these go out in any case, so that the history has them.

    A deletion that was in conflict with one of them is for its deleter to say: from here, it would have seen the edit.
    """
    if lost_row.deleted and any(line.verdict == Verdict.CONFLICT for line in lines):
        return None
    pairs = _changes_in(schema, lines, lost_row)
    taken = [change for line, change in pairs if line.seq is not None and line.seq <= lost_row.stale]
    later = [change for line, change in pairs if line.seq is None or line.seq > lost_row.stale]
    if row.server.deleted:
        return Patch(Operation.DELETE, {}) if taken and not later else None
    table, record_id = schema[row.key[0]], row.key[1]
    then = (row.then or row.server).as_record(table, record_id)
    return patch_of_lost_row(lost_row.as_record(table, record_id), then, taken, later)


def _queue(
    connection: Connection,
    key: Key,
    row: ServerRow,
    patch: Patch,
    base: int,
    source: str,
    id: int | None = None,
) -> list[str]:
    """Queue what the server lost of a row: one change per time at which this device first saw its values.

    ``by`` is part of the changes' ids where other devices would not say just the same. ``id`` is the place in the log
    before which they go; None: its end. Returns the ids of the changes.
    """
    table, record_id = connection.schema[key[0]], key[1]
    change_ids: list[str] = []
    parts = split_by_time(table, patch, row.seen, row.stale)
    for number, (part, cells) in enumerate(parts):
        name = " ".join(map(str, (row.stale, *([source] if source else []), *(part if len(parts) > 1 else ()))))
        change_ids.append(str(uuid.uuid5(uuid.UUID(record_id), name)))
        operation = patch.operation if number == 0 else Operation.UPDATE
        line = LogLine(
            0,
            table.name,
            record_id,
            operation,
            iso_millis(part.time // 1000),
            LineState.PENDING,
            change_ids[-1],
            base,
            None,
            None if operation is Operation.DELETE else change_data(table, cells),
        )
        append_line(connection, line, None if id is None else id - len(parts) + number)
    return change_ids


def _change_in(schema: Schema, line: LogLine, row: ServerRow | None) -> Change | None:
    """The change that a line holds, with the cells that only a newer version knows: the row may hold these, too."""
    change = change_of_line(schema, line, row)
    if change is None or line.data is None:
        return change
    return change._replace(cells={**unknown_cells(schema[line.table], line.data), **change.cells})


def _changes_in(schema: Schema, lines: Iterable[LogLine], row: ServerRow | None) -> list[tuple[LogLine, Change]]:
    """Those lines that hold a change, each with it."""
    return [(line, change) for line in lines if (change := _change_in(schema, line, row)) is not None]


def _pending_lines(connection: Connection, key: Key) -> list[LogLine]:
    return [line for line in change_log.unsettled_lines(connection, *key) if line.state is LineState.PENDING]
