"""Who asks: people by password and session cookie, devices by token.

Views take the answer from ``me()`` and ``the_device()`` and scope every store call by its book. A token is read from
the Authorization header alone, never from the URL, which ends in logs. The numbers of who was let in stay in ``g``, for
the log of requests.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, cast
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Request, Response, flash, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from markupsafe import Markup

from offbook.core.errors import Invalid, NotFound
from storage.accounts import User, WrongPassword
from storage.devices import DeviceLogin
from storage.throttle import Throttled
from web import parts
from web.bridge import HEAD_ONLY
from web.errors import Problem, wants_json
from web.fragments import is_renewal
from web.pools import Pool, runs_in
from web.values import authorization, posted, query

P = ParamSpec("P")

auth = Blueprint("auth", __name__)


class Person(UserMixin):  # type: ignore[misc]
    """A user as Flask-Login wants one. The session holds id and stamp: a new password ends the others."""

    def __init__(self, user: User) -> None:
        self.user = user

    def get_id(self) -> str:
        return f"{self.user.id}.{self.user.stamp}"


class Manager(LoginManager):  # type: ignore[misc]
    """Nobody stays signed in by a second cookie. Flask-Login looks for one all the same, and fails on what is not ASCII
    in it: ``hmac.compare_digest`` takes no other letters."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None


def load_person(session_id: str) -> Person | None:
    user_id, _, stamp = session_id.partition(".")
    user = parts().accounts.user(int(user_id)) if user_id.isdigit() else None
    if user is None or user.stamp != stamp:
        return None
    g.user_number = user.id
    return Person(user)


def me() -> User:
    """The signed-in user; only inside a view that asks for a session."""
    return cast(Person, current_user).user


def is_signed_in() -> bool:
    return bool(current_user.is_authenticated)


def session_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for people who are signed in; others are asked to, and come back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return view(*args, **kwargs) if is_signed_in() else ask_to_sign_in()

    return guarded


