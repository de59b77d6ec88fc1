"""What is beyond the size of a record in a file: left out by its size, and named."""

from __future__ import annotations

import io
from typing import Any

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.merge.record_size import bytes_of
from offbook.formats.contents import OpenFile
from offbook.formats.fitting import fitted
from offbook.formats.values import ContactRead
from tests.formats.archive.zips import ADA, archive_of

CARD = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\n{lines}END:VCARD\r\n"


def contact_of(sizes: list[int]) -> dict[str, Any]:
    values = {f"k{number:03}": "x" * size for number, size in enumerate(sizes)}
    details = {key: {"kind": "property", "label": key, "value": value} for key, value in values.items()}
    return {"id": ADA, "name": "Ada", "details": details}


@pytest.mark.parametrize(
    ("sizes", "left_out"),
    [
        ([], []),
        ([60_000] * 8, []),
        ([60_000] * 8 + [100, 50_000], ["k000"]),
        ([60_000] * 12, ["k000", "k001", "k002", "k003"]),
        ([10] * 400, []),
        ([2_000] * 300, [f"k{number:03}" for number in range(45)]),
    ],
)
def test_the_largest_details_are_left_out_and_named(sizes: list[int], left_out: list[str]) -> None:
    item = fitted(ContactRead(7, contact_of(sizes)))
    assert item.contact is not None
    assert [problem.column for problem in item.problems] == [f"property {key}" for key in left_out]
    assert {(problem.row, problem.code) for problem in item.problems} <= {(7, "record_too_large")}
    assert item.contact["details"].keys() == contact_of(sizes)["details"].keys() - {*left_out}
    assert bytes_of(item.contact) <= CONTACTS.bytes_max


def test_a_file_of_any_format_is_fitted() -> None:
    card = CARD.format(lines="".join(f"X-{number}:{'y' * 60_000}\r\n" for number in range(9))).encode()
    for file in (io.BytesIO(card), io.BytesIO(archive_of([contact_of([60_000] * 9)]))):
        (item,) = OpenFile(file).items()
        assert [problem.code for problem in item.problems] == ["record_too_large"]
        assert item.contact is not None
        assert len(item.contact["details"]) == 8


def test_a_row_without_a_contact_is_as_it_was() -> None:
    item = ContactRead(1, None)
    assert fitted(item) is item
