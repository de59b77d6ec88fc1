"""What admins do to users, by the API and by pages: disable, remove, make admin, and back; asked before it is done."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from offbook.core.accounts.users import UserAction
from offbook.core.formatting import format_date
from tests.support.api_client import Caller, caller
from tests.support.browser import Browser, add_user, csrf_of, parts_of, signed_in
from tests.support.html_forms import Forms
from web.presenters.user_actions import QUESTIONS

DAYS_30_US = 30 * 86_400 * 1_000_000


@pytest.fixture
def boss(app: App) -> Caller:
    """A device of an admin."""
    return caller(app, "ada", admin=True)


@pytest.fixture
def eve(app: App) -> int:
    return add_user(app, "eve")


@pytest.fixture
def admin(app: App) -> Browser:
    """The browser of an admin."""
    add_user(app, "ada", admin=True)
    return signed_in(app, "ada")


# --- the API ---------------------------------------------------------------------------------------------------------


def status_of(boss: Caller, name: str) -> str:
    listed = boss.get("/users").get_json()
    return str(next(user["status"] for user in listed["users"] + listed["removed"] if user["name"] == name))


def test_a_user_is_disabled_and_enabled(boss: Caller, eve: int) -> None:
    disabled = boss.ask("PATCH", f"/users/{eve}", json={"disabled": True}).get_json()
    assert (disabled["status"], disabled["disabled_at"] is None) == ("disabled", False)
    assert boss.ask("PATCH", f"/users/{eve}", json={"disabled": True}).get_json() == disabled
    enabled = boss.ask("PATCH", f"/users/{eve}", json={"disabled": False}).get_json()
    assert (enabled["status"], enabled["disabled_at"]) == ("active", None)


def test_a_user_is_made_an_admin_and_none(boss: Caller, eve: int) -> None:
    assert boss.ask("PATCH", f"/users/{eve}", json={"admin": True}).get_json()["admin"] is True
    assert boss.ask("PATCH", f"/users/{eve}", json={"admin": False}).get_json()["admin"] is False


def test_a_user_is_removed_and_restored(app: App, boss: Caller, eve: int) -> None:
    removed = boss.ask("DELETE", f"/users/{eve}").get_json()
    listed = boss.get("/users").get_json()
    assert removed == listed["removed"][0] == boss.get(f"/users/{eve}").get_json()
    assert removed["status"] == "removed"
    assert removed["kept_until"] > removed["removed_at"]
    assert [user["name"] for user in listed["users"]] == ["ada"]
    restored = boss.ask("POST", f"/users/{eve}/restore").get_json()
    assert (restored["status"], restored["removed_at"], restored["kept_until"]) == ("active", None, None)


def test_the_list_of_users_says_what_it_said_before(boss: Caller, eve: int) -> None:
    listed = boss.get("/users").get_json()["users"]
    assert [(user["name"], user["admin"]) for user in listed] == [("ada", True), ("eve", False)]
    assert all(user["created_at"].endswith("Z") for user in listed)


def test_all_that_a_patch_names_is_done_or_nothing(boss: Caller, eve: int) -> None:
    ada = boss.get("/users").get_json()["users"][0]["id"]
    answer = boss.ask("PATCH", f"/users/{ada}", json={"disabled": False, "admin": False})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "last_admin")
    both = boss.ask("PATCH", f"/users/{eve}", json={"admin": True, "disabled": True}).get_json()
    assert (both["admin"], both["status"]) == (True, "disabled")
    assert boss.ask("PATCH", f"/users/{eve}", json={}).get_json() == both


@pytest.mark.parametrize(
    ("method", "more", "body"),
    [("PATCH", "", {"disabled": True}), ("PATCH", "", {"admin": False}), ("DELETE", "", None)],
)
def test_the_last_admin_stays(boss: Caller, eve: int, method: str, more: str, body: Any) -> None:
    ada = boss.get("/users").get_json()["users"][0]["id"]
    answer = boss.ask(method, f"/users/{ada}{more}", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "last_admin")
    assert "ada is the last admin" in answer.get_json()["detail"]
    assert status_of(boss, "ada") == "active"


def test_who_is_in_the_trash_is_restored_before_anything_else(boss: Caller, eve: int) -> None:
    boss.ask("DELETE", f"/users/{eve}")
    answer = boss.ask("PATCH", f"/users/{eve}", json={"disabled": True})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "in_trash")
    assert boss.ask("DELETE", f"/users/{eve}").status_code == 200
    assert status_of(boss, "eve") == "removed"


def test_a_name_in_the_trash_is_taken_and_an_admin_is_told_why(boss: Caller, eve: int) -> None:
    boss.ask("DELETE", f"/users/{eve}")
    answer = boss.ask("POST", "/users", json={"name": "eve", "password": "correct horse battery"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "taken")
    assert "in the trash until" in answer.get_json()["detail"]


@pytest.mark.parametrize("body", [{"disabled": 1}, {"admin": None}, {"admin": "yes"}, {"disabled": []}])
def test_what_is_no_truth_is_told_so(boss: Caller, eve: int, body: Any) -> None:
    answer = boss.ask("PATCH", f"/users/{eve}", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "wrong_type")


@pytest.mark.parametrize("number", ["0", "77", str(2**63), "9" * 5000])
@pytest.mark.parametrize(("method", "more"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore")])
def test_who_is_not_there_is_not_found(boss: Caller, method: str, more: str, number: str) -> None:
    body = {"admin": True} if method == "PATCH" else None
    answer = boss.ask(method, f"/users/{number}{more}", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_session_needs_the_token_of_a_page(app: App, admin: Browser, eve: int) -> None:
    def ask(**headers: str) -> TestResponse:
        return admin.client.delete(f"/users/{eve}", headers=headers)

    assert ask().get_json()["code"] == "stale_form"
    assert ask(**{"X-CSRFToken": csrf_of(admin.get("/people").text)}).status_code == 200


# --- pages -----------------------------------------------------------------------------------------------------------


def asked(browser: Browser, user_id: int, act: UserAction) -> str:
    """The page that asks, after what it says was looked at."""
    page = browser.get(f"/people/{user_id}/{act.value}")
    assert page.status_code == 200
    question = QUESTIONS[act]
    text = unescape(page.text)
    assert all(part.format(name="eve") in text for part in (question.title, question.button, *question.consequences))
    return page.text


def confirm(browser: Browser, user_id: int, act: UserAction) -> TestResponse:
    """Press the page's button, as a browser without scripts sends its form."""
    form = Forms(asked(browser, user_id, act)).forms[""]
    return browser.client.post(f"/people/{user_id}/{act.value}", data=form, follow_redirects=True)


