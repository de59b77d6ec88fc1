"""Every format is held to the same: what it carries comes back, what it does not carry is told, and it knows itself."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given

from offbook.contacts.table import CONTACTS, DETAIL_KINDS
from offbook.core.errors import Malformed
from offbook.formats.registry import FORMATS, HEAD, WRITERS, Format, recognize
from offbook.formats.values import Contact, Written
from tests.formats.contacts_said import no_blob, said
from tests.formats.vcard_strategies import contacts

ALL = list(FORMATS.values())
each_format = pytest.mark.parametrize("format_", [FORMATS[name] for name in WRITERS], ids=lambda format_: format_.name)
"""Each that is written too."""


def write(format_: Format, *contacts: Contact) -> Written:
    return WRITERS[format_.name](contacts, no_blob)


def file_of(format_: Format, *contacts: Contact) -> io.BytesIO:
    return io.BytesIO(write(format_, *contacts).text.encode())


@each_format
@given(contacts())
def test_what_a_format_carries_is_read_back_as_it_was_written(format_: Format, contact: Contact) -> None:
    carried = format_.carries.only(contact)
    written = write(format_, carried)
    assert written.left_out == []
    (found,) = format_.read(io.BytesIO(written.text.encode()))
    assert found.contact is not None
    assert found.problems == ()
    assert said(format_.carries.only(found.contact)) == said(carried)


@each_format
@given(contacts())
def test_what_a_format_leaves_out_is_told_by_contact_and_field(format_: Format, contact: Contact) -> None:
    told = write(format_, contact).left_out
    carried = format_.carries.only(contact)
    missing = {name for name, value in contact.items() if value and name not in carried}
    for key, entry in contact["details"].items():
        if key not in carried["details"]:
            missing.add(f"details/{key}")
        else:
            missing |= {f"details/{key}/{name}" for name in entry.keys() - carried["details"][key].keys()}
    assert {left_out.field for left_out in told} == missing
    assert {left_out.contact for left_out in told} <= {contact["id"]}


@each_format
def test_no_contacts_make_a_file_of_none(format_: Format) -> None:
    """A file of cards without a card is no file; a CSV has its header."""
    try:
        assert list(format_.read(file_of(format_))) == []
    except Malformed as error:
        assert error.code == "not_importable"


@each_format
def test_a_format_knows_its_own_files_and_no_others(format_: Format) -> None:
    head = file_of(format_, {"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "name": "Ada", "details": {}}).read(HEAD)
    recognizing = {other.name for other in ALL if other.recognizes(head)}
    assert format_.name in recognizing
    assert {FORMATS[name].suffix for name in recognizing} == {format_.suffix}
    assert recognize(head).suffix == format_.suffix


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_cards_are_known_in_any_encoding(encoding: str) -> None:
    assert recognize("BEGIN:VCARD\r\nFN:Zoë\r\nEND:VCARD\r\n".encode(encoding)).suffix == ".vcf"


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (b"", "nothing in this file"),
        (b"\xef\xbb\xbf \r\n", "nothing in this file"),
        (b"\n<!DOCTYPE HTML><html>", "web page"),
        (b"<html><body>Sign in", "web page"),
        (b"PK\x03\x04\x14", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1", "Excel"),
        (b"Dear all, ...", "no file of contacts that offbook knows"),
        (b"%PDF-1.7", "no file of contacts that offbook knows"),
    ],
)
def test_another_file_is_refused_in_a_sentence(head: bytes, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence) as caught:
        recognize(head)
    assert caught.value.code == "not_importable"


def test_cards_carry_all_of_a_contact() -> None:
    for name in ("vcard3", "vcard4"):
        carries = FORMATS[name].carries
        assert carries.fields == CONTACTS.by_name.keys()
        assert carries.kinds == {*DETAIL_KINDS}


def test_rows_that_can_not_be_taken_are_told_with_the_contacts() -> None:
    file = io.BytesIO(f"First Name,Notes\nAda,a\nBo,{'x' * 20_001}\n".encode())
    told: list[Any] = [problem for found in FORMATS["google"].read(file) for problem in found.problems]
    assert [(problem.row, problem.code) for problem in told] == [(3, "bad_row")]
    assert "20001 characters" in told[0].detail
