"""What a page shows of a stream: one look into a file of `offbook ingest`, at one moment."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from storage.streams.reader import reading
from storage.values.streams import StreamGap, StreamMessage, StreamSummary


class Bars(NamedTuple):
    """Spans of time of equal length, one after the other: from ``start`` on, in seconds since 1970."""

    start: int
    seconds: int
    number: int


class StreamContents(NamedTuple):
    """``counts`` are messages per bar, ``gaps`` and ``messages`` begin with the newest."""

    summary: StreamSummary
    counts: list[int]
    gaps: list[StreamGap]
    messages: list[StreamMessage]


def read_stream(path: Path, bars: Bars, now_us: int, before: int = 0, limit: int = 0) -> StreamContents:
    """What the file holds, with at most ``limit`` messages whose ids are below ``before``. Raises UnreadableStream."""
    with reading(path) as file:
        summary = file.summary(now_us)  # the first, since it is what tells a file of a later version
        messages = file.messages(before, limit) if limit else []
        return StreamContents(summary, file.rates(*bars), file.gaps(), messages)
