"""The card that a device is served, its ETag, and whether it is the bytes that came."""

from __future__ import annotations

from hashlib import sha256

import pytest

from offbook.formats.carddav.serving import (
    CardForm,
    ETag,
    etag,
    form_id,
    is_served_as_sent,
    parse_etag,
    serve,
)
from tests.formats.carddav.rich_contact import FORMS, RICH, V3, V4, card_of, fetch_photo

OUTPUT = "0e7919c2"
FORM_IDS = ["92189688", "bf95aed3"]
"""Of the bytes of a contact with everything in it, and its forms. Whoever has to change the first raises WRITER as
well: devices keep cards by their ETags, and would not read another one."""


def test_another_output_needs_another_version_of_the_writer() -> None:
    cards = "".join(card_of(RICH, form) for form in FORMS)
    assert (sha256(cards.encode()).hexdigest()[:8], [form_id(form) for form in FORMS]) == (OUTPUT, FORM_IDS)


def test_a_form_is_known_by_all_that_the_bytes_depend_on() -> None:
    forms = [V3, V4, CardForm(groups="cards"), CardForm(photos="none")]
    ids = {*map(form_id, forms), form_id(V3, writer="another")}
    assert len(ids) == 5
    assert {len(id_) for id_ in ids} == {8}


def test_an_etag_names_the_seq_and_the_form() -> None:
    text = etag(1_760_000_000_000_001, V4)
    assert text == f'"1760000000000001-{form_id(V4)}"'
    assert parse_etag(text) == ETag(1_760_000_000_000_001, form_id(V4))
    assert parse_etag(f"W/{text}") == parse_etag(text), "a proxy that compresses makes it weak"


@pytest.mark.parametrize(
    "text", ["", "*", '"1"', "1-0123abcd", '"1-0123ABCD"', '"-1-0123abcd"', '"x"', '"1-0123abcd"x']
)
def test_what_is_no_etag_of_ours_says_nothing(text: str) -> None:
    assert parse_etag(text) is None


def test_a_card_is_3_0_unless_4_0_is_asked_for() -> None:
    assert serve(RICH, CardForm(), fetch_photo).startswith(b"BEGIN:VCARD\r\nVERSION:3.0\r\n")
    assert serve(RICH, V4, fetch_photo).startswith(b"BEGIN:VCARD\r\nVERSION:4.0\r\n")


def test_a_photo_that_is_not_there_yet_is_not_served() -> None:
    assert b"PHOTO" in serve(RICH, V3, fetch_photo)
    assert b"PHOTO" not in serve(RICH, V3, lambda _: None)


@pytest.mark.parametrize("form", FORMS)
def test_only_the_same_bytes_are_served_as_they_were_sent(form: CardForm) -> None:
    served = serve(RICH, form, fetch_photo)
    assert is_served_as_sent(served, RICH, form, fetch_photo)
    assert not is_served_as_sent(served.replace(b"\r\n", b"\n"), RICH, form, fetch_photo)
    assert not is_served_as_sent(served, {**RICH, "notes": "another"}, form, fetch_photo)
