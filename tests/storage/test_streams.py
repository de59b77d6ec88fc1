"""Which files of streams may be read, and what is read from them, whatever they hold by then."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from offbook import Replica
from offbook.core.errors import Invalid, NotFound
from offbook.core.stream_format import LEASE_US, SECOND_US, StreamState
from offbook.database.connection import connect
from offbook.ingest.batch import MessageBatch
from storage.engines.database import Database
from storage.errors import UnreadableStream
from storage.streams import reader
from storage.streams.reader import READ_BYTES_MAX, TEXT_MAX, reading
from storage.streams.registry import Streams
from storage.values.streams import StreamSummary
from tests.support.stream_files import URL, Written, written

NewId = Callable[[], str]
ALL = 2**63 - 1


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stream.db"


@pytest.fixture
def streams(database: Database) -> Streams:
    return Streams(database)


def summary(path: Path, now: int) -> StreamSummary:
    with reading(path) as found:
        return found.summary(now)


def change(path: Path, sql: str) -> None:
    with closing(connect(path)) as connection:
        connection.execute(sql)


# --- which files may be read -----------------------------------------------------------------------------------------


def test_a_file_is_read_once_it_was_added_and_no_more_when_it_was_removed(
    streams: Streams, file: Path, now: int, new_id: NewId
) -> None:
    added = streams.add(str(written(file, now)), now, new_id)
    assert (added.name, added.path, streams.all(), streams.source(added.id)) == ("stream", file, [added], added)
    assert streams.remove("stream") == added
    assert streams.all() == []
    with pytest.raises(NotFound):
        streams.source(added.id)


def test_a_file_that_is_added_twice_is_there_once(streams: Streams, file: Path, now: int, new_id: NewId) -> None:
    written(file, now)
    (file.parent / "link.db").symlink_to(file)
    assert streams.add(str(file), now, new_id) == streams.add(str(file.parent / "link.db"), now, new_id)
    assert len(streams.all()) == 1


def test_a_file_that_is_gone_can_be_removed_by_its_path(streams: Streams, file: Path, now: int, new_id: NewId) -> None:
    streams.add(str(written(file, now)), now, new_id)
    file.unlink()
    assert streams.remove(str(file)).path == file


def test_of_two_with_one_name_it_must_be_said_which(streams: Streams, file: Path, now: int, new_id: NewId) -> None:
    (file.parent / "other").mkdir()
    for path in (file, file.parent / "other" / "stream.db"):
        streams.add(str(written(path, now)), now, new_id)
    with pytest.raises(NotFound, match="several streams"):
        streams.remove("stream")
    assert streams.remove(str(file)).path == file
    with pytest.raises(NotFound, match="no stream"):
        streams.remove(str(file))


def a_book(path: Path) -> None:
    with Replica(path):
        pass


def a_text(path: Path) -> None:
    path.write_text("A text that is long enough to be taken for a database." * 40)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (a_book, "holds no stream"),
        (a_text, "no SQLite database"),
        (Path.touch, "holds no stream"),
        (Path.mkdir, "It is no file"),
        (os.mkfifo, "It is no file"),
        (lambda path: None, "The file is gone"),
    ],
    ids=["a book", "a text", "empty", "a folder", "a pipe", "nothing"],
)
def test_only_a_stream_can_be_added(
    streams: Streams, file: Path, now: int, new_id: NewId, make: Callable[[Path], None], told: str
) -> None:
    make(file)
    with pytest.raises(Invalid, match=told):
        streams.add(str(file), now, new_id)
    assert streams.all() == []


# --- where a stream stands -------------------------------------------------------------------------------------------


def test_a_stream_that_is_written_is_told_with_its_rate_of_now(file: Path, now: int) -> None:
    rates = {0: 9, 1: 200, 2: 100, 10: 300, 11: 5_000}
    with Written(file, now, ["a", "b"], rates, [(100, 90, "x")]).open():
        found = summary(file, now)
    assert (found.url, found.messages, found.last_at, found.alive_at) == (URL, 2, now, now)
    assert (found.state, found.rate, found.gaps) == (StreamState.RECEIVING, 60.0, 1)


def test_the_size_is_what_the_disk_gives_log_included(file: Path, now: int) -> None:
    with Written(file, now, ["x" * 1_000_000]).open():
        assert summary(file, now).size > 1_000_000


@pytest.mark.parametrize(
    ("gaps", "later", "state"),
    [
        ([(9, None, "away")], 0, StreamState.AWAY),
        ([(9, 5, "away")], 0, StreamState.RECEIVING),
        ([(9, None, "away")], LEASE_US, StreamState.LOST),
    ],
)
def test_a_stream_that_is_away_or_lost_is_told_so(
    file: Path, now: int, gaps: list[tuple[int, int | None, str]], later: int, state: StreamState
) -> None:
    with Written(file, now, gaps=gaps).open():
        assert summary(file, now + later).state is state


def test_a_stream_that_was_stopped_is_told_so(file: Path, now: int) -> None:
    found = summary(written(file, now), now)
    assert (found.state, found.last_at, found.rate) == (StreamState.STOPPED, None, 0)


def test_counts_per_span_are_those_of_its_seconds(file: Path, now: int) -> None:
    now -= now % (60 * SECOND_US)
    with Written(file, now, rates={1: 5, 59: 5, 60: 7, 61: 11, 121: 13}).open(), reading(file) as found:
        assert found.rates(now // SECOND_US - 120, 60, 3) == [11, 17, 0]


def test_gaps_are_told_the_newest_first(file: Path, now: int) -> None:
    with Written(file, now, gaps=[(90, 80, "first"), (20, None, "last")]).open(), reading(file) as found:
        told = [(gap.began_at, gap.ended_at, gap.reason) for gap in found.gaps()]
    assert told == [(now - 20 * SECOND_US, None, "last"), (now - 90 * SECOND_US, now - 80 * SECOND_US, "first")]


# --- messages --------------------------------------------------------------------------------------------------------


def test_messages_are_told_the_newest_first_page_by_page(file: Path, now: int) -> None:
    written(file, now, *map(str, range(5)))
    with reading(file) as found:
        first = found.messages(ALL, 2)
        rest = found.messages(first[-1].id, 10)
    assert [one.head for one in (*first, *rest)] == ["4", "3", "2", "1", "0"]


def test_of_a_long_message_the_beginning_is_told_and_its_size(file: Path, now: int) -> None:
    written(file, now, "ä" * 1000, b"\xff" * 1000, "short", "")
    with reading(file) as found:
        empty, short, binary, text = found.messages(ALL, 9)
    assert (text.head, text.size, text.is_cut) == ("ä" * TEXT_MAX, 2000, True)
    assert (binary.head, binary.size, binary.is_cut) == (b"\xff" * TEXT_MAX, 1000, True)
    assert (short.head, short.is_cut, empty.head, empty.is_cut) == ("short", False, "", False)


def test_what_is_too_large_is_not_even_read(file: Path, now: int) -> None:
    written(file, now, "x" * (READ_BYTES_MAX + 1))
    with reading(file) as found:
        (message,) = found.messages(ALL, 9)
    assert (message.head, message.size) == (None, READ_BYTES_MAX + 1)


def test_what_other_programs_store_is_told_as_far_as_it_goes(file: Path, now: int) -> None:
    written(file, now)
    change(file, "DROP TABLE stream_data")
    change(file, "CREATE TABLE stream_data (id INTEGER PRIMARY KEY, timestamp, payload)")
    change(file, "INSERT INTO stream_data (timestamp, payload) VALUES (NULL, 1), (7, NULL), ('x', CAST(x'ff' AS TEXT))")
    with reading(file) as found:
        told = [(one.timestamp, one.head) for one in found.messages(ALL, 9)]
    assert told == [("x", "\ufffd"), ("7", None), (None, "1")]


# --- a file that is not what it was ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DROP TABLE stream", "holds no stream"),
        ("DROP TABLE stream_gaps", "holds no stream"),
        ("ALTER TABLE stream RENAME url TO address", "holds no stream"),
        ("DELETE FROM stream", "holds no stream"),
        ("UPDATE stream SET version = 2", "later offbook"),
    ],
)
def test_a_file_that_became_something_else_is_told_in_a_sentence(file: Path, now: int, sql: str, told: str) -> None:
    written(file, now)
    change(file, sql)
    with pytest.raises(UnreadableStream, match=told):
        summary(file, now)


def test_values_of_the_wrong_kind_break_nothing(file: Path, now: int) -> None:
    written(file, now)
    change(file, "UPDATE stream SET messages = 'many', last_at = x'ff', alive_at = 5, url = x'ff'")
    change(file, "INSERT INTO stream_rate VALUES (5, 'some')")
    change(file, "UPDATE stream_gaps SET began_at = 'once', reason = 7")
    with reading(file) as found:
        assert (found.summary(now).messages, found.rates(0, 60, 1), found.gaps()) == (0, [0], [])


def test_what_takes_too_long_is_cut_off(file: Path, now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS_MAX", 0.05)
    written(file, now)
    change(file, "DROP TABLE stream_rate")
    change(
        file,
        "CREATE VIEW stream_rate AS WITH RECURSIVE n(second) AS (SELECT 1 UNION ALL SELECT second + 1 FROM n)"
        " SELECT second, 1 AS messages FROM n",
    )
    with pytest.raises(UnreadableStream, match="takes longer"):
        summary(file, now)


LOCKER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("PRAGMA locking_mode = EXCLUSIVE")
other.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_file_that_is_locked_is_told_so(file: Path, now: int) -> None:
    written(file, now)
    command = [sys.executable, "-c", LOCKER, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(UnreadableStream, match="locked"):
            summary(file, now)
        other.communicate("")


# --- reading along ---------------------------------------------------------------------------------------------------


def test_a_look_changes_nothing_and_holds_nobody_up(file: Path, now: int) -> None:
    with Written(file, now, ["a"]).open() as ingest, reading(file) as found:
        assert found.summary(now).messages == 1
        batch = MessageBatch()
        batch.add(now, "b")
        ingest.commit(batch, now)
        assert found.summary(now).messages == 1, "one moment, however long one looks"
        with pytest.raises(Exception, match="readonly|query_only|attempt to write"):
            found._connection.execute("DELETE FROM stream_data")
    assert summary(file, now).messages == 2


def test_a_file_that_nobody_writes_can_be_looked_at_again_and_again(file: Path, now: int) -> None:
    written(file, now, "a")
    for _ in range(3):
        assert summary(file, now).messages == 1
    with Written(file, now, ["b"]).open():
        assert summary(file, now).messages == 2
