"""Batches and what undoing one did, as JSON, and back: what ``/batches`` answers and a device reads of it.

Reading believes nothing: what is none raises ServerFault.
"""

from __future__ import annotations

from typing import Any

from offbook.core.cells.validation import Json
from offbook.core.history.undo import BatchSummary, KeptCell, UndoReport
from offbook.core.model import Author
from offbook.core.protocol.rows import iso_micros
from offbook.core.protocol.validators import (
    CODE_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    clean_text,
    require,
    seq_of,
    uuid_of,
)

CELL_CHARACTERS_MAX = 200


def batch_to_json(batch: BatchSummary) -> dict[str, Any]:
    """A batch as JSON holds it: when its last change came, by the server's clock, and how much took effect."""
    return {
        "id": batch.id,
        "first": batch.first,
        "seq": batch.last,
        "at": iso_micros(batch.last),
        "user": batch.author.user,
        "device": batch.author.device,
        "changes": sum(batch.changes.values()),
        "tables": dict(batch.changes),
        "undone_by": batch.undone_by,
    }


def batch_from_json(item: Json) -> BatchSummary:
    """The batch that a server answered with. Raises ServerFault."""
    require(isinstance(item, dict) and isinstance(item.get("tables"), dict), "batch")
    undone_by = item.get("undone_by")
    return BatchSummary(
        uuid_of(item.get("id"), "id"),
        seq_of(item.get("first")),
        seq_of(item.get("seq")),
        Author(_name(item.get("user")), _name(item.get("device"))),
        {_text(table, "table"): seq_of(count) for table, count in item["tables"].items()},
        None if undone_by is None else uuid_of(undone_by, "undone_by"),
    )


def undo_to_json(report: UndoReport) -> dict[str, Any]:
    """What an undo did, as JSON holds it."""
    kept = [
        {"table": cell.key[0], "record_id": cell.key[1], "cell": cell.cell, "reason": cell.reason}
        for cell in report.kept
    ]
    return {"batch": report.batch, "undone": report.undone, "kept": kept}


def undo_from_json(item: Json) -> UndoReport:
    """What a server answered that an undo did. Raises ServerFault."""
    require(isinstance(item, dict) and isinstance(item.get("kept"), list), "kept")
    kept = [_kept_from_json(part) for part in item["kept"]]
    return UndoReport(uuid_of(item.get("batch"), "batch"), seq_of(item.get("undone")), kept)


def _kept_from_json(item: Json) -> KeptCell:
    require(isinstance(item, dict), "kept")
    key = (_text(item.get("table"), "table"), uuid_of(item.get("record_id"), "record_id"))
    cell, reason = _text(item.get("cell"), "cell"), clean_text(item.get("reason"), CODE_CHARACTERS_MAX)
    require(reason is not None, "reason")
    return KeptCell(key, cell, str(reason))


def _name(value: Json) -> str | None:
    return clean_text(value, NAME_CHARACTERS_MAX)


def _text(value: Json, name: str) -> str:
    text = clean_text(value, CELL_CHARACTERS_MAX)
    require(text is not None, name)
    return str(text)
