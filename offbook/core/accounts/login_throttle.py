"""How often a password may be guessed, decided from what was tried in the last quarter of an hour.

Attempts count together by *guest*: at one name from one network, or by one browser that was signed in before, or by one
signed-in person. Strangers never use up what another guest has left.

::

    a guest's own attempts     from 10 on    refused, until one of the 10 is a quarter of an hour old
    a network's, at any name   from 30 on    the same
    a name's, from anywhere    from 30 on    each network waits its turn before each attempt: 2 s at first, twice as
                                             long with every 10 attempts more, never longer than 2 minutes

Only the first two keep anybody out, and only the network that made the attempts. The third slows everybody down whom
the server does not know; but a turn that was given is one's own, and no attempt of others takes it away or moves it.
A known browser and a signed-in person have the first line alone. Nothing here waits: it is told how long to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

SECOND_US = 1_000_000
WINDOW_US = 15 * 60 * SECOND_US

PER_GUEST = 10
PER_NETWORK = 30
"""More than one person may sit behind an address."""

PER_NAME = 30
STEP = 10
WAIT_US_MIN = 2 * SECOND_US
WAIT_US_MAX = 120 * SECOND_US

COUNTED_MAX = PER_NAME + STEP * (WAIT_US_MAX // WAIT_US_MIN).bit_length()
"""More attempts at one name change nothing."""


@dataclass(frozen=True, slots=True)
class RecentAttempts:
    """The attempts within the window: times of the guest's own and of the network's, and how many at the name.

    ``turn_us`` is from when on the guest may try once, where it was told to wait.
    """

    own: Sequence[int] = ()
    by_network: Sequence[int] = ()
    at_name: int = 0
    turn_us: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptAdmitted:
    """The password may be looked at; the attempt counts."""


@dataclass(frozen=True, slots=True)
class AttemptDenied:
    """It may not, for as long as this."""

    wait_us: int


@dataclass(frozen=True, slots=True)
class TurnGranted:
    """It may not yet: the guest may try once from ``at_us`` on. To be kept."""

    at_us: int


def decide_attempt(recent: RecentAttempts, now_us: int) -> AttemptAdmitted | AttemptDenied | TurnGranted:
    """What becomes of one more attempt."""
    wait_us = max(
        wait_until_fewer(recent.own, PER_GUEST, now_us), wait_until_fewer(recent.by_network, PER_NETWORK, now_us)
    )
    if wait_us > 0:
        return AttemptDenied(wait_us)
    delay_us = delay_us_at(recent.at_name)
    if not delay_us:
        return AttemptAdmitted()
    if recent.turn_us is None or recent.turn_us <= max(recent.own, default=0):  # or it was used
        return TurnGranted(now_us + delay_us)
    return AttemptDenied(recent.turn_us - now_us) if recent.turn_us > now_us else AttemptAdmitted()


def delay_us_at(attempts: int) -> int:
    """How long a guest waits who is given a turn at a name that was tried so often."""
    if attempts < PER_NAME:
        return 0
    doublings = (min(attempts, COUNTED_MAX) - PER_NAME) // STEP
    return min(WAIT_US_MIN << doublings, WAIT_US_MAX)


def wait_until_fewer(times: Sequence[int], most: int, now_us: int) -> int:
    """How long until fewer than ``most`` of these times lie in the window; 0 when that is so already."""
    newest = sorted(times, reverse=True)[:most]
    return max(newest[-1] + WINDOW_US - now_us, 0) if len(newest) == most else 0


def network_of(address: str) -> str:
    """What one person controls: an IPv4 address, or the /64 that an IPv6 address lies in."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:45]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
