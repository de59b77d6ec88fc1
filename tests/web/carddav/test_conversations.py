"""What each program says from a host name to a deletion, as it was recorded, in words of our own.

Each finds the book in its own way, reads it, and makes, changes and deletes a card; then a contact that another device
changed meanwhile must reach it. A program that gets through here has no need of anything else of a server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support.api_client import Caller, caller
from tests.support.dav_client import NAMESPACES, C, D, DavClient, Told, multiget_body, phone, propfind_body, sync_body

pytestmark = pytest.mark.engines("sqlite")  # what the store gives has tests on every database

BOOK = "/dav/ada/contacts/"
DATA = f"{C}address-data"

Find = Callable[[DavClient], str]
List = Callable[[DavClient, str], dict[str, str]]


def card(uid: str, name: str, version: str = "3.0", *lines: str) -> str:
    first, _, last = name.partition(" ")
    told = [
        "BEGIN:VCARD",
        f"VERSION:{version}",
        f"UID:{uid}",
        f"FN:{name}",
        f"N:{last};{first};;;",
        *lines,
        "END:VCARD",
    ]
    return "".join(f"{line}\r\n" for line in told)


# --- finding ---------------------------------------------------------------------------------------------------------


def redirected(client: DavClient, path: str, inner: str, **headers: str) -> tuple[str, dict[str, Told]]:
    """A PROPFIND whose redirects are followed, and which is repeated with the token once it is asked for."""
    answer = client.ask("PROPFIND", path, propfind_body(inner), Authorization=None, Depth="0", **headers)
    if answer.status_code in (301, 308):
        return redirected(client, answer.headers["Location"], inner, **headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    return path, client.multistatus("PROPFIND", path, propfind_body(inner), Depth="0", **headers)


def principal_of(told: Mapping[str, Told]) -> str:
    (root,) = told.values()
    return root.href(f"{D}current-user-principal")


def home_of(client: DavClient, principal: str, inner: str = "<C:addressbook-home-set/>", **headers: str) -> str:
    (told,) = client.multistatus("PROPFIND", principal, propfind_body(inner), Depth="0", **headers).values()
    return told.href(f"{C}addressbook-home-set")


def book_in(client: DavClient, home: str, inner: str, **headers: str) -> str:
    """The first address book of a home: macOS takes no other one (trap 8)."""
    told = client.multistatus("PROPFIND", home, propfind_body("<resourcetype/>" + inner), Depth="1", **headers)
    books = [path for path, each in told.items() if f"{C}addressbook" in each.names(f"{D}resourcetype")]
    assert books[:1] == [BOOK]
    return books[0]


APPLE_HOME = """<add-member/><current-user-privilege-set/><displayname/><C:max-image-size/><C:max-resource-size/>
<me:bulk-requests xmlns:me="http://me.com/_namespaces/"/><CS:me-card/><owner/><CS:push-transports/><CS:pushkey/>
<quota-available-bytes/><quota-used-bytes/><resource-id/><supported-report-set/><sync-token/><CS:getctag/>"""


def find_like_ios(client: DavClient) -> str:
    _, told = redirected(client, "/.well-known/carddav", "<current-user-principal/><principal-URL/><resourcetype/>")
    principal = principal_of(told)
    assert "addressbook" in client.ask("OPTIONS", principal).headers["DAV"]
    asked = """<C:addressbook-home-set/><C:directory-gateway/><displayname/><CS:email-address-set/>
    <principal-collection-set/><principal-URL/><resource-id/><supported-report-set/>"""
    return book_in(client, home_of(client, principal, asked), APPLE_HOME)


def find_like_macos(client: DavClient) -> str:
    """It begins at the root, and asks the book for what is its user's."""
    _, told = redirected(client, "/", "<current-user-principal/><principal-URL/><resourcetype/>")
    book = book_in(client, home_of(client, principal_of(told)), APPLE_HOME)
    (own,) = client.propfind(book, "current-user-principal", "C:addressbook-home-set", "supported-report-set").values()
    assert own.href(f"{D}current-user-principal") == "/dav/ada/"
    assert not own.missing
    return book


def find_like_davx5(client: DavClient) -> str:
    """It takes no collection whose OPTIONS lack ``addressbook``, and none that it may not write to."""
    _, told = redirected(client, "/.well-known/carddav", "<current-user-principal/>")
    asked = "<C:addressbook-home-set/><displayname/><group-membership/><CS:calendar-proxy-read-for/>"
    home = home_of(client, principal_of(told), asked)
    book = book_in(
        client, home, "<displayname/><C:addressbook-description/><current-user-privilege-set/><owner/>"
                      "<C:supported-address-data/><supported-report-set/><sync-token/><CS:getctag/>"
    )  # fmt: skip
    assert "addressbook" in client.ask("OPTIONS", book).headers["DAV"].split(", ")
    (told_of_book,) = client.propfind(book, "current-user-privilege-set", "supported-report-set").values()
    assert f"{D}write-content" in told_of_book.names(f"{D}current-user-privilege-set")
    assert f"{D}sync-collection" in told_of_book.names(f"{D}supported-report-set")
    return book


