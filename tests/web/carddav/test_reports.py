"""Cards by their addresses, by a filter, and what has changed; with the traps that broke programs."""

from __future__ import annotations

import gzip

import pytest

from app import App
from tests.support.api_client import Caller, caller
from tests.support.dav_client import (
    NAMESPACES,
    C,
    D,
    DavClient,
    DavSync,
    code_of,
    error_of,
    multiget_body,
    phone,
    read_multistatus,
    sync_body,
)
from web.carddav.xml.reader import HREFS_MAX

pytestmark = pytest.mark.engines("sqlite")  # what the store gives has tests on every database

BOOK = "/dav/ada/contacts/"
DATA = f"{C}address-data"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Thunderbird/153.0"


@pytest.fixture
def laptop_of_ada(app: App) -> Caller:
    return caller(app, "ada")


@pytest.fixture
def ada_phone(app: App) -> DavClient:
    return phone(app)


def add(device: Caller, *names: str) -> None:
    for name in names:
        device.add(name=name)


def query(inner: str, limit: int | None = None, props: str = "<getetag/><C:address-data/>", test: str = "anyof") -> str:
    most = f"<C:limit><C:nresults>{limit}</C:nresults></C:limit>" if limit else ""
    told = f'<C:filter test="{test}">{inner}</C:filter>'
    return f"<C:addressbook-query {NAMESPACES}><prop>{props}</prop>{told}{most}</C:addressbook-query>"


def name_of(card: str) -> str:
    return next(line[3:] for line in card.splitlines() if line.startswith("FN:"))


# --- by address ---


