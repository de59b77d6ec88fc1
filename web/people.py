"""People: admins list and add users, in a page and as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.cells import Json
from offbook.core.errors import Invalid, NotFound
from offbook.core.wire import INTEGER_MAX
from storage.accounts import User
from web import parts, words
from web.auth import admin_or_device_required, admin_required
from web.describe import Asks, describes
from web.errors import Problem
from web.history import body_object
from web.pools import Pool, runs_in
from web.values import posted

people = Blueprint("people", __name__)
users = Blueprint("users", __name__)

FOR_ADMINS = {403: ("forbidden",)}
UNFIT = ("bad_name", "missing", "password_length", "wrong_type")
"""Why somebody can't be a user."""


@people.get("/people")
@admin_required
def index() -> ResponseReturnValue:
    return page()


@people.post("/people")
@admin_required
@runs_in(Pool.PASSWORDS)
def add() -> ResponseReturnValue:
    name, password, admin = posted.text("name", ""), posted.text("password", ""), "admin" in posted
    try:
        user = parts().accounts.add_user(name, password, admin, parts().clock(), parts().new_id)
    except Invalid as error:
        return page(error=str(error), name=name), 422
    flash(f"{user.name} can sign in now, with a book of their own.")
    return redirect(url_for("people.index"))


@users.get("/users")
@describes(Asks.ADMIN, answers={200: "Users"}, problems=FOR_ADMINS)
@admin_or_device_required
def list_users() -> ResponseReturnValue:
    """List the users, for a signed-in admin or an admin's device."""
    return jsonify(users=[in_json(user) for user in parts().accounts.users()])


@users.post("/users")
@describes(
    Asks.ADMIN,
    body="NewUser",
    answers={201: "User"},
    problems={400: ("stale_form", "unknown_key"), 409: ("taken",), 422: UNFIT, **FOR_ADMINS},
    takes=("X-CSRFToken",),
    gives=("Location",),
)
@admin_or_device_required
@runs_in(Pool.PASSWORDS)
def make_user() -> ResponseReturnValue:
    """Make a user with a book of their own, as an admin."""
    name, password, admin = new_user(body_object("name", "password", "admin"))
    try:
        user = parts().accounts.add_user(name, password, admin, parts().clock(), parts().new_id)
    except Invalid as error:
        if error.code != "name_taken":
            raise
        raise Problem(409, "taken", str(error)) from None
    return jsonify(short(user)), 201, {"Location": url_for("users.show_user", user_id=user.id)}


@users.get(f"/users/<int(max={INTEGER_MAX}):user_id>")
@describes(Asks.ADMIN, answers={200: "User"}, problems={404: ("not_found",), **FOR_ADMINS})
@admin_or_device_required
def show_user(user_id: int) -> ResponseReturnValue:
    """Get one user, for a signed-in admin or an admin's device."""
    user = parts().accounts.user(user_id)
    if user is None:
        raise NotFound("There is no user with this id.")
    return jsonify(short(user))


def new_user(data: Mapping[str, Json]) -> tuple[str, str, bool]:
    """Name, password and whether it is an admin. What may be a name or a password is the store's to say."""
    for key in ("name", "password"):
        if key not in data:
            raise Invalid("missing", f'"{key}" is needed.')
        if not isinstance(data[key], str):
            raise Invalid("wrong_type", f'"{key}" must be text.')
    admin = data.get("admin", False)
    if not isinstance(admin, bool):
        raise Invalid("wrong_type", '"admin" must be true or false.')
    return data["name"], data["password"], admin


def short(user: User) -> dict[str, int | str | bool]:
    return {"id": user.id, "name": user.name, "admin": user.admin}


def in_json(user: User) -> dict[str, str | bool]:
    return {"name": user.name, "admin": user.admin, "created_at": words.iso(user.created_at)}


def page(error: str = "", name: str = "") -> str:
    return render_template("people.html", people=parts().accounts.users(), error=error, name=name)
