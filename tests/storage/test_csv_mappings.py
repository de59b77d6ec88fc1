"""The mappings that a book remembers."""

from __future__ import annotations

from sqlalchemy import insert

from models import Book
from storage.csv_mappings import CsvMappings
from storage.engines.database import Database
from tests.conftest import BOOK

TEXT = '{"Büro": "😀"}'


def test_a_mapping_is_its_book_s_and_those_that_were_used_last_stay(book: Database) -> None:
    with book.write() as connection:
        connection.execute(insert(Book), BOOK | {"id": 2, "uuid": "b2"})
    mappings = CsvMappings(book)
    for number in range(4):
        mappings.put(1, f"h{number}", TEXT, now_us=number, most=3)
    mappings.put(2, "h0", "of another book", now_us=9, most=3)
    assert [mappings.get(1, f"h{number}") for number in range(4)] == [None, TEXT, TEXT, TEXT]
    mappings.put(1, "h1", "again", now_us=10, most=3)
    mappings.put(1, "h4", "new", now_us=11, most=3)
    assert [mappings.get(1, f"h{number}") for number in range(5)] == [None, "again", None, TEXT, "new"]
    assert (mappings.get(2, "h0"), mappings.get(2, "h1")) == ("of another book", None)
