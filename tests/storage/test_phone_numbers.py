"""Numbers are found by the plan of a book's region, on every engine; the plans are loaded by nothing else."""

from __future__ import annotations

import pytest

from offbook.core.errors import Invalid
from offbook.core.search import fulfils, search_terms, searched_text
from storage.engines.database import Database
from storage.repositories.phone_numbers import spellings, validate_region
from tests.storage.test_contact_queries import Desk

BERLIN = ("+49 30 1234567", "030/123 4567", "0049 30 1234567", "(030) 1234567", "+49 (0)30 1234567", "49 30 1234567")
WASHINGTON = ("+1 202-224-3244", "(202) 224-3244", "1 202 224 3244", "2022243244", "001 202 224 3244")
ROME = ("+39 06 1234 5678", "06 12345678", "0039 06 12345678")


def finds(search: str, stored: str, region: str | None) -> bool:
    return fulfils(searched_text([stored]), search_terms(search, lambda key: spellings(key, region)))


@pytest.mark.parametrize(("region", "numbers"), [("DE", BERLIN), ("US", WASHINGTON), ("IT", ROME), (None, BERLIN)])
def test_each_spelling_finds_each(region: str | None, numbers: tuple[str, ...]) -> None:
    assert [(search, stored) for search in numbers for stored in numbers if not finds(search, stored, region)] == []


@pytest.mark.parametrize(
    ("search", "stored", "region"),
    [
        ("+49 30 1234567", "011 49 30 1234567", "US"),
        ("+49 30 1234567", "0049 30 1234567", "US"),
        ("1234567", "+49 30 1234567", "DE"),
        ("030 1234", "030 1234567", "DE"),
        ("224-3244", "(202) 224-3244", "US"),
        ("12345", "12345", "DE"),
    ],
)
def test_from_abroad_and_by_a_part(search: str, stored: str, region: str) -> None:
    assert finds(search, stored, region)


@pytest.mark.parametrize(
    ("search", "stored"),
    [("030 1234567", "+43 30 1234567"), ("+43 30 1234567", "030 1234567"), ("030 1234567", "040 1234567")],
)
def test_another_number_that_ends_alike_is_another_where_the_region_is_known(search: str, stored: str) -> None:
    assert not finds(search, stored, "DE")
    assert finds(search, stored, None)


@pytest.mark.parametrize(("code", "region"), [("de", "DE"), (" us ", "US"), ("", None)])
def test_a_region_is_two_letters(code: str, region: str | None) -> None:
    assert validate_region(code) == region


@pytest.mark.parametrize("code", ["XX", "DEU", "ü", "001", "49"])
def test_what_is_no_region_is_refused(code: str) -> None:
    with pytest.raises(Invalid, match="two letters"):
        validate_region(code)


def test_a_book_finds_numbers_by_its_region(database: Database) -> None:
    desk = Desk(database)
    for name, phone in (("Ada", "030/123 4567"), ("Bob", "+43 30 1234567")):
        desk.add(name, phone=phone)
    assert desk.names("+49 30 1234567") == ["Ada", "Bob"]
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE books SET region = 'DE'")
    assert desk.names("+49 30 1234567") == desk.names("030 1234567") == ["Ada"]
    assert desk.names("+43 30 1234567") == ["Bob"]
    record = desk.contacts.get(desk.book, desk.contacts.page(desk.book, "ada").rows[0].id)
    assert record is not None
    assert record.cells["phone"] == "030/123 4567"
