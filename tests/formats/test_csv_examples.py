"""Tables with one quirk of a real program each, read as their expectations say."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from offbook.formats.google_csv.writing import write
from offbook.formats.registry import FORMATS, HEAD, recognize
from offbook.formats.values import Contact, ContactRead
from tests.formats.test_vcard_examples import as_expected, details
from tests.support.google_files import decode, read

DATA = Path(__file__).parents[3] / "shared" / "data" / "csvs"
EXPECTED: Mapping[str, Any] = json.loads((DATA / "expected.json").read_text()) if DATA.exists() else {}
pytestmark = pytest.mark.skipif(not EXPECTED, reason=f"the files are not at {DATA}")

OF_ITS_OWN = {
    "14-birthdays.csv", "19-long-note.csv", "22-duplicate-headers.csv", "25-spaces.csv", "31-many-values.csv",
    "26-same-person-a.csv + 26-same-person-b.csv",
}  # fmt: skip
"""What expectations say in words, or leave open."""


def read_file(name: str) -> list[ContactRead]:
    data = (DATA / name).read_bytes()
    return list(recognize(data[:HEAD]).read(io.BytesIO(data)))


def contacts(name: str) -> list[Contact]:
    return [found.contact for found in read_file(name) if found.contact]


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - OF_ITS_OWN))
def test_a_table_is_read_as_expected(name: str) -> None:
    expected = EXPECTED[name]
    found = contacts(name)
    assert len(found) == len(expected)
    for contact, wanted in zip(found, expected, strict=True):
        wanted = {key: value for key, value in wanted.items() if key not in ("_or", "photo_url", "addresses")}
        assert as_expected(contact, wanted) == wanted


def test_each_file_is_known_for_what_it_is() -> None:
    known = {path.name: recognize(path.read_bytes()[:HEAD]).name for path in sorted(DATA.glob("*.csv"))}
    assert {name: format_ for name, format_ in known.items() if format_ != "google"} == {
        "11-outlook-com.csv": "outlook",
        "12-thunderbird.csv": "thunderbird",
    }
    assert len(known) == 24
    assert known.keys() - {"28-header-only.csv"} == {name for name in known if contacts(name)}


def test_addresses_in_one_set_of_cells_are_two() -> None:
    (contact,) = contacts("02-addresses.csv")
    ((label, first), (_, second)) = EXPECTED["02-addresses.csv"][0]["addresses"]
    entries = list(details(contact, "address"))
    assert [{name: entry[name] for name in first} for entry in entries] == [first, second]
    assert [entry["label"] for entry in entries] == [label, label]


def test_birthdays_are_dates_or_kept_as_they_were_typed() -> None:
    for contact, wanted in zip(contacts("14-birthdays.csv"), EXPECTED["14-birthdays.csv"], strict=True):
        kept = [entry["value"] for entry in details(contact, "custom")]
        ways = wanted["birthday"].split(" or ")
        assert contact["birthday"] in ways or (contact["birthday"] is None and len(kept) == 1)
        if ways[0].startswith("custom:"):
            assert kept == [ways[0].removeprefix("custom:")]
        elif len(ways) == 1 and ways != ["custom"]:
            assert contact["birthday"] == ways[0]


def test_a_note_that_is_too_long_is_told_with_its_row() -> None:
    told, ok = sorted(read_file("19-long-note.csv"), key=lambda found: found.contact is not None)
    assert [(problem.row, problem.code) for problem in told.problems] == [(2, "bad_row")]
    assert ok.contact
    assert (ok.contact["name"], ok.contact["notes"]) == ("Ok", "k")


def test_the_second_of_two_equal_headings_is_kept() -> None:
    (contact,) = contacts("22-duplicate-headers.csv")
    assert contact["phone"] == "1"
    assert [(entry["label"], entry["value"]) for entry in details(contact, "custom")] == [("Phone 1 - Value", "2")]


def test_marks_of_direction_are_kept_and_come_back() -> None:
    (contact,) = contacts("25-spaces.csv")
    assert (contact["name"], contact["phone"]) == ("Vorn Hinten", "\u202a+49 30 1\u202c")
    assert read(write([contact])).contacts == [contact]


def test_a_hundred_and_fifty_values_are_as_many() -> None:
    (contact,) = contacts("31-many-values.csv")
    assert [entry["value"] for entry in details(contact, "phone")] == [str(number) for number in range(150)]


def test_one_person_in_two_files_is_two_contacts_of_which_the_import_tells() -> None:
    first, second = contacts("26-same-person-a.csv") + contacts("26-same-person-b.csv")
    assert (first["name"], first["phone"]) == (second["name"], second["phone"]) == ("Dupli Kat", "1")
    assert first["id"] != second["id"]


def test_the_address_of_a_photo_is_kept() -> None:
    (contact,) = contacts("27-new-google-full.csv")
    assert ("Photo", "https://photos.example/x") in [
        (entry["label"], entry["value"]) for entry in details(contact, "custom")
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in DATA.glob("*.csv")))
def test_what_an_example_says_comes_back_from_an_export(name: str) -> None:
    found = contacts(name)
    assert read(write(found)).contacts == [
        {**contact, "details": again["details"]}
        for contact, again in zip(found, read(write(found)).contacts, strict=True)
    ]


def test_googles_reader_and_its_format_read_alike() -> None:
    data = (DATA / "27-new-google-full.csv").read_bytes()
    assert read(decode(data)).contacts == [found.contact for found in FORMATS["google"].read(io.BytesIO(data))]
