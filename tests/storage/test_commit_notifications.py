"""What a process hears of the commits of others, by each of the ways there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from math import inf

import pytest
from psycopg import OperationalError
from redis import Redis, RedisError
from sqlalchemy import update

from models import Book
from storage.base import CommitNotifications
from storage.commit_notifications import books_in, messages, open_notifications
from storage.engines.database import Database, open_engines
from tests.support.database_servers import REDIS, redis_missing
from tests.support.polling import wait_until

ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = %s"


@pytest.fixture
def live_url(database: Database) -> str:
    """What carries messages: PostgreSQL itself, and Redis for MariaDB."""
    if database.name == "mysql" and redis_missing():
        pytest.skip(redis_missing())
    return REDIS if database.name == "mysql" else ""


@contextmanager
def opened(database: Database, live_url: str) -> Iterator[CommitNotifications]:
    news = open_notifications(database, live_url)
    try:
        yield news
    finally:
        news.close()


@pytest.fixture
def two(
    database: Database, database_url: str, live_url: str
) -> Iterator[tuple[CommitNotifications, CommitNotifications]]:
    """The news of two processes."""
    with ExitStack() as stack:
        other = open_engines(database_url)
        stack.callback(other.close)
        yield stack.enter_context(opened(database, live_url)), stack.enter_context(opened(other, live_url))


def hears(news: CommitNotifications, *books: int) -> None:
    """Wait until news of just these books came, in as many messages as may be."""
    heard: set[int] = set()

    def is_complete() -> bool:
        commits = news.poll()
        assert commits is not None
        heard.update(commits)
        return heard >= set(books)

    wait_until(is_complete)
    assert heard == set(books)


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.engines("postgresql", "mysql")
def test_what_one_process_tells_the_other_hears_and_not_itself(
    two: tuple[CommitNotifications, CommitNotifications],
) -> None:
    one, other = two
    one.publish([7, 12])
    hears(other, 7, 12)
    other.publish([5])
    hears(one, 5)
    assert other.poll() == set()


@pytest.mark.engines("postgresql", "mysql")
def test_news_of_many_books_fit(two: tuple[CommitNotifications, CommitNotifications]) -> None:
    """PostgreSQL refuses a message of more than 8,000 bytes."""
    one, other = two
    books = range(2**62, 2**62 + 1000)
    one.publish(books)
    hears(other, *books)


def test_a_message_is_its_sender_and_numbers_of_books() -> None:
    assert list(messages([12, 7, 12], "me")) == ["me 7 12"]
    assert books_in([b"you 7 12", b"you 9"], but_of="me") == {7, 9, 12}
    assert books_in([b"me 7"], but_of="me") == set()


@pytest.mark.parametrize("payload", [b"", b"you", b"you 7 x", b"you -7", b"\xff"])
def test_a_message_that_can_not_be_read_may_be_about_any_book(payload: bytes) -> None:
    assert books_in([b"you 7", payload], but_of="me") is None


# --- other ways ------------------------------------------------------------------------------------------------------


@pytest.mark.engines("sqlite")
def test_a_sqlite_file_shows_the_commit_itself(book: Database, database_url: str) -> None:
    other = open_engines(database_url)
    with opened(book, "") as news:
        assert news.poll() == ()
        with other.write() as connection:
            connection.execute(update(Book).values(seq=1))
        assert news.poll() is None
        assert news.poll() == ()
        assert news.poll_seconds == inf
    other.close()


@pytest.mark.engines("mysql")
def test_where_nothing_carries_messages_all_books_are_looked_at_more_often(database: Database) -> None:
    with opened(database, "") as news:
        news.publish([1])
        assert news.poll() == ()
        assert news.poll_seconds < 0.5


@pytest.mark.engines("postgresql")
def test_where_a_pooler_stands_before_postgresql_its_own_address_is_listened_at(
    database: Database, database_url: str
) -> None:
    with opened(database, database_url) as one, opened(database, database_url) as other:
        one.publish([7])
        hears(other, 7)


# --- lost connections ------------------------------------------------------------------------------------------------


@pytest.mark.engines("postgresql")
def test_a_connection_that_is_lost_is_told(database: Database) -> None:
    with opened(database, "") as news:
        with database.write() as connection:
            connection.exec_driver_sql(ENDED, (database.engine.url.database,))
        with pytest.raises(OperationalError):
            wait_until(lambda: news.poll() is None)


@pytest.mark.engines("mysql")
def test_a_redis_server_that_goes_away_is_told(database: Database, live_url: str) -> None:
    with opened(database, live_url) as news:
        with Redis.from_url(live_url) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        with pytest.raises(RedisError):
            wait_until(lambda: news.poll() is None)


@pytest.mark.engines("postgresql")
def test_a_server_that_is_not_there_is_told_at_once(database: Database) -> None:
    with pytest.raises(OperationalError):
        open_notifications(database, "postgresql://postgres@127.0.0.1:1/nothing")
    with pytest.raises(RedisError):
        open_notifications(database, "redis://127.0.0.1:1/0")
