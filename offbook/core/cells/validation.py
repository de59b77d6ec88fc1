"""The values of cells, checked on their way in.

parse_cells() reads the ``data`` of a change, and is the only way by which values come in; how they go out as JSON again
is offbook.core.cells.json_data's. Every rule about a value comes from the declaration of its table.

What a person types has to keep all of these rules (STRICT). What a server sends has kept the rules of the server, which
may be newer: it only has to be of its field's JSON type (LENIENT), and nothing else of it keeps a record away.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from itertools import zip_longest
from types import MappingProxyType
from typing import Any

from offbook.core import messages
from offbook.core.errors import Invalid
from offbook.core.model import Operation, Scalar, Value, value_of_parts
from offbook.core.schema import ENTRY_KEY, EXISTS, INTEGER_MAX, Field, Map, Table, Type

Json = Any
"""Whatever JSON can say: checked here, and nowhere trusted before."""

Rules = Mapping[Type, Callable[[Field, str, Json], Scalar]]
"""Per type what gives a field's value in the form in which it is stored. Raises Invalid, and names it."""

DATE = re.compile(r"([0-9]{4}-|--)[0-9]{2}-[0-9]{2}")
TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
SURROGATE = re.compile("[\ud800-\udfff]")
JSON_DEPTH_MAX = 32
FLOAT_MAX = sys.float_info.max
MADE_BY_SERVER = frozenset({"id", "created_at", "updated_at"})


def check(field: Field, name: str, value: Json, rules: Rules) -> Scalar:
    """The value of one field or attribute as it is stored; most are empty. Raises Invalid, and calls it ``name``."""
    if value is not None:
        return rules[field.type](field, name, value)
    if field.is_needed and rules is STRICT:
        raise Invalid.of(messages.EMPTY_VALUE, field=name)
    return None


def _any_text(field: Field, name: str, value: Json) -> str | None:
    """Whatever UTF-8 and every database can hold."""
    if not isinstance(value, str):
        raise Invalid.of(messages.NOT_TEXT, field=name)
    if "\0" in value:
        raise Invalid.of(messages.NUL, field=name)
    if not value.isascii() and SURROGATE.search(value):
        raise Invalid.of(messages.SURROGATE, field=name)
    return value or None


def _text(field: Field, name: str, value: Json) -> str | None:
    if type(value) is str and value.isascii() and "\0" not in value and 0 < len(value) <= field.limit:
        if not field.is_needed:
            return value  # as nearly all are
    elif isinstance(value, str) and len(value) > field.limit:
        raise Invalid.of(messages.TOO_LONG, field=name, length=len(value), limit=field.limit)
    text = _any_text(field, name, value)
    if field.is_needed and not (text or "").strip():
        raise Invalid.of(messages.EMPTY_VALUE, field=name)
    return text


def _text_of_any_length(field: Field, name: str, value: Json) -> str | None:
    if value == "" and field.is_needed:
        raise Invalid.of(messages.EMPTY_VALUE, field=name)
    return _any_text(field, name, value)


def _date(field: Field, name: str, value: Json) -> str | None:
    text = _text(field, name, value)
    if text is not None and not (DATE.fullmatch(text) and _is_in_calendar(text.replace("--", "2000-", 1))):
        raise Invalid.of(messages.BAD_DATE, field=name)
    return text


def _is_in_calendar(day: str) -> bool:
    try:
        return bool(date.fromisoformat(day))
    except ValueError:
        return False


def _flag(field: Field, name: str, value: Json) -> bool | None:
    if type(value) is not bool:
        raise Invalid.of(messages.NOT_A_FLAG, field=name)
    return value or None


def _integer(field: Field, name: str, value: Json) -> int:
    if type(value) is int and not field.least <= value <= field.most:
        raise Invalid.of(messages.OUT_OF_RANGE, field=name, least=field.least, most=field.most)
    return _any_integer(field, name, value)


