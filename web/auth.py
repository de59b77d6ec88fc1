"""Who asks: people by password and then by their session (web.session_cookie), devices by token.

Views take the answer from ``me()`` and ``the_device()`` and scope every store call by its book. A token is read from
the Authorization header alone, never from the URL, which ends in logs. The numbers of who was let in stay in ``g``, for
the log of requests.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, cast
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Flask,
    Request,
    Response,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from itsdangerous import BadSignature
from markupsafe import Markup

from offbook.core.errors import Invalid, NotFound, NotLetIn
from services.container import services
from storage.repositories.accounts import User, WrongPassword
from storage.repositories.devices import DeviceLogin
from storage.repositories.login_throttle import Throttled
from storage.repositories.sessions import Session
from web import known_browsers
from web.errors import ApiProblem, wants_json
from web.fragments import is_renewal
from web.pages import late_forms
from web.request_values import authorization, posted, query
from web.server.pools import Pool, runs_in
from web.server.wsgi_bridge import HEAD_ONLY
from web.session_cookie import Cookie, carried_by, is_of_earlier_version, keep, key_of, visit

P = ParamSpec("P")

auth = Blueprint("auth", __name__)

SIGNED_OUT_HERE = (
    "You are signed out. The server can store nothing at the moment: it keeps in mind that the session has ended, and "
    "stores that when it can."
)


class Person(UserMixin):  # type: ignore[misc]
    """A user as Flask-Login wants one, by a session and its token."""

    def __init__(self, user: User, session: Session, token: str) -> None:
        self.user = user
        self.session = session
        self.token = token

    def get_id(self) -> str:
        return key_of(self.token, self.session)


class Manager(LoginManager):  # type: ignore[misc]
    """Nobody stays signed in by a second cookie. Flask-Login looks for one all the same, and fails on what is not ASCII
    in it: ``hmac.compare_digest`` takes no other letters."""

    def _load_user_from_remember_cookie(self, cookie: str) -> None:
        return None


def load_person(key: str) -> Person | None:
    accounts, now = services().accounts, services().clock()
    carried = carried_by(key)
    found = accounts.carried_in(carried, visit(), now) if carried else accounts.signed_in(key, now)
    if found is None:
        return None
    user, token = found[0], carried.token if carried else key
    opened = accounts.used(found[1], visit(), now)
    keep(token, opened)
    g.user_number = user.id
    return Person(user, opened, token)


def signed_in_user() -> User:
    """The signed-in user; only inside a view that asks for a session."""
    return cast(Person, current_user).user


def my_session() -> Session:
    """The session that the user is signed in by."""
    return cast(Person, current_user).session


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
        if not signed_in_user().admin:
            raise not_an_admin()
        return view(*args, **kwargs)

    return guarded


def admin_or_device_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for signed-in admins, and for devices of admins. It is one of the API, which knows no forms: where a
    session is what lets someone in, whatever changes something needs the CSRF token in a header."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        by_session = is_signed_in() and not authorization()
        if not (signed_in_user().admin if by_session else device_login().admin):
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
        raise ApiProblem(400, "stale_form", detail) from None


def ask_to_sign_in() -> ResponseReturnValue:
    if wants_json():
        raise ApiProblem(401, "not_authorized", "Sign in first.")
    if request.method not in ("GET", "HEAD"):
        return late_forms.at_the_door()
    here = request.script_root + request.full_path.rstrip("?")
    return redirect(url_for("auth.login", next=here))


def not_an_admin() -> ApiProblem:
    return ApiProblem(403, "forbidden", "This is for admins. Ask one of them.")


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
            services().accounts.seen(current_device().device, services().clock(), **g.told)

    return guarded


def report_device(**news: Any) -> None:
    """Keep this about the device that asks: what ``Devices.seen`` takes."""
    g.told.update(news)


def current_device() -> DeviceLogin:
    """The device that asks; only inside a view that asks for one."""
    return cast(DeviceLogin, g.device)


def device_login() -> DeviceLogin:
    given = authorization()
    token = given and (given.token if given.type == "bearer" else given.password)
    login = services().accounts.device_by_token(token) if token else None
    if login is None:
        # A browser would answer a Basic challenge with a box that nobody can fill in.
        scheme = "Basic" if given and given.type == "basic" else "Bearer"
        detail = (
            "The device's token is missing, wrong or revoked, or its user was removed for good. Add the device again "
            "on the Devices page."
        )
        raise ApiProblem(401, "not_authorized", detail, headers={"WWW-Authenticate": f'{scheme} realm="offbook"'})
    g.device_number = login.device.id
    return login


def answer_by_the_head() -> ResponseReturnValue | None:
    """Before anything else of a request that is not to be worked on: its refusal, or whether its sender is known.

    Only of whoever is somebody, by a token or a session, is a large body taken (web.server.bodies). Where the address
    takes no body, Flask says so.
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