def test_a_card_is_told_as_it_is_read(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """With the line ends of a card, which XML would change if they were written as they are."""
    add(laptop_of_ada, "Zoë <&> \"'")
    (address,) = ada_phone.sync(BOOK).changed
    told = ada_phone.multiget(BOOK, address)[address]
    content = ada_phone.ask("GET", address)
    assert told.text(DATA).encode() == content.data
    assert told.text(f"{D}getetag") == content.headers["ETag"]
    assert "\r\n" in told.text(DATA)


def test_a_card_is_served_as_3_0_unless_4_0_is_asked_for(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    add(laptop_of_ada, "Ada")
    (address,) = ada_phone.sync(BOOK).changed
    assert "VERSION:3.0" in ada_phone.multiget(BOOK, address)[address].text(DATA)
    assert "VERSION:3.0" in ada_phone.multiget(BOOK, address, version="3.0")[address].text(DATA)
    assert "VERSION:4.0" in ada_phone.multiget(BOOK, address, version="4.0")[address].text(DATA)
    assert "VERSION:3.0" in ada_phone.ask("GET", address).text
    assert "VERSION:3.0" in ada_phone.ask("GET", address, Accept="text/vcard, */*").text
    four = ada_phone.ask("GET", address, Accept='text/vcard; version="4.0", text/vcard;q=0.5')
    assert "VERSION:4.0" in four.text
    three = ada_phone.ask("GET", address)
    assert four.headers["ETag"] != three.headers["ETag"]
    assert ada_phone.ask("REPORT", BOOK, multiget_body(address, version="2.1")).status_code == 403


def test_what_is_missing_is_told_and_what_is_doubled_is_told_once(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """Trap 6: never dropped; compared decoded; absolute addresses are taken."""
    add(laptop_of_ada, "Ada")
    (address,) = ada_phone.sync(BOOK).changed
    hrefs = [
        address,
        f"http://localhost{address}",
        address.replace("c", "%63"),
        BOOK + "no%40one@here{1}.vcf",
        "/else/x",
    ]
    told = ada_phone.multiget(BOOK, *hrefs, *hrefs)
    assert set(told) == {address, BOOK + "no@one@here{1}.vcf", "/else/x"}
    assert [each.status for path, each in told.items() if path != address] == ["HTTP/1.1 404 Not Found"] * 2


def test_a_multiget_without_the_cards_themselves(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    add(laptop_of_ada, "Ada")
    (address,) = ada_phone.sync(BOOK).changed
    body = multiget_body(address, BOOK + "x.vcf").replace("<C:address-data/>", "<getcontentlength/>")
    told = ada_phone.report(BOOK, body)
    assert DATA not in told[address].properties
    assert int(told[address].text(f"{D}getcontentlength")) == len(ada_phone.ask("GET", address).data)
    assert " 404 " in told[BOOK + "x.vcf"].status


def test_reports_come_with_any_depth_or_none(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """Trap 10."""
    add(laptop_of_ada, "Ada")
    for depth in (None, "0", "1", "infinity"):
        assert len(ada_phone.report(BOOK, sync_body(), Depth=depth)) == 1
        assert len(ada_phone.report(BOOK, query(""), Depth=depth)) == 1
    assert ada_phone.ask("REPORT", BOOK, sync_body(), Depth="x").status_code == 400


def test_a_long_answer_is_the_same_one(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """It goes through a file on the disk, packed where the client takes that."""
    for number in range(20):
        laptop_of_ada.add(name=f"Ada {number}", notes="é<&>" * 5_000)
    addresses = list(ada_phone.sync(BOOK).changed)
    plain = ada_phone.ask("REPORT", BOOK, multiget_body(*addresses))
    packed = ada_phone.ask("REPORT", BOOK, multiget_body(*addresses), Accept_Encoding="gzip")
    assert len(plain.data) > 1024 * 1024
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) // 3
    assert gzip.decompress(packed.data) == plain.data
    small = ada_phone.ask("REPORT", BOOK, multiget_body(), Accept_Encoding="gzip")
    assert "Content-Encoding" not in small.headers
    assert [name_of(each.text(DATA)) for each in read_multistatus(plain).values()] == [f"Ada {n}" for n in range(20)]


# --- by a filter ---


@pytest.mark.parametrize(
    ("inner", "names"),
    [
        ("", {"Ada Lovelace", "Bob Hope", "Zoë Ada"}),
        ('<C:prop-filter name="FN"/>', {"Ada Lovelace", "Bob Hope", "Zoë Ada"}),
        ('<C:prop-filter name="fn"><C:text-match>ada</C:text-match></C:prop-filter>', {"Ada Lovelace", "Zoë Ada"}),
        ('<C:prop-filter name="FN"><C:text-match match-type="starts-with">ADA</C:text-match></C:prop-filter>',
         {"Ada Lovelace"}),
        ('<C:prop-filter name="FN"><C:text-match negate-condition="yes">ada</C:text-match></C:prop-filter>',
         {"Bob Hope"}),
        ('<C:prop-filter name="PHOTO"/>', set()),
        ('<C:prop-filter name="TEL"><C:is-not-defined/></C:prop-filter>', {"Ada Lovelace", "Bob Hope", "Zoë Ada"}),
    ],
)  # fmt: skip
def test_a_query_tells_the_cards_that_pass(
    ada_phone: DavClient, laptop_of_ada: Caller, inner: str, names: set[str]
) -> None:
    add(laptop_of_ada, "Ada Lovelace", "Bob Hope", "Zoë Ada")
    told = ada_phone.report(BOOK, query(inner))
    assert {name_of(each.text(DATA)) for each in told.values()} == names
    assert set(ada_phone.report(BOOK, query(inner, props="<getetag/>"))) == set(told)


def test_a_query_serves_no_card_but_those_that_pass(app: App, ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """What a device was served decides what a card that it sends changes."""
    add(laptop_of_ada, "Ada", "Bob", "Cy")
    ada_phone.report(BOOK, query('<C:prop-filter name="FN"><C:text-match>bob</C:text-match></C:prop-filter>'))
    with app.extensions["database"].read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM device_cards").scalar() == 1


def test_a_query_is_cut_only_where_the_client_names_a_limit(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    add(laptop_of_ada, "Ada", "Bob", "Cy")
    for props in ("<getetag/>", "<C:address-data/>"):
        told = ada_phone.report(BOOK, query('<C:prop-filter name="FN"/>', 2, props))
        assert " 507 " in told.pop(BOOK).status
        assert len(told) == 2
        assert len(ada_phone.report(BOOK, query('<C:prop-filter name="FN"/>', 3, props))) == 3


@pytest.mark.parametrize(
    ("inner", "condition"),
    [
        (
            '<C:prop-filter name="FN"><C:text-match collation="i;x">a</C:text-match></C:prop-filter>',
            "supported-collation",
        ),
        ('<C:prop-filter name="FN"><C:text-match match-type="x">a</C:text-match></C:prop-filter>', "supported-filter"),
    ],
)
def test_a_filter_that_is_not_carried_out_is_refused(ada_phone: DavClient, inner: str, condition: str) -> None:
    answer = ada_phone.ask("REPORT", BOOK, query(inner))
    assert (answer.status_code, error_of(answer)) == (403, [f"{C}{condition}"])


# --- what has changed ---


def test_what_changes_is_told_once(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """Trap 1: the token of a new and empty book counts, and an empty token lists all, without what was deleted."""
    empty = ada_phone.sync(BOOK)
    assert (empty.told, empty.token[:12]) == ({}, "urn:offbook:")
    first = laptop_of_ada.add(name="Ada")
    laptop_of_ada.add(name="Bob")
    two = ada_phone.sync(BOOK, empty.token)
    assert len(two.changed) == 2
    assert ada_phone.sync(BOOK, two.token).told == {}
    assert laptop_of_ada.ask("DELETE", f"/contacts/{first['id']}").status_code == 204
    gone = ada_phone.sync(BOOK, two.token)
    assert (len(gone.removed), gone.changed) == (1, {})
    assert set(ada_phone.sync(BOOK).changed) == set(two.changed) - set(gone.removed)


def test_a_client_that_names_a_limit_goes_on_from_where_it_was_cut(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    add(laptop_of_ada, *(f"Ada {number}" for number in range(5)))
    pages: list[DavSync] = [ada_phone.sync(BOOK, limit=2)]
    while pages[-1].is_cut:
        assert pages[-1].told[BOOK].error == {f"{D}number-of-matches-within-limits"}
        pages.append(ada_phone.sync(BOOK, pages[-1].token, limit=2))
    assert [len(page.changed) for page in pages] == [2, 2, 1]
    assert len({address for page in pages for address in page.changed}) == 5
    assert ada_phone.sync(BOOK, pages[-1].token).told == {}
    assert not ada_phone.sync(BOOK).is_cut


def test_cards_come_with_the_changes_where_they_are_asked_for(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """As Thunderbird does."""
    add(laptop_of_ada, "Ada")
    (told,) = ada_phone.sync(BOOK, inner="<getetag/><C:address-data/>").told.values()
    assert name_of(told.text(DATA)) == "Ada"


@pytest.mark.parametrize(
    "token", ["urn:offbook:nothing", "http://example.org/1", "x" * 5000, "urn:offbook:1.9:00000000"]
)
def test_an_invalid_token_is_answered_as_each_program_recovers_from(ada_phone: DavClient, token: str) -> None:
    """Trap 1: 403 to all but Thunderbird, which is lost for ever with it, and begins anew with 400."""
    for agent, status in (("DAVx5/4.5.19-ose", 403), ("iOS/26.1 (23B85) dataaccessd/1.0", 403), (THUNDERBIRD, 400)):
        answer = ada_phone.ask("REPORT", BOOK, sync_body(token), User_Agent=agent)
        assert (answer.status_code, error_of(answer)) == (status, [f"{D}valid-sync-token"])


# --- hostile ---


def test_reports_are_of_a_book(ada_phone: DavClient) -> None:
    for path in ("/dav/", "/dav/ada/", BOOK + "x.vcf"):
        answer = ada_phone.ask("REPORT", path, sync_body())
        assert (answer.status_code, error_of(answer)) == (403, [f"{D}supported-report"])
    answer = ada_phone.ask("REPORT", BOOK, f"<expand-property {NAMESPACES}/>")
    assert (answer.status_code, error_of(answer)) == (403, [f"{D}supported-report"])


@pytest.mark.parametrize("method", ["PROPFIND", "REPORT", "PROPPATCH"])
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('<!DOCTYPE a [<!ENTITY b "b">]><propfind xmlns="DAV:">&b;</propfind>', 400),
        ("<a>" * 40 + "</a>" * 40, 400),
        ("<propfind", 400),
        ("{}", 400),
        (f'<propfind xmlns="DAV:"><!--{"x" * 1_100_000}--></propfind>', 413),
    ],
)
def test_hostile_xml_is_refused(ada_phone: DavClient, method: str, body: str, status: int) -> None:
    answer = ada_phone.ask(method, BOOK, body)
    assert answer.status_code in (400, status)
    error_of(answer)


def test_too_long_a_body_is_refused(ada_phone: DavClient) -> None:
    answer = ada_phone.ask("REPORT", BOOK, multiget_body("x" * (16 * 1024 * 1024)))
    assert (answer.status_code, error_of(answer)) == (413, [f"{C}max-resource-size"])
    long = "<C:prop-filter name='FN'/>" * 50_000
    assert ada_phone.ask("REPORT", BOOK, query(long)).status_code == 413


def test_sixty_thousand_addresses_are_too_many(ada_phone: DavClient) -> None:
    answer = ada_phone.ask("REPORT", BOOK, multiget_body(*([BOOK + "x.vcf"] * 60_000)))
    assert (answer.status_code, error_of(answer)) == (507, [f"{D}number-of-matches-within-limits"])
    assert code_of(answer) == "too_many_hrefs"
    assert len(ada_phone.multiget(BOOK, *([BOOK + "x.vcf"] * HREFS_MAX))) == 1


@pytest.mark.parametrize(
    "href",
    ["/dav/ada/contacts/../../bob/contacts/x", "/dav/ada/contacts/%2e%2e/x", "%00", "/dav/ada/contacts/a%2Fb", "<"],
)
def test_an_address_that_leads_elsewhere_is_not_there(ada_phone: DavClient, href: str) -> None:
    (told,) = ada_phone.multiget(BOOK, href.replace("<", "&lt;")).values()
    assert " 404 " in told.status
    assert ada_phone.ask("GET", f"{BOOK}../../bob/contacts/x").status_code == 404
