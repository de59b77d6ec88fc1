"""What the cookie says of the session of whoever shows it. Flask signs it, and lets it rest for a month.

Of a session that is stored it holds the token. Of one that nothing could be stored of it holds what the row would say
(storage.repositories.accounts.sessions). A cookie of an earlier version says who it is of and no more: its token
follows from what is in it, so that the same cookie, copied or shown twice at once, is one session.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from flask import current_app, request, session
from flask.sessions import SecureCookieSession

from offbook.core.protocol.requests import is_seq
from storage.values.accounts import CarriedSession, Session, Visit
from web.current import services
from web.presenters.user_agents import browser_of

RENEWED_AFTER = timedelta(days=1)
"""A cookie that is not older is not written again: an answer that comes late would put it in a newer one's place."""

KEY = "_user_id"
"""Flask-Login's name for the user's key; here, the session's."""

CARRIED = "carried"


class Cookie(SecureCookieSession):
    """The values of the cookie, and when it was signed; None where it came with no request."""

    signed_at: datetime | None = None

    def is_due(self, at: datetime) -> bool:
        """Whether it is to be signed anew at this time, so that it lasts another month."""
        return self.signed_at is None or at - self.signed_at >= RENEWED_AFTER


def current_visit() -> Visit:
    """Where this request comes from."""
    return Visit(browser_of(request.user_agent.string), (request.remote_addr or "")[:45])


def key_of(token: str, current: Session) -> str:
    """What the cookie names a session by: its token, or where nothing is stored of it its user and password."""
    return token if current.is_stored else f"{current.user_id}.{current.session_version}"


def store_in_cookie(token: str, current: Session) -> None:
    """Let the cookie say this of the session; nothing is written where it does."""
    values = (key_of(token, current), None if current.is_stored else [token, current.way, current.opened_at])
    if (session.get(KEY), session.get(CARRIED)) != values:
        session[KEY], session[CARRIED] = values


def carried_session(key: str) -> CarriedSession | None:
    """What the cookie says of a session that nothing may be stored of; None where it is of one that is."""
    user_id, dot, stamp = key.partition(".")
    if not dot or not is_seq(user_id):
        return None
    token, way, opened_at = session.get(CARRIED) or (_token_of(key), "earlier", _signed_at())
    return CarriedSession(token, int(user_id), stamp, way, opened_at)


def is_of_earlier_version(cookie: Cookie) -> bool:
    """Whether it says who it is of and no more. Its name was another one over HTTPS."""
    return "." in str(cookie.get(KEY, "")) and CARRIED not in cookie


def _token_of(key: str) -> str:
    """Only this server can make it, and from this cookie alone."""
    text = f"session {key} {session.get('csrf_token', '')}"
    digest = hmac.digest(str(current_app.secret_key).encode(), text.encode(), "sha256")
    return urlsafe_b64encode(digest).decode().rstrip("=")


def _signed_at() -> int:
    """In microseconds. The earlier versions signed the cookie anew with each answer."""
    signed_at = getattr(session, "signed_at", None)
    return services().clock() if signed_at is None else int(signed_at.timestamp() * 1_000_000)
