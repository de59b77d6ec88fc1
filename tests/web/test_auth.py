"""Signing in and out, and what every answer says: cookies, headers, errors, and no secret in any log."""

from __future__ import annotations

import gzip
import json
import logging

import pytest
from flask import Response, request

from app import App
from tests.support.browser import PASSWORD, Browser, add_device, add_user, app_on, bearer, csrf_of, parts_of, signed_in
from web.bodies.compression import read_body
from web.errors import ApiProblem
from web.pages.login import safe_next

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

# --- signing in ------------------------------------------------------------------------------------------------------


def test_signing_in_leads_to_where_one_was_going(app: App) -> None:
    add_user(app, "ada")
    browser = Browser(app)
    asked = browser.get("/devices?x=1")
    assert asked.status_code == 302
    answer = browser.post(asked.headers["Location"], name="ada", password=PASSWORD)
    assert answer.headers["Location"] == "/devices?x=1"
    assert browser.get("/devices").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil",
        "",
        None,
    ],
)
def test_nobody_is_led_elsewhere(app: App, target: str | None) -> None:
    with app.test_request_context("/login"):
        assert safe_next(target) == "/"
        assert safe_next("/c/1?q=%2F#x") == "/c/1?q=%2F#x"


def test_a_wrong_password_is_told_and_the_name_kept(app: App) -> None:
    add_user(app, "ada")
    answer = Browser(app).sign_in("ada", "wrong")
    assert answer.status_code == 422
    assert "do not belong together" in answer.text
    assert 'value="ada"' in answer.text


def test_too_many_attempts_are_told_how_long_to_wait(app: App) -> None:
    add_user(app, "ada")
    browser = Browser(app)
    for _ in range(10):
        browser.sign_in("ada", "wrong")
    answer = browser.sign_in("ada")
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.text
    assert 0 < int(answer.headers["Retry-After"]) <= 900


def test_signing_out_ends_the_session(app: App, ada: Browser) -> None:
    assert ada.post("/logout", "/devices").headers["Location"] == "/login"
    assert ada.get("/devices").status_code == 302


def test_a_link_can_not_sign_anybody_out(app: App, ada: Browser) -> None:
    assert ada.get("/logout").status_code == 405
    assert ada.client.post("/logout").status_code == 400
    assert ada.get("/devices").status_code == 200


def test_signing_in_throws_away_what_was_planted_in_the_session(app: App) -> None:
    add_user(app, "ada")
    browser = Browser(app)
    with browser.client.session_transaction() as session:
        session["planted"] = "evil"
    before = csrf_of(browser.get("/login").text)
    browser.sign_in("ada")
    with browser.client.session_transaction() as session:
        assert "planted" not in session
    assert browser.client.post("/logout", data={"csrf_token": before}).status_code == 400


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: App) -> None:
    add_user(app, "ada")
    cookies = Browser(app).sign_in("ada").headers.getlist("Set-Cookie")
    assert any(cookie.startswith("offbook=") for cookie in cookies)
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie


def test_over_https_the_cookie_is_for_https_only(app: App) -> None:
    answer = app.test_client().get("/login", base_url="https://offbook.localhost")
    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


def test_a_forged_cookie_is_nobody(app: App, ada: Browser) -> None:
    for forged in ("1.x", "1.", ".", "1", "x.y", "\u0661.x"):
        with ada.client.session_transaction() as session:
            session["_user_id"] = forged
        assert ada.get("/devices").status_code == 302


# --- proxies ---------------------------------------------------------------------------------------------------------


def wrong_password_from(app: App, forwarded_for: str, name: str) -> int:
    client = app.test_client()
    headers = {"X-Forwarded-For": forwarded_for}
    token = csrf_of(client.get("/login").text)
    data = {"csrf_token": token, "name": name, "password": "wrong"}
    return client.post("/login", data=data, headers=headers).status_code


def test_without_a_proxy_nobody_chooses_their_address(app: App) -> None:
    codes = [wrong_password_from(app, f"192.0.2.{number}", f"name {number}") for number in range(31)]
    assert codes == [422] * 30 + [429]


def test_a_trusted_proxy_tells_the_address(database_url: str) -> None:
    app = app_on(database_url, trusted_proxies=1)
    codes = [wrong_password_from(app, f"9.9.9.9, 192.0.2.{number}", f"name {number}") for number in range(31)]
    assert codes == [422] * 31
    app.extensions["database"].close()


