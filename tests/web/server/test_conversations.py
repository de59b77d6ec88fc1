"""Hundreds of conversations over raw sockets, each from its seed: answered in order, ended in time, at a bounded cost.

More of them with OFFBOOK_CONVERSATIONS, and one alone with OFFBOOK_CONVERSATION.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.polling import wait_until
from tests.web.server.conversation_player import play_all
from tests.web.server.conversations import Conversation, conversation
from tests.web.server.front_ends import FRONTS, Front
from tests.web.server.raw_client import head, talk

COUNT = int(os.environ.get("OFFBOOK_CONVERSATIONS") or 150)
ALONE = os.environ.get("OFFBOOK_CONVERSATION")
SEEDS = {name: [int(ALONE)] if ALONE else range(place, COUNT, len(FRONTS)) for place, name in enumerate(FRONTS)}
"""Each is for one of them."""

GROWTH_MB_MAX = 48
"""What all conversations together may leave behind in memory: about 30 are what a server takes for its first work."""

PEAK_MB_MAX = 96
"""What they may take for a while: the bodies that arrive together have a limit of their own, 16 MB."""


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Front]:
    """Its server has nothing to say of all that it hears."""
    with FRONTS[request.param](tmp_path) as front:
        yield front
    assert front.server.log == ""


@pytest.fixture
def conversations(request: pytest.FixtureRequest, front: Front) -> list[Conversation]:
    return [conversation(seed, front.token) for seed in SEEDS[request.node.callspec.params["front"]]]


@pytest.mark.loads
@pytest.mark.proof
def test_every_conversation_is_answered_and_ends_and_costs_little(
    front: Front, conversations: list[Conversation]
) -> None:
    is_proxied = len(front.pids) > 1
    assert is_healthy(front)
    sockets, before = front.sockets(), front.memory_mb("VmRSS")
    faults = asyncio.run(play_all(conversations, front.address, is_proxied))
    assert not faults, "\n".join(
        [*faults, "To play one again: OFFBOOK_CONVERSATION=… .venv/bin/pytest tests/web/server"]
    )
    wait_until(lambda: front.sockets() <= sockets)
    assert is_healthy(front)
    assert front.memory_mb("VmRSS") - before < GROWTH_MB_MAX
    assert front.memory_mb("VmHWM") - before < PEAK_MB_MAX


def is_healthy(front: Front) -> bool:
    (answer,) = talk(front.url, head("GET", "/healthz", {"Host": "localhost", "Connection": "close"}))
    return answer.status == 200


def test_the_same_seed_is_the_same_conversation() -> None:
    assert [conversation(seed, "t") for seed in range(300)] == [conversation(seed, "t") for seed in range(300)]
