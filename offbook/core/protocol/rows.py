"""Records as rows of a page, and seqs and times as the wire has them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from offbook.core.cells.json_data import filled_fields, with_all_fields
from offbook.core.cells.validation import Json
from offbook.core.model import Operation, Record
from offbook.core.protocol.view import View

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSERT, UPDATE, DELETE = (operation.value for operation in (Operation.INSERT, Operation.UPDATE, Operation.DELETE))


def row_of(record: Record, view: View | None = None) -> dict[str, Json]:
    """A record as a page holds it, whole, or as the view shows it."""
    table = record.table if view is None else view.schema[record.table.name]
    if view is not None and view.is_sparse:
        filled = None if record.deleted else filled_fields(table, record.cells)
        return sparse_row(table.name, record.id, record.created.seq, record.seq, filled)
    data = None if record.deleted else {"id": record.id, **with_all_fields(table, record.cells)}
    return row(table.name, record.id, record.created.seq, record.seq, data)


def row(table: str, record_id: str, created: int, seq: int, data: dict[str, Json] | None) -> dict[str, Json]:
    """One entry of a page: a record's state, and what brought it there. ``data`` is given its times here."""
    time = iso_micros(seq)
    if data is not None:
        data["created_at"] = time if seq == created else iso_micros(created)
        data["updated_at"] = time
    return {
        "table": table,
        "record_id": record_id,
        "operation": _operation(created, seq, data),
        "seq": seq,
        "timestamp": time,
        "data": data,
    }


def sparse_row(table: str, record_id: str, created: int, seq: int, data: dict[str, Json] | None) -> dict[str, Json]:
    """The same with nothing that stands in it twice: ``seq`` is the time as well, and of a record that was created with
    it the time of creation."""
    if data is not None and created != seq:
        data["created_at"] = iso_micros(created)
    operation = _operation(created, seq, data)
    return {"table": table, "record_id": record_id, "operation": operation, "seq": seq, "data": data}


def _operation(created: int, seq: int, data: dict[str, Json] | None) -> str:
    if data is None:
        return DELETE
    return INSERT if seq == created else UPDATE


def data_of(record: Record, view: View | None = None) -> dict[str, Json] | None:
    """A record as its row goes over the wire, in this view; a tombstone has none."""
    data: dict[str, Json] | None = row_of(record, view)["data"]
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
