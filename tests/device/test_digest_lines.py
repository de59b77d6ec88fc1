"""Digests that a device makes by SQL are those that the core makes of the same cells, whatever these hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS, FIRST_SCHEMA
from offbook.core.cells.validation import LENIENT, parse_cells
from offbook.core.model import Operation, Value
from offbook.core.protocol.rows import iso_micros
from offbook.core.schema import INTEGER_MAX, Field, Map, Schema, Table, Type
from offbook.core.verify.digests import digest, names_in
from offbook.core.verify.first_digests import first_digest
from offbook.core.verify.ranges import WHOLE
from offbook.database import schema
from offbook.database.connection import Connection, connect
from offbook.database.local_changes import change_log
from offbook.database.records import record_table
from offbook.verify.digest_form import DigestForm
from offbook.verify.local_digests import LocalDigests, local_digests
from tests.device.test_own_tables import ALL_TYPES

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"
SEQ = 1_795_000_000_000_000

SHARED = (Field("street"), Field("a1", shares="street"), Field("a", Type.NUMBER, shares="street"))
NOTES = Table(
    "notes",
    (Field("title", required=True), Field("a1"), Field("a"), Field("a_b"), *ALL_TYPES),
    (
        Map("parts", "notes_parts", "notes_id", ALL_TYPES),
        Map("select", "notes_select", "notes_id", (Field("order", required=True), *SHARED)),
    ),
)
WIDE = Table("wide", tuple(Field(f"field{number}") for number in range(200)))
TABLES = Schema((CONTACTS, NOTES, WIDE))

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ["", "=", "a=1", "\x1f", "%s", "\U0001f600", "1", "0", "\xff", "null", "\x01\x7f"]
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, 0.1, 1e16, 1e15, 123456789012345680.0, 5e-324, 1.7976931348623157e308, -0.1, 2.0**53, 1 / 3]
)
INTEGERS = st.integers(-INTEGER_MAX, INTEGER_MAX) | st.integers(-(2**63), 2**63 - 1) | st.just(0)
VALUES: Mapping[Type, st.SearchStrategy[Any]] = {
    Type.FLAG: st.booleans(),
    Type.INTEGER: INTEGERS,
    Type.NUMBER: NUMBERS,
    Type.JSON: st.recursive(st.none() | st.booleans() | INTEGERS | NUMBERS | TEXTS, st.lists, max_leaves=4),
}


def objects(fields: tuple[Field, ...]) -> st.SearchStrategy[dict[str, Any]]:
    needed = {field.name: TEXTS.filter(bool) for field in fields if field.required}
    others = {field.name: VALUES.get(field.type, TEXTS) for field in fields if not field.required}
    return st.fixed_dictionaries(needed, optional=others)


def records(table: Table) -> st.SearchStrategy[dict[str, Any]]:
    """What a server may send of a record."""
    keys = st.sampled_from(["k1", "k-2", "K_3"])
    maps = {map_.name: st.dictionaries(keys, objects(map_.attributes), max_size=3) for map_ in table.maps}
    return st.builds(lambda fields, entries: {**fields, **entries}, objects(table.fields), st.fixed_dictionaries(maps))


def names_left_out(table: Table) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(sorted(names_in(table))), max_size=4)


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    connection = connect(Path(tmp_path_factory.mktemp("lines"), "book.db"))
    connection.schema = connection.base_schema = TABLES
    schema.install(connection)
    yield connection
    connection.close()


def hold(replica: Connection, table: Table, data: Mapping[str, Any]) -> dict[str, Value]:
    """Let the file have this one record of the table, as a page brings it. Returns its cells."""
    filled = {name: value for name, value in data.items() if value is not None and value is not False and value != ""}
    cells = parse_cells(table, filled, Operation.INSERT, LENIENT)
    row = {**filled, "created_at": iso_micros(SEQ), "updated_at": iso_micros(SEQ)}
    with change_log.without_logging(replica):
        replica.execute(f'DELETE FROM "{table.name}"')
        record_table(table).put(replica, [(ADA, row)])
        known = table.name, ADA, SEQ
        replica.execute("REPLACE INTO server_rows (table_name, record_id, seq) VALUES (?, ?, ?)", known)
    return cells


def digest_in(digests: LocalDigests) -> int:
    (number,) = digests.records_in(WHOLE).values()
    return number


EACH = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EACH
@given(data=records(NOTES), without=names_left_out(NOTES))
def test_a_digest_by_sql_is_that_of_the_core(
    replica: Connection, data: Mapping[str, Any], without: frozenset[str]
) -> None:
    cells = hold(replica, NOTES, data)
    for names in (frozenset[str](), without):
        assert digest_in(local_digests(replica, DigestForm(NOTES, 2, names))) == digest(NOTES, ADA, SEQ, cells, names)


@EACH
@given(data=records(CONTACTS))
def test_digest_1_by_sql_is_that_of_the_core(replica: Connection, data: Mapping[str, Any]) -> None:
    cells, first = hold(replica, CONTACTS, data), FIRST_SCHEMA["contacts"]
    assert digest_in(local_digests(replica, DigestForm(first, 1))) == first_digest(first, ADA, SEQ, cells)
    assert digest_in(local_digests(replica, DigestForm(CONTACTS, 2))) == digest(CONTACTS, ADA, SEQ, cells)


def test_a_table_may_have_as_many_fields_as_a_declaration(replica: Connection) -> None:
    cells = hold(replica, WIDE, {field.name: field.name for field in WIDE.fields})
    assert digest_in(local_digests(replica, DigestForm(WIDE, 2))) == digest(WIDE, ADA, SEQ, cells)


def test_what_a_tool_wrote_into_a_number_is_another_digest_and_no_fault(replica: Connection) -> None:
    hold(replica, NOTES, {"title": "x"})
    empty = digest_in(local_digests(replica, DigestForm(NOTES, 2)))
    for odd in ("text", 1e999):
        with change_log.without_logging(replica):
            replica.execute("UPDATE notes SET number = ?", (odd,))
        assert digest_in(local_digests(replica, DigestForm(NOTES, 2))) != empty
