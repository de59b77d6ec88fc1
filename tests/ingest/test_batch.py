"""What waits for a commit: order, times, counts by second, and when it is enough."""

from __future__ import annotations

import pytest

from offbook.core.stream_format import SECOND_US, timestamp_text
from offbook.ingest.batch import MessageBatch
from offbook.ingest.settings import IngestSettings, failures_after, is_full

NOW = 1_795_021_600_000_007
"""2026-11-18T17:06:40.000007Z."""

SETTINGS = IngestSettings(batch_messages_max=3, batch_bytes_max=1_000)


def batch_of(*payloads: str | bytes, at_us: int = NOW) -> MessageBatch:
    batch = MessageBatch()
    for payload in payloads:
        batch.add(at_us, payload)
    return batch


def test_messages_keep_their_order_and_their_type() -> None:
    rows = batch_of("a", b"\x00", "b").rows
    assert rows == [(timestamp_text(NOW), "a"), (timestamp_text(NOW), b"\x00"), (timestamp_text(NOW), "b")]


def test_messages_of_one_batch_have_the_time_of_each() -> None:
    batch, times = MessageBatch(), (NOW, NOW + 1, NOW + SECOND_US, NOW - SECOND_US)
    for at_us in times:
        batch.add(at_us, "x")
    assert [at for at, _ in batch.rows] == [timestamp_text(at_us) for at_us in times]


def test_messages_are_counted_by_the_second_in_which_they_came() -> None:
    batch = MessageBatch()
    for at_us in (NOW, NOW + SECOND_US, NOW, NOW + SECOND_US, NOW + SECOND_US):
        batch.add(at_us, "x")
    second = NOW // SECOND_US
    assert dict(batch.counts) == {second: 2, second + 1: 3}


def test_an_empty_batch_has_no_last_message() -> None:
    assert (MessageBatch().last_at, batch_of("x").last_at) == (None, timestamp_text(NOW))


@pytest.mark.parametrize(
    ("payloads", "full"), [((), False), (("a", "b"), False), (("a", "b", "c"), True), (("a" * 1_000,), True)]
)
def test_a_batch_is_full_by_count_or_by_size(payloads: tuple[str, ...], full: bool) -> None:
    assert is_full(batch_of(*payloads), SETTINGS) is full


# --- coming back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("failures", "held", "after"), [(0, 0.0, 1), (4, 0.0, 5), (4, 9.9, 5), (4, 10.0, 1)])
def test_only_a_connection_that_held_ends_a_row_of_failures(failures: int, held: float, after: int) -> None:
    assert failures_after(failures, held, IngestSettings()) == after
