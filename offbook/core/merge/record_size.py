"""How much a record may hold: the one rule, for what comes to a server and for what is written on a device.

A table says it (schema.Table.bytes_max), in bytes of the record as JSON without what is empty. A record that was larger
before the rule may be changed by all that does not make it larger still.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from offbook.core import messages
from offbook.core.cells.json_data import filled_fields
from offbook.core.cells.lenient_validation import read_row
from offbook.core.cells.validation import Json, is_empty
from offbook.core.errors import Invalid
from offbook.core.messages import Fault
from offbook.core.model import Cells
from offbook.core.schema import Table

BYTES_OF_CHARACTER = 6
"""The most that one takes as JSON: ``\\u0001``."""

BYTES_OF_CELL = 200
"""The most that a cell takes beside its text: its name, and the key of its entry."""

KB = 1024


def too_large(table: Table, before: Cells, written: Cells) -> Fault | None:
    """Why cells may not be written to a record that has those ``before``; None where they may."""
    limit = table.bytes_max
    if not limit or _most_bytes(before) + _most_bytes(written) <= limit:
        return None
    size = bytes_of(filled_fields(table, {**before, **written}))
    if size <= limit or size <= bytes_of(filled_fields(table, before)):
        return None
    return messages.RECORD_TOO_LARGE.fault(size=-(-size // KB), limit=limit // KB)


def require_size(table: Table, before: Mapping[str, Json], written: Cells) -> None:
    """Raise Invalid where cells may not be written to a record with the data ``before``."""
    if table.bytes_max and _most_bytes(written) + BYTES_OF_CHARACTER * len(str(before)) > table.bytes_max:
        fault = too_large(table, read_row(table, before).cells, written)
        if fault is not None:
            raise Invalid(fault)


def bytes_of(data: Mapping[str, Json]) -> int:
    """The bytes of a record's data as JSON, without what is empty."""
    filled = {name: value for name, value in data.items() if not is_empty(value) and value != {}}
    return len(json.dumps(filled, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _most_bytes(cells: Cells) -> int:
    """No less than cells take as JSON, whatever characters their texts have; found out in a microsecond."""
    texts = [value for value in cells.values() if type(value) is str]
    texts += [part for value in cells.values() if type(value) is tuple for part in value if type(part) is str]
    return BYTES_OF_CHARACTER * len("".join(texts)) + BYTES_OF_CELL * len(cells)
