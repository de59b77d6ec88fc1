"""The users' page: admins list and add users, disable and remove them, and make them admins."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.accounts.users import UserAction, describe_act
from offbook.core.errors import Conflicting, Invalid
from services.accounts.accounts import act_on_user, get_user
from web.auth import admin_required
from web.current import services
from web.messages import pages as messages
from web.presenters.user_actions import QUESTIONS
from web.request_values import posted
from web.server.pools import Pool, runs_in
from web.sessions import signed_in_user

people = Blueprint("people", __name__)

ONE_USER = "<number:user_id>"
ANY_ACT = f"any({','.join(act.value for act in UserAction)})"


@people.get("/people")
@admin_required
def index() -> ResponseReturnValue:
    """The list of users."""
    return render_list()


@people.post("/people")
@admin_required
@runs_in(Pool.PASSWORDS)
def add() -> ResponseReturnValue:
    """Add a user with a book of their own."""
    name, password, admin = posted.text("name", ""), posted.text("password", ""), "admin" in posted
    try:
        user = services().accounts.add_user(name, password, admin, services().clock(), services().new_id)
    except Invalid as error:
        return render_list(error=str(error), name=name), 422
    flash(messages.USER_ADDED.sentence(name=user.name))
    return redirect(url_for("people.index"))


@people.get(f"/people/{ONE_USER}/<{ANY_ACT}:act>")
@admin_required
def confirm(user_id: int, act: str) -> ResponseReturnValue:
    """Ask whether this is to be done to the user."""
    user, is_me = get_user(services().accounts, user_id), user_id == signed_in_user().id
    return render_template("users/show.html", person=user, question=QUESTIONS[UserAction(act)], is_me=is_me)


@people.post(f"/people/{ONE_USER}/<{ANY_ACT}:act>")
@admin_required
def act_on(user_id: int, act: str) -> ResponseReturnValue:
    """Do it."""
    try:
        user = act_on_user(services().accounts, services().user_rights, user_id, [UserAction(act)], services().clock())
    except Conflicting as error:
        return render_list(error=str(error)), 409
    flash(describe_act(user.name, UserAction(act), user.rights))
    return redirect(url_for("people.index"))


def render_list(error: str = "", name: str = "") -> str:
    """The list, with what was wrong with a user that was to be added."""
    accounts = services().accounts
    return render_template(
        "users/index.html", people=accounts.users(), removed=accounts.users_in_trash(), error=error, name=name
    )
