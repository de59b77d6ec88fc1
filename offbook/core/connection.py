"""A replica's link to its server: one table says what is done in each state about each event.

Theory of operation. HTTP is what the link rests on: each way to the live channel begins with a sync by HTTP, which
deals with snapshots, long queues and refusals, and whatever the channel can't go on with leads back to one. So a
channel that fails costs time and nothing else. Every state but STOPPED has work to do or a timer, and each of them
leads on to a sync: nobody has to write anything for the next try.

===========  ========================================================================================
STOPPED      start() was not called, or stop() was
SYNCING      a sync by HTTP is on its way
CONNECTING   synced, and the live channel's handshake is on its way
LIVE         pages come by themselves, and whatever is committed here goes out at once
SENDING      the same, and the last push is not answered: what is committed meanwhile goes out with the next
POLLING      there is no live channel: HTTP asks every few seconds, and pushes at once
OFFLINE      the server can't be reached, or failed: a device retries later and later (offbook.core.backoff)
PAUSED       the server does not accept the token, or has another book: a person must do something
===========  ========================================================================================

Nothing here waits, sends or reads a clock: time and chance are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

from offbook.core.backoff import backoff_seconds, doubled, with_jitter


class ConnectionState(StrEnum):
    """Where a started replica is; the module's table says what each state means."""

    STOPPED = "stopped"
    SYNCING = "syncing"
    CONNECTING = "connecting"
    LIVE = "live"
    SENDING = "sending"
    POLLING = "polling"
    OFFLINE = "offline"
    PAUSED = "paused"


class ConnectionEvent(StrEnum):
    """What can happen to a started replica."""

    START = "start"  # start() was called
    STOP = "stop"  # stop() was called
    TIMER = "timer"  # the time of this state is over
    COMMITTED = "committed"  # something is to be sent
    CREDENTIALS_CHANGED = "given"  # another server or token was given
    SYNCED = "synced"  # a sync is done, and the live channel may be tried
    NOT_YET = "not yet"  # a sync is done, and it is too early to try the live channel again
    FAILED = "failed"  # the server can't be reached, the socket broke, or something went wrong here
    REFUSED = "refused"  # the token is not accepted, or belongs to another book
    OPENED = "opened"  # the live channel is open
    NO_LIVE = "no live"  # whoever answered the handshake has no live channel
    PAGE = "page"  # a page came over the live channel
    ANSWERED = "answered"  # the answer to the push came
    FALLBACK = "detour"  # only a sync sets this right: a gap before a page, a long queue, a push that was refused


class Action(StrEnum):
    """What is done; and where that leads, if not to the same state again (LEADS_TO)."""

    STAY = "·"
    SYNC = "sync"
    CONNECT = "connect"
    LISTEN = "listen"
    PUSH = "push"
    TAKE = "take"
    SETTLE = "settle"
    TIDY = "tidy"
    POLL = "poll"
    WAIT = "wait"
    PAUSE = "pause"
    STOP = "stop"


LEADS_TO: Mapping[Action, ConnectionState] = {
    Action.SYNC: ConnectionState.SYNCING,
    Action.CONNECT: ConnectionState.CONNECTING,
    Action.LISTEN: ConnectionState.LIVE,
    Action.PUSH: ConnectionState.SENDING,
    Action.SETTLE: ConnectionState.LIVE,
    Action.POLL: ConnectionState.POLLING,
    Action.WAIT: ConnectionState.OFFLINE,
    Action.PAUSE: ConnectionState.PAUSED,
    Action.STOP: ConnectionState.STOPPED,
}

____ = Action.STAY
SYNC, CONN, LIST, PUSH, TAKE, SETL = Action.SYNC, Action.CONNECT, Action.LISTEN, Action.PUSH, Action.TAKE, Action.SETTLE
TIDY, POLL, WAIT, PAUS, STOP = Action.TIDY, Action.POLL, Action.WAIT, Action.PAUSE, Action.STOP

_GRID: Mapping[ConnectionEvent, tuple[Action, ...]] = {
    #                                    STOPPED  SYNCING  CONNECTING  LIVE  SENDING  POLLING  OFFLINE  PAUSED
    ConnectionEvent.START:               (SYNC,    ____,    ____,       ____, ____,    ____,    ____,    ____),
    ConnectionEvent.STOP:                (____,    STOP,    STOP,       STOP, STOP,    STOP,    STOP,    STOP),
    ConnectionEvent.TIMER:               (____,    ____,    POLL,       TIDY, WAIT,    SYNC,    SYNC,    SYNC),
    ConnectionEvent.COMMITTED:           (____,    ____,    ____,       PUSH, ____,    SYNC,    ____,    ____),
    ConnectionEvent.CREDENTIALS_CHANGED: (____,    ____,    SYNC,       SYNC, SYNC,    SYNC,    SYNC,    SYNC),
    ConnectionEvent.SYNCED:              (____,    CONN,    ____,       ____, ____,    ____,    ____,    ____),
    ConnectionEvent.NOT_YET:             (____,    POLL,    ____,       ____, ____,    ____,    ____,    ____),
    ConnectionEvent.FAILED:              (____,    WAIT,    WAIT,       WAIT, WAIT,    WAIT,    ____,    ____),
    ConnectionEvent.REFUSED:             (____,    PAUS,    PAUS,       PAUS, PAUS,    PAUS,    ____,    ____),
    ConnectionEvent.OPENED:              (____,    ____,    LIST,       ____, ____,    ____,    ____,    ____),
    ConnectionEvent.NO_LIVE:             (____,    ____,    POLL,       ____, ____,    ____,    ____,    ____),
    ConnectionEvent.PAGE:                (____,    ____,    ____,       TAKE, TAKE,    ____,    ____,    ____),
    ConnectionEvent.ANSWERED:            (____,    ____,    ____,       ____, SETL,    ____,    ____,    ____),
    ConnectionEvent.FALLBACK:            (____,    ____,    SYNC,       SYNC, SYNC,    ____,    ____,    ____),
}  # fmt: skip

