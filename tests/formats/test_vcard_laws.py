"""Cards: nothing is lost on the way in and out, of any version, and damage takes nothing but what is damaged."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import pytest
from hypothesis import example, given

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Malformed
from offbook.core.model import Operation
from offbook.formats.values import Contact, ContactRead, Written
from offbook.formats.vcard.canonical import canonical_file
from offbook.formats.vcard.files import read
from offbook.formats.vcard.writing import V3, V4, write_cards
from tests.formats.contacts_said import no_blob, said
from tests.formats.vcard_strategies import cards, contacts

VERSIONS = (V3, V4)
ORDERS = ((V3,), (V4,), (V3, V4, V3), (V4, V3, V4))


def read_all(data: bytes | str) -> list[ContactRead]:
    return list(read(io.BytesIO(data.encode() if isinstance(data, str) else data)))


def write(found: Sequence[ContactRead], version: str) -> Written:
    blobs = {digest: data for one in found for digest, data in one.blobs.items()}
    return write_cards([one.contact for one in found if one.contact], version, lambda digest: blobs.get(digest))


@pytest.mark.parametrize("version", VERSIONS)
@given(contacts())
def test_any_contact_is_read_back_as_it_was_written(version: str, contact: Contact) -> None:
    written = write_cards([contact], version, no_blob)
    assert written.left_out == []
    (found,) = read_all(written.text)
    assert found.problems == ()
    assert found.contact is not None
    assert said(found.contact) == said(contact)


@given(cards())
@example(b"BEGIN:VCARD\nitem1.TEL:1\nitem1.EMAIL:a\nitem1.X-ABLabel:b\nitem1.X-FOO:c\nEND:VCARD\n")
@example(
    b"BEGIN:VCARD\nADR;TYPE=home:;;a;;;;\nADR;TYPE=home:;;b;;;;\nLABEL;TYPE=home:c\nLABEL;TYPE=work:d\nEND:VCARD\n"
)
def test_a_card_that_goes_out_says_what_it_said_when_it_came_in(card: bytes) -> None:
    expected = canonical_file(io.BytesIO(card))
    for order in ORDERS:
        data = card
        for version in order:
            written = write(read_all(data), version)
            assert {left_out.field for left_out in written.left_out} <= {"details/custom-1", "details/custom-2"}
            data = written.text.encode()
        assert canonical_file(io.BytesIO(data)) == expected, order


@given(cards().filter(lambda card: b"item" not in card.lower() and b"g." not in card))
def test_what_was_read_once_reads_the_same_ever_after(card: bytes) -> None:
    """But for groups: one of which only a single member has anything to say is gone the second time."""
    found = read_all(card)
    kept = [without_unreadable(one.contact) for one in found if one.contact]
    for version in VERSIONS:
        again = [one.contact for one in read_all(write(found, version).text) if one.contact]
        assert list(map(said, again)) == list(map(said, kept))


def without_unreadable(contact: Contact) -> Contact:
    details = {key: entry for key, entry in contact["details"].items() if entry.get("label") != "unreadable"}
    return {**contact, "details": details}


@given(cards())
def test_what_is_read_can_be_stored_as_it_is(card: bytes) -> None:
    for found in read_all(card):
        assert found.contact is not None
        parse_cells(CONTACTS, found.contact, Operation.INSERT)


@given(cards())
def test_what_is_written_keeps_the_form_that_is_asked_of_it(card: bytes) -> None:
    """CRLF, at most 75 octets a line, each character whole, and every line a property (RFC 6350, section 3)."""
    for version in VERSIONS:
        data = write(read_all(card), version).text.encode()
        lines = data.split(b"\r\n")
        assert lines[:2] == [b"BEGIN:VCARD", f"VERSION:{version}".encode()]
        assert lines[-2:] == [b"END:VCARD", b""]
        assert b"\n" not in b"".join(lines)
        for line in lines:
            assert len(line) <= 75
            line.decode()
        for line in data.replace(b"\r\n ", b"").split(b"\r\n")[:-1]:
            assert re.match(rb"([\w-]+\.)?[\w-]+(;[\w-]+=([^\";:]|\"[^\"]*\")*)*:", line)


@given(cards(), cards(), cards())
def test_damage_anywhere_is_refused_or_takes_no_card_that_stands_before_it(
    first: bytes, second: bytes, third: bytes
) -> None:
    data = first + second + third
    (whole, *_) = read_all(first)
    for index in range(len(first) + 1, len(data), 1 + len(data) // 30):
        for broken in (data[:index], data[:index] + bytes([data[index] ^ 0x21]) + data[index + 1 :]):
            try:
                found = read_all(broken)
            except Malformed as error:
                assert error.code == "cut_off"
                continue
            assert found[0] == whole
