"""The pure half of the tutorial form: times, what of a row is a change, and what the device has after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.contacts.tutorial import (
    CELLS,
    Known,
    Row,
    TutorialChange,
    TutorialStep,
    as_received,
    confirming_seq,
    format_time,
    known_after,
    parse_item,
    parse_since,
    parse_time_us,
    plan_step,
    render_entry,
    repeated_stamps,
    visible_row,
    with_whole_row,
)
from offbook.core.errors import Malformed
from offbook.core.model import Clock, Operation, Record, Rejection, Value, Verdict
from tests.core.strategies import JSON

DEVICE = str(UUID(int=1))
RECORD = str(UUID(int=2))
NOON = 1_795_003_200_000_000  # 2026-11-18T12:00:00Z

BODY = {"table": "contacts", "record_id": 1, "operation": "DELETE", "timestamp": "2026-11-18T12:00:00+00:00"}


def row(name: str = "Ada", email: str | None = None, phone: str | None = None) -> Row:
    return {"name": name, "email": email, "phone": phone}


def item(**values: Any) -> TutorialChange:
    data = {"id": 1, "name": "Ada", "email": None, "phone": "1", "updated_at": "2026-11-18T12:00:00+00:00"}
    body = {"table": "contacts", "record_id": 1, "operation": "UPDATE", "timestamp": "2026-11-18T12:00:00+00:00"}
    return parse_item({**body, "data": data, **values}, DEVICE)


# --- times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00+00:00", 0),
        ("1970-01-01T00:00:00 00:00", 0),
        ("1970-01-01", 0),
        ("2026-11-18T12:00:00+00:00", NOON),
        ("2026-11-18T12:00:00 00:00", NOON),
        ("2026-11-18T12:00:00Z", NOON),
        ("2026-11-18T12:00:00", NOON),
        ("2026-11-18 12:00:00", NOON),
        ("2026-11-18T12:00", NOON),
        ("2026-11-18 12:00", NOON),
        ("2026-11-18T12:00:00.000001+00:00", NOON + 1),
        ("2026-11-18T12:00:00.123", NOON + 123_000),
        ("2026-11-18T12:00:00.123456789Z", NOON + 123_456),
        ("2026-11-18T21:00:00+09:00", NOON),
        ("2026-11-18T21:00:00 09:00", NOON),
        ("2026-11-18T21:00:00+0900", NOON),
        ("2026-11-18T08:30:00-03:30", NOON),
        ("1969-12-31T23:59:59.999999+00:00", -1),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000_000),
        ("2026-11-18T12:00:00+24:00", None),
        ("2026-11-18T12:00:00+00:60", None),
        ("2026-11-18T12:00:60", None),
        ("2026-11-18T24:00:00", None),
        ("2026-02-29T12:00:00", None),
        ("0000-01-01", None),
        ("2026-11-18T12", None),
        ("2026-11-18T12:00:00.+00:00", None),
        ("2026-11-18T12:00:00+00:00 ", None),
        ("2026-11-18T12:00:00++00:00", None),
        ("٢٠٢٦-١١-١٨", None),
        ("20261118", None),
        ("now", None),
        ("", None),
    ],
)
def test_times_are_read_as_such_clients_write_them(text: str, micros: int | None) -> None:
    assert parse_time_us(text) == micros


@given(st.integers(-(10**12), 253_402_300_799_999_999))
def test_a_seq_survives_being_a_time_and_a_url(micros: int) -> None:
    text = format_time(micros)
    assert len(text) == 32
    assert parse_time_us(text) == parse_time_us(text.replace("+", " ")) == micros


@given(st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)), st.integers(-1439, 1439))
def test_what_python_writes_is_read_as_python_meant_it(moment: datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    micros = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert parse_time_us(aware.isoformat()) == micros


@given(st.integers(0, NOON), st.integers(0, NOON))
def test_times_sort_as_text_as_they_do_as_numbers(one: int, other: int) -> None:
    assert (format_time(one) < format_time(other)) is (one < other)


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("", 0),
        ("0", 0),
        ("null", 0),
        ("None", 0),
        ("1970-01-01", 0),
        ("2026-11-18T12:00", NOON),
        ("1", None),
        ("x", None),
    ],
)
def test_a_client_without_a_timestamp_asks_from_the_beginning(text: str, micros: int | None) -> None:
    assert parse_since(text) == micros


# --- reading a change ----------------------------------------------------------------------------------------------


def test_a_change_that_says_the_same_has_the_same_id() -> None:
    assert item() == item()
    others = [
        item(record_id=2),
        item(operation="INSERT"),
        item(timestamp="2026-11-18T12:00:01+00:00"),
        item(data=None),
        item(data={"name": "Ada", "phone": "2"}),
    ]
    assert len({item().change_id, *(other.change_id for other in others)}) == 6
    assert parse_item({**BODY}, DEVICE).change_id != parse_item({**BODY}, RECORD).change_id


def test_only_known_columns_are_taken() -> None:
    read = item(data={"id": 1, "name": "Ada", "shoe_size": 38, "updated_at": "x"}, synced=0)
    assert (read.data, read.timestamp) == ({"name": "Ada", "updated_at": "x"}, NOON // 1000)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5551234, "5551234"),
        (-1, "-1"),
        (0, "0"),
        (10**29, "1" + "0" * 29),
        (5551234.0, "5551234"),
        (555.1234, "555.1234"),
        (-0.5, "-0.5"),
        (" 5 ", " 5 "),
        ("5.0", "5.0"),
        (None, None),
        ("", None),
    ],
)
def test_a_number_is_taken_as_its_text(value: Any, text: str | None) -> None:
    step = plan_step(item(data={"name": "Ada", "phone": value}), None, DEVICE)
    assert isinstance(step, TutorialStep)
    assert step.change.cells["phone"] == text


def test_a_number_in_any_cell_is_the_same_change_as_its_text() -> None:
    assert item(data={"name": 5, "email": 6, "phone": 7}) == item(data={"name": "5", "email": "6", "phone": "7"})


@pytest.mark.parametrize("value", [True, False, 1e16, 1e300, 1e-7, float("inf")])
def test_what_can_not_be_written_as_digits_is_no_text(value: Any) -> None:
    refused = plan_step(item(data={"name": "Ada", "phone": value}), None, DEVICE)
    assert isinstance(refused, Rejection)
    assert (refused.fault.code, refused.fault.detail) == ("wrong_type", "phone must be text.")


@given(JSON)
def test_no_body_does_more_than_be_refused(body: Any) -> None:
    for one in (body, {**BODY, "data": body}, {**BODY, "record_id": body}, {**BODY, "timestamp": body}):
        try:
            read = parse_item(one, DEVICE)
        except Malformed as refused:
            assert refused.status == 400
        else:
            assert isinstance(plan_step(read, None, DEVICE), TutorialStep | Rejection | None)


# --- what of it is a change ----------------------------------------------------------------------------------------

HELD = row(phone="1")
OWN = Known(RECORD, HELD, 10)
OFFERED = row(phone="2", email="b@example.org")

CASES: list[tuple[str, Known, dict[str, Any], dict[str, Value], int]] = [
    ("as it was", Known(RECORD, HELD, 10), {"phone": "1"}, {}, 10),
    ("an edit", Known(RECORD, HELD, 10), {"phone": "3"}, {"phone": "3"}, 10),
    ("emptied", Known(RECORD, HELD, 10), {"phone": ""}, {"phone": None}, 10),
    ("a column that it does not have", Known(RECORD, HELD, 10), {"phone": "1", "email": None}, {}, 10),
    ("an edit, and the answer was lost", Known(RECORD, HELD, 10, OFFERED, 20), {"name": "A"}, {"name": "A"}, 10),
    ("an edit that shows the answer came", Known(RECORD, HELD, 10, OFFERED, 20), {"phone": "2"}, {}, 20),
    ("the same, cursor moved back", Known(RECORD, HELD, 10, OFFERED, -20), {"phone": "2"}, {}, 20),
    ("the same, but never served", Known(RECORD, HELD, 10, OFFERED, 0), {"phone": "2"}, {}, 10),
    ("an edit of a contested cell", Known(RECORD, HELD, 10, OFFERED, 20), {"phone": "3"}, {"phone": "3"}, 10),
    ("back to what it was", Known(RECORD, HELD, 10, OFFERED, 20), {"phone": "1"}, {}, 10),
    (
        "back to what it was, after the answer came",
        Known(RECORD, HELD, 10, OFFERED, 20),
        {"phone": "1", "email": "b@example.org"},
        {"phone": "1"},
        20,
    ),
    ("a record from elsewhere", Known(RECORD, None, 0, OFFERED, 20), {"phone": "3"}, {"phone": "3"}, 20),
    ("a deletion is on its way", Known(RECORD, HELD, 10, None, 20), {"phone": "3"}, {"phone": "3"}, 10),
    ("deleted by itself", Known(RECORD, None, 10), {"name": "A"}, {"name": "A"}, 10),
]


@pytest.mark.parametrize(("known", "data", "cells", "base"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_only_what_was_typed_is_a_change(known: Known, data: Any, cells: Any, base: int) -> None:
    step = plan_step(item(data=data), known, DEVICE)
    assert isinstance(step, TutorialStep)
    change = step.change
    assert (change.operation, change.record_id, change.replica) == (Operation.UPDATE, RECORD, DEVICE)
    assert (dict(change.cells), change.base) == (cells, base)
    row_now = step.known.held
    assert row_now is not None
    assert row_now.keys() == set(CELLS)
    assert all(row_now[name] == (value or None) for name, value in data.items())


@pytest.mark.parametrize("operation", ["INSERT", "UPDATE"])
def test_a_number_of_its_own_that_is_unknown_makes_a_record(operation: str) -> None:
    made = item(operation=operation)
    step = plan_step(made, None, DEVICE)
    assert isinstance(step, TutorialStep)
    assert step.change.operation is Operation.INSERT
    assert step.known == Known(step.change.record_id, row(phone="1"))
    again = plan_step(made, None, DEVICE)
    assert isinstance(again, TutorialStep)
    assert again.change == step.change


@pytest.mark.parametrize(
    "nothing", [item(data=None), item(operation="INSERT", data=None), item(operation="DELETE"), item(**BODY)]
)
def test_what_is_gone_again_or_never_was_is_nothing_to_do(nothing: TutorialChange) -> None:
    assert plan_step(nothing, None, DEVICE) is None


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (item(table="invoices"), "unknown_table"),
        (item(record_id=-1), "unknown_record"),
        (item(data={"phone": "1"}), "missing"),
    ],
)
def test_what_can_not_be_done_is_rejected(bad: TutorialChange, code: str) -> None:
    step = plan_step(bad, None, DEVICE)
    assert isinstance(step, Rejection)
    assert (step.id, step.fault.code) == (bad.change_id, code)


@pytest.mark.parametrize(
    ("known", "base"),
    [
        (Known(RECORD, HELD, 10), 10),
        (Known(RECORD, HELD, 10, OFFERED, 20), 10),
        (Known(RECORD, None, 10), 10),
    ],
)
def test_a_deletion_knows_what_the_device_surely_had(known: Known, base: int) -> None:
    step = plan_step(item(operation="DELETE", data=None), known, DEVICE)
    assert isinstance(step, TutorialStep)
    assert (step.change.operation, step.change.base) == (Operation.DELETE, base)
    assert (step.known, step.sure) == (Known(RECORD, None, base), True)


@pytest.mark.parametrize(
    ("data", "known", "left"),
    [
        ({"name": "Ada", "phone": "2"}, OWN, OWN),
        ({"name": "Ada", "phone": "2"}, replace(OWN, was_served=True), replace(OWN, was_served=True)),
        (None, replace(OWN, was_served=True), replace(OWN, was_served=True)),
        (None, OWN.offering(OFFERED, 20), Known(RECORD, OFFERED, 20, was_served=True)),
        (None, OWN.offering(OFFERED, -20), Known(RECORD, OFFERED, 20, was_served=True)),
        (None, Known(RECORD, HELD, 10, OFFERED, 0, True), replace(OWN, was_served=True)),
        (None, Known(RECORD, HELD, 10, None, 20, True), replace(OWN, was_served=True)),
        (None, Known(RECORD).offering(OFFERED, 20), Known(RECORD, OFFERED, 20, was_served=True)),
    ],
)
def test_a_deletion_of_what_may_be_back_leaves_the_device_with_the_row_that_came_last(
    data: Any, known: Known, left: Known
) -> None:
    step = plan_step(item(operation="DELETE", data=data), known, DEVICE)
    assert isinstance(step, TutorialStep)
    assert (step.known, step.sure) == (left, False)


def test_a_deletion_with_a_row_was_typed_without_having_seen_what_others_wrote() -> None:
    step = plan_step(item(operation="DELETE"), replace(OWN, was_served=True), DEVICE)
    assert isinstance(step, TutorialStep)
    assert step.change.base == 0


def test_a_row_without_a_trace_of_the_offered_one_proves_nothing() -> None:
    known = replace(OWN, offered=OFFERED, offered_seq=20)
    assert as_received(known, {"name": "Ada"}) is known


@pytest.mark.parametrize(
    ("known", "is_gone"),
    [
        (Known(RECORD, HELD, 10), False),
        (Known(RECORD, None, 10), True),
        (Known(RECORD, None, 0, OFFERED, 20), False),
        (Known(RECORD, HELD, 10, None, 20), True),
        (Known(RECORD, None, 10, OFFERED, 0), True),
        (Known(RECORD, HELD, 10, None, 0), True),
        (Known(RECORD, HELD, 10, OFFERED, 0), False),
    ],
)
def test_a_number_is_free_once_the_device_can_not_have_the_row(known: Known, is_gone: bool) -> None:
    assert known.is_gone is is_gone


# --- after it ------------------------------------------------------------------------------------------------------


def record(deleted: bool = False, **cells: Value) -> Record:
    return Record(CONTACTS, RECORD, 30, deleted, cells, Clock(5, 5, RECORD, DEVICE), {})


def edit_to_3() -> TutorialStep:
    step = plan_step(item(data={"phone": "3"}), Known(RECORD, HELD, 10), DEVICE)
    assert isinstance(step, TutorialStep)
    return step


def test_an_edit_that_was_applied_is_what_the_device_has() -> None:
    known = known_after(edit_to_3(), Verdict.APPLIED, 30, record(name="Ada", phone="3", notes="x"))
    assert known == Known(RECORD, row(phone="3"), 30)


def test_an_edit_that_changed_nothing_saw_no_more_than_before() -> None:
    assert known_after(edit_to_3(), Verdict.APPLIED, None, record(name="Ada", phone="3")).held_seq == 10


def test_an_edit_that_met_another_leaves_the_row_to_be_served() -> None:
    known = known_after(edit_to_3(), Verdict.MERGED, 30, record(name="Ada", phone="3", email="e"))
    assert known == Known(RECORD, row(phone="3"), 10, row(phone="3", email="e"), 0)


@pytest.mark.parametrize("gone", [None, record(deleted=True, name="Ada")])
def test_an_edit_that_lost_to_a_deletion_leaves_that_to_be_served(gone: Record | None) -> None:
    assert known_after(edit_to_3(), Verdict.SUPERSEDED, None, gone) == Known(RECORD, row(phone="3"), 10, None, 0)


@pytest.mark.parametrize("left", [None, record(deleted=True)])
def test_an_edit_of_what_was_pruned_says_all_that_the_device_has(left: Record | None) -> None:
    change = with_whole_row(edit_to_3(), left).change
    assert (change.operation, change.cells) == (Operation.INSERT, row(phone="3"))


@pytest.mark.parametrize("there", [record(name="Ada", phone="1"), record(deleted=True, name="Ada")])
def test_an_edit_of_what_is_there_says_only_what_was_typed(there: Record) -> None:
    assert with_whole_row(edit_to_3(), there) == edit_to_3()


def test_nothing_typed_or_no_name_makes_nothing_of_what_was_pruned() -> None:
    for data, known in (({"phone": "1"}, OWN), ({"phone": "3"}, Known(RECORD))):
        step = plan_step(item(data=data), known, DEVICE)
        assert isinstance(step, TutorialStep)
        assert with_whole_row(step, None) is step
    deletion = plan_step(item(operation="DELETE"), OWN, DEVICE)
    assert isinstance(deletion, TutorialStep)
    assert with_whole_row(deletion, None) is deletion


@pytest.mark.parametrize("there", [record(name="Ada", phone="1"), record(deleted=True, name="Ada"), None])
def test_after_a_deletion_of_what_may_be_back_it_is_told_how_the_record_is(there: Record | None) -> None:
    step = plan_step(item(operation="DELETE", data=None), replace(OWN, was_served=True), DEVICE)
    assert isinstance(step, TutorialStep)
    known = known_after(step, Verdict.MERGED, 30, there)
    assert known == Known(RECORD, HELD, 10, visible_row(there), 0, was_served=True)


def test_after_a_deletion_of_what_was_never_served_there_is_nothing_to_tell() -> None:
    step = plan_step(item(operation="DELETE", data=None), OWN, DEVICE)
    assert isinstance(step, TutorialStep)
    assert known_after(step, Verdict.APPLIED, 30, record(deleted=True, name="Ada")) == Known(RECORD, None, 30)


@pytest.mark.parametrize(("row", "was_served"), [(OFFERED, True), (None, False)])
def test_only_a_row_that_was_served_can_be_back(row: Row | None, was_served: bool) -> None:
    assert OWN.offering(row, 20) == Known(RECORD, HELD, 10, row, 20, was_served)
    assert replace(OWN, was_served=True).offering(row, 20).was_served


def test_a_record_shows_three_cells() -> None:
    assert visible_row(record(name="Ada", notes="x")) == row()
    assert visible_row(record(name="Ada")._replace(deleted=True)) is None


# --- a pulled list -------------------------------------------------------------------------------------------------


@given(st.integers(0, 2 * NOON), st.integers(1, 100))
def test_what_is_served_again_never_reaches_what_was_not_served(since: int, count: int) -> None:
    stamps = list(repeated_stamps(since, count))
    assert len(stamps) == count
    assert stamps == sorted(stamps)
    assert since not in stamps
    assert stamps[-1] < since or since <= count


def test_a_cursor_that_moved_back_confirms_by_being_there() -> None:
    assert confirming_seq(NOON, NOON + 5) == NOON + 5
    assert confirming_seq(NOON, NOON - 1) == -NOON


def test_an_entry_is_as_the_tutorial_has_it() -> None:
    assert render_entry(-3, True, NOON, NOON - 1, row(phone="1")) == {
        "table": "contacts",
        "record_id": -3,
        "operation": "INSERT",
        "timestamp": "2026-11-18T12:00:00.000000+00:00",
        "data": {
            "id": -3,
            "name": "Ada",
            "email": None,
            "phone": "1",
            "updated_at": "2026-11-18T11:59:59.999999+00:00",
        },
    }
    assert render_entry(2, False, NOON, NOON, row())["operation"] == "UPDATE"
    deletion = render_entry(2, False, NOON, NOON, None)
    assert (deletion["operation"], deletion["data"]) == ("DELETE", None)
