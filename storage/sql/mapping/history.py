"""Changes as rows, and back: the history as the database keeps it. Pure; storage.sql.store does the reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Row

from offbook.core.cells.validation import Json
from offbook.core.history.entry import NOBODY, HistoryEntry, HistoryStep, discarded_values, seq_of_effect
from offbook.core.merge.batch import LoggedChange
from offbook.core.model import Author, Clock, DiscardedWrite, Operation, Value, Verdict
from offbook.core.protocol.rows import iso_micros, iso_millis
from storage.base import ChangeOrigin
from storage.sql.mapping.records import dump
from storage.sql.prepared import Rows

VERDICT_COLUMNS = ("book_id", "change_id", "seq", "verdict", "received_at", "code", "detail")
CHANGE_COLUMNS = (
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
    "batch",
)


def log_rows(book_id: int, history: Iterable[LoggedChange], origin: ChangeOrigin, now_us: int) -> Rows:
    """The rows of the log for what was just decided."""
    return Rows(VERDICT_COLUMNS + CHANGE_COLUMNS, [_row(book_id, entry, origin, now_us) for entry in history]).filled()


def _row(book_id: int, entry: LoggedChange, origin: ChangeOrigin, now_us: int) -> tuple[Any, ...]:
    """Of a rejected change only what its verdict needs is kept."""
    change_id, verdict, seq, change, before, discarded, fault = entry
    code, detail = (None, None) if fault is None else (fault.code, fault.detail)
    verdict_values = (book_id, change_id, seq, verdict.value, now_us, code, detail)
    if change is None:
        return verdict_values + (None,) * len(CHANGE_COLUMNS)
    _, table, record_id, operation, replica, timestamp, base, cells, bases, _, _, batch = change
    return (
        *verdict_values,
        table.name,
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
        _beaten_column(discarded) if discarded else None,
        batch,
    )


def _beaten_column(discarded: Sequence[DiscardedWrite]) -> str:
    return dump(
        [
            {"cell": write.cell, "value": write.value, "winner": tuple(write.winner), "rule": write.rule}
            for write in discarded
        ]
    )


def discarded_writes_of(text: str | None) -> list[DiscardedWrite]:
    """What a change lost, from the column ``beaten``."""
    return [
        DiscardedWrite(item["cell"], value_of(item["value"]), Clock(*item["winner"]), item["rule"])
        for item in orjson.loads(text or "[]")
    ]


def entry_of_row(
    row: Row[Any], discarded: Sequence[DiscardedWrite], authors: Mapping[str, Author], created: bool
) -> HistoryEntry:
    """A row of ``changes`` as an entry. ``authors`` are those of the change and of what won over it, by change."""
    author = authors.get(row.change_id, NOBODY)
    return HistoryEntry(
        key=(row.table_name, row.record_id),
        id=row.change_id,
        seq=seq_of_effect(Verdict(row.verdict), row.seq),
        at=iso_micros(row.seq or row.received_at or 0),
        timestamp=None if row.timestamp is None else iso_millis(row.timestamp),
        operation=None if row.operation is None else Operation(row.operation),
        verdict=Verdict(row.verdict),
        user=author.user,
        device=author.device,
        replica=row.replica,
        base=row.base,
        bases=orjson.loads(row.bases or "{}"),
        data=parse_cells(row.data),
        before=parse_cells(row.before),
        created=created,
        beaten=discarded_values(discarded, authors),
        batch=row.batch,
    )


def step_of_row(
    table: str, record_id: str, seq: int, before: str | None, batch: str | None, change_id: str
) -> HistoryStep:
    """A step from the columns that it is made of."""
    return HistoryStep((table, record_id), seq, parse_cells(before), batch, change_id)


def parse_cells(text: str | None) -> dict[str, Value]:
    """The cells of a column of JSON."""
    return {cell: value_of(value) for cell, value in orjson.loads(text or "{}").items()}


def value_of(value: Json) -> Value:
    """A cell's value as JSON kept it: a list was a tuple."""
    return tuple(value) if isinstance(value, list) else value
