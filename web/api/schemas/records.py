"""Records, as they are and as a change writes them: made from their declarations, field by field."""

from __future__ import annotations

from offbook.contacts.table import BUILT_IN, FIRST_SCHEMA
from offbook.core.schema import ENTRY_KEY, Field, Map, Schema, Table, Type
from web.api.schemas.basics import (
    DATE,
    FLAG,
    NO_NUL,
    NOT_BLANK,
    TIME,
    UUID,
    JsonSchema,
    array_of,
    object_of,
    or_null,
    ref,
)


def schema_name(table: Table) -> str:
    """``Contact``, for the table ``contacts``, which every server has; ``tables.notes``, for one that an app brought.

    No other schema has a point in its name: whatever a table is called, it is none of theirs.
    """
    return table.name.removesuffix("s").capitalize() if table.name in BUILT_IN else f"tables.{table.name}"


def entry_schema_name(table: Table, map_: Map) -> str:
    """``ContactDetail``, for its map ``details``; ``tables.notes.maps.tags``, of a table that an app brought."""
    if table.name in BUILT_IN:
        return schema_name(table) + map_.name.removesuffix("s").capitalize()
    return f"{schema_name(table)}.maps.{map_.name}"


def change_schema_name(table: Table) -> str:
    """``ContactChange``, or ``tables.notes.change``."""
    return schema_name(table) + ("Change" if table.name in BUILT_IN else ".change")


def entry_change_schema_name(table: Table, map_: Map) -> str:
    """``ContactDetailChange``, or ``tables.notes.maps.tags.change``."""
    return entry_schema_name(table, map_) + ("Change" if table.name in BUILT_IN else ".change")


def new_schema_name(table: Table) -> str:
    """``NewContact``, or ``tables.notes.new``."""
    return f"New{schema_name(table)}" if table.name in BUILT_IN else f"{schema_name(table)}.new"


NAMES = (schema_name, change_schema_name, new_schema_name)
"""What the schemas of a whole record, of a change and of a new one are called."""


def record_schemas(table: Table) -> dict[str, JsonSchema]:
    """A whole row; the cells that a change writes; and the entries of each map, whole and written."""
    name = schema_name(table)
    written = {field.name: field_schema(field, written=True) for field in table.fields}
    schemas: dict[str, JsonSchema] = {
        name: row_schema(table),
        change_schema_name(table): change_schema(table, written),
        new_schema_name(table): new_record_schema(table, written),
    }
    for map_ in table.maps:
        attributes = {field.name: field_schema(field, written=True) for field in map_.attributes}
        optional = (field.name for field in map_.attributes if not field.is_needed)
        schemas[entry_schema_name(table, map_)] = object_of(attributes, *optional)
        schemas[entry_change_schema_name(table, map_)] = object_of(attributes, *attributes)
    return schemas


def row_schema(table: Table, description: str = "") -> JsonSchema:
    """A whole row."""
    fields = {field.name: field_schema(field) for field in table.fields}
    row = {"id": UUID, **fields, **map_schemas(table), "created_at": TIME, "updated_at": TIME}
    return object_of(row, description=description) if description else object_of(row)


def change_schema(table: Table, fields: dict[str, JsonSchema]) -> JsonSchema:
    """The cells that a change writes: ``fields`` are the schemas of the plain ones."""
    ignored: dict[str, JsonSchema] = {"id": {}, "created_at": {}, "updated_at": {}}
    written = {**fields, **map_schemas(table, "Change"), **ignored}
    description = (
        f"What is named is written, null empties it. To create one, name what is needed: {', '.join(table.required)}."
        " id and times are made elsewhere, and ignored here."
    )
    return object_of(written, *written, description=description)


def new_record_schema(table: Table, fields: dict[str, JsonSchema]) -> JsonSchema:
    """As a change that creates, but for the id, which may be one's own."""
    change = change_schema(table, fields)
    return change | {
        "properties": change["properties"] | map_schemas(table, "New") | {"id": or_null(UUID)},
        **needed_schema(table),
        "description": "null empties a field. With an id of one's own, the same request may be repeated. "
        "Times are ignored.",
    }


def needed_schema(table: Table) -> JsonSchema:
    """What a new record must say: of what is one value, any part of it or what stands in for it."""
    composite = table.composite
    if composite is None:
        return {"required": list(table.required)}
    choices = [{"required": [name]} for name in (*composite.cells, *composite.stand_ins)]
    return {"required": [name for name in table.required if name != composite.whole], "anyOf": choices}


def map_schemas(table: Table, suffix: str = "") -> dict[str, JsonSchema]:
    """The maps of a row, of a ``Change`` of one, and of a ``New`` one."""
    schemas: dict[str, JsonSchema] = {}
    for map_ in table.maps:
        entry = ref((entry_change_schema_name if suffix == "Change" else entry_schema_name)(table, map_))
        keys = {"type": "string", "pattern": f"^{ENTRY_KEY.pattern}$"}
        entries: JsonSchema = {"type": "object", "propertyNames": keys}
        entries["additionalProperties"] = or_null(entry) if suffix else entry
        schemas[map_.name] = or_null(entries) if suffix else entries
    return schemas


def field_schema(field: Field, written: bool = False) -> JsonSchema:
    """A field or an attribute, as a record has it, or as a change writes it."""
    match field.type:
        case Type.TEXT if field.is_needed:
            return {"type": "string", "pattern": NOT_BLANK, "maxLength": field.limit}
        case Type.TEXT:
            return {"type": ["string", "null"], "pattern": NO_NUL, "maxLength": field.limit}
        case Type.DATE:
            return DATE
        case Type.FLAG:
            return FLAG | ({"type": ["boolean", "null"]} if written else {})
        case Type.INTEGER:
            return {"type": ["integer", "null"], "minimum": field.least, "maximum": field.most}
        case Type.CHOICE if field.is_needed:
            return {"type": "string", "enum": list(field.choices)}
        case Type.CHOICE:
            return {"type": ["string", "null"], "enum": [*field.choices, None]}
        case Type.NUMBER:
            return {"type": ["number", "null"]}
        case Type.TIME:
            return or_null(TIME)
        case Type.JSON:
            return {"description": "Any value."}
        case Type.REF:
            return or_null(UUID)


TABLE = ref("TableName")
CHANGED_CELLS = ref("ChangedCells")
ROW_DATA = ref("RowData")

# --- by the tables of a server ---------------------------------------------------------------------------------------


def schemas_of_tables(tables: Schema) -> dict[str, JsonSchema]:
    """The schemas of all records of a server with these tables, and of what is said of any of them."""
    described = [record_schemas(table) for table in tables.values()]
    rows, changes, new = ([ref(name(table)) for table in tables.values()] for name in NAMES)
    return {name: schema for schemas in described for name, schema in schemas.items()} | {
        "TableName": {"type": "string", "enum": list(tables)},
        "Record": {"anyOf": rows},
        "RecordChange": {"anyOf": changes},
        "NewRecord": {"anyOf": new},
        "ChangedCells": {"anyOf": changes},
        "FirstContact": row_schema(FIRST_SCHEMA["contacts"], "A contact, as who names no schema is shown it."),
        "RowData": {
            "anyOf": [*rows, ref("FirstContact"), {"type": "null"}],
            "description": "The record as it is; null: it is gone.",
        },
        "Records": object_of(
            {"table": TABLE, "records": array_of(ref("Record")), "next": {"type": ["string", "null"]}}
        ),
    }
