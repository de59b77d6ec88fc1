"""A phone or a mail program as a device, by CardDAV: what it is set up with, and a link that shows it on the phone."""

from __future__ import annotations

import secrets
from urllib.parse import quote

from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from offbook.core.errors import Invalid, NotFound
from services.accounts.phone_links import PhoneAccess
from web.auth import session_required
from web.current import services
from web.messages import pages as messages
from web.pages.devices import add_device, redirect_to_added, render_page, was_added_before
from web.presenters.apple_profile import MEDIA_TYPE, carddav_profile
from web.presenters.qr_code import qr_code
from web.request_values import posted
from web.sessions import signed_in_user

phones = Blueprint("phones", __name__)


@phones.post("/devices/phones")
@session_required
def add() -> ResponseReturnValue:
    """Add a phone. Its password is in this answer, and behind the link for ten minutes; nowhere else."""
    if was_added_before():
        return redirect_to_added()
    user, name, server = signed_in_user(), posted.text("name", ""), services()
    try:
        device, token = add_device(name)
    except Invalid as error:
        return render_page(error=str(error), name=name), 422
    access = PhoneAccess(user.name, token)
    once = server.phone_links.open_link(access, server.clock(), lambda: secrets.token_urlsafe(32))
    link = server_address() + url_for("phones.show", once=once).removeprefix(request.script_root)
    code = qr_code(link)
    return render_template("devices/phone_added.html", device=device, code=code, **set_up_of(access))


@phones.get("/phone/<once>")
def show(once: str) -> ResponseReturnValue:
    """The page that the code leads to. It shows nothing yet: what looks at links before people do uses up none."""
    require_open(once)
    return render_template("devices/phone_link.html")


@phones.post("/phone/<once>")
def reveal(once: str) -> ResponseReturnValue:
    """What the phone is set up with: this once."""
    access = services().phone_links.take(once, services().clock())
    if access is None:
        raise NotFound.of(messages.LINK_OVER)
    return render_template("devices/phone_set_up.html", **set_up_of(access))


@phones.get("/phone-profile/<signed>")
def profile(signed: str) -> ResponseReturnValue:
    """A profile for iPhone, iPad and Mac, which has no password in it; for whoever was shown its address."""
    try:
        user_name = str(signer().loads(signed))
    except BadSignature:
        raise NotFound.of(messages.NO_PROFILE) from None
    content = carddav_profile(server_address(), principal_of(user_name), user_name)
    headers = {"Content-Disposition": 'attachment; filename="offbook.mobileconfig"', "Cache-Control": "no-store"}
    return Response(content, mimetype=MEDIA_TYPE, headers=headers)


def set_up_of(access: PhoneAccess) -> dict[str, str]:
    """What the pages show: the server, the user's name, the password, the addresses of the book and of the profile."""
    server = server_address()
    return {
        "server": server,
        "host": request.host,
        "user_name": access.user_name,
        "password": access.token,
        "book": f"{server.removesuffix(request.script_root)}{principal_of(access.user_name)}contacts/",
        "profile": url_for("phones.profile", signed=signer().dumps(access.user_name)),
        "is_plain": "" if request.is_secure else "1",
    }


def require_open(once: str) -> None:
    """Raises NotFound where a link can't be opened any more."""
    if not services().phone_links.is_open(once, services().clock()):
        raise NotFound.of(messages.LINK_OVER)


def server_address() -> str:
    """The address of this server, as this request's sender knows it, with what a proxy puts before every path."""
    return request.url_root.rstrip("/")


def principal_of(user_name: str) -> str:
    """The path of a user in CardDAV."""
    return f"{request.script_root}/dav/{quote(user_name, safe='')}/"


def signer() -> URLSafeSerializer:
    """Signs the names of users, so that nobody makes profiles of others' words."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="offbook phone profile")