def _any_integer(field: Field, name: str, value: Json) -> int:
    """Whatever SQL's largest integer can hold."""
    if type(value) is not int:
        raise Invalid.of(messages.NOT_WHOLE, field=name)
    if not -(2**63) <= value < 2**63:
        raise Invalid.of(messages.OUT_OF_64_BITS, field=name)
    return value


def _number(field: Field, name: str, value: Json) -> float:
    """A finite float: a whole number is one too, and there is no negative zero, of which SQLite knows nothing."""
    if type(value) not in (int, float):
        raise Invalid.of(messages.NOT_A_NUMBER, field=name)
    if not -FLOAT_MAX <= value <= FLOAT_MAX:
        raise Invalid.of(messages.NOT_FINITE, field=name)
    return float(value) + 0.0


def _time(field: Field, name: str, value: Json) -> str | None:
    """The moment in UTC, to the millisecond."""
    text = _text_of_any_length(field, name, value)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC) if TIME.fullmatch(text) else None
    except (ValueError, OverflowError):  # 30 February, an offset of 99 hours; the first moments of the year 1
        moment = None
    if moment is None:
        raise Invalid.of(messages.BAD_TIME, field=name)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _reference(field: Field, name: str, value: Json) -> str | None:
    text = _text_of_any_length(field, name, value)
    if text is not None and not UUID_TEXT.fullmatch(text):
        raise Invalid.of(messages.BAD_ID, field=name)
    return text and text.lower()


def _json(field: Field, name: str, value: Json) -> str:
    _check_json(name, value, JSON_DEPTH_MAX)
    text = _any_json(field, name, value)
    if len(text) > field.limit:
        raise Invalid.of(messages.TOO_LONG, field=name, length=len(text), limit=field.limit)
    return text


def _check_json(name: str, value: Json, depth: int) -> None:
    """Raise Invalid for what is too deep, or what some reader of JSON would read as something else."""
    match value:
        case dict() | list() | tuple():
            if not depth:
                raise Invalid.of(messages.JSON_TOO_DEEP, field=name, limit=JSON_DEPTH_MAX)
            for item in (*value, *value.values()) if isinstance(value, dict) else value:
                _check_json(name, item, depth - 1)
        case str():
            _any_text(Field(name), name, value)
        case int() if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise Invalid.of(messages.JSON_INTEGER, field=name)


