"""Cookies of browsers: read, copied to another browser, and as the version before sessions made them."""

from __future__ import annotations

from typing import Any

from itsdangerous import URLSafeTimedSerializer

from app import App
from tests.support.browser import COOKIE, Browser, parts_of
from web.sessions import SessionCookieInterface


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


def earlier_cookie(app: App, name: str = "ada", **more: Any) -> str:
    """A cookie as the last version made it."""
    user = parts_of(app).accounts.user_named(name)
    values = {
        "_permanent": True,
        "_user_id": f"{user.id}.{user.session_version}",
        "_fresh": True,
        "_id": "f" * 128,
        **more,
    }
    return str(signer_of(app).dumps(values))


def signer_of(app: App) -> URLSafeTimedSerializer:
    interface = app.session_interface
    assert isinstance(interface, SessionCookieInterface)
    signer = interface.get_signing_serializer(app)
    assert signer is not None
    return signer