def admin_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for signed-in admins."""

    @wraps(view)
    @session_required
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not me().admin:
            raise not_an_admin()
        return view(*args, **kwargs)

    return guarded


def admin_or_device_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for signed-in admins, and for devices of admins. It is one of the API, which knows no forms: where a
    session is what lets someone in, whatever changes something needs the CSRF token in a header."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        by_session = is_signed_in() and not authorization()
        if not (me().admin if by_session else device_login().admin):
            raise not_an_admin()
        if by_session and request.method not in ("GET", "HEAD"):
            require_csrf_header()
        return view(*args, **kwargs)

    return guarded


def require_csrf_header() -> None:
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValueError:
        detail = "With a session this needs the header X-CSRFToken, with the csrf_token of one of its pages."
        raise Problem(400, "stale_form", detail) from None


def ask_to_sign_in() -> ResponseReturnValue:
    if wants_json():
        raise Problem(401, "not_authorized", "Sign in first.")
    here = request.script_root + request.full_path.rstrip("?")
    return redirect(url_for("auth.login", next=here if request.method == "GET" else None))


def not_an_admin() -> Problem:
    return Problem(403, "forbidden", "This is for admins. Ask one of them.")


def device_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for devices: a Bearer token, or Basic with the token as password.

    What the view told about the device is noted when it ends, so that a request costs one note at the most.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        g.device, g.told = device_login(), {}
        try:
            return view(*args, **kwargs)
        finally:
            parts().accounts.seen(the_device().device, parts().clock(), **g.told)

    return guarded


def tell(**news: Any) -> None:
    """Keep this about the device that asks: what ``Devices.seen`` takes."""
    g.told.update(news)


def the_device() -> DeviceLogin:
    """The device that asks; only inside a view that asks for one."""
    return cast(DeviceLogin, g.device)


def device_login() -> DeviceLogin:
    given = authorization()
    token = given and (given.token if given.type == "bearer" else given.password)
    login = parts().accounts.device_by_token(token) if token else None
    if login is None:
        # A browser would answer a Basic challenge with a box that nobody can fill in.
        scheme = "Basic" if given and given.type == "basic" else "Bearer"
        detail = "The device's token is missing, wrong or revoked. Add the device again on the Devices page."
        raise Problem(401, "not_authorized", detail, headers={"WWW-Authenticate": f'{scheme} realm="offbook"'})
    g.device_number = login.device.id
    return login


def answer_by_the_head() -> ResponseReturnValue | None:
    """Before anything else of a request that is not to be worked on: its refusal, or whether its sender is known.

    Only of whoever is somebody, by a token or a session, is a large body taken (web.bodies). Where the address takes no
    body, Flask says so.
    """
    head = request.environ.get(HEAD_ONLY)
    if head is None or request.routing_exception is not None:
        return None
    if head.refusal is not None:
        raise head.refusal
    if authorization() or not is_signed_in():
        if not (authorization() or wants_json()):
            return ask_to_sign_in()
        device_login()
    head.is_known = True
    return Response()


def open_session(user: User) -> None:
    """Sign in. The old session is thrown away whole: nothing that was planted in it lives on."""
    session.clear()
    session.permanent = True
    login_user(Person(user))


def home() -> str:
    return request.script_root + "/"


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a path of this server, or home."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\") or not target.isprintable():
        return home()
    split = urlsplit(target)
    return home() if split.scheme or split.netloc else target


@auth.get("/login")
def login() -> ResponseReturnValue:
    if is_signed_in():
        return redirect(safe_next(query.text("next", None)))
    return render_template("login.html", is_empty=parts().accounts.is_empty(), name="")


@auth.post("/login")
@runs_in(Pool.PASSWORDS)
def sign_in() -> ResponseReturnValue:
    name = posted.text("name", "").strip()
    address = request.remote_addr or ""
    try:
        user = parts().accounts.check_password(name, posted.text("password", ""), address, parts().clock())
    except WrongPassword as error:
        return render_template("login.html", error=str(error), name=name), 422
    except Throttled as error:
        page = render_template("login.html", error=str(error), name=name)
        return page, 429, {"Retry-After": str(error.wait_seconds)}
    open_session(user)
    return redirect(safe_next(query.text("next", None)))


@auth.post("/logout")
@session_required
def sign_out() -> ResponseReturnValue:
    logout_user()
    session.clear()
    flash("You are signed out.")
    return redirect(url_for("auth.login"))


@auth.get("/setup/<once>")
def setup(once: str) -> ResponseReturnValue:
    require_setup(once)
    return render_template("setup.html", name="")


@auth.post("/setup/<once>")
@runs_in(Pool.PASSWORDS)
def set_up(once: str) -> ResponseReturnValue:
    require_setup(once)
    name, password = posted.text("name", ""), posted.text("password", "")
    try:
        user = parts().accounts.set_up(once, name, password, parts().clock(), parts().new_id)
    except Invalid as error:
        return render_template("setup.html", error=str(error), name=name), 422
    open_session(user)
    flash(f"Welcome, {user.name}. Add your first device on the Devices page, or a contact here.")
    return redirect(home())


def require_setup(once: str) -> None:
    if not parts().accounts.is_setup_open(once):
        raise NotFound("This set-up link is not valid any more. Sign in, or restart the server to see a new link.")


def csrf_field() -> Markup:
    """The hidden field that every form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


class Sessions(SecureCookieSessionInterface):
    """The cookie is for HTTPS only wherever the request came over HTTPS (a trusted proxy says so).

    A device has none and pays for none: only to make what checks a signature would be 5 % of a request. The files of
    the pages come without one, since a cache on the way keeps them for everybody.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        is_used = bool(session or session.accessed) and not (is_renewal() or "device" in g)
        if request.endpoint != "static" and (session.modified or is_used):
            super().save_session(app, session, response)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def register(app: Flask) -> None:
    app.session_interface = Sessions()
    app.before_request_funcs.setdefault(None, []).insert(0, answer_by_the_head)
    manager = Manager(app)
    manager.user_loader(load_person)

    @app.context_processor
    def who() -> dict[str, Any]:
        return {"me": me() if is_signed_in() else None, "csrf_field": csrf_field, "is_renewal": is_renewal}
