"""The people page in a real browser: what is harmful is asked first, by mouse, by keyboard and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from offbook.core.accounts.users import Access, UserAction
from storage.values.accounts import Account
from tests.browser.looks import flaws_of
from tests.browser.users import Visit
from tests.support.browser import add_user, parts_of

Open = Callable[..., Visit]


@pytest.fixture
def ada(visit: Open) -> Visit:
    return visit(path="/people")


def eve_of(ada: Visit) -> str:
    """The name of somebody else on the same server."""
    name = f"eve of {ada.name}"
    add_user(ada.app, name)
    ada.page.goto("/people")
    return name


def user(ada: Visit, name: str) -> Account:
    return parts_of(ada.app).accounts.any_user_named(name)


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


@pytest.mark.parametrize("scripts", [True, False])
def test_somebody_is_removed_once_that_was_confirmed_and_brought_back(visit: Open, scripts: bool) -> None:
    ada = visit(scripts=scripts, path="/people")
    page, eve = ada.page, eve_of(ada)
    page.get_by_role("link", name=f"Remove: {eve}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Remove {eve}?")
    page.get_by_role("link", name="Cancel").click()
    assert user(ada, eve).rights.access is Access.ACTIVE
    page.get_by_role("link", name=f"Remove: {eve}").click()
    page.get_by_role("button", name=f"Remove {eve}").click()
    ada.expect_flash(f"{eve} is in the trash")
    expect(page.get_by_role("list", name="In the trash")).to_contain_text(eve)
    page.get_by_role("button", name=f"Restore: {eve}").click()
    ada.expect_flash(f"{eve} is back")
    assert user(ada, eve).rights.access is Access.ACTIVE


def test_somebody_is_disabled_and_enabled_by_the_keyboard_alone(ada: Visit) -> None:
    page, eve = ada.page, eve_of(ada)
    page.get_by_role("link", name=f"Disable: {eve}").focus()
    press(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Disable {eve}?")
    page.get_by_role("button", name=f"Disable {eve}").focus()
    press(page, "Shift+Tab", "Tab", "Enter")
    ada.expect_flash(f"{eve} is disabled")
    assert user(ada, eve).rights.access is Access.DISABLED
    page.get_by_role("button", name=f"Enable: {eve}").focus()
    press(page, "Enter")
    ada.expect_flash(f"{eve} can sign in again")
    assert user(ada, eve).rights.access is Access.ACTIVE


def test_who_is_removed_sees_so_at_once_on_an_open_page(visit: Open) -> None:
    ada = visit()
    ada.expect_chip("Live")
    parts, number = parts_of(ada.app), user(ada, ada.name).id
    add_user(ada.app, f"another admin than {ada.name}", admin=True)
    parts.user_rights.act(number, parts.clock(), UserAction.REMOVE)
    ada.expect_chip("Signed out")


def test_its_pages_fit_the_screen_and_axe_finds_nothing_serious(visit: Open) -> None:
    ada = visit(bypass_csp=True, path="/people")
    page, eve, parts = ada.page, eve_of(ada), parts_of(ada.app)
    gone, number = f"somebody with a rather long name who left {ada.name}", user(ada, eve).id
    parts.user_rights.act(add_user(ada.app, gone), parts.clock(), UserAction.REMOVE)
    parts.user_rights.act(number, parts.clock(), UserAction.DISABLE, UserAction.MAKE_ADMIN)
    flaws = {}
    for path in ("/people", *(f"/people/{number}/{act.value}" for act in UserAction)):
        page.goto(path)
        flaws[path] = flaws_of(page)
    assert {path: found for path, found in flaws.items() if found} == {}
