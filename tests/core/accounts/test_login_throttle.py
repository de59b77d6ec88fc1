"""How often passwords may be guessed, as values."""

from __future__ import annotations

from itertools import count

import pytest

from offbook.core.accounts.login_throttle import (
    COUNTED_MAX,
    PER_GUEST,
    PER_NAME,
    PER_NETWORK,
    SECOND_US,
    STEP,
    WAIT_US_MAX,
    WAIT_US_MIN,
    WINDOW_US,
    AttemptAdmitted,
    AttemptDenied,
    RecentAttempts,
    TurnGranted,
    decide_attempt,
    delay_us_at,
    network_of,
)

NOW = 10 * WINDOW_US
UNDER_ATTACK = PER_NAME + 3 * STEP


def before(*seconds: int) -> list[int]:
    return [NOW - second * SECOND_US for second in seconds]


@pytest.mark.parametrize(
    ("past", "decision"),
    [
        (RecentAttempts(), AttemptAdmitted()),
        (RecentAttempts(own=before(*range(PER_GUEST - 1))), AttemptAdmitted()),
        (RecentAttempts(own=before(*range(PER_GUEST))), AttemptDenied(WINDOW_US - (PER_GUEST - 1) * SECOND_US)),
        (RecentAttempts(own=before(*range(PER_GUEST - 1), 15 * 60)), AttemptAdmitted()),
        (RecentAttempts(by_network=before(*range(PER_NETWORK - 1))), AttemptAdmitted()),
        (
            RecentAttempts(by_network=before(*range(PER_NETWORK))),
            AttemptDenied(WINDOW_US - (PER_NETWORK - 1) * SECOND_US),
        ),
        (RecentAttempts(at_name=PER_NAME - 1), AttemptAdmitted()),
        (RecentAttempts(at_name=PER_NAME), TurnGranted(NOW + WAIT_US_MIN)),
        (RecentAttempts(at_name=UNDER_ATTACK), TurnGranted(NOW + 8 * WAIT_US_MIN)),
        (RecentAttempts(at_name=UNDER_ATTACK, turn_us=NOW + 1), AttemptDenied(1)),
        (RecentAttempts(at_name=UNDER_ATTACK, turn_us=NOW), AttemptAdmitted()),
        (RecentAttempts(own=before(60), at_name=UNDER_ATTACK, turn_us=NOW), AttemptAdmitted()),
        (
            RecentAttempts(own=before(60), at_name=UNDER_ATTACK, turn_us=NOW - 61 * SECOND_US),
            TurnGranted(NOW + 8 * WAIT_US_MIN),
        ),
        (
            RecentAttempts(own=before(60), at_name=UNDER_ATTACK, turn_us=NOW - 60 * SECOND_US),
            TurnGranted(NOW + 8 * WAIT_US_MIN),
        ),
        (
            RecentAttempts(own=before(*range(PER_GUEST)), at_name=UNDER_ATTACK, turn_us=NOW),
            AttemptDenied(WINDOW_US - 9 * SECOND_US),
        ),
    ],
    ids=[
        "nothing yet",
        "nine of one's own",
        "ten of one's own",
        "ten, one of them long ago",
        "nearly too many from the network",
        "too many from the network",
        "nearly too many at the name",
        "many at the name: a short wait",
        "very many at the name: a longer one",
        "too early for one's turn",
        "in one's turn",
        "in one's turn, after an earlier attempt",
        "a turn that was used",
        "a turn that was used at once",
        "ten of one's own, and a turn",
    ],
)
def test_an_attempt_is_admitted_refused_or_given_a_turn(past: RecentAttempts, decision: object) -> None:
    assert decide_attempt(past, NOW) == decision


def test_the_wait_for_a_turn_grows_and_is_bounded() -> None:
    delays = [delay_us_at(attempts) for attempts in range(10 * COUNTED_MAX)]
    assert delays == sorted(delays)
    assert (delays[PER_NAME - 1], delays[PER_NAME], delays[PER_NAME + STEP]) == (0, WAIT_US_MIN, 2 * WAIT_US_MIN)
    assert max(delays) == WAIT_US_MAX == delays[COUNTED_MAX]


def test_strangers_without_number_neither_take_a_turn_nor_move_it() -> None:
    """Somebody from a new network, while a thousand others try at the same name all the time."""
    turn = decide_attempt(RecentAttempts(at_name=1_000), NOW)
    assert isinstance(turn, TurnGranted)
    for attempts in (1_001, 10_000, 1_000_000):
        assert decide_attempt(RecentAttempts(at_name=attempts, turn_us=turn.at_us), turn.at_us - 1) == AttemptDenied(1)
        assert decide_attempt(RecentAttempts(at_name=attempts, turn_us=turn.at_us), turn.at_us) == AttemptAdmitted()


def test_a_network_that_obeys_gets_a_few_guesses_in_each_window() -> None:
    """The worst for a name that very many networks try: what one of them has in a quarter of an hour."""
    own: list[int] = []
    now, turn = NOW, None
    for _ in count():
        match decide_attempt(RecentAttempts(own=own, at_name=COUNTED_MAX, turn_us=turn), now):
            case AttemptAdmitted():
                own.append(now)
            case TurnGranted(at):
                turn = at
            case AttemptDenied(wait_us):
                now += wait_us
        if now >= NOW + WINDOW_US:
            break
    assert len(own) == WINDOW_US // WAIT_US_MAX


def test_a_person_with_ipv6_has_one_network() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1" != network_of("192.0.2.2")
    assert network_of("not an address" * 9) == ("not an address" * 9)[:45]