def open_session(user: User, way: str) -> None:
    """Sign in who has shown who they are, in this way. What the cookie held is thrown away whole: nothing that was
    planted in it lives on, and a session that it was of ends. Raises WrongPassword where the password has changed since
    it was looked at."""
    if is_signed_in():
        services().accounts.sign_out(my_session(), services().clock())
    token, opened = services().accounts.open_session(user, way, visit(), services().clock())
    session.clear()
    session.permanent = True
    login_user(Person(user, opened, token))
    keep(token, opened)


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
    return render_template("auth/login.html", is_empty=services().accounts.is_empty(), name="")


@auth.post("/login")
@runs_in(Pool.PASSWORDS)
def sign_in() -> ResponseReturnValue:
    name, password = posted.text("name", "").strip(), posted.text("password", "")
    address = request.remote_addr or ""
    try:
        user = services().accounts.check_password(
            name, password, address, services().clock(), known_browsers.browser_of
        )
        open_session(user, "password")
    except WrongPassword as error:
        return render_template("auth/login.html", error=str(error), name=name), 422
    except Throttled as error:
        page = render_template("auth/login.html", error=str(error), name=name)
        return page, 429, {"Retry-After": str(error.wait_seconds)}
    except NotLetIn as error:
        return render_template("auth/login.html", error=str(error), name=name), 403
    answer = make_response(late_forms.after_signing_in() or redirect(safe_next(query.text("next", None))))
    return known_browsers.known(answer, user.id)


@auth.post("/logout")
@session_required
def sign_out() -> ResponseReturnValue:
    user = signed_in_user()
    is_stored = services().accounts.sign_out(my_session(), services().clock())
    logout_user()
    session.clear()
    flash("You are signed out." if is_stored else SIGNED_OUT_HERE)
    return known_browsers.known(redirect(url_for("auth.login")), user.id)


@auth.get("/setup/<once>")
def setup(once: str) -> ResponseReturnValue:
    require_setup(once)
    return render_template("auth/setup.html", name="")


@auth.post("/setup/<once>")
@runs_in(Pool.PASSWORDS)
def set_up(once: str) -> ResponseReturnValue:
    require_setup(once)
    name, password = posted.text("name", ""), posted.text("password", "")
    try:
        user = services().accounts.set_up(once, name, password, services().clock(), services().new_id)
    except Invalid as error:
        return render_template("auth/setup.html", error=str(error), name=name), 422
    open_session(user, "setup")
    flash(f"Welcome, {user.name}. Add your first device on the Devices page, or a contact here.")
    return known_browsers.known(redirect(home()), user.id)


def require_setup(once: str) -> None:
    if not services().accounts.is_setup_open(once):
        raise NotFound("This set-up link is not valid any more. Sign in, or restart the server to see a new link.")


def csrf_field() -> Markup:
    """The hidden field that every form carries."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


class Sessions(SecureCookieSessionInterface):
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
        most = int(app.permanent_session_lifetime.total_seconds())
        try:
            values, signed_at = signer.loads(cookie, max_age=most, return_timestamp=True)
        except BadSignature:
            return None
        opened = self.session_class(values)
        opened.signed_at = signed_at
        return opened

    def get_cookie_name(self, app: Flask) -> str:
        """Over HTTPS a browser takes a cookie of this name from this very host alone (RFC 6265bis, 4.1.3.2)."""
        name = super().get_cookie_name(app)
        return f"__Host-{name}" if request.is_secure else name

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        return session.modified or (session.permanent and cast(Cookie, session).is_due(datetime.now(UTC)))

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
        return {"me": signed_in_user() if is_signed_in() else None, "csrf_field": csrf_field, "is_renewal": is_renewal}
