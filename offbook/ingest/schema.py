"""What a stream's file looks like: its tables, and whether a file that is there may become one.

``stream_data`` holds the messages and nothing else, so that whoever selects payloads never meets a row that is none: a
text is TEXT, what is binary a BLOB. What is known of the stream stands beside it:

- ``stream``: one row. Whose messages these are (the URL without its secrets), how many came in all, when the last one
  came, who writes and when the writer was last alive.
- ``stream_rate``: how many messages came in which second. Kept in the messages' own transaction, so that a rate over
  time is read from a few thousand rows where there are millions of messages, and is never off.
- ``stream_gaps``: from when to when the stream was away, after which message, and why. The last one has no end as long
  as it lasts.

Rows of stream_data may be deleted by anyone at any time, the oldest first: nothing here counts on them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from offbook.core.stream_format import VERSION
from offbook.database.connection import open_read_only
from offbook.ingest import messages
from offbook.ingest.errors import NotAStream

if TYPE_CHECKING:
    import sqlite3

DATA = "CREATE TABLE stream_data (id INTEGER PRIMARY KEY, timestamp TEXT NOT NULL, payload TEXT NOT NULL)"

BESIDE = (
    """CREATE TABLE stream (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  version INTEGER NOT NULL,
  url TEXT NOT NULL,
  messages INTEGER NOT NULL,
  last_at TEXT,
  holder TEXT,
  alive_at TEXT NOT NULL
)""",
    "CREATE TABLE stream_rate (second INTEGER PRIMARY KEY, messages INTEGER NOT NULL)",
    """CREATE TABLE stream_gaps (
  id INTEGER PRIMARY KEY,
  began_at TEXT NOT NULL,
  ended_at TEXT,
  after_id INTEGER NOT NULL,
  reason TEXT NOT NULL
)""",
)

FIRST_ROW = """INSERT INTO stream (id, version, url, messages, last_at, alive_at)
  SELECT 1, ?, ?, count(*), max(timestamp), ? FROM stream_data"""
"""What a table that was there already holds counts: it is a stream's that another program wrote."""

NEEDED = {"id", "timestamp", "payload"}


def require_stream_file(path: Path) -> None:
    """Raise NotAStream where the file is something else. Changes nothing, not even the file's mode."""
    if not path.exists() or not path.stat().st_size:
        return
    connection = open_read_only(path)
    try:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        columns = {row[1] for row in connection.execute("PRAGMA table_info(stream_data)")}
        (version,) = connection.execute("SELECT version FROM stream").fetchone() if "stream" in tables else (VERSION,)
    finally:
        connection.close()
    if tables and not columns >= NEEDED:
        raise NotAStream.of(messages.NO_STREAM, path=path)
    if version > VERSION:
        raise NotAStream.of(messages.NEWER_STREAM, path=path)


def install(connection: sqlite3.Connection, url: str, timestamp: str) -> None:
    """Make what is missing. Inside the caller's transaction."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if "stream_data" not in tables:
        connection.execute(DATA)
    if "stream" not in tables:
        for sql in BESIDE:
            connection.execute(sql)
        connection.execute(FIRST_ROW, (VERSION, url, timestamp))
