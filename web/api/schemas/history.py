"""Conflicts, the history, and how a value is restored from it."""

from __future__ import annotations

from offbook.core.codes import Scope, names_in
from offbook.core.conflicts.codec import CONFLICTS
from offbook.core.conflicts.resolution import Choice
from offbook.core.history.undo import Reason
from web.api.schemas.basics import FLAG, SEQ, TEXT, TIME, UUID, JsonSchema, array_of, object_of, or_null, ref
from web.api.schemas.records import ROW_DATA, TABLE
from web.api.schemas.sync import BASES, OPERATION, RESULT

VALUE: JsonSchema = {"type": ["string", "boolean", "integer", "array", "null"], "description": "A list: its parts."}
KEPT_REASONS = sorted({reason.value for reason in Reason} | set(names_in(Scope.RECORD | Scope.CHANGE)))

CELLS: JsonSchema = {"type": "object", "additionalProperties": VALUE}
NAME: JsonSchema = {"type": ["string", "null"]}
AUTHOR = object_of({"user": NAME, "device": NAME, "at": or_null(TIME)})
WINNER = object_of({"change_id": UUID, "seq": SEQ, "at": TIME, "user": NAME, "device": NAME})
CHOICES: JsonSchema = {"type": "string", "enum": [choice.value for choice in Choice]}
CONFLICT: dict[str, JsonSchema] = {
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
HISTORY_ENTRY: dict[str, JsonSchema] = {
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
    "batch": UUID | {"description": "What the changes of one act share; there where it is a part of one."},
}
BATCH: dict[str, JsonSchema] = {
    "id": UUID,
    "first": SEQ | {"description": "Of the first of its changes."},
    "seq": SEQ | {"description": "Of the last of its changes."},
    "at": TIME,
    "user": NAME,
    "device": NAME,
    "changes": SEQ | {"description": "How many took effect."},
    "tables": {"type": "object", "additionalProperties": SEQ, "description": "How many, by table."},
    "undone_by": or_null(UUID, description="The batch that undid it."),
}
KEPT_CELL: dict[str, JsonSchema] = {
    "table": TABLE,
    "record_id": UUID,
    "cell": TEXT,
    "reason": {"type": "string", "enum": KEPT_REASONS},
}
HISTORY_SCHEMAS: dict[str, JsonSchema] = {
    "Conflict": object_of(CONFLICT, description="ours stands, theirs came, both began with common."),
    "Conflicts": object_of({"conflicts": array_of(ref("Conflict"))}),
    "ConflictRow": object_of(
        {"table": {"const": CONFLICTS}, "record_id": UUID, "operation": OPERATION, "seq": SEQ, "timestamp": TIME}
        | {"data": or_null(ref("Conflict"))},
        description="An open conflict; null: it is settled.",
    ),
    "Choice": object_of({"choice": CHOICES, "value": VALUE}, "choice", "value", minProperties=1, maxProperties=1),
    "Past": object_of(HISTORY_ENTRY, "batch", description="A change as it was taken, and what it replaced."),
    "History": object_of(
        {"table": TABLE, "record_id": UUID, "changes": array_of(ref("Past")), "next": or_null(SEQ)},
    ),
    "Batch": object_of(BATCH, description="What one act wrote: an import, a restore, an undo."),
    "Batches": object_of({"batches": array_of(ref("Batch")), "next": or_null(SEQ)}),
    "Undone": object_of(
        {"batch": UUID, "undone": SEQ, "kept": array_of(object_of(KEPT_CELL))},
        description="The undo's own batch, how many records went back, and which cells stay as they are, and why.",
    ),
    "Restore": object_of({"cells": or_null(array_of(TEXT)), "to": {"enum": ["before", "after"]}}, "cells", "to"),
    "Version": object_of({"seq": SEQ}),
    "Restored": object_of({"record": ROW_DATA, "seq": SEQ}),
}
