"""Google's CSV: headings in any case, and what a spreadsheet made of a file, or may make of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import pytest

from offbook.formats.google_csv.reading import Contact
from offbook.formats.google_csv.writing import write
from tests.device.test_google_csv import details, only, table
from tests.support.google_files import read


def test_headings_are_known_in_any_case_and_the_contact_is_the_same() -> None:
    row = {"First Name": "Ada", "Phone 1 - Label": "Work", "Phone 1 - Value": "1", "Labels": "Friends"}
    for change in (str.lower, str.upper, lambda name: f" {name} "):
        assert only_of({change(name): text for name, text in row.items()}) == only(row)
    with_gaps = only_of({name.replace(" ", "\u00a0"): text for name, text in row.items()})
    assert with_gaps | {"id": ""} == only(row) | {"id": ""}


def only_of(row: Mapping[str, str]) -> Contact:
    (contact,) = read(table(row)).contacts
    return contact


def test_a_heading_in_another_case_among_googles_own_keeps_the_id_that_it_had() -> None:
    """It was a custom field then, and in the id as that."""
    contact = only_of({"First Name": "Ada", "last name": "King", "Labels": ""})
    assert contact["family_name"] == "King"
    assert contact["id"] == "7b7bc2f0-13ff-5227-9562-78b3d9f1fdc1"


@pytest.mark.parametrize(
    ("text", "number"),
    [("'+44 1", "+44 1"), ('="+44 1"', "+44 1"), ("'020 1", "020 1"), ("''+44", "'+44"), ("+44 1", "+44 1")],
)
def test_what_kept_a_number_from_a_spreadsheet_is_taken_off(text: str, number: str) -> None:
    contact = only({"First Name": "Ada", "Phone 1 - Value": text, "Phone 2 - Value": text})
    assert (contact["phone"], details(contact, "phone")) == (number, [(None, number)])
    assert only({"Phone 1 - Value": text})["name"] == number
    again = {**contact, "phone": text, "name": text}
    assert read(write([contact, {**again, "id": "0f8fad5b-d9cb-469f-a165-70867728950e"}])).contacts == [
        contact, {**again, "id": "0f8fad5b-d9cb-469f-a165-70867728950e"},
    ]  # fmt: skip


def test_a_number_that_a_spreadsheet_has_damaged_is_told_and_kept() -> None:
    found = read(table({"First Name": "Ada", "Phone 1 - Value": "4.47E+11"}, {"First Name": "Bo"}))
    (told,) = [problem for problems in found.damages.values() for problem in problems]
    assert (told.row, told.column, told.code) == (2, "Phone 1 - Value", "damaged_cell")
    assert [contact["phone"] for contact in found.contacts] == ["4.47E+11", None]


@pytest.mark.parametrize(
    ("text", "website"),
    [
        (r"https\://x.example/a,b", "https://x.example/a,b"),
        (r"http\\://x.example", r"http\://x.example"),
        (r"x\://y", r"x\://y"),
    ],
)
def test_an_escaped_colon_of_a_website_is_one(text: str, website: str) -> None:
    contact = only({"First Name": "Ada", "Website 1 - Value": text, "Website 2 - Value": text})
    assert (contact["website"], details(contact, "url")) == (website, [(None, website)])
    assert read(write([contact])).contacts == [contact]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r"])
def test_a_spreadsheet_executes_nothing_of_a_file_that_is_written_for_one(begin: str) -> None:
    text = f"{begin}cmd|' /C calc'!A0"
    contact = only({"First Name": "Ada", "Notes": text, "Labels": text, "Custom Field 1 - Label": text})
    plain, safe = (
        list(csv.reader(io.StringIO(write([contact], spreadsheet), newline=""))) for spreadsheet in (False, True)
    )
    assert text in plain[1]
    assert not [cell for cell in safe[1] if cell.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r"))]
    assert safe[0] == ["\ufeffFirst Name", *plain[0][1:]]
    assert [cell.removeprefix("'") for cell in safe[1]] == plain[1]
