"""What every store must do with tables that an app brought: values of every type, and tables that grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.listing import sort_fields
from offbook.core.model import Value
from offbook.core.text import normalize_for_search
from offbook.tables import Date, Flag, Integer, Map, Number, Ref, Table, Text
from storage.schema.app_tables import NAME_MAX, app_tables, hashed, shortened
from storage.sql.mapping.derived_columns import SORT_CHARACTERS, search_text, sort_key, unsearched_cells
from tests.storage.conftest import a_library
from tests.storage.library import LATER, Desk, Library, change, uuid
from tests.support.app_schemas import GROUPS, SELECT, of_app

FIRST = of_app(Table("notes", Text("title", required=True), Map("tags", Text("tag"))))
SECOND = of_app(
    Table("notes", Text("title", required=True, limit=300), Integer("rank"), Map("tags", Text("tag"), Flag("new"))),
    Table("places", Text("name")),
)
VALUES: dict[str, Any] = {
    "order": "Zeilen\nund \U0001f600 'quotes' \"too\" %_\\",
    "check": "ä" * 100_000,
    "limit": -(2**53 - 1),
    "double": 5e-324,
    "primary": True,
    "date": "--12-10",
    "timestamp": "2026-11-20T17:00:00.000Z",
    "case": "else",
    "json": {"b": [1, 1.5, None, True, "\U0001f600"], "a": {}},
    "references": uuid(1),
    "contact": uuid(2),
    "values": {"k": {"key": "x", "from": 2**53 - 1, "to": "y" * 5000}, "K-2_z": {"key": "y"}},
    "index": {
        "one": {
            "unique": True,
            "float": 1.7976931348623157e308,
            "table": [[]],
            "foreign": uuid(3),
            "default": "null",
            "at": "0001-01-01T00:00:00.000Z",
            "on": "2026-02-28",
        },
        "two": {"float": 0.1},
        "three": {},
    },
}


@pytest.fixture
def library(store_name: str, tmp_path: Path) -> Iterator[Library]:
    """One that a test may let grow."""
    made = a_library(store_name, tmp_path, BUILT_IN, CONTACTS.name)
    yield made
    made.close()


@pytest.fixture
def desk(library: Library) -> Desk:
    library.grow(FIRST, LATER)
    return library.desk()


def data_of(desk: Desk, record: int = 1) -> dict[str, Any]:
    """A record without what is empty."""
    return {name: value for name, value in desk.live()[uuid(record)].items() if value not in (None, False, {})}


# --- values ----------------------------------------------------------------------------------------------------------


def test_values_of_every_type_are_served_as_they_came(library: Library) -> None:
    library.grow(of_app(GROUPS, SELECT))
    desk = library.desk()
    first = desk.seq(change(1, "INSERT", 1, table="select", **VALUES))
    data = data_of(desk)
    assert {name: data[name] for name in VALUES} == VALUES
    desk.seq(change(2, "UPDATE", 1, table="select", base=first, order="again", index={"two": None}))
    assert data_of(desk)["index"] == {key: entry for key, entry in VALUES["index"].items() if key != "two"}
    with desk.store.reading(desk.book_id) as book:
        cells = book.records("select", [uuid(1)])["select", uuid(1)].cells
    assert (cells["json"], cells["double"]) == ('{"a":{},"b":[1,1.5,null,true,"\U0001f600"]}', 5e-324)
    assert cells["index/two/float"] == 0.1


def test_what_is_emptied_is_empty(library: Library) -> None:
    library.grow(of_app(GROUPS, SELECT))
    desk = library.desk()
    first = desk.seq(change(1, "INSERT", 1, table="select", **VALUES))
    nothing: dict[str, Any] = dict.fromkeys(VALUES) | {"order": "left"}
    nothing |= {name: dict.fromkeys(VALUES[name]) for name in ("values", "index")}
    desk.seq(change(2, "UPDATE", 1, table="select", base=first, **nothing))
    assert data_of(desk).keys() - {"id", "created_at", "updated_at"} == {"order"}
    before = desk.live()
    desk.prune(desk.head())
    assert desk.live() == before


@settings(max_examples=20)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**53) + 1, 2**53 - 1))
def test_numbers_are_what_they_were(numbers: Desk, fraction: float, whole: int) -> None:
    record = int.from_bytes(repr((fraction, whole)).encode()[-8:]) % 10**9
    numbers.push(change(record, "INSERT", record, table="numbers", fraction=fraction, whole=whole))
    data = numbers.live()[uuid(record)]
    assert (data["fraction"], data["whole"]) == (fraction, whole)


@pytest.fixture(scope="session")
def numbers(store_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    schema = of_app(Table("numbers", Number("fraction"), Integer("whole")))
    library = a_library(store_name, tmp_path_factory.mktemp("numbers"), schema, "numbers")
    yield library.desk()
    library.close()


# --- growth ----------------------------------------------------------------------------------------------------------


def test_a_cursor_of_before_and_that_of_a_growth_are_served(library: Library, desk: Desk) -> None:
    desk.seq(change(1, "INSERT", 1, table="notes", title="Milk"))
    before = desk.pull()["cursor"]
    library.grow(SECOND, desk.now)
    at_growth = desk.pull(before)
    assert at_growth["changes"] == []
    assert at_growth["cursor"].endswith(f".{desk.store.since['notes.rank']}")
    desk.seq(change(2, "UPDATE", 1, table="notes", base=0, rank=7))
    for cursor in (before, at_growth["cursor"]):
        (row,) = desk.pull(cursor)["changes"]
        assert row["data"]["rank"] == 7


def test_every_growth_moves_every_book(library: Library, desk: Desk) -> None:
    other = library.desk()
    heads = [desk.head()]
    for number, schema in enumerate((SECOND, of_app(GROUPS), of_app(Table("notes", Text("title", limit=400))))):
        library.grow(schema, desk.now + number)
        heads.append(desk.head())
        assert other.head() == desk.head(), number
    assert heads == sorted(set(heads))
    cursor = desk.pull()["cursor"]
    library.grow(of_app(GROUPS), desk.now)
    assert desk.pull()["cursor"] == cursor, "nothing grew"


def test_whatever_is_new_has_a_later_seq(library: Library, desk: Desk) -> None:
    library.grow(SECOND, desk.now * 2)
    late = library.desk()
    for book in (desk, late):
        seq = book.seq(change(1, "INSERT", 1, table="places", name="Rome"))
        assert seq > desk.store.since["places"] >= desk.now


def test_what_was_there_takes_what_is_new(library: Library, desk: Desk) -> None:
    first = desk.seq(change(1, "INSERT", 1, table="notes", title="Milk", tags={"k": {"tag": "shop"}}))
    desk.seq(change(2, "INSERT", 2, table="notes", title="Eggs"))
    assert desk.push(change(3, "UPDATE", 1, table="notes", base=first, rank=1))[0]["code"] == "unknown_cell"
    library.grow(SECOND, desk.now)
    desk.pull()
    edit = change(4, "UPDATE", 1, table="notes", base=first, title="x" * 250, rank=1, tags={"k": {"new": True}})
    assert desk.verdicts(edit, change(5, "INSERT", 3, table="places", name="Rome")) == ["applied"] * 2
    data = data_of(desk)
    assert (data["rank"], data["tags"]) == (1, {"k": {"tag": "shop", "new": True}})
    assert desk.live()[uuid(2)]["rank"] is None
    assert [entry.before for entry in entries(desk)][-1] == {"title": "Milk", "rank": None, "tags/k/new": None}
    desk.seq(change(6, "DELETE", 1, table="notes", base=desk.head()))
    desk.prune(desk.head())
    assert set(desk.live()) == {uuid(2), uuid(3)}


def entries(desk: Desk) -> Any:
    with desk.store.reading(desk.book_id) as book:
        return book.history("notes", uuid(1))


# --- how they lie in a database --------------------------------------------------------------------------------------


def test_names_are_short_enough_and_no_two_are_alike() -> None:
    long = "x" * 48
    tables = [
        Table(long, Text("name"), Ref(long[:47], long), Ref(f"{long[:46]}y", long)),
        Table("a", Text("name"), Ref("b_c", "a"), Map("b", Text("c"))),
        Table("a_c", Text("name"), Ref("b", "a"), Ref("list", "a")),
    ]
    rows = [rows for table in tables for rows in app_tables(table).values()]
    names = [str(table.name) for table in rows]
    for table in rows:
        names += [str(constraint.name) for constraint in table.constraints]
        names += [str(index.name) for index in table.indexes]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= NAME_MAX
    assert (shortened("short"), hashed("short", "a")) != (shortened("short"), hashed("short", "b"))


def test_a_list_is_sorted_by_what_the_declaration_says() -> None:
    columns = (Integer("n"), Text("a"), Flag("f"), Date("d"), Number("x"))
    assert [field.name for field in sort_fields(Table("t", *columns, order=("f", "n", "x")))] == ["f", "n", "x"]
    assert [field.name for field in sort_fields(Table("t", Integer("n"), Text("a"), shows=("n", "a")))] == ["n"]
    assert [field.name for field in sort_fields(Table("t", Integer("n"), Text("a"), Text("b")))] == ["a"]
    assert sort_key(sort_fields(Table("t", Integer("n"))), {"n": 1}) == ""


CELLS = st.fixed_dictionaries(
    {},
    optional={
        "f": st.just(True),
        "n": st.integers(-(2**53) + 1, 2**53 - 1),
        "x": st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0),
        "a": st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1, max_size=20),
    },
)


@given(st.lists(CELLS, min_size=2, max_size=5))
def test_keys_come_in_the_order_of_what_they_are_made_of(records: list[dict[str, Any]]) -> None:
    table = Table("t", Flag("f"), Integer("n"), Number("x"), Text("a"), order=("f", "n", "x", "a"))
    keys = {sort_key(sort_fields(table), cells): cells for cells in records}
    assert max(map(len, keys)) <= SORT_CHARACTERS
    in_order = sorted(keys.values(), key=lambda cells: [rank(cells.get(name)) for name in ("f", "n", "x", "a")])
    assert [keys[key] for key in sorted(keys)] == in_order


def rank(value: Any) -> tuple[bool, Any]:
    """What is empty comes first, and text without case and accents."""
    return value is not None, normalize_for_search(value) if isinstance(value, str) else value or 0


def test_search_finds_what_people_typed_and_no_ids(desk: Desk, library: Library) -> None:
    cells: dict[str, Value] = {
        "order": "Ünïcode",
        "json": '{"hidden":1}',
        "references": uuid(1),
        "values/k/@exists": True,
        "values/k/to": "Seen",
        "values/g/@exists": False,
        "values/g/to": "removed",
        "index/k/@exists": True,
        "index/k/default": "null",
        "case": "then",
    }
    assert search_text(cells, unsearched_cells(SELECT)).split("\n") == ["", "unicode", "seen", "then", ""]
    desk.push(change(1, "INSERT", 1, table="notes", title="Åbc", tags={"k": {"tag": "DEF"}}))
    if library.database is not None:
        rows = app_tables(FIRST["notes"])["notes"]
        with library.database.read() as connection:
            (row,) = connection.execute(select(rows.c.search, rows.c.sort_key))
        assert tuple(row) == ("\nabc\ndef\n", "abc")
