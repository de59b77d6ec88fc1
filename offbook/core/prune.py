"""What is forgotten: tombstones and removed entries that every device has had its time to hear of.

Pruning never changes what lives. A device whose cursor lies below the line takes a snapshot instead.
"""

from __future__ import annotations

from dataclasses import replace

from offbook.core.changes import Record
from offbook.core.tables import EXISTS, entry_of


def without_removed(record: Record, line: int) -> Record | None:
    """``record`` without the entries removed up to seq ``line``; None where all of it was deleted by then."""
    if record.deleted and record.seq <= line:
        return None
    gone = tuple(
        entry_of(cell)
        for cell, value in record.cells.items()
        if value is False and cell.endswith(f"/{EXISTS}") and record.clock(cell).seq <= line
    )
    if not gone:
        return record
    return replace(
        record,
        cells={cell: value for cell, value in record.cells.items() if not cell.startswith(gone)},
        clocks={cell: clock for cell, clock in record.clocks.items() if not cell.startswith(gone)},
    )
