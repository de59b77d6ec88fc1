"""Files of streams for tests of the server, written as `offbook ingest` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app import App
from offbook.core.stream_format import SECOND_US, timestamp_text
from offbook.database.connection import connect
from offbook.ingest.batch import MessageBatch
from offbook.ingest.stream_file import StreamWriter
from storage.values.streams import StreamSource
from tests.support.browser import parts_of

URL = "wss://example.org/feed?token=…"


@dataclass
class Written:
    """What a stream's file holds: messages at seconds before ``now``, and gaps from and to seconds before it."""

    path: Path
    now: int
    payloads: Sequence[str | bytes] = ()
    rates: Mapping[int, int] = field(default_factory=dict)
    gaps: Sequence[tuple[int, int | None, str]] = ()

    @contextmanager
    def open(self) -> Iterator[StreamWriter]:
        """As long as the ingest runs."""
        with closing(StreamWriter(self.path, URL, self.now)) as file:
            batch = MessageBatch()
            for payload in self.payloads:
                batch.add(self.now, payload)
            file.commit(batch, self.now)
            self._tell()
            yield file

    def _tell(self) -> None:
        second = self.now // SECOND_US
        with closing(connect(self.path)) as connection:
            connection.execute("BEGIN")
            connection.executemany(
                "INSERT OR REPLACE INTO stream_rate VALUES (?, ?)",
                [(second - before, count) for before, count in self.rates.items()],
            )
            connection.executemany(
                "INSERT INTO stream_gaps (began_at, ended_at, after_id, reason) VALUES (?, ?, 0, ?)",
                [(self._at(began), None if ended is None else self._at(ended), why) for began, ended, why in self.gaps],
            )
            connection.execute("COMMIT")

    def _at(self, seconds_before: int) -> str:
        return timestamp_text(self.now - seconds_before * SECOND_US)


def written(path: Path, now: int, *payloads: str | bytes) -> Path:
    """The file of an ingest that was stopped."""
    with Written(path, now, payloads).open() as file:
        file.stop(now)
    return path


def shown(app: App, path: Path) -> StreamSource:
    """Let the page read the file."""
    parts = parts_of(app)
    return parts.streams.add(str(path), parts.clock(), parts.new_id)
