"""Users as JSON: an admin makes them, by a session or by a device."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support.api_client import Caller, caller
from tests.support.browser import Browser, add_user, csrf_of, parts_of, signed_in
from tests.support.openapi_checks import hold

GOOD = {"name": "Grace", "password": "correct horse battery"}


@pytest.fixture
def boss(app: App) -> Caller:
    """A device of an admin."""
    return caller(app, "ada", admin=True)


def post(browser: Browser, body: Any, token: str | None) -> TestResponse:
    headers = {} if token is None else {"X-CSRFToken": token}
    answer = browser.client.post("/users", json=body, headers=headers)
    hold(browser.client.application, "POST", "/users", answer)  # type: ignore[arg-type]
    return answer


def names(app: App) -> list[str]:
    return [user.name for user in parts_of(app).accounts.users()]


@pytest.mark.parametrize("admin", [None, False, True])
def test_an_admin_s_device_makes_a_user_who_can_sign_in(app: App, boss: Caller, admin: bool | None) -> None:
    answer = boss.ask("POST", "/users", json=GOOD if admin is None else GOOD | {"admin": admin})
    made = parts_of(app).accounts.user_named("Grace")
    assert answer.status_code == 201
    assert answer.get_json().items() >= {"id": made.id, "name": "Grace", "admin": bool(admin)}.items()
    assert made.admin is bool(admin)
    assert Browser(app).sign_in("Grace").headers["Location"] == "/"


def test_where_a_new_user_is_is_told_and_leads_there(boss: Caller) -> None:
    answer = boss.ask("POST", "/users", json=GOOD)
    assert answer.headers["Location"] == f"/users/{answer.get_json()['id']}"
    assert boss.get(answer.headers["Location"]).get_json() == answer.get_json()


def test_a_new_user_is_in_the_list(boss: Caller) -> None:
    boss.ask("POST", "/users", json=GOOD)
    listed = boss.get("/users").get_json()["users"]
    assert [(user["name"], user["admin"]) for user in listed] == [("Grace", False), ("ada", True)]


def test_a_session_makes_a_user_with_the_token_of_a_page(app: App) -> None:
    add_user(app, "ada", admin=True)
    ada = signed_in(app, "ada")
    token = csrf_of(ada.get("/people").text)
    assert post(ada, GOOD, token).status_code == 201
    assert names(app) == ["Grace", "ada"]


@pytest.mark.parametrize("token", [None, "", "x", "é"])
def test_a_session_without_the_token_makes_nobody(app: App, token: str | None) -> None:
    """Another site can have a browser send its cookie, and not a header of its own."""
    add_user(app, "ada", admin=True)
    answer = post(signed_in(app, "ada"), GOOD, token)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "stale_form")
    assert "X-CSRFToken" in answer.get_json()["detail"]
    assert names(app) == ["ada"]


def test_whoever_is_no_admin_makes_nobody(app: App) -> None:
    bob = caller(app, "bob")
    assert bob.ask("POST", "/users", json=GOOD).status_code == 403
    browser = signed_in(app, "bob")
    assert post(browser, GOOD, csrf_of(browser.get("/settings").text)).status_code == 403
    assert app.test_client().post("/users", json=GOOD).status_code == 401
    assert names(app) == ["bob"]


def test_a_name_that_somebody_has_is_taken(app: App, boss: Caller) -> None:
    boss.ask("POST", "/users", json=GOOD)
    answer = boss.ask("POST", "/users", json=GOOD | {"name": " Grace ", "admin": True})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "taken")
    assert parts_of(app).accounts.user_named("Grace").admin is False


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": None}, "wrong_type"),
    "a name that is a number": ({"name": 5}, "wrong_type"),
    "an empty name": ({"name": " "}, "bad_name"),
    "a name with a NUL": ({"name": "a\0b"}, "bad_name"),
    "a name that is no text": ({"name": "\ud800"}, "bad_name"),
    "a long name": ({"name": "é" * 101}, "bad_name"),
    "a password that is a list": ({"password": []}, "wrong_type"),
    "a short password": ({"password": "short"}, "password_length"),
    "a long password": ({"password": "x" * 1001}, "password_length"),
    "an admin by a number": ({"admin": 1}, "wrong_type"),
    "an admin by null": ({"admin": None}, "wrong_type"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_be_no_user_is_told_so(app: App, boss: Caller, name: str) -> None:
    more, code = BAD[name]
    answer = boss.ask("POST", "/users", data=json.dumps(GOOD | more))
    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert names(app) == ["ada"]


@pytest.mark.parametrize("missing", GOOD)
def test_a_name_and_a_password_are_needed(app: App, boss: Caller, missing: str) -> None:
    answer = boss.ask("POST", "/users", json={name: value for name, value in GOOD.items() if name != missing})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "missing")
    assert f'"{missing}"' in answer.get_json()["detail"]


def test_a_body_that_says_something_else_is_refused(app: App, boss: Caller) -> None:
    assert boss.ask("POST", "/users", json=GOOD | {"id": 5}).get_json()["code"] == "unknown_key"
    assert boss.ask("POST", "/users", json=[]).get_json()["code"] == "not_an_object"
    assert boss.ask("POST", "/users", data=b"name=Grace").get_json()["code"] == "not_json"
    assert names(app) == ["ada"]


@pytest.mark.parametrize("number", ["0", "77", str(2**63 - 1), str(2**63), "9" * 400, "x", "-1", "1.0", "٣"])
def test_a_user_that_is_not_there_is_not_found(boss: Caller, number: str) -> None:
    answer = boss.get(f"/users/{number}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_user_is_shown_to_admins_alone(app: App, boss: Caller) -> None:
    ada = parts_of(app).accounts.user_named("ada").id
    assert caller(app, "bob").get(f"/users/{ada}").status_code == 403
    assert app.test_client().get(f"/users/{ada}").status_code == 401
