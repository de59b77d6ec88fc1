"""A phone is added on the Devices page: what it is set up with is shown once, and once more by a link on the phone."""

from __future__ import annotations

import plistlib
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from app import App
from services.accounts.phone_links import OPEN_US, PhoneAccess, key_of, seal
from tests.support.browser import Browser, Stage, add_user, app_on, csrf_of, parts_of, signed_in
from tests.support.dav_client import DavClient, phone
from web.presenters.apple_profile import carddav_profile
from web.presenters.user_agents import program_of

pytestmark = pytest.mark.engines("sqlite")

TOKEN = re.compile(r"ob_[0-9a-f]{32}_[\w-]{43}")
PROFILE = re.compile(r'href="(/phone-profile/[^"]+)"')


@pytest.fixture
def app(stage: Stage) -> Iterator[App]:
    with stage.set() as app:
        add_user(app, "ada")
        yield app


@pytest.fixture
def ada(app: App) -> Browser:
    return signed_in(app, "ada")


def link_of(app: App, token: str = "ob_token") -> str:
    parts = parts_of(app)
    once = parts.phone_links.open_link(PhoneAccess("ada", token), parts.clock(), parts.new_id)
    return f"/phone/{once}"


def test_a_phone_is_shown_what_its_program_asks_for(app: App, ada: Browser) -> None:
    answer = ada.post("/devices/phones", "/devices", name="Ada's phone")
    (token,) = set(TOKEN.findall(answer.text))
    assert answer.headers["Cache-Control"] == "no-store"
    for told in ("http://localhost", ">ada<", "http://localhost/dav/ada/contacts/", 'src="data:image/svg+xml'):
        assert told in answer.text
    for program in ("iPhone", "DAVx⁵", "Thunderbird", "Evolution", "Mac"):
        assert program in answer.text
    assert not TOKEN.search(ada.get("/devices").text)
    assert DavClient(app, "ada", token).ask("PROPFIND", "/dav/").status_code == 207
    with app.extensions["database"].read() as connection:
        kept = connection.exec_driver_sql("SELECT value FROM settings").scalars().all()
    assert len(kept) == 1
    assert token not in kept[0]


def test_a_phone_without_a_good_name_is_not_added(app: App, ada: Browser) -> None:
    assert ada.post("/devices/phones", "/devices", name=" ").status_code == 422
    assert parts_of(app).accounts.devices(parts_of(app).accounts.user_named("ada").id) == []


def test_a_link_shows_the_password_once(app: App) -> None:
    """And only to whoever presses the button: what looks at links before people do uses up none."""
    link, phone = link_of(app), Browser(app)
    for _ in range(3):
        answer = phone.get(link)
        assert (answer.status_code, "ob_token" in answer.text) == (200, False)
        assert answer.headers["Cache-Control"] == "no-store"
    form = {"csrf_token": csrf_of(answer.text)}
    shown = phone.client.post(link, data=form)
    assert "ob_token" in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    assert phone.client.post(link, data=form).status_code == 404
    assert phone.get(link).status_code == 404


def test_a_link_is_over_after_ten_minutes(app: App) -> None:
    parts = parts_of(app)
    now_us = parts.clock()
    once = parts.phone_links.open_link(PhoneAccess("ada", "x"), now_us, parts.new_id)
    assert parts.phone_links.is_open(once, now_us + OPEN_US - 1)
    assert not parts.phone_links.is_open(once, now_us + OPEN_US)
    assert parts.phone_links.take(once, now_us + OPEN_US) is None
    assert parts.phone_links.take(once, now_us) is None


def test_links_that_are_over_are_forgotten(app: App) -> None:
    parts = parts_of(app)
    for number in range(3):
        parts.phone_links.open_link(PhoneAccess("ada", "x"), number * OPEN_US, parts.new_id)
    with app.extensions["database"].read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM settings").scalar() == 1


def test_what_is_kept_of_a_link_says_nothing_without_it() -> None:
    content = b"a password that is longer than thirty-two bytes, by far"
    sealed = seal(content, "secret")
    assert seal(sealed, "secret") == content
    assert seal(sealed, "Secret") != content
    assert content[:8] not in sealed
    assert key_of("secret") != key_of("Secret")


