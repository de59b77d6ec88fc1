"""Notifications of commits between processes: received from others, published for one's own.

What is heard only says in which books there may be something new; what it is, each listener reads from its own cursor.
So a message that is lost, doubled or late does no harm: every few moments all books are looked at anyhow.

SQLite shows commits by itself (``PRAGMA data_version``). PostgreSQL carries messages (LISTEN and NOTIFY), and a Redis
server does so for any database, where ``LIVE_URL`` names one. Without either, the look at all books is all there is.

Messages go out after the commit and not with it: NOTIFY inside a transaction makes the commits of all books wait for
one another.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Engine, make_url

from storage.base import CommitNotifications
from storage.engines import sqlite
from storage.engines.adapter import ENGINES
from storage.engines.database import Database

if TYPE_CHECKING:
    import psycopg

REDIS = ("redis:", "rediss:", "unix:")
POSTGRESQL = ("postgresql:", "postgresql+psycopg:", "postgres:")

CHANNEL = "offbook"
"""Of PostgreSQL it is heard in one database, of Redis in all of a server: news of another server's books are a look in
vain and nothing more."""

BOOKS_PER_MESSAGE = 300
"""PostgreSQL takes 8,000 bytes."""

POLL_SECONDS = 1.0
"""How often all books are looked at, whatever was heard: what a lost message costs at the most."""

SILENT_POLL_SECONDS = 0.25
"""The same where nothing is ever heard."""

REDIS_SECONDS = 5
"""How long the Redis server may take for an answer."""


def require_carrier(live_url: str) -> None:
    """Raise ValueError, with a sentence for whoever set it, where this names nothing that carries messages."""
    if live_url and not live_url.startswith((*REDIS, *POSTGRESQL)):
        raise ValueError("LIVE_URL names what carries news between processes: redis://… or postgresql://….")


def open_notifications(database: Database, live_url: str = "") -> CommitNotifications:
    """The best news that there is for this database. Connects, so that it may raise."""
    if live_url.startswith(REDIS):
        return RedisNotifications(live_url)
    if live_url:
        return PostgresNotify(
            ENGINES["postgresql"].engine(make_url(live_url).set(drivername=ENGINES["postgresql"].DRIVER))
        )
    if database.name == "postgresql":
        return PostgresNotify(database.adapter.engine(database.engine.url))
    if database.name == "sqlite":
        return InProcessCommits(database.reader)
    return PollingOnly()


class InProcessCommits:
    """Of a SQLite file: any commit by any process shows at once, and nothing needs to be published."""

    poll_seconds = math.inf
    needs_publish = False

    def __init__(self, reader: Engine) -> None:
        self._connection = reader.raw_connection()
        self._seen = sqlite.version(self._connection.driver_connection)

    def poll(self) -> Collection[int] | None:
        before, self._seen = self._seen, sqlite.version(self._connection.driver_connection)
        return () if self._seen == before else None

    def publish(self, books: Iterable[int]) -> None:
        """Everybody sees it already."""

    def close(self) -> None:
        self._connection.close()


class PostgresNotify:
    """LISTEN and NOTIFY on a connection of its own, straight to PostgreSQL: a pooler in between would swallow them."""

    poll_seconds = POLL_SECONDS
    needs_publish = True

    def __init__(self, own: Engine) -> None:
        """``own`` is used by nobody else, and closed with this."""
        self._own = own
        self._sender = uuid.uuid4().hex
        self._taken = own.raw_connection()
        self._connection = cast("psycopg.Connection[Any]", self._taken.driver_connection)
        self._taken.detach()  # no pool takes it back
        try:
            self._connection.autocommit = True
            self._connection.execute(f"LISTEN {CHANNEL}")
        except BaseException:
            self.close()
            raise

    def poll(self) -> Collection[int] | None:
        self._connection.pgconn.consume_input()
        return books_in(self._payloads(), self._sender)

    def _payloads(self) -> Iterator[bytes]:
        while (notice := self._connection.pgconn.notifies()) is not None:
            yield notice.extra

    def publish(self, books: Iterable[int]) -> None:
        with self._own.connect() as connection:
            for message in messages(books, self._sender):
                connection.exec_driver_sql("SELECT pg_notify(%s, %s)", (CHANNEL, message))
            connection.commit()

    def close(self) -> None:
        self._taken.close()
        self._own.dispose()


class RedisNotifications:
    """Messages by a Redis server, for databases that carry none."""

    poll_seconds = POLL_SECONDS
    needs_publish = True

    def __init__(self, url: str) -> None:
        import redis  # here, with its 60 modules, since few servers want it
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._sender = uuid.uuid4().hex
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),  # it is opened again in a thread, and not in the middle of poll()
        )
        self._subscription: Any = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._subscription.subscribe(CHANNEL)

    def poll(self) -> Collection[int] | None:
        return books_in(self._payloads(), self._sender)

    def _payloads(self) -> Iterator[bytes]:
        while self._subscription.connection is not None and self._subscription.connection.can_read(timeout=0):
            message = self._subscription.get_message(timeout=0)
            if message is not None:
                yield message["data"]

    def publish(self, books: Iterable[int]) -> None:
        for message in messages(books, self._sender):
            self._client.publish(CHANNEL, message)

    def close(self) -> None:
        self._subscription.close()
        self._client.close()


class PollingOnly:
    """No news, but a look every now and then."""

    poll_seconds = SILENT_POLL_SECONDS
    needs_publish = False

    def poll(self) -> Collection[int] | None:
        return ()

    def publish(self, books: Iterable[int]) -> None:
        """Nobody would hear it."""

    def close(self) -> None:
        """There is nothing to close."""


def messages(books: Iterable[int], sender: str) -> Iterator[str]:
    """Each is the sender's name and numbers of books, with spaces between."""
    numbers = sorted(set(books))
    for start in range(0, len(numbers), BOOKS_PER_MESSAGE):
        yield " ".join([sender, *map(str, numbers[start : start + BOOKS_PER_MESSAGE])])


def books_in(payloads: Iterable[bytes], but_of: str) -> Collection[int] | None:
    """The books that messages of others name; None where one can't be read: it may have named any."""
    book_ids: set[int] = set()
    for payload in payloads:
        sender, *books = payload.split()[: BOOKS_PER_MESSAGE + 1] or [b""]
        if not all(book.isdigit() for book in books) or not books:
            return None
        if sender != but_of.encode():
            book_ids.update(map(int, books))
    return book_ids
