"""The history of a contact and the book as it was, in a real browser: with scripts and without, and by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from storage.values.accounts import DeviceInfo
from tests.browser.looks import flaws_of
from tests.browser.users import Visit
from tests.support.browser import parts_of
from tests.support.pushes import push

Open = Callable[..., Visit]


def edited(ada: Visit) -> None:
    """The first contact after edits of two devices: one that met another, one that lost, one detail removed."""
    parts = parts_of(ada.app)
    user = parts.accounts.user_named(ada.name)
    laptop, _ = parts.accounts.add_device(user.book_id, user.id, "Ada’s laptop", parts.clock(), parts.new_id)
    phone, _ = parts.accounts.add_device(user.book_id, user.id, "Phone in the hall", parts.clock(), parts.new_id)
    (row, *_) = parts.contacts.page(user.book_id, "Person 000").rows

    def edit(device: DeviceInfo, base: int | None = None, at: str = "2026-11-20T17:00:00.000Z", **data: object) -> int:
        found = parts.contacts.get(user.book_id, row.id)
        assert found
        item: dict[str, Any] = {"id": parts.new_id(), "table": "contacts", "record_id": row.id, "operation": "UPDATE"}
        item |= {"timestamp": at, "base": found.seq if base is None else base, "data": data}
        change = parse_change(BUILT_IN, item, device.uuid)
        push(parts.store, user.book_id, ChangeOrigin(device.id, user.id), [change], parts.clock())
        after = parts.contacts.get(user.book_id, row.id)
        assert after
        return after.seq

    notes = "Met at the meeting of the society in London; she explained the engine for an hour, with drawings."
    seen = edit(laptop, company="Analytical Engines", title="Engineer", notes=notes)
    edit(laptop, phone="555-7777", starred=True)
    edit(phone, base=seen, at="2019-01-01T00:00:00.000Z", phone="555-8888", email="person@example.org")
    edit(phone, details={"k1": None, "k2": {"kind": "phone", "label": "Boat", "value": "555-9999"}})
    edit(laptop, company="Engines & Looms", name="Person 000 King", notes=None)


def spoiled(ada: Visit, size: int = 60) -> None:
    """What a bad import does: the contacts' companies are wrong, one is deleted, and many come that nobody wanted."""
    parts = parts_of(ada.app)
    user = parts.accounts.user_named(ada.name)
    office, _ = parts.accounts.add_device(user.book_id, user.id, "Office computer", parts.clock(), parts.new_id)
    known = parts.contacts.page(user.book_id).rows
    common = {"table": "contacts", "timestamp": "2026-11-20T17:00:00.000Z"}
    items = [
        common
        | {"id": parts.new_id(), "record_id": row.id, "base": row.seq, "operation": "UPDATE"}
        | {"data": {"company": "#REF!", "phone": None}}
        for row in known[:-1]
    ]
    items.append(
        common | {"id": parts.new_id(), "record_id": known[-1].id, "base": known[-1].seq, "operation": "DELETE"}
    )
    for number in range(size):
        made = parts.new_id()
        items.append(
            common | {"id": made, "record_id": made, "operation": "INSERT", "data": {"name": f"Column {number}"}}
        )
    batch = [parse_change(BUILT_IN, item, parts.new_id()) for item in items]
    push(parts.store, user.book_id, ChangeOrigin(office.id, user.id), batch, parts.clock())


@pytest.mark.parametrize(("size", "scripts"), [("desktop", True), ("phone", True), ("phone", False)])
def test_a_value_that_lost_is_given_back_with_one_click_and_undone(visit: Open, size: str, scripts: bool) -> None:
    ada = visit(size, scripts=scripts)
    edited(ada)
    page = ada.page
    page.reload()
    ada.open("Person 000 King")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".history")).to_contain_text("lost to the edit from Ada’s laptop")
    page.get_by_role("button", name="Restore phone “555-8888”").click()
    ada.expect_flash("Restored a value of Person 000 King.")
    expect(page.locator(".event").first).to_contain_text("“555-7777”→“555-8888”")
    page.get_by_role("button", name="Undo").click()
    ada.expect_flash("Undone.")
    page.get_by_role("link", name="Person 000 King", exact=True).last.click()
    expect(page.locator(".facts")).to_contain_text("555-7777")


def test_the_history_is_worked_by_keyboard(visit: Open) -> None:
    ada = visit()
    edited(ada)
    ada.page.reload()
    ada.open("Person 000 King")
    ada.page.locator("#history").focus()
    ada.page.keyboard.press("Enter")
    expect(ada.page).to_have_url(re.compile("/history"))
    ada.page.get_by_role("button", name="Restore name “Person 000”").focus()
    ada.page.keyboard.press("Enter")
    ada.expect_flash("Restored a value")
    expect(ada.rows().first).to_contain_text("Person 000")
    expect(ada.rows().first).not_to_contain_text("King")


@pytest.mark.parametrize(("size", "scripts"), [("desktop", True), ("phone", False)])
def test_a_spoiled_book_is_taken_back_and_forth(visit: Open, size: str, scripts: bool) -> None:
    ada = visit(size, scripts=scripts)
    spoiled(ada)
    page = ada.page
    page.goto("/trash")
    page.get_by_role("link", name="the book as it was").click()
    page.get_by_role("link", name=re.compile("^Before 63 changes from Office computer")).click()
    expect(page.locator(".numbers")).to_have_text(re.compile(r"Added back\s*1\s*Changed\s*2\s*Deleted\s*60"))
    page.get_by_text("Take the book back …").click()
    page.get_by_role("button", name="Take the book back to").click()
    ada.expect_flash("The book is as it was on")
    expect(ada.rows()).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    ada.expect_flash("The book is as it was on")
    expect(page.get_by_text("62 contacts", exact=True)).to_be_visible()


def test_axe_finds_nothing_serious_in_what_was(visit: Open) -> None:
    ada = visit(bypass_csp=True)  # axe itself sets styles while it measures
    edited(ada)
    ada.page.reload()
    ada.open("Person 000 King")
    ada.page.locator("#history").click()
    expect(ada.page.locator(".history")).to_be_visible()
    flaws = {"history": flaws_of(ada.page)}
    spoiled(ada)
    ada.page.goto("/past")
    flaws["moments"] = flaws_of(ada.page)
    ada.page.locator(".moments a").first.click()
    expect(ada.page.locator(".numbers")).to_be_visible()
    flaws["preview"] = flaws_of(ada.page)
    assert {place: found for place, found in flaws.items() if found} == {}
