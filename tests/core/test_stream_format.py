"""What a stream's file says of time and of its writer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.stream_format import LEASE_US, SECOND_US, StreamState, moment, state_of, timestamp_text

NOW = 1_795_021_600_000_007
TIMES = st.integers(0, 4_102_444_800 * SECOND_US)


def test_a_time_is_iso_text_in_utc() -> None:
    assert timestamp_text(NOW) == "2026-11-18T17:06:40.000007Z"


@given(TIMES)
def test_a_time_reads_back_to_the_microsecond(at_us: int) -> None:
    assert moment(timestamp_text(at_us)) == at_us


@given(TIMES, TIMES)
def test_times_sort_as_text(one: int, other: int) -> None:
    assert (timestamp_text(one) < timestamp_text(other)) is (one < other)


@pytest.mark.parametrize(
    ("text", "at_us"),
    [
        ("2026-11-18T17:06:40", 1_795_021_600_000_000),
        ("2026-11-18T17:06:40.5", 1_795_021_600_500_000),
        ("2026-11-18 19:06:40+02:00", 1_795_021_600_000_000),
        ("soon", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_what_other_programs_write_is_read_where_it_is_a_time(text: object, at_us: int | None) -> None:
    assert moment(text) == at_us


@pytest.mark.parametrize(
    ("holder", "alive_at", "is_away", "state"),
    [
        ("7:x", timestamp_text(NOW), False, StreamState.RECEIVING),
        ("7:x", timestamp_text(NOW - LEASE_US + 1), False, StreamState.RECEIVING),
        ("7:x", timestamp_text(NOW), True, StreamState.AWAY),
        ("7:x", timestamp_text(NOW - LEASE_US), True, StreamState.LOST),
        ("7:x", timestamp_text(NOW + LEASE_US), False, StreamState.LOST),
        ("7:x", "never", False, StreamState.LOST),
        (None, timestamp_text(NOW), True, StreamState.STOPPED),
        (None, timestamp_text(NOW - LEASE_US), True, StreamState.STOPPED),
    ],
)
def test_a_stream_is_where_its_writer_and_its_gaps_say(
    holder: str | None, alive_at: str, is_away: bool, state: StreamState
) -> None:
    assert state_of(holder, alive_at, is_away, NOW) is state
