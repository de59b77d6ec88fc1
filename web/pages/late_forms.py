"""A form that was sent when its session was over: what was typed is kept in the answer, and shown again.

Whoever is signed out is asked to sign in, by a page that carries what was sent; whoever is signed in anew, so that the
form's token is an old one, sees it at once. Nothing of it is done before it is sent once more, since another person may
have signed in. Only what one of our own pages sent is kept (a browser says where a form comes from), or any site could
put words into somebody's mouth. The server stores none of it; what is carried is signed, and passwords are typed anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from flask import Flask, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFError, CSRFProtect
from itsdangerous import BadSignature, URLSafeSerializer

from offbook.contacts.labels import field_label
from web.errors import ApiProblem, render_problem, wants_json
from web.fragments import requested_fragment
from web.messages import pages as messages
from web.request_values import posted

CARRIED = "carried"
"""The name of the input in which the page that asks to sign in carries what was sent."""

SECRET = frozenset({"password", "new_password", "new_password_again"})
MACHINERY = frozenset(
    {"csrf_token", "change_id", "base", "opened", "seq", "seen", "cell", "next", "photo", "labels", CARRIED}
)
"""What the page itself put into a form: sent again, and nothing to show."""

CAN_BE_SHOWN = frozenset({"contacts.create", "contacts.update", "pages.create", "pages.update"})
"""Forms that can be shown again as they were, by a button of this module's page. A page that the last version rendered
carries them under the names that start with ``pages``."""


class Protection(CSRFProtect):  # type: ignore[misc]
    """Over HTTPS the page that a form comes from is looked at, and Flask-WTF fails on what is no address."""

    def protect(self, apply_exemptions: bool = False) -> None:
        """Raises CSRFError where a form may be another site's."""
        try:
            super().protect(apply_exemptions)
        except ValueError:
            raise CSRFError("The referrer is no address.") from None


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form as it was sent: where to, by which endpoint, its inputs in order, and the names of its files."""

    to: str
    endpoint: str
    inputs: Sequence[Sequence[str]]
    files: Sequence[str]

    @property
    def passwords(self) -> list[str]:
        """The inputs that are typed anew."""
        return [name for name, _ in self.inputs if name in SECRET]

    @property
    def repeated(self) -> list[tuple[str, str]]:
        """What is sent once more as it is."""
        return [(name, text) for name, text in self.inputs if name not in SECRET]

    @property
    def can_be_shown(self) -> bool:
        """Whether it can be shown again as it was."""
        return self.endpoint in CAN_BE_SHOWN

    def shown(self) -> Iterator[tuple[str, str]]:
        """What somebody typed or chose, each with what it is called."""
        for name, text in self.repeated:
            if text.strip() and name not in MACHINERY and not name.endswith("_key"):
                yield input_label(name), text


def input_label(name: str) -> str:
    """What an input is called: ``phone_value`` is a Phone."""
    bare = name.removesuffix("_value")
    return field_label(bare)


# --- what comes too late ---------------------------------------------------------------------------------------------


def handle_csrf_error(error: CSRFError) -> ResponseReturnValue:
    """A form without the token of this session; or one of a browser that hides over HTTPS which page it comes from."""
    if not current_user.is_authenticated and requested_fragment():
        return render_problem(ApiProblem(401, messages.SIGNED_OUT.fault()))
    if wants_json() or requested_fragment() or not can_be_kept(error):
        return render_problem(ApiProblem(400, messages.STALE_FORM.fault()))
    if request.endpoint == "auth.sign_in":
        return render_sign_in_again()
    return (render_late_form(sent_form()), 400) if current_user.is_authenticated else render_sign_in()


def can_be_kept(error: CSRFError) -> bool:
    """Not what another site sent, what would fail once more, or the form of who has no account yet."""
    return is_own_form() and "referrer" not in str(error.description) and request.endpoint != "auth.set_up"


def render_sign_in() -> ResponseReturnValue:
    """The page that asks to sign in, for a form that came without a session. Nobody needs to be signed out twice."""
    if requested_fragment():
        return render_problem(ApiProblem(401, messages.SIGNED_OUT.fault()))
    if request.endpoint == "auth.sign_out" or not is_own_form():
        return redirect(url_for("auth.login"))
    return render_template("auth/login.html", name="", carried=form_signer().dumps(asdict(sent_form()))), 401


def render_sign_in_again() -> ResponseReturnValue:
    """Of the form that signs in, its own token may be an old one: another tab has signed out meanwhile, or in."""
    if current_user.is_authenticated:
        return render_carried_form() or redirect(url_for("contacts.index"))
    return render_template("auth/login.html", name=posted.text("name", ""), error=messages.TYPE_AGAIN.sentence()), 400


def render_carried_form() -> str | None:
    """What was sent before, where the page that asked to sign in carried something."""
    try:
        return render_late_form(SentForm(**form_signer().loads(carried_value())))
    except (BadSignature, TypeError):  # none of ours, or of another version
        return None


def carried_value() -> str:
    """What the form that signs in carries."""
    return posted.text(CARRIED, "")


def render_late_form(sent: SentForm) -> str:
    """The page that shows once more what was sent."""
    return render_template("auth/late_form.html", sent=sent)


def sent_form() -> SentForm:
    """The form of this request. No text may have a NUL, so that it is left out; passwords are."""
    inputs = [
        (name, "" if name in SECRET else text.replace("\0", ""))
        for name, texts in posted.lists().items()
        for text in texts
        if name != "csrf_token"
    ]
    to = request.script_root + request.full_path.rstrip("?")
    files = [name for name, file in request.files.items() if file.filename]
    return SentForm(to, request.endpoint or "", inputs, files)


def is_own_form() -> bool:
    """Whether a page of this server sent the form. Old browsers name the page instead of the origin."""
    try:
        origin = urlsplit(request.headers.get("Origin") or request.referrer or "")
    except ValueError:  # it is no address
        return False
    return origin[:2] == urlsplit(request.host_url)[:2]


def form_signer() -> URLSafeSerializer:
    """What signs the forms that pages carry."""
    return URLSafeSerializer(str(current_app.secret_key), salt="offbook.again")


def register(app: Flask) -> None:
    """Let the app keep what a late form held."""
    app.register_error_handler(CSRFError, handle_csrf_error)
    app.jinja_env.globals["carried_value"] = carried_value
