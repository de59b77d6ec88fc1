"""Which mapping a file is read by: given before remembered before proposed; and what is remembered."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from offbook.core.errors import Malformed
from offbook.formats.contents import OpenFile
from offbook.formats.csv.mapping import header_key
from offbook.formats.table_mapping import (
    GIVEN_MOST,
    REMEMBERED_BYTES_MAX,
    REMEMBERED_MOST,
    Origin,
    TableMapping,
    choose_mapping,
    parse_given,
    with_remembered,
)
from tests.formats.archive.zips import zip_of

KNOWN = "Full name,Desk,Shoe size\nAda King,030 1234567,38\n"
UNKNOWN = "Wer,Wo,Was\nAda King,London,engines\nGrace Hopper,Arlington,compilers\n"
OUTLOOK = (
    "First Name,Last Name,E-mail Address,E-mail 2 Address,Home Phone,Business Phone,Mobile Phone,Birthday,Gender\n"
    "Ada,King,a@x.example,,555,,,3/4/1980,Unspecified\n"
)
GOOGLE = "First Name,Last Name,Phone 1 - Label,Phone 1 - Value\nAda,King,Home,555\n"
CARD = "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\nEND:VCARD\n"


def file(text: str) -> io.BytesIO:
    return io.BytesIO(text.encode())


def nothing(_: str) -> None:
    """What is remembered where nobody said anything yet."""


def chosen(text: str, format_name: str = "", given: Any = None, kept: Any = nothing) -> TableMapping:
    table = choose_mapping(file(text), format_name, given, kept)
    assert table is not None
    return table


def test_a_mapping_is_proposed_with_every_column_in_order() -> None:
    table = chosen(KNOWN)
    assert (table.origin, list(table.cells.items())) == (
        Origin.PROPOSED,
        [("Full name", "name"), ("Desk", "details.phone"), ("Shoe size", "details.custom:Shoe size")],
    )


def test_what_is_given_comes_before_what_is_remembered_and_that_before_what_is_proposed() -> None:
    kept = {header_key(["Wer", "Wo", "Was"]): json.dumps({"Wer": "name", "Wo": "details.address.city:Home"})}
    remembered = chosen(UNKNOWN, kept=kept.get)
    assert (remembered.origin, remembered.cells) == (
        Origin.REMEMBERED,
        {"Wer": "name", "Wo": "details.address.city:Home", "Was": "details.custom:Was"},
    )
    given = chosen(UNKNOWN, given={"wer": "company"}, kept=kept.get)
    assert (given.origin, given.cells["Wer"]) == (Origin.GIVEN, "company")
    assert chosen(UNKNOWN).origin is Origin.PROPOSED


@pytest.mark.parametrize(
    "text", ["", "[", "null", '{"Elsewhere": "name"}', '{"Wer": "of a later version"}', "[" * 100_000], ids=range(6)
)
def test_what_is_remembered_and_fits_no_more_is_as_if_it_were_not_there(text: str) -> None:
    assert chosen(UNKNOWN, kept=lambda _: text).origin is Origin.PROPOSED


def test_a_table_whose_headings_say_nothing_is_seen_and_not_read() -> None:
    table = chosen(UNKNOWN)
    with pytest.raises(Malformed, match="No column of this file is known to hold names") as caught:
        list(OpenFile(file(UNKNOWN), None, table).items())
    assert caught.value.code == "not_importable"
    source = OpenFile(file(UNKNOWN), None, chosen(UNKNOWN, given={"Wer": "name"}))
    assert [item.contact and item.contact["name"] for item in source.items()] == ["Ada King", "Grace Hopper"]
    assert source.contents([]).new_report().to_json()["mapping"]["Wo"] == "details.custom:Wo"


@pytest.mark.parametrize(
    ("text", "format_name"),
    [
        (CARD, ""),
        (GOOGLE, ""),
        (GOOGLE, "google"),
        (UNKNOWN, "google"),
        ("Dear all, this is\nno table, of any, kind\nat all\n", ""),
        ("Dear all, ...", ""),
        ("Words\nof\none\ncolumn\n", ""),
        ("<html>", ""),
        ("", ""),
    ],
)
def test_what_is_no_table_or_google_s_needs_no_mapping(text: str, format_name: str) -> None:
    assert choose_mapping(file(text), format_name, None, nothing) is None


def test_a_person_s_word_counts_for_a_file_of_google_s_too() -> None:
    given = chosen(GOOGLE, given={"First Name": "name"})
    assert given.origin is Origin.GIVEN
    kept = with_remembered({}, given)
    assert chosen(GOOGLE, kept=kept.get).origin is Origin.REMEMBERED
    assert choose_mapping(file(GOOGLE), "google", None, kept.get) is None


def test_a_program_s_file_keeps_its_ways_under_a_mapping_that_is_given() -> None:
    proposed = chosen(OUTLOOK)
    given = chosen(OUTLOOK, given={**proposed.cells, "Home Phone": "details.phone:Work"})
    assert (given.mapping.layout, given.mapping.is_day_first) == ("outlook", False)
    (item,) = OpenFile(file(OUTLOOK), None, given).items()
    contact = item.contact or {}
    assert (contact["birthday"], contact["phone_label"], contact["details"]) == ("1980-03-04", "Work", {})
    assert OpenFile(file(OUTLOOK), None, given).format.name == "outlook"


@pytest.mark.parametrize(
    ("text", "given", "sentence"),
    [
        (UNKNOWN, {"Wer": "nam"}, "'Wer' can't be 'nam': a cell is one of .* where KIND is one of address, custom"),
        (UNKNOWN, {"Wen": "name"}, "no column 'Wen': it has Wer, Wo, Was"),
        (UNKNOWN, {"Wer": "details.phone:\ud800"}, "can't be"),
        (UNKNOWN, [], "must be an object"),
        (UNKNOWN, {}, "nobody has a name"),
        (UNKNOWN, {"Wo": "details.address.city"}, "nobody has a name"),
        (CARD, {"Wer": "name"}, "only a CSV is read by a mapping"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_in_a_sentence(text: str, given: Any, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence) as caught:
        list(OpenFile(file(text), None, chosen(text, given=given)).items())
    assert caught.value.code == "bad_mapping"
    assert len(str(caught.value)) < 1_500


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"Wer": "name"}', {"Wer": "name"}),
        ('{"format": "csv", "mapping": {"Wer": "name"}}', {"Wer": "name"}),
        ('{"mapping": "name"}', {"mapping": "name"}),
        ("null", []),
    ],
)
def test_a_mapping_is_given_by_itself_or_as_a_rehearsal_answered_it(text: str, value: Any) -> None:
    assert parse_given(text) == value


@pytest.mark.parametrize("text", ["", "{", "9" * 5_000, "[" * 100_000, '"' + "x" * GIVEN_MOST], ids=range(5))
def test_what_is_no_json_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(Malformed, match="The mapping") as caught:
        parse_given(text)
    assert caught.value.code == "bad_mapping"


def test_of_many_mappings_those_that_were_given_last_are_kept() -> None:
    kept: dict[str, str] = {}
    for number in range(REMEMBERED_MOST + 2):
        kept = with_remembered(kept, chosen(f"Full name,Column {number}\nAda,x\n"))
    again = with_remembered(kept, chosen("Full name,Column 2\nAda,x\n", given={"Full name": "company"}))
    assert len(kept) == len(again) == REMEMBERED_MOST
    assert list(again)[-1] == header_key(["Full name", "Column 2"])
    assert json.loads(list(again.values())[-1])["Full name"] == "company"


def test_a_mapping_of_very_many_columns_is_neither_remembered_nor_told() -> None:
    header = ",".join(["Full name", *(f"{number} {'x' * 90}" for number in range(REMEMBERED_BYTES_MAX // 90))])
    text = f"{header}\nAda{',' * header.count(',')}\n"
    table = chosen(text)
    assert with_remembered({table.key: "{}"}, table) == {}
    assert "mapping" not in OpenFile(file(text), None, table).contents([]).new_report().to_json()


def test_a_zip_of_a_book_needs_no_mapping_and_takes_none() -> None:
    with pytest.raises(Malformed, match="only a CSV is read by a mapping"):
        choose_mapping(io.BytesIO(zip_of({})), "", {"Wer": "name"}, nothing)
    assert choose_mapping(io.BytesIO(zip_of({})), "", None, nothing) is None