TABLE: Mapping[tuple[ConnectionState, ConnectionEvent], Action] = {
    (state, event): action for event, row in _GRID.items() for state, action in zip(ConnectionState, row, strict=True)
}

ON_SOCKET = frozenset({ConnectionState.CONNECTING, ConnectionState.LIVE, ConnectionState.SENDING})
"""Only in these is there a socket; whoever leaves them closes it."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long each thing may take, or waits."""

    handshake: float = 5.0
    answer: float = 30.0
    ping: float = 20.0
    """Between two pings, and how long a pong may take: so a line that is cut without a word is noticed after forty."""

    steady: float = 60.0
    """Longer than it takes to notice a cut: a channel that lasted so long works."""

    poll: float = 5.0
    retry_min: float = 0.5
    retry_max: float = 20.0
    pause: float = 60.0
    live_min: float = 1.0
    no_live_min: float = 30.0
    live_max: float = 600.0


SECONDS = Seconds()

RETRY_LEAST_SHARE = 0.2
"""The first try after a failure may come soon: most failures are over in a moment."""


@dataclass(frozen=True, slots=True)
class LiveConnection:
    """Where the link stands. Times are seconds of any clock that never goes back.

    ``failures`` counts what failed since the last sync, ``misses`` how often the live channel was left or not got
    since it last was of use. ``until`` is when TIMER is due, None where something else ends the state; ``live_at`` is
    when the live channel may be tried again, infinity where there can be none.
    """

    state: ConnectionState = ConnectionState.STOPPED
    failures: int = 0
    misses: int = 0
    until: float | None = None
    live_at: float = 0.0


def after(
    link: LiveConnection,
    event: ConnectionEvent,
    now_seconds: float,
    chance: float,
    seconds: Seconds = SECONDS,
    retry_after: float | None = None,
) -> tuple[LiveConnection, Action]:
    """The link after an event, and what is to be done.

    ``chance`` is from 0 to 1, so that many devices do not come back in one moment. ``retry_after`` is the pause in
    seconds that a server asked for.
    """
    action = TABLE[link.state, event]
    state = LEADS_TO.get(action, link.state)
    if state is link.state and event is not ConnectionEvent.TIMER:
        return link, action
    is_other_server = event is ConnectionEvent.CREDENTIALS_CHANGED
    link = _with_reset_counts(link, now_seconds) if is_other_server else _with_counts(link, state, event)
    if _is_miss(link, state) and not is_other_server:
        wait = live_backoff(link.misses, action is Action.POLL and retry_after is None, chance, seconds)
        link = replace(link, live_at=now_seconds + max(wait, retry_after or 0.0))
    lasts = _state_seconds(replace(link, state=state), now_seconds, chance, seconds, retry_after or 0.0)
    return replace(link, state=state, until=None if lasts is None else now_seconds + lasts), action


def _with_reset_counts(link: LiveConnection, now_seconds: float) -> LiveConnection:
    """What is known of one server says nothing about another."""
    return replace(link, failures=0, misses=0, live_at=link.live_at if link.live_at == inf else now_seconds)


def _is_miss(link: LiveConnection, state: ConnectionState) -> bool:
    return link.state in ON_SOCKET and state not in ON_SOCKET


def _with_counts(link: LiveConnection, state: ConnectionState, event: ConnectionEvent) -> LiveConnection:
    """The link with its counts as they are when it goes over to ``state``."""
    failures, misses = link.failures, link.misses
    if state is ConnectionState.OFFLINE:
        failures += 1
    if event in (ConnectionEvent.SYNCED, ConnectionEvent.NOT_YET):
        failures = 0
    if _is_miss(link, state):
        misses += 1
    if state is ConnectionState.LIVE and event in (ConnectionEvent.TIMER, ConnectionEvent.ANSWERED):
        misses = 0
    return replace(link, failures=failures, misses=misses)


def _state_seconds(
    link: LiveConnection, now_seconds: float, chance: float, seconds: Seconds, retry_after: float
) -> float | None:
    """How long the state lasts in which the link is now; None where work or somebody else ends it."""
    match link.state:
        case ConnectionState.STOPPED | ConnectionState.SYNCING:
            return None
        case ConnectionState.CONNECTING:
            return seconds.handshake
        case ConnectionState.LIVE:
            return seconds.steady
        case ConnectionState.SENDING:
            return seconds.answer
        case ConnectionState.POLLING:
            return min(seconds.poll * (0.8 + 0.4 * chance), max(link.live_at - now_seconds, 0.0))
        case ConnectionState.OFFLINE:
            return max(backoff(link.failures, chance, seconds), retry_after)
        case ConnectionState.PAUSED:
            return max(seconds.pause, retry_after)


def backoff(failures: int, chance: float, seconds: Seconds = SECONDS) -> float:
    """How long to wait after so many failures in a row: 0.1 to 0.5 s, then twice that, in the end 4 to 20 s."""
    return backoff_seconds(failures, chance, seconds.retry_min, seconds.retry_max, RETRY_LEAST_SHARE)


def live_backoff(misses: int, never_opened: bool, chance: float, seconds: Seconds = SECONDS) -> float:
    """When to try the live channel again. One that broke at once, and then later and later; one that does not seem to
    be there, after half a minute at the earliest; in the end each of them every five to ten minutes."""
    if never_opened:
        return backoff_seconds(misses, chance, seconds.no_live_min, seconds.live_max)
    return with_jitter(min(seconds.live_max, seconds.live_min * (doubled(misses) - 1)), chance)
