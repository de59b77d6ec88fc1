"""The parts that the server is made of. ``app.create_app`` wires them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config import Config

if TYPE_CHECKING:
    from services.accounts.accounts import Accounts
    from services.accounts.phone_links import PhoneLinks
    from services.accounts.token_throttle import TokenThrottle
    from services.blobs import Blobs
    from services.carddav.book import CardBook
    from services.contacts.background_imports import BackgroundImports
    from services.contacts.tutorial import Tutorial
    from storage.base import CommitNotifications
    from storage.csv_mappings import CsvMappings
    from storage.repositories.accounts.user_rights import UserRights
    from storage.repositories.activity import Activity
    from storage.repositories.contact_queries import ContactQueries
    from storage.repositories.record_queries import RecordQueries
    from storage.sql.store import SqlStore
    from storage.streams.registry import Streams
    from storage.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Services:
    """What the views work with. ``clock`` gives microseconds since 1970, ``new_id`` a random UUID as text.

    ``database_failures`` are raised where the database can't be reached or is too busy.
    """

    config: Config
    store: SqlStore
    accounts: Accounts
    user_rights: UserRights
    contacts: ContactQueries
    records: RecordQueries
    tutorial: Tutorial
    activity: Activity
    streams: Streams
    blobs: Blobs
    uploads: Uploads
    imports: BackgroundImports
    csv_mappings: CsvMappings
    carddav: CardBook
    token_throttle: TokenThrottle
    phone_links: PhoneLinks
    open_notifications: Callable[[], CommitNotifications]
    database_failures: tuple[type[Exception], ...]
    clock: Callable[[], int]
    new_id: Callable[[], str]
