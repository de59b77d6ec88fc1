"""Sessions as browsers see them: copied cookies, cookies of earlier versions, the list, forms that come too late."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import event, select, text, update
from werkzeug.test import TestResponse

import models
from app import App
from storage.sessions import DAY_US, USED_EVERY_US, session_id
from tests.browser import COOKIE, PASSWORD, Browser, add_device, add_user, app_on, bearer, csrf_of, parts_of, signed_in
from tests.html_forms import form_at
from web.agents import browser_of

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

OURS = {"Origin": "http://localhost"}
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def cookie_of(browser: Browser) -> str:
    cookie = browser.client.get_cookie(COOKIE)
    assert cookie is not None
    return cookie.value


def copied(app: App, cookie: str) -> Browser:
    """Another browser with a cookie that it was not given."""
    thief = Browser(app, "198.51.100.7")
    thief.client.set_cookie(COOKIE, cookie)
    return thief


def is_in(browser: Browser) -> bool:
    return browser.get("/devices").status_code == 200


def listed(browser: Browser) -> list[str]:
    """The sessions of the settings page, the one of this browser first."""
    page = browser.get("/settings").text
    return [unescape(name) for name in re.findall(r'item-name">([^<]+)<', page)]


def sessions_of(app: App, name: str = "ada") -> Any:
    parts = parts_of(app)
    return parts.accounts.sessions(parts.accounts.user_named(name).id, parts.clock())


# --- ending ----------------------------------------------------------------------------------------------------------


def test_a_copied_cookie_is_nobody_s_once_its_owner_has_signed_out(app: App, ada: Browser) -> None:
    cookie = cookie_of(ada)
    assert is_in(copied(app, cookie))
    ada.post("/logout", "/devices")
    assert not is_in(copied(app, cookie))
    with copied(app, cookie).client as thief:
        assert thief.get("/live", headers={"Accept": "application/json"}).status_code == 401


def test_signing_out_leaves_the_other_browsers_in(app: App, ada: Browser) -> None:
    other = signed_in(app, "ada")
    ada.post("/logout", "/devices")
    assert is_in(other)


def test_a_session_is_ended_from_another_browser(app: App, ada: Browser) -> None:
    other = signed_in(app, "ada")
    (session,) = [one for one in sessions_of(app) if one.id != session_of(app, ada)]
    assert ada.post(f"/settings/sessions/{session.id}/end", "/settings").status_code == 302
    assert (is_in(ada), is_in(other)) == (True, False)
    assert ada.post(f"/settings/sessions/{session.id}/end", "/settings").status_code == 404


def session_of(app: App, browser: Browser) -> str:
    with browser.client.session_transaction() as cookie:
        return session_id(cookie["_user_id"])


def test_all_others_are_ended_by_one_button(app: App, ada: Browser) -> None:
    others = [signed_in(app, "ada") for _ in range(3)]
    assert "Sign out all other browsers" in ada.get("/settings").text
    ada.post("/settings/sessions/end-others", "/settings")
    assert is_in(ada) and not any(map(is_in, others))
    assert "Sign out all other browsers" not in ada.get("/settings").text


def test_the_command_signs_somebody_out_everywhere(app: App, ada: Browser) -> None:
    add_user(app, "bob")
    bob = signed_in(app, "bob")
    done = app.test_cli_runner().invoke(args=["user", "sign-out", "ada"])
    assert (done.exit_code, done.output) == (0, "ada is signed out everywhere (1 session).\n")
    assert (is_in(ada), is_in(bob)) == (False, True)
    assert app.test_cli_runner().invoke(args=["user", "sign-out", "eve"]).exit_code == 1


def test_a_new_password_ends_the_other_sessions_and_offers_to_revoke_the_devices(app: App, ada: Browser) -> None:
    other, (_, token) = signed_in(app, "ada"), add_device(app)
    form = {"password": PASSWORD, "new_password": "another password", "new_password_again": "another password"}
    answer = ada.post("/settings/password", "/settings", **form)
    assert answer.headers["Location"] == "/devices?after=password"
    page = ada.get("/devices?after=password").text
    assert "Do devices go on?" in page and "The password is changed." in page
    assert "Do devices go on?" not in ada.get("/devices").text
    assert not is_in(other)
    client = app.test_client()
    assert client.get("/changes", headers=bearer(token)).status_code == 200
    ada.post("/devices/revoke-all", "/devices?after=password")
    assert client.get("/changes", headers=bearer(token)).status_code == 401


# --- lasting ---------------------------------------------------------------------------------------------------------


def aged(app: App, **columns: int) -> None:
    with app.extensions["database"].write() as connection:
        for name, days in columns.items():
            column = getattr(models.SessionRow, name)
            connection.execute(update(models.SessionRow).values({name: column - days * DAY_US}))


def test_ninety_days_are_the_most_however_often_a_session_is_used(app: App, ada: Browser) -> None:
    aged(app, opened_at=89)
    assert is_in(ada)
    aged(app, opened_at=1)
    assert not is_in(ada)


def test_a_session_that_rested_for_a_month_is_over_and_listed_no_more(app: App, ada: Browser) -> None:
    other = signed_in(app, "ada")
    aged(app, last_used_at=31)
    assert not is_in(other)
    assert sessions_of(app) == []


def test_a_request_reads_one_row_of_a_session_and_writes_seldom(app: App, ada: Browser) -> None:
    """Of all statements that a page runs, those about sessions and users."""
    statements: list[str] = []
    database = app.extensions["database"]
    ada.get("/trash")
    hear_all(database.reader, statements)
    hear_all(database.engine, statements)
    ada.get("/trash")
    looks = [one for one in statements if "FROM users" in one]
    writes = [one for one in statements if one.startswith(("UPDATE", "INSERT", "DELETE"))]
    assert len(looks) == 1 and "sessions.id = " in looks[0], looks
    assert writes == []
    with database.read() as connection:
        plan = connection.execute(text(f"EXPLAIN QUERY PLAN {looks[0]}"), {"session_1": "x"} | {"session": "x"}).all()
    assert not [step for *_, step in plan if step.startswith("SCAN")], plan


def hear_all(engine: Any, statements: list[str]) -> None:
    """What the driver is given, also outside of SQLAlchemy."""
    event.listen(engine, "checkout", lambda connection, *_: connection.set_trace_callback(statements.append))
    event.listen(engine, "checkin", lambda connection, *_: connection.set_trace_callback(None))


def test_when_a_session_was_used_is_noted_after_ten_minutes(app: App, ada: Browser) -> None:
    (before,) = sessions_of(app)
    ada.get("/trash")
    assert sessions_of(app) == [before]
    with app.extensions["database"].write() as connection:
        used = models.SessionRow.last_used_at
        connection.execute(update(models.SessionRow).values(last_used_at=used - USED_EVERY_US))
    ada.get("/trash")
    (after,) = sessions_of(app)
    assert after.last_used_at > before.last_used_at


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_tells_browsers_addresses_and_how_and_when_they_signed_in(app: App) -> None:
    add_user(app, "ada")
    browser = Browser(app, "192.0.2.7")
    browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    browser.sign_in("ada")
    signed_in(app, "ada")
    page = browser.get("/settings").text
    assert listed(browser) == ["Firefox on Linux", "A browser"]
    assert "192.0.2.7" in page and "Used <time" in page and "by password" in page
    assert page.count("This browser") == 1


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 "
            "Safari/537.36 Edg/143.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile "
            "Safari/537.36",
            "Chrome on Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.1 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
            "Safari/605.1.15",
            "Safari on macOS",
        ),
        ("curl/8.14.1", "curl"),
        ("Mozilla/5.0", "A browser"),
        ("", "A browser"),
        ("<script>/1 Linux", "A browser on Linux"),
        ("x" * 10_000 + "Firefox/1 Windows", "x" * 40),
    ],
)
def test_a_browser_is_told_in_words(agent: str, words: str) -> None:
    assert browser_of(agent) == words
    assert len(words) <= 60


# --- cookies of earlier versions -------------------------------------------------------------------------------------


def earlier_cookie(app: App, name: str = "ada", **more: Any) -> str:
    """A cookie as the last version made it."""
    user = parts_of(app).accounts.user_named(name)
    values = {"_permanent": True, "_user_id": f"{user.id}.{user.stamp}", "_fresh": True, "_id": "f" * 128, **more}
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(signer.dumps(values))


@pytest.fixture
def earlier(app: App) -> Iterator[str]:
    add_user(app, "ada")
    yield earlier_cookie(app, csrf_token="c" * 40)


def test_a_cookie_of_the_last_version_goes_on_as_a_session(app: App, earlier: str) -> None:
    browser = copied(app, earlier)
    assert is_in(browser)
    assert cookie_of(browser) != earlier
    (session,) = sessions_of(app)
    assert (session.way, session.id) == ("earlier", session_of(app, browser))
    assert is_in(browser) and sessions_of(app) == [session]
    assert "or before" in browser.get("/settings").text


def test_its_form_that_is_open_can_still_be_sent(app: App, earlier: str) -> None:
    browser = copied(app, earlier)
    token = csrf_of(browser.get("/devices").text)
    assert browser.client.post("/devices", data={"csrf_token": token, "name": "laptop"}).status_code == 200


def test_several_requests_with_it_are_one_session(app: App, earlier: str) -> None:
    tabs = [copied(app, earlier) for _ in range(3)]
    assert all(map(is_in, tabs))
    assert len(sessions_of(app)) == 1
    tabs[0].post("/logout", "/devices")
    assert not any(map(is_in, tabs))
    assert not is_in(copied(app, earlier))


def test_signing_out_everywhere_ends_what_nobody_has_shown_yet(app: App, earlier: str) -> None:
    parts = parts_of(app)
    parts.accounts.end_sessions(1, parts.clock() + 1_000_000)
    assert not is_in(copied(app, earlier))


def test_a_cookie_of_another_password_or_user_opens_nothing(app: App, earlier: str) -> None:
    parts_of(app).accounts.set_password(1, "another password", 0)
    assert not is_in(copied(app, earlier))
    stamp = parts_of(app).accounts.user_named("ada").stamp
    for nobody in (f"2.{stamp}", f"1.{stamp}x", "1.", f"1.{stamp[:-1]}", f"{2**70}.{stamp}"):
        assert not is_in(copied(app, earlier_cookie(app, _user_id=nobody))), nobody


# --- where nothing can be stored -------------------------------------------------------------------------------------


@pytest.fixture
def closed(app: App) -> Iterator[Callable[[], None]]:
    """Ada's server, whose database takes no changes; gives what lets it take them again."""
    add_user(app, "ada")
    database = app.extensions["database"]
    with database.write() as connection:
        for way in ("INSERT", "UPDATE"):
            refuse = f"CREATE TRIGGER no_{way} BEFORE {way} ON sessions BEGIN SELECT raise(ABORT, 'no'); END"
            connection.execute(text(refuse))

    def open_again() -> None:
        with database.write() as connection:
            for way in ("INSERT", "UPDATE"):
                connection.execute(text(f"DROP TRIGGER no_{way}"))

    yield open_again


