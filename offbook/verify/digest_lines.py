"""The lines that digests are the hashes of, by SQL: SQLite puts them together, for Python only to hash and to add.

They must be those of offbook.core.verify.digests, and for a server of before those of its module first_digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from offbook.core.schema import Field, Table, Type
from offbook.core.verify.digests import SEPARATOR
from offbook.core.verify.first_digests import entry_fields
from offbook.database.connection import Connection

NUMBER_TEXT = "offbook_number_text"
"""The SQL function that gives a number's text as Python has it: SQLite's own leaves digits out."""

PARTS_MAX = 50
"""SQLite's functions take a hundred arguments, or a few more."""


def add_functions(connection: Connection) -> None:
    """Let this connection know the SQL functions that lines are made with."""
    connection.create_function(NUMBER_TEXT, 1, _number_text, deterministic=True)


def _number_text(value: Any) -> Any:
    return repr(value) if type(value) is float else value


def line_queries(table: Table, without: frozenset[str]) -> Iterator[str]:
    """Of the table itself, and of each of its maps, the id of each row's record and the row's line, both as bytes.

    ``without`` names what does not count, as in offbook.core.verify.digests.
    """
    own = _line(table.name, ("id", "seq"), _named(table.name, table.fields, "", without))
    yield _own_query(table, own)
    for map_ in table.maps:
        if map_.name not in without:
            prefix = (f"'{map_.name}'", f'"{map_.owner}"', "entry_id")
            named = _named(map_.rows, map_.attributes, f"{map_.name}.", without)
            yield _query_of_map(map_.rows, map_.owner, _line(table.name, prefix, named))


def first_line_queries(table: Table) -> Iterator[str]:
    """The same of digest 1: each field has its place, in the order of this declaration."""
    yield _own_query(table, _line(table.name, ("id", "seq", *_columns(table.name, table.fields))))
    for map_ in table.maps:
        columns = _columns(map_.rows, entry_fields(map_))
        line = _line(table.name, (f"'{map_.name}'", f'"{map_.owner}"', "entry_id", *columns))
        yield _query_of_map(map_.rows, map_.owner, line)


def _own_query(table: Table, line: str) -> str:
    server_rows = f"server_rows ON server_rows.table_name = '{table.name}' AND record_id = id"
    return f'SELECT CAST(id AS BLOB), {line} FROM "{table.name}" LEFT JOIN {server_rows}'


def _query_of_map(rows: str, owner: str, line: str) -> str:
    return f'SELECT CAST("{owner}" AS BLOB), {line} FROM "{rows}"'


def _line(table: str, parts: Sequence[str], named: Sequence[str] = ()) -> str:
    """printf() makes nothing of a null, and a line in a third of the time that ``||`` takes."""
    first = [f"'{table}'", *parts]
    groups = [_printf(SEPARATOR.join([b"%s"] * len(first)), first)]
    for start in range(0, len(named), PARTS_MAX):
        group = named[start : start + PARTS_MAX]
        groups.append(_printf(b"%s" * len(group), group))
    return f"CAST({' || '.join(groups)} AS BLOB)"


def _printf(format: bytes, values: Iterable[str]) -> str:
    return f"printf({_text(format)}, {', '.join(values)})"


def _text(text: bytes) -> str:
    return f"CAST(x'{text.hex()}' AS TEXT)"


def _columns(rows: str, fields: Iterable[Field]) -> list[str]:
    return [f'"{rows}"."{field.name}"' for field in fields]


def _named(rows: str, fields: Iterable[Field], prefix: str, without: frozenset[str]) -> list[str]:
    """``name=value`` of each field, with a separator before it; null where there is nothing."""
    beginnings = {field: f"{field.name}=" for field in fields if prefix + field.name not in without}
    return [
        f"{_text(SEPARATOR + beginnings[field].encode())} || {_value(rows, field)}"
        for field in sorted(beginnings, key=beginnings.__getitem__)
    ]


def _value(rows: str, field: Field) -> str:
    """A value as a line has it: null where it is empty."""
    column = f'"{rows}"."{field.name}"'
    if field.type is Type.NUMBER:
        column = f"{NUMBER_TEXT}({column})"
    empty = "0" if field.type is Type.FLAG else "''"
    return f"nullif({column}, {empty})"