def test_behind_a_proxy_with_https_and_a_prefix_one_signs_in_and_comes_back(database_url: str) -> None:
    app = app_on(database_url, trusted_proxies=1)
    add_user(app, "ada")
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "offbook.localhost", "X-Forwarded-Prefix": "/book"}
    client = app.test_client()
    asked = client.get("/devices", headers=forwarded).headers["Location"]
    assert asked == "/book/login?next=/book/devices"
    path = asked.removeprefix("/book")
    page = client.get(path, headers=forwarded, base_url="https://offbook.localhost/book")
    form = {"csrf_token": csrf_of(page.text), "name": "ada", "password": PASSWORD}
    headers = forwarded | {"Referer": "https://offbook.localhost/book/login"}
    answer = client.post(path, data=form, headers=headers, base_url="https://offbook.localhost/book")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/book/devices")
    app.extensions["database"].close()


# --- the set-up link -------------------------------------------------------------------------------------------------


def test_the_set_up_link_makes_the_first_admin_and_signs_in(app: App) -> None:
    link = f"/setup/{parts_of(app).accounts.open_setup()}"
    browser = Browser(app)
    assert "set-up link" in browser.get("/login").text
    assert browser.post(link, name="ada", password=PASSWORD).headers["Location"] == "/"
    assert browser.get("/people").status_code == 200
    assert Browser(app).get(link).status_code == 404
    assert "set-up link" not in Browser(app).get("/login").text


def test_a_bad_first_password_is_told(app: App) -> None:
    link = f"/setup/{parts_of(app).accounts.open_setup()}"
    answer = Browser(app).post(link, name="ada", password="short")
    assert answer.status_code == 422
    assert "10 to 1,000 characters" in answer.text


# --- passwords -------------------------------------------------------------------------------------------------------


def test_a_new_password_ends_all_other_sessions(app: App, ada: Browser) -> None:
    other = signed_in(app, "ada")
    form = {"password": PASSWORD, "new_password": "another password", "new_password_again": "another password"}
    assert ada.post("/settings/password", "/settings", **form).status_code == 302
    assert ada.get("/settings").status_code == 200
    assert other.get("/settings").status_code == 302
    assert Browser(app).sign_in("ada").status_code == 422


@pytest.mark.parametrize(
    ("old", "new", "again", "told"),
    [
        ("wrong", "another password", "another password", "not right"),
        (PASSWORD, "another password", "another passw0rd", "differ"),
        (PASSWORD, "short", "short", "characters"),
    ],
)
def test_a_bad_change_of_password_changes_nothing(
    app: App, ada: Browser, old: str, new: str, again: str, told: str
) -> None:
    answer = ada.post("/settings/password", "/settings", password=old, new_password=new, new_password_again=again)
    assert answer.status_code == 422
    assert told in answer.text
    assert Browser(app).sign_in("ada").status_code == 302


