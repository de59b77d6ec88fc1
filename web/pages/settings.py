"""The settings page: how one's book settles concurrent edits, one's password, and where one is signed in."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.contacts.table import CONTACTS
from offbook.core.errors import Invalid
from offbook.core.merge.policies import POLICIES
from offbook.core.merge.policy_wording import wording_of
from storage.errors import Throttled, WrongPassword
from storage.values.accounts import Session
from web.auth import session_required
from web.current import services
from web.known_browsers import remember_browser
from web.messages import pages as messages
from web.pages.frame import remember_theme
from web.pages.login import safe_next
from web.request_values import posted
from web.server.pools import Pool, runs_in
from web.sessions import current_session, open_session, signed_in_user

settings = Blueprint("settings", __name__)

WAYS = {
    "password": "by password",
    "setup": "by the set-up link",
    "earlier": "or before",
}
"""How a session was opened, after "Signed in on 4 May 2026"."""


@settings.get("/settings")
@session_required
def index() -> ResponseReturnValue:
    """The page."""
    return render_page()


@settings.post("/settings/password")
@session_required
@runs_in(Pool.PASSWORDS)
def change_password() -> ResponseReturnValue:
    """End every session of this user, and open a new one here. Devices keep their tokens, unless somebody says so."""
    user = signed_in_user()
    new = posted.text("new_password", "")
    if new != posted.text("new_password_again", ""):
        return render_page(error=messages.PASSWORDS_DIFFER.sentence()), 422
    try:
        user = services().accounts.change_password(user.id, posted.text("password", ""), new, services().clock())
        open_session(user, "password")
    except WrongPassword:
        return render_page(error=messages.WRONG_CURRENT_PASSWORD.sentence()), 422
    except Throttled as error:
        return render_page(error=str(error)), 429, {"Retry-After": str(error.wait_seconds)}
    except Invalid as error:
        return render_page(error=str(error)), 422
    flash(messages.PASSWORD_CHANGED.sentence())
    has_devices = bool(services().accounts.devices(user.id))
    after = url_for("devices.index", after="password") if has_devices else url_for("settings.index")
    return remember_browser(redirect(after), user.id)


@settings.post("/settings/sessions/<uuid:session_id>/end")
@session_required
def end_session(session_id: UUID) -> ResponseReturnValue:
    """End one session elsewhere. For the one of this browser there is signing out."""
    services().accounts.end_session(signed_in_user().id, str(session_id), services().clock())
    flash(messages.SESSION_ENDED.sentence())
    return redirect(url_for("settings.index"))


@settings.post("/settings/sessions/end-others")
@session_required
def end_others() -> ResponseReturnValue:
    """End all sessions but the one of this browser."""
    services().accounts.end_sessions(signed_in_user().id, services().clock(), but=current_session().id)
    flash(messages.OTHER_SESSIONS_ENDED.sentence())
    return redirect(url_for("settings.index"))


@settings.post("/settings/policy")
@session_required
def choose_policy() -> ResponseReturnValue:
    """Choose how edits are merged from now on."""
    try:
        services().accounts.set_policy(signed_in_user().book_id, posted.text("policy", ""))
    except Invalid as error:
        return render_page(error=str(error)), 422
    flash(messages.POLICY_SAVED.sentence())
    return redirect(url_for("settings.index"))


@settings.post("/settings/region")
@session_required
def choose_region() -> ResponseReturnValue:
    """Choose where phone numbers without a country's code are from."""
    try:
        services().accounts.set_region(signed_in_user().book_id, posted.text("region", ""))
    except Invalid as error:
        return render_page(error=str(error)), 422
    flash(messages.REGION_SAVED.sentence())
    return redirect(url_for("settings.index"))


@settings.post("/settings/appearance")
@session_required
def choose_appearance() -> ResponseReturnValue:
    """Choose how this browser shows the pages: light, dark, or as its system does."""
    response = make_response(redirect(safe_next(posted.text("next", None)), 303))
    return remember_theme(response, posted.text("theme", ""))


def render_page(error: str = "") -> str:
    """The page, with what was wrong with the form that was sent."""
    user = signed_in_user()
    return render_template(
        "settings.html",
        book=services().accounts.book(user.book_id),
        policies=[(name, wording_of(name, CONTACTS.singular).summary) for name in POLICIES],
        waits=services().contacts.conflicts(user.book_id),
        error=error,
        sessions=open_sessions(),
        mine=current_session(),
        now=services().clock(),
        ways=WAYS,
        days={"rest": services().config.session_days, "whole": services().config.session_days_max},
    )


def open_sessions() -> list[Session]:
    """Where this user is signed in: here and now, though that may not be stored yet, and elsewhere."""
    now_us, current = services().clock(), current_session()
    stored = services().accounts.sessions(signed_in_user().id, now_us)
    return [replace(current, last_used_at=now_us), *(session for session in stored if session.id != current.id)]
