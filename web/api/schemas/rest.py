"""Plain REST, problems, and the form of the tutorial's client."""

from __future__ import annotations

from offbook.contacts.tutorial import CELLS
from offbook.core.accounts.users import Access
from offbook.core.protocol.members import MEMBERS_MAX
from offbook.core.protocol.requests import INTEGER_MAX
from web.api.schemas.basics import FLAG, NOT_BLANK, SEQ, TEXT, TIME, UUID, JsonSchema, array_of, object_of, or_null, ref
from web.api.schemas.sync import OPERATION, RESULT

PROBLEM: dict[str, JsonSchema] = {
    "type": TEXT,
    "title": TEXT,
    "status": {"type": "integer"},
    "detail": TEXT,
    "code": TEXT,
}
REASON: JsonSchema = {"type": "string", "enum": ["pruned", "epoch", "unknown"]}
REST_SCHEMAS: dict[str, JsonSchema] = {
    "Contacts": object_of({"contacts": array_of(ref("Contact")), "next": {"type": ["string", "null"]}}),
    "Labels": object_of({"labels": array_of(ref("CountedLabel")), "next": {"type": ["string", "null"]}}),
    "CountedLabel": object_of(
        {"id": UUID, "name": TEXT, "created_at": TIME, "updated_at": TIME}
        | {"contacts": SEQ | {"description": "How many contacts have it."}},
        description="A label, and how many contacts have it.",
    ),
    "LabelMembers": object_of(
        dict.fromkeys(("add", "remove"), array_of(UUID, maxItems=MEMBERS_MAX)),
        "add",
        "remove",
        description=f"The ids of contacts: those that are to have the label, and those that are not to. One at least, "
        f"and {MEMBERS_MAX} at the most, both together.",
        anyOf=[{"required": [name], "properties": {name: {"minItems": 1}}} for name in ("add", "remove")],
    ),
    "LabelledContacts": object_of(
        {
            "batch": or_null(UUID, description="What undoes it; null where nothing had to be changed."),
            "added": SEQ,
            "removed": SEQ,
            "unknown": array_of(UUID, description="Those that are no contacts of the book, or deleted ones."),
            "rejected": array_of(object_of({"id": UUID, "code": TEXT, "detail": TEXT})),
        },
        description="How many contacts were given the label, and from how many it was taken. Others were as wanted.",
    ),
    "Users": object_of(
        {"users": array_of(ref("User")), "removed": array_of(ref("User"), description="Those in the trash.")}
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
    "Imported": object_of(
        {
            "format": TEXT,
            "batch": or_null(UUID),
            **dict.fromkeys(("added", "changed", "already_here", "deleted_before", "doubtful"), SEQ),
            "problems": array_of(object_of({"row": SEQ, "column": TEXT, "code": TEXT, "detail": TEXT})),
            "mapping": {
                "type": "object",
                "additionalProperties": TEXT,
                "description": "What the columns of a table were taken for; left out for a file that needs no mapping.",
            },
            "trashed": {**SEQ, "description": "Of the zip of a book: how many were added to the trash."},
            "labels": {**SEQ, "description": "Of the zip of a book: how many labels were added."},
        },
        "mapping",
        "trashed",
        "labels",
        description="How many contacts of the file became what, by what batch; what could not be taken as it stood.",
    ),
    "OpenAPI": {"type": "object", "required": ["openapi", "info", "paths"]},
    "Problem": {
        "type": "object",
        "description": "RFC 9457. The code is stable, the detail a sentence for people.",
        "properties": PROBLEM,
        "required": list(PROBLEM),
    },
    "CursorGone": {
        "allOf": [ref("Problem")],
        "description": "Take a snapshot. Up to seq `kept` the server still is what it was.",
        "properties": {"reason": REASON, "kept": SEQ, "book": UUID, "takes_history": FLAG},
        "required": ["reason", "kept", "book", "takes_history"],
    },
}

# --- the tutorial form -----------------------------------------------------------------------------------------------

NUMBER: JsonSchema = {"type": "integer", "minimum": -INTEGER_MAX, "maximum": INTEGER_MAX}
SCALAR: JsonSchema = {"type": ["string", "number", "boolean", "null"]}
TUTORIAL_ROW = object_of({"id": NUMBER, **dict.fromkeys(CELLS, SCALAR), "updated_at": SCALAR})
TUTORIAL_CHANGE: dict[str, JsonSchema] = {
    "table": TEXT,
    "record_id": NUMBER,
    "operation": OPERATION,
    "timestamp": TIME,
    "data": {"type": ["object", "null"], "additionalProperties": SCALAR},
}
TUTORIAL_SCHEMAS: dict[str, JsonSchema] = {
    "TutorialChange": {
        "type": "object",
        "properties": TUTORIAL_CHANGE,
        "required": ["table", "record_id", "operation", "timestamp"],
    },
    "TutorialResult": object_of(
        {"status": {"enum": ["ok", "rejected"]}, "verdict": RESULT["verdict"], "record_id": NUMBER}
        | {"code": RESULT["code"], "detail": TEXT},
        "code",
        "detail",
    ),
    "TutorialRows": array_of(object_of(TUTORIAL_CHANGE | {"data": or_null(TUTORIAL_ROW)})),
    "PushOrTutorialChange": {"oneOf": [ref("Push"), ref("TutorialChange")]},
    "SyncedOrTutorialResult": {"oneOf": [ref("Synced"), ref("TutorialResult")]},
    "PageOrTutorialRows": {"oneOf": [ref("Page"), ref("TutorialRows")]},
}
