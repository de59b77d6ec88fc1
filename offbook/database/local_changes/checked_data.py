"""What may be stored of what somebody typed on this device: by the rules of the server, so that it is refused while its
writer is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offbook.core.cells.json_data import change_data
from offbook.core.cells.lenient_validation import read_row, typed_part
from offbook.core.cells.validation import LENIENT, Json, parse_cells
from offbook.core.errors import Invalid
from offbook.core.merge.composite import completed_data
from offbook.core.merge.record_size import require_size
from offbook.core.messages import MISSING_IN_ENTRY, TOO_MANY_ENTRIES
from offbook.core.model import Operation, Value
from offbook.core.schema import Map, Table


def check_data(
    table: Table, data: Mapping[str, Json], operation: Operation, before: Mapping[str, Json]
) -> dict[str, Any]:
    """``data`` in the form in which it is stored. Raises Invalid by the rules that the server has.

    ``before`` is the record as it is: an entry that is new must have what an entry needs, and what is there already, a
    kind that is not known here for instance, may be written again. What belongs to one value is completed.
    """
    data = completed_data(table, data, before)
    cells = _check_cells(table, data, operation, before)
    require_size(table, before, cells)
    stored = change_data(table, cells)
    for map_ in table.maps:
        _check_entries(map_, stored.get(map_.name) or {}, before.get(map_.name) or {})
    return stored


def _check_cells(
    table: Table, data: Mapping[str, Json], operation: Operation, before: Mapping[str, Json]
) -> dict[str, Value]:
    try:
        return parse_cells(table, data, operation)
    except Invalid:
        if not before:
            raise
    parse_cells(table, typed_part(table, data, read_row(table, before).cells), Operation.UPDATE)
    return parse_cells(table, data, operation, LENIENT)


def _check_entries(map_: Map, entries: Mapping[str, Json], before: Mapping[str, Json]) -> None:
    for key, entry in entries.items():
        if (
            entry is not None
            and key not in before
            and (missing := [name for name in map_.required if name not in entry])
        ):
            raise Invalid.of(MISSING_IN_ENTRY, field=f"{map_.name}/{key}/{missing[0]}")
    left = (before.keys() | entries.keys()) - {key for key, entry in entries.items() if entry is None}
    if entries.keys() - before.keys() and len(left) > map_.entries_max:
        raise Invalid.of(TOO_MANY_ENTRIES, field=map_.name, limit=map_.entries_max)
