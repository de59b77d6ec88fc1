"""How programs find the book, from a host name to the cards; and what is known of each resource."""

from __future__ import annotations

import pytest

from app import App
from tests.support.api_client import Caller, caller
from tests.support.dav_client import CS, C, D, DavClient, Told, error_of, phone, propfind_body
from web.carddav.views import CLASSES

pytestmark = pytest.mark.engines("sqlite")  # what the store gives has tests on every database

BOOK = "/dav/ada/contacts/"


@pytest.fixture
def laptop_of_ada(app: App) -> Caller:
    return caller(app, "ada")


@pytest.fixture
def ada_phone(app: App) -> DavClient:
    return phone(app)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PROPFIND", "OPTIONS"])
def test_the_well_known_address_leads_to_a_path_without_a_host(app: App, method: str) -> None:
    answer = app.test_client().open("/.well-known/carddav", method=method)
    assert (answer.status_code, answer.headers["Location"]) == (301, "/dav/")


def test_the_well_known_address_keeps_what_a_proxy_puts_before_it(app: App) -> None:
    answer = app.test_client().open("/.well-known/carddav", method="PROPFIND", environ_overrides={"SCRIPT_NAME": "/ob"})
    assert answer.headers["Location"] == "/ob/dav/"


@pytest.mark.parametrize("path", ["/", "/dav", "/dav/", "/dav/ada/", "/dav/ada/contacts/"])
def test_every_address_knows_the_user_and_the_home(ada_phone: DavClient, path: str) -> None:
    """Thunderbird and macOS begin at different ones, and some ask a book for what is its user's."""
    (told,) = ada_phone.propfind(
        path, "current-user-principal", "principal-URL", "owner", "C:addressbook-home-set"
    ).values()
    for name in (f"{D}current-user-principal", f"{D}principal-URL", f"{D}owner", f"{C}addressbook-home-set"):
        assert told.href(name) == "/dav/ada/"


