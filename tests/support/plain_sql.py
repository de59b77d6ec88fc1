"""What any tool may write into a replica's file with plain SQL, drawn for any schema: the worse, the better.

Nothing here knows which of the statements SQLite takes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

from hypothesis import strategies as st

from offbook.core.schema import Field, Map, Schema, Table, Type
from tests.support.records import values

IDS = [f"5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e0{number}" for number in range(1, 4)]
CLAUSES = ("", "", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK")


def literal(value: Any) -> str:
    """A value as SQL has it; JSON's lists and objects as their text."""
    if value is None or isinstance(value, bool):
        return "NULL" if value is None else str(int(value))
    if isinstance(value, int | float):
        return repr(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "'" + text.replace("'", "''") + "'"


HOSTILE = (
    *("NULL", "''", "0", "1", "2", "-1", "0.5", "-0.0", "9e999", "-9e999", "5e-324", "1" + "0" * 40),
    *("9007199254740992", "-9223372036854775808", "9223372036854775807", "TRUE"),
    *("'text'", "' 1 '", "'1e3'", "'Inf'", "'NaN'", "'it''s \"quoted\" \\'", "x'3535'", "CAST(x'35ff' AS TEXT)"),
    *("'a' || char(0) || 'b'", "CAST(x'eda080' AS TEXT)", "char(10)", "'\U0001f600'", "printf('%.30000c', 'x')"),
    *("'2026-02-30'", "'--02-29'", "'2026-11-20'", "'2026-11-20T18:00+01:00'", "datetime('now')"),
    *(literal(IDS[0]), literal(IDS[1].upper()), literal(IDS[2] + " ")),
    *('\'{"a": 1, "a": 2}\'', "'{\"a\":'", "'[1e999]'", "'\"\\ud800\"'", "'null'", "json_array(1, 'é')"),
    *("printf('%.3000c', '[')", "printf('%.900c', '[') || printf('%.900c', ']')", "printf('%.5000c', '9')"),
)
"""Values that some column can't have, or that look like others."""

ODD_IDS = (
    *("NULL", "''", "7", "x'01'", literal(IDS[0].upper()), "'a/b'", "'it''s'", "'\u00e9'", "'@exists'"),
    *("CAST(x'41ff' AS TEXT)", "'a' || char(0)", "printf('%.300c', 'x')", "'{'", "'__proto__'"),
)
RECORD_IDS = st.sampled_from([*(literal(record_id) for record_id in IDS), *map(literal, IDS), *ODD_IDS])
ENTRY_KEYS = st.sampled_from(["'k1'", "'k1'", "'k2'", "'k2'", *ODD_IDS])
CLAUSE = st.sampled_from(CLAUSES)


@cache
def written(field: Field) -> st.SearchStrategy[str]:
    """What is written into a column: mostly what belongs there."""
    good = values(field).map(literal)
    if field.type is Type.REF:
        good = good | st.sampled_from([literal(record_id) for record_id in IDS])
    return st.one_of(good, good, st.sampled_from(HOSTILE))


@st.composite
def inserts(draw: st.DrawFn, rows: str, keys: dict[str, st.SearchStrategy[str]], fields: Sequence[Field]) -> str:
    """One to three rows, new or over what is there: by a conflict clause, by an upsert, or by neither."""
    some = [field for field in fields if field.is_needed and draw(st.integers(0, 9)) or draw(st.booleans())]
    named = [*keys, *(field.name for field in some)] if draw(st.integers(0, 5)) else [field.name for field in some]
    columns = {**keys, **{field.name: written(field) for field in some}}
    if not named:
        return f'INSERT INTO "{rows}" DEFAULT VALUES'
    tuples = [
        "(" + ", ".join(draw(columns[name]) for name in named) + ")" for _ in range(draw(st.sampled_from([1, 1, 2, 3])))
    ]
    insert = f'INTO "{rows}" ({_list(named)}) VALUES {", ".join(tuples)}'
    match draw(st.integers(0, 3)):
        case 0:
            updates = ", ".join(f'"{field.name}" = excluded."{field.name}"' for field in some)
            return f"INSERT {insert} ON CONFLICT ({_list(keys)}) DO " + (f"UPDATE SET {updates}" if some else "NOTHING")
        case 1:
            return f"REPLACE {insert}"
        case _:
            return f"INSERT {draw(CLAUSE)} {insert}"


@st.composite
def updates(draw: st.DrawFn, rows: str, keys: dict[str, st.SearchStrategy[str]], fields: Sequence[Field]) -> str:
    """Some columns of some rows; now and then their key as well."""
    some = draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3, unique=True))
    sets = {field.name: draw(written(field)) for field in some}
    if not draw(st.integers(0, 7)):
        name = draw(st.sampled_from(list(keys)))
        sets[name] = draw(keys[name])
    assignments = ", ".join(f'"{name}" = {value}' for name, value in sets.items())
    return f'UPDATE {draw(CLAUSE)} "{rows}" SET {assignments}{draw(wheres(keys))}'