def find_like_thunderbird(client: DavClient) -> str:
    """Trap 9: whatever address somebody types, discovery gets on from there."""
    _, told = redirected(client, "/.well-known/carddav", "<resourcetype/><displayname/><current-user-principal/>")
    return book_in(client, home_of(client, principal_of(told)), "<displayname/><current-user-privilege-set/>")


def find_like_evolution(client: DavClient) -> str:
    """It is given the book's address."""
    assert client.ask("OPTIONS", BOOK, Authorization=None).status_code == 401
    answer = client.ask("OPTIONS", BOOK)
    assert {"PUT", "DELETE"} & set(client.ask("OPTIONS", BOOK + "x.vcf").headers["Allow"].split(", "))
    assert "REPORT" in answer.headers["Allow"]
    (told,) = client.propfind(BOOK, "current-user-privilege-set").values()
    assert f"{D}write" in told.names(f"{D}current-user-privilege-set")
    return BOOK


def find_like_vdirsyncer(client: DavClient) -> str:
    told = client.propfind("/dav/", "resourcetype", depth=1)
    assert not any(f"{C}addressbook" in each.names(f"{D}resourcetype") for each in told.values())
    (root,) = client.propfind("/dav/", "current-user-principal").values()
    return book_in(client, home_of(client, root.href(f"{D}current-user-principal")), "")


def find_like_tsdav(client: DavClient) -> str:
    path, told = redirected(client, "/.well-known/carddav", "<current-user-principal/>")
    assert path == "/dav/"
    home = home_of(client, principal_of(told))
    book = book_in(client, home, "<displayname/><CS:getctag/><sync-token/>")
    (own,) = client.propfind(book, "supported-report-set").values()
    assert f"{D}sync-collection" in own.names(f"{D}supported-report-set")
    return book


# --- listing ---------------------------------------------------------------------------------------------------------


def list_by_propfind(client: DavClient, book: str) -> dict[str, str]:
    told = client.propfind(book, "getetag", "getcontenttype", "resourcetype", depth=1)
    assert told.pop(book).missing == {f"{D}getetag", f"{D}getcontenttype"}
    return {path: each.text(f"{D}getetag") for path, each in told.items()}


def list_by_ctag(client: DavClient, book: str) -> dict[str, str]:
    assert client.propfind(book, "CS:getctag")[book].text("{http://calendarserver.org/ns/}getctag")
    return list_by_propfind(client, book)


def list_by_sync(client: DavClient, book: str) -> dict[str, str]:
    return client.sync(book).changed


def list_by_query(client: DavClient, book: str) -> dict[str, str]:
    """As tsdav does: every card that has a name."""
    body = (
        f"<C:addressbook-query {NAMESPACES}><prop><getetag/></prop><C:filter><C:prop-filter name='FN'/></C:filter>"
        "</C:addressbook-query>"
    )
    told = client.report(book, body, Depth="1")
    return {path: each.text(f"{D}getetag") for path, each in told.items()}


# --- the programs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """How a program finds, lists, reads and writes. ``is_careful``: it says which version it changes or deletes."""

    agent: str
    find: Find
    list: List
    is_careful: bool
    version: str = "3.0"
    asks_for: str = ""
    segment: str = "{uid}.vcf"
    content_type: str = "text/vcard; charset=utf-8"
    lines: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


PROGRAMS: Mapping[str, Program] = {
    "iOS": Program("iOS/26.1 (23B85) dataaccessd/1.0", find_like_ios, list_by_sync, True,
                   lines=("item1.TEL;type=pref:+1 555 1", "item1.X-ABLabel:Boat"), headers={"Brief": "t"}),
    "macOS": Program("macOS/26.1 (25B78) AddressBookCore/2700", find_like_macos, list_by_ctag, True,
                     segment="{uid}-ABSPlugin.vcf",
                     lines=("item1.URL;type=pref:https\\://example.org", "item1.X-ABLabel:_$!<HomePage>!$_")),
    "DAVx5": Program("DAVx5/4.5.19-ose (dav4jvm; okhttp/5) Android/16", find_like_davx5, list_by_sync, True,
                     "4.0", "4.0", content_type="text/vcard; version=4.0; charset=utf-8"),
    "Thunderbird": Program("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Thunderbird/153.0",
                           find_like_thunderbird, list_by_ctag, False, "4.0", content_type="text/vcard"),
    "Evolution": Program("Evolution/3.46.4", find_like_evolution, list_by_ctag, False,
                         lines=("TEL;TYPE=CELL,VOICE;X-EVOLUTION-E164=+15551:+1 555 1",)),
    "vdirsyncer": Program("vdirsyncer/0.21.0", find_like_vdirsyncer, list_by_propfind, True, content_type="text/vcard"),
    "tsdav": Program("tsdav/2.3.4", find_like_tsdav, list_by_query, True),
}  # fmt: skip
"""CONTACTS of each: what it does was recorded, or is in its source."""