def test_a_home_has_one_book_and_a_book_has_its_cards(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    laptop_of_ada.add(name="Ada Lovelace")
    assert list(ada_phone.propfind("/dav/", "resourcetype", depth=1)) == ["/dav/", "/dav/ada/"]
    home = ada_phone.propfind("/dav/ada/", "resourcetype", depth=1)
    assert list(home) == ["/dav/ada/", BOOK]
    assert home[BOOK].names(f"{D}resourcetype") == [f"{D}collection", f"{C}addressbook"]
    assert home["/dav/ada/"].names(f"{D}resourcetype") == [f"{D}collection", f"{D}principal"]
    book, card = ada_phone.propfind(BOOK, "resourcetype", depth=1).items()
    assert book[0] == BOOK
    assert card[1].names(f"{D}resourcetype") == []


def test_what_a_book_says_of_itself(ada_phone: DavClient) -> None:
    (book,) = ada_phone.propfind(
        BOOK, "displayname", "C:addressbook-description", "supported-report-set", "C:supported-address-data",
        "C:max-resource-size", "CS:getctag", "sync-token", "current-user-privilege-set", "getetag",
    ).values()  # fmt: skip
    assert book.text(f"{D}displayname")
    assert book.names(f"{D}supported-report-set")[2::3] == [
        f"{C}addressbook-multiget", f"{C}addressbook-query", f"{D}sync-collection",
    ]  # fmt: skip
    versions = [each.get("version") for each in book.properties[f"{C}supported-address-data"]]
    assert versions == ["3.0", "4.0"]
    assert int(book.text(f"{C}max-resource-size")) == 16 * 1024 * 1024
    assert book.text(f"{D}sync-token").startswith("urn:offbook:")
    assert book.text(f"{CS}getctag") == book.text(f"{D}sync-token")
    assert {f"{D}read", f"{D}write", f"{D}bind", f"{D}unbind"} < set(book.names(f"{D}current-user-privilege-set"))
    assert book.missing == {f"{D}getetag"}


def test_what_a_card_says_of_itself(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    laptop_of_ada.add(name="Ada Lovelace")
    names = ("getetag", "getcontenttype", "getcontentlength", "getlastmodified", "displayname")
    (address, card), *_ = list(ada_phone.propfind(BOOK, *names, depth=1).items())[1:]
    content = ada_phone.ask("GET", address)
    assert card.text(f"{D}getetag") == content.headers["ETag"]
    assert card.text(f"{D}getcontenttype") == content.headers["Content-Type"] == "text/vcard; charset=utf-8"
    assert int(card.text(f"{D}getcontentlength")) == len(content.data)
    assert card.text(f"{D}getlastmodified") == content.headers["Last-Modified"]
    assert card.missing == {f"{D}displayname"}
    assert ada_phone.propfind(address, *names)[address].text(f"{D}getetag") == content.headers["ETag"]


def test_a_property_of_nobody_is_told_as_not_there(ada_phone: DavClient) -> None:
    body = propfind_body('<displayname/><x:own xmlns:x="urn:&amp;own"/><C:me-card/>')
    (told,) = ada_phone.multistatus("PROPFIND", "/dav/ada/", body).values()
    assert told.missing == {"{urn:&own}own", f"{C}me-card"}


@pytest.mark.parametrize("path", ["/dav/", "/dav/ada/", BOOK])
def test_all_properties_and_their_names(ada_phone: DavClient, path: str) -> None:
    (whole,) = ada_phone.multistatus("PROPFIND", path).values()
    names = '<propfind xmlns="DAV:"><propname/></propfind>'
    (told,) = ada_phone.multistatus("PROPFIND", path, names).values()
    assert set(told.properties) == set(whole.properties)
    assert not whole.missing
    assert all(not len(each) and not each.text for each in told.properties.values())
    more = '<propfind xmlns="DAV:"><allprop/><include><getetag/></include></propfind>'
    (with_more,) = ada_phone.multistatus("PROPFIND", path, more).values()
    assert with_more.missing == {f"{D}getetag"}


def test_all_properties_of_a_card_without_the_card_itself(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    laptop_of_ada.add()
    _, card = ada_phone.multistatus("PROPFIND", BOOK, Depth="1").values()
    names = '<propfind xmlns="DAV:"><propname/></propfind>'
    _, told = ada_phone.multistatus("PROPFIND", BOOK, names, Depth="1").values()
    assert set(card.properties) == set(told.properties)
    assert f"{C}address-data" not in card.properties


def test_nobody_learns_a_whole_book_without_asking_for_it(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """Trap 10, as the design has it: nothing said is Depth 0, and infinity is refused."""
    laptop_of_ada.add()
    assert list(ada_phone.multistatus("PROPFIND", BOOK)) == [BOOK]
    answer = ada_phone.ask("PROPFIND", BOOK, Depth="infinity")
    assert (answer.status_code, error_of(answer)) == (403, [f"{D}propfind-finite-depth"])
    assert ada_phone.ask("PROPFIND", BOOK, Depth="2").status_code == 400


@pytest.mark.parametrize("path", ["/dav/", "/dav/ada/", BOOK, BOOK + "x.vcf"])
def test_options_say_what_is_spoken(ada_phone: DavClient, path: str) -> None:
    """DAVx5 takes no server without ``addressbook``; making books is not announced, since there is one."""
    answer = ada_phone.ask("OPTIONS", path)
    assert answer.status_code == 200
    assert answer.headers["DAV"] == CLASSES == "1, 3, access-control, addressbook"
    assert {"OPTIONS", "PROPFIND"} <= set(answer.headers["Allow"].split(", "))
    assert ("REPORT" in answer.headers["Allow"]) == (path == BOOK)
    assert "MKCOL" not in answer.headers["Allow"]


def test_what_a_collection_does_not_do(ada_phone: DavClient) -> None:
    for method, path in [("MKCOL", "/dav/ada/more/"), ("MKCOL", BOOK), ("DELETE", BOOK), ("DELETE", "/dav/ada/")]:
        assert ada_phone.ask(method, path).status_code == 403, (method, path)
    for method in ("POST", "PATCH", "LOCK", "COPY", "PUT"):
        answer = ada_phone.ask(method, BOOK)
        assert (answer.status_code, "PROPFIND" in answer.headers["Allow"]) == (405, True)
        error_of(answer)


def test_no_property_can_be_set(ada_phone: DavClient) -> None:
    body = (
        '<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set>'
        '<remove><prop><z:own xmlns:z="urn:z"/></prop></remove></propertyupdate>'
    )
    told: dict[str, Told] = ada_phone.multistatus("PROPPATCH", BOOK, body)
    assert told[BOOK].missing == {f"{D}displayname", "{urn:z}own"}
    assert told[BOOK].error == {f"{D}cannot-modify-protected-property"}
    assert ada_phone.propfind(BOOK, "displayname")[BOOK].text(f"{D}displayname") != "x"


def test_addresses_are_paths_behind_whatever_a_proxy_puts_before_them(
    ada_phone: DavClient, laptop_of_ada: Caller
) -> None:
    """Trap 7: no host in any href, the proxy's prefix in each, and a user's name percent-encoded once."""
    laptop_of_ada.add()
    ada_phone.base["SCRIPT_NAME"] = "/office"
    told = ada_phone.propfind("/dav/ada/contacts/", "current-user-principal", depth=1)
    assert all(address.startswith("/office/dav/ada/contacts/") for address in told)
    assert told["/office" + BOOK].href(f"{D}current-user-principal") == "/office/dav/ada/"
    (address,) = set(told) - {"/office" + BOOK}
    got = ada_phone.multiget(BOOK, "https://example.org" + address)
    assert f"{C}address-data" in got[address].properties


@pytest.mark.parametrize("name", ["ada@example.org", "Ada Lovelace", "AC/DC", "Zoë 100%", "a:b"])
def test_a_user_may_have_any_name(app: App, name: str) -> None:
    client = phone(app, name)
    (root,) = client.propfind("/dav/", "current-user-principal").values()
    principal = root.href(f"{D}current-user-principal")
    assert principal.isascii()
    assert "@" not in principal
    (told,) = client.propfind(principal, "C:addressbook-home-set", "displayname").values()
    assert told.text(f"{D}displayname") == name
    home = client.propfind(told.href(f"{C}addressbook-home-set"), "resourcetype", depth=1)
    assert [f"{C}addressbook" in each.names(f"{D}resourcetype") for each in home.values()] == [False, True]


def test_whoever_looks_with_a_browser_reads_what_the_address_is_for(ada_phone: DavClient) -> None:
    answer = ada_phone.ask("GET", BOOK)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain")
    assert "Devices" in answer.text
