"""Cards that come: which answers keep programs going, and what becomes of an edit that was made from an old card."""

from __future__ import annotations

import pytest
from sqlalchemy import text as sql

from app import App
from tests.support.api_client import Caller, caller, contents
from tests.support.dav_client import C, D, DavClient, code_of, error_of, phone
from tests.support.live_server import serving
from tests.support.websocket_client import listening
from tests.web.carddav.test_conversations import card

pytestmark = pytest.mark.engines("sqlite")  # what the store does has tests on every database

BOOK = "/dav/ada/contacts/"
UID = "8a6f0f6e-9f6d-4f0a-8b1e-1d2c3b4a5f60"
PATH = f"{BOOK}{UID}.vcf"


@pytest.fixture
def laptop_of_ada(app: App) -> Caller:
    return caller(app, "ada")


@pytest.fixture
def ada_phone(app: App) -> DavClient:
    return phone(app)


def served(client: DavClient, path: str = PATH) -> tuple[str, str]:
    """A card with its ETag, as a program gets it."""
    answer = client.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.text, answer.headers["ETag"]


def with_line(text: str, line: str) -> str:
    return text.replace("END:VCARD", f"{line}\r\nEND:VCARD")


def contact_of(device: Caller) -> dict[str, object]:
    (contact,) = device.get("/contacts").get_json()["contacts"]
    return dict(contact)


# --- ETags ---


def test_an_etag_is_quoted_and_comes_only_with_the_very_bytes_that_were_sent(ada_phone: DavClient) -> None:
    """Trap 5: whoever is told one does not read the card again."""
    own = card(UID, "Ada Lovelace", "3.0", "X-UNUSUAL;TYPE=x:y")
    made = ada_phone.ask("PUT", PATH, own)
    text, etag = served(ada_phone)
    assert etag[0] == etag[-1] == '"'
    assert not etag.startswith("W/")
    assert ("ETag" in made.headers) == (text == own)
    again = ada_phone.ask("PUT", PATH, text, If_Match=etag)
    assert again.status_code == 204
    assert again.headers.get("ETag", etag) == etag
    four = ada_phone.ask("PUT", PATH, card(UID, "Ada Byron", "4.0"))
    assert "ETag" not in four.headers


def test_a_card_that_is_known_is_not_sent_again(ada_phone: DavClient) -> None:
    ada_phone.ask("PUT", PATH, card(UID, "Ada"))
    _, etag = served(ada_phone)
    answer = ada_phone.ask("GET", PATH, If_None_Match=etag)
    assert (answer.status_code, answer.data) == (304, b"")
    head = ada_phone.ask("HEAD", PATH)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", etag)


# --- edits from old cards ---


