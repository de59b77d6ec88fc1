"""Wrong tokens are counted by network and by device, and cost nobody else anything for long."""

from __future__ import annotations

import pytest

from offbook.core.accounts.login_throttle import PER_GUEST, PER_NETWORK, SECOND_US, WINDOW_US
from services.accounts.token_throttle import FAILURES_MAX, NETWORKS_MAX, TokenThrottle
from storage.errors import Throttled

HOME, ELSEWHERE = "203.0.113.7", "198.51.100.1"
NOW_US = 1_795_021_600_000_000


def token_of(number: int) -> str:
    return f"ob_{number:032x}_{'x' * 43}"


def fail(throttle: TokenThrottle, token: str, times: int, now_us: int = NOW_US) -> None:
    for _ in range(times):
        throttle.record(HOME, token, False, now_us)


def test_a_device_that_goes_on_with_a_wrong_token_is_not_listened_to() -> None:
    throttle, token = TokenThrottle(), token_of(1)
    fail(throttle, token, PER_GUEST - 1)
    throttle.admit(HOME, token, NOW_US)
    fail(throttle, token, 1)
    with pytest.raises(Throttled) as refusal:
        throttle.admit(HOME, token, NOW_US + SECOND_US)
    assert refusal.value.wait_seconds == WINDOW_US // SECOND_US - 1
    throttle.admit(HOME, token, NOW_US + WINDOW_US)


def test_it_keeps_no_other_device_out_nor_another_network() -> None:
    throttle = TokenThrottle()
    fail(throttle, token_of(1), PER_GUEST)
    throttle.admit(HOME, token_of(2), NOW_US)
    throttle.admit(ELSEWHERE, token_of(1), NOW_US)


def test_many_wrong_tokens_of_a_network_keep_out_who_was_never_right_there() -> None:
    throttle, phone = TokenThrottle(), token_of(999)
    throttle.record(HOME, phone, True, NOW_US)
    for number in range(PER_NETWORK):
        fail(throttle, token_of(number), 1)
    with pytest.raises(Throttled):
        throttle.admit(HOME, token_of(500), NOW_US)
    throttle.admit(HOME, phone, NOW_US)


def test_a_right_token_forgets_what_was_wrong_with_its_device() -> None:
    throttle, token = TokenThrottle(), token_of(1)
    fail(throttle, token, PER_GUEST - 1)
    throttle.record(HOME, token, True, NOW_US)
    fail(throttle, token, PER_GUEST - 1)
    throttle.admit(HOME, token, NOW_US)


def test_an_ipv6_network_counts_as_one() -> None:
    throttle = TokenThrottle()
    for number in range(PER_GUEST):
        throttle.record(f"2001:db8::{number:x}", token_of(1), False, NOW_US)
    with pytest.raises(Throttled):
        throttle.admit("2001:db8::ffff", token_of(1), NOW_US)


def test_what_is_kept_in_mind_is_bounded() -> None:
    throttle = TokenThrottle()
    fail(throttle, token_of(1), 3 * FAILURES_MAX)
    for number in range(NETWORKS_MAX + 50):
        throttle.record(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x", False, NOW_US)
        throttle.record(HOME, token_of(number), True, NOW_US)
    assert len(throttle._failures) == len(throttle._right) == NETWORKS_MAX
