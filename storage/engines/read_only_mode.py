"""The mark of a database that takes no changes: it moves elsewhere, or what moves or is put back into it is not whole.

The mark is a row of settings. Every transaction that writes looks for it before anything else, and whoever sets it has
the database alone for that moment (``Database.exclusive``): so what was acknowledged was written before the mark, and
whoever copies after it copies all. What the mark says is read by ops.move.move.
"""

from __future__ import annotations

from typing import Any

from storage import messages
from storage.errors import Unwritable

CLOSED = "closed"
"""The name of the row in settings."""

TABLE = "settings"
QUERY = f"SELECT 1 FROM {TABLE} WHERE name = '{CLOSED}'"

RESTORING = '{"move": "restore", "to": ""}'
"""What the mark says before a backup is put into the database's place."""

RESTORED = '{"move": "restored", "to": ""}'
"""And after it, until all is finished."""

CLOSE_RESTORED = f"INSERT INTO {TABLE} (name, value) VALUES ('{CLOSED}', '{RESTORED}')"


class ReadOnlyMode(Unwritable):
    """Nothing was stored. A client may ask again in RETRY_SECONDS."""

    code = "moving"

    def __init__(self) -> None:
        super().__init__(messages.MOVING.fault())


def require_open(connection: Any) -> None:
    """Raise Closed where there is the mark. ``connection`` is the driver's, in a transaction that is to write."""
    cursor = connection.cursor()
    try:
        cursor.execute(QUERY)
        if cursor.fetchone() is not None:
            raise ReadOnlyMode
    finally:
        cursor.close()
