"""The activity page over a real database, and the pure parts that make it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.merge.retention import DAY_US
from offbook.core.protocol.requests import parse_change
from offbook.core.protocol.rows import iso_millis
from storage.base import ChangeOrigin
from storage.values.accounts import DeviceInfo
from storage.values.activity import DayCount
from tests.support.browser import Browser, add_device, parts_of
from tests.support.pushes import push
from web.pages.activity import COLOURS, stack_series
from web.presenters.rejection_reasons import waiting

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database


def add(app: App, device: DeviceInfo | None = None, days_ago: int = 0, times: int = 1, **data: Any) -> None:
    parts = parts_of(app)
    user = parts.accounts.user_named("ada")
    now = parts.clock() - days_ago * DAY_US
    for start in range(0, times, 1000):
        ids = [parts.new_id() for _ in range(min(1000, times - start))]
        batch = [parse_change(BUILT_IN, insert(change_id, now, data), change_id) for change_id in ids]
        push(parts.store, user.book_id, ChangeOrigin(device.id if device else None, user.id), batch, now)


def insert(record_id: str, now: int, data: dict[str, Any]) -> dict[str, Any]:
    item = {"id": record_id, "table": "contacts", "record_id": record_id, "operation": "INSERT"}
    return item | {"timestamp": iso_millis(now // 1000), "data": {"name": "Ada"} | data}


def shown(browser: Browser) -> str:
    """The page's text, as people see it."""
    text = re.sub(r"<[^>]+>", " ", browser.get("/activity").text)
    return re.sub(r"\s+", " ", text)


def test_a_new_book_says_what_will_be_here(ada: Browser) -> None:
    page = shown(ada)
    assert "Nothing has happened yet" in page
    assert "No device yet" in page
    assert '<svg class="chart"' not in ada.get("/activity").text


def test_changes_are_drawn_and_told_in_a_table(app: App, ada: Browser) -> None:
    laptop, _ = add_device(app, device="Laptop <b>")
    add(app, laptop, days_ago=2, times=3)
    add(app)
    page = ada.get("/activity").text
    assert "4 changes in the last 30 days" in page
    assert 'role="img" aria-labelledby="chart-title chart-more"' in page
    assert "In the browser 1, Laptop &lt;b&gt; 3" in page
    assert page.count('<th scope="row">') == 30
    assert "Laptop <b>" not in page


def test_a_day_with_thousands_stands_beside_a_day_with_three(app: App, ada: Browser) -> None:
    laptop, _ = add_device(app, device="Laptop")
    add(app, laptop, days_ago=3, times=3)
    add(app, laptop, days_ago=2, times=2_000)
    page = ada.get("/activity").text
    assert "<td>2,000</td>" in page
    assert len(re.findall(r'<rect class="hue-5 pale"', page)) == 2


def test_the_page_needs_no_style_or_script_of_its_own(app: App, ada: Browser) -> None:
    add(app, company="Engines")
    page = ada.get("/activity").text
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", page)


def test_a_company_leads_to_its_contacts(app: App, ada: Browser) -> None:
    add(app, company="Harbour & Sons")
    page = ada.get("/activity").text
    assert '<a href="/?q=Harbour+%26+Sons">Harbour &amp; Sons</a>' in page
    assert "1 contact found" in ada.get("/?q=Harbour+%26+Sons").text


def test_devices_show_how_far_they_are(app: App, ada: Browser) -> None:
    names = ("Laptop", "Phone", "Tablet")
    laptop, phone, _ = (add_device(app, device=name)[0] for name in names)
    add(app, days_ago=3, times=1_500)
    now = parts_of(app).clock()
    parts_of(app).accounts.record_seen(laptop, now, 180_000, cursor_seq=now)
    parts_of(app).accounts.record_seen(phone, now - 4 * DAY_US, cursor_seq=now - 4 * DAY_US)
    page = shown(ada)
    assert "Laptop Seen just now Clock 3 minutes ahead Up to date" in page
    assert "Phone Seen 4 days ago Oldest missing change 3 days ago 1,500 records behind" in page
    assert "Tablet Never seen yet" in page


def test_what_waits_on_a_device_is_told_by_its_reason(app: App, ada: Browser) -> None:
    device, _ = add_device(app, device="Laptop")
    parts_of(app).accounts.record_seen(device, 0, parked={"too_long": 2, "of_a_later_version": 1})
    page = shown(ada)
    assert "2 changes wait on Laptop: a text is too long" in page
    assert "1 change waits on Laptop: of_a_later_version" in page


def test_open_conflicts_lead_to_the_inbox(app: App, ada: Browser) -> None:
    parts = parts_of(app)
    book = parts.accounts.user_named("ada").book_id
    parts.accounts.set_policy(book, "ask")
    record, now = parts.new_id(), parts.clock()
    push(parts.store, book, ChangeOrigin(), [parse_change(BUILT_IN, insert(record, now, {}), record)], now)
    with parts.store.reading(book) as reading:
        base = reading.book.seq
    for phone in ("1", "2"):
        item = insert(record, now, {"phone": phone}) | {"id": parts.new_id(), "operation": "UPDATE", "base": base}
        push(
            parts.store,
            book,
            ChangeOrigin(),
            [parse_change(BUILT_IN, item | {"data": {"phone": phone}}, parts.new_id())],
            now,
        )
    page = ada.get("/activity").text
    assert "1 conflict waits for someone to choose" in page
    assert 'href="/inbox"' in page


# --- who gets which colour -------------------------------------------------------------------------------------------


def test_the_busiest_devices_have_colours_and_the_rest_are_one() -> None:
    counts = [DayCount(5, device, f"D{device}", device) for device in range(1, 10)]
    series = stack_series([DayCount(5, None, None, 7), *counts], range(4, 6))
    busiest = [f"D{device}" for device in range(4, 10)]
    assert [one.name for one in series] == ["In the browser", *busiest, "3 other devices"]
    assert [one.colour for one in series[1:-1]] == list(COLOURS)
    assert series[-1].values == [0, 6]


def test_two_devices_of_the_same_name_are_two(now: int) -> None:
    day = now // DAY_US
    series = stack_series([DayCount(day, 1, "Phone", 1), DayCount(day, 2, "Phone", 2)], range(day, day + 1))
    assert [(one.name, one.values) for one in series] == [("Phone", [1]), ("Phone", [2])]


def test_a_device_that_is_not_known_any_more_is_called_so() -> None:
    assert [series.name for series in stack_series([DayCount(1, 7, None, 1)], range(1, 2))] == ["A device that is gone"]


# --- reasons ---------------------------------------------------------------------------------------------------------


def test_a_reason_is_a_sentence_s_second_half() -> None:
    assert waiting("Laptop", "too_long", 1_200) == "1,200 changes wait on Laptop: a text is too long"


def test_a_code_without_a_reason_stands_as_it_is() -> None:
    assert waiting("Laptop", "too_new_for_us", 1) == "1 change waits on Laptop: too_new_for_us"
    assert waiting("Laptop", "not_authorized", 1) == "1 change waits on Laptop: not_authorized"
