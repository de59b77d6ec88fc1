"""The devices page: add a device and see its token once, rename, revoke."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid
from web.auth import session_required
from web.current import services
from web.messages import pages as messages
from web.presenters.qr_code import qr_code
from web.request_values import posted, query
from web.sessions import signed_in_user

devices = Blueprint("devices", __name__)


@devices.get("/devices")
@session_required
def index() -> ResponseReturnValue:
    """The list of devices."""
    return render_page()


@devices.post("/devices")
@session_required
def add() -> ResponseReturnValue:
    """Add a device. The token is in this answer and nowhere else: not in the session, whose cookie anyone can read."""
    user, name = signed_in_user(), posted.text("name", "")
    try:
        device, token = services().accounts.add_device(
            user.book_id, user.id, name, services().clock(), services().new_id
        )
    except Invalid as error:
        return render_page(error=str(error), name=name), 422
    server = request.url_root.rstrip("/")
    code = qr_code(f"{server}\n{token}")
    return render_template("devices/added.html", device=device, token=token, server=server, code=code)


@devices.post("/devices/<uuid:device_id>/rename")
@session_required
def rename(device_id: UUID) -> ResponseReturnValue:
    """Give a device another name."""
    try:
        services().accounts.rename_device(signed_in_user().id, str(device_id), posted.text("name", ""))
    except Invalid as error:
        return render_page(error=str(error)), 422
    flash(messages.RENAMED.sentence())
    return redirect(url_for("devices.index"))


@devices.post("/devices/revoke-all")
@session_required
def revoke_all() -> ResponseReturnValue:
    """Let no device of this user sync any more."""
    services().accounts.revoke_devices(signed_in_user().id, services().clock())
    flash(messages.ALL_DEVICES_REVOKED.sentence())
    return redirect(url_for("devices.index"))


@devices.post("/devices/<uuid:device_id>/revoke")
@session_required
def revoke(device_id: UUID) -> ResponseReturnValue:
    """Let a device sync no more."""
    services().accounts.revoke_device(signed_in_user().id, str(device_id), services().clock())
    flash(messages.REVOKED.sentence())
    return redirect(url_for("devices.index"))


def render_page(error: str = "", name: str = "") -> str:
    """The list, with what was wrong with a name that was typed."""
    devices = services().accounts.devices(signed_in_user().id)
    return render_template(
        "devices/index.html",
        devices=devices,
        programs=services().carddav.programs([device.id for device in devices]),
        now=services().clock(),
        error=error,
        name=name,
        is_after=query.text("after", "") == "password",
    )
