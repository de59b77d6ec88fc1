"""What people do with their contacts, in a real browser: with scripts and without, by mouse, finger and keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.users import Visit
from tests.support.pictures import picture

Open = Callable[..., Visit]
EVERY_WAY = [("desktop", True), ("phone", True), ("phone", False)]


@pytest.mark.parametrize(("size", "scripts"), EVERY_WAY)
def test_a_contact_is_added_edited_deleted_and_brought_back(visit: Open, size: str, scripts: bool) -> None:
    ada = visit(size, scripts=scripts)
    page = ada.page
    page.locator("#create").click()
    ada.field("Name").fill("Grace Hopper")
    page.get_by_label("Phone", exact=True).fill("555-1")
    page.get_by_role("button", name="Add phone").click()
    page.get_by_label("Phone", exact=True).last.fill("555-2")
    ada.show_more_fields()
    page.get_by_role("button", name="Add address").click()
    page.get_by_label("Address", exact=True).fill("1 Navy Yard\nWashington")
    ada.save()
    ada.expect_contact("Grace Hopper")
    for text in ("555-1", "555-2", "1 Navy Yard", "Washington"):
        expect(page.locator(".facts")).to_contain_text(text)

    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Remove this phone").first.click()
    ada.field("Company").fill("Navy")
    ada.save()
    ada.expect_flash("Saved.")
    expect(page.locator(".facts")).not_to_contain_text("555-1")
    expect(page.locator(".contact-work")).to_have_text("Navy")

    page.get_by_role("button", name="Delete").click()
    ada.expect_flash("Deleted Grace Hopper.")
    expect(ada.rows()).to_have_count(3)
    page.get_by_role("button", name="Undo").click()
    ada.expect_contact("Grace Hopper")
    expect(page.locator(".facts")).to_contain_text("555-2")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_photo_is_chosen_seen_and_removed(visit: Open, scripts: bool) -> None:
    ada = visit("desktop", scripts=scripts)
    page = ada.page
    page.locator("#create").click()
    ada.field("Name").fill("Grace Hopper")
    photo: FilePayload = {"name": "grace.png", "mimeType": "image/png", "buffer": picture("PNG", 300, 200)}
    page.locator('[data-test="photo-file"]').set_input_files(photo)
    ada.save()
    ada.expect_contact("Grace Hopper")
    square = 200 if scripts else 300
    for image, width in ((page.locator(".contact-head img"), square), (page.locator("#lines img"), 96)):
        expect(image).to_have_js_property("naturalWidth", width)

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Remove the photo").check()
    ada.save()
    ada.expect_flash("Saved.")
    expect(page.locator(".contact-head img")).to_have_count(0)
    expect(page.locator("#lines img")).to_have_count(0)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_list_narrows_as_one_types_and_the_address_follows(visit: Open, size: str) -> None:
    ada = visit(size, contacts=5)
    ada.page.get_by_role("searchbox").press_sequentially("person 003")
    expect(ada.rows()).to_have_count(1)
    expect(ada.page.locator("[data-count]")).to_have_text("1 contact found")
    expect(ada.page).to_have_url(re.compile(r"\?q=person\+003$"))
    ada.open("Person 003")
    expect(ada.page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}\?q=person\+003$"))
    ada.page.reload()
    expect(ada.page.get_by_role("searchbox", include_hidden=True)).to_have_value("person 003")
    ada.expect_contact("Person 003")


def test_going_back_shows_what_was_there(visit: Open) -> None:
    ada = visit()
    ada.open("Person 000")
    ada.open("Person 001")
    ada.page.go_back()
    ada.expect_contact("Person 000")
    ada.page.go_back()
    expect(ada.page.locator(".contact")).to_have_count(0)
    expect(ada.rows()).to_have_count(3)


def test_a_contact_on_a_phone_has_a_page_of_its_own(visit: Open) -> None:
    ada = visit("phone")
    ada.open("Person 001")
    expect(ada.page.locator("#list")).to_be_hidden()
    ada.page.get_by_role("link", name="Contacts").first.click()
    expect(ada.page.locator("#list")).to_be_visible()
    expect(ada.page.locator("#pane")).to_be_hidden()


def test_a_contact_on_a_desktop_stands_beside_the_list(visit: Open) -> None:
    ada = visit()
    ada.open("Person 001")
    expect(ada.page.locator("#list")).to_be_visible()
    expect(ada.page.locator(".row-link[aria-current]")).to_contain_text("Person 001")
    ada.page.get_by_role("link", name="Edit").click()
    ada.field("Name").fill("Someone else")
    ada.save()
    expect(ada.page.locator(".row-link[aria-current]")).to_contain_text("Someone else")


def test_everything_can_be_done_by_keyboard(visit: Open) -> None:
    ada = visit()
    press = ada.page.keyboard.press
    press("?")
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    press("Escape")
    expect(ada.page.get_by_role("dialog")).to_be_hidden()
    press("j")
    press("j")
    press("k")
    press("j")
    expect(ada.page.locator(".row-link:focus")).to_contain_text("Person 001")
    press("Enter")
    ada.expect_contact("Person 001")
    press("s")
    expect(ada.page.locator("#star")).to_have_attribute("aria-pressed", "true")
    press("e")
    expect(ada.field("First name")).to_be_focused()
    press("End")
    ada.page.keyboard.type(" jr")
    press("Control+Enter")
    ada.expect_contact("Person jr 001")
    press("#")
    ada.expect_flash("Deleted Person jr 001.")
    expect(ada.page.locator(".row-link:focus")).to_contain_text("Person 000")
    press("/")
    expect(ada.page.get_by_role("searchbox")).to_be_focused()
    ada.page.keyboard.type("cs#?")
    expect(ada.page.get_by_role("searchbox")).to_have_value("cs#?")
    press("Escape")
    expect(ada.rows()).to_have_count(2)
    press("c")
    expect(ada.field("First name")).to_be_focused()


def test_a_star_in_the_list_needs_no_other_page(visit: Open) -> None:
    ada = visit()
    button = ada.page.get_by_role("button", name="Star Person 002")
    ada.rows().last.hover()
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    ada.page.reload()
    expect(ada.rows().first).to_contain_text("Person 002")


def test_two_people_who_edit_the_same_contact_both_keep_what_they_typed(visit: Open) -> None:
    ada = visit()
    ada.open("Person 000")
    ada.page.get_by_role("link", name="Edit").click()
    ada.field("Job title").fill("Countess")
    ada.device_edits(company="Looms Ltd")
    ada.save()
    ada.expect_flash("Saved. Meanwhile the laptop changed the company; both are kept.")
    expect(ada.page.locator(".contact-work")).to_have_text("Countess · Looms Ltd")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_is_wrong_is_said_beside_it_and_nothing_typed_is_gone(visit: Open, scripts: bool) -> None:
    ada = visit(scripts=scripts)
    ada.page.locator("#create").click()
    ada.field("Name").fill("Grace")
    ada.field("Birthday").fill("soon")
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.locator("#f-birthday-error")).to_contain_text("Birthday must be a date")
    expect(ada.field("Birthday")).to_be_focused()
    expect(ada.field("Name")).to_have_value("Grace")


def test_what_was_typed_is_not_left_by_mistake(visit: Open) -> None:
    ada = visit()
    ada.page.locator("#create").click()
    ada.field("Name").fill("Grace")
    ada.page.once("dialog", lambda dialog: dialog.dismiss())
    ada.rows().first.locator("a").click()
    expect(ada.field("Name")).to_have_value("Grace")
    ada.page.get_by_role("link", name="Cancel").click()
    expect(ada.page.locator(".contact-form")).to_have_count(0)


def test_a_server_that_is_away_loses_nothing_typed(visit: Open) -> None:
    ada = visit()
    ada.page.locator("#create").click()
    ada.field("Name").fill("Grace")
    ada.page.route("**/c/new*", lambda route: route.abort())
    ada.page.get_by_role("button", name="Save").click()
    ada.expect_flash("can’t be reached")
    expect(ada.field("Name")).to_have_value("Grace")
    ada.page.unroute("**/c/new*")
    ada.save()
    ada.expect_contact("Grace")
    assert [text for text in ada.complaints if "ERR_FAILED" not in text] == []
    ada.complaints.clear()


def test_a_file_is_imported(visit: Open, tmp_path: Path) -> None:
    ada = visit(scripts=False, contacts=0)
    expect(ada.page.locator("#list")).to_contain_text("Your book is empty")
    (tmp_path / "a.csv").write_text("First Name,Last Name,Phone 1 - Value\nAda,King,555\n")
    ada.page.get_by_role("link", name="Import a file").click()
    ada.page.locator("[type=file]").set_input_files(tmp_path / "a.csv")
    ada.page.get_by_role("button", name="Look at it").click()
    expect(ada.page.locator(".numbers")).to_contain_text("New1")
    ada.page.locator("[data-test=import-confirm]").click()
    expect(ada.page.locator(".numbers")).to_contain_text("Added1")
    ada.page.get_by_role("link", name="Show contacts").click()
    ada.open("Ada King")


def test_the_columns_of_a_table_are_changed_without_scripts(visit: Open, tmp_path: Path) -> None:
    ada = visit(scripts=False, contacts=0, path="/import")
    (tmp_path / "a.csv").write_text("Wer,Was\nAda King,Engines\n")
    ada.page.locator("[type=file]").set_input_files(tmp_path / "a.csv")
    ada.page.get_by_role("button", name="Look at it").click()
    expect(ada.page.locator(".import-note")).to_contain_text("Choose for one column at least")
    ada.page.get_by_label("Wer").select_option(label="Name")
    ada.page.locator("[data-test=import-look-again]").click()
    expect(ada.page.locator(".import-rows")).to_contain_text("Ada King")
    ada.page.get_by_label("Was").select_option(label="Company")
    ada.page.locator("[data-test=import-confirm]").click()
    expect(ada.page.locator(".import-note")).to_contain_text("Nothing is imported yet.")
    ada.page.locator("[data-test=import-confirm]").click()
    expect(ada.page.locator(".numbers")).to_contain_text("Added1")


def test_a_devices_token_is_shown_once_with_what_to_paste(visit: Open) -> None:
    ada = visit()
    ada.page.locator("#account summary").click()
    ada.page.get_by_role("link", name="Devices").click()
    ada.page.get_by_label("Name of a new device").fill("Laptop")
    ada.page.get_by_role("button", name="Add device").click()
    expect(ada.page.locator("#token")).to_have_text(re.compile(r"^ob_[0-9a-f]{32}_"))
    expect(ada.page.locator("#command")).to_contain_text("offbook init --server http://127.0.0.1:")
    ada.page.get_by_role("button", name="Copy the token").click()
    expect(ada.page.get_by_role("button", name="Copy the token")).to_have_text(re.compile("Copied|Selected"))
    ada.page.get_by_role("link", name="Done").click()
    expect(ada.page.locator(".items")).to_contain_text("Laptop")
    expect(ada.page.locator("body")).not_to_contain_text("ob_")
