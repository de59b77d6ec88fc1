"""Any other table: what is proposed for its columns, a mapping that somebody gives, and what is told of its cells."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from offbook.core.errors import Malformed
from offbook.formats.csv.cell_texts import cell_text, options_of
from offbook.formats.csv.dates import parse_date
from offbook.formats.csv.mapped import look_at
from offbook.formats.csv.mapping import FIELDS, header_key, parse_mapping, parse_target
from offbook.formats.csv.proposing import propose
from tests.formats.csv_files import details, filled, proposed, read, read_one, table, told

# --- proposals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("Full name", "name"),
        ("FIRSTNAME", "given_name"),
        ("first_name", "given_name"),
        ("Prénom", "given_name"),
        ("Apellidos", "family_name"),
        ("Organisation", "company"),
        ("Date of birth", "birthday"),
        ("Geburtsdatum", "birthday"),
        ("Bemerkungen", "notes"),
        ("Étiquettes", "details.group"),
        ("E-Mail", "details.email"),
        ("email_address", "details.email"),
        ("Email 2", "details.email"),
        ("Work e-mail", "details.email:Work"),
        ("E-Mail (privat)", "details.email:Home"),
        ("Telefon geschäftlich", "details.phone:Work"),
        ("Téléphone (domicile)", "details.phone:Home"),
        ("Home phone 2", "details.phone:Home"),
        ("Handy", "details.phone:Mobile"),
        ("Mobile phone (private)", "details.phone:Mobile"),
        ("Fax", "details.phone:Fax"),
        ("Fax (Büro)", "details.phone:Work Fax"),
        ("Company phone", "details.phone:Work"),
        ("Website", "details.url"),
        ("PLZ", "details.address.postcode"),
        ("Home ZIP code", "details.address.postcode:Home"),
        ("Work city", "details.address.city:Work"),
        ("Address", "details.address"),
        ("Phone type", "details.custom:Phone type"),
        ("Shoe size", "details.custom:Shoe size"),
        ("<b>email</b>", "details.custom:<b>email</b>"),
    ],
)
def test_a_heading_says_what_its_column_is(heading: str, cell: str) -> None:
    assert proposed([heading]) == [cell]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        (["Vorname", "Name"], ["given_name", "family_name"]),
        (["Name", "Vorname", "Nachname"], ["name", "given_name", "family_name"]),
        (["Prénom", "Nom"], ["given_name", "family_name"]),
        (["Nom", "Téléphone"], ["name", "details.phone"]),
        (["Nombre", "Apellidos"], ["given_name", "family_name"]),
        (["Address", "City"], ["details.address.street", "details.address.city"]),
        (["Work address", "City"], ["details.address:Work", "details.address.city"]),
    ],
)
def test_headings_are_understood_beside_each_other(header: list[str], cells: list[str]) -> None:
    assert proposed(header) == cells


def test_where_a_heading_says_nothing_the_first_rows_do() -> None:
    header = ["A", "B", "C", "D", "Mail sent", "Phone", "E"]
    rows = [
        ["a@x.example", "+44 20 7946", "https://x.example", "2001-02-03", "yes", "none", ""],
        ["b@x.example", "", "www.y.example", "2001-02-04", "no", "none", "x"],
    ]
    assert proposed(header, *rows) == [
        "details.email", "details.phone", "details.url", "details.custom:D", "details.custom:Mail sent",
        "details.custom:Phone", "details.custom:E",
    ]  # fmt: skip


def test_a_file_can_be_looked_at_before_it_is_read(tmp_path: Any) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(table(*({"Name": f"n{number}", "Phone": str(number)} for number in range(30))))
    with path.open("rb") as file:
        sheet = look_at(file)
    assert (sheet.header, sheet.columns, len(sheet.first_rows)) == (["Name", "Phone"], ["Name", "Phone"], 20)
    assert sheet.first_rows[0] == ["n0", "0"]


def test_a_header_is_known_again_by_its_key() -> None:
    key = header_key(["Name", "Phone", "Phone"])
    assert key == header_key([" name", "PHONE", "phone"])
    assert len({key, header_key(["Phone", "Name", "Phone"]), header_key(["Name", "Phone"]), header_key([])}) == 4


# --- mappings --------------------------------------------------------------------------------------------------------


def test_a_mapping_says_what_columns_are() -> None:
    row = {"Who": "Ada King", "Desk": "1", "Town": "Alba", "Road": "1 A St", "Code": "x", "Row": "7", "Else": "e"}
    cells = {
        "who": "name", "Desk": "details.phone:Work", "Town": "details.address.city:Home",
        "Road": "details.address.street:Home", "Code": "details.custom:Door", "Row": None,
    }  # fmt: skip
    contact = read_one(row, cells)
    assert filled(contact) == {"name": "Ada King", "phone": "1", "phone_label": "Work"}
    assert details(contact) == [
        ("address", "Home", "Alba", "1 A St"), ("custom", "Door", "x"), ("custom", "Else", "e"),
    ]  # fmt: skip


def test_a_proposal_is_a_mapping_that_can_be_given() -> None:
    header = ["Name", "Work phone", "Street", "Birthday", "Shoe size"]
    mapping = propose(header, ())
    assert parse_mapping(json.loads(json.dumps(dict(mapping.cells))), header).cells == mapping.cells


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "must be an object"),
        ("name", "must be an object"),
        ({"Nobody": "name"}, "no column 'Nobody': it has Name, Phone"),
        ({"Phone": "telephone"}, "'Phone' can't be 'telephone'"),
        ({"Phone": 7}, "'Phone' can't be '7'"),
        ({"Phone": "details.telephone"}, "can't be"),
        ({"Phone": "details.phone.street"}, "can't be"),
        ({"Phone": "details.property:X"}, "can't be"),
        ({"Phone": "photo"}, "can't be"),
        ({"Phone": "details.custom:" + "x" * 101}, "can't be"),
    ],
)
def test_a_mapping_that_is_none_is_refused_in_a_sentence(value: object, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence) as caught:
        parse_mapping(value, ["Name", "Phone"])
    assert caught.value.code == "bad_mapping"


def test_every_field_that_is_offered_is_a_cell() -> None:
    assert all(parse_target(field) for field in FIELDS)
    assert "photo" not in FIELDS


# --- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "month_first", "day_first"),
    [
        ("1980-02-03", "1980-02-03", "1980-02-03"),
        ("1980/2/3", "1980-02-03", "1980-02-03"),
        ("19800203", "1980-02-03", "1980-02-03"),
        ("1980-02-03 00:00:00", "1980-02-03", "1980-02-03"),
        ("1980-02-03T00:00:00Z", "1980-02-03", "1980-02-03"),
        ("2/3/1980 12:00:00 AM", None, None),
        ("2/3/1980", "1980-02-03", "1980-03-02"),
        ("2/13/1980", "1980-02-13", "1980-02-13"),
        ("13/2/1980", "1980-02-13", "1980-02-13"),
        ("3-2-1980", "1980-03-02", "1980-02-03"),
        ("3.2.1980", "1980-02-03", "1980-02-03"),
        ("3. 2. 1980", "1980-02-03", "1980-02-03"),
        ("3.2.", "--02-03", "--02-03"),
        ("2/3", "--02-03", "--03-02"),
        ("--02-29", "--02-29", "--02-29"),
        ("--0229", "--02-29", "--02-29"),
        ("0/0/00", "", ""),
        ("00.00.0000", "", ""),
        ("0000-00-00", "", ""),
        ("1981-02-29", None, None),
        ("2/3/80", None, None),
        ("13/13/1980", None, None),
        ("spring", None, None),
        ("198022", None, None),
        ("1980-00-00", None, None),
        ("٣/٤/١٩٨٠", None, None),
    ],
)
def test_dates_are_read_as_programs_write_them(text: str, month_first: str | None, day_first: str | None) -> None:
    assert parse_date(text, False) == month_first
    assert parse_date(text, True) == day_first


@pytest.mark.parametrize(
    ("other", "birthday"), [("13/2/1980", "1980-04-03"), ("2/13/1980", "1980-03-04"), ("4/4/1980", None)]
)
def test_the_order_of_dates_is_told_by_the_others_of_the_file(other: str, birthday: str | None) -> None:
    data = table({"Name": "Ada", "DOB": "3/4/1980"}, {"Name": "Bo", "DOB": other})
    ada = read(data)[0]
    assert ada.contact
    assert ada.contact["birthday"] == birthday
    if birthday is None:
        assert details(ada.contact) == [("custom", "DOB", "3/4/1980")]
        assert told(data) == [(2, "DOB", "bad_date")]
        assert "'3/4/1980' is no date that can be read for sure" in ada.problems[0].detail


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"Phone": "'+44 20 7946"}, "+44 20 7946"),
        ({"Phone": '="+44 20 7946"'}, "+44 20 7946"),
        ({"Phone": '="0044"'}, "0044"),
        ({"Phone": "'020 7946"}, "020 7946"),
    ],
)
def test_what_kept_a_number_from_a_spreadsheet_is_taken_off(row: dict[str, str], expected: str) -> None:
    assert read_one({"Name": "Ada", **row})["phone"] == expected


def test_an_apostrophe_that_is_text_stays() -> None:
    contact = read_one({"Full name": "'t Hooft", "Remarks": "'90s band"})
    assert (contact["name"], contact["notes"]) == ("'t Hooft", "'90s band")


@pytest.mark.parametrize("text", ["4.47E+11", "4,47E+11", "4E+11", "#ERROR!", "#NAME?", "#N/A"])
def test_what_a_spreadsheet_has_damaged_is_told_and_kept(text: str) -> None:
    data = table({"Name": "Bo", "Phone": "1"}, {"Name": "Ada", "Phone": text})
    ada = read(data)[1]
    assert ada.contact
    assert ada.contact["phone"] == text
    assert told(data) == [(3, "Phone", "damaged_cell")]
    assert text in ada.problems[0].detail


def test_what_has_no_place_is_kept_under_its_name_and_told() -> None:
    data = (
        "Full name,Phone,Company,Company,Birthday,City,City,Remarks\n"
        f"Ada,1\x002,Engines,Looms,spring,Alba,Berta,{'n' * 20_001},,beyond\n"
    ).encode()
    (found,) = read(data)
    assert found.contact
    assert filled(found.contact) == {"name": "Ada", "phone": "1\ufffd2", "company": "Engines"}
    assert details(found.contact) == [
        ("custom", "Company (2)", "Looms"), ("custom", "Birthday", "spring"), ("address", "", "Alba"),
        ("custom", "City (2)", "Berta"), ("custom", "Remarks", "n" * 20_001), ("custom", "Column 10", "beyond"),
    ]  # fmt: skip
    assert told(data) == [
        (2, "Phone", "bad_text"), (2, "Company (2)", "second_value"), (2, "Birthday", "bad_date"),
        (2, "City (2)", "second_value"), (2, "Remarks", "too_long"), (2, "Column 10", "no_heading"),
    ]  # fmt: skip


def test_what_is_too_long_for_any_place_is_told_and_the_rest_goes_on() -> None:
    data = table({"Full name": "Ada", "Street": "s" * 70_000, "Remarks": "n" * 70_000}, {"Full name": "Bo"})
    assert told(data) == [(2, "Street", "too_long"), (2, "Remarks", "too_long")]
    assert [filled(found.contact or {}) for found in read(data)] == [{"name": "Ada"}, {"name": "Bo"}]


def test_a_street_that_grows_too_long_line_by_line_is_kept_beside() -> None:
    data = table({"Full name": "Ada", "City": "Alba", "Street": "s" * 300, "Street 2": "t" * 300})
    (found,) = read(data)
    assert found.contact
    assert details(found.contact) == [("address", "", "Alba", "s" * 300), ("custom", "Street 2", "t" * 300)]
    assert told(data) == [(2, "Street 2", "too_long")]


def test_the_five_hundredth_detail_is_the_last() -> None:
    data = table({"Full name": "Ada", "Labels": ";".join(map(str, range(600)))})
    (found,) = read(data)
    assert found.contact
    assert len(found.contact["details"]) == 500
    assert told(data) == [(2, "", "too_many_entries")]


def test_several_addresses_and_labels_in_one_cell_are_several() -> None:
    contact = read_one({"Full name": "Ada", "E-Mail": "a@x.example; b@x.example", "Labels": "Friends, Chess; Friends"})
    assert contact["email"] == "a@x.example"
    assert details(contact) == [("email", "", "b@x.example"), ("group", "", "Friends"), ("group", "", "Chess")]


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"Company": "Engines", "E-Mail": "a@x.example"}, "Engines"),
        ({"E-Mail": "a@x.example", "Phone": "1"}, "a@x.example"),
        ({"Phone": "1", "Remarks": "n"}, "1"),
        ({"First name": "Ada", "Last name": "King", "Remarks": "n"}, "Ada King"),
    ],
)
def test_a_contact_always_has_a_name(row: dict[str, str], name: str) -> None:
    assert read_one(row)["name"] == name


# --- ids -------------------------------------------------------------------------------------------------------------


def test_the_id_of_a_row_follows_from_its_cells() -> None:
    """Another id here, and every file that anybody imported before comes in once more."""
    contact = read_one({"Full name": "Ada", "Phone": "1", "Remarks": ""})
    assert contact["id"] == str(UUID(contact["id"]))
    assert contact["id"] == "6962ddf5-e9b4-5f9a-9b75-247464d1bd21"
    assert read_one({"Phone": "1", "FULL NAME": "Ada "}, {"Phone": "details.custom:x"})["id"] == contact["id"]
    assert read_one({"Full name": "Ada", "Phone": "2"})["id"] != contact["id"]


def test_a_row_that_stands_twice_is_one_contact() -> None:
    row = {"Full name": "Ada", "Phone": "1"}
    assert len(read(table(row, row, {**row, "Remarks": "another"}))) == 2


def test_a_table_that_looks_like_a_program_s_and_has_names_of_its_own_is_read_by_these() -> None:
    (found,) = read(b"Full name,Phone,Birthday,Spouse,Business Street\nAda,,,,\n")
    assert found.contact
    assert found.contact["name"] == "Ada"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("", "Leave out"),
        ("name", "Name"),
        ("birthday.year", "Birthday: year"),
        ("details.phone", "Phone"),
        ("details.phone:Work", "Phone (Work)"),
        ("details.group", "Labels"),
        ("details.address:Home", "Address, whole (Home)"),
        ("details.address.city", "Address: city"),
        ("details.custom:Door", "Custom field (Door)"),
        ("of a later version", "of a later version"),
    ],
)
def test_a_cell_has_words(cell: str, text: str) -> None:
    assert cell_text(cell) == text


@pytest.mark.parametrize("cell", ["name", "", "details.custom:Who", "details.phone:Boat", "details.custom:Other"])
def test_what_a_column_is_stands_once_among_what_it_may_be_and_all_of_that_are_cells(cell: str) -> None:
    offered = [option for _, options in options_of("Who", cell) for option in options]
    assert [option.cell for option in offered].count(cell) == 1
    assert all(parse_target(option.cell) is not None for option in offered)
    assert len({option.cell for option in offered}) == len(offered) > 60
