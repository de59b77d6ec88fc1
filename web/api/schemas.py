"""JSON schemas of what goes over the wire, made from TABLES and the limits of the wire.

Nothing here checks a request: offbook.core.protocol.requests does, and is stricter than a schema can say. A test holds
real answers against these.
"""

from __future__ import annotations

from typing import Any

from offbook.contacts.tutorial import CELLS as TUTORIAL_CELLS
from offbook.core.codes import Scope, names_in
from offbook.core.conflicts.codec import CONFLICTS
from offbook.core.conflicts.resolution import Choice
from offbook.core.model import Operation, Verdict
from offbook.core.protocol.requests import BASES_MAX, CHANGES_MAX, INTEGER_MAX, PAGE_MAX, RESOLVES_MAX
from offbook.core.schema import ENTRY_KEY, TABLES, Field, Map, Table, Type
from offbook.core.users import Access
from offbook.core.verify.digests import MODULUS
from offbook.core.verify.ranges import BOUND, RANGES_MAX, RECORDS_MAX

Schema = dict[str, Any]

UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
NO_NUL = "^[^\\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
TEXT: Schema = {"type": "string", "pattern": NO_NUL}
FLAG: Schema = {"type": "boolean"}
SEQ: Schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": INTEGER_MAX}
CURSOR: Schema = {"type": ["string", "null"], "description": "Opaque: one that the server gave. null: from the start."}
DATE: Schema = {
    "anyOf": [
        {"type": "string", "format": "date"},
        {"type": "string", "pattern": "^--(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"},
        {"enum": [f"--{month:02}-29" for month in range(1, 13)]},
        {"enum": [f"--{month:02}-30" for month in range(1, 13) if month != 2]},
        {"enum": [f"--{month:02}-31" for month in (1, 3, 5, 7, 8, 10, 12)]},
        {"enum": ["", None]},
    ],
    "description": "A day, or one without its year. Empty text is null.",
}
INT32: Schema = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}


def schemas() -> dict[str, Schema]:
    """Every schema by its name."""
    found = {name: schema for table in TABLES.values() for name, schema in of_table(table).items()}
    return found | OF_SYNC | OF_HISTORY | OF_COMPARING | OF_REST | OF_TUTORIAL


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: Schema, **more: Any) -> Schema:
    return {"anyOf": [schema, {"type": "null"}], **more}


