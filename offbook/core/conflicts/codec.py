"""A conflict with who brought its versions, as JSON and back: what ``GET /conflicts`` answers and pages carry.

Reading believes nothing: what is no conflict raises ServerFault, a value that this device can't hold Invalid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from offbook.core.cells.json_data import json_of
from offbook.core.cells.lenient_validation import read_value
from offbook.core.cells.validation import Json
from offbook.core.conflicts.resolution import choices
from offbook.core.errors import Invalid
from offbook.core.model import NO_CLOCK, Author, Conflict, Operation
from offbook.core.protocol.requests import milliseconds
from offbook.core.protocol.rows import iso_micros, iso_millis
from offbook.core.protocol.validators import NAME_CHARACTERS_MAX, clean_text, require, time_of, uuid_of
from offbook.core.schema import EXISTS, Schema

CONFLICTS = "conflicts"
"""The table of pages that holds open conflicts; read-only, so not one of a schema."""

CELL_CHARACTERS_MAX = 200


class ConflictView(NamedTuple):
    """A conflict, and who brought each of its versions when."""

    conflict: Conflict
    ours_by: Author
    theirs_by: Author


class ReceivedConflict(NamedTuple):
    """A conflict of a page; ``view`` is None where it is settled."""

    id: str
    seq: int
    view: ConflictView | None = None


def conflict_view(conflict: Conflict, authors: Mapping[str, Author]) -> ConflictView:
    """The conflict with the authors of its versions, who are given by the ids of changes.

    Of a writer whose change was pruned, what is known is the time.
    """
    ours_by = authors.get(conflict.winner.change_id, Author(at=conflict.winner.timestamp))
    return ConflictView(conflict, ours_by, authors.get(conflict.change_id, Author()))


# --- to JSON -------------------------------------------------------------------------------------------------------


def conflict_to_row(view: ConflictView, is_open: bool) -> dict[str, Json]:
    """A conflict as a page holds it: a row of a table that no device writes to; a settled one is gone."""
    conflict = view.conflict
    return {
        "table": CONFLICTS,
        "record_id": conflict.id,
        "operation": (Operation.INSERT if is_open else Operation.DELETE).value,
        "seq": conflict.seq,
        "timestamp": iso_micros(conflict.seq),
        "data": conflict_to_json(view) if is_open else None,
    }


def conflict_to_json(view: ConflictView) -> dict[str, Json]:
    """Both versions, what they began with, and who brought each. A value of several parts is a list."""
    conflict = view.conflict
    table, cell = conflict.table, conflict.cell
    return {
        "id": conflict.id,
        "table": table.name,
        "record_id": conflict.record_id,
        "cell": cell,
        "common": json_of(table, cell, conflict.common),
        "ours": json_of(table, cell, conflict.ours),
        "theirs": json_of(table, cell, conflict.theirs),
        "ours_by": author_to_json(view.ours_by),
        "theirs_by": author_to_json(view.theirs_by),
        "base": conflict.base,
        "choices": [choice.value for choice in choices(conflict)],
    }


def author_to_json(author: Author) -> dict[str, Json]:
    """Who, with what, and when as ISO text."""
    at = None if author.at is None else iso_millis(author.at)
    return {"user": author.user, "device": author.device, "at": at}


# --- from JSON -----------------------------------------------------------------------------------------------------


def conflict_from_json(schema: Schema, conflict_id: str, seq: int, data: Json) -> ConflictView:
    """An open conflict that a server sent. Raises ServerFault and Invalid.

    Of a cell that is not known here it is held all the same: a person may see it, and decide on another device.
    """
    require(isinstance(data, dict) and data.get("table") in list(schema), "conflicts")
    table, cell = schema[data["table"]], data.get("cell")
    require(isinstance(cell, str) and 0 < len(cell) <= CELL_CHARACTERS_MAX and cell.isprintable(), "cell")
    record_id = uuid_of(data.get("record_id"), "record_id")
    common, ours, theirs = (read_value(table, cell, data.get(name)) for name in ("common", "ours", "theirs"))
    if cell.rpartition("/")[2] == EXISTS:
        ours, theirs = bool(ours), bool(theirs)
    conflict = Conflict(conflict_id, table, record_id, cell, ours, theirs, 0, NO_CLOCK, "", "", seq, common)
    return ConflictView(conflict, author_from_json(data.get("ours_by")), author_from_json(data.get("theirs_by")))


def author_from_json(item: Json) -> Author:
    """Who and when, which is only shown: what can't be understood is None."""
    item = item if isinstance(item, dict) else {}
    user, device = (clean_text(item.get(name), NAME_CHARACTERS_MAX) for name in ("user", "device"))
    try:
        return Author(user, device, milliseconds("at", time_of(item.get("at"))))
    except Invalid:
        return Author(user, device)
