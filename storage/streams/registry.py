"""Which files of streams the server may read: those that an admin named by command, and no others.

A form can't name one: whoever can sign in as an admin is not thereby allowed to read the server's disk.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import delete, insert, select

import models
from offbook.core.errors import Invalid, NotFound
from storage.engines.database import Database
from storage.errors import UnreadableStream
from storage.streams.reader import reading
from storage.values import StreamSource

PREFIX = "stream/"
"""Each is a row of settings of such a name, with an id behind it. Its value is the path."""

SETTINGS = models.Base.metadata.tables["settings"]
C = SETTINGS.c


class Streams:
    """The list of files, in a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def any(self) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(C.name).where(C.name.startswith(PREFIX)).limit(1)).first() is not None

    def all(self) -> list[StreamSource]:
        query = select(C.name, C.value).where(C.name.startswith(PREFIX))
        with self._database.read() as connection:
            found = [StreamSource(name.removeprefix(PREFIX), Path(value)) for name, value in connection.execute(query)]
        return sorted(found, key=lambda source: (source.name, str(source.path)))

    def source(self, id: str) -> StreamSource:
        found = next((source for source in self.all() if source.id == id), None)
        if found is None:
            raise NotFound("There is no such stream here. `flask stream list` shows all.")
        return found

    def add(self, file: str, now_us: int, new_id: Callable[[], str]) -> StreamSource:
        """Let the server read this file. Raises Invalid where it holds no stream."""
        path = Path(file).expanduser().resolve()
        try:
            with reading(path) as found:
                found.summary(now_us)
        except UnreadableStream as fault:
            raise Invalid("not_a_stream", f"{path}: {fault}") from None
        known = next((source for source in self.all() if source.path == path), None)
        if known is not None:
            return known
        added = StreamSource(new_id(), path)
        with self._database.write() as connection:
            connection.execute(insert(SETTINGS).values(name=f"{PREFIX}{added.id}", value=str(path)))
        return added

    def remove(self, file: str) -> StreamSource:
        """Read it no more. By its path, or by its name where only one has that. The file stays as it is."""
        path = Path(file).expanduser().resolve()
        found = [source for source in self.all() if path == source.path] or [
            source for source in self.all() if source.name == file
        ]
        if len(found) != 1:
            raise NotFound(f"{file!r} names {'several streams' if found else 'no stream'}: see `flask stream list`.")
        with self._database.write() as connection:
            connection.execute(delete(SETTINGS).where(C.name == f"{PREFIX}{found[0].id}"))
        return found[0]