def listed(schema: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": schema, **more}


def object_of(properties: dict[str, Schema], *optional: str, **more: Any) -> Schema:
    """An object with these properties and no others."""
    required = [name for name in properties if name not in optional]
    closed = {"type": "object", "properties": properties, "additionalProperties": False}
    return closed | ({"required": required} if required else {}) | more


# --- what is synced --------------------------------------------------------------------------------------------------


def name_of(table: Table) -> str:
    return table.name.removesuffix("s").capitalize()


def entry_name(table: Table, map_: Map) -> str:
    return name_of(table) + map_.name.removesuffix("s").capitalize()


def of_table(table: Table) -> dict[str, Schema]:
    """A whole row; the cells that a change writes; and the entries of each map, whole and written."""
    name, fields = name_of(table), {field.name: of_field(field) for field in table.fields}
    written = {field.name: of_field(field, written=True) for field in table.fields}
    made: dict[str, Schema] = {
        name: object_of({"id": UUID, **fields, **maps(table), "created_at": TIME, "updated_at": TIME}),
        f"{name}Change": of_change(table, written),
        f"New{name}": of_new(table, written),
    }
    for map_ in table.maps:
        attributes = {one.name: of_field(one) for one in map_.attributes}
        whole = object_of(attributes, *(one.name for one in map_.attributes if not one.required))
        made[entry_name(table, map_)] = whole
        made[f"{entry_name(table, map_)}Change"] = object_of(attributes, *attributes)
    return made


def of_change(table: Table, fields: dict[str, Schema]) -> Schema:
    ignored: dict[str, Schema] = {"id": {}, "created_at": {}, "updated_at": {}}
    written = {**fields, **maps(table, "Change"), **ignored}
    told = "What is named is written, null empties it. To create one, name what is needed: " + ", ".join(table.required)
    return object_of(written, *written, description=f"{told}. id and times are made elsewhere, and ignored here.")


def of_new(table: Table, fields: dict[str, Schema]) -> Schema:
    """As a change that creates, but for the id, which may be one's own."""
    made = of_change(table, fields)
    told = "null empties a field. With an id of one's own, the same request may be repeated. Times are ignored."
    return made | {
        "properties": made["properties"] | maps(table, "New") | {"id": or_null(UUID)},
        "required": list(table.required),
        "description": told,
    }


def maps(table: Table, suffix: str = "") -> dict[str, Schema]:
    """The maps of a row, of a ``Change`` of one, and of a ``New`` one."""
    found: dict[str, Schema] = {}
    for map_ in table.maps:
        entry = ref(entry_name(table, map_) + ("Change" if suffix == "Change" else ""))
        keys = {"type": "string", "pattern": f"^{ENTRY_KEY.pattern}$"}
        entries: Schema = {"type": "object", "propertyNames": keys}
        entries["additionalProperties"] = or_null(entry) if suffix else entry
        found[map_.name] = or_null(entries) if suffix else entries
    return found


def of_field(field: Field, written: bool = False) -> Schema:
    match field.type:
        case Type.TEXT if field.required:
            return {"type": "string", "pattern": NOT_BLANK, "maxLength": field.limit}
        case Type.TEXT:
            return {"type": ["string", "null"], "pattern": NO_NUL, "maxLength": field.limit}
        case Type.DATE:
            return DATE
        case Type.FLAG:
            return FLAG | ({"type": ["boolean", "null"]} if written else {})
        case Type.INTEGER:
            return INT32 | {"type": ["integer", "null"]}
        case Type.CHOICE:
            return {"type": "string", "enum": list(field.choices)}


# --- the sync API ----------------------------------------------------------------------------------------------------

TABLE: Schema = {"type": "string", "enum": list(TABLES)}
OPERATION: Schema = {"type": "string", "enum": [operation.value for operation in Operation]}
WRITTEN: Schema = {"anyOf": [ref(f"{name_of(table)}Change") for table in TABLES.values()]}
ROW_DATA: Schema = {
    "anyOf": [*(ref(name_of(table)) for table in TABLES.values()), {"type": "null"}],
    "description": "The record as it is; null: it is gone.",
}
COUNTS: Schema = {
    "type": "object",
    "propertyNames": {"pattern": "^[\\u0000-\\u007f]{0,40}$"},
    "additionalProperties": SEQ,
    "maxProperties": 100,
}

BASES: Schema = {"type": "object", "additionalProperties": SEQ, "maxProperties": BASES_MAX}

OF_CHANGE: dict[str, Schema] = {
    "id": UUID,
    "table": TABLE,
    "record_id": UUID,
    "operation": OPERATION,
    "timestamp": TIME,
    "replica": or_null(UUID, description="The writer; without it, the device counts as one."),
    "base": or_null(SEQ, description="The record's seq that the change knew. Needed for UPDATE and DELETE."),
    "bases": or_null(BASES),
    "data": WRITTEN,
    "resolves": or_null(
        listed(UUID, maxItems=RESOLVES_MAX), description="The conflicts of its record that it settles."
    ),
    "history": or_null(
        FLAG, description="After a restore: it was replaced by what came later, and is only to be in the history."
    ),
}
OF_PAGE: dict[str, Schema] = {
    "book": UUID,
    "since": CURSOR,
    "changes": listed({"anyOf": [ref("Row"), ref("ConflictRow")]}),
    "cursor": TEXT,
    "more": FLAG,
}
OF_RESULT: dict[str, Schema] = {
    "id": or_null(UUID),
    "verdict": {"type": "string", "enum": [verdict.value for verdict in Verdict]},
    "seq": or_null(SEQ),
    "record": ROW_DATA,
    "code": {"type": "string", "enum": list(names_in(Scope.RECORD | Scope.CHANGE))},
    "detail": TEXT,
}
OF_PUSH: dict[str, Schema] = {
    "changes": listed(ref("Change"), maxItems=CHANGES_MAX),
    "since": CURSOR | {"description": "null asks for a snapshot; left out, nothing is pulled."},
    "seen": or_null(SEQ, description="The newest seq that the device was told for a change of its own."),
    "kept": or_null(SEQ, description="After a restore: also tell what the page's records were at this seq."),
    "sent_at": or_null(TIME, description="The device's clock, to tell how far it is off."),
    "parked": or_null(COUNTS, description="What the device can't send: how many changes, by code."),
}

OPTIONAL = ("replica", "base", "bases", "data", "resolves", "history")
DATA_OF_DELETION: Schema = {"description": "Ignored: a deletion writes nothing."}

OF_SYNC: dict[str, Schema] = {
    "Change": {"anyOf": [ref("Edit"), ref("Deletion")]},
    "Edit": object_of(OF_CHANGE | {"operation": {"enum": ["INSERT", "UPDATE"]}}, *OPTIONAL),
    "Deletion": object_of(OF_CHANGE | {"operation": {"const": "DELETE"}, "data": DATA_OF_DELETION}, *OPTIONAL),
    "Push": object_of(OF_PUSH, *OF_PUSH),
    "Result": object_of(OF_RESULT, "record", "code", "detail"),
    "Row": object_of(
        {
            "table": TABLE,
            "record_id": UUID,
            "operation": OPERATION,
            "seq": SEQ,
            "timestamp": TIME,
            "data": ROW_DATA,
            "then": ROW_DATA | {"description": "What it was at `kept`, where that was asked and it changed since."},
            "deleted_at": TIME | {"description": "When, by the deleter's clock; beside `then`."},
        },
        "then",
        "deleted_at",
    ),
    "Page": object_of(OF_PAGE),
    "Synced": object_of({**OF_PAGE, "results": listed(ref("Result"))}, *(OF_PAGE.keys() - {"book"})),
}

# --- conflicts and history -------------------------------------------------------------------------------------------

VALUE: Schema = {"type": ["string", "boolean", "integer", "array", "null"], "description": "A list: its parts."}
CELLS: Schema = {"type": "object", "additionalProperties": VALUE}
NAME: Schema = {"type": ["string", "null"]}
AUTHOR = object_of({"user": NAME, "device": NAME, "at": or_null(TIME)})
WINNER = object_of({"change_id": UUID, "seq": SEQ, "at": TIME, "user": NAME, "device": NAME})
CHOICES: Schema = {"type": "string", "enum": [choice.value for choice in Choice]}
OF_CONFLICT: dict[str, Schema] = {
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
    "choices": listed(CHOICES),
}
OF_PAST: dict[str, Schema] = {
    "id": UUID,
    "seq": or_null(SEQ),
    "at": TIME,
    "timestamp": or_null(TIME),
    "operation": or_null(OPERATION),
    "verdict": OF_RESULT["verdict"],
    "user": NAME,
    "device": NAME,
    "replica": or_null(UUID),
    "base": or_null(SEQ),
    "bases": BASES,
    "data": CELLS,
    "before": CELLS,
    "created": FLAG,
    "beaten": listed(object_of({"cell": TEXT, "value": VALUE, "rule": TEXT, "winner": WINNER})),
}
OF_HISTORY: dict[str, Schema] = {
    "Conflict": object_of(OF_CONFLICT, description="ours stands, theirs came, both began with common."),
    "Conflicts": object_of({"conflicts": listed(ref("Conflict"))}),
    "ConflictRow": object_of(
        {"table": {"const": CONFLICTS}, "record_id": UUID, "operation": OPERATION, "seq": SEQ, "timestamp": TIME}
        | {"data": or_null(ref("Conflict"))},
        description="An open conflict; null: it is settled.",
    ),
    "Choice": object_of({"choice": CHOICES, "value": VALUE}, "choice", "value", minProperties=1, maxProperties=1),
    "Past": object_of(OF_PAST, description="A change as it was taken: what it said, and what it replaced."),
    "History": object_of(
        {"table": TABLE, "record_id": UUID, "changes": listed(ref("Past")), "next": or_null(SEQ)},
    ),
    "Restore": object_of({"cells": or_null(listed(TEXT)), "to": {"enum": ["before", "after"]}}, "cells", "to"),
    "Version": object_of({"seq": SEQ}),
    "Restored": object_of({"record": ROW_DATA, "seq": SEQ}),
}

# --- comparing -------------------------------------------------------------------------------------------------------

DIGEST: Schema = {"type": "integer", "minimum": 0, "maximum": MODULUS - 1}
BEGINNING: Schema = {"type": "string", "pattern": f"^{BOUND.pattern}$"}
RANGE: Schema = {
    "type": "array",
    "prefixItems": [BEGINNING, or_null(BEGINNING)],
    "minItems": 2,
    "maxItems": 2,
    "description": "From which id on, up to but without which; null: to the end.",
}
DIGESTS: Schema = {"type": "object", "additionalProperties": DIGEST, "maxProperties": RECORDS_MAX}

OF_COMPARING: dict[str, Schema] = {
    "Compare": object_of(
        {
            "table": TABLE,
            "ranges": listed(RANGE, minItems=1, maxItems=RANGES_MAX, description="In order, none over another."),
            "records": FLAG | {"description": f"Each record's digest too, of a range of up to {RECORDS_MAX}."},
        },
        "records",
    ),
    "Compared": object_of(
        {
            "book": UUID,
            "cursor": TEXT,
            "shape": DIGEST | {"description": "Of the fields that digests are made of."},
            "ranges": listed(object_of({"count": SEQ, "digest": DIGEST, "records": DIGESTS}, "records")),
        }
    ),
    "Fetch": object_of({"table": TABLE, "ids": listed(UUID, minItems=1, maxItems=PAGE_MAX)}),
    "Fetched": object_of({"book": UUID, "cursor": TEXT, "rows": listed(ref("Row"))}),
}

# --- plain REST, and problems ----------------------------------------------------------------------------------------

OF_PROBLEM: dict[str, Schema] = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer"},
    "detail": TEXT,
    "code": TEXT,
}
REASON: Schema = {"type": "string", "enum": ["pruned", "epoch", "unknown"]}

