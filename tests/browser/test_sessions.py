"""A form that is open while another tab signs out, and in again: nothing that was typed is lost, script or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import flaws_of
from tests.browser.users import Visit
from tests.support.browser import PASSWORD, parts_of

Open = Callable[..., Visit]
NOTES = "First line\nsecond “line”"


def opens_a_form(ada: Visit) -> None:
    ada.page.goto("/c/new")
    ada.field("Name").fill("Grace Hopper")
    ada.field("Notes").fill(NOTES)


def signs_out_in_another_tab(ada: Visit) -> Page:
    tab = ada.page.context.new_page()
    tab.goto("/settings")
    tab.get_by_role("button", name="Sign out", exact=True).click()
    expect(tab.get_by_role("heading", name="Sign in")).to_be_visible()
    return tab


def signs_in(ada: Visit, tab: Page) -> None:
    tab.get_by_label("Name").fill(ada.name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in").click()


def expect_it_is_saved(ada: Visit) -> None:
    ada.expect_contact("Grace Hopper")
    expect(ada.page.locator(".contact-notes")).to_contain_text("second “line”")
    parts = parts_of(ada.app)
    page = parts.contacts.page(parts.accounts.user_named(ada.name).book_id, "Grace")
    assert len(page.rows) == 1, "it is there once"


def test_a_form_of_an_earlier_session_is_saved_where_it_is(visit: Open) -> None:
    ada = visit()
    opens_a_form(ada)
    signs_in(ada, tab := signs_out_in_another_tab(ada))
    expect(tab.locator("#live span")).to_have_text("Live")
    ada.page.get_by_role("button", name="Save").click()
    expect_it_is_saved(ada)


def test_a_form_that_was_sent_while_signed_out_is_saved_by_itself_after_signing_in(visit: Open) -> None:
    ada = visit()
    opens_a_form(ada)
    tab = signs_out_in_another_tab(ada)
    ada.expect_chip("Signed out")
    ada.page.get_by_role("button", name="Save").click()
    ada.expect_flash("what you typed is still here")
    expect(ada.field("Name")).to_have_value("Grace Hopper")
    signs_in(ada, tab)
    expect(tab.locator("#live span")).to_have_text("Live")
    ada.page.evaluate("dispatchEvent(new Event('focus'))")
    expect_it_is_saved(ada)


def test_a_form_stays_one_s_own_when_somebody_else_signs_in(visit: Open) -> None:
    ada, eve = visit(), visit()
    opens_a_form(ada)
    tab = signs_out_in_another_tab(ada)
    signs_in(eve, tab)
    expect(tab.locator("#live span")).to_have_text("Live")
    ada.page.get_by_role("button", name="Save").click()
    ada.expect_flash("You are signed out")
    expect(ada.field("Notes")).to_have_value(NOTES)
    parts = parts_of(ada.app)
    for name in (ada.name, eve.name):
        assert parts.contacts.page(parts.accounts.user_named(name).book_id, "Grace").rows == []


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_without_scripts_a_form_is_shown_again_after_signing_in(visit: Open, size: str) -> None:
    ada = visit(size, scripts=False)
    opens_a_form(ada)
    signs_out_in_another_tab(ada)
    ada.page.get_by_role("button", name="Save").click()
    expect(ada.page.get_by_text("nothing of it is lost")).to_be_visible()
    signs_in(ada, ada.page)
    expect(ada.page.locator(".sent")).to_contain_text("second “line”")
    ada.page.get_by_role("button", name="Send it now").click()
    expect_it_is_saved(ada)


def test_without_scripts_one_goes_back_to_a_form_of_an_earlier_session(visit: Open) -> None:
    ada = visit(scripts=False)
    opens_a_form(ada)
    signs_in(ada, signs_out_in_another_tab(ada))
    ada.page.get_by_role("button", name="Save").click()
    ada.page.get_by_role("button", name="Back to the form").click()
    expect(ada.field("Notes")).to_have_value(NOTES)
    ada.field("Company").fill("Navy")
    ada.save()
    expect_it_is_saved(ada)
    expect(ada.page.locator(".contact-work")).to_have_text("Navy")


def test_a_browser_is_signed_out_from_another_one_and_told_at_once(visit: Open) -> None:
    ada = visit()
    ada.expect_chip("Live")
    other = visit(of=ada, path="/settings")
    other.page.locator(".items li", has_not_text="This browser").get_by_role("button").click()
    other.expect_flash("That browser is signed out.")
    ada.expect_chip("Signed out")


def test_axe_finds_nothing_serious_in_what_is_shown_of_sessions(visit: Open) -> None:
    """axe is a script itself; the form is sent as it is where there is none."""
    ada = visit(bypass_csp=True)
    visit(of=ada)
    ada.page.goto("/settings")
    flaws = {"settings": flaws_of(ada.page)}
    opens_a_form(ada)
    signs_out_in_another_tab(ada)
    ada.page.evaluate("document.querySelector('[data-form]').submit()")
    expect(ada.page.get_by_role("heading", name="Sign in")).to_be_visible()
    flaws["the door"] = flaws_of(ada.page)
    signs_in(ada, ada.page)
    expect(ada.page.get_by_role("heading", name="Not done yet")).to_be_visible()
    flaws["again"] = flaws_of(ada.page)
    assert {place: found for place, found in flaws.items() if found} == {}
