"""Files as programs save them: encodings, line ends, delimiters, headers; and files that are none."""

from __future__ import annotations

import io
import time

import pytest

from offbook.core.errors import Malformed
from offbook.formats.csv.dialect import CELL_MAX, CHUNK, LINE_MAX, name_columns, text_lines
from offbook.formats.registry import FORMATS, recognize
from tests.formats.csv_files import read

NAMES = "Full name;Phone;Remarks\r\nZoë Größ;1;a\r\nBo;2;é\r\n"


def names(data: bytes) -> list[str]:
    return [str(found.contact["name"]) for found in read(data) if found.contact]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"], ids=lambda encoding: encoding
)
def test_a_file_is_read_however_it_was_saved(encoding: str, end: str, delimiter: str) -> None:
    text = NAMES.replace("\r\n", end).replace(";", delimiter)
    assert names(text.encode(encoding)) == ["Zoë Größ", "Bo"]
    assert recognize(text.encode(encoding)) is FORMATS["csv"]


def test_one_line_in_another_encoding_does_not_spoil_the_others() -> None:
    assert names("Name\r\nZoë\r\n".encode() + "Größ\r\n".encode("cp1252") + b"\x81\x8d\r\n") == [
        "Zoë",
        "Größ",
        "\x81\x8d",
    ]


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\r\n', "SEP=;\n", "\r\n\r\nsep=;\r\n", "\n", " \r\n;;;\r\n"])
def test_what_stands_before_the_header_is_passed_over(line: str) -> None:
    assert names(f"{line}{NAMES}".encode()) == ["Zoë Größ", "Bo"]


def test_a_row_is_counted_as_a_spreadsheet_does() -> None:
    text = 'sep=,\r\n\r\nName,Notes\r\nAda,x\r\n\r\n,\r\nBo,"a\r\nb"\r\nCy,x\r\n'
    assert [found.row for found in read(text.encode())] == [3, 6, 7]


@pytest.mark.parametrize(
    "heading", [" first  NAME", "First\u00a0Name", "\ufeffFirst Name", "ＦＩＲＳＴ name", "first\nname"]
)
def test_a_heading_is_known_in_any_case_and_with_any_gaps(heading: str) -> None:
    found = read(f'"{heading}",E-Mail\nAda,a@x.example\n'.encode())
    assert found[0].contact
    assert (found[0].contact["given_name"], found[0].contact["email"]) == ("Ada", "a@x.example")


def test_columns_have_names_that_differ() -> None:
    header = ["Phone", "phone ", "", "Phone (2)", "Phone", ""]
    assert name_columns(header) == ["Phone", "phone (2)", "Column 3", "Phone (2) (2)", "Phone (3)", "Column 6"]


@pytest.mark.parametrize(
    ("data", "code", "sentence"),
    [
        (b"", "not_importable", "nothing in this file"),
        (b" \r\n", "not_importable", "nothing in this file"),
        (b"\n,,,\n", "not_importable", "no table"),
        (b"<!DOCTYPE html><html>", "not_importable", "web page"),
        (b"PK\x03\x04rest", "not_importable", "Excel"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 2, "not_text", "not text"),
        (b"Name,Phone\n", "not_importable", "no contact in this file"),
        (b"Name,Phone\n,\n \n", "not_importable", "no contact in this file"),
        (b"Name,Phone\nAda", "cut_off", "row 2"),
        (b"Name,Phone", "cut_off", "row 1"),
        (b'Name,Phone\nAda,"1\nBo,2\n', "cut_off", "row 2"),
        ("Name,Phone\nZoë,1\nAda,ë".encode()[:-1], "cut_off", "middle of a character"),
        ("Name,Phone\nZoë,1\n".encode("utf-16")[:-1], "cut_off", "middle of a character"),
        (b'Name,Phone\nAda,"1"2\n', "broken_csv", "near line 2"),
        (b"Colour,Size\nred,3\n", "not_importable", "Say what its columns are"),
        (b"Ada,a@x.example\nBo,b@x.example\n", "not_importable", "first row of this file is a contact"),
        (b"BEGIN:VCARD\nFN:Ada\nEND:VCARD\n", "not_importable", "Say what its columns are"),
        (b'{"name": "Ada", "email": "a@x.example"}\n', "not_importable", "Say what its columns are"),
        (b",".join([b"Name"] * 2001) + b"\nAda\n", "broken_csv", "2001 columns, and 2000 is the most"),
        (b"Name,Notes\nAda" + b"," * 2000 + b"\n", "broken_csv", "2001 columns, and 2000 is the most"),
        (b"Name,Notes\nAda," + b"x" * (CELL_MAX + 1) + b"\n", "broken_csv", "near line 2"),
        (b"Name,Notes\nAda," + b"x" * LINE_MAX, "broken_csv", "more than 20 MB"),
    ],
)
def test_what_is_no_table_of_contacts_is_refused_in_a_sentence(data: bytes, code: str, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence) as caught:
        read(data)
    assert caught.value.code == code


@pytest.mark.parametrize("text", ["Name,Notes\nAda,Zo\xeb", "Name,Notes\nGr\xf6\xdf,x\nAda,Zo\xeb"])
def test_an_accent_at_the_very_end_is_a_cut_only_where_the_file_is_utf8(text: str) -> None:
    data = text.encode("cp1252")
    if "ß" in text:
        assert names(data) == ["Größ", "Ada"]
    else:
        with pytest.raises(Malformed, match="middle of a character"):
            read(data)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_lines_are_the_same_wherever_a_file_is_read_in_two(end: bytes) -> None:
    for length in range(CHUNK - 3, CHUNK + 3):
        lines = [b"x" * length + end, end, b"y" + end, b"z"]
        assert list(text_lines(io.BytesIO(b"".join(lines)))) == [line.decode() for line in lines]


@pytest.mark.parametrize(
    "line", [b"," * 20, b'""' * 1000, b"x" * 1000, b"a@x.example;" * 100, b"x ::: y" * 100, b"=" * 1000, b"'" * 1000]
)
def test_hostile_files_end_in_linear_time(line: bytes) -> None:
    """The larger file takes about four times as long; eight times tells what grows with the square."""

    def seconds(count: int) -> float:
        start = time.process_time()
        for _ in read(b"Name,Phone,E-Mail,Labels\n" + b"Ada,1,a," + line * count + b"\n"):
            pass
        return time.process_time() - start

    small = min(seconds(20) for _ in range(3))
    assert min(seconds(80) for _ in range(3)) < 0.02 + 8 * small
