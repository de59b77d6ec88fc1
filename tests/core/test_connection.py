"""The link's table: each of its cells, the laws that it keeps as a whole, and how long each state lasts."""

from __future__ import annotations

import re
from itertools import accumulate
from math import inf
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.connection import (
    LEADS_TO,
    ON_SOCKET,
    SECONDS,
    TABLE,
    Action,
    ConnectionEvent,
    ConnectionState,
    LiveConnection,
    after,
    backoff,
    live_backoff,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "live.md"
NOW = 1_000.0
OURS = {ConnectionEvent.START, ConnectionEvent.STOP, ConnectionEvent.COMMITTED, ConnectionEvent.CREDENTIALS_CHANGED}
"""What a person or an app does. All other events come by themselves."""


def documented() -> list[tuple[str, str, str]]:
    """Event, state and what is done, of each cell of the table in the document."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("|") and line.count("|") == len(ConnectionState) + 2
    ]
    (head, rule, *body) = rows
    assert re.fullmatch("-+", "".join(rule))
    return [(row[0], state, move) for row in body for state, move in zip(head[1:], row[1:], strict=True)]


CELLS = documented()


def follow(link: LiveConnection, *events: ConnectionEvent, chance: float = 1.0) -> LiveConnection:
    for event in events:
        link, _ = after(link, event, NOW, chance)
    return link


# --- the table -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "state", "move"), CELLS, ids=[f"{state}-{event}" for event, state, _ in CELLS])
def test_a_cell_is_as_the_document_has_it(event: str, state: str, move: str) -> None:
    link, done = after(LiveConnection(ConnectionState[state], until=NOW), ConnectionEvent(event), NOW, 0.5)
    assert done == move
    assert link.state == LEADS_TO.get(Action(move), ConnectionState[state])


def test_the_document_has_every_cell_and_there_are_no_others() -> None:
    assert {(ConnectionState[state], ConnectionEvent(event)) for event, state, _ in CELLS} == TABLE.keys()
    assert len(TABLE) == len(CELLS) == len(ConnectionState) * len(ConnectionEvent)


@pytest.mark.parametrize("state", ConnectionState)
def test_stop_ends_every_state_and_only_start_leaves_the_end(state: ConnectionState) -> None:
    assert follow(LiveConnection(state), ConnectionEvent.STOP).state is ConnectionState.STOPPED
    assert [event for event in ConnectionEvent if TABLE[ConnectionState.STOPPED, event] is not Action.STAY] == [
        ConnectionEvent.START
    ]


@pytest.mark.parametrize("state", sorted(set(ConnectionState) - {ConnectionState.STOPPED}))
def test_every_state_leads_to_a_sync_by_itself(state: ConnectionState) -> None:
    """Without a new write, whatever becomes of what is on its way."""
    reached = {state}
    while len(reached) < len(
        reached := reached | {follow(LiveConnection(one), event).state for one in reached for event in DUE}
    ):
        pass
    assert ConnectionState.SYNCING in reached
    assert state is ConnectionState.SYNCING or TABLE[state, ConnectionEvent.TIMER] is not Action.STAY


DUE = set(ConnectionEvent) - OURS


@pytest.mark.parametrize("state", sorted(set(ConnectionState) - {ConnectionState.STOPPED, ConnectionState.SYNCING}))
def test_a_state_in_which_nothing_is_on_its_way_has_a_timer(state: ConnectionState) -> None:
    entered = [
        after(LiveConnection(one), event, NOW, 0.5)[0] for (one, event), move in TABLE.items() if leads(move, state)
    ]
    assert entered
    assert all(link.until is not None and link.until >= NOW for link in entered)


def leads(move: Action, state: ConnectionState) -> bool:
    return LEADS_TO.get(move) is state


def test_what_is_committed_goes_out_at_once_where_the_server_was_reached() -> None:
    moves = {state: TABLE[state, ConnectionEvent.COMMITTED] for state in ConnectionState}
    assert {state for state, move in moves.items() if move is Action.SYNC} == {ConnectionState.POLLING}
    assert {state for state, move in moves.items() if move is Action.PUSH} == {ConnectionState.LIVE}


def test_who_writes_all_the_time_gets_to_the_live_channel() -> None:
    link = follow(LiveConnection(ConnectionState.CONNECTING), *[ConnectionEvent.COMMITTED] * 3, ConnectionEvent.OPENED)
    assert (link.state, link.misses) == (ConnectionState.LIVE, 0)


def test_another_token_is_tried_at_once() -> None:
    idle = set(ConnectionState) - {ConnectionState.STOPPED, ConnectionState.SYNCING}
    assert {TABLE[state, ConnectionEvent.CREDENTIALS_CHANGED] for state in idle} == {Action.SYNC}


def test_nothing_is_pushed_while_a_push_is_unanswered() -> None:
    assert [state for (state, _), move in TABLE.items() if move is Action.PUSH] == [ConnectionState.LIVE]
    assert LEADS_TO[Action.PUSH] is ConnectionState.SENDING


@given(
    st.lists(st.tuples(st.sampled_from(ConnectionEvent), st.floats(0, 1), st.none() | st.floats(0, 3600)), max_size=40)
)
def test_no_run_of_events_gets_the_link_stuck(events: list[tuple[ConnectionEvent, float, float | None]]) -> None:
    link = LiveConnection()
    for event, chance, retry_after in events:
        link, _ = after(link, event, NOW, chance, SECONDS, retry_after)
        assert (link.until is None) == (link.state in (ConnectionState.STOPPED, ConnectionState.SYNCING))
        assert link.until is None or NOW <= link.until <= NOW + 3600
        assert link.live_at <= NOW + 3600


# --- how long ------------------------------------------------------------------------------------------------------


def test_each_failure_makes_it_wait_longer_up_to_twenty_seconds() -> None:
    longest = [backoff(failures, 1.0) for failures in (1, 2, 3, 6, 7, 10_000)]
    assert longest == [0.5, 1, 2, 16, 20, 20]
    assert backoff(1, 0.0) == pytest.approx(0.1)
    assert backoff(10_000, 0.0) == 4


def test_failures_count_until_a_sync_succeeds() -> None:
    failing = follow(LiveConnection(ConnectionState.SYNCING), *[ConnectionEvent.FAILED, ConnectionEvent.TIMER] * 3)
    assert failing.failures == 3
    assert follow(failing, ConnectionEvent.SYNCED).failures == 0
    assert follow(failing, ConnectionEvent.NOT_YET).failures == 0


@pytest.mark.parametrize(
    ("state", "event"),
    [
        (ConnectionState.SYNCING, ConnectionEvent.FAILED),
        (ConnectionState.SYNCING, ConnectionEvent.REFUSED),
        (ConnectionState.CONNECTING, ConnectionEvent.FAILED),
    ],
)
def test_a_server_that_names_its_own_time_is_obeyed(state: ConnectionState, event: ConnectionEvent) -> None:
    link, _ = after(LiveConnection(state), event, NOW, 0.5, SECONDS, 120.0)
    assert link.until == NOW + 120


def test_a_token_that_is_not_accepted_is_tried_every_minute() -> None:
    assert follow(LiveConnection(ConnectionState.SYNCING), ConnectionEvent.REFUSED).until == NOW + 60


def test_what_happens_in_a_state_does_not_make_it_last_longer() -> None:
    sending = LiveConnection(ConnectionState.SENDING, until=NOW + 1)
    assert follow(sending, ConnectionEvent.PAGE, ConnectionEvent.COMMITTED) == sending


@pytest.mark.parametrize(
    ("never_opened", "seconds"), [(False, [0, 1, 3, 7, 15, 600]), (True, [30, 60, 120, 240, 480, 600])]
)
def test_the_live_channel_is_tried_later_and_later(never_opened: bool, seconds: list[float]) -> None:
    waits = [live_backoff(misses, never_opened, 1.0) for misses in (1, 2, 3, 4, 5, 10_000)]
    assert waits == seconds
    assert live_backoff(10_000, never_opened, 0.0) == 300


def test_a_channel_that_breaks_is_opened_again_right_after_a_sync_and_then_later() -> None:
    broken = [ConnectionEvent.FAILED, ConnectionEvent.TIMER, ConnectionEvent.SYNCED, ConnectionEvent.OPENED]
    links = list(
        accumulate(range(3), lambda link, _: follow(link, *broken), initial=LiveConnection(ConnectionState.LIVE))
    )
    assert [link.live_at - NOW for link in links[1:]] == [0, 1, 3]


def test_no_channel_is_looked_for_again_after_half_a_minute() -> None:
    for event in (ConnectionEvent.NO_LIVE, ConnectionEvent.TIMER):
        link = follow(LiveConnection(ConnectionState.CONNECTING), event)
        assert (link.state, link.live_at, link.until) == (ConnectionState.POLLING, NOW + 30, NOW + 6)


def test_a_server_that_has_no_room_for_a_socket_says_when_it_may() -> None:
    link, _ = after(LiveConnection(ConnectionState.CONNECTING), ConnectionEvent.NO_LIVE, NOW, 1.0, SECONDS, 2.0)
    assert (link.live_at, link.until) == (NOW + 2, NOW + 2)


@pytest.mark.parametrize(
    ("state", "event"),
    [(ConnectionState.LIVE, ConnectionEvent.TIMER), (ConnectionState.SENDING, ConnectionEvent.ANSWERED)],
    ids=["held", "answered"],
)
def test_a_channel_that_was_of_use_is_one_that_never_failed(state: ConnectionState, event: ConnectionEvent) -> None:
    link = follow(LiveConnection(state, misses=5), event)
    assert (link.state, link.misses, link.until) == (ConnectionState.LIVE, 0, NOW + 60)


def test_a_page_does_not_prove_that_the_channel_works() -> None:
    assert follow(LiveConnection(ConnectionState.LIVE, misses=5), ConnectionEvent.PAGE).misses == 5


@pytest.mark.parametrize("state", sorted(ON_SOCKET))
def test_whatever_leaves_the_channel_counts(state: ConnectionState) -> None:
    ways = [
        event
        for event in set(ConnectionEvent) - {ConnectionEvent.CREDENTIALS_CHANGED}
        if LEADS_TO.get(TABLE[state, event], state) not in ON_SOCKET
    ]
    assert {follow(LiveConnection(state, misses=2), event).misses for event in ways} == {3}


@pytest.mark.parametrize("state", [ConnectionState.LIVE, ConnectionState.POLLING, ConnectionState.OFFLINE])
def test_what_is_known_of_one_server_says_nothing_about_another(state: ConnectionState) -> None:
    link = follow(LiveConnection(state, failures=5, misses=5, live_at=NOW + 500), ConnectionEvent.CREDENTIALS_CHANGED)
    assert (link.failures, link.misses, link.live_at) == (0, 0, NOW)
    assert follow(LiveConnection(state, live_at=inf), ConnectionEvent.CREDENTIALS_CHANGED).live_at == inf


def test_a_state_that_work_ends_has_no_timer() -> None:
    assert follow(LiveConnection(), ConnectionEvent.START).until is None
    assert follow(LiveConnection(ConnectionState.LIVE, until=NOW), ConnectionEvent.STOP).until is None
