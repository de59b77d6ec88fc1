"""Conflicts between two devices, settled in a real browser: by mouse, finger and keyboard, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.users import Visit
from tests.support.conflict_scenarios import Pair, every_kind, pair

Open = Callable[..., Visit]
EVERY_WAY = [("desktop", True), ("phone", True), ("phone", False)]


def waiting(visit: Open, **options: object) -> tuple[Visit, Pair]:
    """Somebody who looks at an inbox with a conflict of every kind."""
    ada = visit(contacts=0, **options)
    two = pair(ada.app, ada.name)
    every_kind(two)
    ada.page.goto("/inbox")
    return ada, two


def conflict(page: Page, contact: str, name: str) -> Locator:
    card = page.locator(".settling").filter(has=page.get_by_role("heading", name=contact))
    return card.locator(".conflict").filter(has=page.get_by_role("heading", name=name, exact=True))


@pytest.mark.parametrize(("size", "scripts"), EVERY_WAY)
def test_conflicts_are_settled_one_by_one(visit: Open, size: str, scripts: bool) -> None:
    ada, two = waiting(visit, size=size, scripts=scripts)
    page = ada.page
    expect(page.locator("#places .badge")).to_contain_text("9")
    conflict(page, "Ada Lovelace", "Notes").get_by_role("button", name="Keep both").click()
    ada.expect_flash("Notes of Ada Lovelace is “Met at the fair. Likes looms.")
    conflict(page, "Ada Lovelace", "Phone").get_by_role("button", name="Keep Phone’s").click()
    ada.expect_flash("Phone of Ada Lovelace is “555-0199”. What was not chosen is in the contact’s history.")
    title = conflict(page, "Ada Lovelace", "Job title")
    title.get_by_text("Type another").click()
    title.get_by_role("textbox").fill("Enchantress")
    title.get_by_role("button", name="Save").click()
    ada.expect_flash("“Enchantress”")
    conflict(page, "Charles Babbage", "The contact itself").get_by_role("button", name="Bring it back").click()
    ada.expect_flash("Charles Babbage stays.")
    expect(page.locator("#places .badge")).to_contain_text("5")
    assert {one.cell for one in two.open()} == {
        "details/k1/value",
        "details/k2/value",
        "details/k3/@exists",
        "@exists",
        "birthday",
    }
    page.get_by_text("Settle all 5 alike").click()
    page.get_by_role("button", name="Take what came").click()
    ada.expect_flash("Settled 5 conflicts.")
    expect(page.get_by_role("heading", name="Nothing waits")).to_be_visible()
    expect(page.locator("#places .badge")).to_have_count(0)
    assert two.open() == []


@pytest.mark.parametrize("scripts", [True, False])
def test_the_next_conflict_has_the_focus_after_a_choice(visit: Open, scripts: bool) -> None:
    ada, two = waiting(visit, scripts=scripts)
    first, second = ada.page.locator(".conflict").nth(0), ada.page.locator(".conflict").nth(1)
    following = second.get_attribute("id")
    first.get_by_role("button", name="Keep Laptop’s").click()
    ada.expect_flash("What was not chosen is in the contact’s history.")
    expect(ada.page.locator(f"#{following}")).to_be_focused()
    expect(ada.page.locator(f"#{following}")).to_be_in_viewport()


def test_a_choice_is_undone_from_its_flash(visit: Open) -> None:
    ada, two = waiting(visit)
    conflict(ada.page, "Mary Somerville", "The contact itself").get_by_role("button", name="Delete it").click()
    ada.expect_flash("Mary Somerville is deleted.")
    ada.page.get_by_role("button", name="Undo").click()
    ada.expect_flash("Undone. Mary Somerville is as before")
    ada.page.goto("/?q=somerville")
    expect(ada.rows()).to_have_count(1)


def test_all_can_be_settled_by_keyboard(visit: Open) -> None:
    ada, two = waiting(visit)
    page = ada.page
    page.locator(".conflict").first.focus()
    for expected in ("Keep Laptop’s", "Keep Phone’s", "Keep both", "Type another"):
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text(re.compile(expected))
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("name", "value")
    page.keyboard.press("Control+a")
    page.keyboard.type("Writes about looms.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    ada.expect_flash("“Writes about looms.”")
    expect(page.locator(".conflict").first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Keep Laptop’s")
    page.keyboard.press("Enter")
    ada.expect_flash("Phone of Ada Lovelace is “555-0142”.")
    assert len(two.open()) == 7


@pytest.mark.parametrize("scripts", [True, False])
def test_what_can_not_be_is_said_beside_it_and_stays_typed(visit: Open, scripts: bool) -> None:
    ada, _ = waiting(visit, scripts=scripts)
    born = conflict(ada.page, "Alan Turing", "Birthday")
    born.get_by_text("Type another").click()
    born.get_by_role("textbox").fill("in June")
    born.get_by_role("textbox").press("Enter")
    expect(born.locator(".input-error")).to_contain_text("Birthday must be a date")
    expect(born.get_by_role("textbox")).to_have_value("in June")
    expect(born.get_by_role("textbox")).to_be_focused()


def test_what_was_settled_on_a_device_meanwhile_is_told(visit: Open) -> None:
    ada, two = waiting(visit, scripts=False)  # a page that is live would know
    phone = next(one for one in two.open() if one.cell == "phone")
    seen = phone.record_id, two.record(phone.record_id).seq
    two.laptop.synced(two.edit(seen, {"phone": "555-0199"}, resolves=[phone.id]))
    conflict(ada.page, "Ada Lovelace", "Phone").get_by_role("button", name="Keep Laptop’s").click()
    ada.expect_flash("Settled already, by Laptop. Phone of Ada Lovelace is “555-0199”.")


def test_a_contact_leads_to_its_conflicts(visit: Open) -> None:
    ada, _ = waiting(visit)
    ada.page.goto("/")
    ada.open("Grace Hopper")
    ada.page.get_by_role("link", name="choose what stands").click()
    expect(ada.page.locator(".settling").first).to_contain_text("Grace Hopper")
    expect(ada.page.locator(".settling").first).to_be_focused()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_two_versions_stand_side_by_side_where_there_is_room(visit: Open, size: str) -> None:
    ada, _ = waiting(visit, size=size)
    one, other = (ada.page.locator(".version").nth(place).bounding_box() for place in (0, 1))
    assert one
    assert other
    assert (one["y"] == other["y"]) is (size == "desktop")
    assert (one["x"] == other["x"]) is (size == "phone")
