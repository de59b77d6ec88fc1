"""The pages of streams in a browser: they fit, whatever a message holds, and are read without a mouse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import App
from tests.browser.looks import each_look, flaws_seen
from tests.browser.users import Visit
from tests.support.browser import parts_of
from tests.support.stream_files import Written, shown, written

Open = Callable[..., Visit]
BEYOND = (
    "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > screen.width + 1).length"
)


@pytest.fixture(autouse=True)
def streams(site: tuple[App, str], tmp_path: Path) -> Iterator[None]:
    """One that is busy and holds all kinds of messages, and one whose file is gone."""
    parts = parts_of(site[0])
    now = parts.clock()
    payloads: list[str | bytes] = [*(["short"] * 60), '{"ship": "Enchantress"}', "", b"\x00\xff" * 500, "x" * 2_000]
    rates = {second: 1_000 + second for second in range(0, 3_000, 7) if not 600 < second < 900}
    gaps = [(900, 600, "The connection broke off."), (3, None, "It closed the connection with 1012: back soon.")]
    with Written(tmp_path / "harbour.db", now, payloads, rates, gaps).open():
        sources = [shown(site[0], path) for path in (tmp_path / "harbour.db", written(tmp_path / "gone.db", now))]
        (tmp_path / "gone.db").unlink()
        yield
    for source in sources:
        parts.streams.remove(str(source.path))


def visited(page: Page) -> Iterator[str]:
    """Goes to the list, to both streams, and to what lies further back."""
    page.goto("/streams")
    yield "the list"
    page.get_by_role("link", name="gone").click()
    yield "a file that is gone"
    page.get_by_role("link", name="Streams").last.click()
    page.get_by_role("link", name="harbour").click()
    page.get_by_text("As a table").click()
    yield "a stream"
    page.get_by_role("link", name="Week").click()
    yield "its week"
    page.get_by_role("link", name="Older").click()
    yield "older messages"


def test_the_pages_fit_the_screen_and_axe_finds_nothing_serious(visit: Open) -> None:
    ada = visit(bypass_csp=True)  # axe itself sets styles while it measures
    page = ada.page
    flaws = {
        (place, look.name): [*flaws_seen(page), page.evaluate(BEYOND)]
        for place in visited(page)
        for look in each_look(page)
    }
    assert {place: found for place, found in flaws.items() if found != [0]} == {}


def test_the_content_policy_blocks_nothing_of_them(visit: Open) -> None:
    ada = visit()
    assert len(list(visited(ada.page))) == 5
    assert ada.complaints == []


def test_a_stream_is_reached_and_read_by_keyboard_without_scripts(visit: Open) -> None:
    ada = visit(scripts=False)
    ada.page.locator("#account summary").press("Enter")
    ada.page.get_by_role("navigation").get_by_role("link", name="Streams").press("Enter")
    ada.page.get_by_role("link", name="harbour").press("Enter")
    expect(ada.page.get_by_role("img", name="Messages per minute")).to_be_visible()
    ada.page.get_by_text("As a table").press("Enter")
    expect(ada.page.get_by_role("table").get_by_role("row")).to_have_count(61)
    ada.page.get_by_role("link", name="Day", exact=True).press("Enter")
    expect(ada.page.get_by_role("heading", name="Messages per half hour")).to_be_visible()
    ada.page.goto("/streams")
    ada.page.locator("#account summary").press("Enter")
    expect(ada.page.locator("#account a[aria-current]")).to_have_text("Streams")
