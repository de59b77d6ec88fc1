"""The devices page: add a device and see its token once, rename, revoke."""

from __future__ import annotations

from uuid import UUID, uuid5

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid
from offbook.core.text import distinct_name
from storage.values.accounts import DeviceInfo
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
    if was_added_before():
        return redirect_to_added()
    name = posted.text("name", "")
    try:
        device, token = add_device(name)
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
        name = name_for(posted.text("name", ""), but=str(device_id))
        services().accounts.rename_device(signed_in_user().id, str(device_id), name)
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


def add_device(name: str) -> tuple[DeviceInfo, str]:
    """A device of whoever is signed in, and its token. Its id is the form's; its name differs from the others'.

    Raises Invalid where it can't be called so.
    """
    user, accounts, now_us = signed_in_user(), services().accounts, services().clock()
    return accounts.add_device(user.book_id, user.id, name_for(name), now_us, lambda: form_id() or services().new_id())


def form_id() -> str:
    """The id of the device that the form makes: it follows from the form's own and is nobody else's; empty without."""
    once = posted.uuid("once", "")
    return str(uuid5(UUID(once), f"device of {signed_in_user().id}")) if once else ""


def name_for(name: str, but: str = "") -> str:
    """The name that was typed, with a number where another device than ``but`` is called so."""
    devices = services().accounts.devices(signed_in_user().id)
    return distinct_name(name.strip(), [device.name for device in devices if device.uuid != but])


def was_added_before() -> bool:
    """Whether this very form made a device already: the page was loaded once more, or the button pressed twice."""
    return bool(form_id()) and services().accounts.has_device(form_id())


def redirect_to_added() -> ResponseReturnValue:
    """The list of devices, with the one that the form made before."""
    flash(messages.DEVICE_ADDED_BEFORE.sentence(), "warn")
    return redirect(url_for("devices.index"), 303)


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
        once=services().new_id(),
        is_after=query.text("after", "") == "password",
    )
