"""A stream's file: who may write to it, what becomes of it when the disk or another process is in the way."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.sync.server import ServerConnection

from offbook import Replica
from offbook.core.stream_format import LEASE_US, SECOND_US, timestamp_text
from offbook.database.connection import connect
from offbook.ingest import checkpointer, stream_file
from offbook.ingest.batch import MessageBatch
from offbook.ingest.errors import FileLocked, NotAStream, OtherStream, WriteFailed
from offbook.ingest.stream_file import StreamWriter
from tests.ingest.feed_server import QUICK, SECONDS_MAX, Ingesting, feed, gaps, rows, until_closed, wait_until

URL = "wss://example.org/feed"
NOW = 1_795_021_600_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stream.db"


def batch_of(*payloads: str, at_us: int = NOW) -> MessageBatch:
    batch = MessageBatch()
    for payload in payloads:
        batch.add(at_us, payload)
    return batch


def opened(path: Path, at_us: int = NOW, url: str = URL, moved: bool = False) -> closing[StreamWriter]:
    return closing(StreamWriter(path, url, at_us, moved))


# --- which files -----------------------------------------------------------------------------------------------------


def test_another_database_is_refused_and_stays_as_it_was(path: Path) -> None:
    """Not even its mode is changed."""
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE prices (id INTEGER PRIMARY KEY, price REAL)")
    before = path.read_bytes()
    with pytest.raises(NotAStream, match="holds something else than a stream: name another file with --db"):
        StreamWriter(path, URL, NOW)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["stream.db"]


def test_a_book_of_contacts_is_refused(path: Path) -> None:
    with Replica(path):
        pass
    with pytest.raises(NotAStream):
        StreamWriter(path, URL, NOW)


def test_what_is_no_database_is_refused(path: Path) -> None:
    path.write_text("This is a text, and long enough to be taken for a database by its length." * 20)
    with pytest.raises(Exception, match="not a database"):
        StreamWriter(path, URL, NOW)
    assert path.read_text().startswith("This is a text")


def test_a_file_of_a_later_offbook_is_refused(path: Path) -> None:
    with opened(path):
        pass
    with closing(connect(path)) as connection:
        connection.execute("UPDATE stream SET version = 2")
    with pytest.raises(NotAStream, match="later offbook"):
        StreamWriter(path, URL, NOW)


def test_a_table_that_another_program_wrote_goes_on_as_a_stream(path: Path) -> None:
    with closing(sqlite3.connect(path)) as tutorial, tutorial:
        tutorial.execute("CREATE TABLE stream_data (id INTEGER PRIMARY KEY, timestamp TEXT, payload TEXT)")
        row = ("2025-04-23T00:38:00.123456", "old")
        tutorial.execute("INSERT INTO stream_data (timestamp, payload) VALUES (?, ?)", row)
    with opened(path) as file:
        file.commit(batch_of("new"), NOW)
    assert rows(path) == ["old", "new"]
    assert rows(path, "SELECT messages, last_at FROM stream") == [(2, timestamp_text(NOW))]


def test_the_stream_of_another_address_is_refused_unless_it_moved(path: Path) -> None:
    with opened(path) as file:
        file.commit(batch_of("x"), NOW)
        file.stop(NOW)
    with pytest.raises(OtherStream, match=f"{path} holds the stream of {URL}.*--moved"):
        StreamWriter(path, "wss://example.org/other", NOW)
    with opened(path, url="wss://example.org/other", moved=True) as file:
        file.commit(batch_of("y"), NOW)
    assert rows(path, "SELECT url FROM stream") == ["wss://example.org/other"]
    assert rows(path) == ["x", "y"]


# --- who writes ------------------------------------------------------------------------------------------------------


def test_a_second_ingest_is_sent_away_as_long_as_the_first_lives(path: Path) -> None:
    with opened(path), pytest.raises(FileLocked, match="Another process"):
        StreamWriter(path, URL, NOW + LEASE_US - 1)
    with opened(path, NOW + 1):
        pass


def test_one_that_can_not_begin_leaves_the_file_to_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more_files(*_: object) -> None:
        raise OSError("Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(stream_file, "Checkpointer", no_more_files)
        with pytest.raises(OSError, match="Too many"):
            StreamWriter(path, URL, NOW)
    with closing(connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == []


def test_one_that_was_suspended_for_long_stores_nothing_more_when_another_has_taken_over(path: Path) -> None:
    with opened(path) as suspended, opened(path, NOW + LEASE_US), pytest.raises(FileLocked, match="took .* over"):
        suspended.commit(batch_of("late"), NOW + LEASE_US)
    assert rows(path) == []


def test_a_clock_that_was_set_back_keeps_nobody_out(path: Path) -> None:
    with opened(path, NOW + 3600 * SECOND_US), opened(path, NOW):
        pass


def test_what_ended_without_a_word_is_a_gap_from_its_last_sign_of_life(path: Path) -> None:
    with opened(path) as killed:
        killed.commit(batch_of("a"), NOW)
        killed.commit(MessageBatch(), NOW + 5 * SECOND_US)
        with opened(path, NOW + LEASE_US + 5 * SECOND_US) as file:
            file.close_gap(NOW + 60 * SECOND_US)
    bounds = "SELECT began_at, ended_at, after_id, reason FROM stream_gaps"
    at = timestamp_text(NOW + 5 * SECOND_US), timestamp_text(NOW + 60 * SECOND_US)
    assert rows(path, bounds) == [(*at, 1, "The ingest ended without a word.")]


def test_a_gap_that_is_open_stays_one_and_keeps_its_first_reason(path: Path) -> None:
    with opened(path) as file:
        for reason in ("first", "second"):
            file.open_gap(NOW, NOW, reason)
        file.stop(NOW + 1)
    with opened(path, NOW + 2) as file:
        assert gaps(path) == [("first", 0, 0)]
        file.close_gap(NOW + 3)
        file.open_gap(NOW + 4, NOW + 4, "third")
    assert gaps(path) == [("first", 0, 1), ("third", 0, 0)]


def test_a_gap_never_ends_before_it_began(path: Path) -> None:
    """Not even where the clock was set back while the stream was away."""
    with opened(path) as file:
        file.open_gap(NOW, NOW, "away")
        file.close_gap(NOW - SECOND_US)
    assert rows(path, "SELECT began_at = ended_at FROM stream_gaps") == [1]


# --- the log ---------------------------------------------------------------------------------------------------------


def log_of(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


@pytest.fixture
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpointer, "LOG_BYTES", 50_000)


@pytest.mark.usefixtures("short_log")
def test_the_log_is_copied_into_the_file_and_begun_anew_while_commits_go_on(path: Path) -> None:
    with opened(path) as file:
        count = commit_until_the_log_is_begun_anew(file, path)
    assert len(rows(path)) == count


@pytest.mark.usefixtures("short_log")
def test_a_reader_that_stays_holds_nobody_up_and_the_log_stops_growing_when_it_left(path: Path) -> None:
    with opened(path) as file:
        file.commit(batch_of("seen"), NOW)
        with closing(connect(path)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM stream_data").fetchone() == (1,)
            for _ in range(50):
                file.commit(batch_of("x" * 20_000), NOW)
            assert reader.execute("SELECT count(*) FROM stream_data").fetchone() == (1,)
        commit_until_the_log_is_begun_anew(file, path)


def commit_until_the_log_is_begun_anew(file: StreamWriter, path: Path) -> int:
    """How many commits that took: the log, which never gets shorter, is then half of what went through it since."""
    before, deadline = log_of(path), time.monotonic() + 20
    for count in itertools.count(1):
        file.commit(batch_of("x" * 20_000), NOW)
        if count >= 100 and log_of(path) - before < count * 10_000:
            return count
        assert time.monotonic() < deadline, "it grows and grows"
    raise AssertionError


# --- what is in the way ----------------------------------------------------------------------------------------------


class Firehose:
    """A server that sends as fast as it may, and counts."""

    def __init__(self, payload: str) -> None:
        self.sent = 0
        self._payload = payload

    def __call__(self, connection: ServerConnection) -> None:
        while True:
            connection.send(f"{self.sent} {self._payload}")
            self.sent += 1


def test_a_file_that_others_write_to_holds_the_server_back_and_loses_nothing(path: Path) -> None:
    """What is not stored stays with the server: it is stopped by TCP, not by our memory."""
    hose = Firehose("x" * 10_000)
    settings = replace(QUICK, batch_bytes_max=500_000, close_seconds=SECONDS_MAX)
    with feed(hose) as url, Ingesting(url, path, settings) as running:
        running.wait_for("connected")
        with closing(connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert running.wait_for("waiting")["reason"] == "database is locked"
            wait_until(lambda: standing_still(hose))
            held_back = hose.sent
            other.execute("COMMIT")
        running.wait_for("writing")
        wait_until(lambda: hose.sent > 2 * held_back)
        running.stop()
    assert held_back < 3_000, "30 MB, most of it in the system's own buffers"
    assert [int(payload.split()[0]) for payload in rows(path)] == list(range(hose.sent))


def standing_still(hose: Firehose) -> bool:
    before = hose.sent
    threading.Event().wait(0.2)
    return hose.sent == before


class Waiting:
    """A server that sends one after the other when it is told to."""

    def __init__(self, *messages: str) -> None:
        self.told, self.sent = threading.Event(), threading.Event()
        self._messages = messages

    def __call__(self, connection: ServerConnection) -> None:
        assert self.told.wait(SECONDS_MAX)
        for message in self._messages:
            connection.send(message)
        self.sent.set()
        until_closed(connection)


def test_what_can_not_be_stored_at_the_end_is_counted_in_a_sentence(path: Path) -> None:
    server = Waiting("a", "b")
    with feed(server) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        with closing(connect(path)) as other:
            other.execute("BEGIN IMMEDIATE")
            server.told.set()
            running.wait_for("waiting")
            assert server.sent.wait(SECONDS_MAX)
            running.stop()
    told = "can't be written to (database is locked), and 2 messages that were received could not be stored."
    assert isinstance(running.error, WriteFailed)
    assert told in str(running.error)


def test_a_file_that_is_deleted_ends_it_at_once(path: Path) -> None:
    """SQLite would go on for ever, and write into a file that nobody can open any more."""
    server = Waiting("x")
    with feed(server) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        shutil.rmtree(path.parent)
        server.told.set()
        running.stop_by_itself()
    assert isinstance(running.error, WriteFailed)
    assert "deleted, moved or replaced" in str(running.error)


def test_a_table_that_is_dropped_ends_it_with_a_sentence(path: Path) -> None:
    server = Waiting("x")
    with feed(server) as url, Ingesting(url, path) as running:
        running.wait_for("connected")
        with closing(connect(path)) as other:
            other.execute("DROP TABLE stream_data")
        server.told.set()
        running.stop_by_itself()
    assert isinstance(running.error, WriteFailed)
    assert "no such table: stream_data" in str(running.error)


def test_rows_may_be_deleted_while_it_runs(path: Path) -> None:
    with opened(path) as file:
        file.commit(batch_of("old"), NOW)
        with closing(connect(path)) as other:
            other.execute("DELETE FROM stream_data")
        file.commit(batch_of("new"), NOW)
    assert rows(path) == ["new"]
    assert rows(path, "SELECT messages FROM stream") == [2]
