"""Whatever plain SQL writes into the tables of any schema: it is in the log, or refused with a sentence.

And the file can always be synced: what can't be sent is parked with its reason, and nothing else is ever in its way.
"""

from __future__ import annotations

import importlib
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from offbook import Replica
from offbook.core.model import Operation
from offbook.core.protocol.json import object_of
from offbook.core.schema import Columns, Schema, Table, Type
from tests.support.browser import Stage
from tests.support.plain_sql import sql_texts
from tests.support.schemas import full_schemas, schemas
from tests.support.served_schemas import come_to_rest, own_tables, served, shown
from tests.support.sqlite_drivers import DRIVERS

REFUSALS = re.compile(
    r"[a-z0-9_]+\.[a-z0-9_]+ may not be empty|a record keeps its id: add a new one and delete this one"
    r"|[a-z0-9_]+ has no record with this [a-z0-9_]+: add that first"
    r"|CHECK constraint failed: [a-z0-9_]+ holds text or numbers, not bytes"
    r"|UNIQUE constraint failed: .+|NOT NULL constraint failed: .+"
)
"""All that a write may be refused with."""

Case = tuple[Schema, list[list[str]]]
EXAMPLES = settings().max_examples
EACH: dict[str, Any] = {
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
    "deadline": None,
}
SMALL = st.sampled_from([1, 2, 3, 5])
SCHEMAS = st.one_of(schemas(1, 2, SMALL), schemas(1, 2, SMALL), full_schemas())
CASES = SCHEMAS.flatmap(lambda schema: st.tuples(st.just(schema), sql_texts(schema)))


class Tool:
    """A tool that knows nothing of offbook but the file."""

    def __init__(self, driver: str, path: Path, recursive: bool) -> None:
        self._driver = importlib.import_module(driver)
        self.connection = self._driver.connect(str(path), isolation_level=None)
        self.connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        self.connection.execute(f"PRAGMA recursive_triggers = {recursive:d}")

    def run(self, block: Sequence[str]) -> None:
        """Run all of them; one may be refused, and then the next has its turn."""
        for sql in block:
            try:
                self.connection.execute(sql)
            except self._driver.IntegrityError as refused:
                assert REFUSALS.fullmatch(str(refused)), sql
                if block[0].startswith(("BEGIN", "SAVEPOINT")) and not self.connection.in_transaction:
                    return  # its conflict clause has rolled all of it back


# --- what the log says, and what the tables hold -------------------------------------------------------------------

Row = dict[str, Any]


def replayed(connection: sqlite3.Connection, schema: Schema) -> dict[tuple[str, str], Row]:
    """The records as they are after all that the log says, line by line."""
    records: dict[tuple[str, str], Row] = {}
    for table_name, record_id, operation, text in connection.execute(
        "SELECT table_name, record_id, operation, data FROM change_log ORDER BY id"
    ):
        table, key = schema[table_name], (table_name, record_id)
        match Operation(operation):
            case Operation.DELETE:
                del records[key]
            case Operation.INSERT:
                assert key not in records
                records[key] = {**_empty(table), **{map_.name: {} for map_ in table.maps}, **object_of(text)}
            case Operation.UPDATE:
                _edit(table, records[key], object_of(text))
    return records


def _edit(table: Table, record: Row, data: Mapping[str, Any]) -> None:
    for name, value in data.items():
        if name in table.by_name:
            record[name] = value
            continue
        for entry_key, entry in value.items():
            if entry is None:
                del record[name][entry_key]
            else:
                before = record[name].get(entry_key) or _empty(table.maps_by_name[name])
                record[name][entry_key] = {**before, **entry}


def _empty(columns: Columns) -> Row:
    return {field.name: 0 if field.type is Type.FLAG else None for field in columns.columns}


def held(connection: sqlite3.Connection, schema: Schema) -> dict[tuple[str, str], Row]:
    """The records as the tables hold them."""
    records: dict[tuple[str, str], Row] = {}
    for table in schema.values():
        for record_id, *row in connection.execute(f'SELECT id{_columns(table)} FROM "{table.name}"'):
            records[table.name, record_id] = {**_row(table, row), **{map_.name: {} for map_ in table.maps}}
        for map_ in table.maps:
            query = f'SELECT "{map_.owner}", entry_id{_columns(map_)} FROM "{map_.rows}"'
            for owner, entry_key, *row in connection.execute(query):
                records[table.name, owner][map_.name][entry_key] = _row(map_, row)
    return records


def _columns(columns: Columns) -> str:
    return "".join(f', "{field.name}"' for field in columns.columns)


def _row(columns: Columns, values: Sequence[Any]) -> Row:
    fields = zip(columns.columns, values, strict=True)
    return {field.name: _json(value) if field.type is Type.JSON else value for field, value in fields}


def _json(value: Any) -> Any:
    """What a line says of a cell of JSON that holds this: its value, or its text where it is none."""
    if not isinstance(value, str) or "\0" in value:
        return value
    try:
        json.loads(value, parse_constant=int)
    except (RecursionError, ValueError):
        return value
    return object_of(f'{{"value":{value}}}')["value"]


@settings(max_examples=EXAMPLES // 5, **EACH)
@given(case=CASES, recursive=st.booleans())
@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.proof
def test_the_log_says_what_the_tables_hold(
    driver: str, case: Case, recursive: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    schema, blocks = case
    note("\n".join(f"{sql};" for sql in chain.from_iterable(blocks)))
    path = tmp_path_factory.mktemp("plain") / "app.db"
    with Replica(path, tables=own_tables(schema)):
        tool = Tool(driver, path, recursive)
        for block in blocks:
            tool.run(block)
        assert replayed(tool.connection, schema) == held(tool.connection, schema)
        tool.connection.close()


# --- a file that was written so ------------------------------------------------------------------------------------


@settings(max_examples=EXAMPLES // 10, **EACH)
@given(case=CASES, recursive=st.booleans())
@pytest.mark.engines("sqlite")
@pytest.mark.proof
def test_a_file_that_any_tool_wrote_to_can_be_synced(
    stage: Stage, case: Case, recursive: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    schema, blocks = case
    note("\n".join(f"{sql};" for sql in chain.from_iterable(blocks)))
    folder = tmp_path_factory.mktemp("synced")
    with served(stage, schema, folder) as server:
        laptop = server.device("laptop", tables=own_tables(schema))
        tool = Tool("sqlite3", folder / "laptop.db", recursive)
        for block in blocks:
            tool.run(block)
            come_to_rest(laptop)
        assert (laptop.status().pending, laptop.status().held) == (0, 0)
        while parked := laptop.parked():
            assert parked[0].code
            assert parked[0].detail
            laptop.drop(parked[0].change_id)
        phone = server.device("phone")
        come_to_rest(laptop, phone)
        assert shown(laptop, schema) == shown(phone, schema)
        for device in (laptop, phone):
            assert device.verify().repaired == ()
        tool.connection.close()
