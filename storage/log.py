"""Changes as rows, and back: the history as the database keeps it. Pure; storage.sql does the reading."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Row

from offbook.core.cells import Json
from offbook.core.changes import Value, Verdict
from offbook.core.plan import Entry
from storage import Origin, Past
from storage.rows import dump


def change_row(book_id: int, entry: Entry, origin: Origin, now: int) -> dict[str, Any]:
    """A line of the log. Of a rejected change only what its verdict needs is kept."""
    row: dict[str, Any] = {
        "book_id": book_id,
        "change_id": entry.change_id,
        "seq": entry.seq,
        "verdict": entry.verdict.value,
        "received_at": now,
    }
    if entry.verdict is Verdict.REJECTED:
        return {**row, "code": entry.code, "detail": entry.detail}
    change = entry.change
    assert change is not None
    row.update(
        table_name=change.table,
        record_id=change.record_id,
        operation=change.operation.value,
        device_id=origin.device_id,
        user_id=origin.user_id,
        replica=change.replica,
        timestamp=change.timestamp,
        base=change.base,
        data=dump(change.cells),
    )
    if change.bases:
        row["bases"] = dump(dict(change.bases))
    if entry.before:
        row["before"] = dump(entry.before)
    if entry.beaten:
        row["beaten"] = _beaten_json(entry)
    return row


def _beaten_json(entry: Entry) -> str:
    return dump(
        [{"cell": one.cell, "value": one.value, "winner": tuple(one.winner), "rule": one.rule} for one in entry.beaten]
    )


def past_of(row: Row[Any]) -> Past:
    return Past(
        (row.table_name, row.record_id),
        row.change_id,
        row.seq,
        Verdict(row.verdict),
        row.operation,
        Origin(row.device_id, row.user_id),
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
