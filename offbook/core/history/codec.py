"""A history entry as JSON, and back: what ``GET /history`` answers and a device reads of it.

Reading believes nothing: what is no history raises ServerFault, cells that this version does not know are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from offbook.core.cells.json_data import json_of, json_of_cells
from offbook.core.cells.validation import LENIENT, Json, value_of
from offbook.core.errors import Invalid
from offbook.core.history.entry import DiscardedValue, HistoryEntry, WinningChange
from offbook.core.model import Operation, Value, Verdict
from offbook.core.protocol.validators import (
    CODE_CHARACTERS_MAX,
    NAME_CHARACTERS_MAX,
    clean_text,
    require,
    seq_of,
    time_of,
    uuid_of,
)
from offbook.core.protocol.view import cut
from offbook.core.schema import Table


def entry_to_json(table: Table, entry: HistoryEntry) -> dict[str, Any]:
    """An entry of a record of this table as JSON holds it. A value of several parts is a list.

    ``batch`` is there where the change has one.
    """
    item = {
        "id": entry.id,
        "seq": entry.seq,
        "at": entry.at,
        "timestamp": entry.timestamp,
        "operation": entry.operation,
        "verdict": entry.verdict,
        "user": entry.user,
        "device": entry.device,
        "replica": entry.replica,
        "base": entry.base,
        "bases": dict(entry.bases),
        "data": json_of_cells(table, entry.data),
        "before": json_of_cells(table, entry.before),
        "created": entry.created,
        "beaten": [_discarded_to_json(table, discarded) for discarded in entry.beaten],
    }
    return item if entry.batch is None else {**item, "batch": entry.batch}


def as_shown(entry: HistoryEntry, table: Table) -> HistoryEntry:
    """The entry with the parts of values that their cells have in this declaration of its table."""
    data, before = ({cell: cut(table, cell, cells[cell]) for cell in cells} for cells in (entry.data, entry.before))
    beaten = tuple(replace(lost, value=cut(table, lost.cell, lost.value)) for lost in entry.beaten)
    return replace(entry, data=data, before=before, beaten=beaten)


def _discarded_to_json(table: Table, discarded: DiscardedValue) -> dict[str, Any]:
    cell, won = discarded.cell, discarded.winner
    winner = {"change_id": won.change_id, "seq": won.seq, "at": won.at, "user": won.user, "device": won.device}
    return {"cell": cell, "value": json_of(table, cell, discarded.value), "rule": discarded.rule, "winner": winner}


def entry_from_json(table: Table, record_id: str, item: Json) -> HistoryEntry:
    """The entry of this record that a server answered with. Raises ServerFault."""
    require(isinstance(item, dict) and item.get("verdict") in list(Verdict), "verdict")
    at, operation, beaten = time_of(item.get("at")), item.get("operation"), item.get("beaten")
    require(at is not None, "time")
    return HistoryEntry(
        key=(table.name, record_id),
        id=uuid_of(item.get("id"), "id"),
        seq=_seq_or_none(item.get("seq")),
        at=str(at),
        timestamp=time_of(item.get("timestamp")),
        operation=Operation(operation) if operation in list(Operation) else None,
        verdict=Verdict(item["verdict"]),
        user=clean_text(item.get("user"), NAME_CHARACTERS_MAX),
        device=clean_text(item.get("device"), NAME_CHARACTERS_MAX),
        replica=clean_text(item.get("replica"), NAME_CHARACTERS_MAX),
        base=_seq_or_none(item.get("base")),
        bases={cell: seq_of(seq) for cell, seq in _items(item.get("bases")) if table.has_cell(cell)},
        data=dict(_known_cells(table, item.get("data"))),
        before=dict(_known_cells(table, item.get("before"))),
        created=item.get("created") is True,
        beaten=tuple(
            discarded
            for part in (beaten if isinstance(beaten, list) else ())
            for discarded in _discarded_from_json(table, part)
        ),
        batch=None if item.get("batch") is None else uuid_of(item["batch"], "batch"),
    )


def _discarded_from_json(table: Table, item: Json) -> list[DiscardedValue]:
    """One value, or none where this version does not know its cell."""
    require(isinstance(item, dict) and isinstance(item.get("winner"), dict), "beaten")
    require(isinstance(item.get("cell"), str), "cell")
    winner: Mapping[str, Json] = item["winner"]
    won = WinningChange(
        uuid_of(winner.get("change_id"), "change_id"),
        clean_text(winner.get("user"), NAME_CHARACTERS_MAX),
        clean_text(winner.get("device"), NAME_CHARACTERS_MAX),
        time_of(winner.get("at")),
        _seq_or_none(winner.get("seq")),
    )
    rule = clean_text(item.get("rule"), CODE_CHARACTERS_MAX) or ""
    return [
        DiscardedValue(cell, value, rule, won) for cell, value in _known_cells(table, {item["cell"]: item.get("value")})
    ]


def _known_cells(table: Table, item: Json) -> Iterator[tuple[str, Value]]:
    """The cells that this device knows and could hold."""
    for cell, value in _items(item):
        try:
            yield cell, value_of(table, cell, value, LENIENT)
        except Invalid:
            continue


def _items(item: Json) -> list[tuple[str, Json]]:
    return list(item.items()) if isinstance(item, dict) else []


def _seq_or_none(value: Json) -> int | None:
    return None if value is None else seq_of(value)
