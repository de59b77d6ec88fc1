"""Records as a page has them, and the times on the wire."""

from __future__ import annotations

from uuid import UUID

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core import Clock, Record
from offbook.core.protocol.rows import data_of, iso_micros, iso_millis, micros_of, row_of

DEVICE = str(UUID(int=1))
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
RECORD = str(UUID(int=2))


def a_record(seq: int = 20, deleted: bool = False) -> Record:
    return Record(CONTACTS, RECORD, seq, deleted, {"name": "Ada"}, Clock(20, 1, ID, DEVICE), {})


def test_a_row_has_every_field_and_the_times_that_its_seqs_are() -> None:
    data = data_of(a_record(seq=1_500_000))
    assert data is not None
    assert (data["id"], data["name"], data["phone"], data["starred"], data["details"]) == (
        RECORD,
        "Ada",
        None,
        False,
        {},
    )
    assert data["created_at"] == "1970-01-01T00:00:00.000020Z"
    assert data["updated_at"] == "1970-01-01T00:00:01.500000Z"


@pytest.mark.parametrize(
    ("record", "operation"),
    [(a_record(), "INSERT"), (a_record(21), "UPDATE"), (a_record(21, deleted=True), "DELETE")],
    ids=["new", "written since", "a tombstone"],
)
def test_a_row_tells_what_brought_it_there(record: Record, operation: str) -> None:
    row = row_of(record)
    assert (row["operation"], row["seq"], row["data"] is None) == (operation, record.seq, operation == "DELETE")


def test_times_have_always_the_same_number_of_digits() -> None:
    assert iso_micros(1_795_194_000_000_000) == "2026-11-20T17:00:00.000000Z"
    assert iso_millis(1_795_194_000_007) == "2026-11-20T17:00:00.007Z"
    assert micros_of(iso_micros(1_795_194_000_000_007)) == 1_795_194_000_000_007
    assert iso_millis(-1) == "1969-12-31T23:59:59.999Z"
