"""What stands around every page: its places with their counts, and how it looks. Read only where a whole page is made.

How a browser shows the pages is in a cookie of its own, so that the first byte of a page says it: nothing flashes, and
no script is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from flask import Flask, Response, g, request

from offbook.core.text import fold_key
from storage.values.contacts import LabelCount
from web.current import services
from web.request_values import query
from web.sessions import signed_in_user

THEME_COOKIE = "theme"
THEMES = ("light", "dark")
"""What may be chosen; without a choice a page follows the system."""

YEAR_SECONDS = 365 * 24 * 3600

TABS = {"contact_labels": "labels", "inbox": "inbox"}
"""The tab of a phone that pages of a blueprint belong to."""


class Frame(NamedTuple):
    """``place_id`` is the id of the place that is shown, ``tab`` the phone's tab; both are empty where it is none."""

    labels: Sequence[LabelCount]
    waits: int
    place_id: str
    tab: str


def page_frame() -> Frame:
    """What stands around the page of whoever is signed in."""
    labels, _ = labels_and_texts()
    waits = services().contacts.conflicts(signed_in_user().book_id)
    return Frame(labels, waits, _place(labels), _tab())


def labels_and_texts() -> tuple[Sequence[LabelCount], Iterable[str] | None]:
    """The labels of the book with their counts, and what contacts have as labels: read once a request."""
    if "labels_and_texts" not in g:
        g.labels_and_texts = services().contacts.labels_and_texts(signed_in_user().book_id)
    return cast(tuple[Sequence[LabelCount], Iterable[str] | None], g.labels_and_texts)


def _place(labels: Sequence[LabelCount]) -> str:
    if request.endpoint == "contacts.trash":
        return "trash"
    if request.blueprint != "contacts":
        return TABS.get(request.blueprint or "", "")
    if name := query.text("label", "").strip():
        return next((label.id for label in labels if fold_key(label.name) == fold_key(name)), "")
    if query.text("starred", ""):
        return "starred"
    return "changed" if query.text("sort", "") == "changed" else "all"


def _tab() -> str:
    if request.blueprint in ("contacts", "contact_history") and request.endpoint != "contacts.trash":
        return "contacts"
    return TABS.get(request.blueprint or "", "")


def chosen_theme() -> str:
    """The theme that this browser shows; empty where it follows the system."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def remember_theme(response: Response, theme: str) -> Response:
    """The response, by which the browser remembers a theme, or forgets it where it is none of THEMES."""
    options: dict[str, Any] = {"path": request.script_root or "/", "secure": request.is_secure, "samesite": "Lax"}
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_SECONDS, httponly=True, **options)
    else:
        response.delete_cookie(THEME_COOKIE, httponly=True, **options)
    return response


def register(app: Flask) -> None:
    """Let the app's templates ask for it."""
    app.jinja_env.globals |= {"page_frame": page_frame, "chosen_theme": chosen_theme}
