"""The URL map: every blueprint and its prefix, on one screen.

Blueprints of the API speak JSON to everyone, take a device's token and know no CSRF; those of the pages take a session.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from web.api.batches import batches
from web.api.blobs import blobs
from web.api.conflicts import conflicts
from web.api.contacts.importing import importing
from web.api.contacts.labels import labels
from web.api.contacts.views import rest
from web.api.health import health
from web.api.history import history
from web.api.metrics import metrics
from web.api.openapi import openapi
from web.api.sync import api
from web.api.tables import tables
from web.api.users import users
from web.carddav import views as dav_views
from web.carddav.views import carddav
from web.live.handshake import live, note_cursor
from web.pages.activity import activity
from web.pages.conflicts import inbox
from web.pages.contacts.history import contact_history
from web.pages.contacts.import_export import import_export
from web.pages.contacts.labels import contact_labels
from web.pages.contacts.sharing import sharing
from web.pages.contacts.views import contacts
from web.pages.devices import devices
from web.pages.login import auth
from web.pages.phones import phones
from web.pages.settings import settings
from web.pages.streams import streams
from web.pages.time_travel import time_travel
from web.pages.users import people
from web.request_values import require_text_in_form

API: tuple[tuple[Blueprint, str], ...] = (
    (api, ""),
    (rest, ""),
    (labels, ""),
    (history, ""),
    (conflicts, ""),
    (batches, ""),
    (blobs, ""),
    (live, ""),
    (health, ""),
    (users, ""),
    (tables, ""),
    (importing, ""),
    (openapi, ""),
)

OPERATIONS: tuple[tuple[Blueprint, str], ...] = ((metrics, ""),)
"""For what watches the server. Not of the API's description, and as mute to browsers as the API."""

CARDDAV: tuple[tuple[Blueprint, str], ...] = ((carddav, ""),)
"""XML for phones and mail programs; with a device's token, and as little CSRF as the API."""

PAGES: tuple[tuple[Blueprint, str], ...] = (
    (auth, ""),
    (contacts, ""),
    (inbox, ""),
    (contact_history, ""),
    (sharing, ""),
    (contact_labels, ""),
    (time_travel, ""),
    (import_export, ""),
    (activity, ""),
    (devices, ""),
    (phones, ""),
    (people, ""),
    (streams, ""),
    (settings, ""),
)


def register(app: Flask) -> None:
    """Let the app answer at all of these addresses."""
    for blueprint, prefix in (*API, *OPERATIONS, *CARDDAV, *PAGES):
        app.register_blueprint(blueprint, url_prefix=prefix or None)
    for blueprint, _ in PAGES:
        app.before_request_funcs.setdefault(blueprint.name, []).extend((require_text_in_form, note_cursor))
    dav_views.register(app)
    app.config["API_SEGMENTS"] = api_segments(app)


def api_segments(app: Flask) -> frozenset[str]:
    """The first word of every path of the API: what lies below answers in JSON even where there is nothing."""
    names = {blueprint.name for blueprint, _ in (*API, *OPERATIONS)}
    rules = (rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in names)
    return frozenset(rule.rule.split("/")[1] for rule in rules)