def test_an_edit_from_an_old_card_is_merged_and_never_refused(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """Trap 3: at 412 an Android phone throws the edit away."""
    ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace"))
    text, etag = served(ada_phone)
    key = contact_of(laptop_of_ada)["id"]
    laptop_of_ada.ask("PATCH", f"/contacts/{key}", json={"company": "Analytical Engines"})
    answer = ada_phone.ask("PUT", PATH, with_line(text, "NOTE:Met at the club"), If_Match=etag)
    assert (answer.status_code, "ETag" in answer.headers) == (204, False)
    contact = contact_of(laptop_of_ada)
    assert (contact["company"], contact["notes"]) == ("Analytical Engines", "Met at the club")


def test_an_edit_without_if_match_removes_nothing_that_it_never_saw(
    ada_phone: DavClient, laptop_of_ada: Caller
) -> None:
    """Trap 4: Thunderbird and Evolution send none; the whole old card with one new line changes one cell."""
    ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace"))
    text, _ = served(ada_phone)
    key = contact_of(laptop_of_ada)["id"]
    laptop_of_ada.ask("PATCH", f"/contacts/{key}", json={"company": "Analytical Engines"})
    assert ada_phone.ask("PUT", PATH, with_line(text, "NOTE:Met at the club")).status_code == 204
    contact = contact_of(laptop_of_ada)
    assert (contact["company"], contact["notes"]) == ("Analytical Engines", "Met at the club")
    changes = laptop_of_ada.get(f"/history/{key}").get_json()["changes"]
    assert changes[0]["device"] == "phone"


def test_whoever_was_merged_is_told_the_card_once_more(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace"))
    text, etag = served(ada_phone)
    token = ada_phone.sync(BOOK).token
    key = contact_of(laptop_of_ada)["id"]
    laptop_of_ada.ask("PATCH", f"/contacts/{key}", json={"notes": "from the laptop"})
    ada_phone.ask("PUT", PATH, with_line(text, "NOTE:from the phone"), If_Match=etag)
    assert set(ada_phone.sync(BOOK, token).changed) == {PATH}


def test_a_deletion_of_an_old_card_is_refused(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace"))
    _, etag = served(ada_phone)
    key = contact_of(laptop_of_ada)["id"]
    laptop_of_ada.ask("PATCH", f"/contacts/{key}", json={"notes": "new"})
    answer = ada_phone.ask("DELETE", PATH, If_Match=etag)
    assert (answer.status_code, code_of(answer)) == (412, "precondition_failed")
    assert contact_of(laptop_of_ada)["notes"] == "new"


def test_412_only_where_it_must_be(ada_phone: DavClient) -> None:
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada"), If_Match='"5-00000000"').status_code == 412
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada"), If_None_Match="*").status_code == 201
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada B"), If_None_Match="*").status_code == 412
    _, etag = served(ada_phone)
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada C"), If_Match=etag).status_code == 204
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada D"), If_Match=etag).status_code == 204  # from an old one
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada E"), If_Match="*").status_code == 204


# --- names and UIDs ---


@pytest.mark.parametrize("segment", ["my%20card.vcf", "a%40b%7B1%7D", "%C3%A9.vcf", "a%2520b.vcf", "x+y=z~.vcf"])
def test_the_name_that_a_program_gives_is_kept(ada_phone: DavClient, segment: str) -> None:
    """Trap 6: the name in the path is not the UID."""
    assert ada_phone.ask("PUT", BOOK + segment, card(UID, "Ada")).status_code == 201
    (address,) = ada_phone.sync(BOOK).changed
    told = ada_phone.multiget(BOOK, BOOK + segment)
    assert list(told) == [address]
    assert f"{C}address-data" in told[address].properties
    assert f"UID:{UID}" in told[address].text(f"{C}address-data")


def test_a_uid_is_of_one_card(ada_phone: DavClient) -> None:
    """Trap 6: which card it is of is told by its address."""
    ada_phone.ask("PUT", PATH, card(UID, "Ada"))
    answer = ada_phone.ask("PUT", BOOK + "other.vcf", card(UID, "Ada"))
    assert (answer.status_code, error_of(answer)) == (409, [f"{C}no-uid-conflict"])
    assert f"<D:href>{PATH}</D:href>" in answer.text
    assert list(ada_phone.sync(BOOK).changed) == [PATH]


# --- what is not taken ---


@pytest.mark.parametrize(
    ("body", "status", "condition"),
    [
        (b"", 403, f"{C}valid-address-data"),
        (b"no card", 403, f"{C}valid-address-data"),
        (b"BEGIN:VCARD\r\n", 403, f"{C}valid-address-data"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", 403, f"{C}valid-address-data"),
        (card("1", "A").encode() + card("2", "B").encode(), 403, f"{C}valid-address-data"),
        (b"\xff\xfe\0\0" * 100, 403, f"{C}valid-address-data"),
        (b"x" * (16 * 1024 * 1024 + 1), 413, f"{C}max-resource-size"),
    ],
    ids=["empty", "text", "half", "calendar", "two", "bytes", "long"],
)
def test_what_is_no_card_is_refused_and_nothing_is_stored(
    app: App, ada_phone: DavClient, body: bytes, status: int, condition: str
) -> None:
    before = contents(app, "devices", "card_programs")
    answer = ada_phone.ask("PUT", PATH, body)
    assert (answer.status_code, error_of(answer)) == (status, [condition])
    assert contents(app, "devices", "card_programs") == before


def test_what_is_said_to_be_no_card_is_refused(ada_phone: DavClient) -> None:
    answer = ada_phone.ask("PUT", PATH, card(UID, "Ada"), Content_Type="text/calendar")
    assert (answer.status_code, error_of(answer)) == (415, [f"{C}supported-address-data"])
    part = ada_phone.ask("PUT", PATH, card(UID, "Ada"), Content_Range="bytes 0-5/100")
    assert (part.status_code, code_of(part)) == (400, "bad_range")
    for named in (None, "text/vcard", "text/x-vcard; charset=utf-8", "text/directory;profile=vCard"):
        assert ada_phone.ask("PUT", PATH, card(UID, "Ada"), Content_Type=named).status_code in (201, 204)


@pytest.mark.parametrize("path", [BOOK + "..", BOOK + "a/b.vcf", BOOK + "%00", BOOK + "x" * 256, "/dav/ada/x.vcf"])
def test_a_card_is_not_put_where_none_can_be(app: App, ada_phone: DavClient, path: str) -> None:
    assert ada_phone.ask("PUT", path, card(UID, "Ada")).status_code in (400, 403, 404)
    with app.extensions["database"].read() as connection:
        assert connection.execute(sql("SELECT count(*) FROM contacts")).scalar() == 0


def test_a_collection_takes_no_card(ada_phone: DavClient) -> None:
    answer = ada_phone.ask("PUT", BOOK, card(UID, "Ada"))
    assert (answer.status_code, "PUT" in answer.headers["Allow"]) == (405, False)
    assert f"{D}error" in answer.text or answer.mimetype == "application/xml"


def test_a_deleted_card_is_in_the_trash_and_comes_back_by_its_name(ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace"))
    token = ada_phone.sync(BOOK).token
    assert ada_phone.ask("DELETE", PATH).status_code == 204
    assert ada_phone.ask("DELETE", PATH).status_code == 404
    assert ada_phone.sync(BOOK, token).removed == [PATH]
    assert laptop_of_ada.get("/contacts").get_json()["contacts"] == []
    assert ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace"), If_None_Match="*").status_code in (201, 204)
    assert contact_of(laptop_of_ada)["name"] == "Ada Lovelace"


def test_a_card_that_comes_reaches_whoever_listens(app: App, ada_phone: DavClient, laptop_of_ada: Caller) -> None:
    """As any change does: open pages and replicas."""
    cursor = laptop_of_ada.get("/changes").get_json()["cursor"]
    with serving(app) as url, listening(url, laptop_of_ada.token, cursor) as listener:
        assert ada_phone.ask("PUT", PATH, card(UID, "Ada Lovelace")).status_code == 201
        (row,) = listener.page()["changes"]
        assert row["data"]["name"] == "Ada Lovelace"
        assert ada_phone.ask("DELETE", PATH).status_code == 204
        (row,) = listener.page()["changes"]
        assert row["operation"] == "DELETE"
