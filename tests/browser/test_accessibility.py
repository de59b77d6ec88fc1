"""axe looks at every page, wide and light, narrow and dark (tests.browser.looks): it must find nothing serious."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from app import App
from tests.browser.looks import flaws_of
from tests.browser.users import Visit
from tests.support.browser import parts_of
from tests.support.conflict_scenarios import every_kind, pair
from tests.support.live_server import serving
from tests.support.pictures import picture

GOOD_AND_BAD_ROW = b"First Name,Last Name,Notes\nAda,King,engines\nToo,Long," + b"x" * 20_001


def places(ada: Visit) -> Iterator[str]:
    """Goes to every page, one after the other, and names it."""
    page = ada.page
    for path in (
        "/",
        "/?q=nobody",
        "/trash",
        "/activity",
        "/import",
        "/devices",
        "/people",
        "/streams",
        "/settings",
        "/nothing",
        "/c/new",
    ):
        page.goto(path)
        yield path
    ada.field("Birthday").fill("soon")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector(".input-error")
    yield "a form with errors"
    page.goto("/")
    ada.open("Person 001")
    yield "a contact"
    page.get_by_role("link", name="Edit").click()
    page.wait_for_selector(".contact-form")
    yield "its form"
    ada.field("New label").fill("Friends")
    page.get_by_role("button", name="Add label").click()
    photo: FilePayload = {"name": "a.png", "mimeType": "image/png", "buffer": picture("PNG", 300, 200)}
    page.locator('[data-test="photo-file"]').set_input_files(photo)
    expect(page.locator("[data-photo-crop]")).to_be_visible()
    yield "its form with a label and a photo"
    ada.save()
    page.locator('[data-test="contact-labels"] a').click()
    page.locator("#label-menu summary").click()
    yield "the list of a label, and the menu of labels"
    page.goto("/c/labels")
    page.get_by_text("Rename").click()
    yield "the page of labels"
    page.goto("/")
    ada.open("Person 001")
    page.get_by_role("button", name="Delete").click()
    page.wait_for_selector(".flash")
    yield "the undo"
    page.goto("/trash")
    page.locator(".item-name").click()
    page.wait_for_selector(".contact")
    yield "a deleted contact"
    page.goto("/devices")
    page.get_by_label("Name of a new device").fill("Laptop")
    page.get_by_role("button", name="Add device").click()
    page.wait_for_selector("#token")
    yield "a device's token"
    page.get_by_role("link", name="Done").click()
    page.wait_for_selector(".items")
    yield "a list of devices"
    page.get_by_label("Name of a new device").fill("Phone")
    page.get_by_role("button", name="Add a phone").click()
    page.get_by_text("Android, with DAVx⁵").click()
    yield "what a phone is set up with"
    page.goto("/import")
    page.get_by_label("A vCard, a CSV or a zip").set_input_files(
        {"name": "table.csv", "mimeType": "text/csv", "buffer": b"Who,Desk,Empty\nAda,555 0100,\n"}
    )
    page.get_by_role("button", name="Look at it").click()
    page.get_by_text("1 column without values").click()
    yield "what the columns of a table are"
    page.goto("/import")
    page.get_by_label("A vCard, a CSV or a zip").set_input_files(
        {"name": "contacts.csv", "mimeType": "text/csv", "buffer": GOOD_AND_BAD_ROW}
    )
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("Nothing is written yet.")).to_be_visible()
    yield "what an import would do"
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="Not imported as it stood")).to_be_visible()
    yield "what an import did"
    page.goto("/inbox")
    yield "an empty inbox"
    every_kind(pair(ada.app, ada.name))
    page.reload()
    page.get_by_text("Type another").first.click()
    yield "an inbox with every kind of conflict"
    page.get_by_role("link", name="Ada Lovelace").click()
    page.wait_for_selector(".waits")
    yield "a contact with open conflicts"


def test_every_page_fits_the_screen_and_axe_finds_nothing_serious(visit: Callable[..., Visit]) -> None:
    ada = visit(bypass_csp=True)  # axe itself sets styles while it measures
    flaws = {place: flaws_of(ada.page) for place in places(ada)}
    ada.page.context.clear_cookies()
    ada.page.goto("/login")
    flaws["login"] = flaws_of(ada.page)
    assert {place: found for place, found in flaws.items() if found} == {}


@pytest.mark.engines("sqlite")
def test_the_set_up_page_fits_the_screen_and_axe_finds_nothing_serious(chromium: Browser, app: App) -> None:
    once = parts_of(app).accounts.open_setup()
    with serving(app) as url, chromium.new_page(bypass_csp=True) as page:
        page.goto(f"{url}/setup/{once}")
        expect(page.get_by_role("heading", name="Welcome to offbook")).to_be_visible()
        assert flaws_of(page) == []


def test_the_content_policy_blocks_nothing_of_ours(visit: Callable[..., Visit]) -> None:
    ada = visit()
    for place in ("/", "/c/new", "/activity", "/settings"):
        ada.page.goto(place)
        assert ada.complaints == [], place


def test_the_first_tab_leads_past_the_navigation(visit: Callable[..., Visit]) -> None:
    ada = visit()
    ada.page.reload()
    ada.page.keyboard.press("Tab")
    expect(ada.page.get_by_role("link", name="Skip to content")).to_be_focused()
    ada.page.keyboard.press("Enter")
    expect(ada.page.locator("#main")).to_be_focused()
