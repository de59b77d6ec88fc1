"""Signing in and out, and the page by which the first user is set up."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import logout_user

from offbook.core.errors import Invalid, NotFound, NotLetIn
from storage.errors import Throttled, WrongPassword
from web.auth import session_required
from web.current import services
from web.known_browsers import known_browser, remember_browser
from web.messages import pages as messages
from web.messages.pages import SETUP_OVER
from web.pages.late_forms import render_carried_form
from web.request_values import posted, query
from web.server.pools import Pool, runs_in
from web.sessions import current_session, is_signed_in, open_session, signed_in_user

auth = Blueprint("auth", __name__)


@auth.get("/login")
def login() -> ResponseReturnValue:
    """The page that signs in; whoever is signed in goes where it would lead."""
    if is_signed_in():
        return redirect(safe_next(query.text("next", None)))
    return render_template("auth/login.html", is_empty=services().accounts.is_empty(), name="")


@auth.post("/login")
@runs_in(Pool.PASSWORDS)
def sign_in() -> ResponseReturnValue:
    """Sign in by name and password."""
    name, password = posted.text("name", "").strip(), posted.text("password", "")
    address = request.remote_addr or ""
    try:
        user = services().accounts.check_password(name, password, address, services().clock(), known_browser)
        open_session(user, "password")
    except WrongPassword as error:
        return render_template("auth/login.html", error=str(error), name=name), 422
    except Throttled as error:
        page = render_template("auth/login.html", error=str(error), name=name)
        return page, 429, {"Retry-After": str(error.wait_seconds)}
    except NotLetIn as error:
        return render_template("auth/login.html", error=str(error), name=name), 403
    response = make_response(render_carried_form() or redirect(safe_next(query.text("next", None))))
    return remember_browser(response, user.id)


@auth.post("/logout")
@session_required
def sign_out() -> ResponseReturnValue:
    """End the session of this browser."""
    user = signed_in_user()
    is_stored = services().accounts.sign_out(current_session(), services().clock())
    logout_user()
    session.clear()
    flash((messages.SIGNED_OUT_NOW if is_stored else messages.SIGNED_OUT_HERE).sentence())
    return remember_browser(redirect(url_for("auth.login")), user.id)


@auth.get("/setup/<once>")
def setup(once: str) -> ResponseReturnValue:
    """The page of the one-time link that makes the first user."""
    require_setup(once)
    return render_template("auth/setup.html", name="")


@auth.post("/setup/<once>")
@runs_in(Pool.PASSWORDS)
def set_up(once: str) -> ResponseReturnValue:
    """Make the first user, an admin, and sign in."""
    require_setup(once)
    name, password = posted.text("name", ""), posted.text("password", "")
    try:
        user = services().accounts.set_up(once, name, password, services().clock(), services().new_id)
    except Invalid as error:
        return render_template("auth/setup.html", error=str(error), name=name), 422
    open_session(user, "setup")
    flash(messages.WELCOME.sentence(name=user.name))
    return remember_browser(redirect(home()), user.id)


def require_setup(once: str) -> None:
    """Raises NotFound where the link was used, or is of no setup."""
    if not services().accounts.is_setup_open(once):
        raise NotFound.of(SETUP_OVER)


def home() -> str:
    """The path of the list of contacts, behind a proxy too."""
    return request.script_root + "/"


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a path of this server, or home."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\") or not target.isprintable():
        return home()
    split = urlsplit(target)
    return home() if split.scheme or split.netloc else target
