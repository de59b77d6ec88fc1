"""Photos in a replica's file: those that were chosen here and wait for the server, and those that were fetched.

The table is made with the first photo: a file without any is as it was, and older versions leave it alone.
"""

from __future__ import annotations

from offbook.core.pictures import sha256_of
from offbook.database.connection import Connection, atomic

ITSELF = 0
"""The width under which a photo itself is kept."""

KEPT, WAITING, REFUSED = range(3)
"""What becomes of one: the server has it, or is still to be sent it, or will not take it."""

TABLE = """CREATE TABLE IF NOT EXISTS offbook_blobs (
  sha256 TEXT NOT NULL, width INTEGER NOT NULL, state INTEGER NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (sha256, width)) WITHOUT ROWID"""
HAS_TABLE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'offbook_blobs'"
PUT = "INSERT INTO offbook_blobs VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
GET = "SELECT state, content FROM offbook_blobs WHERE sha256 = ? AND width = ?"
ALL_WAITING = f"SELECT sha256 FROM offbook_blobs WHERE state = {WAITING} ORDER BY sha256"
ALL_HELD = "SELECT DISTINCT sha256 FROM offbook_blobs ORDER BY sha256"
MARK = "UPDATE offbook_blobs SET state = ? WHERE sha256 = ? AND width = 0"


def keep(connection: Connection, sha256: str, width: int, state: int, content: bytes) -> None:
    """Keep a photo, or what is shown of it, unless it is there already."""
    with atomic(connection):
        connection.execute(TABLE)
        connection.execute(PUT, (sha256, width, state, content))


def find(connection: Connection, sha256: str, width: int = ITSELF) -> tuple[int, bytes] | None:
    """What became of a photo, and its bytes; None where it is not here."""
    if not _has_table(connection):
        return None
    row = connection.execute(GET, (sha256, width)).fetchone()
    return row and (row[0], bytes(row[1]))


def waiting(connection: Connection) -> list[str]:
    """The photos that are still to be sent, by their hashes."""
    return [sha256 for (sha256,) in connection.execute(ALL_WAITING)] if _has_table(connection) else []


def all_held(connection: Connection) -> list[str]:
    """The photos of which something is here, by their hashes."""
    return [sha256 for (sha256,) in connection.execute(ALL_HELD)] if _has_table(connection) else []


def mark(connection: Connection, sha256: str, state: int) -> None:
    """Note what became of a photo that was sent."""
    with atomic(connection):
        connection.execute(MARK, (state, sha256))


def is_whole(content: bytes, sha256: str) -> bool:
    """Whether these are the bytes that the hash names."""
    return sha256_of(content) == sha256


def _has_table(connection: Connection) -> bool:
    return connection.execute(HAS_TABLE).fetchone() is not None
