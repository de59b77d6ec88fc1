"""The lines of change_log as values, and what is written without the triggers logging it line by line.

A line's ``data`` is what the tables hold, in the form of the wire; whether it may be sent is for the core to check.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from offbook.core.merge.composite import completed_data
from offbook.core.merge.rebase import LineState
from offbook.core.model import Operation
from offbook.core.protocol.json import object_of
from offbook.core.schema import Schema, Table
from offbook.database.connection import Connection, atomic
from offbook.database.known_cells import note_of

FOR_HISTORY = "history"
"""The verdict of a pending line that a restored server is to have in its history alone
(offbook.sync.restore_recovery)."""

PENDING = "INDEXED BY change_log_pending WHERE synced = 0"
SENDABLE = f"{PENDING} AND held IS NULL"

UNSETTLED = f"synced <> 1 AND NOT (synced = 0 AND verdict IS '{FOR_HISTORY}')"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One row of change_log. ``bases`` is None until what the line's writer had seen is written down.

    ``typed`` is 0 where no limits of this version count: this device wrote the line from what a server had said, or the
    file is that of a newer version, by which it may have been typed. ``batch`` is what the changes of one act share.
    ``held`` names what of it the server does not know yet, or is empty where an earlier line of its record is held;
    None where nothing holds it (offbook.database.local_changes.held).
    """

    id: int
    table: str
    record_id: str
    operation: str
    timestamp: str
    state: LineState
    change_id: str
    base: int
    bases: Mapping[str, int] | None
    data: Mapping[str, Any] | None
    resolves: tuple[str, ...] = ()
    seq: int | None = None
    verdict: str | None = None
    code: str | None = None
    detail: str | None = None
    typed: int = 1
    batch: str | None = None
    held: str | None = None

    @property
    def is_from_server(self) -> bool:
        """Whether a server has taken or said all its values: then no limit of this version counts."""
        return not self.typed or self.state is LineState.ACKNOWLEDGED or self.seq is not None

    @property
    def is_derived(self) -> bool:
        """Whether it was made of a row that a restored server lost, and not typed: its id is made of the record's
        (offbook.sync.restore_recovery), and so of version 5 (RFC 9562, section 5.5).
        """
        return self.change_id[14:15] == "5"

    @property
    def is_for_history(self) -> bool:
        """Whether it goes out again after a restore, to be nowhere but in the history: it never shows here."""
        return self.state is LineState.PENDING and self.verdict == FOR_HISTORY

    def as_json(self, replica: str, with_batch: bool = False) -> dict[str, Any]:
        """The change as it stands on the wire, and as parse_change() checks it (offbook.core.protocol.requests).

        ``with_batch`` is for servers that take batches.
        """
        item: dict[str, Any] = {
            "id": self.change_id,
            "table": self.table,
            "record_id": self.record_id,
            "operation": self.operation,
            "replica": replica,
            "timestamp": self.timestamp,
            "base": self.base,
        }
        if self.bases:
            item["bases"] = self.bases
        if self.data is not None:
            item["data"] = self.data
        if self.resolves:
            item["resolves"] = list(self.resolves)
        if self.is_for_history:
            item["history"] = True
        if with_batch and self.batch is not None:
            item["batch"] = self.batch
        return item


def pending_lines(connection: Connection) -> list[LogLine]:
    """What no server has answered to, in log order; what is held, too."""
    return _lines(connection, f"{PENDING} ORDER BY id")


def sendable_lines(connection: Connection, limit: int = -1) -> list[LogLine]:
    """What is to be sent, in log order: the pending lines, as far as none of them is known to be held."""
    return _lines(connection, f"{SENDABLE} ORDER BY id LIMIT ?", limit)


def parked_lines(connection: Connection) -> list[LogLine]:
    """What can't be sent as it is, in log order."""
    return _lines(connection, "INDEXED BY change_log_unsettled WHERE synced <> 1 AND synced = 2 ORDER BY id")


