"""The parts that the server is made of: wired together in ``app.create_app``, and found here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app

from config import Config

if TYPE_CHECKING:
    from services.tutorial import Tutorial
    from storage.commit_notifications import CommitNotifications
    from storage.repositories.accounts import Accounts
    from storage.repositories.activity import Activity
    from storage.repositories.contact_queries import ContactQueries
    from storage.repositories.stream_registry import Streams
    from storage.repositories.users import People
    from storage.sql.store import SqlStore
    from web.telemetry.events import Telemetry
    from web.telemetry.prometheus import PrometheusSink


@dataclass(frozen=True, slots=True)
class Services:
    """What the views work with. ``clock`` gives microseconds since 1970, ``new_id`` a random UUID as text.

    ``meters`` is None where nobody may read them.
    """

    config: Config
    store: SqlStore
    accounts: Accounts
    people: People
    contacts: ContactQueries
    tutorial: Tutorial
    activity: Activity
    streams: Streams
    open_news: Callable[[], CommitNotifications]
    clock: Callable[[], int]
    new_id: Callable[[], str]
    watch: Telemetry
    meters: PrometheusSink | None


def services() -> Services:
    return cast(Services, current_app.extensions["offbook"])
