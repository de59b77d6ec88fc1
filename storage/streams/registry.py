"""Which files of streams the server may read: those that an admin named by command, and no others.

A form can't name one: whoever can sign in as an admin is not thereby allowed to read the server's disk.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import delete, insert, select

import models
from offbook.core.errors import Invalid, NotFound
from storage import messages
from storage.engines.database import Database
from storage.errors import UnreadableStream
from storage.streams.reader import reading
from storage.values.streams import StreamSource

PREFIX = "stream/"
"""Each is a row of settings of such a name, with an id behind it. Its value is the path."""

SETTINGS = models.Base.metadata.tables["settings"]
C = SETTINGS.c


class Streams:
    """The list of files, in a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[StreamSource]:
        """All of them, by name and path."""
        query = select(C.name, C.value).where(C.name.startswith(PREFIX))
        with self._database.read() as connection:
            sources = [
                StreamSource(name.removeprefix(PREFIX), Path(value)) for name, value in connection.execute(query)
            ]
        return sorted(sources, key=lambda source: (source.name, str(source.path)))

    def source(self, id: str) -> StreamSource:
        """The one with this id. Raises NotFound."""
        for source in self.all():
            if source.id == id:
                return source
        raise NotFound.of(messages.NO_STREAM)

    def add(self, file: str, now_us: int, new_id: Callable[[], str]) -> StreamSource:
        """Let the server read this file. Raises Invalid where it holds no stream."""
        path = Path(file).expanduser().resolve()
        try:
            with reading(path) as stream:
                stream.summary(now_us)
        except UnreadableStream as fault:
            raise Invalid.of(messages.NOT_A_STREAM, path=str(path), reason=str(fault)) from None
        for source in self.all():
            if source.path == path:
                return source
        added = StreamSource(new_id(), path)
        with self._database.write() as connection:
            connection.execute(insert(SETTINGS).values(name=f"{PREFIX}{added.id}", value=str(path)))
        return added

    def remove(self, file: str) -> StreamSource:
        """Read it no more. By its path, or by its name where only one has that. The file stays as it is."""
        path = Path(file).expanduser().resolve()
        sources = [source for source in self.all() if path == source.path] or [
            source for source in self.all() if source.name == file
        ]
        if len(sources) != 1:
            raise NotFound.of(messages.SEVERAL_STREAMS if sources else messages.NO_STREAM_NAMED, file=file)
        with self._database.write() as connection:
            connection.execute(delete(SETTINGS).where(C.name == f"{PREFIX}{sources[0].id}"))
        return sources[0]
