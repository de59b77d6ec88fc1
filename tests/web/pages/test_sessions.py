"""Sessions as browsers see them: copied cookies, cookies of earlier versions, and the list."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event, select, text, update

import models
from app import App
from offbook.core.merge.retention import DAY_US
from storage.repositories.accounts.sessions import USED_EVERY_US, session_id
from tests.support.browser import COOKIE, PASSWORD, Browser, add_device, add_user, bearer, csrf_of, parts_of, signed_in
from tests.support.cookies import cookie_of, copied, earlier_cookie, is_in, signer_of
from web.presenters.user_agents import browser_of

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


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
    assert is_in(ada)
    assert not any(map(is_in, others))
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
    assert "Keep your devices?" in page
    assert "The password is changed." in page
    assert "Keep your devices?" not in ada.get("/devices").text
    assert not is_in(other)
    client = app.test_client()
    assert client.get("/changes", headers=bearer(token)).status_code == 200
    ada.post("/devices/revoke-all", "/devices?after=password")
    assert client.get("/changes", headers=bearer(token)).status_code == 401


def test_signing_in_again_ends_the_session_that_the_browser_had(app: App, ada: Browser) -> None:
    before = cookie_of(ada)
    token = csrf_of(ada.get("/settings").text)
    ada.client.post("/login", data={"csrf_token": token, "name": "ada", "password": PASSWORD})
    assert is_in(ada)
    assert not is_in(copied(app, before))
    assert len(sessions_of(app)) == 1


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
    assert len(looks) == 1, looks
    assert "sessions.id = " in looks[0], looks
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


def test_a_cookie_is_written_once_a_day_so_that_a_late_answer_seldom_brings_an_old_one_back(
    app: App, ada: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Set-Cookie" in ada.get("/trash").headers, "the token of its forms is new"
    assert "Set-Cookie" not in ada.get("/trash").headers
    with ada.client.session_transaction() as session:
        values = dict(session)
    with monkeypatch.context() as patch:
        patch.setattr("itsdangerous.timed.TimestampSigner.get_timestamp", lambda _: int(time.time()) - 25 * 60 * 60)
        ada.client.set_cookie(COOKIE, signer_of(app).dumps(values))
    assert "Set-Cookie" in ada.get("/trash").headers
    assert "Set-Cookie" not in ada.get("/trash").headers


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_tells_browsers_addresses_and_how_and_when_they_signed_in(app: App) -> None:
    add_user(app, "ada")
    browser = Browser(app, "192.0.2.7")
    browser.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    browser.sign_in("ada")
    signed_in(app, "ada")
    page = browser.get("/settings").text
    assert listed(browser) == ["Firefox on Linux", "A browser"]
    assert "192.0.2.7" in page
    assert "Used <time" in page
    assert "by password" in page
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


@pytest.fixture
def earlier(app: App) -> str:
    add_user(app, "ada")
    return earlier_cookie(app, csrf_token="c" * 40)


def test_a_cookie_of_the_last_version_goes_on_as_a_session(app: App, earlier: str) -> None:
    browser = copied(app, earlier)
    assert is_in(browser)
    assert cookie_of(browser) != earlier
    (session,) = sessions_of(app)
    assert (session.way, session.id) == ("earlier", session_of(app, browser))
    assert is_in(browser)
    assert sessions_of(app) == [session]
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


def test_one_that_was_copied_before_its_first_page_came_is_one_session_too(app: App, earlier: str) -> None:
    """It has no token of a form yet."""
    cookie = earlier_cookie(app)
    browser, thief = copied(app, cookie), copied(app, cookie)
    assert is_in(browser)
    assert is_in(thief)
    browser.post("/logout", "/devices")
    assert not is_in(thief)
    assert not is_in(copied(app, cookie))
    assert is_in(copied(app, earlier))


def test_signing_out_everywhere_ends_what_nobody_has_shown_yet(app: App, earlier: str) -> None:
    parts = parts_of(app)
    parts.accounts.end_sessions(1, parts.clock() + 1_000_000)
    assert not is_in(copied(app, earlier))


def test_a_cookie_of_another_password_or_user_opens_nothing(app: App, earlier: str) -> None:
    parts_of(app).accounts.set_password(1, "another password", 0)
    assert not is_in(copied(app, earlier))
    stamp = parts_of(app).accounts.user_named("ada").session_version
    for nobody in (f"2.{stamp}", f"1.{stamp}x", "1.", f"1.{stamp[:-1]}", f"{2**70}.{stamp}"):
        assert not is_in(copied(app, earlier_cookie(app, _user_id=nobody))), nobody


# --- where nothing can be stored -------------------------------------------------------------------------------------


@pytest.fixture
def closed(app: App) -> Callable[[], None]:
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

    return open_again


def test_whoever_signs_in_then_is_in_and_is_stored_later(app: App, closed: Callable[[], None]) -> None:
    browser = Browser(app)
    browser.sign_in("ada")
    carried = cookie_of(browser)
    assert is_in(browser)
    assert sessions_of(app) == []
    assert listed(browser) == ["Werkzeug"]
    closed()
    assert is_in(browser)
    (session,) = sessions_of(app)
    assert session.way == "password"
    assert session.id == session_of(app, browser)
    browser.post("/logout", "/devices")
    assert not is_in(copied(app, carried))
    assert not is_in(copied(app, cookie_of(browser)))


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