def test_whoever_signs_in_then_is_in_and_is_stored_later(app: App, closed: Callable[[], None]) -> None:
    browser = Browser(app)
    browser.sign_in("ada")
    carried = cookie_of(browser)
    assert is_in(browser) and sessions_of(app) == []
    assert listed(browser) == ["Werkzeug"]
    closed()
    assert is_in(browser)
    (session,) = sessions_of(app)
    assert session.way == "password" and session.id == session_of(app, browser)
    browser.post("/logout", "/devices")
    assert not is_in(copied(app, carried)) and not is_in(copied(app, cookie_of(browser)))


def test_whoever_signs_out_then_is_out_and_stays_so(app: App, closed: Callable[[], None]) -> None:
    browser = Browser(app)
    browser.sign_in("ada")
    cookie = cookie_of(browser)
    browser.post("/logout", "/devices")
    assert "can store nothing at the moment" in browser.get("/login").text
    assert not is_in(copied(app, cookie))
    closed()
    parts_of(app).accounts.store_ended()
    with app.extensions["database"].read() as connection:
        (row,) = connection.execute(select(models.SessionRow.ended_at)).all()
    assert row.ended_at is not None
    assert not is_in(copied(app, cookie))


# --- forms that come too late ----------------------------------------------------------------------------------------


