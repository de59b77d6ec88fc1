"""The names that a server answers to, the redirects that never leave it, and what HTTPS adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient

from app import App
from config import Config
from tests.support.browser import PASSWORD, Browser, add_user, app_on, csrf_of, signed_in
from web.allowed_hosts import host_name, is_allowed

Made = Callable[..., App]

HTTPS = {"base_url": "https://localhost"}
PROXIED = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def made(database_url: str) -> Iterator[Made]:
    """Makes an app of these settings, whose database is closed in the end."""
    apps: list[App] = []

    def make(**settings: Any) -> App:
        apps.append(app_on(database_url, **settings))
        return apps[-1]

    yield make
    for app in apps:
        app.extensions["database"].close()


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:5000", "localhost"),
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("example.org:", "example.org"),
        ("[::1]:5000", "::1"),
        ("[::1]", "::1"),
        ("", ""),
    ],
)
def test_the_name_of_a_host_header(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:81", "offbook.localhost", "127.0.0.1", "192.168.1.7:5000", "[fe80::1]", "Box", "own"],
)
def test_ones_own_names_and_addresses_are_answered(host: str) -> None:
    assert is_allowed(host, ["own"], "box")


@pytest.mark.parametrize("host", ["evil.example", "own.evil.example", "localhost.evil.example", "127.0.0.1.nip.io", ""])
def test_other_names_are_not(host: str) -> None:
    assert not is_allowed(host, ["own"], "box")
    assert is_allowed(host, ["*"], "box")


@pytest.mark.parametrize(
    "path", ["/", "/login", "/sync", "/healthz", "/static/css/app.css", "/nothing", "//evil.example/"]
)
def test_a_name_of_somebody_else_is_told_what_to_set(app: App, path: str) -> None:
    """Whoever lets a name of their own point here (DNS rebinding) reads nothing, of whatever path."""
    answer = app.test_client().get(path, headers={"Host": "evil.example", "Accept": "application/json"})
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (HTTPStatus.MISDIRECTED_REQUEST, "misdirected_request")
    assert "ALLOWED_HOSTS" in problem["detail"]
    assert "Location" not in answer.headers


def test_the_names_are_a_setting() -> None:
    config = Config.from_environment({"ALLOWED_HOSTS": "book.example.org, Other.example", "SECRET_KEY": "x" * 40})
    assert config.allowed_hosts == ("book.example.org", "Other.example")


def test_an_allowed_name_is_answered(made: Made) -> None:
    client = made(allowed_hosts=("Book.example.org",)).test_client()
    assert client.get("/login", headers={"Host": "book.example.org:8443"}).status_code == HTTPStatus.OK
    assert client.get("/login", headers={"Host": "evil.example"}).status_code == HTTPStatus.MISDIRECTED_REQUEST


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["//login", "/static//css/app.css", "/c//new", "//static/css/app.css", "/login//"])
def test_a_doubled_slash_redirects_nowhere(app: App, path: str) -> None:
    answer = app.test_client().get("/", environ_overrides={"PATH_INFO": path})  # it takes //name for a host otherwise
    assert answer.status_code in (HTTPStatus.OK, HTTPStatus.NOT_FOUND), "at the beginning, slashes are one"
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a//evil", "http://evil.example", "/\\evil.example", "/a, //evil", "?"]
)
def test_a_prefix_that_is_no_path_is_dropped(made: Made, prefix: str) -> None:
    client = made(trusted_proxies=1).test_client()
    answer = client.get("/", headers={"X-Forwarded-Prefix": prefix})
    assert answer.location.startswith("/login")


def test_a_prefix_that_is_a_path_stands_before_every_address(made: Made) -> None:
    client = made(trusted_proxies=1).test_client()
    assert client.get("/", headers={"X-Forwarded-Prefix": "/my/book"}).location.startswith("/my/book/login")


# --- HTTPS -----------------------------------------------------------------------------------------------------------


def test_over_https_a_browser_is_told_to_come_by_nothing_else(app: App) -> None:
    client = app.test_client()
    assert client.get("/login", **HTTPS).headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in client.get("/login").headers


def cookies_of(client: FlaskClient, path: str, **options: Any) -> dict[str, str]:
    """The cookies that an answer sets, with what is said of each."""
    set_ = client.get(path, **options).headers.getlist("Set-Cookie")
    return {line.partition("=")[0]: line for line in set_}


def test_over_https_the_cookie_belongs_to_this_host_alone(app: App) -> None:
    add_user(app, "ada")
    client = app.test_client()
    token = csrf_of(client.get("/login", **HTTPS).text)
    form = {"csrf_token": token, "name": "ada", "password": PASSWORD}
    answer = client.post("/login", data=form, headers={"Referer": "https://localhost/login"}, **HTTPS)
    lines = {line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert answer.status_code == HTTPStatus.FOUND
    assert "__Host-offbook" in lines
    assert "offbook" not in lines
    for line in lines.values():
        assert line.startswith("__Host-")
        assert "; Secure" in line
        assert "; HttpOnly" in line
        assert "; Path=/" in line
        assert "Domain" not in line
    assert client.get("/", **HTTPS).status_code == HTTPStatus.OK


def test_without_https_the_cookie_keeps_its_name(app: App) -> None:
    assert set(cookies_of(app.test_client(), "/login")) == {"offbook"}


def test_a_cookie_of_the_last_version_signs_in_over_https_and_gets_its_new_name(app: App) -> None:
    user = app.extensions["offbook"].accounts.user(add_user(app, "ada"))
    values = {"_user_id": f"{user.id}.{user.session_version}", "_fresh": True, "csrf_token": "t", "_permanent": True}
    assert isinstance(app.session_interface, SecureCookieSessionInterface)
    signer = app.session_interface.get_signing_serializer(app)
    assert signer
    client = app.test_client()
    client.set_cookie("offbook", signer.dumps(values))
    answer = client.get("/", **HTTPS)
    assert answer.status_code == HTTPStatus.OK
    assert any(line.startswith("__Host-offbook=") for line in answer.headers.getlist("Set-Cookie"))


def test_a_cookie_that_another_host_could_have_planted_signs_nobody_in(app: App) -> None:
    """A neighbour below the same domain can set one of the plain name: over HTTPS it counts for nothing."""
    add_user(app, "mallory")
    planted = signed_in(app, "mallory").client.get_cookie("offbook")
    assert planted
    client = app.test_client()
    client.set_cookie("offbook", planted.value)
    assert client.get("/", **HTTPS).status_code == HTTPStatus.FOUND
    assert client.get("/").status_code == HTTPStatus.OK, "as before without HTTPS"


def test_behind_a_proxy_that_speaks_https_it_is_the_same(made: Made) -> None:
    browser = Browser(made(trusted_proxies=1))
    answer = browser.get("/login", headers=PROXIED)
    assert "Strict-Transport-Security" in answer.headers
    assert answer.headers["Set-Cookie"].startswith("__Host-offbook=")