@pytest.mark.parametrize("act", UserAction)
def test_looking_at_a_question_does_nothing(app: App, admin: Browser, eve: int, act: UserAction) -> None:
    before = parts_of(app).accounts.user(eve)
    asked(admin, eve, act)
    assert parts_of(app).accounts.user(eve) == before


@pytest.mark.parametrize(
    ("act", "told", "shown"),
    [
        (UserAction.DISABLE, "eve is disabled", "Disabled since"),
        (UserAction.REMOVE, "eve is in the trash", "Can be restored until"),
        (UserAction.MAKE_ADMIN, "eve is an admin now", "Revoke admin: eve"),
    ],
)
def test_what_was_confirmed_is_done_told_and_shown(
    app: App, admin: Browser, eve: int, act: UserAction, told: str, shown: str
) -> None:
    page = confirm(admin, eve, act).text
    assert told in page
    assert shown in page


@pytest.mark.parametrize(
    ("act", "back", "told"),
    [
        (UserAction.DISABLE, UserAction.ENABLE, "eve can sign in again"),
        (UserAction.REMOVE, UserAction.RESTORE, "eve is back"),
        (UserAction.MAKE_ADMIN, UserAction.END_ADMIN, "eve is no admin any more"),
    ],
)
def test_all_of_it_has_a_way_back(
    app: App, admin: Browser, eve: int, act: UserAction, back: UserAction, told: str
) -> None:
    before = parts_of(app).accounts.user(eve)
    confirm(admin, eve, act)
    assert told in confirm(admin, eve, back).text
    assert parts_of(app).accounts.user(eve) == before


@pytest.mark.parametrize(
    ("act", "back"), [(UserAction.DISABLE, UserAction.ENABLE), (UserAction.REMOVE, UserAction.RESTORE)]
)
def test_the_way_back_is_one_button_of_the_list(
    app: App, admin: Browser, eve: int, act: UserAction, back: UserAction
) -> None:
    before = parts_of(app).accounts.user(eve)
    page = confirm(admin, eve, act).text
    action = f"/people/{eve}/{back.value}"
    admin.client.post(action, data=Forms(page).forms[action])
    assert parts_of(app).accounts.user(eve) == before


def test_the_page_tells_until_when_a_removed_user_is_kept(app: App, admin: Browser, eve: int) -> None:
    page = confirm(admin, eve, UserAction.REMOVE).text
    removed_at = parts_of(app).accounts.any_user_named("eve").removed_at
    assert removed_at is not None
    assert format_date(removed_at + DAYS_30_US) in page


@pytest.mark.parametrize("act", [UserAction.DISABLE, UserAction.REMOVE, UserAction.END_ADMIN])
def test_the_page_says_why_the_last_admin_stays(app: App, admin: Browser, act: UserAction) -> None:
    ada = parts_of(app).accounts.user_named("ada")
    answer = admin.post(f"/people/{ada.id}/{act.value}")
    assert answer.status_code == 409
    assert "ada is the last admin who can sign in" in answer.text
    assert parts_of(app).accounts.user_named("ada") == ada


def test_an_admin_who_goes_is_warned_and_signed_out(app: App, admin: Browser) -> None:
    add_user(app, "grace", admin=True)
    ada = parts_of(app).accounts.user_named("ada")
    assert "This is you" in admin.get(f"/people/{ada.id}/remove").text
    answer = admin.post(f"/people/{ada.id}/remove")
    assert answer.headers["Location"] == "/people"
    assert admin.get("/people").headers["Location"].startswith("/login")


def test_a_name_in_the_trash_is_told_on_the_page_too(app: App, admin: Browser, eve: int) -> None:
    confirm(admin, eve, UserAction.REMOVE)
    answer = admin.post("/people", name="eve", password="correct horse battery")
    assert answer.status_code == 422
    assert "in the trash until" in answer.text


def test_names_are_shown_as_they_are(app: App, admin: Browser) -> None:
    name = "<b>{name}</b> & {0}"
    number = add_user(app, name)
    for act in UserAction:
        page = admin.get(f"/people/{number}/{act.value}").text
        assert "<b>" not in page
        assert name in unescape(page)
    answer = admin.post(f"/people/{number}/remove")
    assert name in unescape(admin.get(answer.headers["Location"]).text)


def test_what_is_no_act_and_who_is_not_there_are_not_found(admin: Browser, eve: int) -> None:
    assert admin.get(f"/people/{eve}/purge").status_code == 404
    assert admin.get("/people/77/remove").status_code == 404
    assert admin.get(f"/people/{2**63}/remove").status_code == 404