def _any_json(field: Field, name: str, value: Json) -> str:
    """The value's canonical text: keys in the order of their characters, no spaces."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise Invalid.of(messages.NOT_JSON_VALUE, field=name) from None
    if not text.isascii() and SURROGATE.search(text):
        raise Invalid.of(messages.SURROGATE, field=name)
    return text


def _choice(field: Field, name: str, value: Json) -> str | None:
    text = _text(field, name, value)
    if text is not None and text not in field.choices:
        raise Invalid.of(messages.BAD_CHOICE, field=name, choices=", ".join(field.choices))
    return text


STRICT: Rules = MappingProxyType(
    {
        Type.TEXT: _text,
        Type.DATE: _date,
        Type.FLAG: _flag,
        Type.INTEGER: _integer,
        Type.CHOICE: _choice,
        Type.NUMBER: _number,
        Type.TIME: _time,
        Type.JSON: _json,
        Type.REF: _reference,
    }
)

LENIENT: Rules = MappingProxyType(
    {
        Type.TEXT: _any_text,
        Type.DATE: _any_text,
        Type.FLAG: _flag,
        Type.INTEGER: _any_integer,
        Type.CHOICE: _any_text,
        Type.NUMBER: _number,
        Type.TIME: _any_text,
        Type.JSON: _any_json,
        Type.REF: _any_text,
    }
)


def parse_cells(table: Table, data: Json, operation: Operation, rules: Rules = STRICT) -> dict[str, Value]:
    """The cells that a change's ``data`` writes. Raises Invalid, which names the first that can't be stored.

    Under LENIENT rules nothing is required, and there may be any number of entries.
    """
    if not isinstance(data, dict):
        raise Invalid.of(messages.NO_DATA, operation=operation)
    cells: dict[str, Value] = {}
    fields = table.by_name
    for name, value in data.items():
        if (field := fields.get(name)) is not None:
            cells[name] = check(field, name, value, rules)
        elif (map_ := table.maps_by_name.get(name)) is not None:
            _take_map(cells, map_, value, rules)
        elif name not in MADE_BY_SERVER:
            raise Invalid.of(messages.UNKNOWN_FIELD, table=table.name, name=name[:80])
    if operation is Operation.INSERT and rules is STRICT:
        for name in table.required:
            if name not in cells:
                raise Invalid.of(messages.MISSING, field=name)
    return cells


def _take_map(cells: dict[str, Value], map_: Map, entries: Json, rules: Rules) -> None:
    if entries is None:
        return
    if not isinstance(entries, dict):
        raise Invalid.of(messages.NOT_ENTRIES, field=map_.name)
    if len(entries) > 2 * map_.entries_max and rules is STRICT:
        raise Invalid.of(messages.TOO_MANY_ENTRIES, field=map_.name, limit=map_.entries_max)
    for key, entry in entries.items():
        if not ENTRY_KEY.fullmatch(key):
            raise Invalid.of(messages.BAD_KEY, field=map_.name, key=key[:80])
        prefix = f"{map_.name}/{key}/"
        cells[prefix + EXISTS] = entry is not None
        if entry is not None:
            _take_entry(cells, map_, prefix, entry, rules)


def _take_entry(cells: dict[str, Value], map_: Map, prefix: str, entry: Json, rules: Rules) -> None:
    if not isinstance(entry, dict):
        raise Invalid.of(messages.NOT_AN_ENTRY, field=prefix[:-1])
    if not entry.keys() <= map_.by_name.keys():
        unknown = min(entry.keys() - map_.by_name.keys())
        raise Invalid.of(messages.UNKNOWN_ATTRIBUTE, field=prefix[:-1], name=unknown[:80])
    for cell, attributes in map_.cells.items():
        if len(attributes) == 1:
            if cell in entry:
                cells[prefix + cell] = check(attributes[0], prefix + cell, entry[cell], rules)
        elif not entry.keys().isdisjoint(map_.names_in[cell]):
            parts = [
                check(field, prefix + field.name, entry.get(field.name), rules)
                if field.name in entry or field.is_needed
                else None
                for field in attributes
            ]
            cells[prefix + cell] = value_of_parts(tuple(parts))


def value_of(table: Table, cell: str, value: Json, rules: Rules = STRICT) -> Value:
    """The value of one cell, as JSON has it by itself: several parts are a list, fewer than all the first ones.

    Raises Invalid.
    """
    if not table.has_cell(cell):
        raise Invalid.of(messages.UNKNOWN_CELL, table=table.name, name=cell[:80])
    if value is None:
        return None
    fields = table.fields_of(cell)
    if not fields:
        if type(value) is not bool:
            raise Invalid.of(messages.NOT_A_FLAG, field=cell)
        return value
    parts_sent = value if isinstance(value, list) and fields[0].type is not Type.JSON else [value]
    if len(parts_sent) > len(fields):
        raise Invalid.of(messages.TOO_MANY_PARTS, field=cell, limit=len(fields))
    return value_of_parts(tuple(check(field, cell, part, rules) for field, part in zip_longest(fields, parts_sent)))


def is_empty(value: Json) -> bool:
    """Whether a cell with this value holds nothing. Zero is a number: ``0 == False``, but it is not empty."""
    return value is None or value is False


def same(value: Json, other: Json) -> bool:
    """Whether it makes no difference which of the two a cell holds: a part that only one of them has may be empty."""
    if isinstance(value, tuple) and isinstance(other, tuple):
        return value == other or all(part == other_part for part, other_part in zip_longest(value, other))
    return bool(value == other) if not is_empty(value) else is_empty(other)