OF_REST: dict[str, Schema] = {
    "Contacts": object_of({"contacts": listed(ref("Contact")), "next": {"type": ["string", "null"]}}),
    "Users": object_of(
        {"users": listed(ref("User")), "removed": listed(ref("User"), description="Those in the trash.")}
    ),
    "User": object_of(
        {
            "id": SEQ,
            "name": TEXT,
            "admin": FLAG,
            "status": {"enum": [access.value for access in Access]},
            "created_at": TIME,
            "disabled_at": or_null(TIME),
            "removed_at": or_null(TIME),
            "kept_until": or_null(TIME, description="Of a removed user: from then on user and book may be purged."),
        }
    ),
    "UserChange": object_of({"admin": FLAG, "disabled": FLAG}, "admin", "disabled"),
    "NewUser": object_of(
        {
            "name": {"type": "string", "pattern": NOT_BLANK},
            "password": {
                "type": "string",
                "minLength": 10,
                "maxLength": 1000,
                "description": "None that is known from others or easy to guess: that is told by 422.",
                "examples": ["rowing under three lighthouses"],
            },
            "admin": FLAG,
        },
        "admin",
    ),
    "Health": object_of(
        {
            "status": {"const": "ok"},
            "writable": FLAG | {"description": "Whether changes can be stored. What is there is read in any case."},
            "code": TEXT | {"description": "Why they can't be: the code that a push is answered with."},
            "detail": TEXT,
        },
        "code",
        "detail",
    ),
    "OpenAPI": {"type": "object", "required": ["openapi", "info", "paths"]},
    "Problem": {
        "type": "object",
        "description": "RFC 9457. The code is stable, the detail a sentence for people.",
        "properties": OF_PROBLEM,
        "required": list(OF_PROBLEM),
    },
    "CursorGone": {
        "allOf": [ref("Problem")],
        "description": "Take a snapshot. Up to seq `kept` the server still is what it was.",
        "properties": {"reason": REASON, "kept": SEQ, "book": UUID, "takes_history": FLAG},
        "required": ["reason", "kept", "book", "takes_history"],
    },
}

