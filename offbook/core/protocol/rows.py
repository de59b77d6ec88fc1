"""Records as rows of a page, and seqs and times as the wire has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from offbook.core.model import Operation, Record
from offbook.core.validation import Json, with_all_fields

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def row_of(record: Record) -> dict[str, Json]:
    """A record as a page holds it."""
    cells = None if record.deleted else {"id": record.id, **with_all_fields(record.table, record.cells)}
    return row(record.table.name, record.id, record.created.seq, record.seq, cells)


def row(table: str, record_id: str, created: int, seq: int, data: dict[str, Json] | None) -> dict[str, Json]:
    """One entry of a page: a record's state, and what brought it there. ``data`` is given its times here."""
    time = iso_micros(seq)
    operation = Operation.DELETE if data is None else Operation.INSERT if seq == created else Operation.UPDATE
    if data is not None:
        data["created_at"] = time if seq == created else iso_micros(created)
        data["updated_at"] = time
    return {
        "table": table,
        "record_id": record_id,
        "operation": operation.value,
        "seq": seq,
        "timestamp": time,
        "data": data,
    }


def data_of(record: Record) -> dict[str, Json] | None:
    """A record as its row goes over the wire; a tombstone has none."""
    data: dict[str, Json] | None = row_of(record)["data"]
    return data


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def iso_micros(micros: int) -> str:
    """A seq as the time that it is: always six digits."""
    seconds, rest = divmod(micros, 1_000_000)
    return f"{_second(seconds)}.{rest:06d}Z"


def micros_of(iso: str) -> int:
    """The microseconds that iso_micros() wrote."""
    return (datetime.fromisoformat(iso) - EPOCH) // timedelta(microseconds=1)


def iso_millis(millis: int) -> str:
    """A device's time: always three digits."""
    seconds, rest = divmod(millis, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"