def unsettled_lines(connection: Connection, table: str, record_id: str) -> list[LogLine]:
    """The pending and the parked lines of one record, in log order; without those for the history alone."""
    where = f"WHERE {UNSETTLED} AND table_name = ? AND record_id = ? ORDER BY id"
    return _lines(connection, where, table, record_id)


def lines_above(connection: Connection, table: str, record_id: str, seq: int) -> list[LogLine]:
    """One record's lines that the server's row of this seq may lack: all unsettled, and what it acknowledged since."""
    of_record = "table_name = ? AND record_id = ?"
    where = (
        f"INDEXED BY change_log_unsettled WHERE {UNSETTLED} AND {of_record} UNION ALL"
        f" SELECT {columns(connection)} FROM change_log INDEXED BY change_log_acknowledged"
        f" WHERE synced = 1 AND {of_record} AND seq > ? ORDER BY id"
    )
    return _lines(connection, where, table, record_id, table, record_id, seq)


def acknowledged_lines_after(connection: Connection, seq: int) -> list[LogLine]:
    """What the server took after this seq, in log order."""
    return _lines(connection, "WHERE synced = 1 AND seq > ? ORDER BY id", seq)


def set_for_history(connection: Connection, where: str, *parameters: str | int) -> None:
    """Let these lines go out once more, for the history alone. A choice in a conflict is none any more."""
    connection.execute(
        f"UPDATE change_log SET synced = 0, verdict = ?, seq = coalesce(seq, 0), resolves = NULL WHERE {where}",
        (FOR_HISTORY, *parameters),
    )