# --- the tutorial form -----------------------------------------------------------------------------------------------

NUMBER: Schema = {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX}
SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
TUTORIAL_ROW = object_of({"id": NUMBER, **dict.fromkeys(TUTORIAL_CELLS, SCALAR), "updated_at": SCALAR})
OF_TUTORIAL_CHANGE: dict[str, Schema] = {
    "table": TEXT,
    "record_id": NUMBER,
    "operation": OPERATION,
    "timestamp": TIME,
    "data": {"type": ["object", "null"], "additionalProperties": SCALAR},
}
OF_TUTORIAL: dict[str, Schema] = {
    "TutorialChange": {
        "type": "object",
        "properties": OF_TUTORIAL_CHANGE,
        "required": ["table", "record_id", "operation", "timestamp"],
    },
    "TutorialResult": object_of(
        {"status": {"enum": ["ok", "rejected"]}, "verdict": OF_RESULT["verdict"], "record_id": NUMBER}
        | {"code": OF_RESULT["code"], "detail": TEXT},
        "code",
        "detail",
    ),
    "TutorialRows": listed(object_of(OF_TUTORIAL_CHANGE | {"data": or_null(TUTORIAL_ROW)})),
    "PushOrTutorialChange": {"oneOf": [ref("Push"), ref("TutorialChange")]},
    "SyncedOrTutorialResult": {"oneOf": [ref("Synced"), ref("TutorialResult")]},
    "PageOrTutorialRows": {"oneOf": [ref("Page"), ref("TutorialRows")]},
}
