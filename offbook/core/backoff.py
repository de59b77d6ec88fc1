"""Exponential backoff with jitter: how long to wait before a retry, after a row of failures.

Each failure doubles the longest wait, up to a limit. A random part of it is left out, so that many devices that lost
their server in one moment don't come back in one moment ("equal jitter" where half of it is random:
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

from __future__ import annotations

DOUBLINGS_MAX = 20
"""A million times the first wait. More would only overflow."""


def backoff_seconds(
    failures: int, chance: float, first_seconds: float, seconds_max: float, least_share: float = 0.5
) -> float:
    """How many seconds to wait after so many failures in a row, from 1; ``chance`` is from 0 to 1."""
    return with_jitter(min(seconds_max, first_seconds * doubled(failures)), chance, least_share)


def doubled(failures: int) -> float:
    """How many times the first wait the one after so many failures is."""
    return 2.0 ** min(failures - 1, DOUBLINGS_MAX)


def with_jitter(seconds: float, chance: float, least_share: float = 0.5) -> float:
    """A time from ``least_share`` of these seconds, where chance is 0, to all of them, where it is 1."""
    return seconds * (least_share + (1 - least_share) * chance)
