"""The values that everything on the wire is made of, and how schemas are put together.

Nothing here checks a request: offbook.core.protocol does, and is stricter than a schema can say. A test holds real
answers against these.
"""

from __future__ import annotations

from typing import Any

from offbook.core.protocol.requests import INTEGER_MAX

JsonSchema = dict[str, Any]
UUID: JsonSchema = {"type": "string", "format": "uuid"}
TIME: JsonSchema = {"type": "string", "format": "date-time"}
NO_NUL = "^[^\\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
TEXT: JsonSchema = {"type": "string", "pattern": NO_NUL}
FLAG: JsonSchema = {"type": "boolean"}
SEQ: JsonSchema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": INTEGER_MAX}
CURSOR: JsonSchema = {
    "type": ["string", "null"],
    "description": "Opaque: one that the server gave. null: from the start.",
}
DATE: JsonSchema = {
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


def ref(name: str) -> JsonSchema:
    """The schema of this name."""
    return {"$ref": f"#/components/schemas/{name}"}


def or_null(schema: JsonSchema, **more: Any) -> JsonSchema:
    """The schema, or null; ``more`` are further keywords."""
    return {"anyOf": [schema, {"type": "null"}], **more}


def array_of(schema: JsonSchema, **more: Any) -> JsonSchema:
    """A list of these."""
    return {"type": "array", "items": schema, **more}


def object_of(properties: dict[str, JsonSchema], *optional: str, **more: Any) -> JsonSchema:
    """An object with these properties and no others."""
    required = [name for name in properties if name not in optional]
    schema: JsonSchema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": required} if required else {}) | more
