"""What many share: nobody is left without, and nothing that somebody wants lies idle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from web.server.clients import address_of
from web.server.quotas import Quota


def filled(quota: Quota, owner: str) -> int:
    """How many more units ``owner`` gets, one by one."""
    units = 0
    while quota.take(owner, 1):
        units += 1
    return units


def test_one_alone_gets_half() -> None:
    assert filled(Quota(100), "a") == 50


def test_whoever_comes_next_gets_half_of_the_rest() -> None:
    quota = Quota(120)
    assert [filled(quota, owner) for owner in "abc"] == [60, 30, 15]


def test_of_a_quota_of_one_somebody_gets_that_one() -> None:
    quota = Quota(1)
    assert (quota.take("a", 1), quota.take("b", 1)) == (True, False)


def test_what_is_given_back_can_be_had_again() -> None:
    quota = Quota(100)
    assert filled(quota, "a") == 50
    quota.give_back("a", 50)
    assert quota.take("b", 100)


def test_a_refusal_has_no_effect() -> None:
    quota = Quota(10)
    assert not quota.take("a", 11)
    assert quota.take("b", 10)


OWNERS = st.sampled_from("abcd")


@given(st.lists(st.tuples(OWNERS, st.integers(1, 40)), max_size=60))
def test_nobody_ever_holds_more_than_was_free_when_they_took_it(asked: list[tuple[str, int]]) -> None:
    """Never is more held than there is, and never is there nothing left."""
    quota, held = Quota(100), dict.fromkeys("abcd", 0)
    for owner, units in asked:
        if quota.take(owner, units):
            held[owner] += units
            assert held[owner] <= 100 - sum(held.values()) + units
    assert sum(held.values()) <= 100
    for owner, units in held.items():
        quota.give_back(owner, units)
    assert quota.take("e", 100)


def scope(*forwarded: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    return {"client": ("10.0.0.9", 1234), "headers": headers}


def test_without_proxies_a_client_can_name_no_other_address() -> None:
    assert address_of(scope("198.51.100.7"), 0) == "10.0.0.9"


def test_behind_proxies_the_outermost_of_ours_says_who_asks() -> None:
    assert address_of(scope("192.0.2.1, 198.51.100.7"), 1) == "198.51.100.7"
    assert address_of(scope("192.0.2.1, 198.51.100.7", "10.0.0.1"), 2) == "198.51.100.7"
    assert address_of(scope(), 1) == "10.0.0.9"


def test_an_address_of_the_next_protocol_counts_as_the_network_of_one_customer() -> None:
    assert (
        address_of(scope("2001:db8::1:2"), 1)
        == address_of(scope("2001:db8::9"), 1)
        != address_of(scope("2001:db9::1"), 1)
    )