def last_acknowledged_seq(connection: Connection) -> int:
    """The seq that the server answered to the last change of this device that it took; 0 where it answered none.

    Changes are taken in log order, so that it is the one of the last line before those that wait, and mostly the newest
    of all: where it is not, ``sync_state.answered`` is. What is held is sent later under another id (move_to_end).
    """
    row = connection.execute(
        "SELECT seq FROM change_log WHERE synced = 1 AND seq IS NOT NULL AND id < coalesce((SELECT min(id) FROM"
        f" change_log {SENDABLE}), 9223372036854775807) ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return int(row[0]) if row else 0


def move_to_end(connection: Connection, ids: Iterable[int]) -> None:
    """Give lines new ids behind all others, in this order: they go out after what was sent meanwhile."""
    places = enumerate(ids, last_id(connection) + 1)
    connection.executemany("UPDATE change_log SET id = ? WHERE id = ?", places)


def last_id(connection: Connection) -> int:
    """The id of the newest line; 0 where there is none."""
    (id,) = connection.execute("SELECT coalesce(max(id), 0) FROM change_log").fetchone()
    return int(id)


@lru_cache(maxsize=64)
def _columns_for(schema: Schema) -> str:
    own_note = note_of(schema).replace("'", "''")
    is_own_trigger = f"(SELECT substr(knows, 1 + instr(knows, ' ')) FROM sync_state) IS '{own_note}'"
    return (
        "id, table_name, record_id, operation, timestamp, synced, change_id, base, bases, data, resolves,"
        f" seq, verdict, code, detail, typed AND {is_own_trigger}, batch, held"
    )


def columns(connection: Connection) -> str:
    """What line_of() takes, as SQL selects it from change_log."""
    return _columns_for(connection.schema)


def _lines(connection: Connection, where: str, *parameters: str | int) -> list[LogLine]:
    rows = connection.execute(f"SELECT {columns(connection)} FROM change_log {where}", parameters)
    return [line_of(connection.schema, row) for row in rows]


def line_of(schema: Schema, row: tuple[Any, ...]) -> LogLine:
    """A row of columns()."""
    id, table, record_id, operation, timestamp, synced, change_id, base, bases, data, resolves, *verdict_columns = row
    return LogLine(
        id,
        table,
        record_id,
        operation,
        timestamp,
        LineState(synced),
        change_id,
        base,
        None if bases is None else json.loads(bases),
        None if data is None else _with_flags(schema.get(table), object_of(data)),
        () if resolves is None else tuple(json.loads(resolves)),
        *verdict_columns,
    )


def _with_flags(table: Table | None, data: dict[str, Any]) -> dict[str, Any]:
    """SQLite has no truth values: a flag is logged as 0 or 1. Anything else stays as it is, for the check to see."""
    if table is None:
        return data
    _set_flags(table.flags, data)
    for map_ in table.maps:
        if map_.flags and isinstance(entries := data.get(map_.name), dict):
            for entry in entries.values():
                _set_flags(map_.flags, entry if isinstance(entry, dict) else {})
    return data


def _set_flags(names: Iterable[str], values: dict[str, Any]) -> None:
    for name in names:
        if values.get(name) in (0, 1):
            values[name] = bool(values[name])


# --- writing -------------------------------------------------------------------------------------------------------


@contextmanager
def without_logging(connection: Connection) -> Iterator[None]:
    """Writes in here are the server's, or made from what it said: nothing of them is logged."""
    with atomic(connection):
        (before,) = connection.execute("SELECT applying FROM offbook_guard").fetchone()
        connection.execute("UPDATE offbook_guard SET applying = 1")
        yield
        connection.execute("UPDATE offbook_guard SET applying = ?", (before,))


@contextmanager
def in_batch(connection: Connection, batch: str) -> Iterator[None]:
    """All changes in here carry this batch, in one transaction; those of a batch within it keep their own."""
    with atomic(connection):
        first = last_id(connection)
        yield
        connection.execute("UPDATE change_log SET batch = ? WHERE id > ? AND batch IS NULL", (batch, first))


@contextmanager
def coalesce_changes(connection: Connection, typed: bool = True) -> Iterator[None]:
    """Writes to a record in here become one change: a record added with its entries is one INSERT.

    The triggers log each statement, and what they logged is joined in the end. None of it can have been sent: no other
    process sees these lines before the transaction is committed.
    """
    with atomic(connection):
        first = last_id(connection)
        yield
        _join(connection, first)
        if not typed:
            connection.execute("UPDATE change_log SET typed = 0 WHERE id > ?", (first,))


def _join(connection: Connection, log_id: int) -> None:
    rows = connection.execute(
        "SELECT id, table_name, record_id, operation, data FROM change_log WHERE id > ? ORDER BY id", (log_id,)
    ).fetchall()
    if len(rows) < 2:
        return
    grown: dict[int, dict[str, Any]] = {}
    joined: list[tuple[int]] = []
    into: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
    for id, table, record_id, operation, text in rows:
        key = (table, record_id)
        if operation == Operation.DELETE:
            into.pop(key, None)
        elif operation == Operation.UPDATE and key in into:
            target, data = into[key]
            grown[target] = merge_data(connection.schema.get(table), data, object_of(text))
            joined.append((id,))
        else:
            into[key] = (id, object_of(text))
    texts = [(json.dumps(data, ensure_ascii=False, separators=(",", ":")), id) for id, data in grown.items()]
    connection.executemany("UPDATE change_log SET data = ? WHERE id = ?", texts)
    connection.executemany("DELETE FROM change_log WHERE id = ?", joined)


def merge_data(table: Table | None, data: dict[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The later values over the earlier, entry by entry in a map. An entry added again names all its cells."""
    for name, value in later.items():
        entries = data.get(name)
        if not (_is_map(table, name) and isinstance(value, dict) and isinstance(entries, dict)):
            data[name] = value
            continue
        for key, entry in value.items():
            before = entries.get(key)
            entries[key] = {**before, **entry} if before and entry else entry
    return data


def _is_map(table: Table | None, name: str) -> bool:
    """What is not known here, a newer version wrote: then only its values tell."""
    return table is None or name not in table.by_name


def merge_into_insert(table: Table | None, data: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an INSERT with that of a later change of its record taken in: an entry removed is none any more, and
    what is one value is completed.
    """
    merged = merge_data(table, dict(data), later if table is None else completed_data(table, later, data))
    return {
        name: _without_removed(value) if isinstance(value, dict) and _is_map(table, name) else value
        for name, value in merged.items()
    }


def _without_removed(entries: Mapping[str, Any]) -> dict[str, Any]:
    return {key: entry for key, entry in entries.items() if entry is not None}
