"""``book.settings``: what an app remembers on this device, in the book's own file.

Values are whatever JSON can say. They are no part of the book: none of them is sent, and a copy of the file begins with
those that it was copied with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, MutableMapping

from offbook.core.cells.validation import Json
from offbook.database.connection import Connection, atomic

PUT = """INSERT INTO app_settings (name, value) VALUES (?, ?)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value"""


class DeviceSettings(MutableMapping[str, Json]):
    """A dict in the file. ``connect`` gives the calling thread's connection."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect

    def __getitem__(self, name: str) -> Json:
        row = self._connect().execute("SELECT value FROM app_settings WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return json.loads(row[0])

    def __setitem__(self, name: str, value: Json) -> None:
        """Raises ValueError or TypeError for what JSON can't say."""
        text = json.dumps(value, allow_nan=False)
        with atomic(connection := self._connect()):
            connection.execute(PUT, (name, text))

    def __delitem__(self, name: str) -> None:
        with atomic(connection := self._connect()):
            if not connection.execute("DELETE FROM app_settings WHERE name = ?", (name,)).rowcount:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for (name,) in self._connect().execute("SELECT name FROM app_settings ORDER BY name")])

    def __len__(self) -> int:
        (count,) = self._connect().execute("SELECT count(*) FROM app_settings").fetchone()
        return int(count)
