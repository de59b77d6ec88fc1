"""tests.support.memory_store is what storage.sql.store must do: whatever is asked of the two, both answer the same."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import example
from hypothesis import strategies as st

from offbook.core.errors import CursorGone
from offbook.core.merge.batch import BookState
from offbook.core.merge.policies import POLICIES
from tests.storage.library import Desk, Json, Library
from tests.storage.scenarios import PUSHES, RECORDS, Player, Push, Typed
from tests.support.memory_store import MemoryStore
from tests.support.samples import drawn


@dataclass(frozen=True)
class Prune:
    """Prune up to the heads that the book had so many pushes ago."""

    history: int
    trash: int


@dataclass(frozen=True)
class Reader:
    """A device that goes on from its cursor; from nothing where that can't be served."""

    number: int
    limit: int


STEPS = st.one_of(
    PUSHES,
    PUSHES,
    st.builds(Prune, st.integers(0, 5), st.integers(0, 5)),
    st.builds(Reader, st.integers(0, 1), st.integers(1, 3)),
)


ADDED = Typed("INSERT", 1, 1, 0, 0, {}, {})
IN_ONE_PLACE = [
    Push([ADDED, ADDED, Typed("DELETE", 1, 2, 0, 0, {}, {}), ADDED, ADDED], []),
    Push([ADDED, ADDED, Typed("DELETE", 1, 2, 0, 1, {}, {})], []),
]
"""One change closes a conflict and opens another: both have its seq, and the same cell."""


@pytest.mark.proof
@drawn(steps=st.lists(STEPS, min_size=1, max_size=12), policy=st.sampled_from(list(POLICIES)))
@example(steps=IN_ONE_PLACE, policy="ask")
def test_both_stores_answer_the_same(sql: Library, steps: list[Push | Prune | Reader], policy: str) -> None:
    real = sql.desk(policy)
    specified = Desk(twin_of(real), real.book_id)
    told, expected = answers(real, steps), answers(specified, steps)
    assert told == expected
    assert real.whole(RECORDS) == specified.whole(RECORDS)
    assert real.pages(None, 2) == specified.pages(None, 2)


def twin_of(desk: Desk) -> MemoryStore:
    """A book in memory that is called as the other is."""
    with desk.store.reading(desk.book_id) as reading:
        book: BookState = reading.book
    store = MemoryStore()
    store.add_book(book)
    return store


def answers(desk: Desk, steps: list[Push | Prune | Reader]) -> list[Json]:
    player = Player(desk)
    cursors: dict[int, str | None] = {}
    told: list[Json] = []
    for step in steps:
        match step:
            case Push():
                told.append(player.push(step, limit=2))
            case Prune(history, trash):
                line, trash_line = (player.heads[max(0, len(player.heads) - 1 - back)] for back in (history, trash))
                told.append(desk.prune(line, trash_line))
            case Reader(number, limit):
                told.append(read_on(desk, cursors, number, limit))
    return told


def read_on(desk: Desk, cursors: dict[int, str | None], number: int, limit: int) -> Json:
    try:
        page = desk.pull(cursors.get(number), limit)
    except CursorGone as gone:
        cursors[number] = None
        return gone.reason, gone.kept, gone.book
    cursors[number] = page["cursor"]
    return page
