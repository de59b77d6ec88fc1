"""What ``POST /sync`` and ``GET /changes`` take and answer, and how a device compares."""

from __future__ import annotations

from offbook.core.codes import Scope, names_in
from offbook.core.model import Operation, Verdict
from offbook.core.protocol.requests import BASES_MAX, CHANGES_MAX, PAGE_MAX, RESOLVES_MAX
from offbook.core.schema import SHAPE
from offbook.core.verify.digests import MODULUS
from offbook.core.verify.ranges import BOUND, NAME_LEFT_OUT, RANGES_MAX, RECORDS_MAX, VERSIONS, WITHOUT_MAX
from web.api.schemas.basics import CURSOR, FLAG, SEQ, TEXT, TIME, UUID, JsonSchema, array_of, object_of, or_null, ref
from web.api.schemas.records import CHANGED_CELLS, ROW_DATA, TABLE

OPERATION: JsonSchema = {"type": "string", "enum": [operation.value for operation in Operation]}
COUNTS: JsonSchema = {
    "type": "object",
    "propertyNames": {"pattern": "^[\\u0000-\\u007f]{0,40}$"},
    "additionalProperties": SEQ,
    "maxProperties": 100,
}
BASES: JsonSchema = {"type": "object", "additionalProperties": SEQ, "maxProperties": BASES_MAX}
CHANGE: dict[str, JsonSchema] = {
    "id": UUID,
    "table": TABLE,
    "record_id": UUID,
    "operation": OPERATION,
    "timestamp": TIME,
    "replica": or_null(UUID, description="The writer; without it, the device counts as one."),
    "base": or_null(SEQ, description="The record's seq that the change knew. Needed for UPDATE and DELETE."),
    "bases": or_null(BASES),
    "data": CHANGED_CELLS,
    "resolves": or_null(
        array_of(UUID, maxItems=RESOLVES_MAX), description="The conflicts of its record that it settles."
    ),
    "batch": or_null(UUID, description="What the changes of one act share (an import): by it all can be undone."),
    "history": or_null(
        FLAG, description="After a restore: it was replaced by what came later, and is only to be in the history."
    ),
}
SPARSE_DATA: JsonSchema = {
    "type": "object",
    "properties": {"created_at": TIME},
    "not": {"required": ["id"]},
    "description": "To those who send Offbook-Schema: the cells that hold something, and when the record was created, "
    "where that was not at its seq.",
}
TABLES_TEXT: JsonSchema = {"type": "string", "pattern": "^[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*$"}
PAGE: dict[str, JsonSchema] = {
    "book": UUID,
    "since": CURSOR,
    "changes": array_of({"anyOf": [ref("Row"), ref("SparseRow"), ref("ConflictRow")]}),
    "cursor": TEXT,
    "more": FLAG,
}
RESULT: dict[str, JsonSchema] = {
    "id": or_null(UUID),
    "verdict": {"type": "string", "enum": [verdict.value for verdict in Verdict]},
    "seq": or_null(SEQ),
    "record": {"anyOf": [ROW_DATA, SPARSE_DATA]},
    "code": {"type": "string", "enum": list(names_in(Scope.RECORD | Scope.CHANGE))},
    "detail": TEXT,
}
PUSH: dict[str, JsonSchema] = {
    "changes": array_of(ref("Change"), maxItems=CHANGES_MAX),
    "since": CURSOR | {"description": "null asks for a snapshot; left out, nothing is pulled."},
    "seen": or_null(SEQ, description="The newest seq that the device was told for a change of its own."),
    "kept": or_null(SEQ, description="After a restore: also tell what the page's records were at this seq."),
    "sent_at": or_null(TIME, description="The device's clock, to tell how far it is off."),
    "only": or_null(array_of(TABLE, minItems=1), description="The tables that the page is to have; null: all."),
    "parked": or_null(COUNTS, description="What the device can't send: how many changes, by code."),
}
OPTIONAL = ("replica", "base", "bases", "data", "resolves", "history", "batch")
DATA_OF_DELETION: JsonSchema = {"description": "Ignored: a deletion writes nothing."}
SYNC_SCHEMAS: dict[str, JsonSchema] = {
    "Change": {"anyOf": [ref("Edit"), ref("Deletion")]},
    "Edit": object_of(CHANGE | {"operation": {"enum": ["INSERT", "UPDATE"]}}, *OPTIONAL),
    "Deletion": object_of(CHANGE | {"operation": {"const": "DELETE"}, "data": DATA_OF_DELETION}, *OPTIONAL),
    "Push": object_of(PUSH, *PUSH),
    "Result": object_of(RESULT, "record", "code", "detail"),
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
    "SparseRow": object_of(
        {
            "table": TEXT,
            "record_id": UUID,
            "operation": OPERATION,
            "seq": SEQ | {"description": "Also the time, in microseconds since 1970."},
            "data": or_null(SPARSE_DATA),
            "then": or_null(SPARSE_DATA),
            "deleted_at": TIME,
            "batch": UUID | {"description": "Of a deletion: the batch that it is of, where it is of one."},
        },
        "then",
        "deleted_at",
        "batch",
        description="A row as those are shown it who send Offbook-Schema.",
    ),
    "Tables": object_of(
        {
            "shape": {"type": "string", "pattern": f"^{SHAPE.pattern}$"},
            "tables": array_of({"type": "object"}, description="Their declarations, as JSON."),
            "since": {
                "type": "object",
                "additionalProperties": SEQ,
                "description": "At which seq a table, a field (notes.color) or an attribute (notes.tags.tag) became "
                "known: no value of it has a lower one. What is not named was there from the beginning.",
            },
        }
    ),
    "Page": object_of(PAGE),
    "Synced": object_of(
        {
            **PAGE,
            "only": array_of(TABLE, description="As asked."),
            "results": array_of(ref("Result")),
            "head": SEQ | {"description": "The book's, once the changes were taken: to who sends Offbook-Schema."},
        },
        "only",
        "head",
        *(PAGE.keys() - {"book"}),
    ),
}