def contact_form(browser: Browser, **typed: str) -> dict[str, Any]:
    form = form_at(browser.get("/c/new").text, "/c/new")
    return form | {name: [text] for name, text in typed.items()}


def send(browser: Browser, path: str, form: Any, headers: dict[str, str] = OURS) -> TestResponse:
    return browser.client.post(path, data=form, headers=headers)


def names(app: App, browser: Browser) -> str:
    return browser.get("/").text


NOTES = 'First line\r\nsecond "line" <b>&amp;\u2003Łódź'


def test_what_was_typed_before_the_session_ended_is_shown_after_signing_in_and_saved(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace", notes=NOTES, phone_value="555-1")
    ada.post("/logout", "/devices")
    door = send(ada, "/c/new", form)
    assert door.status_code == 401 and "nothing of it is lost" in door.text
    signing_in = form_at(door.text, "/login") | {"name": ["ada"], "password": [PASSWORD]}
    again = send(ada, "/login", signing_in)
    assert again.status_code == 200
    assert "Grace" in again.text and "555-1" in again.text
    assert "Grace" not in names(app, ada), "nothing is done before it is sent once more"
    saved = send(ada, "/c/new", form_at(again.text, "/c/new"))
    assert saved.status_code == 303
    page = ada.get(saved.headers["Location"]).text
    assert "Grace" in page and "555-1" in page and "second &#34;line&#34; &lt;b&gt;&amp;amp;\u2003Łódź" in page


def test_a_form_from_before_another_tab_signed_out_and_in_is_shown_and_saved(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace", notes=NOTES)
    ada.post("/logout", "/devices")
    ada.sign_in("ada")
    again = send(ada, "/c/new", form)
    assert again.status_code == 400 and "Not done yet" in again.text
    assert "Grace" not in names(app, ada)
    assert send(ada, "/c/new", form_at(again.text, "/c/new")).status_code == 303
    assert "Grace" in names(app, ada)


def test_the_form_itself_can_be_gone_back_to(app: App, ada: Browser) -> None:
    form = contact_form(ada, name="Grace", notes=NOTES)
    ada.post("/logout", "/devices")
    ada.sign_in("ada")
    again = form_at(send(ada, "/c/new", form).text, "/c/new")
    shown = send(ada, "/c/new", again | {"show": ["1"]})
    assert shown.status_code == 200
    filled = form_at(shown.text, "/c/new")
    assert (filled["name"], filled["notes"], filled["change_id"]) == (["Grace"], [NOTES], form["change_id"])
    assert "Grace" not in names(app, ada)


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
    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Referer": "https://evil.example/"}):
        answer = send(ada, "/c/new", form, headers)
        assert answer.status_code == 400 and "hijacked" not in answer.text
    ada.post("/logout", "/devices")
    for headers in ({}, {"Origin": "https://evil.example"}):
        assert "carried" not in send(ada, "/c/new", form, headers).text


def test_a_browser_that_names_the_page_and_no_origin_is_believed(app: App, ada: Browser) -> None:
    answer = send(ada, "/c/new", {"name": "Grace"}, {"Referer": "http://localhost/c/new"})
    assert "Not done yet" in answer.text and "Grace" in answer.text


def test_what_is_carried_can_not_be_made_up(app: App, ada: Browser) -> None:
    ada.post("/logout", "/devices")
    answer = ada.post("/login", name="ada", password=PASSWORD, carried='{"to": "/c/new", "inputs": []}')
    assert answer.status_code == 302


def test_passwords_are_not_carried_but_typed_anew(app: App, ada: Browser) -> None:
    secret = "a new password of hers"
    form = {"password": PASSWORD, "new_password": secret, "new_password_again": secret}
    answer = send(ada, "/settings/password", form)
    assert answer.status_code == 400
    assert secret not in answer.text and PASSWORD not in answer.text
    assert answer.text.count('type="password"') == 3
    ada.post("/logout", "/devices")
    assert secret not in send(ada, "/settings/password", form).text


def test_a_file_is_chosen_again(app: App, ada: Browser) -> None:
    sent = {"file": (BytesIO(b"Name\nGrace\n"), "contacts.csv")}
    answer = send(ada, "/import", sent)
    assert answer.status_code == 400
    assert "Choose the file again" in answer.text and 'enctype="multipart/form-data"' in answer.text


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


def test_a_sign_in_page_that_is_older_than_the_last_sign_out_asks_once_more(app: App, ada: Browser) -> None:
    page = {"csrf_token": "of before", "name": "ada", "password": PASSWORD}
    assert send(ada, "/login", page).headers["Location"] == "/"
    ada.post("/logout", "/devices")
    answer = send(ada, "/login", page)
    assert answer.status_code == 400 and "once more" in answer.text and 'value="ada"' in answer.text
    assert PASSWORD not in answer.text


def test_a_script_is_told_in_a_way_that_it_can_act_on(app: App, ada: Browser) -> None:
    script = {**OURS, "X-Fragment": "pane", "Accept": "text/html"}
    stale = send(ada, "/c/new", {"name": "Grace"}, script)
    assert stale.status_code == 400 and 'data-problem="stale_form"' in stale.text
    for token in ("x", csrf_of(ada.get("/c/new").text)):
        browser = Browser(app)
        out = send(browser, "/c/new", {"name": "Grace", "csrf_token": token}, script)
        assert out.status_code == 401 and "what you typed is still here" in out.text


def test_a_prefix_and_https_of_a_proxy_count_for_what_is_ours(database_url: str) -> None:
    app = app_on(database_url, trusted_proxies=1)
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "offbook.example", "X-Forwarded-Prefix": "/book"}
    origin = {"Origin": "https://offbook.example", "Referer": "https://offbook.example/book/c/new"}
    answer = app.test_client().post("/c/new?q=x", data={"name": "Grace"}, headers=forwarded | origin)
    assert answer.status_code == 401
    assert 'action="/book/login"' in answer.text
    app.extensions["database"].close()
