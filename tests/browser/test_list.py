"""The list as a window on all of a book: scrolled from A to Z, come back to, starred far down, without scripts too."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from tests.browser.looks import flaws_as_it_looks
from tests.browser.users import Visit, scroll_to
from tests.support.browser import parts_of
from tests.support.pushes import push

Open = Callable[..., Visit]

MANY = 2_000
ON_PAGE_MAX = 80
"""So many rows are on the page at the most, however long the list is."""

REQUESTS_MAX = 8
"""So many requests do two stars take at the most, with the rows around that are fetched ahead."""

OPENED = """async position => {
    const row = document.querySelector(`.row[aria-posinset="${position + 1}"]`);
    const pane = document.getElementById("pane");
    const start = performance.now();
    row.querySelector(".row-link").click();
    const isOpen = () => pane.querySelector("[data-id]")?.dataset.id === row.dataset.id && !pane.ariaBusy;
    while (!isOpen()) await new Promise((done) => { setTimeout(done); });
    return performance.now() - start;
}"""


@pytest.fixture(scope="module")
def person(site: tuple[App, str]) -> str:
    """Somebody with many contacts, of all letters, none of which a test may change for another."""
    app, _ = site
    parts = parts_of(app)
    user = parts.accounts.add_user("many", "correct horse battery", True, parts.clock(), parts.new_id)
    choice = random.Random(1)
    items = []
    for number in range(MANY):
        record_id = parts.new_id()
        letter = chr(ord("A") + number * 26 // MANY)
        data = {"name": f"{letter}{choice.randrange(10**6):06} Person"}
        item = {"id": record_id, "table": "contacts", "record_id": record_id, "operation": "INSERT", "data": data}
        items.append(parse_change(BUILT_IN, item | {"timestamp": "2026-11-20T17:00:00.000Z"}, record_id))
    push(parts.store, user.book_id, ChangeOrigin(user_id=user.id), items, parts.clock())
    return user.name


def seen(page: Page) -> str:
    """The name of the first row that is seen below the heading."""
    name: str = page.evaluate("""() => {
        const rows = document.getElementById("rows");
        const top = rows.parentElement.getBoundingClientRect().top + rows.querySelector(".letter").offsetHeight;
        const isSeen = (row) => row.getBoundingClientRect().bottom > top + 1;
        return [...rows.querySelectorAll(".row")].find(isSeen).querySelector(".row-name")?.textContent;
    }""")
    return name


def test_a_long_list_is_scrolled_to_its_end_and_come_back_to(visit: Open, person: str) -> None:
    ada = visit(user=person, bypass_csp=True)
    page = ada.page
    expect(page.locator("[data-count]")).to_have_text("2,000 contacts")
    page.evaluate("document.getElementById('rows').parentElement.scrollTop = 1e9")
    expect(ada.rows().last).to_have_attribute("aria-posinset", "2000")
    expect(ada.rows().last.locator(".row-name")).to_contain_text("Z")
    assert ada.rows().count() <= ON_PAGE_MAX
    expect(page.locator(".rail a[aria-current]")).to_have_text("Z")

    page.locator(".rail a", has_text="M").click()
    expect(page.locator(".rail a[aria-current]")).to_have_text("M")
    expect(page.locator(".row.blank")).to_have_count(0)
    first = seen(page)
    assert first.startswith("M")
    assert flaws_as_it_looks(page) == []
    page.reload()
    expect(page.locator(".rail a[aria-current]")).to_have_text("M")
    expect(page.locator(".row.blank")).to_have_count(0)
    assert seen(page) == first
    page.goto("/settings")
    page.go_back()
    expect(page.locator(".rail a[aria-current]")).to_have_text("M")
    expect(page.locator(".row.blank")).to_have_count(0)
    assert seen(page) == first

    page.locator(".row-link", has_text=first).focus()
    for _ in range(30):
        page.keyboard.press("j")
    line = page.locator(".row-link:focus")
    expect(line).to_be_in_viewport()
    position = int(line.locator("xpath=..").get_attribute("aria-posinset") or 0)
    assert position == 30 + int(page.locator(".rail a", has_text="M").get_attribute("data-at") or 0) + 1
    page.keyboard.press("Enter")
    ada.expect_contact(line.locator(".row-name").inner_text())
    page.keyboard.press("Escape")
    expect(page.locator(".contact")).to_have_count(0)
    expect(page.locator(".row-link:focus")).to_be_in_viewport()


def test_what_is_done_far_down_takes_no_more_than_at_the_top(visit: Open, person: str) -> None:
    ada = visit(user=person)
    page = ada.page
    top, bottom = 0, MANY - 100
    times: dict[int, list[float]] = {top: [], bottom: []}
    counts, asked = dict[int, int](), dict[int, int]()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for start in (top, bottom, top, bottom):
        scroll_to(page, start)
        page.wait_for_load_state("networkidle")
        times[start] += [page.evaluate(OPENED, position) for position in range(start + 3, start + 8)]
        page.wait_for_load_state("networkidle")
        requests.clear()
        row = page.locator(f'.row[aria-posinset="{start + 5}"]')
        row.hover()
        star = row.locator(".star")
        star.click()
        expect(star).to_have_attribute("aria-pressed", "true")
        star.click()
        expect(star).to_have_attribute("aria-pressed", "false")
        page.wait_for_load_state("networkidle")
        asked[start] = len(requests)
        counts[start] = page.locator("#rows *").count()
    assert min(times[bottom]) < 3 * min(times[top]) + 50
    assert counts[bottom] < 1.5 * counts[top]
    assert max(asked.values()) <= REQUESTS_MAX


def test_without_scripts_pages_lead_both_ways_and_letters_to_their_names(visit: Open, person: str) -> None:
    ada = visit("phone", scripts=False, user=person)
    page = ada.page
    page.get_by_role("link", name="M", exact=True).click()
    expect(page.locator(".letter").first).to_have_text("M")
    first = ada.rows().first.locator(".row-name").inner_text()
    page.get_by_role("link", name="Next").click()
    page.get_by_role("link", name="Previous").click()
    expect(ada.rows().first).to_contain_text(first)
    ada.rows().first.locator("a").click()
    ada.expect_contact(first)
    page.locator("a.back").click()
    expect(ada.rows().first).to_contain_text(first)


def test_a_search_says_why_and_is_remembered(visit: Open) -> None:
    ada = visit()
    page = ada.page
    field = page.get_by_role("searchbox")
    field.press_sequentially("town 001")
    expect(ada.rows()).to_have_count(1)
    expect(page.locator(".row-why")).to_have_text("Address: 1 Long Street Town")
    expect(page.locator(".row mark")).to_have_text(["001", "Town"])
    ada.open("Person 001")
    field.fill("")
    recent = page.get_by_role("button", name="town 001")
    expect(recent).to_be_visible()
    field.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("town 001")
    expect(ada.rows()).to_have_count(1)