@st.composite
def wheres(draw: st.DrawFn, keys: dict[str, st.SearchStrategy[str]]) -> str:
    """Which rows: those of one key, or all."""
    name = draw(st.sampled_from(list(keys)))
    return f' WHERE "{name}" = {draw(keys[name])}' if draw(st.integers(0, 3)) else ""


def copies(rows: str) -> st.SearchStrategy[str]:
    """All rows once more, over themselves."""
    return CLAUSE.map(lambda clause: f'INSERT {clause} INTO "{rows}" SELECT * FROM "{rows}"')


def statements_of(rows: str, keys: dict[str, st.SearchStrategy[str]], fields: Sequence[Field]) -> Any:
    """Any statement about one table of a file."""
    some_inserts = inserts(rows, keys, fields)
    deletes = wheres(keys).map(lambda where: f'DELETE FROM "{rows}"{where}')
    return st.one_of(some_inserts, some_inserts, some_inserts, updates(rows, keys, fields), deletes, copies(rows))


def statements_of_table(table: Table) -> Any:
    """Any statement about a table's records."""
    return statements_of(table.name, {"id": RECORD_IDS}, table.fields)


def statements_of_map(map_: Map) -> Any:
    """Any statement about the entries of a map."""
    return statements_of(map_.rows, {map_.owner: RECORD_IDS, "entry_id": ENTRY_KEYS}, map_.attributes)


@st.composite
def sql_texts(draw: st.DrawFn, schema: Schema) -> list[list[str]]:
    """What a tool does with a file, in blocks: statements by themselves, in transactions, and in savepoints, of which
    some are rolled back.
    """
    tables = [table for table in schema.values() if table.name not in ("contacts", "labels")] or list(schema.values())
    kinds = [statements_of_table(table) for table in tables]
    kinds += [statements_of_map(map_) for table in tables for map_ in table.maps]
    some = st.lists(st.one_of(kinds), min_size=1, max_size=4)
    return [draw(blocks(block)) for block in draw(st.lists(some, min_size=2, max_size=5))]


@st.composite
def blocks(draw: st.DrawFn, some: list[str]) -> list[str]:
    """These statements, in a transaction or a savepoint, or each by itself."""
    match draw(st.integers(0, 4)):
        case 0:
            return ["BEGIN", *some, draw(st.sampled_from(["COMMIT", "ROLLBACK"]))]
        case 1:
            return ["SAVEPOINT one", *some[:1], "SAVEPOINT two", *some[1:], "ROLLBACK TO two", "RELEASE one"]
        case 2:
            return ["SAVEPOINT one", *some, "ROLLBACK TO one", "RELEASE one"]
        case _:
            return some


def _list(names: Any) -> str:
    return ", ".join(f'"{name}"' for name in names)
