"""Sessions of browsers: the cookie that carries one, the user that it is of, and how one begins.

What the cookie says is web.session_cookie's, what is stored of a session storage.repositories.accounts.sessions's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from flask import Flask, Request, Response, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_wtf.csrf import generate_csrf
from itsdangerous import BadSignature
from markupsafe import Markup

from services.restore import Actor
from storage.base import ChangeOrigin
from storage.values.accounts import Account, Session
from web.current import services
from web.fragments import is_refresh
from web.session_cookie import Cookie, carried_session, current_visit, is_of_earlier_version, key_of, store_in_cookie


class SessionUser(UserMixin):  # type: ignore[misc]
    """A user as Flask-Login wants one, by a session and its token."""

    def __init__(self, user: Account, session: Session, token: str) -> None:
        self.user = user
        self.session = session
        self.token = token

    def get_id(self) -> str:
        return key_of(self.token, self.session)


class SessionLoginManager(LoginManager):  # type: ignore[misc]
    """Nobody stays signed in by a second cookie. Flask-Login looks for one all the same, and fails on what is not ASCII
    in it: ``hmac.compare_digest`` takes no other letters."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None


def load_user(key: str) -> SessionUser | None:
    """The user whose session the cookie names by this key; None where it is over, or never was."""
    server, visit, carried = services(), current_visit(), carried_session(key)
    accounts, now_us = server.accounts, server.clock()
    signed_in = accounts.carried_in(carried, visit, now_us) if carried else accounts.signed_in(key, now_us)
    if signed_in is None:
        return None
    user, current = signed_in
    current = accounts.record_use(current, visit, now_us)
    token = carried.token if carried else key
    store_in_cookie(token, current)
    g.user_number = user.id
    return SessionUser(user, current, token)


def signed_in_user() -> Account:
    """The signed-in user; only inside a view that requires a session."""
    return cast(SessionUser, current_user).user


def current_actor(change_id: str) -> Actor:
    """The signed-in user, on a page that is a replica of its own: what it writes is this change, and those after it."""
    return Actor(ChangeOrigin(user_id=signed_in_user().id), change_id, change_id)


def current_session() -> Session:
    """The session that the user is signed in by."""
    return cast(SessionUser, current_user).session


def is_signed_in() -> bool:
    """Whether the request comes with a session that lasts."""
    return bool(current_user.is_authenticated)


def open_session(user: Account, way: str) -> None:
    """Sign in who has shown who they are, in this way. What the cookie held is thrown away whole: nothing that was
    planted in it lives on, and a session that it was of ends. Raises WrongPassword where the password has changed since
    it was looked at."""
    if is_signed_in():
        services().accounts.sign_out(current_session(), services().clock())
    token, current = services().accounts.open_session(user, way, current_visit(), services().clock())
    session.clear()
    session.permanent = True
    login_user(SessionUser(user, current, token))
    store_in_cookie(token, current)


class SessionCookieInterface(SecureCookieSessionInterface):
    """The cookie is for HTTPS only wherever the request came over HTTPS (a trusted proxy says so).

    A device has none and pays for none: only to make what checks a signature would be 5 % of a request. The files of
    the pages come without one, since a cache on the way keeps them for everybody.
    """

    session_class = Cookie

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        cookie = request.cookies.get(self.get_cookie_name(app))
        if cookie is not None:
            return self._read(app, cookie) or self.session_class()
        earlier = self._read(app, request.cookies.get(super().get_cookie_name(app)))
        if earlier is None or not is_of_earlier_version(earlier):
            return self.session_class()
        earlier.modified = True  # so that it is written under its new name
        return earlier

    def _read(self, app: Flask, cookie: str | None) -> Cookie | None:
        signer = self.get_signing_serializer(app) if cookie else None
        if cookie is None or signer is None:
            return None
        seconds_max = int(app.permanent_session_lifetime.total_seconds())
        try:
            values, signed_at = signer.loads(cookie, max_age=seconds_max, return_timestamp=True)
        except BadSignature:
            return None
        read = self.session_class(values)
        read.signed_at = signed_at
        return read

    def get_cookie_name(self, app: Flask) -> str:
        """Over HTTPS a browser takes a cookie of this name from this very host alone (RFC 6265bis, 4.1.3.2)."""
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if request.is_secure else name

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return session.modified or (session.permanent and cast(Cookie, session).is_due(datetime.now(UTC)))

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        is_used = bool(session or session.accessed) and not ("device" in g or is_refresh())
        if request.endpoint != "static" and (session.modified or is_used):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def csrf_field() -> Markup:
    """The hidden field that every form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def register(app: Flask) -> None:
    """Let the app know its users by these sessions, and its templates who is signed in."""
    app.session_interface = SessionCookieInterface()
    manager = SessionLoginManager(app)
    manager.user_loader(load_user)

    @app.context_processor
    def signed_in() -> dict[str, Any]:
        return {"me": signed_in_user() if is_signed_in() else None, "csrf_field": csrf_field, "is_refresh": is_refresh}
