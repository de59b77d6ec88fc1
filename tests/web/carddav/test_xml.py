"""Requests in XML become values, hostile ones are refused, and what is written can be read again."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.formats.vcard.filters import CardFilter
from web.carddav.xml import reader
from web.carddav.xml.filters import UnsupportedCollation, UnsupportedFilter, parse_filter
from web.carddav.xml.names import ADDRESS_DATA, GETETAG, card, dav
from web.carddav.xml.reader import HREFS_MAX, Node, TooManyHrefs, XmlRefused, XmlTooLarge, parse_xml
from web.carddav.xml.requests import (
    Multiget,
    Properties,
    Query,
    SyncCollection,
    UnsupportedData,
    UnsupportedReport,
    parse_propfind,
    parse_proppatch,
    parse_report,
)
from web.carddav.xml.writer import (
    DECLARATION,
    MULTISTATUS_BEGINS,
    MULTISTATUS_ENDS,
    OK,
    PropertyStatus,
    element,
    error_document,
    property_response,
    status_response,
    text_element,
)

D, C = 'xmlns="DAV:"', 'xmlns:C="urn:ietf:params:xml:ns:carddav"'


def tree(text: str) -> Node:
    return parse_xml(text.encode())


# --- requests ---


def test_a_propfind_names_properties_once_in_any_namespace() -> None:
    root = tree(f'<propfind {D}><prop><getetag/><a:own xmlns:a="urn:x"/><getetag/></prop></propfind>')
    assert parse_propfind(root) == Properties((GETETAG, "{urn:x}own"))


def test_a_propfind_without_a_body_asks_for_all() -> None:
    assert parse_propfind(None) == Properties(all=True)


def test_a_propfind_of_names_and_one_of_all_with_more() -> None:
    assert parse_propfind(tree(f"<propfind {D}><propname/></propfind>")) == Properties(only_names=True)
    root = tree(f"<propfind {D}><allprop/><include><getetag/></include></propfind>")
    assert parse_propfind(root) == Properties((GETETAG,), all=True)


def test_a_multiget_has_the_hrefs_as_they_are_without_space_around_them() -> None:
    root = tree(
        f'<C:addressbook-multiget {D} {C}><prop><getetag/><C:address-data content-type="text/vcard" version="4.0"/>'
        "</prop><href>\n /a%40b\n</href><href>/%7Bc%7D</href></C:addressbook-multiget>"
    )
    asked = Properties((GETETAG, ADDRESS_DATA), version="4.0")
    assert parse_report(root) == Multiget(asked, ["/a%40b", "/%7Bc%7D"])
    assert asked.has_data


def test_a_sync_collection_has_a_token_and_perhaps_a_limit() -> None:
    root = tree(
        f"<sync-collection {D}><sync-token>urn:x:1</sync-token><sync-level>1</sync-level>"
        "<limit><nresults>10</nresults></limit><prop><getetag/></prop></sync-collection>"
    )
    assert parse_report(root) == SyncCollection(Properties((GETETAG,)), "urn:x:1", 10)
    root = tree(f"<sync-collection {D}><sync-token/><prop/></sync-collection>")
    assert parse_report(root) == SyncCollection(Properties(), "", None)


@pytest.mark.parametrize("number", ["0", "-1", "", "x", "1.5", "²", "9" * 400])
def test_a_limit_is_a_number_from_one(number: str) -> None:
    root = tree(f"<sync-collection {D}><limit><nresults>{number}</nresults></limit></sync-collection>")
    with pytest.raises(XmlRefused):
        parse_report(root)


def test_a_query_has_a_filter() -> None:
    root = tree(
        f'<C:addressbook-query {D} {C}><prop><getetag/></prop><C:filter><C:prop-filter name="fn"/></C:filter>'
        "<C:limit><C:nresults>3</C:nresults></C:limit></C:addressbook-query>"
    )
    report = parse_report(root)
    assert isinstance(report, Query)
    assert (report.limit, report.filter.lets_all_pass) == (3, True)


def test_a_proppatch_names_what_it_would_set_and_remove() -> None:
    root = tree(
        f"<propertyupdate {D}><set><prop><displayname>x</displayname></prop></set>"
        "<remove><prop><owner/><displayname/></prop></remove></propertyupdate>"
    )
    assert parse_proppatch(root) == [dav("displayname"), dav("owner")]


@pytest.mark.parametrize("root", [None, Node("x", {}), Node(dav("propertyupdate"), {})])
def test_what_is_no_proppatch_is_refused(root: Node | None) -> None:
    with pytest.raises(XmlRefused):
        parse_proppatch(root)


def test_other_bodies_are_refused() -> None:
    with pytest.raises(XmlRefused):
        parse_propfind(tree("<propfind/>"))
    with pytest.raises(XmlRefused):
        parse_report(None)
    with pytest.raises(UnsupportedReport):
        parse_report(tree(f"<expand-property {D}/>"))


@pytest.mark.parametrize(
    "attributes", ['version="2.1"', 'content-type="text/html"', 'content-type="application/jscard"']
)
def test_cards_in_another_form_are_not_served(attributes: str) -> None:
    with pytest.raises(UnsupportedData):
        parse_report(tree(f"<C:addressbook-multiget {D} {C}><prop><C:address-data {attributes}/></prop>"
                          "</C:addressbook-multiget>"))  # fmt: skip


# --- filters ---

ADA = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada \xc3\x89lan Love\r\n lace\r\nitem1.TEL;TYPE=cell:+1 5\r\n" \
      b"TEL;TYPE=home:+2 7\r\nNOTE:one\\, two\r\nEND:VCARD\r\n"  # fmt: skip


def matching(text: str, name: str = "FN", **attributes: str) -> str:
    """A prop-filter with a text-match; ``match_type`` is match-type."""
    told = "".join(f' {key.replace("_", "-")}="{value}"' for key, value in attributes.items())
    return f'<C:prop-filter name="{name}"><C:text-match{told}>{text}</C:text-match></C:prop-filter>'


def filter_of(inner: str, test: str = "") -> CardFilter:
    return parse_filter(tree(f"<C:filter {C}{test and f' test={test!r}'}>{inner}</C:filter>"))


@pytest.mark.parametrize(
    ("inner", "passes"),
    [
        ("", True),
        ('<C:prop-filter name="fn"/>', True),
        ('<C:prop-filter name="photo"/>', False),
        ('<C:prop-filter name="PHOTO"><C:is-not-defined/></C:prop-filter>', True),
        ('<C:prop-filter name="Item1.Tel"/>', True),
        ('<C:prop-filter name="item2.tel"/>', False),
        (matching("LOVELACE"), True),
        (matching("e\u0301lan"), True),
        (matching("ada \u00c9", collation="i;ascii-casemap"), True),
        (matching("ada", collation="i;octet"), False),
        (matching("Ada", match_type="equals"), False),
        (matching("ada", match_type="starts-with"), True),
        (matching("lace", match_type="ends-with"), True),
        (matching("ada", negate_condition="yes"), False),
        (matching("one, two", "NOTE", match_type="equals"), True),
        ('<C:prop-filter name="TEL"><C:param-filter name="type"/></C:prop-filter>', True),
        ('<C:prop-filter name="TEL"><C:param-filter name="type"><C:is-not-defined/></C:param-filter>'
         "</C:prop-filter>", False),
        ('<C:prop-filter name="TEL" test="allof"><C:text-match>7</C:text-match><C:param-filter name="TYPE">'
         '<C:text-match>cell</C:text-match></C:param-filter></C:prop-filter>', False),
        ('<C:prop-filter name="TEL" test="anyof"><C:text-match>7</C:text-match><C:param-filter name="TYPE">'
         '<C:text-match>fax</C:text-match></C:param-filter></C:prop-filter>', True),
    ],
)  # fmt: skip
def test_a_card_passes_a_filter(inner: str, passes: bool) -> None:
    assert filter_of(inner).matches(ADA) is passes


def test_of_several_filters_any_is_enough_or_all_are_needed() -> None:
    two = '<C:prop-filter name="TEL"/><C:prop-filter name="PHOTO"/>'
    assert filter_of(two).matches(ADA)
    assert filter_of(two, "anyof").matches(ADA)
    assert not filter_of(two, "allof").matches(ADA)
    assert not filter_of(two).lets_all_pass
    assert filter_of('<C:prop-filter name="TEL"/><C:prop-filter name="FN"/>').lets_all_pass
    assert not filter_of('<C:prop-filter name="TEL"/><C:prop-filter name="FN"/>', "allof").lets_all_pass


@pytest.mark.parametrize(
    ("inner", "refusal"),
    [
        (matching("x", collation="i;klingon"), UnsupportedCollation),
        (matching("x", match_type="sounds"), UnsupportedFilter),
        ('<C:prop-filter name="FN" test="some"/>', UnsupportedFilter),
        ("<C:comp-filter/>", UnsupportedFilter),
        ("<C:prop-filter/>", XmlRefused),
        (matching("x" * 1001), UnsupportedFilter),
        ('<C:prop-filter name="FN"/>' * 101, UnsupportedFilter),
    ],
)  # fmt: skip
def test_a_filter_that_is_not_carried_out_is_refused(inner: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        filter_of(inner)


# --- hostile ---

BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "<!DOCTYPE a><a/>",
        "<a>&unknown;</a>",
        "",
        " ",
        "no xml",
        "<a>",
        "<a></b>",
        "<a/><a/>",
        "<x:a/>",
        "<a>\0</a>",
        "<a>&#0;</a>",
        "<a>" * 33 + "</a>" * 33,
        "<a>" + "<b/>" * 2_000 + "</a>",
        '<a b="' + "c" * 400_000 + '"/>',
        "<a " + " ".join(f'b{number}=""' for number in range(60_000)) + "/>",
        *(
            f'<?xml version="1.0" encoding="{name}"?><a/>'
            for name in ("utf-7", "idna", "rot13", "hex", "cp1252", "nope")
        ),
    ],
    ids=lambda body: repr(body[:40]),
)
def test_hostile_xml_is_refused(body: str) -> None:
    with pytest.raises(XmlRefused):
        tree(body)


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(XmlRefused):
        parse_xml(b"<a>\xff</a>")


def test_utf_16_is_read() -> None:
    assert parse_xml("<a>\u00e9</a>".encode("utf-16")).text == "é"


def test_only_a_multiget_may_be_long() -> None:
    filler = f"<href>{'x' * 40}</href>" * 25_000
    assert len(filler) > reader.BODY_BYTES_MAX
    with pytest.raises(XmlTooLarge):
        tree(f"<propfind {D}>{filler}</propfind>")
    assert tree(f"<C:addressbook-multiget {D} {C}>{filler}</C:addressbook-multiget>").children


def test_a_multiget_of_too_many_hrefs_is_refused() -> None:
    hrefs = "<href>a</href>" * (HREFS_MAX + 1)
    with pytest.raises(TooManyHrefs):
        tree(f"<C:addressbook-multiget {D} {C}>{hrefs}</C:addressbook-multiget>")


def test_elements_of_namespaces_that_nobody_knows_are_ignored() -> None:
    root = tree(f'<propfind {D} xmlns:z="urn:z"><z:a><prop><owner/></prop></z:a><prop><getetag/></prop></propfind>')
    assert parse_propfind(root) == Properties((GETETAG,))


# --- answers ---


def test_what_is_written_is_read_again() -> None:
    response = property_response(
        "/dav/a%3C/", [PropertyStatus(OK, [text_element("{urn:own&}name", "<&>\"'\r\n\t\x01\ufffe end")])]
    )
    root = ElementTree.fromstring(MULTISTATUS_BEGINS + response + MULTISTATUS_ENDS)
    assert root.findtext(".//{DAV:}href") == "/dav/a%3C/"
    assert root.findtext(".//{urn:own&}name") == "<&>\"'\r\n\t end"
    assert root.findtext(".//{DAV:}status") == "HTTP/1.1 200 OK"


@given(st.text())
def test_every_text_can_be_written(text: str) -> None:
    kept = "".join(char for char in text if char >= " " and char not in "\ufffe\uffff" or char in "\t\r\n")
    assert (ElementTree.fromstring(DECLARATION + text_element("a", text)).text or "") == kept


def test_attributes_are_escaped_and_named_with_a_hyphen() -> None:
    root = ElementTree.fromstring(element("a", content_type='"<&>'))
    assert root.get("content-type") == '"<&>'


def test_a_status_has_its_condition() -> None:
    response = status_response("/x", "507 Insufficient Storage", element(dav("number-of-matches-within-limits")))
    root = ElementTree.fromstring(MULTISTATUS_BEGINS + response + MULTISTATUS_ENDS)
    assert root.find("{DAV:}response/{DAV:}error/{DAV:}number-of-matches-within-limits") is not None


def test_a_resource_without_any_property_is_told_all_the_same() -> None:
    root = ElementTree.fromstring(MULTISTATUS_BEGINS + property_response("/x", []) + MULTISTATUS_ENDS)
    assert root.find("{DAV:}response/{DAV:}propstat/{DAV:}prop") is not None


def test_an_error_has_its_condition_and_a_sentence() -> None:
    root = ElementTree.fromstring(error_document([element(card("valid-address-data"))], {"{urn:x}detail": "a < b"}))
    assert (root.tag, root[0].tag) == ("{DAV:}error", card("valid-address-data"))
    assert root.findtext("{urn:x}detail") == "a < b"
