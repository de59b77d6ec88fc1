"""Who calls: a device by its token, or a user by a session (web.sessions); and the views that are for one of them.

Views take the caller from ``signed_in_user()`` and ``current_device()`` and scope every store call by its book. A token
is read from the Authorization header alone, never from the URL, which ends in logs. The numbers of who was let in stay
in ``g``, for the log of requests.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, Response, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import validate_csrf

from services.restore import Actor
from storage.base import ChangeOrigin
from storage.values.accounts import DeviceLogin
from web.current import services
from web.errors import ApiProblem, wants_json
from web.messages import api as messages
from web.pages.late_forms import render_sign_in
from web.request_values import authorization
from web.server.wsgi_bridge import HEAD_ONLY
from web.sessions import is_signed_in, signed_in_user

P = ParamSpec("P")
R = TypeVar("R")


def session_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for people who are signed in; others sign in first, and come back."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        return view(*args, **kwargs) if is_signed_in() else reject_signed_out()

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
        if not (signed_in_user().admin if by_session else authenticate_device().admin):
            raise not_an_admin()
        if by_session and request.method not in ("GET", "HEAD"):
            require_csrf_header()
        return view(*args, **kwargs)

    return guarded


def require_csrf_header() -> None:
    """Raises ApiProblem (400) without the token of this session in the header X-CSRFToken."""
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValueError:
        raise ApiProblem(400, messages.NO_CSRF_HEADER.fault()) from None


def reject_signed_out() -> ResponseReturnValue:
    """The answer to whoever has no session: a problem, the page that signs in, or that page with what was sent."""
    if wants_json():
        raise ApiProblem(401, messages.OF_STATUS[401].fault())
    if request.method not in ("GET", "HEAD"):
        return render_sign_in()
    address = request.script_root + request.full_path.rstrip("?")
    return redirect(url_for("auth.login", next=address))


def not_an_admin() -> ApiProblem:
    """The problem of whoever is no admin."""
    return ApiProblem(403, messages.NOT_AN_ADMIN.fault())


def device_required(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """The view is for devices: a Bearer token, or Basic with the token as password.

    What the view reports of the device is noted when it ends, so that a request costs one note at the most.
    """

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        g.device = login = authenticate_device()
        g.device_report = {}
        try:
            return view(*args, **kwargs)
        finally:
            server = services()
            server.accounts.record_seen(login.device, server.clock(), **g.device_report)

    return guarded


def report_device(**values: Any) -> None:
    """Note this about the current device when its request ends: arguments of ``Devices.record_seen``."""
    g.device_report.update(values)


def current_device() -> DeviceLogin:
    """The device that calls; only inside a view that requires one."""
    return cast(DeviceLogin, g.device)


def origin_of(login: DeviceLogin) -> ChangeOrigin:
    """A device as the origin of its changes."""
    return ChangeOrigin(login.device.id, login.user_id)


def device_actor() -> Actor:
    """The device that sent the request, as the author of one change."""
    login = current_device()
    return Actor(origin_of(login), login.device.uuid, services().new_id())


def authenticate_device() -> DeviceLogin:
    """The device whose token the request shows. Raises ApiProblem (401) where it shows none that is good."""
    header = authorization()
    token = header and (header.token if header.type == "bearer" else header.password)
    login = services().accounts.device_by_token(token) if token else None
    if login is None:
        # A browser would answer a Basic challenge with a box that nobody can fill in.
        scheme = "Basic" if header and header.type == "basic" else "Bearer"
        raise ApiProblem(401, messages.WRONG_TOKEN.fault(), headers={"WWW-Authenticate": f'{scheme} realm="offbook"'})
    g.device_number = login.device.id
    return login


def current_book_id() -> int:
    """The book of the device whose token the request shows; without one, of whoever is signed in. Raises ApiProblem
    (401)."""
    if authorization() or not is_signed_in():
        return authenticate_device().book_id
    return signed_in_user().book_id


def writing_book_id() -> int:
    """As ``current_book_id``, for what changes something: with a session it needs the CSRF token in a header."""
    book_id = current_book_id()
    if not authorization():
        require_csrf_header()
    return book_id


CHECKS_SENDER = "checks_sender"


def checks_sender(check: Callable[[], object]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a view as one whose senders are known in a way of its own: ``check`` raises where one is not."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, CHECKS_SENDER, check)
        return view

    return mark


def check_head() -> ResponseReturnValue | None:
    """Before anything else of a request that is not to be worked on: its refusal, or whether its sender is known.

    Only of whoever is somebody, by a token or a session, is a large body taken (web.server.bodies). Where the address
    takes no body, Flask says so.
    """
    head = request.environ.get(HEAD_ONLY)
    if head is None or request.routing_exception is not None:
        return None
    if head.refusal is not None:
        raise head.refusal
    check = getattr(current_app.view_functions.get(request.endpoint or ""), CHECKS_SENDER, None)
    if check is not None:
        check()
    elif authorization() or not is_signed_in():
        if not (authorization() or wants_json()):
            return reject_signed_out()
        authenticate_device()
    head.is_known = True
    return Response()


def register(app: Flask) -> None:
    """Let heads of large requests be answered before all else."""
    app.before_request_funcs.setdefault(None, []).insert(0, check_head)
