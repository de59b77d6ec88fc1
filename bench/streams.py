"""The page of a stream: what a week of a million messages costs to look at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from bench.statistics import Figure, median, seconds
from offbook.ingest.batch import MessageBatch
from offbook.ingest.stream_file import StreamWriter
from services.streams import read_stream
from web.pages.streams import MESSAGES, NEWEST, SPANS, rates_of

TOTAL = 1_000_000
BATCH = 50_000
WEEK_US = 7 * 86_400 * 1_000_000

LOOKS = (("last hour", "hour", NEWEST), ("week", "week", NEWEST), ("old messages", "hour", BATCH))


def figures(folder: Path) -> Iterator[Figure]:
    path, now_us = folder / "week.db", time.time_ns() // 1000
    fill(path, now_us)
    for name, span, before in (
        ("last hour", "hour", NEWEST),
        ("week", "week", NEWEST),
        ("old messages", "hour", BATCH),
    ):
        took = median(seconds(partial(look, path, span, before, now_us)) for _ in range(9))
        yield Figure(f"a stream's {name}, among {TOTAL:,} messages", took * 1000, "ms", 200, at_most=True)


def fill(path: Path, now_us: int) -> None:
    """Messages in about every second of a week."""
    with closing(StreamWriter(path, "wss://example.org/feed", now_us)) as file:
        for start in range(0, TOTAL, BATCH):
            batch = MessageBatch()
            for number in range(start, start + BATCH):
                batch.add(now_us - WEEK_US + number * WEEK_US // TOTAL, "a message that is not very long")
            file.commit(batch, now_us)


def look(path: Path, span: str, before: int, now_us: int) -> None:
    bars = SPANS[span].bars_until(now_us)
    rates_of(read_stream(path, bars, now_us, before, MESSAGES), SPANS[span], now_us)
