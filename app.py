"""create_app(): the only place where the parts are wired together. What they do is their own affair."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

import cli
import extensions
import routes
from config import MIB, Config, blob_folder, config_named
from extensions import db
from offbook.core.merge.retention import DAY_US
from services.accounts.accounts import Accounts
from services.accounts.passwords import PASSWORD_LENGTH_MIN, Effort
from services.accounts.phone_links import PhoneLinks
from services.accounts.token_throttle import TokenThrottle
from services.blobs import Blobs
from services.carddav.book import CardBook
from services.contacts.background_imports import BackgroundImports
from services.contacts.tutorial import Tutorial
from services.container import Services
from storage.blobs.decoder import Decoder
from storage.blobs.folder import BlobFolder
from storage.blobs.rows import BlobRows
from storage.carddav.book_cards import CardRows
from storage.carddav.device_cards import DeviceCardRows
from storage.carddav.programs import CardPrograms
from storage.commit_notifications import open_notifications, require_carrier
from storage.csv_mappings import CsvMappings
from storage.engines.database import Database, open_engines
from storage.failures import database_failures
from storage.imports.jobs import ImportJobs
from storage.repositories.accounts.sessions import Lifetime
from storage.repositories.accounts.user_rights import UserRights
from storage.repositories.activity import Activity
from storage.repositories.contact_queries import ContactQueries
from storage.repositories.device_lag import lag_of
from storage.repositories.one_time_values import OneTimeValues
from storage.repositories.record_queries import RecordQueries
from storage.repositories.tutorial import TutorialRows
from storage.sql.store import SqlStore
from storage.streams.registry import Streams
from storage.uploads import Uploads
from web import allowed_hosts, assets, auth, errors, headers, request_values, sessions, template_filters
from web.bodies import uploads
from web.pages import frame, late_forms
from web.pages.late_forms import Protection
from web.telemetry import events
from web.telemetry.events import Telemetry
from web.telemetry.logs import LogSink

if TYPE_CHECKING:
    from web.telemetry.prometheus import PrometheusSink

__all__ = ["App", "create_app", "db"]

STATIC = Path(__file__).parent / "static"


class App(Flask):
    """Flask, but a path is never logged (it may hold the set-up link), and all that it calls are plain functions."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Flask asks each function that it calls, eight a request, whether it is a coroutine."""
        return func

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """How long a file of the pages is kept; whoever works on them sees at once what became of it."""
        return None if self.debug else assets.CACHE_SECONDS

    def log_exception(self, exc_info: Any) -> None:
        self.logger.error("%s %s failed", request.method, request.url_rule or "an unknown path", exc_info=exc_info)


def now_us() -> int:
    """The time by this machine's clock, in microseconds since 1970."""
    return time.time_ns() // 1000


def random_id() -> str:
    """A random UUID, as text."""
    return str(uuid.uuid4())


def create_app(config: Config | str = "default") -> App:
    """The app on its database, which must be migrated (``flask db upgrade``). Connects to nothing yet.

    ``config`` is a configuration or the name of one (config.CONFIGS). Raises ValueError for a name that there is not.
    """
    config = config_named(config) if isinstance(config, str) else config
    app = App(__name__, static_url_path=assets.url_of(STATIC))
    app.config.from_mapping(flask_settings(config))
    wire(app, config)
    extend(app)
    for part in (
        uploads,
        errors,
        late_forms,
        headers,
        request_values,
        sessions,
        auth,
        template_filters,
        frame,
        events,
        routes,
    ):
        part.register(app)
    cli.register(app, db=partial(extensions.schema_commands, app))
    allowed_hosts.register(app, config)
    if config.trusted_proxies:
        hops = config.trusted_proxies
        fixed = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops, x_prefix=hops)
        app.wsgi_app = allowed_hosts.WithoutForeignPrefix(fixed)  # type: ignore[method-assign]
    return app


def wire(app: App, config: Config) -> None:
    """Make the parts and keep them in ``app.extensions``: ``offbook``, ``telemetry``, ``meters``."""
    require_carrier(config.live_url)
    database = open_engines(config.database_url)
    store = SqlStore(database)
    effort = Effort(config.argon2_time_cost, config.argon2_memory_kib, config.argon2_parallelism)
    lifetime = Lifetime(config.session_days * DAY_US, config.session_days_max * DAY_US)
    accounts = Accounts(database, effort, lifetime)
    extensions.register(app, database)
    meters = meters_of(database) if config.metrics_token else None
    app.extensions["meters"], app.extensions["telemetry"] = meters, telemetry_of(config, meters)
    queries, upload_folder = ContactQueries(database, store), Uploads(uploads.uploads_folder(config))
    folder = blob_folder(config.blob_url)
    rows = BlobRows(database, None if folder is None else BlobFolder(folder))
    blobs = Blobs(rows, Decoder(), config.book_photos_mib * MIB)
    jobs = ImportJobs(database)
    app.extensions["offbook"] = Services(
        config=config,
        store=store,
        accounts=accounts,
        user_rights=UserRights(database, accounts),
        contacts=queries,
        records=RecordQueries(store),
        tutorial=Tutorial(store, TutorialRows(database)),
        activity=Activity(database),
        streams=Streams(database),
        blobs=blobs,
        uploads=upload_folder,
        imports=BackgroundImports(store, queries, blobs, upload_folder, jobs, now_us, random_id, database_failures()),
        csv_mappings=CsvMappings(database),
        carddav=CardBook(
            store,
            blobs,
            CardRows(database),
            DeviceCardRows(database),
            CardPrograms(database),
            refuses_stale=config.carddav_stale == "refuse",
        ),
        token_throttle=TokenThrottle(),
        phone_links=PhoneLinks(OneTimeValues(database)),
        open_notifications=partial(open_notifications, database, config.live_url),
        database_failures=database_failures(),
        clock=now_us,
        new_id=random_id,
    )


def telemetry_of(config: Config, meters: PrometheusSink | None) -> Telemetry:
    """Who hears what the server does. Nobody, unless it was asked for."""
    log = [LogSink()] if config.log_level == "info" else []
    return Telemetry([*log, *([meters] if meters else [])])


def meters_of(database: Database) -> PrometheusSink:
    """The meters of what this process does, for ``GET /metrics``."""
    # its library takes a tenth of a second of every start, and few want meters
    from web.telemetry.prometheus import PrometheusSink

    return PrometheusSink(database.facts, lambda: lag_of(database, now_us()))


def extend(app: App) -> None:
    """Flask's extensions, over the blueprints."""
    protection = Protection(app)
    for blueprint, _ in (*routes.API, *routes.CARDDAV):
        protection.exempt(blueprint)
    app.jinja_env.globals["password_length_min"] = PASSWORD_LENGTH_MIN


def flask_settings(config: Config) -> Mapping[str, Any]:
    """Flask's own settings."""
    return {
        "TESTING": config.testing,
        "SECRET_KEY": config.secret_key,
        "MAX_CONTENT_LENGTH": config.body_bytes_max,
        # A contact of 500 details is a form of thousands of inputs.
        "MAX_FORM_PARTS": 20_000,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=config.session_days),
        "SESSION_COOKIE_NAME": "offbook",
        "SESSION_COOKIE_SAMESITE": "Lax",
        # A form is valid as long as its session: someone may come back to a page after days.
        "WTF_CSRF_TIME_LIMIT": None,
    }
