"""Changes as rows, and back: the history as the database keeps it. Pure; storage.sql.store does the reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Row

from offbook.core.merge.batch import Entry
from offbook.core.model import Value, Verdict
from offbook.core.validation import Json
from storage.base import ChangeEntry, ChangeOrigin
from storage.sql.prepared import Rows
from storage.sql.record_mapping import dump

OF_VERDICT = ("book_id", "change_id", "seq", "verdict", "received_at", "code", "detail")
OF_CHANGE = (
    "table_name",
    "record_id",
    "operation",
    "device_id",
    "user_id",
    "replica",
    "timestamp",
    "base",
    "data",
    "bases",
    "before",
    "beaten",
)


def log_rows(book_id: int, history: Iterable[Entry], origin: ChangeOrigin, now: int) -> Rows:
    """The lines of the log for what was just decided."""
    return Rows(OF_VERDICT + OF_CHANGE, [_line(book_id, entry, origin, now) for entry in history]).filled()


def _line(book_id: int, entry: Entry, origin: ChangeOrigin, now: int) -> tuple[Any, ...]:
    """Of a rejected change only what its verdict needs is kept."""
    change_id, verdict, seq, change, before, beaten, fault = entry
    code, detail = (None, None) if fault is None else (fault.code, fault.detail)
    line = (book_id, change_id, seq, verdict.value, now, code, detail)
    if change is None:
        return line + (None,) * len(OF_CHANGE)
    _, table, record_id, operation, replica, timestamp, base, cells, bases, _, _ = change
    return (
        *line,
        table,
        record_id,
        operation.value,
        origin.device_id,
        origin.user_id,
        replica,
        timestamp,
        base,
        dump(cells),
        dump(dict(bases)) if bases else None,
        dump(before) if before else None,
        _beaten_json(entry) if beaten else None,
    )


def _beaten_json(entry: Entry) -> str:
    return dump(
        [{"cell": one.cell, "value": one.value, "winner": tuple(one.winner), "rule": one.rule} for one in entry.beaten]
    )


def entry_of_row(row: Row[Any]) -> ChangeEntry:
    return ChangeEntry(
        (row.table_name, row.record_id),
        row.change_id,
        row.seq,
        Verdict(row.verdict),
        row.operation,
        ChangeOrigin(row.device_id, row.user_id),
        row.replica,
        row.timestamp,
        row.received_at,
        row.base,
        orjson.loads(row.bases or "{}"),
        cells_of(row.data),
        cells_of(row.before),
        [
            {**one, "value": value_of(one["value"]), "winner": tuple(one["winner"])}
            for one in orjson.loads(row.beaten or "[]")
        ],
    )


def cells_of(text: str | None) -> dict[str, Value]:
    return {cell: value_of(value) for cell, value in orjson.loads(text or "{}").items()}


def value_of(value: Json) -> Value:
    """A cell's value as JSON kept it: a list was a tuple."""
    return tuple(value) if isinstance(value, list) else value
