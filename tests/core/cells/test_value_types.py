"""The values of an app's own types: what comes in, in what form it is held, and what it is on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core import Operation
from offbook.core.cells.json_data import (
    change_data,
    filled_fields,
    json_of,
    json_of_cells,
    with_all_fields,
    with_defaults,
)
from offbook.core.cells.lenient_validation import is_whole, read_row, read_value, typed_part
from offbook.core.cells.validation import LENIENT, STRICT, check, parse_cells, value_of
from offbook.core.errors import Invalid
from offbook.core.schema import Field, Type, record_id_of_key
from offbook.tables import Choice, Date, Flag, Integer, Json, Map, Number, Ref, Table, Text, Time
from tests.core.strategies import JSON

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
EVENTS = Table(
    "events",
    Text("title", required=True),
    Integer("seats"),
    Number("price"),
    Time("begins"),
    Json("extra", limit=40),
    Ref("venue", "events"),
    Flag("done"),
    Choice("size", ("s", "l"), required=True, default="s"),
    Map(
        "guests",
        Json("meal"),
        Flag("pays"),
        Integer("age", required=True),
        Text("role", required=True, default="guest"),
    ),
)


def read(data: Any, operation: Operation = Operation.UPDATE) -> dict[str, Any]:
    return dict(parse_cells(EVENTS, data, operation))


# --- what is held --------------------------------------------------------------------------------------------------

HELD: list[tuple[str, Any, Any]] = [
    ("seats", 2**53 - 1, 2**53 - 1),
    ("seats", -(2**53) + 1, -(2**53) + 1),
    ("seats", 0, 0),
    ("price", 1.5, 1.5),
    ("price", 1, 1.0),
    ("price", 1.0, 1.0),
    ("price", 0, 0.0),
    ("price", 1.7976931348623157e308, 1.7976931348623157e308),
    ("price", 2**60, float(2**60)),
    ("begins", "2026-11-20T17:00:00.000Z", "2026-11-20T17:00:00.000Z"),
    ("begins", "2026-11-20T18:00:00+01:00", "2026-11-20T17:00:00.000Z"),
    ("begins", "2026-11-20 18:00+01:00", "2026-11-20T17:00:00.000Z"),
    ("begins", "2026-11-20T17:00:00.123456789Z", "2026-11-20T17:00:00.123Z"),
    ("begins", "2026-11-20T17:00:00.1-00:00", "2026-11-20T17:00:00.100Z"),
    ("begins", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
    ("begins", "", None),
    ("extra", {"b": [1, 2.5, True, None], "a": "é"}, '{"a":"é","b":[1,2.5,true,null]}'),
    ("extra", [], "[]"),
    ("extra", "", '""'),
    ("extra", False, "false"),
    ("extra", 0, "0"),
    ("extra", 1.0, "1.0"),
    ("extra", ("a",), '["a"]'),
    ("extra", None, None),
    ("venue", ID, ID),
    ("venue", ID.upper(), ID),
    ("venue", "", None),
    ("venue", None, None),
    ("size", None, None),
    ("size", "", None),
]


@pytest.mark.parametrize(("name", "value", "held"), HELD)
def test_a_value_is_held_in_one_form(name: str, value: Any, held: Any) -> None:
    assert read({name: value}) == {name: held}
    assert type(read({name: value})[name]) is type(held)


def test_there_is_no_negative_zero() -> None:
    """SQLite gives it back as zero, and its text in a digest would be another one."""
    assert str(read({"price": -0.0})["price"]) == "0.0"


# --- what is refused -----------------------------------------------------------------------------------------------


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


FAULTS: list[tuple[str, str, Any, str]] = [
    ("a number over 53 bits", "seats", 2**53, "out_of_range"),
    ("a fraction for a whole number", "seats", 1.0, "wrong_type"),
    ("a boolean for a number", "price", True, "wrong_type"),
    ("text for a number", "price", "1", "wrong_type"),
    ("infinity", "price", float("inf"), "out_of_range"),
    ("no number", "price", float("nan"), "out_of_range"),
    ("a whole number that no float holds", "price", 10**400, "out_of_range"),
    ("a time without an offset", "begins", "2026-11-20T17:00:00", "bad_time"),
    ("a day", "begins", "2026-11-20", "bad_time"),
    ("a week", "begins", "2026-W47-5T17:00:00Z", "bad_time"),
    ("a time in words", "begins", "soon", "bad_time"),
    ("a time in other digits", "begins", "٢٠٢٦-11-20T17:00:00Z", "bad_time"),
    ("a day that there is not", "begins", "2026-02-30T17:00:00Z", "bad_time"),
    ("an hour that there is not", "begins", "2026-11-20T24:00:00Z", "bad_time"),
    ("an offset that there is not", "begins", "2026-11-20T17:00:00+99:00", "bad_time"),
    ("a time before all calendars", "begins", "0001-01-01T00:00:00+01:00", "bad_time"),
    ("a time after all calendars", "begins", "9999-12-31T23:59:59-01:00", "bad_time"),
    ("a number for a time", "begins", 5, "wrong_type"),
    ("JSON that is too long", "extra", "x" * 39, "too_long"),
    ("JSON that is too deep", "extra", nested(33), "bad_json"),
    ("JSON with NUL", "extra", ["\0"], "bad_text"),
    ("JSON with half a surrogate pair", "extra", {"\ud800": 1}, "bad_text"),
    ("JSON with infinity", "extra", [float("inf")], "wrong_type"),
    ("JSON with a number that browsers round", "extra", [2**53], "out_of_range"),
    ("what is no JSON", "extra", {1, 2}, "wrong_type"),
    ("keys of two kinds", "extra", {"a": 1, 2: 3}, "wrong_type"),
    ("a reference that is no id", "venue", "home", "bad_id"),
    ("a number for a reference", "venue", 5, "wrong_type"),
    ("a choice that is none", "size", "m", "bad_choice"),
    ("an entry without its number", "guests", {"k1": {"age": None}}, "missing"),
]


@pytest.mark.parametrize(("name", "value", "code"), [pytest.param(*fault[1:], id=fault[0]) for fault in FAULTS])
def test_what_may_not_be_stored_is_named_in_a_sentence(name: str, value: Any, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        read({name: value})
    assert (caught.value.code, caught.value.field.split("/")[0]) == (code, name)
    assert str(caught.value).endswith(".")


def test_json_may_be_as_deep_as_is_said() -> None:
    with pytest.raises(Invalid, match="has 65 characters"):
        read({"extra": nested(32)})


def test_what_has_a_default_may_be_left_out() -> None:
    assert read({"title": "Concert"}, Operation.INSERT) == {"title": "Concert"}
    with pytest.raises(Invalid, match="title is needed"):
        read({}, Operation.INSERT)


# --- on the way down -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("seats", 2**60, 2**60),
        ("price", 1, 1.0),
        ("begins", "in spring", "in spring"),
        ("extra", nested(40), json.dumps(nested(40))),
        ("extra", "x" * 100, f'"{"x" * 100}"'),
        ("extra", [2**60], f"[{2**60}]"),
        ("venue", "anything", "anything"),
        ("size", "xl", "xl"),
        ("guests", {"k1": {"age": None, "role": None}}, None),
    ],
)
def test_of_what_a_server_said_only_the_json_type_counts(name: str, value: Any, held: Any) -> None:
    row = read_row(EVENTS, {name: value})
    assert row.left_out == ()
    assert row.cells.get(name) == held


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seats", 1.5),
        ("price", "1"),
        ("price", float("inf")),
        ("begins", 5),
        ("venue", {}),
        ("extra", "\ud800"),
        ("extra", float("nan")),
        ("extra", nested(100_000)),
    ],
)
def test_what_can_not_be_held_costs_its_own_cell(name: str, value: Any) -> None:
    assert read_row(EVENTS, {"title": "Concert", name: value}).left_out == (name,)


# --- on the wire ---------------------------------------------------------------------------------------------------

WHOLE = {
    "title": "Concert",
    "seats": 0,
    "price": 0.0,
    "begins": "2026-11-20T17:00:00.000Z",
    "extra": {"a": [1]},
    "venue": ID,
    "done": True,
    "size": "l",
    "guests": {"k1": {"meal": ["soup"], "pays": True, "age": 0, "role": "host"}},
}


def test_json_is_a_value_on_the_wire_and_text_elsewhere() -> None:
    cells = read(WHOLE)
    assert (cells["extra"], cells["guests/k1/meal"]) == ('{"a":[1]}', '["soup"]')
    assert with_all_fields(EVENTS, cells) == WHOLE
    assert filled_fields(EVENTS, cells) == WHOLE
    assert change_data(EVENTS, cells) == WHOLE
    assert json_of_cells(EVENTS, cells)["extra"] == {"a": [1]}
    assert json_of_cells(EVENTS, cells)["guests/k1/meal"] == ["soup"]


def test_what_is_empty_is_not_there() -> None:
    cells = read({"title": "Concert", "seats": 0, "extra": None, "done": False, "size": None, "guests": {"k1": None}})
    assert filled_fields(EVENTS, cells) == {"title": "Concert", "seats": 0}
    assert with_all_fields(EVENTS, cells)["extra"] is None


def test_an_emptied_cell_of_json_is_null_in_a_change() -> None:
    cells = read({"extra": None, "guests": {"k1": {"meal": None}}})
    assert change_data(EVENTS, cells) == {"extra": None, "guests": {"k1": {"meal": None}}}


def test_a_flag_in_a_map_is_no_entry() -> None:
    cells = {"guests/k1/pays": True, "guests/k1/@exists": False, "guests/k2/@exists": True}
    assert with_all_fields(EVENTS, cells)["guests"] == {"k2": {}}


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, "text", 5, 1.0, True, [], None])
@pytest.mark.parametrize("cell", ["extra", "guests/k1/meal"])
def test_a_cell_of_json_by_itself_is_read_as_it_was_written(cell: str, value: Any) -> None:
    held = value_of(EVENTS, cell, value)
    assert json_of(EVENTS, cell, held) == value
    assert read_value(EVENTS, cell, value) == held
    assert is_whole(EVENTS, cell, value)


def test_other_cells_by_themselves_are_what_they_are() -> None:
    assert json_of(EVENTS, "title", "[1]") == "[1]"
    assert json_of(EVENTS, "guests/k1/@exists", True) is True
    assert json_of(EVENTS, "no_such", "[1]") == "[1]"
    assert json_of_cells(Table("t", Text("a")), {"a": "[1]"}) == {"a": "[1]"}


def test_json_that_the_server_said_is_not_typed() -> None:
    cells = read(WHOLE)
    data = {"extra": {"a": [1]}, "guests": {"k1": {"meal": ["soup"], "age": 5}}}
    assert typed_part(EVENTS, data, cells) == {"guests": {"k1": {"age": 5}}}


@given(JSON)
def test_any_json_is_held_as_text_that_is_read_as_the_same(value: Any) -> None:
    field = Field("extra", Type.JSON, limit=1_000_000)
    try:
        text = check(field, "extra", value, STRICT)
    except Invalid:
        return
    if text is not None:
        again = json.loads(str(text))
        assert again == value
        assert check(field, "extra", again, STRICT) == check(field, "extra", again, LENIENT) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_what_its_text_says(number: float) -> None:
    held = check(Field("price", Type.NUMBER), "price", number, STRICT)
    assert held == number
    assert float(repr(held)) == held


@given(st.datetimes(timezones=st.timezones()))
def test_a_time_is_held_in_utc_to_the_millisecond_and_stays_so(moment: Any) -> None:
    field = Field("begins", Type.TIME)
    try:
        held = check(field, "begins", moment.isoformat(), STRICT)
    except Invalid:  # an offset with seconds, as clocks had before there were zones; or beyond the calendar
        return
    assert len(str(held)) == 24
    assert check(field, "begins", held, STRICT) == held


# --- what is shown -------------------------------------------------------------------------------------------------


def test_a_default_is_shown_and_not_written() -> None:
    cells = read({"title": "Concert", "guests": {"k1": {"age": 5}, "k2": {"age": 6, "role": "host"}}})
    for data in (with_all_fields(EVENTS, cells), filled_fields(EVENTS, cells)):
        assert data.get("size") is None
        shown = with_defaults(EVENTS, data)
        assert shown["size"] == "s"
        assert shown["guests"] == {"k1": {"age": 5, "role": "guest"}, "k2": {"age": 6, "role": "host"}}
    assert with_defaults(EVENTS, with_all_fields(EVENTS, read(WHOLE))) == WHOLE
    assert "guests" not in with_defaults(EVENTS, {"title": "Concert"})


# --- keys ----------------------------------------------------------------------------------------------------------

NOTEBOOKS, TAGS = (Table(name, Text("name", required=True), key="name") for name in ("notebooks", "tags"))


@pytest.mark.parametrize("name", ["HOME", " home ", "ｈｏｍｅ", "Home\n"])
def test_keys_that_fold_alike_are_of_one_record(name: str) -> None:
    assert record_id_of_key(NOTEBOOKS, name) == record_id_of_key(NOTEBOOKS, "home")


def test_gaps_in_a_key_are_alike() -> None:
    assert record_id_of_key(NOTEBOOKS, "New\u00a0 York") == record_id_of_key(NOTEBOOKS, "new york")
    assert record_id_of_key(NOTEBOOKS, "newyork") != record_id_of_key(NOTEBOOKS, "new york")


def test_other_keys_and_other_tables_have_other_ids() -> None:
    ids = {
        record_id_of_key(NOTEBOOKS, "resume"),
        record_id_of_key(NOTEBOOKS, "résumé"),
        record_id_of_key(TAGS, "resume"),
    }
    assert len(ids) == 3


def test_an_id_that_follows_from_a_key_is_for_ever() -> None:
    assert record_id_of_key(NOTEBOOKS, "Home") == "d565bdbb-59c3-5c11-99cc-5491d4f2fefa"
    assert (
        record_id_of_key(Table("days", Date("day", required=True), key="day"), "2026-11-20")
        == "64c0c5a2-4b6d-571f-9149-5d1726b28970"
    )
    assert (
        record_id_of_key(Table("years", Integer("year", required=True), key="year"), 2026)
        == "965a3254-fdd5-5055-852f-0b948e900c26"
    )


@pytest.mark.parametrize("type_", [Type.TIME, Type.REF, Type.CHOICE, Type.DATE])
def test_what_is_needed_is_not_empty_text(type_: Type) -> None:
    field = Field("f", type_, required=True, choices=("a",), target="events")
    with pytest.raises(Invalid, match="f"):
        check(field, "f", "", STRICT)