# --- comparing -------------------------------------------------------------------------------------------------------

DIGEST: JsonSchema = {"type": "integer", "minimum": 0, "maximum": MODULUS - 1}
RANGE_BOUND: JsonSchema = {"type": "string", "pattern": f"^{BOUND.pattern}$"}
RANGE: JsonSchema = {
    "type": "array",
    "prefixItems": [RANGE_BOUND, or_null(RANGE_BOUND)],
    "minItems": 2,
    "maxItems": 2,
    "description": "From which id on, up to but without which; null: to the end.",
}
DIGESTS: JsonSchema = {"type": "object", "additionalProperties": DIGEST, "maxProperties": RECORDS_MAX}
COMPARISON_SCHEMAS: dict[str, JsonSchema] = {
    "Compare": object_of(
        {
            "table": TABLE,
            "ranges": array_of(RANGE, minItems=1, maxItems=RANGES_MAX, description="In order, none over another."),
            "records": FLAG | {"description": f"Each record's digest too, of a range of up to {RECORDS_MAX}."},
            "digest": {
                "type": "integer",
                "enum": list(VERSIONS),
                "default": 1,
                "description": "2: by name, of any table of the server; 1: over the fields that contacts had at first.",
            },
            "without": array_of(
                {"type": "string", "pattern": f"^{NAME_LEFT_OUT.pattern}$"},
                maxItems=WITHOUT_MAX,
                description="Fields, maps and attributes (tags.tag) that do not count in digest 2. "
                "Names that the server does not know leave nothing out.",
            ),
        },
        "records",
        "digest",
        "without",
    ),
    "Compared": object_of(
        {
            "book": UUID,
            "cursor": TEXT,
            "shape": DIGEST | {"description": "With digest 1: of the fields that digests are made of."},
            "digest": {"const": 2, "description": "Where the digests are not digest 1."},
            "ranges": array_of(object_of({"count": SEQ, "digest": DIGEST, "records": DIGESTS}, "records")),
        },
        "shape",
        "digest",
    ),
    "Fetch": object_of({"table": TABLE, "ids": array_of(UUID, minItems=1, maxItems=PAGE_MAX)}),
    "Fetched": object_of({"book": UUID, "cursor": TEXT, "rows": array_of({"anyOf": [ref("Row"), ref("SparseRow")]})}),
}
