"""The settings page: one's own password, and how one's book settles concurrent edits."""

from __future__ import annotations

from inspect import getdoc

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid
from offbook.core.policies import POLICIES
from storage.accounts import WrongPassword
from storage.throttle import Throttled
from web import parts
from web.auth import me, open_session, session_required
from web.pools import Pool, runs_in
from web.values import posted

settings = Blueprint("settings", __name__)

POLICY_WORDS = {
    "merge": "Different fields both survive; in the same field the later edit wins, and the earlier one is in the "
    "history. An edit beats a deletion. Nobody is asked.",
    "last-write-wins": "The later edit of a contact wins whole; the earlier one is in the history. Nobody is asked.",
    "ask": "Different fields both survive. Where the same field was edited twice, or one side deleted what the other "
    "edited, what came first stands and both versions wait in the inbox until someone chooses. Nothing else waits.",
}


@settings.get("/settings")
@session_required
def index() -> ResponseReturnValue:
    return page()


@settings.post("/settings/password")
@session_required
@runs_in(Pool.PASSWORDS)
def change_password() -> ResponseReturnValue:
    """Ends every other session of this user; this one gets the new stamp."""
    user = me()
    new = posted.text("new_password", "")
    if new != posted.text("new_password_again", ""):
        return page(error="The two new passwords differ. Type the same one twice."), 422
    try:
        parts().accounts.check_password(
            user.name, posted.text("password", ""), request.remote_addr or "", parts().clock()
        )
        user = parts().accounts.set_password(user.id, new)
    except WrongPassword:
        return page(error="The current password is not right. Nothing was changed."), 422
    except Throttled as error:
        return page(error=str(error)), 429, {"Retry-After": str(error.wait_seconds)}
    except Invalid as error:
        return page(error=str(error)), 422
    open_session(user)
    flash("The password is changed. All other sessions are signed out.")
    return redirect(url_for("settings.index"))


@settings.post("/settings/policy")
@session_required
def choose_policy() -> ResponseReturnValue:
    try:
        parts().accounts.set_policy(me().book_id, posted.text("policy", ""))
    except Invalid as error:
        return page(error=str(error)), 422
    flash("Saved. It counts for edits that arrive from now on.")
    return redirect(url_for("settings.index"))


def page(error: str = "") -> str:
    book = parts().accounts.book(me().book_id)
    policies = [(name, words_of(name)) for name in POLICIES]
    waits = parts().contacts.conflicts(me().book_id)
    return render_template("settings.html", book=book, policies=policies, waits=waits, error=error)


def words_of(policy: str) -> str:
    """A policy that has no words here explains itself: the first line of its function's docstring."""
    return POLICY_WORDS.get(policy) or (getdoc(POLICIES[policy]) or "").partition("\n")[0]
