"""People: admins list and add users, in a page and as JSON."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid
from storage.accounts import User
from web import parts, words
from web.auth import admin_required, device_login, is_signed_in, me, not_an_admin
from web.describe import Asks, describes
from web.values import authorization, posted

people = Blueprint("people", __name__)
users = Blueprint("users", __name__)


@people.get("/people")
@admin_required
def index() -> ResponseReturnValue:
    return page()


@people.post("/people")
@admin_required
def add() -> ResponseReturnValue:
    name, password, admin = posted.text("name", ""), posted.text("password", ""), "admin" in posted
    try:
        user = parts().accounts.add_user(name, password, admin, parts().clock(), parts().new_id)
    except Invalid as error:
        return page(error=str(error), name=name), 422
    flash(f"{user.name} can sign in now, with a book of their own.")
    return redirect(url_for("people.index"))


@users.get("/users")
@describes(Asks.ADMIN, answers={200: "Users"}, problems={403: ("forbidden",)})
def list_users() -> ResponseReturnValue:
    """List the users, for a signed-in admin or an admin's device."""
    by_session = is_signed_in() and not authorization()
    if not (me().admin if by_session else device_login().admin):
        raise not_an_admin()
    return jsonify(users=[in_json(user) for user in parts().accounts.users()])


def in_json(user: User) -> dict[str, str | bool]:
    return {"name": user.name, "admin": user.admin, "created_at": words.iso(user.created_at)}


def page(error: str = "", name: str = "") -> str:
    return render_template("people.html", people=parts().accounts.users(), error=error, name=name)
