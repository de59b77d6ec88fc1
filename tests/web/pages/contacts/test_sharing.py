"""A contact for somebody else: its card, and the code that a camera reads."""

from __future__ import annotations

import re
from io import BytesIO

import pytest

from app import App
from offbook.core.pictures import sha256_of
from offbook.formats.vcard.files import read
from tests.support.api_client import Caller, caller
from tests.support.browser import Browser, parts_of
from tests.support.pictures import picture

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database


@pytest.fixture
def laptop(app: App, ada: Browser) -> Caller:
    return caller(app, "ada")


def test_a_card_has_what_others_may_know_and_the_photo_as_it_is_shown(app: App, ada: Browser, laptop: Caller) -> None:
    content = picture("PNG", 30, 30)
    parts = parts_of(app)
    book = parts.accounts.user_named("ada").book_id
    parts.blobs.put(book, sha256_of(content), content, parts.clock())
    details = {"k1": {"kind": "group", "value": "Bores"}, "k2": {"kind": "phone", "value": "555-2"}}
    data = {"name": "Grace “G/H” Hopper", "notes": "owes me", "photo": sha256_of(content), "details": details}
    answer = ada.get(f"/c/{laptop.add(**data)['id']}/card.vcf")
    assert answer.mimetype == "text/vcard"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Grace GH Hopper.vcf"'
    (contact,) = (one.contact for one in read(BytesIO(answer.data)))
    assert contact is not None
    assert (contact["name"], contact["phone"], contact.get("notes")) == ("Grace “G/H” Hopper", "555-2", None)
    assert b"Bores" not in answer.data
    assert b"/9j/" in answer.data, "a JPEG, as it begins in base64"


def test_a_card_without_the_bytes_of_its_photo_is_given_all_the_same(ada: Browser, laptop: Caller) -> None:
    contact = laptop.add(name="محفوظ", photo="ab" * 32)["id"]
    answer = ada.get(f"/c/{contact}/card.vcf")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="contact.vcf"'
    assert b"PHOTO" not in answer.data


@pytest.mark.parametrize("length", [10, 20_000])
def test_a_code_is_a_picture_that_a_camera_reads_however_much_a_contact_holds(
    ada: Browser, laptop: Caller, length: int
) -> None:
    details = {f"k{number}": {"kind": "phone", "value": f"555-{number}"} for number in range(100)}
    contact = laptop.add(name="Grace Hopper", notes="x" * length, details=details)["id"]
    answer = ada.get(f"/c/{contact}/code.svg")
    assert answer.mimetype == "image/svg+xml"
    match = re.match(r'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 (\d+) ', answer.text)
    assert match
    assert 50 < int(match[1]) <= 90


def test_a_contact_in_the_trash_is_not_shared(ada: Browser, laptop: Caller) -> None:
    contact = laptop.add(name="Grace")["id"]
    ada.post(f"/c/{contact}/delete", f"/c/{contact}")
    for path in ("card.vcf", "code.svg"):
        answer = ada.get(f"/c/{contact}/{path}")
        assert answer.status_code == 404
        assert "in the trash" in answer.text


def test_a_contact_is_called_written_to_found_on_a_map_and_shared_first(ada: Browser, laptop: Caller) -> None:
    details = {"k1": {"kind": "address", "value": "1 Long Street\nTown"}}
    notes = "See https://example.org/a."
    contact = laptop.add(
        name="Grace", phone="+49 (0)30 123 ext. 5", email="g@example.org", notes=notes, details=details
    )
    page = ada.get(f"/c/{contact['id']}").text
    quick = page[page.index('class="quick"') : page.index('class="facts"')]
    for link in (
        "tel:+4930123;ext=5",
        "sms:+4930123",
        "mailto:g@example.org",
        "search?query=1%20Long%20Street%2C%20Town",
    ):
        assert link in quick
    assert (
        '<a href="https://example.org/a" rel="noopener noreferrer" target="_blank">https://example.org/a</a>.' in page
    )
    bare = ada.get(f"/c/{laptop.add(name='Bare')['id']}").text
    assert "tel:" not in bare
    assert "Download" in bare
