"""The settings page: how one's book settles concurrent edits, one's password, and where one is signed in."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid
from offbook.core.merge.policies import POLICIES
from offbook.core.merge.policy_wording import wording_of
from storage.errors import Throttled, WrongPassword
from storage.values import Session
from web.auth import session_required
from web.current import services
from web.known_browsers import remember_browser
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
    return page()


@settings.post("/settings/password")
@session_required
@runs_in(Pool.PASSWORDS)
def change_password() -> ResponseReturnValue:
    """Ends every session of this user, and opens a new one here. Devices keep their tokens, unless somebody says so."""
    user = signed_in_user()
    new = posted.text("new_password", "")
    if new != posted.text("new_password_again", ""):
        return page(error="The two new passwords differ. Type the same one twice."), 422
    try:
        user = services().accounts.change_password(user.id, posted.text("password", ""), new, services().clock())
        open_session(user, "password")
    except WrongPassword:
        return page(error="The current password is not right. Nothing was changed."), 422
    except Throttled as error:
        return page(error=str(error)), 429, {"Retry-After": str(error.wait_seconds)}
    except Invalid as error:
        return page(error=str(error)), 422
    flash("The password is changed. All other sessions are signed out.")
    has_devices = bool(services().accounts.devices(user.id))
    after = url_for("devices.index", after="password") if has_devices else url_for("settings.index")
    return remember_browser(redirect(after), user.id)


@settings.post("/settings/sessions/<uuid:session_id>/end")
@session_required
def end_session(session_id: UUID) -> ResponseReturnValue:
    """For the session of this very browser there is signing out."""
    services().accounts.end_session(signed_in_user().id, str(session_id), services().clock())
    flash("The session is ended. That browser is signed out.")
    return redirect(url_for("settings.index"))


@settings.post("/settings/sessions/end-others")
@session_required
def end_others() -> ResponseReturnValue:
    services().accounts.end_sessions(signed_in_user().id, services().clock(), but=current_session().id)
    flash("All other browsers are signed out.")
    return redirect(url_for("settings.index"))


@settings.post("/settings/policy")
@session_required
def choose_policy() -> ResponseReturnValue:
    try:
        services().accounts.set_policy(signed_in_user().book_id, posted.text("policy", ""))
    except Invalid as error:
        return page(error=str(error)), 422
    flash("Saved. It counts for edits that arrive from now on.")
    return redirect(url_for("settings.index"))


def page(error: str = "") -> str:
    book = services().accounts.book(signed_in_user().book_id)
    policies = [(name, wording_of(name).summary) for name in POLICIES]
    waits = services().contacts.conflicts(signed_in_user().book_id)
    days = {"rest": services().config.session_days, "whole": services().config.session_days_max}
    values = {"sessions": sessions(), "mine": current_session(), "now": services().clock(), "ways": WAYS, "days": days}
    return render_template("settings.html", book=book, policies=policies, waits=waits, error=error, **values)


def sessions() -> list[Session]:
    """Where this user is signed in: here and now, though that may not be stored yet, and elsewhere."""
    now, here = services().clock(), current_session()
    found = services().accounts.sessions(signed_in_user().id, now)
    return [replace(here, last_used_at=now), *(session for session in found if session.id != here.id)]
