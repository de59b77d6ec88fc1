"""Changes and conflicts as rows, and back: the history as the database keeps it. Pure; storage.sql does the reading."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Row

from offbook.core.cells import Json
from offbook.core.changes import Clock, Conflict, Value, Verdict
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
        _cells(row.data),
        _cells(row.before),
        [
            {**one, "value": _value(one["value"]), "winner": tuple(one["winner"])}
            for one in orjson.loads(row.beaten or "[]")
        ],
    )


def _cells(text: str | None) -> dict[str, Value]:
    return {cell: _value(value) for cell, value in orjson.loads(text or "{}").items()}


def _value(value: Json) -> Value:
    """A cell's value as JSON kept it: a list was a tuple."""
    return tuple(value) if isinstance(value, list) else value


def conflict_row(book_id: int, one: Conflict, origin: Origin, now: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "book_id": book_id,
        "table_name": one.table,
        "record_id": one.record_id,
        "cell": one.cell,
        "ours": dump(one.ours),
        "theirs": dump(one.theirs),
        "base": one.base,
        "winner": dump(tuple(one.winner)),
        "change_id": one.change_id,
        "replica": one.replica,
        "device_id": origin.device_id,
        "seq": one.seq,
        "created_at": now,
    }


def conflict_of(row: Row[Any]) -> Conflict:
    return Conflict(
        id=row.id,
        table=row.table_name,
        record_id=row.record_id,
        cell=row.cell,
        ours=_value(orjson.loads(row.ours)),
        theirs=_value(orjson.loads(row.theirs)),
        base=row.base,
        winner=Clock(*orjson.loads(row.winner)),
        change_id=row.change_id,
        replica=row.replica,
        seq=row.seq,
    )
