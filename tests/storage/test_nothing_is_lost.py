"""Whatever was typed and taken is in the row, the history, or an open conflict; and each of it can be given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st

from offbook.core.cells.validation import same
from offbook.core.history.reconstruct import state_of
from offbook.core.merge.policies import POLICIES
from offbook.core.model import Change, Key, Record, Value
from offbook.core.protocol.requests import parse_change
from services import time_travel
from services.restore import Actor, preview, restore_book_to, restore_values, restore_version
from tests.storage.library import ORIGIN, TICK, Desk, Library, uuid
from tests.storage.scenarios import HISTORIES, Player, Push, play
from tests.support.samples import drawn

Live = dict[str, dict[str, Any]]

KEEPER = uuid(77)
"""The replica that gives back."""


def by(number: int) -> Actor:
    return Actor(ORIGIN, KEEPER, uuid(500_000 + number))


def played(desk: Desk, story: list[Push]) -> Iterator[tuple[str, Key, str, Value]]:
    """Play a story; every value that was typed and taken: its change, its record, its cell."""
    player, taken = Player(desk), set()
    for push in story:
        results = player.push(push)["results"]
        taken |= {result["id"] for result in results if result["verdict"] != "rejected"}
    for item in player.sent:
        if item["id"] in taken:
            change = parse_change(desk.store.schema, desk.of_table(item), KEEPER)
            assert isinstance(change, Change)
            yield from ((change.id, change.key, cell, value) for cell, value in change.cells.items())


def moment_of(desk: Desk, story: list[Push], back: int) -> tuple[int, Live]:
    """Play a story; the head that the book had ``back`` pushes before its end, and what it showed then."""
    shown = [desk.live()]
    heads = play(desk, story, after_each=lambda: shown.append(desk.live()))
    place = max(0, len(heads) - 1 - back)
    return heads[place], shown[place]


def go_back(desk: Desk, actor: Actor, moment: int, in_portions: bool) -> int:
    """Take the book back, at once or a record at a time; how many records changed."""
    desk.now += TICK
    if not in_portions:
        return restore_book_to(desk.store, desk.book_id, actor, moment, desk.now).changed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_travel, "RECORDS_AT_ONCE", 1)
        head = desk.head()
        portions = list(time_travel.restore_book_in_portions(desk.store, desk.book_id, actor, moment, head, desk.now))
    assert sum(portion.refused for portion in portions) == 0
    return sum(portion.changed for portion in portions)


def values(live: Live) -> Live:
    return {key: {name: value for name, value in data.items() if name != "updated_at"} for key, data in live.items()}


def record_of(desk: Desk, key: Key) -> Record:
    with desk.store.reading(desk.book_id) as book:
        return book.records(key[0], [key[1]])[key]


@pytest.mark.proof
@drawn(story=HISTORIES, policy=st.sampled_from(list(POLICIES)))
def test_whatever_was_typed_is_kept_and_can_be_given_back(
    story_library: Library, story: list[Push], policy: str
) -> None:
    desk = story_library.desk(policy)
    typed = list(played(desk, story))
    with desk.store.reading(desk.book_id) as book:
        waiting = {(one.key, one.cell, one.theirs) for one in book.conflicts()}
        for change_id, key, cell, value in typed:
            in_row = same(state_of(book.records(key[0], [key[1]])[key]).get(cell), value)
            past = book.history_entry(change_id)
            in_history = past is not None and cell in past.data and past.data[cell] == value
            assert in_row or in_history or (key, cell, value) in waiting
    for number, (change_id, key, cell, value) in enumerate(typed):
        desk.now += TICK
        after = restore_values(desk.store, desk.book_id, by(number), change_id, [cell], "after", desk.now).record
        assert same(state_of(after).get(cell), value)
        assert record_of(desk, key) == after


@pytest.mark.proof
@drawn(story=HISTORIES, policy=st.sampled_from(list(POLICIES)), back=st.integers(0, 8), in_portions=st.booleans())
def test_a_book_goes_back_to_any_moment_and_that_is_undone(
    story_library: Library, story: list[Push], policy: str, back: int, in_portions: bool
) -> None:
    desk = story_library.desk(policy)
    moment, shown = moment_of(desk, story, back)
    before = desk.live()
    expected = len(preview(desk.store, desk.book_id, moment).restores)
    head = desk.head()
    assert go_back(desk, by(1), moment, in_portions) == expected
    assert preview(desk.store, desk.book_id, moment).restores == []
    assert values(desk.live()) == values(shown)
    go_back(desk, by(2), head, in_portions)
    assert values(desk.live()) == values(before)


@pytest.mark.proof
@drawn(story=HISTORIES, policy=st.sampled_from(list(POLICIES)), back=st.integers(0, 8))
def test_a_record_becomes_what_it_was_at_any_moment(
    story_library: Library, story: list[Push], policy: str, back: int
) -> None:
    desk = story_library.desk(policy)
    moment, shown = moment_of(desk, story, back)
    with desk.store.reading(desk.book_id) as book:
        keys = {done.key for done in book.steps_since(0)}
    for number, key in enumerate(sorted(keys)):
        desk.now += TICK
        restore_version(desk.store, desk.book_id, by(number), key, moment, desk.now)
    assert values(desk.live()) == values(shown)
