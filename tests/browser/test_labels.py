"""Labels in a real browser: chosen by mouse and by keyboard, seen in the list, kept as new as the book."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.users import Visit

Open = Callable[..., Visit]


def box(ada: Visit, name: str) -> Locator:
    return ada.page.locator('[data-test="label-choice"]').get_by_role("checkbox", name=name, exact=True)


def chips(ada: Visit) -> Locator:
    return ada.page.locator('[data-test="contact-labels"] a')


def entries(ada: Visit) -> Locator:
    return ada.page.locator('[data-test="label-list"] li')


def labelled(ada: Visit, name: str, *labels: str) -> dict[str, Any]:
    """A new contact with these labels, as another device pushes it."""
    details = {f"k{number}": {"kind": "group", "value": label} for number, label in enumerate(labels)}
    return ada.change(ada.new_id(), "INSERT", {"name": name, "details": details})


@pytest.mark.parametrize("scripts", [True, False])
def test_labels_are_chosen_seen_and_narrow_the_list(visit: Open, scripts: bool) -> None:
    ada = visit(scripts=scripts)
    page = ada.page
    page.locator("#create").click()
    ada.field("Name").fill("Grace Hopper")
    ada.field("New label").fill("Navy")
    page.get_by_role("button", name="Add label").click()
    expect(box(ada, "Navy")).to_be_checked()
    expect(ada.field("New label")).to_have_value("")
    ada.field("New label").fill("Compilers")
    ada.save()
    ada.expect_contact("Grace Hopper")
    expect(chips(ada)).to_have_text(["Compilers", "Navy"])

    page.get_by_role("link", name="Edit", exact=True).click()
    box(ada, "Compilers").uncheck()
    ada.save()
    expect(chips(ada)).to_have_text(["Navy"])
    chips(ada).click()
    expect(page).to_have_url(re.compile(r"/\?label=Navy$"))
    expect(ada.rows()).to_have_count(1)
    page.locator("#label-menu summary").click()
    expect(entries(ada)).to_have_text([re.compile("^Compilers0"), re.compile("^Navy1")])
    page.locator("#label-menu summary").click()
    page.locator('[data-test="label-filter"]').click()
    expect(ada.rows()).to_have_count(4)


def test_labels_are_chosen_by_keyboard_alone(visit: Open) -> None:
    ada = visit()
    ada.device_pushes(labelled(ada, "Bob", "Work"))
    page = ada.page
    page.goto("/c/new")
    ada.field("Name").fill("Grace")
    box(ada, "Work").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(ada.field("New label")).to_be_focused()
    page.keyboard.type("navy")
    page.keyboard.press("Enter")
    expect(box(ada, "navy")).to_be_checked()
    expect(ada.field("New label")).to_be_focused()
    page.keyboard.type(" WORK ")
    page.keyboard.press("Enter")
    expect(page.locator('[data-test="label-choice"] [type=checkbox]')).to_have_count(2)
    page.keyboard.press("Control+Enter")
    ada.expect_contact("Grace")
    expect(chips(ada)).to_have_text(["navy", "Work"])

    menu = page.locator("#label-menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(entries(ada)).to_have_text([re.compile("^navy1"), re.compile("^Work2")])
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(entries(ada).first).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    ada.expect_contact("Grace")


def test_counts_and_the_narrowed_list_keep_up_with_what_others_do_and_with_ones_own(visit: Open) -> None:
    ada = visit(contacts=0)
    ada.device_pushes(labelled(ada, "Ann", "Work"))
    ada.page.goto("/?label=Work")
    ada.expect_chip("Live")
    ada.page.locator("#label-menu summary").click()
    ada.device_pushes(labelled(ada, "Bob", "Work", "Choir"))
    expect(ada.rows()).to_have_count(2)
    expect(entries(ada)).to_have_text([re.compile("^Choir1"), re.compile("^Work2")])
    ada.open("Ann")
    ada.page.get_by_role("link", name="Edit", exact=True).click()
    box(ada, "Work").uncheck()
    ada.save()
    expect(ada.rows()).to_have_count(1)
    ada.page.locator("#label-menu summary").click()
    expect(entries(ada)).to_have_text([re.compile("^Choir1"), re.compile("^Work1")])


def test_the_order_is_chosen_from_a_menu_and_stays(visit: Open) -> None:
    ada = visit()
    ada.page.get_by_text("Sort: Name").click()
    ada.page.locator('[data-test="sort-list"]').get_by_role("link", name="Last change").click()
    expect(ada.page.locator(".row-name")).to_have_text(["Person 002", "Person 001", "Person 000"])
    ada.open("Person 001")
    expect(ada.page).to_have_url(re.compile(r"\?sort=changed$"))
    expect(ada.page.get_by_text("Sort: Last change")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_label_is_renamed_and_removed_for_all_and_comes_back(visit: Open, scripts: bool) -> None:
    ada = visit(contacts=0, scripts=scripts)
    ada.device_pushes(labelled(ada, "Ann", "Work"))
    page = ada.page
    page.goto("/c/labels")
    page.get_by_text("Rename").click()
    page.get_by_label("New name of Work").fill("Office")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".item-name")).to_have_text(["Office"])
    page.get_by_role("button", name="Remove Office").click()
    expect(page.locator(".item-name")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".item-name")).to_have_text(["Office"])
    expect(page.locator(".item-more")).to_have_text(["1 contact"])