# --- every answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/nothing", "/users", "/healthz", "/devices"])
def test_every_answer_carries_the_headers_that_protect(app: App, path: str) -> None:
    headers = app.test_client().get(path).headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] in ("no-store", "private, no-cache")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/users", 401, "not_authorized"),
        ("GET", "/users/of/nothing", 404, "not_found"),
        ("DELETE", "/users", 405, "method_not_allowed"),
    ],
)
def test_the_api_tells_errors_as_problems(app: App, method: str, path: str, status: int, code: str) -> None:
    answer = app.test_client().open(path, method=method, headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    problem = json.loads(answer.data)
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem.keys() == {"type", "title", "status", "detail", "code"}
    assert answer.headers["Offbook-Protocol"] == "1"


def test_people_see_errors_as_pages_and_programs_as_problems(app: App) -> None:
    client = app.test_client()
    page = client.get("/nothing", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    problem = client.get("/nothing", headers={"Accept": "application/json"})
    assert (problem.status_code, problem.mimetype) == (404, "application/problem+json")


def test_a_program_without_a_session_is_told_and_not_led_to_a_form(app: App) -> None:
    answer = app.test_client().get("/devices", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_a_form_without_its_token_is_refused(app: App, ada: Browser) -> None:
    answer = ada.client.post("/devices", data={"name": "laptop"})
    assert answer.status_code == 400
    assert "load the page again" in answer.text


def test_a_person_never_sees_json(app: App) -> None:
    """Only browsers say that what they ask for is to be shown as a page."""
    answer = app.test_client().get("/contacts", headers={"Accept": "*/*", "Sec-Fetch-Dest": "document"})
    assert (answer.status_code, answer.mimetype) == (401, "text/html")
    assert "<h1>You are signed out</h1>" in answer.text


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_failure_shows_no_trace(database_url: str, caplog: pytest.LogCaptureFixture, accept: str) -> None:
    def broken() -> Response:
        raise RuntimeError("the reason")

    app = app_on(database_url)
    app.add_url_rule("/broken/<secret>", "broken", lambda secret: broken())
    app.testing = False
    answer = app.test_client().get("/broken/canary", headers={"Accept": accept})
    assert answer.status_code == 500
    assert "the reason" not in answer.text
    assert "Traceback" not in answer.text
    assert "the reason" in caplog.text
    assert "canary" not in caplog.text


def test_healthz_reads_the_database(app: App) -> None:
    assert app.test_client().get("/healthz").json == {"status": "ok", "writable": True}


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_large_answers_are_packed_for_those_who_can_unpack(app: App) -> None:
    client = app.test_client()
    packed = client.get("/login", headers={"Accept-Encoding": "gzip"})
    plain = client.get("/login")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data).lstrip().startswith(b"<!doctype html>")
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]


def unpacked(app: App, body: bytes, encoding: str, limit: int = 10_000) -> bytes | tuple[int, str]:
    with app.test_request_context("/", method="POST", data=body, headers={"Content-Encoding": encoding}):
        try:
            return read_body(request, limit)
        except ApiProblem as problem:
            return problem.status, problem.fault.code


def test_a_packed_body_is_unpacked(app: App) -> None:
    assert unpacked(app, gzip.compress(b"x" * 9999), "gzip") == b"x" * 9999
    assert unpacked(app, b"x" * 9999, "identity") == b"x" * 9999


@pytest.mark.parametrize(
    ("body", "encoding", "expected"),
    [
        (gzip.compress(b"x" * 50_000_000), "gzip", (413, "body_too_large")),
        (b"x" * 10_001, "", (413, "body_too_large")),
        (b"not gzip", "gzip", (400, "bad_gzip")),
        (b"", "gzip", (400, "bad_gzip")),
        (gzip.compress(b"x" * 100)[:-4], "gzip", (400, "bad_gzip")),
        (gzip.compress(b"x") + b"more", "gzip", (400, "bad_gzip")),
        (b"x", "br", (415, "unsupported_encoding")),
        (b"x", "gzip, gzip", (415, "unsupported_encoding")),
    ],
    ids=["bomb", "long", "not gzip", "empty", "cut short", "with more behind it", "brotli", "packed twice"],
)
def test_a_body_that_can_not_be_had_is_refused(app: App, body: bytes, encoding: str, expected: tuple[int, str]) -> None:
    assert unpacked(app, body, encoding) == expected


# --- logs ------------------------------------------------------------------------------------------------------------


def test_no_secret_is_ever_logged(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """Canaries: whatever is secret goes through every door, right and wrong, with all logging on."""
    caplog.set_level(logging.DEBUG)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "werkzeug", "flask_wtf", "offbook"):
        caplog.set_level(logging.DEBUG, name)
    setup = parts_of(app).accounts.open_setup()
    assert setup
    browser = Browser(app)
    browser.post(f"/setup/{setup}", name="ada", password=PASSWORD)
    browser.get(f"/setup/{setup}")
    with browser.client.session_transaction() as cookie:
        session = cookie["_user_id"]
    assert browser.get("/settings").status_code == 200
    Browser(app).sign_in("ada", "canary of a wrong password")
    _, token = add_device(app)
    client = app.test_client()
    client.get("/users", headers=bearer(token))
    client.get("/users", headers=bearer(token + "x"))
    client.get("/users", auth=("device", token))
    assert caplog.text
    for secret in (setup, PASSWORD, "canary of a wrong password", token, token[-43:], session):
        assert secret not in caplog.text
