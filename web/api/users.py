"""Users as JSON, for admins and their devices: list, add, change, remove, restore."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue

from offbook.core.accounts.users import UserAction, kept_until
from offbook.core.cells.validation import Json
from offbook.core.errors import Invalid
from offbook.core.formatting import format_iso
from offbook.core.messages import Fault
from services.accounts.accounts import act_on_user, get_user
from storage.values.accounts import Account
from web.api.describe import AuthKind, documented
from web.auth import admin_or_device_required
from web.bodies.compression import read_object
from web.current import services
from web.errors import ApiProblem
from web.messages import api as messages
from web.server.pools import Pool, runs_in

users = Blueprint("users", __name__)

ONE_USER = "<number:user_id>"
SWITCHES = {"admin": (UserAction.MAKE_ADMIN, UserAction.END_ADMIN), "disabled": (UserAction.DISABLE, UserAction.ENABLE)}
"""What is done to a user for whom this is to be true, or false."""

FOR_ADMINS = {403: ("forbidden",)}
ACTING = {400: ("stale_form",), 404: ("not_found",), **FOR_ADMINS}
UNFIT = ("bad_name", "missing", "password_common", "password_guessable", "password_length", "wrong_type")
"""Why somebody can't be a user."""


@users.get("/users")
@documented(AuthKind.ADMIN, answers={200: "Users"}, problems=FOR_ADMINS)
@admin_or_device_required
def list_users() -> ResponseReturnValue:
    """List the users, for a signed-in admin or an admin's device: those there are, and those in the trash."""
    accounts = services().accounts
    return jsonify(users=list(map(in_json, accounts.users())), removed=list(map(in_json, accounts.users_in_trash())))


@users.post("/users")
@documented(
    AuthKind.ADMIN,
    body="NewUser",
    answers={201: "User"},
    problems={400: ("stale_form", "unknown_key"), 409: ("taken",), 422: UNFIT, **FOR_ADMINS},
    request_headers=("X-CSRFToken",),
    response_headers=("Location",),
)
@admin_or_device_required
@runs_in(Pool.PASSWORDS)
def make_user() -> ResponseReturnValue:
    """Make a user with a book of their own, as an admin."""
    name, password, admin = new_user(read_object("name", "password", "admin"))
    try:
        user = services().accounts.add_user(name, password, admin, services().clock(), services().new_id)
    except Invalid as error:
        if error.code != "name_taken":
            raise
        raise ApiProblem(409, Fault(error.fault.message._replace(code="taken"), error.fault.arguments)) from None
    return jsonify(in_json(user)), 201, {"Location": url_for("users.show_user", user_id=user.id)}


@users.get(f"/users/{ONE_USER}")
@documented(AuthKind.ADMIN, answers={200: "User"}, problems={404: ("not_found",), **FOR_ADMINS})
@admin_or_device_required
def show_user(user_id: int) -> ResponseReturnValue:
    """Get one user, for a signed-in admin or an admin's device."""
    return jsonify(in_json(get_user(services().accounts, user_id)))


@users.patch(f"/users/{ONE_USER}")
@documented(
    AuthKind.ADMIN,
    body="UserChange",
    answers={200: "User"},
    problems={**ACTING, 400: ("stale_form", "unknown_key"), 409: ("in_trash", "last_admin"), 422: ("wrong_type",)},
    request_headers=("X-CSRFToken",),
)
@admin_or_device_required
def change_user(user_id: int) -> ResponseReturnValue:
    """Disable or enable a user, or make the user an admin or none: all that is named, or nothing."""
    return act_on(user_id, *acts_of(read_object("admin", "disabled")))


@users.delete(f"/users/{ONE_USER}")
@documented(
    AuthKind.ADMIN,
    answers={200: "User"},
    problems={**ACTING, 409: ("last_admin",)},
    request_headers=("X-CSRFToken",),
)
@admin_or_device_required
def remove_user(user_id: int) -> ResponseReturnValue:
    """Remove a user. User and book stay in the trash until the time that the answer tells, and can be restored."""
    return act_on(user_id, UserAction.REMOVE)


@users.post(f"/users/{ONE_USER}/restore")
@documented(
    AuthKind.ADMIN,
    answers={200: "User"},
    problems={**ACTING, 409: ("purged",)},
    request_headers=("X-CSRFToken",),
)
@admin_or_device_required
def restore_user(user_id: int) -> ResponseReturnValue:
    """Bring a removed user back, with the book and the devices."""
    return act_on(user_id, UserAction.RESTORE)


def act_on(user_id: int, *acts: UserAction) -> ResponseReturnValue:
    """Do this to the user, and answer with the user as it is then."""
    user = act_on_user(services().accounts, services().user_rights, user_id, list(acts), services().clock())
    return jsonify(in_json(user))


def acts_of(data: Mapping[str, Json]) -> list[UserAction]:
    """What is to be done so that the user is as the body says."""
    acts: list[UserAction] = []
    for key, (if_true, if_false) in SWITCHES.items():
        if key not in data:
            continue
        if not isinstance(data[key], bool):
            raise Invalid.of(messages.NOT_A_FLAG, key=key)
        acts.append(if_true if data[key] else if_false)
    return acts


def new_user(data: Mapping[str, Json]) -> tuple[str, str, bool]:
    """Name, password and whether it is an admin. What may be a name or a password is the store's to say."""
    for key in ("name", "password"):
        if key not in data:
            raise Invalid.of(messages.MISSING_KEY, key=key)
        if not isinstance(data[key], str):
            raise Invalid.of(messages.NOT_TEXT, key=key)
    admin = data.get("admin", False)
    if not isinstance(admin, bool):
        raise Invalid.of(messages.NOT_A_FLAG, key="admin")
    return data["name"], data["password"], admin


def in_json(user: Account) -> dict[str, int | str | bool | None]:
    """A user as the API's ``User``."""
    until = None if user.removed_at is None else kept_until(user.removed_at)
    times = {"disabled_at": user.disabled_at, "removed_at": user.removed_at, "kept_until": until}
    return {
        "id": user.id,
        "name": user.name,
        "admin": user.admin,
        "status": user.rights.access.value,
        "created_at": format_iso(user.created_at),
        **{name: None if at is None else format_iso(at) for name, at in times.items()},
    }
