"""What a list is asked for: the records of a table, by its name, in which fields have certain values, as text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from offbook.core import messages
from offbook.core.cells.validation import STRICT, Json
from offbook.core.errors import Invalid, Malformed, NotFound
from offbook.core.model import Scalar
from offbook.core.protocol import json
from offbook.core.schema import Field, Schema, Table, Type

WRITTEN_AS_JSON: Mapping[Type, str] = MappingProxyType(
    {Type.FLAG: "true or false", Type.INTEGER: "a whole number", Type.NUMBER: "a number", Type.JSON: "JSON"}
)
"""Values of these types stand in a query as in JSON; all others are text."""


def table_named(schema: Schema, name: str) -> Table:
    """The table of this name. Raises NotFound."""
    if name not in schema:
        raise NotFound.of(messages.NO_TABLE, name=name[:80])
    return schema[name]


def parse_filters(table: Table, texts: Mapping[str, str]) -> dict[str, Scalar]:
    """The value that each of these fields is to have, by name, as it is stored; empty text asks for no value at all.

    Raises Malformed for what is no field of the table, and for a value that its field can't have.
    """
    return {name: _parse(table, name, text) for name, text in texts.items()}


def _parse(table: Table, name: str, text: str) -> Scalar:
    field = table.by_name.get(name)
    if field is None:
        raise Malformed.of(messages.UNKNOWN_FILTER, name=name[:80], table=table.name, names=", ".join(table.by_name))
    value = _value(field, text) if text else None
    try:
        return None if value is None else STRICT[field.type](field, name, value)
    except Invalid as error:
        fault = error.fault
        raise Malformed(fault._replace(message=fault.message._replace(code=messages.UNKNOWN_FILTER.code))) from None


def _value(field: Field, text: str) -> Json:
    if field.type not in WRITTEN_AS_JSON:
        return text
    try:
        return json.loads(text.encode())
    except Malformed:
        raise Malformed.of(messages.NOT_A_FILTER, name=field.name, form=WRITTEN_AS_JSON[field.type]) from None
