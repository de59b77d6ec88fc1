"""The settings of an ingest, and the decisions that follow from them alone."""

from __future__ import annotations

from dataclasses import dataclass

from offbook.ingest.batch import MessageBatch

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How an ingest goes about its work. Times are seconds."""

    batch_seconds: float = 0.025
    """Commits begin so far apart. A message that comes alone is committed at once; those that come soon after share the
    next commit, and with it they are durable within 100 ms."""

    batch_messages_max: int = 5_000
    batch_bytes_max: int = 4 * MIB
    """So much is committed at once, without waiting: it bounds memory, and how long one commit takes."""

    message_bytes_max: int = 16 * MIB
    """Larger ones are refused before they are read, unpacked size included, or a bomb would fill the memory."""

    unpack: bool = False
    """Whether the server may compress. It saves network and costs time; few streams need it."""

    open_seconds: float = 10.0
    ping_seconds: float = 10.0
    """How often a ping goes out, and how long its answer may take: a dead line is noticed in twice the time."""

    close_seconds: float = 2.0
    """How long the server may take to say goodbye. What it sends meanwhile is kept."""

    retry_seconds: float = 0.25
    """How often a commit that failed (a full disk, a locked file) is tried again."""

    end_seconds: float = 5.0
    """For how long a commit is tried once more when the end was asked for."""

    beat_seconds: float = 10.0
    """How often the file is signed where no message does that: a third of the lease."""

    backoff_seconds_min: float = 0.25
    backoff_seconds_max: float = 30.0
    steady_seconds: float = 10.0
    """A connection that held for so long was a good one, and the next failure counts as the first."""


def is_full(batch: MessageBatch, settings: IngestSettings) -> bool:
    """Whether the batch is to be committed at once."""
    return len(batch) >= settings.batch_messages_max or batch.size >= settings.batch_bytes_max


def failures_after(failures: int, held_seconds: float, settings: IngestSettings) -> int:
    """How many failures in a row it is with this one. A connection that breaks at once is not the end of a row."""
    return 1 if held_seconds >= settings.steady_seconds else failures + 1
