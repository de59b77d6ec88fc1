"""Addresses are made of any name, and read back whatever way a client writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.carddav.hrefs import Addresses, DavResource, Kind, is_segment

ADA = Addresses("", "ada")
SEGMENTS = st.text(min_size=1, max_size=60).filter(is_segment)


@given(SEGMENTS, st.sampled_from(["ada", "ada@example.org", "Ada Lovelace", "AC/DC", "é%41?#"]))
def test_the_address_of_a_card_leads_back_to_it(segment: str, user: str) -> None:
    for prefix in ("", "/sub path"):
        addresses = Addresses(prefix, user)
        assert addresses.segment(addresses.card(segment)) == segment
        assert addresses.card(segment).isascii()


@pytest.mark.parametrize(
    "href",
    [
        "/dav/ada/contacts/a%40b%7B1%7D.vcf",
        "/dav/ada/contacts/a@b{1}.vcf",
        "https://example.org/dav/ada/contacts/a@b%7b1%7d.vcf",
        "http://127.0.0.1:5000/dav/ada/contacts/a%40b{1}.vcf",
        "/%64av/ada/contacts/a@b{1}.vcf?x=1",
        "a%40b%7B1%7D.vcf",
    ],
)
def test_a_card_is_known_however_its_address_is_written(href: str) -> None:
    assert ADA.segment(href) == "a@b{1}.vcf"


@pytest.mark.parametrize(
    "href",
    [
        "",
        "/",
        "/dav/ada/contacts/",
        "/dav/ada/contacts",
        "/dav/ada/",
        "/dav/bob/contacts/a.vcf",
        "/dav/ada/contacts/../../bob/contacts/a.vcf",
        "/dav/ada/contacts/..",
        "/dav/ada/contacts/.",
        "/dav/ada/contacts/a%2Fb.vcf",
        "/dav/ada/contacts//a.vcf",
        "/dav/ada/contacts/a.vcf/",
        "/dav/ada/contacts/%00",
        "/dav/ada/contacts/a%0d%0aX",
        "/dav/ada/contacts/%FF.vcf",
        "/dav/ada/contacts/%ED%A0%80",
        "/dav/ada/contacts/" + "x" * 256,
        "/etc/passwd",
        "http://[bad/dav/ada/contacts/a.vcf",
    ],
)
def test_what_is_no_card_of_this_user_names_none(href: str) -> None:
    assert ADA.segment(href) is None


def test_a_double_percent_is_decoded_once() -> None:
    assert ADA.segment("/dav/ada/contacts/a%2520b.vcf") == "a%20b.vcf"
    assert ADA.card("a%20b.vcf") == "/dav/ada/contacts/a%2520b.vcf"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("", DavResource(Kind.ROOT)),
        ("ada", DavResource(Kind.PRINCIPAL)),
        ("ada/", DavResource(Kind.PRINCIPAL)),
        ("ada/contacts", DavResource(Kind.BOOK)),
        ("ada/contacts/", DavResource(Kind.BOOK)),
        ("ada/contacts/x", DavResource(Kind.CARD, "x")),
        ("bob/", None),
        ("ada/calendars/", None),
        ("ada//", None),
        ("adam/contacts/", None),
    ],
)
def test_a_path_leads_to_a_place(path: str, place: DavResource | None) -> None:
    assert ADA.place(path) == place
    if place:
        assert ADA.of(place).startswith("/dav/")


def test_a_prefix_of_a_proxy_stands_before_every_address() -> None:
    behind = Addresses("/office", "ada")
    assert behind.book == "/office/dav/ada/contacts/"
    assert behind.segment("/office/dav/ada/contacts/x.vcf") == "x.vcf"
    assert behind.segment("/dav/ada/contacts/x.vcf") == "x.vcf"
