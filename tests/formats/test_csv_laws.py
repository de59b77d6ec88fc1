"""What holds for any table, and for any damage to one."""

from __future__ import annotations

import csv
import io
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Malformed
from offbook.core.model import Operation
from offbook.formats.csv.mapped import read_any
from offbook.formats.csv.mapping import KINDS
from offbook.formats.registry import FORMATS, HEAD, recognize
from offbook.formats.values import Contact, ContactRead
from tests.formats.csv_files import read

HEADINGS = [
    "Full name", "Name", "First Name", "Last Name", "Company", "E-Mail", "Phone", "Work phone", "Street", "Street 2",
    "City", "Address", "Birthday", "Anniversary", "Labels", "Website", "Skype", "Remarks", "Shoe size", "", "Spouse",
    "E-mail Address", "Business Street", "Business City", "Categories", "Priority", "Primary Email", "Birth Year",
    "Birth Month", "Birth Day", "Home Address", "Home Address 2", "Gender", "E-mail Type", "Fax", "Notes", "Title",
]  # fmt: skip
WORDS = [
    "", "", "x", "a@x.example", "a@x.example;b@x.example", "+44 1", "'+44 1", '="1"', "3/4/1980", "13/4/1980", "1980",
    "2", "#ERROR!", "4E+11", "Friends;Chess", "* starred", "* myContacts", "a ::: b", "Normal", "a\nb", "a\0b", "'",
    "x" * 120, "y" * 330, "\ufeff", ";", ",,", '"', "山田", "https://x.example",
]  # fmt: skip
TEXTS = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    header = ["Full name", "Phone", *draw(st.lists(st.sampled_from(HEADINGS), max_size=10))]
    rows = draw(st.lists(st.lists(TEXTS, max_size=len(header) + 2), min_size=1, max_size=4))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=draw(st.sampled_from(",;\t"))).writerows([header, *rows, ["Ada"]])
    return out.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


def read_text(data: bytes) -> list[ContactRead]:
    """What is in a table, unless so much of it is no text that it can't be one."""
    try:
        return read(data)
    except Malformed as fault:
        assume(fault.code != "not_text")
        raise


@given(tables())
def test_what_is_read_can_be_stored_as_it_is(data: bytes) -> None:
    for found in read_text(data):
        assert found.contact is not None
        parse_cells(CONTACTS, found.contact, Operation.INSERT)
        assert {entry["kind"] for entry in found.contact["details"].values()} <= {*KINDS}
        filled = {name: value for name, value in found.contact.items() if value is not None}
        assert FORMATS["csv"].carries.only(filled) == filled


@given(tables())
def test_the_same_file_is_read_alike_twice_and_has_each_contact_once(data: bytes) -> None:
    found = read_text(data)
    assert read(data) == found
    ids = Counter(one.contact["id"] for one in found if one.contact)
    assert set(ids.values()) == {1}


def words(contact: Contact) -> Counter[str]:
    """All that a contact says, letter by letter."""
    texts = [text for name, text in contact.items() if isinstance(text, str) and name not in ("id", "name")]
    texts += [text for entry in contact["details"].values() for text in entry.values() if isinstance(text, str)]
    return Counter("".join(texts))


@given(st.lists(st.sampled_from([*"abcdef", "x@y.example", "12", "ä b"]), min_size=6, max_size=6))
def test_no_cell_is_lost_whatever_column_it_is_in(cells: list[str]) -> None:
    header = ["First Name", "City", "City", "Birthday", "Shoe size", "Company"]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, cells])
    (found,) = read(out.getvalue().encode())
    assert found.contact
    assert Counter("".join(cells)) <= words(found.contact)


SAMPLES = [
    b'sep=;\r\nFull name;E-Mail;Phone;Birthday;Remarks\r\nAda;a@x.example;"+44;1";3/4/1980;"a\r\n""b"""\r\nBo;;2;;\r\n',
    "First Name,Last Name,E-mail Address,Business Street,Categories\nZoë,Größ,a@x.example,1 A St,x;y\n".encode(
        "utf-16"
    ),
    "Vorname;Nachname;E-Mail-Adresse;Straße privat;Geburtstag\r\nZoë;Größ;a@x.example;Weg 1;3.4.1980\r\n".encode(
        "cp1252"
    ),
    "First Name,Labels,Phone 1 - Value\nZoë,x,1\nBo,y,2\n".encode(),
]


@pytest.mark.parametrize("data", SAMPLES)
def test_damage_anywhere_is_refused_in_a_sentence_or_read(data: bytes) -> None:
    for index in range(len(data)):
        head, tail = data[:index], data[index + 1 :]
        flipped = bytes([data[index] ^ (0x01, 0x21, 0x80, 0xFF)[index % 4]])
        for broken in (head, head + flipped + tail, head + b'"\0'[index % 2 : index % 2 + 1] + tail):
            try:
                recognize(broken[:HEAD])
            except Malformed as error:
                assert error.code == "not_importable"
            for name in ("csv", "google"):
                try:
                    for _ in FORMATS[name].read(io.BytesIO(broken)):
                        pass
                except Malformed as error:
                    assert str(error)[0].isupper()


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_a_sentence_or_read(data: bytes) -> None:
    for beginning in (b"", b"Full name,Phone\n", b"\xff\xfe"):
        try:
            for _ in read_any(io.BytesIO(beginning + data)):
                pass
        except Malformed as error:
            assert str(error)