@pytest.mark.parametrize("once", ["x", "x" * 43, "../etc", "é", "%00"])
def test_a_link_of_nobody_is_not_there(app: App, once: str) -> None:
    assert Browser(app).get(f"/phone/{once}").status_code in (400, 404)


def test_the_profile_of_an_iphone_has_no_password_in_it(app: App, ada: Browser) -> None:
    page = ada.post("/devices/phones", "/devices", name="Ada's phone").text
    address = unescape(PROFILE.findall(page)[0])
    answer = Browser(app).get(address)
    assert answer.mimetype == "application/x-apple-aspen-config"
    (account,) = plistlib.loads(answer.data)["PayloadContent"]
    assert account["PayloadType"] == "com.apple.carddav.account"
    assert (account["CardDAVHostName"], account["CardDAVPrincipalURL"]) == ("localhost", "/dav/ada/")
    assert account["CardDAVUsername"] == "ada"
    assert not TOKEN.search(answer.text)
    assert Browser(app).get(address + "x").status_code == 404


def test_a_profile_says_where_a_server_is() -> None:
    own = ("https://example.org:8443/office", "/office/dav/a%40b/", "a@b & <c>")
    profile = plistlib.loads(carddav_profile(*own))
    (account,) = profile["PayloadContent"]
    assert (account["CardDAVPort"], account["CardDAVUseSSL"]) == (8443, True)
    assert account["CardDAVUsername"] == "a@b & <c>"
    assert profile == plistlib.loads(carddav_profile(*own))
    assert plistlib.loads(carddav_profile("https://x.org", "/dav/a/", "a"))["PayloadContent"][0]["CardDAVPort"] == 443


def test_the_devices_page_tells_the_program_of_a_phone(app: App, ada: Browser) -> None:
    page = ada.post("/devices/phones", "/devices", name="Ada's phone").text
    (token,) = set(TOKEN.findall(page))
    client = DavClient(app, "ada", token, **{"User-Agent": "DAVx5/4.5.19-ose (dav4jvm; okhttp/5) Android/16"})
    assert client.ask("PROPFIND", "/dav/").status_code == 207
    assert "CardDAV, DAVx⁵" in ada.get("/devices").text


def test_the_devices_page_tells_which_cards_of_a_phone_were_not_taken(app: App, ada: Browser) -> None:
    client = phone(app, "ada", "Ada's phone")
    assert client.ask("PROPFIND", "/dav/").status_code == 207
    assert "not taken" not in ada.get("/devices").text
    for _ in range(2):
        assert client.ask("PUT", "/dav/ada/contacts/a%3Cb.vcf", "BEGIN:VCARD\r\n<script>").status_code == 403
    page = ada.get("/devices").text
    assert "2 cards not taken" in page
    assert "a&lt;b.vcf" in page


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("DAVx5/4.5.19-ose (dav4jvm; okhttp/5) Android/16", "DAVx⁵"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Thunderbird/153.0", "Thunderbird"),
        ("iOS/26.1 (23B85) dataaccessd/1.0", "Contacts on iPhone"),
        ("macOS/26.1 (25B78) AddressBookCore/2700", "Contacts on Mac"),
        ("Evolution/3.46.4", "Evolution"),
        ("vdirsyncer/0.21.0", "vdirsyncer"),
        ("", "an unknown program"),
        ("<script>", "an unknown program"),
    ],
)
def test_programs_have_names(agent: str, name: str) -> None:
    assert program_of(agent) == name


def test_links_are_of_the_sub_path_that_a_proxy_puts_before_them(stage: Stage, tmp_path: Path) -> None:
    with stage.set() as empty:
        made = app_on(str(empty.extensions["database"].engine.url))
        add_user(made, "ada")
        browser = signed_in(made, "ada")
        under = {"SCRIPT_NAME": "/office"}
        token = csrf_of(browser.client.get("/devices", environ_overrides=under).text)
        form = {"csrf_token": token, "name": "phone"}
        page = browser.client.post("/devices/phones", data=form, environ_overrides=under).text
        made.extensions["database"].close()
    assert "http://localhost/office/dav/ada/contacts/" in page
    assert "http://localhost/office/office" not in page
    assert PROFILE.search(page.replace('href="/office/', 'href="/'))
