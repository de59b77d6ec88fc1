"""Browsers that somebody was signed in with before: what strangers try at that name does not keep them out.

Each has a signed cookie that names the user and the browser, as OWASP's "device cookies" do. It lets nobody in and
shows nothing: with it, attempts count for this browser alone (offbook.core.accounts.login_throttle). There is one for
each user, so that people who share a browser don't forget each other, and a new one whenever somebody signs in.
"""

from __future__ import annotations

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from web.current import services

COOKIE = "offbook_known_{}"
SECONDS = 400 * 24 * 3600
"""Browsers keep no cookie longer (RFC 6265bis, 5.6.2)."""


def known_browser(user_id: int) -> str:
    """The name of the browser that the request comes from, where this user was signed in with it before; else empty."""
    cookie = request.cookies.get(_name(user_id))
    if not cookie:
        return ""
    try:
        values = _signer().loads(cookie, max_age=SECONDS)
    except BadData:
        return ""
    match values:
        case [int(number), str(browser)] if number == user_id:
            return browser
    return ""


def remember_browser(response: Response, user_id: int) -> Response:
    """``response``, from which on this browser is known as one of this user's."""
    cookie = _signer().dumps([user_id, services().new_id()])
    response.set_cookie(_name(user_id), cookie, SECONDS, secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def _name(user_id: int) -> str:
    """Over HTTPS a browser takes a cookie of this name from this very host alone (RFC 6265bis, 4.1.3.2)."""
    return ("__Host-" if request.is_secure else "") + COOKIE.format(user_id)


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt="offbook known browser")
