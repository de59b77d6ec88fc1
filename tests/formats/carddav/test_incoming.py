"""What of a PUT is a card, and why anything else is refused."""

from __future__ import annotations

from base64 import b64encode

import pytest

from offbook.core.errors import Malformed
from offbook.formats.carddav.incoming import read_incoming
from tests.formats.carddav.rich_contact import PHOTO, PICTURE, RICH, V3, card_of

UUID = "0F8FAD5B-D9CB-469F-A165-70867728950E"
CARD = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada\r\nN:;Ada;;;\r\n{}END:VCARD\r\n"


def read(text: str) -> tuple[str, str]:
    with pytest.raises(Malformed) as raised:
        read_incoming(text.encode())
    return raised.value.code, str(raised.value)


def test_what_is_no_card_is_refused() -> None:
    assert read("") == ("not_importable", "This is no card: no line of it is BEGIN:VCARD.")
    assert read("<html></html>")[0] == "not_importable"


def test_half_a_card_is_refused_so_that_nothing_of_the_other_half_is_removed() -> None:
    text = card_of(RICH, V3)
    assert read(text[: len(text) // 2])[0] == "cut_off"
    assert read(text[: len(text) // 2] + "\r\n" + text)[0] == "cut_off"


def test_two_cards_are_refused() -> None:
    assert read(CARD.format("") * 2) == (
        "not_importable",
        "This address holds one contact, and 2 cards were sent: send each alone.",
    )


@pytest.mark.parametrize("line", ["KIND:group", "X-ADDRESSBOOKSERVER-KIND:group"])
def test_the_card_of_a_group_is_refused(line: str) -> None:
    assert read(CARD.format(f"{line}\r\n"))[0] == "group_card"


@pytest.mark.parametrize(("line", "uid"), [("", ""), ("UID:a@b\r\n", "a@b"), (f"UID:urn:uuid:{UUID}\r\n", UUID)])
def test_a_card_has_the_uid_that_it_says(line: str, uid: str) -> None:
    assert read_incoming(CARD.format(line).encode()).uid == uid


def test_a_card_is_a_contact_as_an_import_reads_it() -> None:
    card = read_incoming(CARD.format("TEL:1\r\nnonsense\r\n").encode())
    assert (card.contact["name"], card.contact["phone"]) == ("Ada", "1")
    assert card.contact["details"]["custom-1"]["value"] == "nonsense"
    assert [problem.code for problem in card.problems] == ["unreadable_line"]
    assert not card.is_whole
    assert read_incoming(CARD.format("TEL:1\r\n").encode()).is_whole


def test_a_card_brings_the_bytes_of_its_photo() -> None:
    text = card_of(RICH, V3)
    assert len(read_incoming(text.encode()).blobs) == 1
    line = f"PHOTO:data:image/png;base64,{b64encode(PICTURE).decode()}\r\n"
    assert read_incoming(CARD.format(line).encode()).blobs == {PHOTO: PICTURE}
