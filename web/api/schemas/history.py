"""Conflicts, the history, and how a value is restored from it."""

from __future__ import annotations

from offbook.core.conflicts.codec import CONFLICTS
from offbook.core.conflicts.resolution import Choice
from web.api.schemas.basics import FLAG, SEQ, TEXT, TIME, UUID, Schema, array_of, object_of, or_null, ref
from web.api.schemas.records import ROW_DATA, TABLE
from web.api.schemas.sync import BASES, OPERATION, RESULT

VALUE: Schema = {"type": ["string", "boolean", "integer", "array", "null"], "description": "A list: its parts."}
CELLS: Schema = {"type": "object", "additionalProperties": VALUE}
NAME: Schema = {"type": ["string", "null"]}
AUTHOR = object_of({"user": NAME, "device": NAME, "at": or_null(TIME)})
WINNER = object_of({"change_id": UUID, "seq": SEQ, "at": TIME, "user": NAME, "device": NAME})
CHOICES: Schema = {"type": "string", "enum": [choice.value for choice in Choice]}
CONFLICT: dict[str, Schema] = {
    "id": UUID,
    "table": TABLE,
    "record_id": UUID,
    "cell": TEXT,
    "common": VALUE,
    "ours": VALUE,
    "theirs": VALUE,
    "ours_by": AUTHOR,
    "theirs_by": AUTHOR,
    "base": SEQ,
    "choices": array_of(CHOICES),
}
HISTORY_ENTRY: dict[str, Schema] = {
    "id": UUID,
    "seq": or_null(SEQ),
    "at": TIME,
    "timestamp": or_null(TIME),
    "operation": or_null(OPERATION),
    "verdict": RESULT["verdict"],
    "user": NAME,
    "device": NAME,
    "replica": or_null(UUID),
    "base": or_null(SEQ),
    "bases": BASES,
    "data": CELLS,
    "before": CELLS,
    "created": FLAG,
    "beaten": array_of(object_of({"cell": TEXT, "value": VALUE, "rule": TEXT, "winner": WINNER})),
}
HISTORY_SCHEMAS: dict[str, Schema] = {
    "Conflict": object_of(CONFLICT, description="ours stands, theirs came, both began with common."),
    "Conflicts": object_of({"conflicts": array_of(ref("Conflict"))}),
    "ConflictRow": object_of(
        {"table": {"const": CONFLICTS}, "record_id": UUID, "operation": OPERATION, "seq": SEQ, "timestamp": TIME}
        | {"data": or_null(ref("Conflict"))},
        description="An open conflict; null: it is settled.",
    ),
    "Choice": object_of({"choice": CHOICES, "value": VALUE}, "choice", "value", minProperties=1, maxProperties=1),
    "Past": object_of(HISTORY_ENTRY, description="A change as it was taken: what it said, and what it replaced."),
    "History": object_of(
        {"table": TABLE, "record_id": UUID, "changes": array_of(ref("Past")), "next": or_null(SEQ)},
    ),
    "Restore": object_of({"cells": or_null(array_of(TEXT)), "to": {"enum": ["before", "after"]}}, "cells", "to"),
    "Version": object_of({"seq": SEQ}),
    "Restored": object_of({"record": ROW_DATA, "seq": SEQ}),
}
