"""Browsers that somebody was signed in with before, over HTTP: strangers' attempts don't keep them out."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from app import App
from offbook.core.accounts.login_throttle import PER_GUEST, PER_NAME
from storage.errors import Throttled, WrongPassword
from tests.support.browser import PASSWORD, Browser, add_user, csrf_of, parts_of, signed_in
from web.known_browsers import COOKIE, SECONDS

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

NEW = "another password"


def strangers_try(app: App, name: str) -> None:
    """So much that everybody whom the server does not know waits, and whoever is at 127.0.0.1 for long."""
    accounts, now = parts_of(app).accounts, parts_of(app).clock()
    for address in ["127.0.0.1"] * PER_GUEST + [f"192.0.2.{number}" for number in range(PER_NAME - PER_GUEST)]:
        with pytest.raises(WrongPassword):
            accounts.check_password(name, "wrong", address, now)
    with pytest.raises(Throttled):
        accounts.check_password(name, PASSWORD, "203.0.113.5", now)


def known_cookie(answer: TestResponse, user_id: int) -> str:
    lines = [line.removeprefix("__Host-") for line in answer.headers.getlist("Set-Cookie")]
    (cookie,) = (line for line in lines if line.startswith(COOKIE.format(user_id) + "="))
    return cookie


def test_a_browser_that_was_signed_in_passes_while_strangers_try(app: App) -> None:
    add_user(app, "ada")
    hers = Browser(app)
    assert hers.sign_in("ada").status_code == 302
    hers.post("/logout", "/devices")
    strangers_try(app, "ada")
    assert Browser(app).sign_in("ada").status_code == 429
    assert hers.sign_in("Ada").status_code == 302


def test_a_browser_is_known_by_signing_out_too(app: App, ada: Browser) -> None:
    """Of a session that is older than the cookie."""
    ada.post("/logout", "/devices")
    strangers_try(app, "ada")
    assert ada.sign_in("ada").status_code == 302


def test_the_first_browser_of_all_is_known(app: App) -> None:
    browser = Browser(app)
    browser.post(f"/setup/{parts_of(app).accounts.open_setup()}", name="ada", password=PASSWORD)
    browser.post("/logout", "/devices")
    strangers_try(app, "ada")
    assert browser.sign_in("ada").status_code == 302


def test_a_known_browser_guesses_ten_times_and_others_go_on(app: App) -> None:
    add_user(app, "ada")
    hers = Browser(app)
    hers.sign_in("ada")
    hers.post("/logout", "/devices")
    codes = [hers.sign_in("ada", "wrong").status_code for _ in range(PER_GUEST + 1)]
    assert codes == [422] * PER_GUEST + [429]
    assert hers.sign_in("ada").status_code == 429
    assert Browser(app).sign_in("ada").status_code == 302


def test_people_who_share_a_browser_are_both_known(app: App) -> None:
    add_user(app, "ada")
    add_user(app, "bob")
    shared = Browser(app)
    for name in ("ada", "bob"):
        shared.sign_in(name)
        shared.post("/logout", "/devices")
    strangers_try(app, "ada")
    strangers_try(app, "bob")
    assert shared.sign_in("ada").status_code == 302


def test_a_browser_that_another_user_was_signed_in_with_is_a_stranger(app: App) -> None:
    add_user(app, "ada")
    add_user(app, "eve")
    hers = Browser(app)
    hers.sign_in("eve")
    hers.post("/logout", "/devices")
    strangers_try(app, "ada")
    assert hers.sign_in("ada").status_code == 429


@pytest.mark.parametrize("forged", ["", "x", "é", "WzEsIngiXQ.x.x", "another user's", "another secret's", "no list"])
def test_a_forged_cookie_makes_nobody_known(app: App, forged: str) -> None:
    ada = add_user(app, "ada")
    salt = "offbook known browser"
    right = URLSafeTimedSerializer(app.config["SECRET_KEY"], salt=salt)
    values = {
        "another user's": right.dumps([ada + 1, "x"]),
        "another secret's": URLSafeTimedSerializer("x" * 64, salt=salt).dumps([ada, "x"]),
        "no list": right.dumps({"1": "x"}),
    }
    strangers_try(app, "ada")
    browser = Browser(app)
    browser.client.set_cookie(COOKIE.format(ada), values.get(forged, forged))
    assert browser.sign_in("ada").status_code == 429


def test_the_cookie_lasts_and_is_kept_from_scripts_and_other_sites(app: App) -> None:
    ada = add_user(app, "ada")
    parts = known_cookie(Browser(app).sign_in("ada"), ada).split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", f"Max-Age={SECONDS}"} <= set(parts)
    assert "Secure" not in parts
    assert "ada" not in parts[0]


def test_over_https_the_cookie_is_for_https_only(app: App) -> None:
    ada, client, site = add_user(app, "ada"), app.test_client(), "https://offbook.localhost"
    token = csrf_of(client.get("/login", base_url=site).text)
    form = {"csrf_token": token, "name": "ada", "password": PASSWORD}
    answer = client.post("/login", data=form, base_url=site, headers={"Referer": f"{site}/login"})
    assert "Secure" in known_cookie(answer, ada).split("; ")


def test_each_sign_in_makes_the_browser_a_new_one(app: App) -> None:
    """So that a copy of an older cookie shares nothing with it."""
    ada = add_user(app, "ada")
    cookies = {SimpleCookie(known_cookie(Browser(app).sign_in("ada"), ada))[COOKIE.format(ada)].value for _ in "12"}
    assert len(cookies) == 2


def test_a_signed_in_person_changes_the_password_while_strangers_try(app: App, ada: Browser) -> None:
    strangers_try(app, "ada")
    form = {"password": PASSWORD, "new_password": NEW, "new_password_again": NEW}
    assert ada.post("/settings/password", "/settings", **form).status_code == 302
    ada.post("/logout", "/devices")
    assert ada.sign_in("ada", NEW).status_code == 302


def test_too_many_guesses_at_an_open_session_are_told_how_long_to_wait(app: App, ada: Browser) -> None:
    form = {"password": "wrong", "new_password": NEW, "new_password_again": NEW}
    codes = [ada.post("/settings/password", "/settings", **form).status_code for _ in range(PER_GUEST)]
    assert codes == [422] * PER_GUEST
    answer = ada.post("/settings/password", "/settings", **form | {"password": PASSWORD})
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert signed_in(app, "ada").get("/settings").status_code == 200
