"""The connection of the live channel, state by state, as the browser runs it: what follows on what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from app import STATIC, App
from web.assets import url_of

Run = Callable[..., Any]

CHANNEL = f"{url_of(STATIC)}/js/channel.js"
STEPS = """async ([state, ...events]) => {
  const channel = await import("{CHANNEL}");
  let now = { ...channel.START, ...state }, action = null;
  for (const event of events) [now, action] = channel.next(now, event);
  return [now, action];
}""".replace("{CHANNEL}", CHANNEL)
ASK = """async ([name, state, argument]) => {
  const channel = await import("{CHANNEL}");
  return channel[name]({ ...channel.START, ...state }, argument);
}""".replace("{CHANNEL}", CHANNEL)


@pytest.fixture(scope="module")
def run(chromium: Browser, site: tuple[App, str]) -> Iterator[Run]:
    _, url = site
    with chromium.new_page(base_url=url) as page:
        page.goto("/login")
        yield lambda script, *given: page.evaluate(script, list(given))


def event(type: str, **more: Any) -> dict[str, Any]:
    return {"type": type, **more}


def answered(status: int) -> dict[str, Any]:
    return event("answered", status=status)


@pytest.mark.parametrize(
    ("phase", "events", "then", "action"),
    [
        ("connecting", [event("opened")], "live", "listen"),
        ("connecting", [event("closed")], "waiting", "wait"),
        ("live", [event("closed")], "waiting", "wait"),
        ("live", [event("rest")], "resting", "close"),
        ("live", [event("wake")], "live", None),
        ("waiting", [event("time")], "asking", "ask"),
        ("waiting", [event("wake")], "asking", "ask"),
        ("resting", [event("wake")], "asking", "ask"),
        ("resting", [event("closed")], "resting", None),
        ("asking", [answered(426)], "connecting", "connect"),
        ("asking", [answered(401)], "out", "close"),
        ("asking", [answered(410)], "renewing", "renew"),
        ("asking", [answered(503)], "waiting", "wait"),
        ("asking", [answered(200)], "waiting", "wait"),
        ("asking", [event("unreachable")], "waiting", "wait"),
        ("renewing", [event("renewed")], "connecting", "connect"),
        ("renewing", [event("unreachable")], "waiting", "wait"),
        ("out", [event("time")], "out", None),
        ("out", [event("rest")], "out", None),
        ("resting", [event("time")], "resting", None),
        ("resting", [answered(426)], "resting", None),
        # Signed in again: the page's forms need new tokens before it goes on.
        ("live", [event("signed out"), event("wake"), answered(426)], "renewing", "renew"),
        ("out", [event("wake"), answered(426), event("renewed"), event("closed"), event("time"), answered(426)],
         "connecting", "connect"),
    ],
)  # fmt: skip
def test_what_happens_is_followed_by(run: Run, phase: str, events: list[Any], then: str, action: str | None) -> None:
    state, done = run(STEPS, {"phase": phase}, *events)
    assert (state["phase"], done) == (then, action)


@pytest.mark.parametrize(
    ("state", "online", "word"),
    [
        ({"phase": "connecting"}, True, ""),
        ({"phase": "live", "failures": 9}, True, "Live"),
        ({"phase": "live"}, False, "Offline"),
        ({"phase": "waiting", "failures": 1}, True, "Reconnecting"),
        ({"phase": "waiting", "failures": 7}, True, "Offline"),
        ({"phase": "waiting", "failures": 3, "refused": 3}, True, "Not live"),
        ({"phase": "waiting", "failures": 3, "refused": 3, "worked": True}, True, "Reconnecting"),
        ({"phase": "out"}, False, "Signed out"),
    ],
)
def test_the_chip_tells(run: Run, state: dict[str, Any], online: bool, word: str) -> None:
    assert run(ASK, "told", state, online) == word


def test_attempts_become_rarer_and_never_stop(run: Run) -> None:
    waits = [run(ASK, "delay", {"failures": number}, 0.5) for number in (1, 2, 3, 7, 100)]
    assert waits == [300, 600, 1200, 19_200, 20_000]
    assert run(ASK, "delay", {"failures": 3, "refused": 3}, 0.5) == 60_000


def test_those_who_lost_their_server_together_do_not_come_back_together(run: Run) -> None:
    assert [run(ASK, "delay", {"failures": 1}, chance) for chance in (0, 1)] == [225, 375]


def test_a_socket_that_dies_at_once_is_no_success(run: Run) -> None:
    short, long = [event("opened"), event("closed")], [event("opened"), event("steady"), event("closed")]
    assert run(STEPS, {"phase": "connecting", "failures": 4}, *short)[0]["failures"] == 5
    assert run(STEPS, {"phase": "connecting", "failures": 4}, *long)[0]["failures"] == 1
