"""Which states of a contact a device has."""

from __future__ import annotations

import pytest

from offbook.contacts.cards.held import TO_LIST, HeldCard

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("held", "seq", "is_new"),
    [
        (HeldCard(), 3, True),
        (HeldCard(offered=3), 3, False),
        (HeldCard(offered=2), 3, True),
        (HeldCard(confirmed=3), 3, False),
        (HeldCard(confirmed=2, offered=3), 3, False),
        (HeldCard(confirmed=2), 3, True),
    ],
)
def test_a_state_is_noted_once(held: HeldCard, seq: int, is_new: bool) -> None:
    assert held.is_new(seq) == is_new


@pytest.mark.parametrize(
    ("held", "if_match", "seqs"),
    [
        (HeldCard(), None, ()),
        (HeldCard(), 5, (5,)),
        (HeldCard(offered=4), None, (4,)),
        (HeldCard(confirmed=3, offered=4), None, (3, 4)),
        (HeldCard(confirmed=3, offered=4), 3, (3, 4)),
        (HeldCard(confirmed=3, offered=4), 4, (4,)),
        (HeldCard(confirmed=6, offered=4), 3, (3, 4, 6)),
    ],
)
def test_a_card_is_compared_with_what_it_was_made_from_and_with_what_came_later(
    held: HeldCard, if_match: int | None, seqs: tuple[int, ...]
) -> None:
    assert held.seqs(if_match) == seqs


def test_a_device_has_what_it_sent_where_that_took_effect() -> None:
    sent = frozenset({"X-FOO"})
    assert HeldCard(3, 4, TO_LIST).after_write(3, 5, True, sent) == HeldCard(5, None, None, sent)


def test_what_wrote_nothing_and_is_served_in_other_bytes_is_listed_again() -> None:
    assert HeldCard(3).after_write(3, 3, True, NONE, is_told=False) == HeldCard(3, None, TO_LIST)


@pytest.mark.parametrize(("seq", "offered"), [(5, 5), (3, None)])
def test_what_did_not_take_effect_as_it_was_sent_is_listed_again(seq: int, offered: int | None) -> None:
    assert HeldCard(3, 4).after_write(3, seq, False, NONE) == HeldCard(3, offered, TO_LIST)


def test_what_a_device_sent_since_the_state_that_it_names_is_not_forgotten() -> None:
    assert HeldCard(5).after_write(3, 7, False, NONE) == HeldCard(5, 7, TO_LIST)
    assert HeldCard().after_write(None, 7, False, NONE) == HeldCard(None, 7, TO_LIST)
