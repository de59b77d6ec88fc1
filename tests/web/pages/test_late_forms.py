"""A form that is sent when its session is over: what was typed is shown again, and only to whoever typed it here."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support.browser import PASSWORD, Browser, app_on, csrf_of, parts_of
from tests.support.html_forms import form_at
from web.pages.late_forms import form_signer

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

OURS = {"Origin": "http://localhost"}
NOTES = 'First line\r\nsecond "line" <b>&amp;\u2003Łódź'


def contact_form(browser: Browser, **typed: str) -> dict[str, Any]:
    form = form_at(browser.get("/c/new").text, "/c/new")
    return form | {name: [text] for name, text in typed.items()}


def send(browser: Browser, path: str, form: Any, headers: dict[str, str] = OURS) -> TestResponse:
    return browser.client.post(path, data=form, headers=headers)


def contacts(browser: Browser) -> str:
    return browser.get("/").text


def test_what_was_typed_before_the_session_ended_is_shown_after_signing_in_and_saved(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace", notes=NOTES, phone_value="555-1")
    ada.post("/logout", "/devices")
    door = send(ada, "/c/new", form)
    assert door.status_code == 401
    assert "nothing of it is lost" in door.text
    signing_in = form_at(door.text, "/login") | {"name": ["ada"], "password": [PASSWORD]}
    again = send(ada, "/login", signing_in)
    assert again.status_code == 200
    assert "Grace" in again.text
    assert "555-1" in again.text
    assert "Grace" not in contacts(ada), "nothing is done before it is sent once more"
    saved = send(ada, "/c/new", form_at(again.text, "/c/new"))
    assert saved.status_code == 303
    page = ada.get(saved.headers["Location"]).text
    assert "Grace" in page
    assert "555-1" in page
    assert "second &#34;line&#34; &lt;b&gt;&amp;amp;\u2003Łódź" in page


def test_a_form_from_before_another_tab_signed_out_and_in_is_shown_and_saved(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace", notes=NOTES)
    ada.post("/logout", "/devices")
    ada.sign_in("ada")
    again = send(ada, "/c/new", form)
    assert again.status_code == 400
    assert "Not done yet" in again.text
    assert "Grace" not in contacts(ada)
    assert send(ada, "/c/new", form_at(again.text, "/c/new")).status_code == 303
    assert "Grace" in contacts(ada)


def test_the_form_itself_can_be_gone_back_to(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace", notes=NOTES)
    ada.post("/logout", "/devices")
    ada.sign_in("ada")
    again = form_at(send(ada, "/c/new", form).text, "/c/new")
    shown = send(ada, "/c/new", again | {"show": ["1"]})
    assert shown.status_code == 200
    filled = form_at(shown.text, "/c/new")
    assert (filled["name"], filled["notes"], filled["change_id"]) == (["Grace"], [NOTES], form["change_id"])
    assert "Grace" not in contacts(ada)


def test_a_form_as_long_as_may_be_typed_is_kept_whole(app: App, ada: Browser) -> None:
    """The longest notes that a contact takes, of the longest letters."""
    notes = "\U0001f600" * 20_000
    form = contact_form(ada, name="Grace", notes=notes)
    ada.post("/logout", "/devices")
    door = send(ada, "/c/new", form)
    again = send(ada, "/login", form_at(door.text, "/login") | {"name": ["ada"], "password": [PASSWORD]})
    assert form_at(again.text, "/c/new")["notes"] == [notes]
    assert send(ada, "/c/new", form_at(again.text, "/c/new")).status_code == 303


def test_a_wrong_password_on_the_way_loses_nothing(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace")
    ada.post("/logout", "/devices")
    door = send(ada, "/c/new", form)
    wrong = send(ada, "/login", form_at(door.text, "/login") | {"name": ["ada"], "password": ["wrong"]})
    assert wrong.status_code == 422
    again = send(ada, "/login", form_at(wrong.text, "/login") | {"name": ["ada"], "password": [PASSWORD]})
    assert "Grace" in again.text


def test_a_form_with_a_valid_token_and_an_ended_session_is_kept_too(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace")
    parts_of(app).accounts.end_sessions(1, parts_of(app).clock())
    door = send(ada, "/c/new", form)
    assert door.status_code == 401
    again = send(ada, "/login", form_at(door.text, "/login") | {"name": ["ada"], "password": [PASSWORD]})
    assert "Grace" in again.text


def test_a_form_of_another_site_is_neither_done_nor_kept(app: App, ada: Browser) -> None:
    form = {"name": "hijacked", "csrf_token": "x"}
    elsewhere = (
        "https://evil.example",
        "http://localhost.evil.example",
        "http://localhost:1",
        "null",
        "http://[",
        "//localhost",
    )
    for headers in ({}, *({"Origin": one} for one in elsewhere), {"Referer": "https://evil.example/"}):
        answer = send(ada, "/c/new", form, headers)
        assert answer.status_code == 400
        assert "hijacked" not in answer.text
    ada.post("/logout", "/devices")
    for headers in ({}, {"Origin": "https://evil.example"}):
        assert "carried" not in send(ada, "/c/new", form, headers).text


def test_over_https_a_page_that_is_no_address_is_none_of_ours(app: App, ada: Browser) -> None:
    client, here = ada.client, "https://localhost"
    cookie = client.get_cookie("offbook")
    assert cookie
    client.set_cookie("__Host-offbook", cookie.value)
    token = csrf_of(client.get("/devices", base_url=here).text)
    for referer in ("https://[", "https://evil.example/", ""):
        form = {"csrf_token": token, "name": "laptop"}
        answer = client.post("/devices", data=form, headers={"Referer": referer}, base_url=here)
        assert answer.status_code == 400
        assert "load the page again" in answer.text


def test_a_browser_that_names_the_page_and_no_origin_is_believed(app: App, ada: Browser) -> None:
    answer = send(ada, "/c/new", {"name": "Grace"}, {"Referer": "http://localhost/c/new"})
    assert "Not done yet" in answer.text
    assert "Grace" in answer.text


def test_what_is_carried_can_not_be_made_up(app: App, ada: Browser) -> None:
    ada.post("/logout", "/devices")
    answer = ada.post("/login", name="ada", password=PASSWORD, carried='{"to": "/c/new", "inputs": []}')
    assert answer.status_code == 302


@pytest.mark.parametrize("endpoint", ["contacts.create", "pages.create"])
def test_a_form_that_the_last_version_carried_can_be_shown_again_too(endpoint: str, app: App, ada: Browser) -> None:
    ada.post("/logout", "/devices")
    with app.app_context():
        carried = form_signer().dumps(
            {"to": "/c/new", "endpoint": endpoint, "inputs": [["name", "Grace"]], "files": []}
        )
    page = ada.post("/login", name="ada", password=PASSWORD, carried=carried).text
    assert "Back to the form" in page


def test_passwords_are_not_carried_but_typed_anew(app: App, ada: Browser) -> None:
    secret = "a new password of hers"
    form = {"password": PASSWORD, "new_password": secret, "new_password_again": secret}
    answer = send(ada, "/settings/password", form)
    assert answer.status_code == 400
    assert secret not in answer.text
    assert PASSWORD not in answer.text
    assert answer.text.count('type="password"') == 3
    ada.post("/logout", "/devices")
    assert secret not in send(ada, "/settings/password", form).text


def test_a_file_is_chosen_again(app: App, ada: Browser) -> None:
    sent = {"file": (BytesIO(b"Name\nGrace\n"), "contacts.csv")}
    answer = send(ada, "/import", sent)
    assert answer.status_code == 400
    assert "Choose the file again" in answer.text
    assert 'enctype="multipart/form-data"' in answer.text


def test_a_button_is_pressed_once_more(app: App, ada: Browser) -> None:
    answer = send(ada, "/settings/policy", {"policy": "ask"})
    assert "ask" in answer.text
    assert send(ada, "/settings/policy", form_at(answer.text, "/settings/policy")).status_code == 302
    assert parts_of(app).accounts.book(1).policy == "ask"


def test_signing_out_twice_leads_to_the_sign_in(app: App, ada: Browser) -> None:
    token = csrf_of(ada.get("/settings").text)
    ada.post("/logout", "/devices")
    answer = send(ada, "/logout", {"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


def test_the_form_of_the_first_account_asks_nobody_to_sign_in(app: App) -> None:
    link = f"/setup/{parts_of(app).accounts.open_setup()}"
    answer = send(Browser(app), link, {"name": "ada", "password": PASSWORD})
    assert answer.status_code == 400
    assert "load the page again" in answer.text
    assert PASSWORD not in answer.text


def test_a_sign_in_page_that_is_older_than_the_last_sign_out_asks_once_more(app: App, ada: Browser) -> None:
    page = {"csrf_token": "of before", "name": "ada", "password": PASSWORD}
    assert send(ada, "/login", page).headers["Location"] == "/"
    ada.post("/logout", "/devices")
    answer = send(ada, "/login", page)
    assert answer.status_code == 400
    assert "once more" in answer.text
    assert 'value="ada"' in answer.text
    assert PASSWORD not in answer.text


def test_a_script_is_told_in_a_way_that_it_can_act_on(app: App, ada: Browser) -> None:
    script = {**OURS, "X-Fragment": "pane", "Accept": "text/html"}
    stale = send(ada, "/c/new", {"name": "Grace"}, script)
    assert stale.status_code == 400
    assert 'data-problem="stale_form"' in stale.text
    for token in ("x", csrf_of(ada.get("/c/new").text)):
        browser = Browser(app)
        out = send(browser, "/c/new", {"name": "Grace", "csrf_token": token}, script)
        assert out.status_code == 401
        assert "what you typed is still here" in out.text


def test_a_prefix_and_https_of_a_proxy_count_for_what_is_ours(database_url: str) -> None:
    app = app_on(database_url, trusted_proxies=1)
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "offbook.localhost", "X-Forwarded-Prefix": "/book"}
    origin = {"Origin": "https://offbook.localhost", "Referer": "https://offbook.localhost/book/c/new"}
    answer = app.test_client().post("/c/new?q=x", data={"name": "Grace"}, headers=forwarded | origin)
    assert answer.status_code == 401
    assert 'action="/book/login"' in answer.text
    app.extensions["database"].close()
