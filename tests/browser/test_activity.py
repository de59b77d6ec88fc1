"""The activity page in a browser: it fits, shows its colours under the content policy, and is read without a mouse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from offbook.contacts.table import BUILT_IN
from offbook.core.merge.retention import DAY_US
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from tests.browser.conftest import contact
from tests.browser.looks import ALL_LOOKS, flaws_of
from tests.browser.users import Visit
from tests.support.browser import add_device, parts_of
from tests.support.pushes import push

Open = Callable[..., Visit]
WAYS = [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")]


def busy(ada: Visit) -> Visit:
    """Two devices that changed something on several days; one of them has parked changes and is behind."""
    parts = parts_of(ada.app)
    user, now = parts.accounts.user_named(ada.name), parts.clock()
    for name, days in (("Laptop", (9, 5, 1)), ("A phone with quite a long name", (5, 2))):
        device, _ = add_device(ada.app, ada.name, name)
        for day in days:
            batch = [parse_change(BUILT_IN, contact(number, parts.new_id()), device.uuid) for number in range(day)]
            push(parts.store, user.book_id, ChangeOrigin(device.id, user.id), batch, now - day * DAY_US)
        parts.accounts.record_seen(device, now, 90_000, {"too_long": 2}, cursor_seq=now - 3 * DAY_US)
    ada.page.goto("/activity")
    return ada


@pytest.mark.parametrize(("size", "scheme"), WAYS)
def test_the_chart_fits_the_screen_and_has_its_colours(visit: Open, size: str, scheme: str) -> None:
    ada = busy(visit(size, scheme))
    assert not ada.page.evaluate("document.documentElement.scrollWidth > innerWidth")
    fills = "[...document.querySelectorAll('.chart-day rect:not(.chart-column)')].map(e => getComputedStyle(e).fill)"
    assert len(set(ada.page.evaluate(fills))) == 3, "two devices and the browser"
    box = ada.page.locator("svg.chart").bounding_box()
    assert box
    assert box["width"] > 200
    assert ada.complaints == []


def test_the_chart_is_named_and_its_numbers_are_reached_by_keyboard(visit: Open) -> None:
    ada = busy(visit(scripts=False))
    expect(ada.page.get_by_role("img", name="Changes per day and device")).to_be_visible()
    table = ada.page.get_by_role("table")
    expect(table).to_be_hidden()
    ada.page.get_by_text("As a table").focus()
    ada.page.keyboard.press("Enter")
    expect(table).to_be_visible()
    expect(table.get_by_role("row")).to_have_count(31)
    ada.page.keyboard.press("Tab")
    expect(ada.page.get_by_role("region", name="Changes per day and device")).to_be_focused()


def test_axe_finds_nothing_serious_in_a_page_with_all_there_is(visit: Open) -> None:
    ada = busy(visit(bypass_csp=True))  # axe itself sets styles while it measures
    ada.page.get_by_text("As a table").click()
    assert flaws_of(ada.page, ALL_LOOKS) == []


def test_the_page_is_reached_from_the_navigation(visit: Open) -> None:
    ada = visit()
    ada.page.locator("#account summary").click()
    ada.page.get_by_role("navigation").get_by_role("link", name="Activity").click()
    expect(ada.page.get_by_role("heading", name="Activity")).to_be_visible()
    expect(ada.page.locator("#account a[aria-current]")).to_contain_text("Activity")