@pytest.fixture(params=list(PROGRAMS))
def program(request: pytest.FixtureRequest) -> Program:
    return PROGRAMS[request.param]


@pytest.fixture
def client(app: App, program: Program) -> DavClient:
    return phone(app, User_Agent=program.agent, **program.headers)


@pytest.fixture
def laptop_of_ada(app: App) -> Caller:
    return caller(app, "ada")


def read(client: DavClient, program: Program, book: str, *paths: str) -> dict[str, str]:
    """The cards, by a multiget of this program. Their ETags are those of its list: else it would read them again."""
    listed = program.list(client, book)
    told = client.report(book, multiget_body(*paths, version=program.asks_for))
    assert all(each.text(f"{D}getetag") == listed[path] for path, each in told.items() if path in listed)
    return {path: each.text(DATA) for path, each in told.items() if not each.status}


def condition(program: Program, etag: str) -> dict[str, str]:
    return {"If_Match": etag} if program.is_careful else {}


def put(client: DavClient, program: Program, path: str, text: str, **headers: str) -> TestResponse:
    return client.ask("PUT", path, text, Content_Type=program.content_type, **headers)


def test_a_whole_conversation(program: Program, client: DavClient, laptop_of_ada: Caller) -> None:
    laptop_of_ada.add(name="Grace Hopper", phone="+1 555 9")
    book = program.find(client)
    (known,) = program.list(client, book)
    assert "FN:Grace Hopper" in read(client, program, book, known)[known]

    # a new card, which is listed and read under the name that it was given
    uid = "8a6f0f6e-9f6d-4f0a-8b1e-1d2c3b4a5f60"
    path = book + program.segment.format(uid=uid)
    made = put(client, program, path, card(uid, "Ada Lovelace", program.version, *program.lines), If_None_Match="*")
    assert made.status_code == 201, made.text
    again = put(client, program, path, card(uid, "Ada Lovelace", program.version), If_None_Match="*")
    assert again.status_code == 412
    listed = program.list(client, book)
    assert set(listed) == {known, path}
    assert made.headers.get("ETag") in (None, listed[path])
    own = read(client, program, book, path)[path]
    assert "FN:Ada Lovelace" in own
    contacts = laptop_of_ada.get("/contacts").get_json()["contacts"]
    assert {each["name"] for each in contacts} == {"Ada Lovelace", "Grace Hopper"}

    # a change of its own, from what it was served
    edited = own.replace("END:VCARD", "NOTE:Met at the club\r\nEND:VCARD")
    changed = put(client, program, path, edited, **condition(program, listed[path]))
    assert changed.status_code == 204, changed.text
    listed = program.list(client, book)
    assert "NOTE:Met at the club" in read(client, program, book, path)[path]

    # what another device changes reaches it
    (other,) = (each for each in contacts if each["name"] == "Grace Hopper")
    assert laptop_of_ada.ask("PATCH", f"/contacts/{other['id']}", json={"phone": "+1 555 8"}).status_code == 200
    now = program.list(client, book)
    assert now[known] != listed[known]
    assert now[path] == listed[path]
    assert "+1 555 8" in read(client, program, book, known)[known]

    # a deletion goes to the trash, and the card is not there any more
    gone = client.ask("DELETE", path, **condition(program, now[path]))
    assert gone.status_code == 204, gone.text
    assert set(program.list(client, book)) == {known}
    assert read(client, program, book, path, known).keys() == {known}
    assert client.ask("GET", path).status_code == 404
    assert client.ask("DELETE", path).status_code == 404


def test_nothing_new_is_nothing_to_do(program: Program, client: DavClient, laptop_of_ada: Caller) -> None:
    """No program uploads or downloads anything, however often it looks."""
    laptop_of_ada.add(name="Grace Hopper")
    book = program.find(client)
    first = program.list(client, book)
    read(client, program, book, *first)
    token = client.sync(book).token
    assert program.list(client, book) == first
    assert client.report(book, sync_body(token)) == {}
