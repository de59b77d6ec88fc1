"""Streams, as values: where their files are, how they go, their gaps and messages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from offbook.core.stream_format import StreamState


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A file that may be read. It is called by its name without folder and ending."""

    id: str
    path: Path

    @property
    def name(self) -> str:
        """What the stream is called: its file's name without the ending."""
        return self.path.stem


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """Times are microseconds since 1970. ``rate`` is messages a second now, ``size`` bytes on the disk."""

    url: str
    messages: int
    size: int
    last_at: int | None
    alive_at: int | None
    state: StreamState
    rate: float
    gaps: int


@dataclass(frozen=True, slots=True)
class StreamGap:
    """``ended_at`` is None as long as the stream is away."""

    began_at: int
    ended_at: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """``head`` is how it begins, None where it is too large to look into. ``timestamp`` is as the file has it."""

    id: int
    timestamp: str
    size: int
    head: str | bytes | None

    @property
    def is_cut(self) -> bool:
        """Whether more of the message is stored than is shown."""
        return self.head is not None and self.size > len(
            self.head if isinstance(self.head, bytes) else self.head.encode()
        )
