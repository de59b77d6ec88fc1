"""Random histories of a book: pushes from a few devices that have each seen as much of it as they like.

A story is drawn before it is played, so a change names its base by a number that stands for one of the heads that the
book had by then, and an older change that is sent again by its place in the story.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.storage.library import Desk, Json, change

RECORDS = range(1, 4)
DEVICES = range(1, 4)
KEYS = ("k1", "k2")
TEXTS = st.sampled_from(["a", "b", "ä\U0001f600", "", None])
ENTRIES = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["phone", "address", "no such kind"]),
        "label": TEXTS,
        "value": TEXTS,
        "position": st.sampled_from([0, 1, None]),
        "city": TEXTS,
    },
)
DATA = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Ada", "Eve", "Zoë", "", "x" * 301]),
        "phone": TEXTS,
        "starred": st.sampled_from([True, False, None]),
        "details": st.dictionaries(st.sampled_from(KEYS), ENTRIES, max_size=2),
    },
)
CELLS = st.sampled_from(["phone", "name", "@exists", "details/k1/value", "details/k1/@exists"])


@dataclass(frozen=True)
class Typed:
    """One change. ``base`` and ``bases`` count back through the heads that the book had: 0 is the newest."""

    operation: str
    record: int
    by: int
    at: int
    base: int
    bases: dict[str, int]
    data: dict[str, Any]


@dataclass(frozen=True)
class Push:
    """A batch, and which earlier changes are sent once more with it."""

    batch: list[Typed]
    again: list[int]


TYPED = st.builds(
    Typed,
    st.sampled_from(["INSERT", "UPDATE", "UPDATE", "UPDATE", "DELETE"]),
    st.sampled_from(RECORDS),
    st.sampled_from(DEVICES),
    st.integers(0, 9),
    st.integers(0, 4),
    st.dictionaries(CELLS, st.integers(0, 4), max_size=2),
    DATA,
)
PUSHES = st.builds(Push, st.lists(TYPED, max_size=5), st.lists(st.integers(0, 30), max_size=2))
HISTORIES = st.lists(PUSHES, min_size=1, max_size=8)


class Player:
    """Plays stories on a desk, and gives out the ids of changes in order."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.heads = [0]
        self.sent: list[Json] = []

    def push(self, push: Push, since: str | None = None, limit: int = 1000) -> Json:
        again = [self.sent[place] for place in push.again if place < len(self.sent)]
        batch = [self._change(typed) for typed in push.batch]
        answer = self.desk.sync(*batch, *again, since=since, limit=limit)
        self.heads.append(self.desk.head())
        return answer

    def _change(self, typed: Typed) -> Json:
        data = {"name": "Ada", **typed.data} if typed.operation == "INSERT" else typed.data
        item = change(
            len(self.sent) + 1,
            typed.operation,
            typed.record,
            by=typed.by,
            base=self._head(typed.base),
            at=typed.at,
            bases={cell: self._head(back) for cell, back in typed.bases.items()},
            **data,
        )
        self.sent.append(item)
        return item

    def _head(self, back: int) -> int:
        return self.heads[max(0, len(self.heads) - 1 - back)]


def play(desk: Desk, story: list[Push], after_each: Callable[[], object] = lambda: None) -> list[int]:
    """Play a story; the heads that the book had, the first of them 0."""
    player = Player(desk)
    for push in story:
        player.push(push)
        after_each()
    return player.heads
