"""Wrong tokens, counted by the network that shows them: whoever shows many is not listened to for a while.

A token can't be guessed, so that this is about work, and a process counts for itself. It is apart from what was tried
at passwords: a phone that goes on with a revoked token keeps nobody from signing in. Nor does it keep out the other
devices behind its address: attempts count by device too, and a device that was right before has only its own to answer
for.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import NamedTuple

from offbook.core.accounts.login_throttle import (
    AttemptDenied,
    RecentAttempts,
    decide_attempt,
    network_of,
)
from storage.errors import Throttled

NAMED_BY = 35
"""So much of a token, in the open, names the device that it is of."""

NETWORKS_MAX = 4096
"""Of more, those are forgotten that were not heard of for the longest time."""

FAILURES_MAX = 64
"""Of one network: more than are ever counted."""


class Failure(NamedTuple):
    """A wrong token. ``device`` is what it would be the token of."""

    device: str
    at_us: int


class TokenThrottle:
    """The wrong tokens of the last quarter of an hour, and who was right. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._failures: OrderedDict[str, list[Failure]] = OrderedDict()
        self._right: OrderedDict[tuple[str, str], None] = OrderedDict()

    def admit(self, address: str, token: str, now_us: int) -> None:
        """Raises Throttled where this token is not to be looked at yet."""
        network, device = network_of(address), token[:NAMED_BY]
        with self._lock:
            failures = list(self._failures.get(network, ()))
            is_known = (network, device) in self._right
        own = [failure.at_us for failure in failures if failure.device == device]
        by_network = () if is_known else [failure.at_us for failure in failures]
        decision = decide_attempt(RecentAttempts(own, by_network), now_us)
        if isinstance(decision, AttemptDenied):
            raise Throttled(decision.wait_us)

    def record(self, address: str, token: str, is_right: bool, now_us: int) -> None:
        """Count a token that was looked at, or forget what was wrong with this device before."""
        network, device = network_of(address), token[:NAMED_BY]
        with self._lock:
            if is_right:
                self._forgive(network, device)
            else:
                failures = self._failures.setdefault(network, [])
                failures.append(Failure(device, now_us))
                del failures[:-FAILURES_MAX]
                self._failures.move_to_end(network)
                _shorten(self._failures)

    def _forgive(self, network: str, device: str) -> None:
        if (network, device) not in self._right:
            self._right[network, device] = None
            _shorten(self._right)
        if network in self._failures:
            self._failures[network] = [each for each in self._failures[network] if each.device != device]


def _shorten(entries: OrderedDict[str, list[Failure]] | OrderedDict[tuple[str, str], None]) -> None:
    while len(entries) > NETWORKS_MAX:
        entries.popitem(last=False)
